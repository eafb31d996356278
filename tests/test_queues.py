"""Running ahead changes when work is done, not what comes out."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import pytest

from tagger.queues import RunAhead


def counting(made: list[int], closed: list[bool], fail_at: int = 10**9) -> Generator[int, None, None]:
    try:
        for number in range(100):
            if number == fail_at:
                raise ValueError("broken")
            made.append(number)
            yield number
    finally:
        closed.append(True)


def test_all_items_in_order() -> None:
    closed: list[bool] = []
    with RunAhead(counting([], closed), 3, lambda: None) as ahead:
        assert list(ahead) == list(range(100))
    assert closed == [True]


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
