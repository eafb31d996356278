"""Running ahead changes when work is done, not what comes out."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tagger.queues import RunAhead, ahead


def counting(made: list[int], closed: list[bool], fail_at: int = 10**9) -> Generator[int, None, None]:
    try:
        for number in range(100):
            if number == fail_at:
                raise ValueError("broken")
            made.append(number)
            yield number
    finally:
        closed.append(True)


NEVER_CLOSED = """
import time
from tagger.queues import RunAhead

def items():
    try:
        while True:
            time.sleep(0.01)
            yield 1
    finally:
        print("closed")

ahead = RunAhead(items(), 3, lambda: None)
next(iter(ahead))
"""


def test_at_the_end_of_the_process_a_thread_is_not_cut_off() -> None:
    """In the middle of OpenCV that would end it with an abort."""
    done = subprocess.run([sys.executable, "-c", NEVER_CLOSED], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "closed\n", "")


def test_all_items_in_order() -> None:
    closed: list[bool] = []
    with RunAhead(counting([], closed), 3, lambda: None) as ahead:
        assert list(ahead) == list(range(100))
    assert closed == [True]


def test_after_the_end_there_is_nothing_more() -> None:
    with RunAhead(counting([], []), 3, lambda: None) as ahead:
        assert [len(list(ahead)), list(ahead)] == [100, []]


def test_never_further_ahead_than_asked() -> None:
    made: list[int] = []
    with RunAhead(counting(made, []), 3, lambda: None) as ahead:
        items = iter(ahead)
        next(items)
        time.sleep(0.2)
        assert len(made) <= 1 + 3 + 1  # taken, waiting, in the hand of the thread
        assert len(made) >= 4


def test_an_exception_comes_out_in_its_place() -> None:
    seen = []
    with pytest.raises(ValueError, match="broken"), RunAhead(counting([], [], fail_at=5), 3, lambda: None) as ahead:
        for item in ahead:
            seen.append(item)
    assert seen == [0, 1, 2, 3, 4]


def test_leaving_early_ends_the_thread_and_closes_the_source() -> None:
    made: list[int] = []
    closed: list[bool] = []
    with RunAhead(counting(made, closed), 3, lambda: None) as ahead:
        next(iter(ahead))
    assert closed == [True]
    assert len(made) < 10
    assert not any("RunAhead" in thread.name or "_run" in thread.name for thread in threading.enumerate())


def test_leaving_early_tells_the_source() -> None:
    """A source that would work for ever on its next item hears that nobody wants it."""
    unwanted = threading.Event()

    def endless() -> Generator[int, None, None]:
        yield 0
        while not unwanted.wait(0.01):
            pass

    begun = time.monotonic()
    with RunAhead(endless(), 3, unwanted.set) as ahead:
        next(iter(ahead))
    assert time.monotonic() - begun < 5


def test_many_threads_keep_the_order_and_the_depth() -> None:
    begun: list[int] = []

    def square(number: int) -> int:
        begun.append(number)
        time.sleep(0.002 * (number % 3))
        return number**2

    with ThreadPoolExecutor(4) as pool:
        squares = ahead(pool, square, range(20), 5)
        assert next(squares) == 0
        time.sleep(0.1)
        assert len(begun) == 1 + 5
        assert list(squares) == [number**2 for number in range(1, 20)]


def test_an_exception_stands_in_the_place_of_its_item() -> None:
    with ThreadPoolExecutor(2) as pool:
        halves = ahead(pool, lambda number: 2 // number, [2, 1, 0, 1], 3)
        assert [next(halves), next(halves)] == [1, 2]
        with pytest.raises(ZeroDivisionError):
            next(halves)


def test_what_was_not_begun_is_dropped_when_it_is_closed() -> None:
    begun: list[int] = []
    free = threading.Event()

    def wait(number: int) -> int:
        begun.append(number)
        return number if number == 0 else int(free.wait())

    with ThreadPoolExecutor(1) as pool:
        numbers = ahead(pool, wait, range(10), 8)
        assert next(numbers) == 0
        numbers.close()
        free.set()
    assert begun in ([0], [0, 1])
