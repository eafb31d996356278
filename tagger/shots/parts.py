"""What changes in parts of a picture: in small blocks, where it moves at all, and between bars.

A box in a corner, a bar or a caption changes some blocks and leaves the others; a cut in one half of a split screen
changes all that moves. Pictures are of luma of half size, (n, height, width).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

BLOCK = (4, 3)  # pixels
LAGS = (1, 2, 4)  # frames between two whose blocks are compared
MOVED_LAGS = (1, 3)  # the same, where they may have moved
BOX_LAGS = (1, 4, 8)
QUANTILES = (0.3, 0.6, 0.8)  # of the blocks, by how much they changed; textured ones count for more
LIVE_LAG, LIVE = 4, 3.0  # frames within which a block moves that lives, and levels by which it half does
FLAT = 4.0  # levels of contrast below which an outer row or column is a bar
FAINT = 2.0  # squared levels of contrast: where there is less, two blocks are alike, whatever is in them
PLAIN, STILL = 0.3, 0.02  # what blocks weigh that have no texture, or do not live
LEAST, MOVED_LEAST = 0.01, 0.05  # are added where a logarithm is taken of a share, of levels against contrast
COUNT = len(QUANTILES) * (len(LAGS) + len(MOVED_LAGS)) + 5 + len(BOX_LAGS) + 2

CONTEXT = max(2 * LIVE_LAG + 1, *BOX_LAGS)  # pictures before it that the numbers of a picture depend on

Pictures = NDArray[np.uint8]
Places = NDArray[np.int_]
Values = NDArray[np.floating[Any]]


def part_differences(half: Pictures, now: Places, apart: Sequence[Values]) -> list[Values]:
    """Returns COUNT numbers of each picture `now`, places in `half`; before the first it looked like the first.

    Args:
        half: the pictures, and those before them.
        now: places among them.
        apart: of each of MOVED_LAGS how far every block is from where it fits best nearby, (n, blocks).

    Per lag: how unlike most blocks are, and more of them, and nearly all. The same where a block may have moved.
    How unlike blocks are that live, one and four frames ago, and how many live; the same four frames ago of blocks
    that live before and after. Then how unlike the part is that neither of two pictures has bars in, and its size.
    """
    blocks = _Blocks(half)
    unlike = {lag: blocks.unlike(now, _before(now, lag)) for lag in LAGS}
    moved = [part / blocks.contrast(now, _before(now, lag)) for lag, part in zip(MOVED_LAGS, apart, strict=True)]
    textured = [blocks.textured(now, _before(now, lag)) for lag in (*LAGS, *MOVED_LAGS)]
    ranked = _quantiles(np.concatenate([*unlike.values(), *moved]), np.concatenate(textured))
    least = np.repeat([LEAST, MOVED_LEAST], [len(LAGS), len(MOVED_LAGS)])[:, None, None]
    by_lag = np.log(ranked.reshape(len(least), len(now), -1) + least).swapaxes(1, 2)
    found: list[Values] = [*by_lag.reshape(-1, len(now))]
    live = blocks.live()
    found += [_mean_unlike(unlike[lag], live[_before(now, lag)] + STILL) for lag in (1, LIVE_LAG)]
    middle, then = _before(now, LIVE_LAG), _before(now, LIVE_LAG + 1)
    both = np.sqrt(live[then] * live[now]) + STILL
    found += [live[_before(now, 1)].mean(1), _mean_unlike(blocks.unlike(middle, then), both), both.mean(1)]
    return [*found, *_boxed(half, now)]


def _before(now: Places, lag: int) -> Places:
    return np.maximum(now - lag, 0)


def _quantiles(values: Values, weights: Values) -> Values:
    """Of each row the values below which so much of its weight is, (n, QUANTILES)."""
    order = np.argsort(values, 1)
    values, weights = np.take_along_axis(values, order, 1), np.take_along_axis(weights, order, 1)
    share = np.cumsum(weights, 1) / weights.sum(1, keepdims=True)
    places = [np.minimum((share < quantile).sum(1), values.shape[1] - 1) for quantile in QUANTILES]
    return np.take_along_axis(values, np.stack(places, 1), 1)


def _mean_unlike(unlike: Values, weights: Values) -> Values:
    return np.asarray(np.log(LEAST + (weights * unlike).sum(1) / weights.sum(1)))


class _Blocks:
    """Small blocks of pictures, and what is needed of them again and again."""

    def __init__(self, half: Pictures) -> None:
        self._half = half
        count, height, width = half.shape
        wide, high = BLOCK
        parts = half.reshape(count, height // high, high, width // wide, wide).swapaxes(2, 3)
        self._blocks = parts.reshape(count, -1, high * wide).astype(np.float32)
        self._means = self._blocks.mean(2)
        self._varied = np.maximum(_products(self._blocks, self._blocks) - self._means**2, 0)

    def unlike(self, new: Places, old: Places) -> Values:
        """1 - correlation of each block, (n, blocks)."""
        covered = _products(self._blocks[new], self._blocks[old]) - self._means[new] * self._means[old]
        like = (covered + FAINT) / np.sqrt((self._varied[new] + FAINT) * (self._varied[old] + FAINT))
        return np.asarray(np.maximum(1 - like, 0))

    def contrast(self, new: Places, old: Places) -> Values:
        """Levels, of the fainter one."""
        return np.asarray(np.sqrt(np.minimum(self._varied[new], self._varied[old]) + FAINT))

    def textured(self, new: Places, old: Places) -> Values:
        """What each block weighs."""
        return np.asarray(np.sqrt(np.minimum(self._varied[new], self._varied[old])) + PLAIN)

    def live(self) -> Values:
        """How much each block moves at each picture, 0 to 1."""
        count, height, width = self._half.shape
        old = self._half[_before(np.arange(count), LIVE_LAG)].reshape(count * height, width)
        apart = cv2.absdiff(self._half.reshape(count * height, width), old).astype(np.float32)
        blocks = (width // BLOCK[0], count * height // BLOCK[1])
        moved = np.asarray(cv2.resize(apart, blocks, interpolation=cv2.INTER_AREA)).reshape(count, -1)
        return np.asarray(moved**2 / (moved**2 + LIVE**2))


def _products(some: Values, others: Values) -> Values:
    return np.asarray(np.einsum("nbi,nbi->nb", some, others) / some.shape[2], np.float32)


def _boxed(half: Pictures, now: Places) -> Iterator[Values]:
    """How unlike the common part is per lag, then its share of the picture at the first lag and at the last."""
    pictures = half.astype(np.float32)
    boxes, pictures = _boxes(pictures), pictures.reshape(len(half), -1)
    new, shares, barred = pictures[now], list[Values](), not boxes.all()
    for lag in BOX_LAGS:
        then = _before(now, lag)
        old = pictures[then]
        seen: Any = boxes[now] * boxes[then] if barred else np.ones((len(now), 1), np.float32)
        size = (seen.mean(1) * new.shape[1]) + LEAST
        seen_new, seen_old = (seen * part if barred else part for part in (new, old))
        mean, old_mean = seen_new.sum(1) / size, seen_old.sum(1) / size
        covered, varied, old_varied = (
            np.einsum("ni,ni->n", some, others) / size
            for some, others in ((seen_new, old), (seen_new, new), (seen_old, old))
        )
        spread = np.maximum(varied - mean**2, 0) + FAINT, np.maximum(old_varied - old_mean**2, 0) + FAINT
        like = (covered - mean * old_mean + FAINT) / np.sqrt(spread[0] * spread[1])
        yield np.log(LEAST + np.maximum(1 - like, 0))
        shares.append(size / new.shape[1])
    yield shares[0]
    yield shares[-1]


def _boxes(pictures: Values) -> Values:
    """1 where a picture is, 0 where bars are: outer rows and columns of one level, and the next, which is blurred."""
    sides, (_, height, width) = list[NDArray[np.bool_]](), pictures.shape
    for left, length in (("h", width), ("w", height)):
        mean = np.einsum(f"nhw->n{left}", pictures) / length
        varied = np.einsum(f"nhw,nhw->n{left}", pictures, pictures) / length - mean**2 > FLAT**2
        inside = np.logical_or.accumulate(varied, 1) & np.logical_or.accumulate(varied[:, ::-1], 1)[:, ::-1]
        wider = np.pad(inside, ((0, 0), (1, 1)), constant_values=True)
        sides.append(inside & wider[:, :-2] & wider[:, 2:])
    return np.asarray((sides[0][:, :, None] & sides[1][:, None]).reshape(len(pictures), -1), np.float32)
