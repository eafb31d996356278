"""Where the picture is within bars, from luma alone: clean black bars, and bars with something in them.

Clean bars are known by being black from side to side. Bars with subtitles, a logo or noise of a tape in them, or of
uneven widths, or around an upright film in a wide frame, are known by their edge: straight, and sharp over nearly its
whole length. Nature has dark skies and floors, but not such an edge on both sides.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]  # (height, width)
Edges = tuple[int, int]  # first line of the picture, and the one after its last
Blocks = NDArray[np.int16]  # (lines, blocks): luma of pieces of lines

# Bars are black but not zero: limited-range rounding and the ringing of the encoder beside the
# picture's edge leave up to about 30 of 255 there (measured on H.264 and MPEG-4 clips).
BAR_LUMA_MAX = 32
# Clean bars are put on symmetrically. What is dark on one side only is picture (a night sky, a floor).
BAR_ASYMMETRY_MAX = 0.04  # share of the height or width
# With less than this share of a side left over, it may be a dark frame with a lamp in it: the edge must tell.
PICTURE_SHARE_MIN = 0.4

BLOCKS = 64  # of a line: mean values, so that noise counts little
WHITE_MIN = 232  # bars may be white
NARROWEST = 0.25  # share of a side that is left over at least; an upright film in a wide frame has 0.32
RAGGED = 0.02  # share of a side at the very edge that may be anything, as the last lines of a tape are
REACH = 3  # lines on both sides of an edge that are compared
STEP = 5  # grey levels between them
EDGE_MIN = 0.85  # share of the edge that is a step, where nothing stands in the bar
LENGTH_MIN = 0.6  # share of it that is one, and of the line that is not bars at the other two sides
WHOLE_MIN = 0.9  # the same of bars of uneven widths
OUTSIDE_MIN = 0.3  # share of the line in which nothing stands before the edge
EMPTY_MIN = 0.7  # share of a bar in which nothing stands


def picture_edges(luma: Luma) -> tuple[Edges, Edges]:
    """Returns the rows and the columns between which the picture is; all of them where it has no bars."""
    rows = _between_bars(luma)
    return rows, _between_bars(luma[slice(*rows)].T)


def _between_bars(luma: Luma) -> Edges:
    """The rows of the picture."""
    whole, clean = (0, len(luma)), _clean(luma.max(axis=1))
    if all(_is_lit(luma, line) for line in (clean[0], clean[1] - REACH)) and clean != whole:
        return clean
    edged = _edged(luma)
    if whole in (clean, edged):
        return edged if clean == whole else clean
    deeper = max(edged[0] - clean[0], clean[1] - edged[1])  # something stands in a bar that begins clean
    return edged if deeper > REACH else clean


def _is_lit(luma: Luma, line: int) -> bool:
    """Whether picture begins here, and not what stands in a bar: most of the line is lit."""
    return bool((luma[line : line + REACH].mean(axis=0) > BAR_LUMA_MAX).mean() > LENGTH_MIN)


def _clean(brightest: Luma) -> Edges:
    """The lines between clean bars of about equal widths, from the brightest pixel of each line."""
    length = len(brightest)
    lit = np.flatnonzero(brightest > BAR_LUMA_MAX)
    if len(lit) == 0:
        return 0, length
    before, after = int(lit[0]), length - 1 - int(lit[-1])
    lopsided = abs(before - after) > max(1.0, BAR_ASYMMETRY_MAX * length)
    if lopsided or length - before - after < PICTURE_SHARE_MIN * length:
        return 0, length
    return before, length - after


def _edged(luma: Luma) -> Edges:
    """The lines (rows) between bars that end in a straight sharp edge on both sides."""
    length = len(luma)
    ragged = int(RAGGED * length)
    levels = [np.median(side[ragged : ragged + REACH]) for side in (luma, luma[::-1])]
    white = min(levels) >= WHITE_MIN
    if min(luma.shape) < BLOCKS or not (white or max(levels) <= BAR_LUMA_MAX):
        return 0, length
    blocks = cv2.resize(luma, (BLOCKS, length), interpolation=cv2.INTER_AREA).astype(np.int16)
    blocks = 255 - blocks if white else blocks
    half = slice(ragged, length // 2)
    (before, wholly), (after, also) = _bar(blocks[half]), _bar(blocks[::-1][half])
    if not (before and after):
        return 0, length
    first, end = ragged + before, length - ragged - after
    lopsided = abs(before - after) > BAR_ASYMMETRY_MAX * length
    if end - first < NARROWEST * length or (lopsided and not (wholly and also)):
        return 0, length
    return first, end


def _bar(blocks: Blocks) -> tuple[int, bool]:
    """How many lines the dark bar at the first has, 0: there is none; and whether its edge is a step all along.

    Args:
        blocks: half of the picture, from one side to the middle.
    """
    empty = blocks <= BAR_LUMA_MAX
    between = ~empty.all(axis=0)  # and not the bars at the other two sides
    lines = np.arange(REACH, len(blocks) - 2 * REACH)
    if between.mean() < LENGTH_MIN or len(lines) == 0:
        return 0, False
    sums = np.cumsum(np.pad(blocks[:, between], ((1, 0), (0, 0))), axis=0, dtype=np.int32)
    full = np.cumsum(np.pad(~empty[:, between], ((1, 0), (0, 0))), axis=0, dtype=np.int32)
    outside = full[lines] == full[lines - REACH]  # nothing stands before the edge
    rise = sums[lines + REACH] - sums[lines] - (sums[lines] - sums[lines - REACH])
    step = rise > STEP * REACH
    edge = ((step & outside).sum(axis=1) >= EDGE_MIN * outside.sum(axis=1)) & (step.mean(axis=1) >= LENGTH_MIN)
    edge &= outside.mean(axis=1) >= OUTSIDE_MIN
    edge &= 1 - full[lines].mean(axis=1) / lines >= EMPTY_MIN
    if not edge.any():
        return 0, False
    first = int(np.argmax(edge))
    near = slice(first, first + 2 * REACH)  # the edge is felt some lines before
    place = first + int(np.argmax(np.where(edge[near], rise[near].mean(axis=1), 0)))
    return int(lines[place]), bool(step[place].mean() >= WHOLE_MIN)
