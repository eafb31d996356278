"""What stands between two shots of a made film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from footage import Picture
from numpy.random import Generator
from numpy.typing import NDArray

Field = NDArray[np.float64]
SHAPES: dict[str, Callable[[Field, Field], Field]] = {  # x and y, 0 to 1 -> when the new shot comes there, 0 to 1
    "left": lambda x, y: 1 - x,
    "right": lambda x, y: x,
    "up": lambda x, y: 1 - y,
    "down": lambda x, y: y,
    "corner": lambda x, y: (x + y) / 2,
    "iris": lambda x, y: np.hypot(x - 0.5, y - 0.5) * 2**0.5,
    "clock": lambda x, y: np.arctan2(y - 0.5, x - 0.5) / (2 * np.pi) + 0.5,
    "blinds": lambda x, y: y * 5 % 1,
}
PUSHES = ("push left", "push right", "push up", "cover")
EDGE = 0.05  # of the way: how soft a wipe is


@dataclass(frozen=True)
class Join:
    """A boundary: frames in which the old shot goes, nothing is seen, the new one comes; a cut has none."""

    out: int = 0
    hold: int = 0
    into: int = 0
    frames: int = 0  # all of it; less than the sum in a dissolve, where the new one comes while the old one goes
    level: int = 0  # of grey in between
    shape: str = ""  # of a wipe, see SHAPES; then the numbers are those of a dissolve


def drawn_join(rng: Generator, kind: str) -> Join:
    """A boundary as films of this kind have them."""
    if kind == "wipes":
        frames, shapes = int(rng.integers(8, 37)), (*SHAPES, *PUSHES)
        return Join(frames, 0, frames, frames=frames, shape=shapes[rng.integers(len(shapes))])
    if kind == "blends" and rng.random() < 0.6:
        frames = int(rng.choice([6, 8, 12, 16, 24, 32, 48]))
        return Join(frames, 0, frames, frames=frames)
    if kind == "blends":
        out, hold, into = (int(rng.integers(a, b)) for a, b in ((5, 31), (0, 13), (5, 31)))
        return Join(out, hold, into, out + hold + into, 255 if rng.random() < 0.4 else 0)
    draw = rng.random() if kind == "mixed" else {"dissolves": 0.7, "fades": 0.9}.get(kind, 0.0)
    if draw < 0.6:
        return Join()
    if draw < 0.85:
        frames = int(rng.integers(8, 51))
        return Join(frames, 0, frames, frames=frames)
    out, hold, into = (int(rng.integers(a, b)) for a, b in ((8, 31), (0, 16), (8, 31)))
    return Join(out, hold, into, out + hold + into, 255 if rng.random() < 0.2 else 0)


def mix(old: Picture, new: Picture, share: float) -> Picture:
    """Two pictures blended, `share` of the new one."""
    return np.asarray(cv2.addWeighted(old, 1 - share, new, share, 0), np.uint8)


def between(old: Picture, new: Picture, share: float, shape: str) -> Picture:
    """The picture `share` of the way into a dissolve, or a wipe of a shape."""
    if not shape:
        return mix(old, new, share)
    high, wide = old.shape[:2]
    if shape in SHAPES:
        y, x = np.mgrid[0:high, 0:wide]
        field = SHAPES[shape]((x + 0.5) / wide, (y + 0.5) / high)
        seen = ((share * (1 + EDGE) - field) / EDGE).clip(0, 1)[..., None]
        return np.asarray(old * (1 - seen) + new * seen, np.uint8)
    if shape == "push up":
        rows = round(share * high)
        return np.concatenate([old[rows:], new[:rows]])
    columns = round(share * wide)
    if shape == "push right":
        return np.concatenate([new[:, wide - columns :], old[:, : wide - columns]], 1)
    return np.concatenate([old[:, columns:] if shape == "push left" else old[:, : wide - columns], new[:, :columns]], 1)
