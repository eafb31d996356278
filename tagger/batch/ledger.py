"""What was done: a line of JSON for each thing that happened to a film, never changed, only added to.

    OUT/.movietags/ledger-1-of-1.jsonl      of one shard, written by whoever holds its lock

The last line about a film counts, over all ledgers of the folder. A line that is torn (the machine stopped while it
was written) is passed over, which can only mean that a film is done once more.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, asdict, dataclass, fields, replace
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from tagger.errors import MovieTagsError, OutputRefused, reason
from tagger.records import TagReport
from tagger.typed_json import decode
from tagger.video.sequence import fingerprint, size_and_times

FOLDER = ".movietags"
LEDGERS = "ledger-*.jsonl"
FOUND, STARTED, DONE, FAILED, SKIPPED = "found", "started", "done", "failed", "skipped"
PENDING = (FOUND, STARTED)
STATES = (*PENDING, DONE, FAILED, SKIPPED)
SAMPLE_BYTES = 2**16  # from each end of a film, for its mark
LISTED_TAGS = 5


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What happened to a film. Mark and digest are known from its start on, the last fields when it is done."""

    film: str  # as `key_of`
    report: str  # without its suffixes, below the output folder, with "/"
    state: str  # found, started, done, failed or skipped (no film after all)
    at: str  # ISO 8601, UTC
    path: str  # of the film, as given
    mark: str = ""  # of the film, as `mark_of`
    asked: str = ""  # digest of settings, model and vocabulary
    reason: str = ""  # why it failed or was skipped
    seconds: float | None = None
    status: str = ""  # ok or truncated
    tags: tuple[str, ...] = ()  # the first, best first
    shots: int | None = None
    kept: int | None = None  # shots with a picture to tag
    duration_s: float | None = None
    scan: str = ""
    warnings: tuple[str, ...] = ()


NEEDED = {field.name for field in fields(LedgerEntry) if field.default is MISSING}


def key_of(film: Path) -> str:
    """Returns what a film is known by: its absolute path without links, however it was spelled."""
    return str(film.resolve() if film.is_symlink() else _real(film.parent) / film.name)


@lru_cache(maxsize=1024)  # of 50,000 films every folder would be asked about thousands of times
def _real(folder: Path) -> Path:
    return folder.resolve()


def mark_of(film: Path) -> str:
    """Returns what tells a film from a changed one: size, times of change, and a digest of both ends.

    Raises:
        OSError: it cannot be read.
    """
    size, modified, entered = size_and_times(film)
    return f"{size}-{modified}-{entered}-{fingerprint(film, SAMPLE_BYTES)}"


def same(mark: str, film: Path) -> bool:
    """Returns whether a film is what it was when it was marked.

    Its ends are read only where size and time say so, but the time of its entry in the file system does not: that
    moves with every change, and also when it is copied, renamed or linked. (On Windows it is another time.)
    """
    try:
        *times, entered = map(str, size_and_times(film))
        *before, entered_before, digest = mark.split("-")
        if times != before:
            return False
        if os.name == "posix" and entered == entered_before:
            return True
        return digest == fingerprint(film, SAMPLE_BYTES)
    except (MovieTagsError, OSError, ValueError):
        return False


def facts(report: TagReport) -> dict[str, Any]:
    """Returns the fields of an entry that a report gives."""
    return {
        "status": report.status,
        "tags": tuple(tag.tag for tag in report.tags[:LISTED_TAGS] if tag.weight > 0),
        "shots": len(report.shots),
        "kept": sum(shot.keyframe.kept for shot in report.shots),
        "duration_s": report.video.duration_s,
        "seconds": report.timing.total_s,
        "scan": report.scan.used,
        "warnings": report.warnings,
    }


def read(output: Path) -> dict[str, LedgerEntry]:
    """Returns the last entry of each film, by its path, from all ledgers of an output folder.

    Where a film has the report of another, it is that film at a new place.

    Raises:
        OutputRefused: a ledger is there that cannot be read.
    """
    entries: list[tuple[str, LedgerEntry]] = []
    for path in sorted((output / FOLDER).glob(LEDGERS)):
        try:
            with path.open("rb") as lines:
                entries += {entry.report: (at, entry) for at, entry in _entries(lines)}.values()
        except OSError as error:
            raise OutputRefused(f"{path}: cannot be read ({reason(error)})") from error
    last = {entry.report: entry for _, entry in sorted(entries, key=lambda pair: pair[0])}
    return {entry.film: entry for entry in last.values()}


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
        self.put(LedgerEntry(key_of(film), str(report), state, "", str(film), **known))

    def put(self, entry: LedgerEntry) -> None:
        """Adds an entry, with the time that it is now.

        Raises:
            OutputRefused: it cannot be written.
        """
        fields = asdict(replace(entry, at=datetime.now(timezone.utc).isoformat()))
        line = {name: value for name, value in fields.items() if name in NEEDED or value not in (None, "", ())}
        self._write(json.dumps(line, allow_nan=False).encode() + b"\n", sync=entry.state not in PENDING)

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
