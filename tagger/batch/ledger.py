"""What was done: a line of JSON for each thing that happened to a film, never changed, only added to.

    OUT/.movietags/ledger-1-of-1.jsonl      of one shard, written by whoever holds its lock

The last line about a film counts, over all ledgers of the folder. A line that is torn (the machine stopped while it
was written) is passed over, which can only mean that a film is done once more.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from tagger.errors import MovieTagsError, OutputRefused, reason
from tagger.records import TagReport
from tagger.reports import written
from tagger.typed_json import decode
from tagger.video.sequence import fingerprint, looked_at, size_and_times

FOLDER = written.FOLDER
LEDGERS = "ledger-*.jsonl"
FOUND, STARTED, DONE, FAILED, SKIPPED, GONE = "found", "started", "done", "failed", "skipped", "gone"
PENDING = (FOUND, STARTED)
STATES = (*PENDING, DONE, FAILED, SKIPPED, GONE)
SAMPLE_BYTES = 2**16  # from each end of a film, for its mark
LISTED_TAGS = 5
_NUMBERS = r"(-?\d+(?:\+-?\d+)*)"  # one for each file; times before 1970 are negative
MARK = re.compile(rf"{_NUMBERS}-{_NUMBERS}-{_NUMBERS}-([0-9a-f]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What happened to a film. Mark and digest are known from its start on, the last fields when it is done."""

    film: str  # as `key_of`
    report: str  # without its suffixes, below the output folder, with "/"
    state: str  # found, started, done, failed, skipped (no film after all) or gone (pruned)
    at: str  # ISO 8601, UTC
    path: str  # of the film, as given
    mark: str = ""  # of the film, as `mark_of`
    asked: str = ""  # digest of settings, model and vocabulary
    reason: str = ""  # why it failed or was skipped
    seconds: float | None = None
    status: str = ""  # as in the report: ok, truncated or damaged
    tags: tuple[str, ...] = ()  # the first, best first
    shots: int | None = None
    kept: int | None = None  # shots with a picture to tag
    duration_s: float | None = None
    scan: str = ""
    warnings: tuple[str, ...] = ()
    more: tuple[str, ...] = ()  # paths of its other files, as given
    wrote: tuple[str, ...] = ()  # digests of its reports, as they were written: any other was changed since
    same_as: str = ""  # name of the reports of the film that holds the same
    was: str = ""  # name that its reports had before it was moved
    disk: str = ""  # where what holds the film is mounted
    sure: tuple[str, ...] | None = None  # the sure tags, most confident first; None: nothing says how sure

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the film, in order."""
        return (Path(self.film), *map(Path, self.more))


DEFAULTS = {field.name: field.default for field in fields(LedgerEntry)}


def key_of(film: Path) -> str:
    """Returns what a film is known by: its absolute path without links, however it was spelled."""
    return str(film.resolve() if film.is_symlink() else _real(film.parent.absolute()) / film.name)


@lru_cache(maxsize=1024)  # of 50,000 films every folder would be asked about thousands of times
def _real(folder: Path) -> Path:
    return folder.resolve()


def forget_folders() -> None:
    """Lets links be followed anew: between two runs of one process they may have been changed."""
    _real.cache_clear()


def disk_of(film: str) -> str:
    """Returns where that is mounted which holds a film, which is named as by `key_of`."""
    folder = Path(film).parent
    return str(next(place for place in (folder, *folder.parents) if os.path.ismount(place) or place == place.parent))


def mark_of(film: Path, more: Sequence[Path] = ()) -> str:
    """Returns what tells a film from a changed one: size, times of change, and a digest of both ends.

    Of several files it has each one's numbers. Without permission to read it has no digest.

    Raises:
        OSError: there is none, or it cannot be read.
    """
    columns: list[tuple[object, ...]]
    try:
        *columns, digests = zip(*(looked_at(path, SAMPLE_BYTES) for path in (film, *more)), strict=True)
        digest = joint(digests)
    except PermissionError:
        columns = [*zip(*map(size_and_times, (film, *more)), strict=True)]
        digest = ""  # that it may be read one day changes the time of its entry
    return "-".join(["+".join(map(str, numbers)) for numbers in columns] + [digest])


def ends_of(film: Path, more: Sequence[Path] = (), sample_bytes: int = SAMPLE_BYTES) -> str:
    """Returns a digest of size and so many bytes of both ends, by default that which a mark closes with.

    Raises:
        OSError: it cannot be read.
    """
    return joint([fingerprint(path, sample_bytes) for path in (film, *more)])


def joint(fingerprints: Sequence[str]) -> str:
    """Returns the fingerprint of a film from those of its files, in order."""
    if len(fingerprints) == 1:
        return fingerprints[0]
    return hashlib.sha256("".join(fingerprints).encode()).hexdigest()[:32]


def parts_of(mark: str) -> tuple[str, str, str, str]:
    """Returns sizes, times of change, times of entries and digest of a mark; empty ones if it is none."""
    found = MARK.fullmatch(mark)
    return (found[1], found[2], found[3], found[4]) if found else ("", "", "", "")


def same(mark: str, film: Path, more: Sequence[Path] = ()) -> bool:
    """Returns whether a film is what it was when it was marked.

    Its ends are read only where size and time say so, but the time of its entry in the file system does not: that
    moves with every change, and also when it is copied, renamed or linked. (On Windows it is another time.)
    """
    sizes, modified, entered, digest = parts_of(mark)
    try:
        now = [size_and_times(path) for path in (film, *more)]
        if [sizes, modified] != ["+".join(str(times[at]) for times in now) for at in (0, 1)]:
            return False
        if os.name == "posix" and entered == "+".join(str(times[2]) for times in now):
            return True
        return digest == ends_of(film, more)
    except (MovieTagsError, OSError, ValueError):
        return False


def out_of_reach(mark: str, film: Path, more: Sequence[Path] = ()) -> bool:
    """Returns whether a film cannot be read that has the size and the time of change with which it was marked."""
    try:
        now = [size_and_times(path) for path in (film, *more)]
    except (MovieTagsError, OSError, ValueError):
        return False
    if parts_of(mark)[:2] != tuple("+".join(str(times[at]) for times in now) for at in (0, 1)):
        return False
    try:
        ends_of(film, more)
    except OSError:
        return True
    return False


def facts(report: TagReport) -> dict[str, Any]:
    """Returns the fields of an entry that a report gives."""
    return {
        "status": report.status,
        "tags": tuple(tag.tag for tag in report.tags[:LISTED_TAGS] if tag.weight > 0),
        "sure": tuple(tag.tag for tag in report.sure) if report.says_confidence else None,
        "shots": len(report.shots),
        "kept": sum(shot.keyframe.kept for shot in report.shots),
        "duration_s": report.video.duration_s,
        "seconds": report.timing.total_s,
        "scan": report.scan.used,
        "warnings": report.warnings,
    }


def read(output: Path) -> dict[str, LedgerEntry]:
    """Returns the last entry of each film, by its path, from all ledgers of an output folder.

    Where a film has the report of another, it is that film at a new place. What was written under a name by other
    commands since counts among how its reports were written.

    Raises:
        OutputRefused: a ledger is there that cannot be read.
    """
    entries: list[tuple[str, LedgerEntry]] = []
    for path in sorted((output / FOLDER).glob(LEDGERS)):
        try:
            with path.open("rb") as lines:
                entries += _last(lines).values()
        except OSError as error:
            raise OutputRefused(f"{path}: cannot be read ({reason(error)})") from error
    last = {entry.report: entry for _, entry in sorted(entries, key=lambda pair: pair[0])}
    others = written.Written(output)
    return {
        entry.film: replace(entry, was="", wrote=_all_written(entry, others))
        for entry in last.values()
        if entry.state != GONE
    }


def _all_written(entry: LedgerEntry, others: written.Written) -> tuple[str, ...]:
    """Digests of all that was written under its name; nothing where nobody knows how the batch wrote it."""
    added = others.of(entry.report).difference(entry.wrote) if entry.wrote else ()
    return (*entry.wrote, *sorted(added))


def _last(lines: Iterable[bytes]) -> dict[str, tuple[str, LedgerEntry]]:
    """The last entry of each name, with its time; a film that moved leaves one behind that says so."""
    last = {}
    for at, entry in _entries(lines):
        if entry.was:
            last[entry.was] = (at, replace(entry, report=entry.was, state=GONE))
        last[entry.report] = (at, entry)
    return last


def _entries(lines: Iterable[bytes]) -> Iterator[tuple[str, LedgerEntry]]:
    """The entry of each line that is whole, with its time: one that is never before that of a line above it."""
    latest = ""
    for line in lines:
        try:
            entry = decode(LedgerEntry, line)
        except ValueError:
            continue  # torn
        report = PurePosixPath(entry.report)
        if entry.state in STATES and report.name and not report.is_absolute() and ".." not in report.parts:
            latest = max(latest, entry.at)
            yield latest, entry


class Ledger:
    """The ledger of one shard, open for adding; only one process at a time may have it (`tagger.files.Lock`)."""

    def __init__(self, output: Path, name: str) -> None:
        """Opens it, made if it was missing.

        Raises:
            OutputRefused: it cannot be written.
        """
        self._path = output / FOLDER / f"ledger-{name}.jsonl"
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
            torn = os.lseek(self._file, 0, os.SEEK_END) and _last_byte(self._file) != b"\n"
        except OSError as error:
            raise OutputRefused(f"{self._path}: cannot be written ({reason(error)})") from error
        if torn:
            self._write(b"\n")

    def add(self, film: Path, report: PurePosixPath, state: str, **known: Any) -> None:
        """Adds a line of these fields of an entry; what ends a film is on the disk when this returns.

        Raises:
            OutputRefused: it cannot be written.
        """
        path = key_of(film)
        self.put(LedgerEntry(path, str(report), state, "", str(film), disk=disk_of(path), **known))

    def put(self, entry: LedgerEntry) -> None:
        """Adds an entry, with the time that it is now.

        Raises:
            OutputRefused: it cannot be written.
        """
        values = asdict(replace(entry, at=datetime.now(timezone.utc).isoformat()))
        line = {name: value for name, value in values.items() if value not in (None, DEFAULTS[name])}
        lasting = entry.state not in PENDING or bool(entry.wrote)
        self._write(json.dumps(line, allow_nan=False).encode() + b"\n", sync=lasting)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)

    def _write(self, line: bytes, *, sync: bool = False) -> None:
        try:
            while line:
                line = line[os.write(self._file, line) :]
            if sync:
                os.fsync(self._file)  # where a network drive says that it is full
                if not os.fstat(self._file).st_nlink:
                    raise FileNotFoundError(errno.ENOENT, "it was deleted meanwhile")
        except OSError as error:
            raise OutputRefused(f"{self._path}: cannot be written ({reason(error)}): free space or use -o") from error


def _last_byte(file: int) -> bytes:
    os.lseek(file, -1, os.SEEK_END)
    return os.read(file, 1)
