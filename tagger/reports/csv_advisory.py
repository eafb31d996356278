"""An advisory as CSV: one row per note, for a spreadsheet of many films."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tagger.advisory.notes import Advisory, Note
from tagger.text import PROGRAMS, csv_text, safe_row

COLUMNS = (
    "film", "note", "likelihood", "confidence", "duration_s", "share", "first_s", "places", "strongest_s",
    "strongest_probability", "missed", "judged_by", "not_judged", "struck",
)  # fmt: skip
SEPARATOR = "; "


def rows(advisory: Advisory) -> list[list[object]]:
    """Returns a row of `COLUMNS` for each note."""
    film = advisory.report.video.name
    return [safe_row(_row(film, note)) for note in advisory.notes]


def table(rows: Iterable[Sequence[object]], csv_for: str = PROGRAMS) -> str:
    """Returns a header and these rows, as `csv_text` gives them."""
    return csv_text(COLUMNS, rows, csv_for)


def _row(film: str, note: Note) -> Iterator[object]:
    said = bool(note.judged)
    yield from (film, note.name, note.likelihood, note.confidence)
    yield from (note.duration_s if said else None, note.share if said else None, note.first_s)
    yield SEPARATOR.join(f"{place.start_s:.3f}-{place.end_s:.3f}" for place in note.places)
    yield from note.strongest or (None, None)
    yield note.missed
    yield SEPARATOR.join(tag.tag for tag in note.judged)
    yield SEPARATOR.join(f"{tag.tag} ({tag.why_not})" for tag in note.tags if tag.why_not)
    yield SEPARATOR.join(tag.tag for tag in note.tags if tag.struck)
