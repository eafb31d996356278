"""The table of an advisory on the terminal: a line for each note, then where it shows, and what cannot be said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tagger.advisory.notes import NOTHING, Advisory, Note, NoteTag
from tagger.reports.table import told
from tagger.text import aligned, moment, printable, some

HEADER = ("note", "likelihood", "confidence", "seconds", "share", "first")
NAMED_MAX = 6  # places of a note
LAST = "These tags are often wrong and see pictures alone: notes to look at a film by, no rating for age."


def as_table(advisory: Advisory) -> str:
    """Returns a title, a line for each note that has tags, and below them what is to be known of each."""
    report, asked = advisory.report, [note for note in advisory.notes if note.tags]
    title = f"{printable(report.video.name)}: {moment(report.video.duration_s)}"
    partly = [] if report.status == "ok" else [f"seen in part ({report.status}): of the rest nothing is said"]
    details = [f"{printable(note.name)}: {'; '.join(_said(note))}" for note in asked]
    untold = [printable(note.name) for note in advisory.notes if not note.tags]
    words = printable(report.model.vocabulary)
    none = [f"cannot be judged, as {words} has no tag for it: {', '.join(untold)}"] if untold else []
    return "\n".join([title, aligned([HEADER, *map(_row, asked)]), *partly, *details, *none, LAST])


def _row(note: Note) -> tuple[str, ...]:
    seconds = (f"{note.duration_s:.1f}", f"{100 * note.share:.1f} %") if note.judged else ("-", "-")
    first = "-" if note.first_s is None else moment(note.first_s)
    return (printable(note.name), note.likelihood, told(note.confidence), *seconds, first)


def _said(note: Note) -> Iterator[str]:
    """What is to be known of a note, in parts of a line."""
    if note.places:
        yield some([f"{moment(place.start_s)} to {moment(place.end_s)}" for place in note.places], NAMED_MAX)
    elif note.strongest and note.likelihood != NOTHING:
        yield f"no place stands out, the most probable is {moment(note.strongest[0])} ({note.strongest[1]:.2f})"
    if note.likelihood == NOTHING:
        yield "nothing found"
        yield (
            "how many would be missed was not measured"
            if note.missed is None
            else f"of 100 films that show it {100 * note.missed:.0f} would be missed"
        )
    if note.judged:
        yield f"judged by {_named(note.judged)}"
    if struck := [tag for tag in note.tags if tag.struck]:
        yield f"struck by a person: {_named(struck)}"
    if weak := [f"{printable(tag.tag)} ({tag.why_not})" for tag in note.tags if tag.why_not]:
        yield f"{'too weak to judge by' if note.judged else 'cannot be judged'}: {', '.join(weak)}"


def _named(tags: Sequence[NoteTag]) -> str:
    return ", ".join(printable(tag.tag) for tag in tags)
