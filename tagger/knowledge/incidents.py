"""What may happen within a shot and is soon over: something passes before the camera, a flash, a jerk, no light."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from tagger.knowledge.joins import BLACK, GREY, WHITE, Values
from tagger.knowledge.sights import EVERYWHERE, framed, lit
from tagger.records import Doubles
from tagger.shots.thumbnails import PLANES

NEAR_END, LASTS = (2, 14), (1, 6)  # frames from an end of the shot, and of an incident
PASSES = (6, 60)  # frames that something takes to pass
SIZES = (0.3, 1.6), (0.4, 1.6)  # of what passes, as shares of the picture's
STEEPNESS = 12.0  # of its edges


def jolted(values: Values, rng: Generator) -> Values:
    """Returns frames with a flash, a jerk of the camera, a hand before it or no light, near one end or both."""
    made = values.copy()
    for last in (False, True):
        lasts, apart = int(rng.integers(*LASTS)), int(rng.integers(*NEAR_END))
        start = len(values) - apart - lasts if last else apart
        if rng.random() < 0.7 and 0 <= start < len(values) - lasts:
            made[start : start + lasts] = _jolt(values[start : start + lasts], rng)
    return made


def _jolt(values: Values, rng: Generator) -> Values:
    kind, frames = rng.random(), len(values)
    if kind < 0.25:
        return lit(values, rng.uniform(1.5, 6, frames), EVERYWHERE)
    if kind < 0.45:
        return lit(values, rng.uniform(0.03, 0.4, frames), EVERYWHERE)
    if kind < 0.7:
        return _shifted(values, rng.uniform(-0.4, 0.4), rng.uniform(-0.15, 0.15))
    made, share, level = values.copy(), rng.uniform(0.4, 1), int(rng.integers(BLACK, WHITE))
    for first, last, width, _ in PLANES:
        pictures = made[:, first:last].reshape(frames, -1, width)
        pictures[:, :, : round(share * width)] = level if first == 0 else GREY
    return made


def _shifted(values: Values, x: float, y: float) -> Values:
    """The frames moved by shares of their size; their edges are repeated."""
    made = np.empty_like(values)
    for first, last, width, _ in PLANES:
        size = width, (last - first) // width
        for old, new in zip(values, made, strict=True):
            matrix = np.array([[1, 0, x * size[0]], [0, 1, y * size[1]]])
            picture = old[first:last].reshape(size[::-1])
            new[first:last] = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE).ravel()
    return made


def passed(values: Values, others: Values, rng: Generator) -> Values:
    """Returns frames before which something passes, big or so near that nothing else is seen.

    Args:
        values: n frames.
        others: frames whose parts look like what passes.
        rng: of everything random.
    """
    frames, made = len(values), values.copy()
    lasts = min(frames, int(rng.integers(*PASSES)))
    start, backwards, upright = int(rng.integers(frames - lasts + 1)), rng.random() < 0.5, rng.random() < 0.15
    wide, high = (rng.uniform(*sizes) for sizes in SIZES)
    looks = framed(others[rng.integers(len(others))][None], float(rng.uniform(0.2, 0.6)), rng.random((1, 2)), False)[0]
    round_, middle = rng.random() < 0.6, rng.uniform(0.3, 0.8)
    for step in range(lasts):
        place = (step + 1) / (lasts + 1) * (1 + wide) - wide / 2
        place = 1 - place if backwards else place
        centre = (middle, place) if upright else (place, middle)
        for first, last, width, _ in PLANES:
            seen = _outline((width, (last - first) // width), centre, (wide, high), round_)
            here = made[start + step, first:last]
            here[:] = np.rint(here * (1 - seen) + looks[first:last] * seen)
    return made


def _outline(size: tuple[int, int], centre: tuple[float, float], extent: tuple[float, float], round_: bool) -> Doubles:
    """How much of each place is covered, 0 to 1."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    far = [np.abs((at + 0.5) / of - c) * 2 / e for at, of, c, e in zip((x, y), size, centre, extent, strict=True)]
    distance = np.hypot(*far) if round_ else np.maximum(*far)
    return np.asarray(((1 - distance) * STEEPNESS + 0.5).clip(0, 1).ravel())
