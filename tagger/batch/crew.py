"""The parent's side of the decoding processes: hands out films, passes on what comes back, replaces who fell.

for said in crew.work(tasks): task, message = said ...
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from multiprocessing.connection import wait
from pathlib import Path
from typing import Generic, TypeVar

from tagger.batch.worker import OVER_MEMORY, At, Message, Orders, Read, Ready, Refused, serve
from tagger.errors import BadSettings, DecodersFailed, reason
from tagger.signals import kept_from_children

CHECK_S = 0.25  # between two looks at whether all films advance
GRACE_S = 1.0  # for a process to end by itself
MIB = 2**20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a film may cost before it is given up."""

    memory_mib: int = 4096  # of the process that decodes it; 8K films take 700
    min_speed: float = 0.02  # seconds of film per second, over `patience_s`; less is a decoder that hangs
    patience_s: float = 60.0

    def __post_init__(self) -> None:
        """Checks the speed: none is fast enough for NaN, which options take for a number."""
        if not 0 <= self.min_speed < inf:
            raise BadSettings(f"min speed {self.min_speed}: times real time, from 0")


class _Worker(Generic[T]):
    """One process, and what it is at."""

    def __init__(self, orders: Orders) -> None:
        spawn = multiprocessing.get_context("spawn")  # threads are running here: nothing is to be forked
        self.pipe, far_end = spawn.Pipe()
        self.process = spawn.Process(target=serve, args=(far_end, orders), daemon=True)
        with kept_from_children():
            self.process.start()
        far_end.close()  # so that its end is seen when it dies
        self.stands = False  # it has said that it is ready
        self.task: T | None = None
        self.film = Path()
        self.time_s = 0.0
        self.mark = (0.0, 0.0)  # when it was last looked at, and how far the film was then

    def begin(self, task: T, files: tuple[Path, ...], now: float) -> None:
        self.task, self.film, self.time_s, self.mark = task, files[0], 0.0, (now, 0.0)
        with suppress(OSError):  # it has just died: seen when its answer is read
            self.pipe.send(files)

    def receive(self, memory_mib: int) -> Message:
        """What it says, or, if it is gone, why.

        Raises:
            DecodersFailed: it never stood, so that its film is not to blame.
            BadSettings: it holds more than the limit before it opens a film.
        """
        try:
            message: Message = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            if not self.stands:
                raise _cannot_start(f"exit code {self.process.exitcode}") from None
            return Refused(f"{self.film}: {_cause(self.process.exitcode, memory_mib)}")
        if isinstance(message, At):
            self.time_s = message.time_s
        if isinstance(message, Ready):
            self.stands = True
            if message.memory_bytes > memory_mib * MIB:
                held = message.memory_bytes // MIB
                raise BadSettings(f"memory limit {memory_mib} MiB: a decoder takes {held} before it opens a film")
        return message

    def stalls(self, now: float, limits: Limits) -> Refused | None:
        """What to say if the film hardly advanced since it was last looked at, long enough ago."""
        since, time_s = self.mark
        if now - since < limits.patience_s:
            return None
        self.mark = (now, self.time_s)
        advance_s, took_s = self.time_s - time_s, now - since
        if advance_s >= limits.min_speed * took_s:
            return None
        return Refused(f"{self.film}: stopped, as it advanced {advance_s:.1f} s in {took_s:.0f} s (--min-speed)")

    def end(self, at_once: bool) -> None:
        self.pipe.close()  # for one that is waiting, the sign to go
        if not at_once:
            self.process.join(GRACE_S)
        self.process.kill()
        self.process.join()


