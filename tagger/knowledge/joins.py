"""Films as thumbnails, and what can stand between two of their shots: dissolves, fades, wipes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tagger.evaluation.shots import Gradual, Truth, read_truth
from tagger.records import Doubles
from tagger.shots.networks import LOOK_S
from tagger.shots.thumbnails import LUMA, PLANES, VALUES, Shrinker
from tagger.video.film import Film

Values = NDArray[np.uint8]  # (n, VALUES): thumbnails of consecutive frames
Shares = NDArray[np.floating[Any]]  # (n,)

BLACK, WHITE, GREY = 16, 235, 128  # GREY of colour differences is no colour
SLIDES = 0.4  # share of wipes in which a picture moves
SOFTEST = 0.3  # edge of a wipe, as a share of its way


@dataclass(frozen=True, slots=True, eq=False)
class Reel:
    """Thumbnails, and where the shots begin."""

    values: Values
    truth: Truth
    step_s: float = LOOK_S  # from one frame to the next

    def shots(self) -> list[Values]:
        """Returns the frames of each shot that no gradual change has touched."""
        changes = [*((cut, cut) for cut in self.truth.cuts), *((g.start, g.end) for g in self.truth.gradual)]
        edges = [(0, 0), *sorted(changes), (len(self.values),) * 2]
        return [self.values[first:last] for (_, first), (last, _) in pairwise(edges) if first < last]


@dataclass(frozen=True, slots=True, eq=False)
class Join:
    """What stands between two shots, in frames; cuts and gradual changes are counted from its beginning."""

    out: int  # of the old shot that it replaces
    into: int  # of the new one
    values: Values
    cuts: tuple[int, ...] = ()
    gradual: tuple[Gradual, ...] = ()


def read(film: Path) -> Reel:
    """Returns a film with the truth in NAME.truth.json beside it."""
    shrink = Shrinker()
    with Film(film) as opened:
        values = np.stack([shrink(frame.picture).values for frame in opened.frames()])
    return Reel(values, read_truth(film.with_suffix(".truth.json")))


def dissolved(old: Values, new: Values, frames: int, smooth: bool) -> Join:
    """Returns a join in which the new shot comes while the old one goes."""
    share = _ramp(frames)
    share = share * share * (3 - 2 * share) if smooth else share
    return Join(frames, frames, _mixed(old[-frames:], new[:frames], share), gradual=(Gradual(0, frames),))


def faded(old: Values, new: Values, level: int, out: int, hold: int, into: int) -> Join:
    """Returns a fade through a grey that is held for `hold` frames; where one side has no frames there is a cut."""
    grey, frames = plain(level, 1), out + hold + into
    going, coming = _mixed(old[len(old) - out :], grey, _ramp(out)), _mixed(grey, new[:into], _ramp(into))
    cuts = (*([] if out else [0]), *([] if into else [frames]))
    values = np.concatenate([going, grey.repeat(hold, 0), coming])
    return Join(out, into, values, cuts, (Gradual(0 if out else 1, frames),))


def wiped(old: Values, new: Values, frames: int, rng: Generator) -> Join:
    """Returns a join in which the new shot drives the old one out: a wipe of some shape, a push or a slide."""
    out, into, shares = old[-frames:], new[:frames], _ramp(frames)
    shapes = list(WIPES.values())
    if rng.random() > SLIDES:
        values = _uncovered(out, into, shares, shapes[rng.integers(len(shapes))], rng)
    else:
        values = _slid(out, into, shares, rng)
    return Join(frames, frames, values, gradual=(Gradual(0, frames),))


def _uncovered(out: Values, into: Values, shares: Shares, shape: Shape, rng: Generator) -> Values:
    """The new shot seen where a field of 0 to 1 is below its share."""
    made, soft, turned = np.empty_like(out), rng.uniform(0.01, SOFTEST), rng.random() < 0.5
    count = int(rng.integers(2, 7))
    for first, last, width, _ in PLANES:
        y, x = np.mgrid[0 : (last - first) // width, 0:width]
        field = shape((x + 0.5) / width, (y + 0.5) / (y.max() + 1), count).ravel()
        field = 1 - field if turned else field
        share = ((shares[:, None] * (1 + soft) - field) / soft).clip(0, 1)
        made[:, first:last] = np.rint(out[:, first:last] * (1 - share) + into[:, first:last] * share)
    return made


def _slid(out: Values, into: Values, shares: Shares, rng: Generator) -> Values:
    """The new shot comes from a side, and pushes the old one out or covers it."""
    made, axis, pushes = np.empty_like(out), int(rng.random() < 0.3), rng.random() < 0.6
    backwards = rng.random() < 0.5
    for first, last, width, _ in PLANES:
        shape = (last - first) // width, width
        for at, share in enumerate(shares):
            pair = [part[at, first:last].reshape(shape) for part in (out, into)]
            old, new = (
                np.flip(part.T if axis else part, 1) if backwards else (part.T if axis else part) for part in pair
            )
            wide = round(share * old.shape[1] / 2) * 2 if width > shape[0] else round(share * old.shape[1])
            kept = old[:, wide:] if pushes else old[:, : old.shape[1] - wide]
            mixed = np.concatenate([kept, new[:, :wide]], 1)
            mixed = np.flip(mixed, 1) if backwards else mixed
            made[at, first:last] = (mixed.T if axis else mixed).ravel()
    return made


Shape = Callable[[Doubles, Doubles, int], Doubles]  # x and y, 0 to 1, and a number -> when each place is wiped, 0 to 1
WIPES: dict[str, Shape] = {
    "sideways": lambda x, y, count: x,
    "down": lambda x, y, count: y,
    "across": lambda x, y, count: (x + y) / 2,
    "iris": lambda x, y, count: np.hypot(x - 0.5, y - 0.5) * 2**0.5,
    "clock": lambda x, y, count: np.arctan2(y - 0.5, x - 0.5) / (2 * np.pi) + 0.5,
    "blinds": lambda x, y, count: x * count % 1,
    "doors": lambda x, y, count: np.abs(x - 0.5) * 2,
}


def plain(level: int, frames: int) -> Values:
    """Returns frames of one grey."""
    values = np.full((frames, VALUES), GREY, np.uint8)
    values[:, :LUMA] = level
    return values


def _ramp(frames: int) -> Shares:
    """Growing shares between 0 and 1."""
    return np.arange(1, frames + 1) / (frames + 1)


def _mixed(old: Values, new: Values, share: Shares) -> Values:
    """Two runs of frames blended, `share` of the new one."""
    return np.rint(old + (new.astype(np.float32) - old) * share[:, None]).astype(np.uint8)
