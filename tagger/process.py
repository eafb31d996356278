"""This process and the people before it: when it began, what it says, how it ends."""

from __future__ import annotations

import errno
import os
import sys
import time
from typing import NoReturn

from tagger.errors import StdoutGone
from tagger.text import printable


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
    """Returns how many processor cores this process may use."""
    if sys.platform == "linux":  # containers are often given fewer than the machine has
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def hardware_decoders() -> tuple[str, ...]:
    """Returns the kinds of decoding hardware that this FFmpeg knows; the machine may have none of them."""
    from av.codec.hwaccel import hwdevices_available

    return tuple(hwdevices_available())


def silence_native_code() -> None:
    """Sends what C libraries print to nowhere; Python's own stderr stays.

    TensorFlow prints about processors and missing GPUs before any of its log levels can be set.
    """
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
        print(f"movietags: {printable(message)}", file=sys.stderr, flush=True)  # noqa: T201
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


def leave(code: int) -> NoReturn:
    """Ends the process now: a network that is still being loaded in its thread would hold it up for seconds."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            code = code or 1  # what was to be said could not be
    os._exit(code)
