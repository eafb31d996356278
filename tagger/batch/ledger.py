"""What was done: a line of JSON for each thing that happened to a film, never changed, only added to.

    OUT/.movietags/ledger-1-of-1.jsonl      of one shard, written by whoever holds its lock

The last line about a film counts, over all ledgers of the folder. A line that is torn (the machine stopped while it
was written) is passed over, which can only mean that a film is done once more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any

from tagger.errors import OutputRefused, reason
from tagger.files import fingerprint
from tagger.records import TagReport

FOLDER = ".movietags"
LEDGERS = "ledger-*.jsonl"
FOUND, STARTED, DONE, FAILED, SKIPPED = "found", "started", "done", "failed", "skipped"
PENDING = (FOUND, STARTED)
SAMPLE_BYTES = 2**16  # from each end of a film, for its mark
TOP_TAGS = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened to a film. Mark and digest are known from its start on, the last fields when it is done."""

    film: str  # absolute path
    report: str  # without its suffixes, below the output folder, with "/"
    state: str  # found, started, done, failed or skipped (no film after all)
    at: str  # ISO 8601, UTC
    path: str  # of the film, as given
    mark: str = ""  # of the film: size, time of change, digest of both ends
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


NEEDED = tuple(field.name for field in fields(Entry))[:5]


def mark_of(film: Path) -> str:
    """Returns what tells a film from a changed one: its size, its time of change, and a digest of both ends.

    Raises:
        OSError: it cannot be read.
    """
    status = film.stat()
    return f"{status.st_size}-{status.st_mtime_ns}-{fingerprint(film, SAMPLE_BYTES)}"


def same(mark: str, film: Path) -> bool:
    """Returns whether a film is what it was when it was marked; its ends are read only if all else is the same."""
    try:
        status = film.stat()
        return mark.startswith(f"{status.st_size}-{status.st_mtime_ns}-") and mark == mark_of(film)
    except OSError:
        return False


def facts(report: TagReport) -> dict[str, Any]:
    """Returns the fields of an entry that a report gives."""
    return {
        "status": report.status,
        "tags": tuple(tag.tag for tag in report.tags[:TOP_TAGS] if tag.weight > 0),
        "shots": len(report.shots),
        "kept": sum(shot.kept for shot in report.shots),
        "duration_s": report.video.duration_s,
        "seconds": report.timing.total_s,
        "scan": report.scan.used,
        "warnings": report.warnings,
    }


def read(output: Path) -> dict[str, Entry]:
    """Returns the last entry of each film, by its path, from all ledgers of an output folder.

    Raises:
        OutputRefused: a ledger is there that cannot be read.
    """
    found: list[Entry] = []
    for path in sorted((output / FOLDER).glob(LEDGERS)):
        try:
            found += _entries(path.read_bytes().splitlines())
        except OSError as error:
            raise OutputRefused(f"{path}: cannot be read ({reason(error)})") from error
    return {entry.film: entry for entry in sorted(found, key=lambda entry: entry.at)}


def _entries(lines: Iterable[bytes]) -> Iterable[Entry]:
    known = [field.name for field in fields(Entry)]
    for line in lines:
        try:
            values = json.loads(line)
            given = {name: values[name] for name in known if name in values}
            if all(isinstance(given[name], str) for name in NEEDED):
                yield Entry(**{name: _value(value) for name, value in given.items()})
        except (ValueError, TypeError, KeyError, RecursionError):
            continue  # torn


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


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
        at = datetime.now(timezone.utc).isoformat()
        entry = asdict(Entry(str(film.absolute()), str(report), state, at, str(film), **known))
        line = {name: value for name, value in entry.items() if name in NEEDED or value not in (None, "", ())}
        self._write(json.dumps(line, allow_nan=False).encode() + b"\n")
        if state not in PENDING:
            os.fsync(self._file)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)

    def _write(self, line: bytes) -> None:
        try:
            while line:
                line = line[os.write(self._file, line) :]
        except OSError as error:
            raise OutputRefused(f"{self._path}: cannot be written ({reason(error)}): free space or use -o") from error


def _last_byte(file: int) -> bytes:
    os.lseek(file, -1, os.SEEK_END)
    return os.read(file, 1)
