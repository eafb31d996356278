"""Reels: films as thumbnails, and new ones that are made of their shots, changed and joined anew."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tagger.evaluation.shots import Gradual, Truth, read_truth
from tagger.records import Doubles
from tagger.shots.thumbnails import HEIGHT, LUMA, PLANES, VALUES, WIDTH, Shrinker
from tagger.video.film import Film

Values = NDArray[np.uint8]  # (n, VALUES): thumbnails of consecutive frames
Shares = NDArray[np.floating[Any]]  # (n,)
EVERYWHERE = np.ones(LUMA)

SHOTS = 12  # of a reel
LENGTHS = 18, 160  # frames of its shots
SHORTEST = 5  # frames of one side of a gradual change
LONGEST_DISSOLVE, LONGEST_FADE, LONGEST_HOLD = 60, 60, 15  # frames; a hold is what is plain between two fades
BLACK, WHITE, GREY = 16, 235, 128  # GREY of colour differences is no colour
TITLE_VISIBLE = 0.4  # mean difference of luma from which a plain picture is another one: a title is small
PLAIN, PLAIN_AGAIN = 0.12, 0.4  # share of plain shots after others, and after plain ones
ALIKE, SAME = 0.7, 0.35  # in half of the reels: share of shots that look like the one before, and of these of the same
ALIKE_OF = 30  # shots of which the most alike is the next
CLOSE, CLOSEST = 0.4, 0.45  # share of shots of which only a part is seen, and the least part
WANDERING, FASTNESS = 0.6, 0.1  # share of these whose camera moves, and how fast: radians per frame of to and fro
RELIT = 0.2  # share of shots that become brighter or darker
SPEEDS = (1.0, 1.0, 1.0, 0.5, 0.8, 2.0, 3.0, 5.0)  # below 1 some frames are seen twice, as in films of drawings


class Kind(IntEnum):
    """Of a join; a half fade is a cut from or to a picture that fades."""

    CUT, DISSOLVE, FADE, HALF_FADE = range(4)


OFTEN = (1.2, 0.4, 0.4, 0.25)  # of a Dirichlet distribution: some reels have cuts alone, some hardly any
VISIBLE = (6.0, 8.0, 0.0, 0.0)  # mean difference of luma from which there is a join at all


@dataclass(frozen=True, slots=True, eq=False)
class Reel:
    """Thumbnails, and where the shots begin."""

    values: Values
    truth: Truth

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


def plain(level: int, frames: int) -> Values:
    """Returns frames of one grey."""
    values = np.full((frames, VALUES), GREY, np.uint8)
    values[:, :LUMA] = level
    return values


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """Frames of a reel, and which shot they are of; -1 is none."""

    values: Values
    source: int = -1

    def after(self, frames: int) -> Take:
        """Returns the take without its first frames."""
        return Take(self.values[frames:], self.source)


class Maker:
    """Makes reels."""

    def __init__(self, shots: list[Values], rng: Generator) -> None:
        """Takes the shots that they are made of."""
        self._shots = [shot for shot in shots if len(shot) >= LENGTHS[0]]
        self._looks = np.stack([shot[len(shot) // 2, ::4] for shot in self._shots]).astype(np.int16)
        self._rng = rng

    def reel(self) -> Reel:
        """Returns a reel whose first and last shots begin and end anywhere."""
        rng = self._rng
        kinds, alike, gain = rng.dirichlet(OFTEN), rng.random() < 0.5, float(np.exp(rng.normal(-0.25, 0.45)))
        shot = self._shot(self._next(), gain)
        shot = shot.after(int(rng.integers(len(shot.values))))
        parts, frames, cuts, gradual = list[Values](), 0, list[int](), list[Gradual]()
        while len(parts) < 2 * (SHOTS - 1):
            new = self._after(shot, alike, gain)
            join = self._join(Kind(rng.choice(len(Kind), p=kinds)), shot, new)
            if join:
                kept = shot.values[: len(shot.values) - join.out]
                start = frames + len(kept)
                parts += [kept, join.values]
                cuts += [start + cut for cut in join.cuts]
                gradual += [Gradual(start + change.start, start + change.end) for change in join.gradual]
                frames, shot = start + len(join.values), new.after(join.into)
        parts.append(shot.values[: rng.integers(1, len(shot.values) + 1)])
        values = np.concatenate(parts)
        most = int(rng.integers(3))  # of noise
        noisy = values.astype(np.int16) + rng.integers(-most, most + 1, values.shape, np.int8)
        return Reel(noisy.clip(0, 255).astype(np.uint8), Truth(tuple(cuts), tuple(gradual)))

    def _after(self, old: Take, alike: bool, gain: float) -> Take:
        """What comes after a shot: a plain one, one that looks like it, a part of the same, or any."""
        rng = self._rng
        if rng.random() < (PLAIN if old.source >= 0 else PLAIN_AGAIN):
            return self._plain(old)
        if not alike or old.source < 0 or rng.random() > ALIKE:
            return self._shot(self._next(), gain)
        if rng.random() < SAME:
            return self._shot(old.source, gain, close=True)
        return self._shot(self._next(old.source), gain)

    def _next(self, like: int | None = None) -> int:
        """Any shot, or of some the one that looks most `like` another."""
        some = self._rng.integers(len(self._shots), size=ALIKE_OF)
        if like is None or (some == like).all():
            return int(some[0])
        some = some[some != like]
        return int(some[np.abs(self._looks[some] - self._looks[like]).mean(1).argmin()])

    def _shot(self, source: int, gain: float, close: bool = False) -> Take:
        """Some frames of a shot, changed; of a `close` one only a part is seen."""
        rng, values = self._rng, self._shots[source]
        speed = float(rng.choice(SPEEDS))
        if len(values) >= 2 * LENGTHS[0] * speed:
            values = values[(np.arange(int(len(values) / speed)) * speed).astype(int)]
        length = int(rng.integers(LENGTHS[0], LENGTHS[1] + 1))
        first = int(rng.integers(max(1, len(values) - length)))
        values = values[first : first + length]
        share = float(rng.uniform(CLOSEST, 0.9)) if close or rng.random() < CLOSE else 1.0
        values = framed(values, share, self._way(len(values)), rng.random() < 0.5)
        gains = gain * np.exp(rng.normal(0, 0.1)) * np.ones(len(values))
        return Take(self._relit(lit(values, gains, EVERYWHERE)), source)

    def _way(self, frames: int) -> Doubles:
        """Where a camera looks that stands still or wanders around, slowly or fast; see `framed`."""
        rng = self._rng
        speed = rng.exponential(FASTNESS, 2) * (rng.random() < WANDERING)
        return np.asarray(0.5 + 0.5 * np.sin(rng.uniform(0, 2 * np.pi, 2) + np.arange(frames)[:, None] * speed))

    def _relit(self, values: Values) -> Values:
        """Mostly the same; sometimes it becomes brighter or darker, in a part or everywhere, and perhaps turns back."""
        rng = self._rng
        if rng.random() > RELIT:
            return values
        level = rng.uniform(0.35, 1.8)
        knots = [1.0, level, level, float(rng.choice([1.0, level]))]
        gain = np.interp(np.arange(len(values)), np.sort(rng.uniform(0, len(values), 4)), knots)
        part = cv2.resize(rng.random((3, 4)), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).clip(0, 1).ravel()
        return lit(values, gain, part if rng.random() < 0.5 else EVERYWHERE)

    def _plain(self, old: Take) -> Take:
        """A plain shot, mostly black and with a title; after another mostly of the same grey."""
        rng = self._rng
        level = int(rng.choice([BLACK, BLACK, BLACK, WHITE, int(rng.integers(BLACK, WHITE + 1))]))
        level = int(old.values[0, 0]) if old.source < 0 and rng.random() < 0.8 else level
        values = plain(level, int(rng.integers(LENGTHS[0], 60)))
        for _ in range(int(rng.integers(1, 5)) if rng.random() < 0.7 else 0):
            row, high, left, wide = (int(rng.integers(*span)) for span in ((2, 32), (1, 5), (4, 30), (6, 31)))
            letters = level + rng.choice([-1, 1]) * rng.integers(20, 220, wide)
            line = values[:, :LUMA].reshape(-1, HEIGHT, WIDTH)[:, row : row + high, left : left + wide]
            line[:] = letters.clip(BLACK, WHITE)
        return Take(values)

    def _join(self, kind: Kind, old: Take, new: Take) -> Join | None:
        """A join of this kind, or a cut where a shot is too short for it; None if it could not be seen."""
        rng, room = self._rng, min(len(old.values), len(new.values)) // 2
        kind = kind if room > SHORTEST else Kind.CUT
        apart = np.abs(old.values[-1, :LUMA].astype(np.int16) - new.values[0, :LUMA]).mean()
        if apart < (TITLE_VISIBLE if old.source == new.source == -1 else VISIBLE[kind]):
            return None
        if kind is Kind.CUT:
            return Join(0, 0, old.values[:0], (0,))
        if kind is Kind.DISSOLVE:
            frames = int(rng.integers(SHORTEST, min(LONGEST_DISSOLVE, room) + 1))
            return dissolved(old.values, new.values, frames, rng.random() < 0.2)
        out, into = (int(frames) for frames in rng.integers(SHORTEST, min(LONGEST_FADE, room) + 1, 2))
        if kind is Kind.HALF_FADE:
            out, into = (0, into) if rng.random() < 0.5 else (out, 0)
        level = BLACK if rng.random() < 0.8 else WHITE
        return faded(old.values, new.values, level, out, int(rng.integers(LONGEST_HOLD + 1)), into)


def _ramp(frames: int) -> Shares:
    """Growing shares between 0 and 1."""
    return np.arange(1, frames + 1) / (frames + 1)


def _mixed(old: Values, new: Values, share: Shares) -> Values:
    """Two runs of frames blended, `share` of the new one."""
    return np.rint(old + (new.astype(np.float32) - old) * share[:, None]).astype(np.uint8)