class Crew(Generic[T]):
    """Some decoding processes, started when there is work for them; use it in a `with` block."""

    def __init__(self, orders: Orders, size: int, limits: Limits, files_of: Callable[[T], tuple[Path, ...]]) -> None:
        """Starts nothing yet.

        Args:
            orders: for all.
            size: how many processes at most.
            limits: what a film may cost.
            files_of: gives the files of a task's film, in order.
        """
        self._orders, self._size, self._limits, self._files_of = orders, size, limits, files_of
        self._workers: list[_Worker[T]] = []
        self._waited_s = 0.0  # for the processes: their clock, which stands while the caller works or all is paused

    def __enter__(self) -> Crew[T]:
        """Returns itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ends all processes, those that are at work too."""
        for worker in self._workers:
            worker.end(at_once=kind is not None or worker.task is not None)

    def work(self, tasks: Iterable[T]) -> Iterator[tuple[T, Message] | None]:
        """Yields what the processes say about the films of all tasks; `Read` or `Refused` is the last about each.

        None comes when nobody had anything to say for a moment.
        """
        waiting = iter(tasks)
        while self._hand_out(waiting):
            busy = {worker.pipe: worker for worker in self._workers if worker.task is not None}
            begun = time.monotonic()
            speaking = wait(list(busy), CHECK_S)
            self._waited_s += min(time.monotonic() - begun, 2 * CHECK_S)
            for pipe in speaking:
                worker = busy[pipe]  # type: ignore[index]
                if worker in self._workers:
                    yield from self._said(worker, waiting)
            if not speaking:
                yield None
            for worker in [worker for worker in self._workers if worker.task is not None]:
                refused = worker.stalls(self._waited_s, self._limits)
                task = worker.task
                if refused and task is not None:
                    self._dismiss(worker)
                    self._hand_out(waiting)
                    yield task, refused

    def drop(self, task: T) -> None:
        """Ends the work on a film that nobody wants any more; nothing more will be said about it."""
        for worker in [worker for worker in self._workers if worker.task == task]:
            self._dismiss(worker)

    def _hand_out(self, waiting: Iterator[T]) -> bool:
        """Gives everyone something to do as long as there is; whether anyone has."""
        while True:
            for dead in [w for w in self._workers if w.task is None and not w.process.is_alive()]:
                self._dismiss(dead)
            idle = next((worker for worker in self._workers if worker.task is None), None)
            if idle is None and len(self._workers) == self._size:
                return True
            task = next(waiting, None)
            if task is None:
                return any(worker.task is not None for worker in self._workers)
            worker = idle or self._hired()
            worker.begin(task, self._files_of(task), self._waited_s)

    def _hired(self) -> _Worker[T]:
        """One more process."""
        try:
            worker: _Worker[T] = _Worker(self._orders)
        except OSError as error:
            raise _cannot_start(reason(error)) from error
        self._workers.append(worker)
        return worker

    def _said(self, worker: _Worker[T], waiting: Iterator[T]) -> Iterator[tuple[T, Message]]:
        message = worker.receive(self._limits.memory_mib)
        task = worker.task
        assert task is not None
        if isinstance(message, Ready):
            worker.mark = (self._waited_s, 0.0)  # its start is not the film's
            return
        if isinstance(message, Read | Refused):
            worker.task = None
            if worker.process.exitcode is not None:
                self._dismiss(worker)
            self._hand_out(waiting)  # first, so that it decodes while the caller works on this
        yield task, message

    def _dismiss(self, worker: _Worker[T]) -> None:
        worker.end(at_once=True)
        self._workers.remove(worker)


def _cannot_start(why: str) -> DecodersFailed:
    return DecodersFailed(
        f"decoding processes cannot be started here ({why}): free memory and descriptors, or take fewer --jobs; "
        f'in a script, put the call below `if __name__ == "__main__":`'
    )


def _cause(code: int | None, memory_mib: int) -> str:
    """What the exit code of a decoding process says to people."""
    if code == OVER_MEMORY:
        return f"decoding it takes more than {memory_mib} MiB of memory (--memory-limit)"
    if code is not None and code < 0:
        return f"the decoder crashed (signal {-code})"
    return f"the decoder ended (exit code {code})"
