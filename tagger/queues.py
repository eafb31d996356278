"""Two stages at once: one runs ahead, in threads or processes, the other takes what it made, in order."""

from __future__ import annotations

import atexit
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakSet

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

S = TypeVar("S")
T = TypeVar("T")


@contextmanager
def processes(count: int, begin: Callable[..., None], *given: Any) -> Iterator[ProcessPoolExecutor]:
    """Gives processes that live until the end; what they may still be at then is lost.

    Args:
        count: at most so many.
        begin: what each of them does first.
        *given: what it is given for that.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), begin, given)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - others:
            child.kill()  # nobody waits for what it may still do
            child.join()


def ahead(pool: Executor, work: Callable[[S], T], items: Iterable[S], depth: int) -> Generator[T, None, None]:
    """Yields `work(item)` of every item, in order; an exception is raised in the place of its item.

    Close the generator before the pool (`contextlib.closing`): then what has not begun is dropped.

    Args:
        pool: does the work.
        work: what is to be done with each item.
        items: are taken as they are needed.
        depth: how many items are worked on, or done, ahead of the one that was taken last.
    """
    waiting: deque[Future[T]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


_open: WeakSet[RunAhead[Any]] = WeakSet()


@atexit.register
def _close() -> None:
    """Stops threads that nobody has closed: one that is cut off in the middle of OpenCV takes the process with it."""
    for one in list(_open):
        one.close()


class RunAhead(Generic[T]):
    """Iterates over `items`, which a thread computes up to `depth` items ahead.

    The work inside should release Python's lock (FFmpeg, OpenCV, numpy do). An exception of the thread
    is raised here, in its place. `close` (or leaving the `with` block) stops the thread and waits for it.
    """

    def __init__(self, items: Generator[T, None, None], depth: int, abandon: Callable[[], None]) -> None:
        """Starts the thread, which also closes the generator.

        Args:
            items: what to compute.
            depth: how many items may wait.
            abandon: tells the source to end soon; called when the rest is not wanted, from another thread.
        """
        self._items = items
        self._abandon = abandon
        self._ready: queue.Queue[T | BaseException | None] = queue.Queue(depth)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        _open.add(self)
        self._thread.start()

    def __enter__(self) -> RunAhead[T]:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stops the thread."""
        self.close()

    def __iter__(self) -> Iterator[T]:
        """Yields the items in order."""
        while True:
            item = self._ready.get()
            if item is None:
                self._ready.put(None)  # for who iterates once more
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> None:
        """Stops the thread and waits until it has ended."""
        self._stopped.set()
        self._abandon()
        while self._thread.is_alive():
            try:
                self._ready.get(timeout=0.05)  # makes room, should it wait for some
            except queue.Empty:
                continue

    def _run(self) -> None:
        end: BaseException | None = None
        try:
            with closing(self._items):  # what it opened is closed before `close` returns
                for item in self._items:
                    self._ready.put(item)
                    if self._stopped.is_set():
                        break
        except BaseException as error:
            end = error
        self._ready.put(end)
