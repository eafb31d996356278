"""What was computed from pictures, kept between runs: fingerprints and features, by the bytes they came from.

One SQLite file, which two processes may use at once. When it grows over its bound, what was asked for longest
ago goes. Nothing in it is needed: a store that cannot be opened or read is left aside with a warning.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path

import platformdirs

log = logging.getLogger(__name__)

BYTES_MAX = 4 * 2**30  # of values: half a million pictures of 2048 numbers
FILE = "pictures.sqlite"
AT_ONCE = 500  # keys in one question; SQLite's own limit was once 999
WAIT_S = 60.0  # for another process that is writing

SCHEMA = """
    CREATE TABLE IF NOT EXISTS kept (space TEXT, key BLOB, value BLOB, used REAL, PRIMARY KEY (space, key));
    CREATE INDEX IF NOT EXISTS by_use ON kept (used);
"""


def default_folder() -> Path:
    """Returns where this user's caches lie."""
    return platformdirs.user_cache_path("movietags", appauthor=False)


class Store:
    """Bytes by key, in spaces that know nothing of one another: fingerprints, features of one network, ..."""

    def __init__(self, folder: Path, space: str, bytes_max: int = BYTES_MAX) -> None:
        """Opens the file in `folder`, or makes it."""
        self._file, self._space, self._bytes_max = folder / FILE, space, bytes_max
        self._broken = False
        with self._guard():
            folder.mkdir(parents=True, exist_ok=True)
            with self._open() as base:
                # Readers do not wait for a writer then. Of two processes that change it at once, one is refused.
                with suppress(sqlite3.OperationalError):
                    base.execute("PRAGMA journal_mode=WAL")
                base.executescript(SCHEMA)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Returns the values of those keys that are here."""
        values: dict[bytes, bytes] = {}
        with self._guard(), self._open() as base:
            for part in _parts(keys):
                marks = ",".join("?" * len(part))
                rows = base.execute(
                    f"SELECT key, value FROM kept WHERE space=? AND key IN ({marks})", [self._space, *part]
                )
                values |= dict(rows.fetchall())
            for part in _parts(list(values)):
                marks = ",".join("?" * len(part))
                base.execute(
                    f"UPDATE kept SET used=? WHERE space=? AND key IN ({marks})", [time.time(), self._space, *part]
                )
        return values

    def put(self, values: Mapping[bytes, bytes]) -> None:
        """Keeps these values, and lets the oldest of all spaces go if there are too many bytes."""
        now = time.time()
        with self._guard(), self._open() as base:
            rows = ((self._space, key, value, now) for key, value in values.items())
            base.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", rows)
            total = base.execute("SELECT COALESCE(SUM(LENGTH(value)), 0) FROM kept").fetchone()[0]
            if total > self._bytes_max:
                self._shrink(base, total - self._bytes_max // 2)  # half, so that this is rare

    def _shrink(self, base: sqlite3.Connection, surplus: int) -> None:
        for row, size in base.execute("SELECT rowid, LENGTH(value) FROM kept ORDER BY used, rowid").fetchall():
            if surplus <= 0:
                break
            base.execute("DELETE FROM kept WHERE rowid=?", [row])
            surplus -= size

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if self._broken:
            raise sqlite3.DatabaseError("it failed before")
        with closing(sqlite3.connect(self._file, timeout=WAIT_S)) as base, base:
            yield base

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """A store that fails costs time, not the run."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if not self._broken:
                log.warning("%s: cannot be used (%s): everything is computed anew; delete it", self._file, error)
            self._broken = True


def _parts(keys: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = iter(keys)
    while part := list(islice(rest, AT_ONCE)):
        yield part
