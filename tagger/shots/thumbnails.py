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

from tagger.shots import parts
from tagger.shots.parts import MOVED_LAGS

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
WIPED_SPANS = (4, 8, 16)  # the same, where one picture drives the other out
REACH = 2  # a block may have moved by so many pixels of a luma of half size, in both directions
BLOCK = (8, 6)  # pixels of that luma, four small blocks
RANKS = (2, 5, 9)  # of the twelve blocks of a picture, by how much they changed: a box in a corner changes the last
FAINT = 2.0  # squared levels of contrast: where there is less, two pictures are alike, whatever is in them
LEAST = 0.01  # is added where a logarithm is taken of a share
CONTEXT = 2 * max(HALF_SPANS)  # frames before it that the differences of a frame depend on
PER_LAG, PER_MOVED_LAG = 5 + len(RANKS), 1 + len(RANKS)  # numbers
PARTS = (
    PER_LAG * len(LAGS) + PER_MOVED_LAG * len(MOVED_LAGS) + len(HALF_SPANS) + len(WIPED_SPANS) + 2
)  # where they begin
COUNT = PARTS + parts.COUNT
PAIR_COUNT = PER_LAG + PER_MOVED_LAG + 4


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

    Mostly logarithms. Per lag: mean difference of luma, of colour, of histograms; how unlike pattern and texture are
    however bright and rich in contrast they are, and how unlike the textures of some blocks. Per lag for small
    movements: the difference of luma of blocks that may have moved. Per span: how far the frame in its middle is from
    the mean of its ends, against how far these are apart, which is small within a dissolve; and from the nearer end,
    pixel by pixel, which is small within a wipe. Last, brightness and contrast.
    """
    now = np.arange(len(thumbnails) - count, len(thumbnails))
    seen = _Seen.of(thumbnails)
    lumas, luma = seen.luma, seen.luma[now]
    then = np.maximum(now - np.array(LAGS)[:, None], 0).ravel()
    changes = _changes(seen.at(np.tile(now, len(LAGS))), seen.at(then))  # all lags at once
    columns = [*changes.reshape(PER_LAG, len(LAGS), count).swapaxes(0, 1).reshape(-1, count)]
    nearby = [_least_apart(seen.half[now], seen.half[np.maximum(now - lag, 0)]) for lag in MOVED_LAGS]
    columns += [number for least, _ in nearby for number in _moved(least)]
    for span in HALF_SPANS:
        middle, first = lumas[np.maximum(now - span, 0)], lumas[np.maximum(now - 2 * span, 0)]
        apart = _apart(luma, first) + 1
        columns.append(np.log((_apart(middle, cv2.addWeighted(first, 0.5, luma, 0.5, 0)) + 1) / apart))
        if span in WIPED_SPANS:
            nearer = cv2.min(cv2.absdiff(middle, first), cv2.absdiff(middle, luma))
            columns.append(np.log((_row_means(nearer) + 1) / apart))
    begin = max(0, int(now[0]) - parts.CONTEXT)
    of_parts = parts.part_differences(seen.half[begin:], now - begin, [small for _, small in nearby])
    columns += [*seen.level()[:, now], *of_parts]
    return np.stack(columns, 1).astype(np.float32)


def change(before: Thumbnail, after: Thumbnail) -> Differences:
    """Returns how the second picture differs from the first, however far it is, (1, PAIR_COUNT); and both levels."""
    old, new = _Seen.of([before]), _Seen.of([after])
    columns = [*_changes(new, old), *_moved(_least_apart(new.half, old.half)[0]), *old.level(), *new.level()]
    return np.stack(columns, 1).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What is compared of thumbnails, a row each."""

    luma: NDArray[np.uint8]
    colour: NDArray[np.uint8]
    half: NDArray[np.uint8]
    shares: NDArray[np.float32]
    blocks: NDArray[np.float32]  # (n, blocks, pixels), of half
    means: NDArray[np.float32]  # (n, blocks)
    squares: NDArray[np.float32]  # likewise

    @classmethod
    def of(cls, thumbnails: Sequence[Thumbnail]) -> _Seen:
        values, half = np.stack([t.values for t in thumbnails]), np.stack([t.half for t in thumbnails])
        wide, high = BLOCK
        parts = half.reshape(len(half), HEIGHT // 2 // high, high, WIDTH // 2 // wide, wide).swapaxes(2, 3)
        blocks = parts.reshape(len(half), -1, high * wide).astype(np.float32)
        luma, colour = np.ascontiguousarray(values[:, :LUMA]), np.ascontiguousarray(values[:, LUMA:])
        shares = np.stack([t.shares for t in thumbnails])
        return cls(luma, colour, half, shares, blocks, blocks.mean(2), _products(blocks, blocks))

    def at(self, places: NDArray[np.int_]) -> _Seen:
        return _Seen(*(getattr(self, name)[places] for name in self.__slots__))

    def level(self) -> NDArray[np.float32]:
        """Brightness and contrast (2, n)."""
        mean = self.means.mean(1)
        return np.stack([mean / 64, np.log1p(np.sqrt(np.maximum(self.squares.mean(1) - mean**2, 0)))])


def _changes(new: _Seen, old: _Seen) -> NDArray[np.float32]:
    """(PER_LAG, n)."""
    shares = np.abs(new.shares - old.shares).sum(1) / (2 * len(PLANES))
    products = _products(new.blocks, old.blocks)
    sides, covered = (new, old), products - new.means * old.means
    varied = [side.squares - side.means**2 for side in sides]
    whole = [side.means.mean(1) for side in sides]
    pattern = _unlike(
        products.mean(1) - whole[0] * whole[1], *(s.squares.mean(1) - w**2 for s, w in zip(sides, whole, strict=True))
    )
    texture = _unlike(covered.mean(1), *(part.mean(1) for part in varied))
    ranked = np.sort(_unlike(covered, *varied), 1)
    apart = np.log1p(_apart(new.luma, old.luma)), np.log1p(_apart(new.colour, old.colour)), np.log(LEAST + shares)
    return np.stack([*apart, pattern, texture, *(ranked[:, rank] for rank in RANKS)])


def _products(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.einsum("nbi,nbi->nb", some, others) / some.shape[2], np.float32)


def _unlike(covered: Any, varied: Any, other_varied: Any) -> Any:
    """Of covariances and both variances: the logarithm of 1 - correlation."""
    like = (covered + FAINT) / np.sqrt((np.maximum(varied, 0) + FAINT) * (np.maximum(other_varied, 0) + FAINT))
    return np.log(LEAST + np.maximum(1 - like, 0))


def _row_means(rows: Any) -> NDArray[np.float32]:
    return np.asarray(cv2.reduce(rows, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F)[:, 0], np.float32)


def _apart(some: Any, others: Any) -> NDArray[np.float32]:
    return _row_means(cv2.absdiff(some, others))


def _least_apart(some: NDArray[np.uint8], others: NDArray[np.uint8]) -> tuple[Differences, Differences]:
    """How far each block, and each small one, is from where it fits best nearby in the other, (n, blocks), levels."""
    count, height, width = some.shape
    flat = some.reshape(count * height, width)
    room = np.pad(others, ((0, 0), (REACH, REACH), (REACH, REACH)), mode="edge")
    sizes = [(width // wide, count * height // high) for wide, high in (BLOCK, parts.BLOCK)]
    least: list[Any] = []
    for y in range(2 * REACH + 1):
        for x in range(2 * REACH + 1):
            moved = np.ascontiguousarray(room[:, y : y + height, x : x + width]).reshape(flat.shape)
            small = cv2.resize(cv2.absdiff(flat, moved), sizes[1], interpolation=cv2.INTER_AREA)
            both = cv2.resize(small, sizes[0], interpolation=cv2.INTER_AREA), small
            least = [cv2.min(old, new) for old, new in zip(least, both, strict=True)] if least else [*both]
    large, small = (apart.reshape(count, -1).astype(np.float32) for apart in least)
    return large, small


def _moved(apart: Differences) -> list[NDArray[np.float32]]:
    """Of blocks that may have moved: their mean difference, and that of some of them."""
    ranked = np.sort(apart, 1)
    return [np.log1p(part) for part in (ranked.mean(1), *(ranked[:, rank] for rank in RANKS))]
