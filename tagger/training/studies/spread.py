"""Which recipes a search tries: some spread over the whole ranges, then some around the best of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from tagger.records import Doubles
from tagger.training.recipe import Recipe

WHOLE = 2.0  # width around any place that reaches both ends
FINE = 0.25  # width, of the whole range

Value = float | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """The values of one choice, in order: neighbours do much the same."""

    name: str  # field of `Recipe`
    values: tuple[Value, ...]

    def at(self, place: float) -> Value:
        """Returns the value at a place from 0 to 1."""
        return self.values[min(int(place * len(self.values)), len(self.values) - 1)]

    def place(self, recipe: Recipe) -> float:
        """Returns the place of a recipe's value, which must be one of these."""
        return (self.values.index(getattr(recipe, self.name)) + 0.5) / len(self.values)


def _three_digits(values: Doubles) -> tuple[float, ...]:
    return tuple(float(f"{value:.3g}") for value in values)


# In the order of their say: a grid has more levels of the first. They hold the usual value of every choice.
AXES = (
    Axis("learning_rate", _three_digits(np.geomspace(1e-4, 1e-1, 61))),
    Axis("hidden", ((), (64,), (128,), (256,), (512,), (1024,))),
    Axis("dropout", _three_digits(np.linspace(0, 0.8, 17))),
    Axis("weight_decay", _three_digits(np.geomspace(1e-5, 1, 51))),
    Axis("label_smoothing", _three_digits(np.linspace(0, 0.2, 21))),
)


def at_random(
    axes: Sequence[Axis], centre: Recipe, width: float, count: int, rng: np.random.Generator
) -> Iterator[Recipe]:
    """Yields `count` recipes that lie at most half of `width` from the centre along each axis, the ends aside."""
    low, high = _box(axes, centre, width)
    for places in rng.uniform(low, high, (count, len(axes))):
        yield _recipe(axes, centre, places)


def on_grid(axes: Sequence[Axis], centre: Recipe, width: float, count: int) -> Iterator[Recipe]:
    """Yields the recipes of a grid over the same box: at most `count`, and none if that is 0.

    An axis for which one level is left keeps the value of the centre.
    """
    low, high = _box(axes, centre, width)
    sizes = levels([len(axis.values) for axis in axes], count)
    lines = [
        np.linspace(first, last, size) if size > 1 else [axis.place(centre)]
        for axis, size, first, last in zip(axes, sizes, low, high, strict=True)
    ]
    for places in product(*lines) if count else ():
        yield _recipe(axes, centre, places)


def levels(sizes: Sequence[int], count: int) -> list[int]:
    """Returns how many levels each axis has in a grid of at most `count` points: equal ones, the first have more.

    Args:
        sizes: how many values the axes have, and levels at most.
        count: from 1; below there is still one point.
    """
    counts = [1] * len(sizes)
    while True:
        points = math.prod(counts)
        able = [axis for axis, n in enumerate(counts) if n < sizes[axis] and points // n * (n + 1) <= count]
        if not able:
            return counts
        counts[min(able, key=lambda axis: counts[axis])] += 1


def _box(axes: Sequence[Axis], centre: Recipe, width: float) -> tuple[Doubles, Doubles]:
    middle = np.array([axis.place(centre) for axis in axes])
    return np.clip(middle - width / 2, 0, 1), np.clip(middle + width / 2, 0, 1)


def _recipe(axes: Sequence[Axis], centre: Recipe, places: Sequence[float] | Doubles) -> Recipe:
    chosen: dict[str, Any] = {axis.name: axis.at(place) for axis, place in zip(axes, places, strict=True)}
    return replace(centre, **chosen)
