"""This process and the people before it: when it began, what it says, how it ends."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import NoReturn

from tagger.errors import StdoutGone
from tagger.text import printable

ORPHANED = 78  # exit code of a child whose parent is gone
CHECK_S = 0.1  # between two checks of a child
OWN_GROUPS, GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")  # of Linux


def began() -> float:
    """Returns the `time.monotonic()` at which this process was started."""
    if sys.platform == "linux":  # to the hundredth; psutil counts from a boot time in whole seconds
        with open("/proc/self/stat", "rb") as stat:  # noqa: PTH123  # no file to pathlib
            ticks = int(stat.read().rpartition(b")")[2].split()[19])  # field 22, "starttime"
        lived_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    else:
        import psutil

        lived_s = time.time() - float(psutil.Process().create_time())
    return time.monotonic() - lived_s


def cores() -> int:
    """Returns how many processor cores this process may use.

    That is what PYTHON_CPU_COUNT says, as to Python itself from 3.13 on; else those that it may run on (taskset,
    cpusets), and of these no more than the quota of its container allows (docker --cpus, Kubernetes, systemd).
    """
    told = os.environ.get("PYTHON_CPU_COUNT", "")
    if told.isdecimal() and int(told):
        return int(told)
    if sys.platform == "linux":
        return max(1, min([len(os.sched_getaffinity(0)), *map(ceil, _quotas())]))
    return os.cpu_count() or 1


def _quotas() -> Iterator[float]:
    """How many cores' time each control group gives that this process is in, and each that holds one of them.

    By hand: `loky.cpu_count` costs 0.12 s, and looks at the outermost group only.
    """
    for line in OWN_GROUPS.read_text().splitlines() if OWN_GROUPS.exists() else ():
        _, controllers, place = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top, names = (
            (GROUPS / "cpu", ("cpu.cfs_quota_us", "cpu.cfs_period_us")) if controllers else (GROUPS, ("cpu.max",))
        )
        group = top / place.strip("/")  # without a namespace the path is the host's, and only the top is here
        for folder in (group, *group.parents):
            with suppress(OSError, ValueError):  # not here, or "max"
                quota, period = " ".join((folder / name).read_text() for name in names).split()
                if float(quota) > 0:
                    yield float(quota) / float(period)
            if folder == top:
                break


def hardware_decoders() -> tuple[str, ...]:
    """Returns the kinds of decoding hardware that this FFmpeg knows; the machine may have none of them."""
    from av.codec.hwaccel import hwdevices_available

    return tuple(hwdevices_available())


def silence_libraries() -> None:
    """Sends what C libraries print, and what those of Python warn of, to nowhere; Python's own stderr stays.

    TensorFlow prints about processors and missing GPUs before any of its log levels can be set. Who asks Python for
    warnings (-W, PYTHONWARNINGS) gets them.
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    try:
        copy = os.dup(2)
    except OSError:
        return  # started without a stderr
    real = os.fdopen(copy, "w", buffering=1, errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = real


def say(message: str) -> None:
    """Puts one line on stderr, if there is one."""
    try:
        # In one piece: an interrupt between line and line end would have the next message follow on the same line.
        print(f"movietags: {printable(message)}\n", end="", file=sys.stderr, flush=True)  # noqa: T201
    except (OSError, ValueError):
        # What is left in its buffer would fail whoever flushes it next.
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def put(result: str | bytes) -> None:
    """Puts a result on stdout; bytes as they are.

    Raises:
        StdoutGone: nobody can read it any more.
    """
    try:
        if sys.stdout is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if isinstance(result, str):
            sys.stdout.write(result)
            sys.stdout.flush()
        else:
            sys.stdout.buffer.write(result)
            sys.stdout.buffer.flush()
    except OSError as error:
        raise StdoutGone(f"stdout: cannot be written ({error.strerror})") from error


def end_with_parent(check: Callable[[], None] | None = None) -> None:
    """Makes this child process end as soon as its parent is gone, even if that was killed: others would wait for ever.

    Args:
        check: is called every `CHECK_S` besides, in a thread; it may end the process for another reason.
    """
    threading.Thread(target=_stay, args=(check,), daemon=True).start()


def _stay(check: Callable[[], None] | None) -> None:
    import multiprocessing
    from multiprocessing.connection import wait

    parent = multiprocessing.parent_process()
    assert parent is not None  # only children of `multiprocessing` are guarded
    while not wait([parent.sentinel], CHECK_S if check else None):
        if check:
            check()
    os._exit(ORPHANED)


def leave(code: int) -> NoReturn:
    """Ends the process now: a network that is still being loaded in its thread would hold it up for seconds."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            code = code or 1  # what was to be said could not be
    os._exit(code)
