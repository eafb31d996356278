"""Films that are known by what they hold: those that were renamed or moved, and files that hold the same.

What a film held that is gone can only be known from its mark. For a move, size and both ends must be those of the mark,
and the time of change too, or else the first and last MiB as its report has them. Of two files that are both there
much more is compared, byte by byte: 64 places between their ends.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path, PurePosixPath

from tagger.batch.find import FilmFile
from tagger.batch.guard import report_at
from tagger.batch.ledger import DONE, LedgerEntry, disk_of, ends_of, key_of, mark_of, parts_of, same
from tagger.files import SAMPLE_BYTES, is_file
from tagger.reports.formats import json_file
from tagger.reports.kept import whole
from tagger.reports.written import changed
from tagger.video import sequence

PLACES = 64  # between the ends of two files, at which they are compared
PLACE_BYTES = 2**16


def moved(films: Iterable[FilmFile], known: Mapping[str, LedgerEntry], output: Path) -> dict[str, LedgerEntry]:
    """Returns the entries of films that lay elsewhere, by where they are now; names of reports are still the old ones.

    Args:
        films: that were found.
        known: the last entry of each film.
        output: folder of the reports.
    """
    by_place = {entry.report: entry for entry in known.values()}
    index = _Index(known.values())
    answer: dict[str, LedgerEntry] = {}
    entry: LedgerEntry | None
    taken: set[str] = set()
    for film in films:
        path = key_of(film.path)
        own, there = known.get(path), by_place.get(str(film.place))
        if own and (not index.count(film, besides=own) or _unchanged(own, film.path, film.more)):
            continue
        if own is None and there and _left(there) and _unchanged(there, film.path, film.more):
            entry = there if there.report not in taken else None  # as when a disk is mounted at another place
        else:
            alike = (one for one in index.alike(film) if one is not own and one.report not in taken)
            entry = next((one for one in alike if _left(one) and _was(one, film, output)), None)
        if entry:
            taken.add(entry.report)
            with suppress(OSError):  # gone, this moment
                mark = mark_of(film.path, film.more) if entry.mark else ""
                more = tuple(map(str, film.more))
                answer[path] = replace(entry, film=path, path=str(film.path), more=more, mark=mark, disk=disk_of(path))
    return _without_harm(answer, known, output)


def _without_harm(
    moves: dict[str, LedgerEntry], known: Mapping[str, LedgerEntry], output: Path
) -> dict[str, LedgerEntry]:
    """The moves but those to places where a report is that a person changed, and that stays."""
    harmless = moves
    while True:
        leaving = {entry.report for entry in harmless.values()}
        harmed = {
            path for path in harmless
            if (own := known.get(path)) and own.report not in leaving and changed(output / own.report, own.wrote)
        }  # fmt: skip
        if not harmed:
            return harmless
        harmless = {path: entry for path, entry in harmless.items() if path not in harmed}


def _left(entry: LedgerEntry) -> bool:
    """Whether a film is no longer where it was: gone, a link now, or another; a time that is another is no matter."""
    there = sequence.is_there(Path(entry.film))
    if not there:
        return there is False  # else nobody knows
    if os.path.realpath(entry.film) != entry.film:
        return True
    try:
        return not _unchanged(entry, *_files(entry)) and ends_of(*_files(entry)) != parts_of(entry.mark)[3]
    except OSError:
        return False


def _files(entry: LedgerEntry) -> tuple[Path, Sequence[Path]]:
    return entry.files[0], entry.files[1:]


def _unchanged(entry: LedgerEntry, film: Path, more: Sequence[Path]) -> bool:
    return not entry.mark or same(entry.mark, film, more)


class _Index:
    """Entries by size and ends of their films."""

    def __init__(self, entries: Iterable[LedgerEntry]) -> None:
        self._count: Counter[str] = Counter()
        self._entries: dict[tuple[str, str], list[LedgerEntry]] = defaultdict(list)
        for entry in entries:
            sizes, _, _, digest = parts_of(entry.mark)
            self._count[sizes] += 1
            self._entries[(sizes, digest)].append(entry)

    def count(self, film: FilmFile, besides: LedgerEntry | None = None) -> int:
        """How many entries have its size, besides one; nothing is read."""
        sizes = _sizes(film)
        return self._count[sizes] - (besides is not None and parts_of(besides.mark)[0] == sizes)

    def alike(self, film: FilmFile) -> Sequence[LedgerEntry]:
        """Those whose films had its size and its ends."""
        sizes = _sizes(film)
        if not sizes or not self._count[sizes]:
            return ()
        try:
            return self._entries.get((sizes, ends_of(film.path, film.more)), ())
        except OSError:
            return ()


def _was(entry: LedgerEntry, film: FilmFile, output: Path) -> bool:
    """Whether a film that is gone was what this one is; their sizes and ends are the same."""
    modified = parts_of(entry.mark)[1]
    try:
        if modified == "+".join(str(sequence.size_and_times(path)[1]) for path in film.files):
            return True
        report = report_at(output / entry.report)
        return report is not None and report.video.fingerprint == ends_of(film.path, film.more, SAMPLE_BYTES)
    except OSError:
        return False


def _sizes(film: FilmFile) -> str:
    """As in its mark; of an empty file nothing, as all of them are alike."""
    try:
        sizes = [sequence.size_and_times(path)[0] for path in film.files] if film.more else [film.size_bytes]
    except OSError:
        return ""
    return "+".join(map(str, sizes)) if any(sizes) else ""


class Doubles:
    """Finds for a film that is to be tagged another that holds the same, and is tagged or will be before it."""

    def __init__(
        self, films: Iterable[FilmFile], known: Mapping[str, LedgerEntry], output: Path, asked: str,
        with_features: bool = False,
    ) -> None:  # fmt: skip
        """Reads nothing yet.

        Args:
            films: all that were found.
            known: the last entry of each film.
            output: folder of the reports.
            asked: digest of settings, model and vocabulary, which must have been the same.
            with_features: they must have been kept.
        """
        self._output, self._with_features = output, with_features
        self._count = Counter(map(_sizes, films))
        self._done = _Index(entry for entry in known.values() if entry.state == DONE and entry.asked == asked)
        self._first: dict[tuple[str, str], list[tuple[FilmFile, PurePosixPath]]] = defaultdict(list)

    def original(self, film: FilmFile, report: PurePosixPath) -> PurePosixPath | None:
        """Returns the name of the reports of such a film; if there is none, this one may become it for those to come.

        Args:
            film: one that is to be tagged; they must be asked for in their order.
            report: name of its reports.
        """
        sizes = _sizes(film)
        if not sizes or not (self._done.count(film) or self._count[sizes] > 1):
            return None
        for entry in self._done.alike(film):
            if entry.film != key_of(film.path) and self._stands(entry) and alike(film.files, entry.files):
                return PurePosixPath(entry.report)
        try:
            ends = ends_of(film.path, film.more)
        except OSError:
            return None
        for other, name in self._first[(sizes, ends)]:
            if alike(film.files, other.files):
                return name
        self._first[(sizes, ends)].append((film, report))
        return None

    def _stands(self, entry: LedgerEntry) -> bool:
        """Whether what was done with a film is still what was done, and the film what it was."""
        stem = self._output / (entry.was or entry.report)
        stands = is_file(json_file(stem)) and changed(stem, entry.wrote) is None
        stands = stands and (not self._with_features or whole(stem))
        return stands and same(entry.mark, *_files(entry))


def alike(ours: Sequence[Path], theirs: Sequence[Path]) -> bool:
    """Returns whether films hold the same, file by file: at both ends, and at places between them.

    Numbered pictures must have the same names and sizes, and as many of them must hold the same in their middle.
    """
    return len(ours) == len(theirs) and all(_alike(one, other) for one, other in zip(ours, theirs, strict=True))


def _alike(one: Path, other: Path) -> bool:
    try:
        return all(ours == theirs for ours, theirs in zip_longest(_samples(one), _samples(other)))
    except OSError:
        return False


def _samples(film: Path) -> Iterator[object]:
    """What a film is compared by, the quickest to be had first."""
    if pictures := sequence.find(film):
        yield [(picture.name, picture.stat().st_size) for picture in pictures]
        every, last = list(pictures), pictures.count - 1
        for picture in (every[at] for at in sorted({last * step // PLACES for step in range(PLACES + 1)})):
            with picture.open("rb") as file:
                file.seek(max(0, picture.stat().st_size - PLACE_BYTES) // 2)
                yield file.read(PLACE_BYTES)
        return
    with film.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        yield size
        between = [(size * step // PLACES, PLACE_BYTES) for step in range(PLACES)]
        for place, length in [(0, SAMPLE_BYTES), *between, (max(0, size - SAMPLE_BYTES), SAMPLE_BYTES)]:
            file.seek(place)
            yield file.read(length)
