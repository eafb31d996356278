"""Segments as a skip file of Kodi, FILM.edl beside the film: what is left out of it, muted, or marked.

    ## movietags
    62.0412 75.9992 0

A line has the two ends in seconds and what happens between them. Older versions of Kodi cut times to milliseconds, by
which 1.001 becomes 1.000, newer ones round them: each has a fifth of a millisecond more, so that both read the same. It
refuses a line that begins or ends within an earlier one, whose ends are included, or surrounds one: so segments that
touch or overlap, of whatever tags, are one here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from tagger.errors import BadSettings, OutputRefused, reason
from tagger.files import is_file, write_atomically
from tagger.reports import edl
from tagger.reports.film_file import SEVERAL, film_of
from tagger.reports.vtt import milliseconds
from tagger.segments import Segments
from tagger.text import printable

log = logging.getLogger(__name__)

SUFFIX = ".edl"
# What Kodi does between the two times. 3, a commercial break, it moves, joins with others, and drops where it is short.
ACTIONS = {"skip": 0, "mute": 1, "mark": 2}
OURS = b"## movietags"
COMSKIP = b"FILE PROCESSING COMPLETE"
FIRST_BYTES = 64


def as_kodi_edl(segments: Segments, action: str = "skip") -> str:
    """Returns a line for each stretch of the film that has one of the tags; of marks, one for each segment's start.

    Args:
        segments: of one film.
        action: of `ACTIONS`.

    Raises:
        BadSettings: there is no such action.
    """
    if action not in ACTIONS:
        raise BadSettings(f"action {action!r}: choose one of {', '.join(ACTIONS)}")
    spans = _starts(segments) if action == "mark" else _stretches(segments)
    lines = [f"{_seconds(start)} {_seconds(end)} {ACTIONS[action]}" for start, end in spans]
    return "\n".join([OURS.decode(), *lines]) + "\n"


def cautions(segments: Segments) -> Iterator[str]:
    """Yields what may go wrong when the film is played with the file, a line for each."""
    name = printable(segments.report.video.name)
    if _in_several(segments):
        yield (
            f"{name}: is in several files, and Kodi reads a skip file of each, by its own times, which these are not: "
            "tag them singly (batch --all)"
        )
    yield from edl.cautions_of_scan(segments.report)


def cautions_of_place(path: Path, segments: Segments, *, for_kodi: bool) -> Iterator[str]:
    """Yields what Kodi makes of a list beside the film, if it would be read as its skip file, a line for each.

    Args:
        path: of the list.
        segments: that it is of.
        for_kodi: it is a skip file, and not one for editing programs.
    """
    film = path.parent / os.path.basename(segments.report.video.name)  # noqa: PTH119  # whatever it is called
    if not is_file(film) or film.with_suffix(SUFFIX) != path:
        return
    if not for_kodi:
        yield (
            f"{path}: is what Kodi takes for the skip file of {printable(film.name)}, and a list for editing programs "
            "says nothing to it: name it otherwise, or take --format kodi-edl"
        )
        return
    if is_file(first := path.with_suffix(".Vprj")):
        yield f"{first}: is read by Kodi before {path.name}: take it away"
    if is_file(comskip := path.with_suffix(".txt")) and _begins(comskip, COMSKIP):
        yield f"{comskip}: was read by Kodi until now, and {path.name} goes before it"


def write_beside(file: Path, segments: Segments, body: bytes) -> Path | None:
    """Puts a skip file where Kodi looks for it, and returns where that is.

    There is none of a film that has none of these tags, or is in several files.

    Args:
        file: the report.
        segments: of it.
        body: of the file.

    Raises:
        PathMissing: the film is not there, or is another now.
        OutputRefused: another's file is there, or it cannot be written.
    """
    if _in_several(segments):
        return None
    path = film_of(file, segments.report).with_suffix(SUFFIX)
    if os.path.lexists(path) and not _begins(path, OURS):
        raise OutputRefused(f"{path}: is there and was not made here: take it away, or name another file with -o")
    if segments.segments:
        write_atomically(path, body)
        return path
    try:
        path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputRefused(
            f"{path}: cannot be removed ({reason(error)}), and its film has none of these tags"
        ) from error
    log.info("%s: taken away, as its film has none of these tags", printable(str(path)))
    return None


def _in_several(segments: Segments) -> bool:
    """Whether the film is in several files."""
    return SEVERAL in " ".join(segments.report.warnings)


def _starts(segments: Segments) -> list[tuple[int, int]]:
    """Where segments begin; Kodi puts a mark at the second time of its line."""
    return [(start, start) for start in sorted({milliseconds(one.start_s) for one in segments.segments})]


def _stretches(segments: Segments) -> list[tuple[int, int]]:
    """Where one of the tags is, with at least a millisecond between two."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((milliseconds(one.start_s), milliseconds(one.end_s)) for one in segments.segments):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif start < end:
            found.append((start, end))
    return found


def _seconds(time_ms: int) -> str:
    """A little later, so that it is this millisecond whether it is cut or rounded."""
    return f"{time_ms // 1000}.{time_ms % 1000:03}2"


def _begins(path: Path, start: bytes) -> bool:
    """Whether a file begins so; a pipe is not opened."""
    if not is_file(path):
        return False
    try:
        with path.open("rb") as file:
            return file.read(FIRST_BYTES).startswith(start)
    except OSError:
        return False
