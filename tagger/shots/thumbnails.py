"""Thumbnails of frames, straight from the decoder's planes, and how much they differ: all that shot detection sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

Differences = NDArray[np.float32]  # (n, COUNT)

WIDTH, HEIGHT = 64, 36  # of the luma; colour has half of both
LUMA = WIDTH * HEIGHT
COLOUR = LUMA // 4
VALUES = LUMA + 2 * COLOUR
FIRST = 2  # FFmpeg shrinks to this multiple by taking samples, which costs little; then every value is a mean of four
PLANES = (  # first value, last, width, bins of histogram
    (0, LUMA, WIDTH, 32),
    (LUMA, LUMA + COLOUR, WIDTH // 2, 16),
    (LUMA + COLOUR, VALUES, WIDTH // 2, 16),
)
LAGS = (1, 2, 4, 8, 16)  # frames between two that are compared
HALF_SPANS = (2, 4, 8, 16)  # frames from the middle of three to the outer ones
MOVED_LAGS = (1, 3)
REACH = 2  # a block may have moved by so many pixels of a luma of half size, in both directions
BLOCK = (8, 6)
CONTEXT = 2 * max(HALF_SPANS)  # frames before it that the differences of a frame depend on
COUNT = 3 * len(LAGS) + len(MOVED_LAGS) + len(HALF_SPANS) + 2


@dataclass(frozen=True, slots=True, eq=False)
class Thumbnail:
    """A small picture in planes, and what is needed of it again and again."""

    values: NDArray[np.uint8]  # (VALUES,): luma, then blue and red difference
    half: NDArray[np.uint8]  # (HEIGHT / 2, WIDTH / 2): luma once more
    shares: NDArray[np.float32]  # (bins,): histogram of each plane


class Shrinker:
    """Makes thumbnails; one per thread."""

    def __init__(self) -> None:
        """Starts without a size: it may change within a film."""
        self._reformatter = VideoReformatter()

    def __call__(self, picture: VideoFrame) -> Thumbnail:
        """Returns the thumbnail of a decoded picture of any size, format and rotation."""
        width, height = WIDTH * FIRST, HEIGHT * FIRST
        # Waking threads for so small a picture takes five times as long as making it.
        small = self._reformatter.reformat(picture, width, height, "yuv420p", interpolation="FAST_BILINEAR", threads=1)
        return thumbnail(np.asarray(small.to_ndarray(), np.uint8))


def thumbnail(planes: NDArray[np.uint8]) -> Thumbnail:
    """Returns the thumbnail of a picture in planes (4:2:0, one below the other) of FIRST times the size."""
    values, flat = np.empty(VALUES, np.uint8), planes.reshape(-1)
    for first, last, width, _ in PLANES:
        large = flat[first * FIRST**2 : last * FIRST**2].reshape(-1, width * FIRST)
        small = values[first:last].reshape(-1, width)
        cv2.resize(large, small.shape[::-1], dst=small, interpolation=cv2.INTER_AREA)
    return described(values)


def described(values: NDArray[np.uint8]) -> Thumbnail:
    """Returns the thumbnail that has these values, (VALUES,)."""
    half = cv2.resize(values[:LUMA].reshape(HEIGHT, WIDTH), (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
    counts = (cv2.calcHist([values[i:j]], [0], None, [bins], [0, 256]).ravel() / (j - i) for i, j, _, bins in PLANES)
    return Thumbnail(values, np.asarray(half, np.uint8), np.concatenate(list(counts)))


def differences(thumbnails: Sequence[Thumbnail], count: int) -> Differences:
    """Returns what describes the change at each of the last `count` frames; the first stands for those before it.

    Mostly logarithms. Per lag: mean difference of luma, of colour, and of histograms. Per lag for small movements:
    the same of blocks that may have moved. Per span: how far the frame in its middle is from the mean of its ends,
    against how far these are apart: small within a dissolve. Last, brightness and contrast.
    """
    now = np.arange(len(thumbnails) - count, len(thumbnails))
    values = np.stack([thumbnail.values for thumbnail in thumbnails])
    lumas, colours = np.ascontiguousarray(values[:, :LUMA]), np.ascontiguousarray(values[:, LUMA:])
    shares = np.stack([thumbnail.shares for thumbnail in thumbnails])
    luma, colour = lumas[now], colours[now]
    columns = []
    for lag in LAGS:
        then = np.maximum(now - lag, 0)
        columns += _changes((luma, lumas[then]), (colour, colours[then]), (shares[now], shares[then]))
    for lag in MOVED_LAGS:
        pairs = [(thumbnails[at].half, thumbnails[max(at - lag, 0)].half) for at in now.tolist()]
        columns.append(np.log1p(_moved_apart(*map(np.stack, zip(*pairs, strict=True)))))
    for span in HALF_SPANS:
        middle, first = lumas[np.maximum(now - span, 0)], lumas[np.maximum(now - 2 * span, 0)]
        mixed = cv2.addWeighted(first, 0.5, luma, 0.5, 0)
        columns.append(np.log((_apart(middle, mixed) + 1) / (_apart(luma, first) + 1)))
    return np.stack([*columns, *_level(luma)], 1).astype(np.float32)


def change(before: Thumbnail, after: Thumbnail) -> Differences:
    """Returns the six of these (1, 6) that say how the second picture differs from the first, however far it is."""
    lumas, colours = ([t.values[None, part] for t in (after, before)] for part in (slice(LUMA), slice(LUMA, None)))
    columns = _changes(lumas, colours, [t.shares[None] for t in (after, before)])
    columns.append(np.log1p(_moved_apart(after.half[None], before.half[None])))
    return np.stack([*columns, *_level(lumas[0])], 1).astype(np.float32)


def _changes(*pairs: Sequence[Any]) -> list[NDArray[np.float32]]:
    """Differences of luma, of colour, and of histograms, each given as a pair (now, then) of rows."""
    luma, colour, (shares, old_shares) = pairs
    apart = np.abs(shares - old_shares).sum(1) / (2 * len(PLANES))
    return [np.log1p(_apart(*luma)), np.log1p(_apart(*colour)), np.log(0.01 + apart)]


def _level(luma: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Brightness and contrast."""
    return [_row_means(luma) / 64, np.log1p(luma.std(1))]


def _row_means(rows: Any) -> NDArray[np.float32]:
    return np.asarray(cv2.reduce(rows, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F)[:, 0], np.float32)


def _apart(some: Any, others: Any) -> NDArray[np.float32]:
    return _row_means(cv2.absdiff(some, others))


def _moved_apart(some: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The difference of each block to where it fits best among its neighbours, mean over a picture (n, h, w)."""
    count, height, width = some.shape
    flat = some.reshape(count * height, width)
    room = np.pad(others, ((0, 0), (REACH, REACH), (REACH, REACH)), mode="edge")
    blocks = (width // BLOCK[0], count * height // BLOCK[1])
    least: Any = None
    for y in range(2 * REACH + 1):
        for x in range(2 * REACH + 1):
            moved = np.ascontiguousarray(room[:, y : y + height, x : x + width]).reshape(flat.shape)
            apart = cv2.resize(cv2.absdiff(flat, moved), blocks, interpolation=cv2.INTER_AREA)
            least = apart if least is None else cv2.min(least, apart, dst=least)
    return np.asarray(least.reshape(count, -1).mean(1), np.float32)
