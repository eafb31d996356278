"""The parent's side of the decoding processes: hands out films, passes on what comes back, replaces who fell.

for said in crew.work(tasks): task, message = said ...
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Generic, TypeVar

from tagger.batch.worker import OVER_MEMORY, At, Message, Orders, Read, Refused, serve

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


class _Worker(Generic[T]):
    """One process, and what it is at."""

    def __init__(self, orders: Orders) -> None:
        spawn = multiprocessing.get_context("spawn")  # threads are running here: nothing is to be forked
        self.pipe, far_end = spawn.Pipe()
        self.process = spawn.Process(target=serve, args=(far_end, orders), daemon=True)
        self.process.start()
        far_end.close()  # so that its end is seen when it dies
        self.task: T | None = None
        self.film = Path()
        self.time_s = 0.0
        self.mark = (0.0, 0.0)  # when it was last looked at, and how far the film was then

    def begin(self, task: T, film: Path, now: float) -> None:
        self.task, self.film, self.time_s, self.mark = task, film, 0.0, (now, 0.0)
        with suppress(OSError):  # it has just died: seen when its answer is read
            self.pipe.send(film)

    def receive(self, memory_mib: int) -> Message:
        """What it says, or, if it is gone, why."""
        try:
            message: Message = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return Refused(f"{self.film}: {_cause(self.process.exitcode, memory_mib)}")
        if isinstance(message, At):
            self.time_s = message.time_s
        return message

    def stalls(self, now: float, limits: Limits) -> bool:
        """Whether the film hardly advanced since it was last looked at, long enough ago."""
        since, time_s = self.mark
        if now - since < limits.patience_s:
            return False
        self.mark = (now, self.time_s)
        return self.time_s - time_s < limits.min_speed * (now - since)

    def end(self, at_once: bool) -> None:
        self.pipe.close()  # for one that is waiting, the sign to go
        if not at_once:
            self.process.join(GRACE_S)
        self.process.kill()
        self.process.join()


class Crew(Generic[T]):
    """Some decoding processes, started when there is work for them; use it in a `with` block."""

    def __init__(self, orders: Orders, size: int, limits: Limits, film_of: Callable[[T], Path]) -> None:
        """Starts nothing yet.

        Args:
            orders: for all.
            size: how many processes at most.
            limits: what a film may cost.
            film_of: gives the path of a task's film.
        """
        self._orders, self._size, self._limits, self._film_of = orders, size, limits, film_of
        self._workers: list[_Worker[T]] = []
        self._elsewhere_s = 0.0  # time that the caller took: no film is to blame for it

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
            speaking = wait(list(busy), CHECK_S)
            for pipe in speaking:
                yield from self._said(busy[pipe], waiting)  # type: ignore[index]
            if not speaking:
                yield None
            for worker in [worker for worker in busy.values() if worker.task is not None]:
                if worker.stalls(self._now(), self._limits):
                    yield from self._given_up(worker, waiting)

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
            if idle is None:
                idle = _Worker(self._orders)
                self._workers.append(idle)
            idle.begin(task, self._film_of(task), self._now())

    def _said(self, worker: _Worker[T], waiting: Iterator[T]) -> Iterator[tuple[T, Message]]:
        message = worker.receive(self._limits.memory_mib)
        task = worker.task
        assert task is not None
        if isinstance(message, Read | Refused):
            worker.task = None
            if worker.process.exitcode is not None:
                self._dismiss(worker)
            self._hand_out(waiting)  # first, so that it decodes while the caller works on this
        yield from self._timed(task, message)

    def _given_up(self, worker: _Worker[T], waiting: Iterator[T]) -> Iterator[tuple[T, Message]]:
        task, limits = worker.task, self._limits
        assert task is not None
        why = (
            f"the decoder advanced less than {limits.min_speed * limits.patience_s:g} s in {limits.patience_s:g} s "
            f"and was stopped (--min-speed)"
        )
        self._dismiss(worker)
        self._hand_out(waiting)
        yield from self._timed(task, Refused(f"{worker.film}: {why}"))

    def _dismiss(self, worker: _Worker[T]) -> None:
        worker.end(at_once=True)
        self._workers.remove(worker)

    def _timed(self, task: T, message: Message) -> Iterator[tuple[T, Message]]:
        begun = time.monotonic()
        yield task, message
        self._elsewhere_s += time.monotonic() - begun

    def _now(self) -> float:
        return time.monotonic() - self._elsewhere_s


def _cause(code: int | None, memory_mib: int) -> str:
    """What the exit code of a decoding process says to people."""
    if code == OVER_MEMORY:
        return f"decoding it takes more than {memory_mib} MiB of memory (--memory-limit)"
    if code is not None and code < 0:
        return f"the decoder crashed (signal {-code})"
    return f"the decoder ended (exit code {code})"
