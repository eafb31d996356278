"""Films as they arrive: when folders are to be looked at again, and which films have come to rest there.

What a system reports of changes only says that a look is due; everything else is seen by looking (`find`). It reports
nothing of what other machines do on a network drive, of a folder that was moved in only the folder, and where a name
is no UTF-8, or its own memory is full, it stops.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, NoReturn

import psutil

from tagger import libraries
from tagger.batch.find import FilmFile, Search
from tagger.batch.ledger import forget_folders
from tagger.errors import BadSettings

SETTLE_S = 10.0  # a copy over a network may stand still for seconds
OFTEN_S, SELDOM_S = 30.0, 600.0  # between two looks where no change is reported, and where it is
TICK_MS = 100  # between two questions whether to wait on
POLL_MS = 5000  # where watchfiles is told to look for itself (WATCHFILES_FORCE_POLLING)
# What says that nothing is reported from now on.
SILENT = (OSError, RuntimeError, UnicodeError, StopIteration)
PAUSE_S = 0.05  # at least, between two looks
# File systems of other machines, and of programs that may stand for such (any "fuse.NAME").
NETWORK = frozenset((
    "nfs", "nfs3", "nfs4", "cifs", "smbfs", "smb2", "smb3", "afpfs", "ncpfs", "webdav", "davfs", "afs", "9p", "ceph",
    "glusterfs", "lustre", "beegfs", "gpfs", "gfs2", "ocfs2", "virtiofs", "vboxsf", "vmhgfs", "prl_fs", "drvfs",
    "fakeowner", "grpcfuse", "fuse", "macfuse", "osxfuse",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient a watch is."""

    settle_s: float = SETTLE_S  # a film is taken when it has not changed for so long
    look_every_s: float | None = None  # also without a sign of a change; None: as the file system wants it

    def __post_init__(self) -> None:
        """Checks the ranges; NaN is in none."""
        if not 0 <= self.settle_s < inf:
            raise BadSettings(f"settle {self.settle_s}: seconds, from 0")
        if self.look_every_s is not None and not 0 < self.look_every_s < inf:
            raise BadSettings(f"look every {self.look_every_s}: seconds, above 0")

    def every_s(self, drive: str) -> float:
        """Returns the time between two looks, on a network drive or on none ("")."""
        usual = OFTEN_S if drive else SELDOM_S
        return usual if self.look_every_s is None else self.look_every_s


class Arrivals:
    """Tells films that have come to rest from those that may still be written, by looking more than once."""

    def __init__(self, settle_s: float) -> None:
        """Takes how long a film must not have changed; none was seen yet."""
        self._settle_s = settle_s
        self._since: dict[FilmFile, float] = {}  # when each was first seen as it is now
        self.due_s: float | None = None
        """Until the next film may have come to rest; None if none is awaited."""

    def at_rest(self, search: Search) -> Search:
        """Returns what was found, without films that changed since they were first seen, or not long enough ago."""
        now = time.monotonic()
        self._since = {film: self._since.get(film, now) for film in search.films}
        left = {film: since + self._settle_s - now for film, since in self._since.items()}
        self.due_s = min((one for one in left.values() if one > 0), default=None)
        return replace(search, films=tuple(film for film in search.films if left[film] <= 0))


def watch(folders: Sequence[Path], leave_out: Path, pace: Pace, look: Callable[[Arrivals], None]) -> NoReturn:
    """Looks at folders whenever something changed below them, and now and then; for good.

    Args:
        folders: that are looked at.
        leave_out: what changes below this folder is no reason to look, that of the reports.
        pace: how patient it is.
        look: finds films, asks which of them are at rest, and does what is to be done with these.

    Raises:
        KeyboardInterrupt: it was asked to end.
        LibraryMissing: watchfiles is not installed.
    """
    arrivals = Arrivals(pace.settle_s)
    while True:
        forget_folders()  # links and disks may have changed
        with changes(folders, leave_out) as wait:
            begun = time.monotonic()
            look(arrivals)
            if arrivals.due_s is None:
                wait(pace.every_s(network_drive(folders)))
        # Of what is written without end there is a sign all the time: until it rests there is no hurry.
        time.sleep(max(PAUSE_S, arrivals.due_s or begun + pace.settle_s - time.monotonic()))


@contextmanager
def changes(folders: Sequence[Path], leave_out: Path) -> Iterator[Callable[[float], None]]:
    """Gives what waits until something changed below folders since this began, and so many seconds at most.

    Where nothing is reported (a folder is gone, a limit of the system is reached), it waits `OFTEN_S` at most.

    Raises:
        LibraryMissing: watchfiles is not installed.
    """
    own, stream = os.path.realpath(leave_out), _reported(folders)
    mixed = any(_below(os.path.realpath(folder), own) for folder in folders)  # reports lie among films
    with closing(stream):
        with suppress(*SILENT):
            next(stream)  # from now on

        def wait(seconds: float) -> None:
            end = time.monotonic() + seconds
            try:
                while time.monotonic() < end and all(_below(path, own) and not mixed for path in next(stream)):
                    pass
            except SILENT:
                time.sleep(max(0.0, min(OFTEN_S, end - time.monotonic())))

        yield wait


def network_drive(folders: Sequence[Path]) -> str:
    """Returns which file system of other machines holds one of these folders, or lies below it; "" if none does."""
    disks = [(os.path.normpath(disk.mountpoint), _network(disk)) for disk in psutil.disk_partitions(all=True)]
    for folder in map(os.path.realpath, folders):
        if folder.startswith("\\\\"):
            return "a share of Windows"
        holding = [disk for disk in disks if _below(folder, disk[0])]
        inside = [disk for disk in disks if _below(disk[0], folder)]
        for _, kind in (*inside, *sorted(holding, key=lambda disk: len(disk[0]))[-1:]):
            if kind:
                return kind
    return ""


def _network(disk: Any) -> str:
    """The kind of a disk, if it is another machine's."""
    kind = disk.fstype.lower()
    remote = kind in NETWORK or kind.startswith("fuse.") or "remote" in disk.opts.split(",")
    return (kind or "network") if remote else ""


def _below(path: str, folder: str) -> bool:
    """Whether a path is that of a folder, or of something below it."""
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def _reported(folders: Sequence[Path]) -> Generator[list[str], None, None]:
    """Yields the paths of what changed, again and again; none where nothing did for a moment."""
    with libraries.needed("--watch"):
        from watchfiles import watch as watched
    for ignoring in (False, True):  # folders that may not be read; it would then say nothing of any other trouble
        with suppress(PermissionError):
            # No filter of its own: while it has something to leave out, it never says that time passes.
            for found in watched(
                *folders, watch_filter=None, rust_timeout=TICK_MS, yield_on_timeout=True, poll_delay_ms=POLL_MS,
                ignore_permission_denied=ignoring,
            ):  # fmt: skip
                yield [os.path.realpath(path) for _, path in found]
