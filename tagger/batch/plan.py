"""What is to be done: the films that were found, against what the ledger says."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tagger.batch.find import FilmFile
from tagger.batch.guard import changed_since, of_another, report_at
from tagger.batch.ledger import DONE, FAILED, FOLDER, FOUND, PENDING, SKIPPED, LedgerEntry, key_of, out_of_reach, same
from tagger.batch.twins import Doubles, moved
from tagger.errors import BadSettings
from tagger.files import MARK_LETTERS, Lock, distinct_name, is_file, output_folder, unless_used
from tagger.reports.formats import DEFAULTS, json_file, report_files
from tagger.reports.json_report import SUFFIX
from tagger.reports.kept import whole
from tagger.reports.written import Written, changed

NEW, CHANGED, OTHERWISE = "new", "changed", "other settings, model or vocabulary"
LOST, EDITED = "its report is gone", "its report was changed"
WAITING, INTERRUPTED, AGAIN = "not begun yet", "was interrupted", "failed before"
BARE = "its features or keyframes were not kept"


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several equal parts of the films."""

    number: int = 1  # from 1
    count: int = 1

    def __post_init__(self) -> None:
        """Checks that there is such a part."""
        if not 1 <= self.number <= self.count:
            raise BadSettings(f"shard {self.number}/{self.count}: say 1/4, 2/4, 3/4 or 4/4 for four processes")

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Returns the part of "2/4".

        Raises:
            BadSettings: the text is none, or there is no such part.
        """
        numbers = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text, re.ASCII)
        if not numbers:
            raise BadSettings(f"shard {text!r}: two numbers, as in 2/4")
        return cls(int(numbers[1]), int(numbers[2]))

    def __str__(self) -> str:
        """As in the names of files."""
        return f"{self.number}-of-{self.count}"

    def has(self, place: PurePosixPath) -> bool:
        """Returns whether a film belongs to this part: the same for the same place, whatever other films there are."""
        return zlib.crc32(str(place).encode("utf-8", "surrogateescape")) % self.count == self.number - 1


@contextmanager
def hold(output: Path, shard: Shard) -> Iterator[Lock]:
    """Holds the lock of a shard for this process; an output folder in which nothing came of that is taken away again.

    Raises:
        OutputLocked: another process is at this shard, or at one of another number of shards, which may share films.
        OutputRefused: nothing can be written there.
    """
    place = output / FOLDER / f"lock-{shard}"
    with unless_used(output, place):
        output_folder(output_folder(output) / FOLDER)
        with Lock(place) as lock:
            for other in place.parent.glob("lock-*"):
                if not other.name.endswith(f"-of-{shard.count}"):
                    Lock(other).close()
            yield lock


@dataclass(frozen=True, slots=True)
class Task:
    """A film to be tagged."""

    film: FilmFile
    report: PurePosixPath  # below the output folder, without suffix
    why: str
    wrote: tuple[str, ...] = ()  # digests of the reports that were written before
    same_as: PurePosixPath | None = None  # name of the reports of a film that holds the same, and comes first


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run has to do, and what it has not."""

    tasks: tuple[Task, ...]
    done: int  # and unchanged
    failed: int  # before, and left alone
    later: tuple[Task, ...]  # beyond the limit
    moved: tuple[LedgerEntry, ...]  # of films that are known from another place, with the new one
    kept: tuple[str, ...] = ()  # reports that are not written over, a line for each
    incomplete: int = 0  # of those that are done: cut off or damaged
    unread: tuple[str, ...] = ()  # films that were done and cannot be read now, a line for each
    bare: int = 0  # of those that are done: without their features or keyframes, which are kept now
    lacking: tuple[LedgerEntry, ...] = ()  # of films that are done, but not in every format that is wanted

    def __str__(self) -> str:
        """For people."""
        copies = sum(task.same_as is not None for task in self.tasks)
        parts = ["1 film to tag" if len(self.tasks) == 1 else f"{len(self.tasks)} films to tag"]
        parts[0] += f" ({copies} of them the same as others)" if copies else ""
        parts += [f"{self.done} done before"] if self.done else []
        parts += [f"{len(self.lacking)} of them lack a format"] if self.lacking else []
        parts += [f"{self.bare} of them without features or keyframes (--keep-features)"] if self.bare else []
        parts += [f"{len(self.moved)} known from another place"] if self.moved else []
        parts += [f"{self.failed} failed before (--retry-failed)"] if self.failed else []
        parts += [f"{len(self.kept)} kept as they are (--replace)"] if self.kept else []
        parts += [f"{len(self.unread)} not readable now"] if self.unread else []
        parts += [f"{len(self.later)} left for later (--limit)"] if self.later else []
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which films a run takes."""

    asked: str  # digest of settings, model and vocabulary
    shard: Shard = Shard()
    retry_failed: bool = False
    newer_than_ns: int | None = None
    limit: int | None = None
    replace: bool = False  # also reports that people changed
    features: bool = False  # are kept of each film that is taken, and its keyframes
    bare: bool = False  # also films that are done without them
    names: tuple[str, ...] = DEFAULTS  # of the formats

    def takes(self, film: FilmFile) -> bool:
        """Returns whether a film is one of these, whatever became of it."""
        new_enough = self.newer_than_ns is None or film.modified_ns > self.newer_than_ns
        return new_enough and self.shard.has(film.place)


def plan(films: Sequence[FilmFile], known: Mapping[str, LedgerEntry], output: Path, wanted: Wanted) -> Plan:
    """Returns what is to be done.

    Args:
        films: all that were found, also those of other shards: they have a say in who is called what.
        known: the last entry of each film.
        output: folder of the reports.
        wanted: which films are taken.
    """
    names, moves = _named(films, known, output, wanted)
    old = {entry.was or entry.report for entry in moves.values()}
    known = {path: entry for path, entry in known.items() if entry.report not in old} | moves
    own = [(film, name, known.get(key_of(film.path))) for film, name in names.items() if wanted.takes(film)]
    judged = [(film, name, entry, _why(film, entry, output, wanted)) for film, name, entry in own]
    doubles, extracted = Doubles(films, known, output, wanted.asked, wanted.features), Written(output)
    tasks, kept, unread = [], [], []
    for film, name, entry, why in judged:
        if why in (DONE, FAILED):
            continue
        if entry and entry.state in (DONE, SKIPPED) and out_of_reach(entry.mark, film.path, film.more):
            unread.append(f"{film.path}: cannot be read now: what was done before stays")
        else:
            stem, wrote = output / ((entry and entry.was) or name), entry.wrote if entry else ()
            line = "" if wanted.replace else _kept(film, stem, entry, wrote or extracted.of(str(name)))
            if line:
                kept.append(line)
            else:
                tasks.append(Task(film, name, why, wrote, doubles.original(film, name)))
    counts = Counter(why for *_, why in judged)
    stand = (DONE,) if wanted.replace else (DONE, EDITED)
    incomplete = sum(why in stand and entry.status not in ("", "ok") for *_, entry, why in judged if entry)
    taken = len(tasks) if wanted.limit is None else wanted.limit
    own_moved = tuple(moves[path] for film, *_ in own if (path := key_of(film.path)) in moves)
    return Plan(
        tuple(tasks[:taken]), counts[DONE], counts[FAILED], tuple(tasks[taken:]), own_moved, tuple(kept), incomplete,
        tuple(unread), sum(why == DONE and _is_bare(entry, output, wanted) for *_, entry, why in judged),
        tuple(entry for *_, entry, why in judged if entry and why == DONE and _lacks(entry, output, wanted)),
    )  # fmt: skip


def _named(
    films: Sequence[FilmFile], known: Mapping[str, LedgerEntry], output: Path, wanted: Wanted
) -> tuple[dict[FilmFile, PurePosixPath], dict[str, LedgerEntry]]:
    """What the reports of each film are called; and the entries of those that moved, with new names, by new paths."""
    moves = moved(films, known, output)
    old = {entry.report for entry in moves.values()}
    others = {path: entry for path, entry in known.items() if entry.report not in old}
    # What lies under an old name is taken away before anything is written; but other shards may not be so far.
    names = _reports(films, others, moves, output, old, vacant=wanted.shard.count == 1)
    for film, name in zip(films, names, strict=True):
        if entry := moves.get(key_of(film.path)):
            was = "" if str(name) == entry.report else entry.report
            moves[key_of(film.path)] = replace(entry, report=str(name), was=was)
    return dict(zip(films, names, strict=True)), moves


def _kept(film: FilmFile, stem: Path, entry: LedgerEntry | None, wrote: Collection[str]) -> str:
    """Why the reports of a film are not to be written over, on a line; nothing if they may be."""
    if path := changed(stem, wrote):
        return f"{path}: kept, as it was changed since it was written (--replace writes it anew)"
    if entry and entry.state in PENDING and not entry.wrote and report_at(stem) and of_another(stem, film):
        return f"{stem}: kept, as it is the report of another film (--replace writes over it)"
    return ""


def _why(film: FilmFile, entry: LedgerEntry | None, output: Path, wanted: Wanted) -> str:
    """Why a film is to be done; DONE or FAILED if it is not."""
    if entry is None:
        return NEW
    if entry.state in PENDING:
        return WAITING if entry.state == FOUND else INTERRUPTED
    if not same(entry.mark, film.path, film.more):
        return CHANGED
    if entry.asked != wanted.asked:
        return OTHERWISE
    if entry.state == FAILED:
        return AGAIN if wanted.retry_failed else FAILED
    stem = output / (entry.was or entry.report)
    if entry.state == DONE and not is_file(json_file(stem)):
        return LOST
    if entry.state == DONE and changed_since(stem, entry):
        return EDITED
    return BARE if wanted.bare and _is_bare(entry, output, wanted) else DONE


def _is_bare(entry: LedgerEntry | None, output: Path, wanted: Wanted) -> bool:
    """Whether a film is done without its features, though they are wanted."""
    done = entry if wanted.features and entry and entry.state == DONE else None
    return done is not None and not whole(output / (done.was or done.report))


def _lacks(entry: LedgerEntry, output: Path, wanted: Wanted) -> bool:
    """Whether a film that is done has not every format that is wanted."""
    files = report_files(output / (entry.was or entry.report), wanted.names)
    return entry.state == DONE and not all(map(is_file, files))


def _reports(
    films: Iterable[FilmFile], known: Mapping[str, LedgerEntry], moves: Mapping[str, LedgerEntry], output: Path,
    old: set[str], *, vacant: bool,
) -> list[PurePosixPath]:  # fmt: skip
    """A name for each film's report, with the film's own suffix, that no other film has: for good until it is moved.

    Old names, those of films that moved, may be given to others only if they are vacant.
    """
    reserved = [entry.report for entry in known.values()] + ([] if vacant else list(old))
    taken = {_folded(PurePosixPath(report)) for report in reserved}
    answer = []
    for film in films:
        path = key_of(film.path)
        entry = known.get(path)
        if entry is None and path in moves and _fits(moves[path].report, film):
            entry = moves[path]
        report = PurePosixPath(entry.report) if entry else _free(film, taken, output, old if vacant else set())
        taken.add(_folded(report))
        answer.append(report)
    return answer


def _fits(report: str, film: FilmFile) -> bool:
    """Whether a name of reports is that of a film's place, with or without a mark behind it."""
    return re.fullmatch(rf"{re.escape(str(film.place))}(-[0-9a-f]+)?", report) is not None


def _free(film: FilmFile, taken: set[str], output: Path, vacant: set[str]) -> PurePosixPath:
    whole = Path(key_of(film.path))
    for letters in (0, MARK_LETTERS, 8 * MARK_LETTERS):
        # Behind the name that the film has there, so that a mark does not hide what kind of file it is.
        name = distinct_name(whole.with_name(film.place.name + ".x"), SUFFIX, letters)
        report = film.place.with_name(name.removesuffix(SUFFIX))
        if _folded(report) not in taken and (str(report) in vacant or not of_another(output / report, film)):
            break
    return report


def _folded(report: PurePosixPath) -> str:
    """As file systems see a name that do not tell cases, or spellings of an accent, apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(report)).casefold())
