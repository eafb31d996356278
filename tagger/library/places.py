"""Where films are, by what their reports say; and which are gone, as far as that can be told.

A film is gone if nothing is where it was, the disk that held it is mounted, and another film of that disk is there.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tagger.batch import ledger
from tagger.errors import MovieTagsError
from tagger.files import with_name
from tagger.frames import utf8
from tagger.video import sequence


class Place(NamedTuple):
    """Where a film is."""

    path: str
    """Whole; as its report has it where it is not known."""
    disk: str
    """Where its disk is mounted; "": the place is not known."""


def place_of(named: str, name: str, size_bytes: int, folder: Path) -> Place:
    """Returns where the film of a report is: where that says, or beside it.

    Args:
        named: its path in the report, perhaps relative to nobody knows what.
        name: its name there.
        size_bytes: its size.
        folder: of the report.
    """
    for path in (Path(named), folder / os.path.basename(name)):  # noqa: PTH119  # of whatever is called a name there
        if _is_it(path, size_bytes):
            found = str(with_name(path).absolute())
            return Place(found, ledger.disk_of(found))
    return Place(utf8(named), "")


def _is_it(path: Path, size_bytes: int) -> bool:
    try:
        str(path).encode()  # a name that is no UTF-8 could not be found again
        return path.stat().st_size == size_bytes if path.is_file() else sequence.find(path) is not None
    except (MovieTagsError, OSError, ValueError):  # what can be no name, or cannot be looked at
        return False


def is_there(place: Place) -> bool:
    """Returns whether a film is where it was; of one whose place is not known, False."""
    return bool(place.disk) and sequence.is_there(Path(place.path)) is True


def gone(films: Iterable[tuple[int, Place]]) -> tuple[list[int], list[str]]:
    """Returns which films are gone, and a line for each disk of which that cannot be told."""
    missing: dict[str, list[int]] = defaultdict(list)
    there: set[str] = set()
    for film, place in films:
        found = sequence.is_there(Path(place.path)) if place.disk else None
        if found:
            there.add(place.disk)
        elif found is False:
            missing[place.disk].append(film)
    doubts = {disk: why for disk in missing if (why := _doubt(disk, there))}
    return (
        [film for disk, lost in missing.items() if disk not in doubts for film in lost],
        [
            f"{disk}: {why}: {len(missing[disk])} films that are not there stay in the library; forget them by name"
            for disk, why in doubts.items()
        ],
    )


def _doubt(disk: str, there: set[str]) -> str:
    """Why films of a disk that are not there need not be gone; nothing if they are."""
    if not os.path.ismount(disk):
        return "is not mounted"
    return "" if disk in there else "no film of it is there, as if its disk were not mounted"
