"""What is to be done: the films that were found, against what the ledger says."""

from __future__ import annotations

import os
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tagger.batch.find import FilmFile
from tagger.batch.ledger import DONE, FAILED, FOLDER, FOUND, PENDING, LedgerEntry, key_of, same
from tagger.errors import BadSettings
from tagger.files import MARK_LETTERS, Lock, distinct_name, output_folder
from tagger.reports.formats import report_files
from tagger.reports.json_report import SUFFIX

NEW, CHANGED, OTHERWISE, LOST = "new", "changed", "other settings, model or vocabulary", "its report is gone"
WAITING, INTERRUPTED, AGAIN = "not begun yet", "was interrupted", "failed before"


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


def hold(output: Path, shard: Shard) -> Lock:
    """Returns the lock of a shard, now held by this process.

    Raises:
        OutputLocked: another process is at this shard, or at one of another number of shards, which may share films.
        OutputRefused: nothing can be written there.
    """
    folder = output_folder(output_folder(output) / FOLDER)
    lock = Lock(folder / f"lock-{shard}")
    for other in folder.glob("lock-*"):
        if not other.name.endswith(f"-of-{shard.count}"):
            try:
                Lock(other).close()
            except BaseException:
                lock.close()
                raise
    return lock


@dataclass(frozen=True, slots=True)
class Task:
    """A film to be tagged."""

    film: FilmFile
    report: PurePosixPath  # below the output folder, without suffix
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run has to do, and what it has not."""

    tasks: tuple[Task, ...]
    done: int  # and unchanged
    failed: int  # before, and left alone
    later: tuple[Task, ...]  # beyond the limit
    moved: tuple[LedgerEntry, ...]  # of films that are known from another place, with the new one

    def __str__(self) -> str:
        """For people."""
        parts = ["1 film to tag" if len(self.tasks) == 1 else f"{len(self.tasks)} films to tag"]
        parts += [f"{self.done} done before"] if self.done else []
        parts += [f"{self.failed} failed before (--retry-failed)"] if self.failed else []
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


def plan(films: Sequence[FilmFile], known: Mapping[str, LedgerEntry], output: Path, wanted: Wanted) -> Plan:
    """Returns what is to be done.

    Args:
        films: all that were found, also those of other shards: they have a say in who is called what.
        known: the last entry of each film.
        output: folder of the reports.
        wanted: which films are taken.
    """
    moved = _moved(films, known)
    known = {**known, **moved}
    named = list(zip(films, _reports(films, known), strict=True))
    own = [pair for pair in named if wanted.shard.has(pair[0].place) and _new_enough(pair[0], wanted)]
    judged = [(film, report, _why(film, report, known, output, wanted)) for film, report in own]
    counts = Counter(why for *_, why in judged)
    tasks = tuple(Task(film, report, why) for film, report, why in judged if why not in (DONE, FAILED))
    taken = len(tasks) if wanted.limit is None else wanted.limit
    own_moved = tuple(moved[path] for film, _ in own if (path := key_of(film.path)) in moved)
    return Plan(tasks[:taken], counts[DONE], counts[FAILED], tasks[taken:], own_moved)


def _moved(films: Sequence[FilmFile], known: Mapping[str, LedgerEntry]) -> dict[str, LedgerEntry]:
    """The entries of films that now lie elsewhere, as when a disk is mounted at another place."""
    by_place = {entry.report: entry for entry in known.values()}
    answer = {}
    for film in films:
        path, entry = key_of(film.path), by_place.get(str(film.place))
        if path in known or entry is None or os.path.lexists(entry.film):
            continue
        if not entry.mark or same(entry.mark, film.path):
            answer[path] = replace(entry, film=path, path=str(film.path))
    return answer


def _new_enough(film: FilmFile, wanted: Wanted) -> bool:
    return wanted.newer_than_ns is None or film.modified_ns > wanted.newer_than_ns


def _why(film: FilmFile, report: PurePosixPath, known: Mapping[str, LedgerEntry], output: Path, wanted: Wanted) -> str:
    """Why a film is to be done; DONE or FAILED if it is not."""
    entry = known.get(key_of(film.path))
    if entry is None:
        return NEW
    if entry.state in PENDING:
        return WAITING if entry.state == FOUND else INTERRUPTED
    if not same(entry.mark, film.path):
        return CHANGED
    if entry.asked != wanted.asked:
        return OTHERWISE
    if entry.state == FAILED:
        return AGAIN if wanted.retry_failed else FAILED
    files = report_files(output / report) if entry.state == DONE else ()
    return DONE if all(map(os.path.isfile, files)) else LOST


def _reports(films: Iterable[FilmFile], known: Mapping[str, LedgerEntry]) -> list[PurePosixPath]:
    """A name for each film's report, with the film's own suffix, that no other film has: for good once it is known."""
    taken = {_folded(PurePosixPath(entry.report)) for entry in known.values()}
    answer = []
    for film in films:
        entry = known.get(key_of(film.path))
        report = PurePosixPath(entry.report) if entry else _free(film, taken)
        taken.add(_folded(report))
        answer.append(report)
    return answer


def _free(film: FilmFile, taken: set[str]) -> PurePosixPath:
    whole = Path(key_of(film.path))
    for letters in (0, MARK_LETTERS, 8 * MARK_LETTERS):
        # Behind the name that the film has there, so that a mark does not hide what kind of file it is.
        name = distinct_name(whole.with_name(film.place.name + ".x"), SUFFIX, letters)
        report = film.place.with_name(name.removesuffix(SUFFIX))
        if _folded(report) not in taken:
            break
    return report


def _folded(report: PurePosixPath) -> str:
    """As file systems see a name that do not tell cases, or spellings of an accent, apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(report)).casefold())
