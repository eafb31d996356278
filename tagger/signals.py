"""How this process is stopped: Ctrl-C (SIGINT), SIGTERM, SIGHUP. One line on stderr, and the exit code of shells.

Before a command works the process leaves at once. While it works, `KeyboardInterrupt` is raised, so that a training
keeps its best and what is open is closed. A signal that was ignored when the process began (nohup, jobs in the
background) stays ignored. This is the first module that a command loads: it imports nothing that takes time.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
LINE = b"movietags: interrupted\n"
IMPORTER = "<frozen importlib._bootstrap>"  # the code that is at work in the middle of every import

_last = int(signal.SIGINT)  # the one that came last while a command worked


def leave_when_asked() -> None:
    """From now on a signal ends this process at once."""
    _answer(_leave)


@contextmanager
def raised() -> Iterator[None]:
    """Within it, a signal raises `KeyboardInterrupt`; `exit_code` says afterwards what that comes to."""

    def swallowed(what: Any) -> None:
        if isinstance(what.exc_value, KeyboardInterrupt):  # it fell into a destructor, or a callback of C
            _leave(_last, None)
        usual(what)

    before, usual = _answer(_raise), sys.unraisablehook
    sys.unraisablehook = swallowed
    try:
        yield
    finally:
        sys.unraisablehook = usual
        _restore(before)


def exit_code() -> int:
    """Returns the exit code of a process that the last signal ended: 130 after Ctrl-C, 143 after SIGTERM."""
    return 128 + _last


@contextmanager
def kept_from_children() -> Iterator[None]:
    """Within it, processes are started that never see a Ctrl-C: a terminal sends it to all, the first one decides.

    What comes meanwhile comes at the end: half a start would leave a process that nobody knows.
    """
    from multiprocessing import resource_tracker

    waiting: list[int] = []
    own = threading.current_thread() is threading.main_thread()
    before = _answer(lambda number, _: waiting.append(number)) if own else {}
    if masks := hasattr(signal, "pthread_sigmask"):  # children have it from here; Windows has none
        resource_tracker.ensure_running()  # it is started with the first process, and that unblocks what was blocked
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _restore(before)
        for number in waiting:
            signal.raise_signal(number)


def _answer(handler: Any) -> dict[int, Any]:
    """Sets the answer to all of them that are not ignored; what was their answer before."""
    numbers = [int(getattr(signal, name)) for name in NAMES if hasattr(signal, name)]
    heard = {number: signal.getsignal(number) for number in numbers}
    heard = {number: before for number, before in heard.items() if before is not signal.SIG_IGN}
    for number in heard:
        signal.signal(number, handler)
    return heard


def _restore(before: dict[int, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)


def _leave(number: int, _: FrameType | None) -> None:
    with suppress(OSError, ValueError, AttributeError):  # there is no stderr
        os.write(sys.stderr.fileno(), LINE)
    os._exit(128 + number)


def _raise(number: int, frame: FrameType | None) -> None:
    """Not in the middle of an import: C extensions make a traceback or an ImportError of it, `importlib` loses it."""
    global _last
    _last = number
    outer = frame
    while outer is not None:
        if outer.f_code.co_filename == IMPORTER:
            _leave(number, frame)
        outer = outer.f_back
    raise KeyboardInterrupt(number)
