"""Pictures as a training network sees them: found on disk, framed, and disturbed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from tagger.images import Pixels, squash

Box = tuple[int, int, int, int]

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
HELD_OUT_SHARE = 5  # one picture in five of a held-out folder is never learned from
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def pictures(folders: Iterable[Path]) -> list[Path]:
    """Paths of all pictures below `folders`, sorted."""
    return sorted(p for f in folders for p in f.rglob("*") if p.suffix.lower() in SUFFIXES)


def read(path: Path) -> Pixels | None:
    """Pixels (h, w, 3), RGB; None where the file is no picture."""
    raw = np.fromfile(path, np.uint8)
    image = cv2.imdecode(raw, cv2.IMREAD_COLOR) if raw.size else None
    return None if image is None else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def is_held_out(path: Path) -> bool:
    """Whether the bytes of the file at `path` put it in the fifth that no training may see."""
    return hashlib.sha256(path.read_bytes()).digest()[0] % HELD_OUT_SHARE == 0


def whole(image: Pixels) -> Box:
    """The box (top, left, height, width) that holds all of `image`: what inference squashes to a square."""
    return 0, 0, image.shape[0], image.shape[1]


def random_box(image: Pixels, rng: np.random.Generator, scale: tuple[float, float] = (0.3, 1.0)) -> Box:
    """A box (top, left, height, width) of 0.3 to 1 of the area; its aspect is that of `image` times 0.6 to 1.6."""
    height, width = image.shape[:2]
    area = rng.uniform(*scale)
    stretch = np.exp(rng.uniform(np.log(0.6), np.log(1.6)))
    h = min(height, max(1, round(height * np.sqrt(area / stretch))))
    w = min(width, max(1, round(width * np.sqrt(area * stretch))))
    return int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1)), h, w


def render(image: Pixels, box: Box, size: int) -> Pixels:
    """`box` of `image` squashed to (size, size, 3)."""
    top, left, height, width = box
    return squash(image[top : top + height, left : left + width], size)


def disturb(image: Pixels, size: int, rng: np.random.Generator) -> Pixels:
    """`image` as another camera, grade and codec would have it, (size, size, 3): only its meaning stays."""
    image = render(image, random_box(image, rng, (0.75, 1.0)) if rng.random() < 0.7 else whole(image), size)
    if rng.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
    if rng.random() < 0.25:
        small = max(24, round(size * rng.uniform(0.4, 0.9)))
        image = cv2.resize(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (size, size))  # type: ignore[assignment]
    if rng.random() < 0.8:
        image = grade(image, rng)
    if rng.random() < 0.2:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)  # type: ignore[assignment]
    return image


def grade(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Returns the picture with other saturation, white balance, contrast, brightness, gamma; one in ten turns grey."""
    x = image.astype(np.float32) / 255
    grey = (x @ LUMA)[..., None]
    saturation = 0.0 if rng.random() < 0.1 else rng.uniform(0.5, 1.4)
    x = grey + saturation * (x - grey)
    x = (
        (x - 0.5) * rng.uniform(0.7, 1.3) * rng.uniform(0.93, 1.07, 3).astype(np.float32)
        + 0.5
        + rng.uniform(-0.12, 0.12)
    )
    x = np.clip(x, 0, 1) ** rng.uniform(0.75, 1.35)
    if rng.random() < 0.15:
        x = np.clip(x + rng.normal(0, rng.uniform(0.01, 0.05), x.shape), 0, 1)
    return np.asarray(x * 255 + 0.5, np.float32).astype(np.uint8)


def distinct(paths: Sequence[Path], smallest: int) -> Iterator[Pixels]:
    """Pixels of each readable picture of `paths` with sides of at least `smallest`, exact copies once."""
    seen: set[bytes] = set()
    for path in paths:
        digest = hashlib.sha256(path.read_bytes()).digest()
        image = None if digest in seen else read(path)
        seen.add(digest)
        if image is not None and min(image.shape[:2]) >= smallest:
            yield image
