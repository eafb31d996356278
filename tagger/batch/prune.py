"""What is left of films that are gone: which these are, beyond doubt, and taking away their reports and rows.

A film is gone if nothing is where it was, the disk that held it is mounted, and another film of that disk is still
there. Of a disk that is not mounted, or that cannot be read, no film is.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tagger.batch.find import Search
from tagger.batch.ledger import GONE, Ledger, LedgerEntry, disk_of
from tagger.batch.plan import Shard
from tagger.batch.shelf import files_of, remove
from tagger.reports.written import changed
from tagger.video import sequence


@dataclass(frozen=True, slots=True)
class Departed:
    """The films of the folders that were named which are no longer there."""

    gone: tuple[LedgerEntry, ...]
    doubtful: tuple[str, ...]  # a line for each place of which nobody knows whether its films are gone


def departed(search: Search, known: Mapping[str, LedgerEntry], moved: Iterable[LedgerEntry], shard: Shard) -> Departed:
    """Returns which films are gone.

    Args:
        search: what was found; only films below its folders can be gone.
        known: the last entry of each film.
        moved: entries of films that are elsewhere now.
        shard: only films of this one.
    """
    elsewhere = {entry.was or entry.report for entry in moved}
    roots = [(os.path.realpath(folder), folder.absolute()) for folder in search.folders]
    missing: dict[tuple[str, str], list[LedgerEntry]] = defaultdict(list)
    there: set[tuple[str, str]] = set()
    for entry in known.values():
        root = next((real for real, given in roots if _below(entry, real, given)), None)
        if root is None or entry.report in elsewhere:
            continue
        place = (root, entry.disk or _disk_now(entry.film))
        if (is_there := sequence.is_there(Path(entry.film))) is True:
            there.add(place)
        elif is_there is False:
            missing[place].append(entry)
    gone, doubtful = [], []
    for place, entries in missing.items():
        if why := _doubt(*place, place in there):
            doubtful.append(f"{why}: nothing is pruned of {len(entries)} films that are not there")
        else:
            gone += [entry for entry in entries if shard.has(PurePosixPath(entry.report))]
    return Departed(tuple(sorted(gone, key=lambda entry: entry.report)), tuple(doubtful))


def prune(output: Path, book: Ledger, gone: Sequence[LedgerEntry]) -> list[str]:
    """Removes the reports and rows of films that are gone; reports that people changed stay.

    Returns:
        A line for each report that stays.

    Raises:
        OutputRefused: a report cannot be removed, or the ledger cannot be written.
    """
    stay = []
    for entry in gone:
        stem = output / entry.report
        if path := changed(stem, entry.wrote):
            stay.append(f"{path}: kept, as it was changed since it was written")
        else:
            remove(files_of(stem), output)
        book.put(replace(entry, state=GONE, was="", wrote=()))
    return stay


def _below(entry: LedgerEntry, real: str, given: Path) -> bool:
    """Whether a film lies below a folder, as it was named or through links."""
    return Path(real) in Path(entry.film).parents or given in Path(entry.path).parents


def _disk_now(path: str) -> str:
    """The disk that holds a film's folder, if something is in it: of a film that was tagged before disks were noted."""
    try:
        return disk_of(path) if any(Path(path).parent.iterdir()) else ""
    except OSError:
        return ""


def _doubt(root: str, disk: str, others_there: bool) -> str:
    """Why films that are not there need not be gone; nothing if they are."""
    if not disk:
        return f"{root}: it was not noted on which disk they were, and their folders are gone or empty"
    if not os.path.ismount(disk):
        return f"{disk}: is not mounted"
    if not others_there:
        return f"{root}: no film is there that was before, as if its disk were not mounted"
    return ""
