"""What training sees, batch by batch: rows that are in memory, or pictures read and changed as they are needed.

The order of an epoch, and what is changed in its pictures, follow from the seed and the number of the epoch
alone: a run that was interrupted goes on exactly as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from tagger import process
from tagger.images import Pixels, prepare
from tagger.queues import ahead
from tagger.records import Floats, Ints
from tagger.training.augment import augment
from tagger.training.features import read_again

AHEAD = 3  # batches being read while one is learned from


class Batches(Protocol):
    """n examples with what is to be said of them."""

    @property
    def wanted(self) -> Floats:
        """What is to be said, (n, tags)."""
        ...

    @property
    def weight(self) -> Floats:
        """How much each counts, (n,)."""
        ...

    def epoch(self, number: int) -> Iterator[tuple[Floats, Ints]]:
        """Yields what is seen in the examples, and which they are, shuffled; a batch lasts until the next."""
        ...

    def plain(self) -> Iterator[Floats]:
        """Yields the examples in order, unchanged, in batches."""
        ...


def order(count: int, seed: int, epoch: int) -> Ints:
    """Returns the order of the examples in an epoch."""
    return np.random.default_rng((seed, epoch)).permutation(count)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of numbers, in memory."""

    rows: Floats  # (n, d)
    wanted: Floats
    weight: Floats
    batch_size: int
    seed: int

    def epoch(self, number: int) -> Iterator[tuple[Floats, Ints]]:
        """Yields shuffled batches, each in the place of the one before."""
        mixed = order(len(self.rows), self.seed, number)
        room = np.empty((min(self.batch_size, len(mixed)), self.rows.shape[1]), np.float32)
        for start in range(0, len(mixed), self.batch_size):
            part = mixed[start : start + self.batch_size]
            yield (
                self.rows.take(part, axis=0, out=room[: len(part)], mode="clip"),
                part,
            )  # without "clip" it is buffered

    def plain(self) -> Iterator[Floats]:
        """Yields all rows, in batches."""
        for start in range(0, len(self.rows), self.batch_size):
            yield self.rows[start : start + self.batch_size]


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Pictures on disk, read by other threads while one learns."""

    paths: Sequence[Path]  # n
    size: int  # pixels, square
    seen: Callable[[Pixels], Floats]  # (n, s, s, 3) -> what is learned from
    wanted: Floats
    weight: Floats
    batch_size: int
    augment: tuple[str, ...]
    seed: int

    def epoch(self, number: int) -> Iterator[tuple[Floats, Ints]]:
        """Yields shuffled batches of changed pictures."""
        mixed = order(len(self.paths), self.seed, number)
        parts = [mixed[start : start + self.batch_size] for start in range(0, len(mixed), self.batch_size)]

        def picture(index: int) -> Pixels:
            plain = self._read(index)
            rng = np.random.default_rng((self.seed, number, index))
            return augment(plain, self.augment, rng) if self.augment else plain

        for part, pixels in zip(parts, _stacked(parts, picture), strict=True):
            yield self.seen(pixels), part

    def plain(self) -> Iterator[Floats]:
        """Yields all pictures as they are, in batches."""
        every = np.arange(len(self.paths))
        parts = [every[start : start + self.batch_size] for start in range(0, len(every), self.batch_size)]
        for pixels in _stacked(parts, self._read):
            yield self.seen(pixels)

    def _read(self, index: int) -> Pixels:
        return prepare(read_again(self.paths[index]), self.size)


def _stacked(parts: Sequence[Ints], picture: Callable[[int], Pixels]) -> Iterator[Pixels]:
    """The pictures of each part, a few parts ahead of whoever asks."""
    every = [int(index) for part in parts for index in part]
    depth = AHEAD * max(map(len, parts), default=0)
    with (
        ThreadPoolExecutor(process.cores(), "read") as readers,
        closing(ahead(readers, picture, every, depth)) as pictures,
    ):
        for part in parts:
            yield np.stack(list(islice(pictures, len(part))))
