"""What frames may look like, whatever shots they are of: light, old film, bars, boxes, few pictures a second.

All of it comes and goes without a boundary; what a film shows of it says nothing about where its shots begin.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.random import Generator

from tagger.evaluation.shots import Gradual, Truth
from tagger.knowledge.joins import BLACK, GREY, Reel, Shares, Values
from tagger.records import Doubles, Floats, Ints
from tagger.shots.thumbnails import COLOUR, HEIGHT, LUMA, PLANES, WIDTH

EVERYWHERE = np.ones(LUMA)


def lit(values: Values, gain: Shares, where: Shares) -> Values:
    """Returns frames brighter or darker.

    Args:
        values: n frames.
        gain: (n,), factors of what is above black.
        where: (LUMA,), 0 to 1: how much of the gain comes to each place.
    """
    luma, colour = np.split(values.astype(np.float32), [LUMA], 1)
    bright = BLACK + (luma - BLACK) * (1 + (gain[:, None] - 1) * where)
    coloured = GREY + (colour - GREY) * np.minimum(1 + (gain[:, None] - 1) * where.mean(), 1.2)
    return np.concatenate([bright, coloured], 1).clip(0, 255).astype(np.uint8)


def framed(values: Values, share: float, corners: Doubles, mirrored: bool) -> Values:
    """Returns frames of which only a part is seen, or its mirror image.

    Args:
        values: n frames.
        share: of the width, and of the height, that is seen.
        corners: (n, 2), upper left corner as shares, 0 to 1, of the room for it.
        mirrored: whether left and right change places.
    """
    made = np.empty_like(values)
    for first, last, width, _ in PLANES:
        size = width, (last - first) // width
        for old, new, corner in zip(values, made, corners * (1 - share) * size, strict=True):
            row = [-share, 0, corner[0] + share * (width - 1)] if mirrored else [share, 0, corner[0]]
            picture, matrix = old[first:last].reshape(size[::-1]), np.array([row, [0, share, corner[1]]])
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            new[first:last] = cv2.warpAffine(picture, matrix, size, None, flags, cv2.BORDER_REPLICATE).ravel()
    return made


def patch(rng: Generator) -> Doubles:
    """Returns a smooth part of a picture, (LUMA,), 0 to 1."""
    coarse = rng.random((3, 4)) ** rng.uniform(0.5, 3)
    return np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).clip(0, 1).ravel())


def tinted(values: Values, tints: Doubles, where: Shares) -> Values:
    """Returns frames in coloured light.

    Args:
        values: n frames.
        tints: (n, 2), levels that are added to both colour differences.
        where: (LUMA,), 0 to 1: how much of it comes to each place.
    """
    there = cv2.resize(where.reshape(HEIGHT, WIDTH), (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA).ravel()
    made, colours = values.copy(), values[:, LUMA:].reshape(-1, 2, COLOUR)
    lit_there = (
        colours * (1 - 0.5 * there * (np.abs(tints) > 0)[..., None])
        + 0.5 * GREY * there * (np.abs(tints) > 0)[..., None]
    )
    made[:, LUMA:] = (lit_there + tints[..., None] * there).clip(0, 255).reshape(len(values), -1)
    return made


def relit(values: Values, rng: Generator) -> Values:
    """Returns frames whose light changes: switches, doors, lamps that turn, a screen in the room, an explosion."""
    frames, kind = len(values), rng.random()
    where = patch(rng) if rng.random() < 0.5 else EVERYWHERE
    gain: Shares = np.ones(frames)
    tints: Doubles = np.zeros((frames, 2))
    if kind < 0.5:  # switched, at once or slowly, and perhaps back
        level, knots = float(np.exp(rng.normal(0, 0.6))), np.sort(rng.uniform(0, frames, 4))
        for first in (0, 2):
            knots[first + 1] = min(knots[first + 1], knots[first] + rng.choice([0.01, 2, 6, 200]))
        gain = np.interp(np.arange(frames), knots, [1.0, level, level, float(rng.choice([1.0, level]))])
    elif kind < 0.65:  # lamps that turn
        period, turn = rng.integers(3, 14), rng.normal(0, 30, (2, 2))
        phase = np.arange(frames) // period % 2
        tints, gain = turn[phase], 1 + rng.uniform(0, 0.8) * phase
    elif kind < 0.8:  # a screen in the room
        steps = np.cumsum(rng.random(frames) < rng.uniform(0.05, 0.4))
        gain, tints = rng.uniform(0.5, 1.8, frames + 1)[steps], rng.normal(0, 12, (frames + 1, 2))[steps]
    else:  # it flashes and fades
        since = np.arange(frames) - rng.integers(0, frames)
        gain = 1 + (since >= 0) * rng.uniform(0.5, 5) * np.exp(-np.maximum(since, 0) / rng.uniform(2, 15))
        tints = (gain - 1)[:, None] * rng.normal(0, 5, 2)
    return tinted(lit(values, gain, where), tints, where)


def aged(values: Values, rng: Generator) -> Values:
    """Returns frames without colour, or in sepia, that flicker; with grain, scratches, and an unsteady gate."""
    frames, flicker = len(values), rng.uniform(0, 0.12) * (rng.random() < 0.8)
    made: Floats = values.astype(np.float32)
    steady = rng.uniform(0, 0.8)
    swing = rng.normal(0, flicker, frames)
    for at in range(1, frames):
        swing[at] = steady * swing[at - 1] + (1 - steady**2) ** 0.5 * swing[at]
    part = patch(rng) if rng.random() < 0.3 else EVERYWHERE
    made[:, :LUMA] = BLACK + (made[:, :LUMA] - BLACK) * (1 + swing[:, None] * part)
    made[:, LUMA:] = GREY
    if rng.random() < 0.4:
        made[:, LUMA:] += np.repeat(rng.uniform([-25, 0], [0, 20]), COLOUR)
    made[:, :LUMA] += rng.normal(0, rng.uniform(0, 4), (frames, LUMA))
    for _ in range(int(rng.integers(0, frames // 20 + 1)) if rng.random() < 0.5 else 0):
        first, column = int(rng.integers(frames)), int(rng.integers(WIDTH))
        made[first : first + int(rng.integers(1, 20)), column:LUMA:WIDTH] += rng.uniform(-40, 40)
    whole = made.clip(0, 255).astype(np.uint8)
    weave = rng.uniform(0, 0.5) * (rng.random() < 0.6)
    return framed(whole, 0.96, 0.5 + rng.normal(0, weave, (frames, 2)), False) if weave else whole


def dimmed(values: Values, rng: Generator) -> Values:
    """Returns frames at night."""
    dark = lit(values, np.full(len(values), rng.uniform(0.06, 0.35)), EVERYWHERE).astype(np.float32)
    dark[:, :LUMA] += rng.normal(0, rng.uniform(0, 1.5), (len(values), LUMA))
    return dark.clip(0, 255).astype(np.uint8)


def staged(values: Values, rng: Generator) -> Values:
    """Returns frames in the light of a stage: washes of colour, and strobes for a while."""
    frames = len(values)
    steps = np.sort(rng.choice(frames, max(2, frames // int(rng.integers(8, 60)))))
    soft = float(rng.choice([1, 1, 4, 12]))
    at, kernel = np.searchsorted(steps, np.arange(frames)), np.ones(int(soft)) / soft
    tints, gain = rng.normal(0, 28, (len(steps) + 1, 2))[at], rng.uniform(0.4, 1.4, len(steps) + 1)[at]
    tints, gain = (
        np.stack([np.convolve(np.pad(row, int(soft), "edge"), kernel, "same")[int(soft) : -int(soft)] for row in rows])
        for rows in (tints.T, gain[None])
    )
    made = tinted(lit(values, gain[0], EVERYWHERE), tints.T, patch(rng) if rng.random() < 0.5 else EVERYWHERE)
    return strobed(made, rng) if rng.random() < 0.6 else made


def strobed(values: Values, rng: Generator) -> Values:
    """Returns frames that are dark or too bright every second, third, ... time, now and then for a while."""
    frames, gain = len(values), np.ones(len(values))
    for _ in range(int(rng.integers(1, 8))):
        first, lasts, period = int(rng.integers(frames)), int(rng.integers(10, 120)), int(rng.integers(2, 8))
        on = np.arange(lasts) % period < rng.integers(1, period)
        levels = np.where(on, rng.uniform(1, 3), rng.uniform(0, 0.7))[: frames - first]
        gain[first : first + lasts] = levels
    return lit(values, gain, EVERYWHERE)


def barred(values: Values, rng: Generator) -> Values:
    """Returns frames with bars that come and go, at once or growing, within shots."""
    frames, changes = len(values), int(rng.integers(1, 12))
    knots = np.sort(rng.uniform(0, frames, changes))
    heights = rng.uniform(0, 0.3, changes + 1) * (rng.random(changes + 1) < 0.6)
    target = heights[np.searchsorted(knots, np.arange(frames))]
    grown = int(rng.choice([1, 1, 1, 8, 25]))
    high = np.convolve(np.pad(target, grown, "edge"), np.ones(grown) / grown, "same")[grown : grown + frames]
    made, upright, level = (
        values.copy(),
        rng.random() < 0.3,
        BLACK if rng.random() < 0.85 else int(rng.integers(16, 236)),
    )
    for first, last, width, _ in PLANES:
        pictures = made[:, first:last].reshape(frames, -1, width)
        pictures = pictures.swapaxes(1, 2) if upright else pictures
        for picture, share in zip(pictures, high, strict=True):
            bar = round(share * len(picture))
            picture[:bar] = picture[len(picture) - bar :] = level if first == 0 else GREY
    return made


def boxed(values: Values, others: list[Values], rng: Generator) -> Values:
    """Returns frames with boxes in them for a while: other films with cuts of their own, captions, tickers."""
    made, frames = values.copy(), len(values)
    for _ in range(int(rng.integers(1, 9))):
        first, lasts = int(rng.integers(frames)), int(rng.integers(12, 400))
        wide, high = rng.uniform(0.15, 0.5, 2) if rng.random() < 0.6 else (rng.uniform(0.5, 1), rng.uniform(0.08, 0.25))
        left, top = rng.random(2) * (1 - wide, 1 - high)
        inside = np.concatenate([others[rng.integers(len(others))][: int(rng.integers(10, 90))] for _ in range(8)])[
            :lasts
        ]
        if rng.random() < 0.4:
            inside = np.repeat(inside[:1], lasts, 0)
            inside[:, :LUMA] = np.where(rng.random(LUMA) < rng.choice([0, 0.08, 0.25]), 220, rng.integers(16, 120))
        stop = min(frames, first + len(inside))
        for start, last, width, _ in PLANES:
            size = width, (last - start) // width
            x, y, w, h = (
                max(1, round(part * of)) for part, of in zip((left, top, wide, high), (*size, *size), strict=True)
            )
            for at in range(first, stop):
                small = cv2.resize(
                    inside[at - first, start:last].reshape(size[::-1]), (w, h), interpolation=cv2.INTER_AREA
                )
                view = made[at, start:last].reshape(size[::-1])[y : y + h, x : x + w]
                view[:] = small[: view.shape[0], : view.shape[1]]
    return made


def halved(values: Values, others: Values, rng: Generator) -> Values:
    """Returns frames in a half of the picture, squeezed or cropped; in the other a still, a plain or a plot stands."""
    frames, axis, last, squeezed = len(values), int(rng.random() < 0.65), rng.random() < 0.5, rng.random() < 0.5
    share = rng.uniform(0.38, 0.65)
    still = others[rng.integers(len(others))].copy()
    if rng.random() < 0.6:
        still[:LUMA], still[LUMA:] = rng.integers(16, 236), np.repeat(rng.integers(90, 166, 2), COLOUR)
        for _ in range(int(rng.integers(0, 20))):
            begin, end = rng.integers(0, (WIDTH, HEIGHT), (2, 2)).tolist()
            cv2.line(still[:LUMA].reshape(HEIGHT, WIDTH), begin, end, int(rng.integers(16, 236)), 1)
    made = np.tile(still, (frames, 1))
    for start, stop, width, _ in PLANES:
        size = width, (stop - start) // width
        wide, high = (max(1, round(share * size[0])), size[1]) if axis else (size[0], max(1, round(share * size[1])))
        x, y = (size[0] - wide if last and axis else 0), (size[1] - high if last and not axis else 0)
        left, top = (size[0] - wide) // 2, (size[1] - high) // 2
        for old, new in zip(values, made, strict=True):
            whole = old[start:stop].reshape(size[::-1])
            cropped = whole[top : top + high, left : left + wide]
            seen = cv2.resize(whole, (wide, high), interpolation=cv2.INTER_AREA) if squeezed else cropped
            new[start:stop].reshape(size[::-1])[y : y + high, x : x + wide] = seen
    return made


def retimed(reel: Reel, places: Ints, step_s: float) -> Reel:
    """Returns the frames of a reel at these places, growing, with its truth; a change that is left out is a cut."""

    def new(place: int) -> int:
        return int(np.searchsorted(places, place))

    changes = [(new(change.start), new(change.end)) for change in reel.truth.gradual]
    cuts = {new(cut) for cut in reel.truth.cuts} | {first for first, last in changes if first == last}
    gradual = tuple(Gradual(first, last) for first, last in changes if first < last)
    return Reel(reel.values[places], Truth(tuple(sorted(cuts - {0, len(places)})), gradual), step_s)


def held(reel: Reel, rng: Generator) -> Reel:
    """Returns a reel of fewer pictures, each of which is shown twice, three times, ... and encoded each time."""
    often = rng.choice([[2, 2], [2, 3], [3, 3], [3, 3], [4, 4], [2, 4], [5, 5]])
    starts = np.cumsum(np.tile(often, len(reel.values)))
    starts = np.concatenate([[0], starts[starts < len(reel.values)]])
    places = np.repeat(starts, np.diff([*starts, len(reel.values)]))
    made = retimed(reel, places, reel.step_s)
    again = np.diff(places, prepend=-1) == 0
    noise = (rng.random(made.values.shape, np.float32) < 0.06 * again[:, None]).astype(np.uint8)
    return replace(made, values=made.values + noise * (made.values < 255))


def sparse(reel: Reel, rng: Generator) -> Reel:
    """Returns a reel of few pictures a second."""
    every = int(rng.integers(2, 8))
    return retimed(reel, np.arange(0, len(reel.values), every), reel.step_s * every)


def telecined(reel: Reel) -> Reel:
    """Returns a reel of five frames for four, two of them mixed of two."""
    whole = np.arange(len(reel.values) // 4 * 4).reshape(-1, 4)
    first, second = (whole[:, columns].ravel() for columns in ([0, 1, 1, 2, 3], [0, 1, 2, 3, 3]))
    made = retimed(reel, second, reel.step_s * 0.8)
    mixed = (reel.values[first].astype(np.uint16) + reel.values[second] + 1) // 2
    return replace(made, values=mixed.astype(np.uint8))
