"""Reels: new films, as thumbnails, that are made of the shots of others, changed and joined anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.random import Generator

from tagger.evaluation.shots import Gradual, Truth
from tagger.knowledge import incidents, sights
from tagger.knowledge.joins import BLACK, WHITE, Join, Reel, Values, dissolved, faded, plain, wiped
from tagger.records import Doubles
from tagger.shots.thumbnails import COLOUR, HEIGHT, LUMA, WIDTH

SHOTS = 12  # of a reel
LENGTHS = 8, 160  # frames of its shots
HASTE = 30  # frames of the shots of hasty reels, at most
SHORTEST = 3  # frames of one side of a gradual change
LONGEST_DISSOLVE, LONGEST_FADE, LONGEST_WIPE, LONGEST_HOLD = (
    60,
    60,
    50,
    15,
)  # frames; a hold is plain, between two fades
TITLE_VISIBLE = 0.4  # mean difference of luma from which a plain picture is another one: a title is small
PLAIN, PLAIN_AGAIN = 0.1, 0.4  # share of plain shots after others, and after plain ones
COLOURED = 0.7  # share of plain shots that are neither black nor white
ALIKE, SAME = 0.7, 0.35  # in half of the reels: share of shots that look like the one before, and of these of the same
ALIKE_OF = 30  # shots of which the most alike is the next
CLOSE, CLOSEST = 0.4, 0.45  # share of shots of which only a part is seen, and the least part
FASTEST = 0.3  # where it always moves, as FASTNESS
WANDERING, FASTNESS = 0.6, 0.1  # share of these whose camera moves, and how fast: radians per frame of to and fro
FROZEN = 0.1  # share of shots of a picture that stands still, but for the camera
WHIPPED = 0.2  # share of shots in which the camera is torn around
RELIT = 0.25  # share of shots whose light changes
SPEEDS = (1.0, 1.0, 1.0, 0.5, 0.8, 2.0, 3.0, 5.0)  # below 1 some frames are seen twice, as in films of drawings
RATES = (24, 25, 25, 30)  # frames per second
# Share of reels that look so, see `sights`.
AGED, DIMMED, STAGED, STROBED, BARRED, BOXED = 0.18, 0.08, 0.14, 0.08, 0.32, 0.25
HALVED = 0.1
HELD, SPARSE, TELECINED = 0.25, 0.12, 0.06


class Kind(IntEnum):
    """Of a join; a half fade is a cut from or to a picture that fades."""

    CUT, DISSOLVE, FADE, HALF_FADE, WIPE = range(5)


OFTEN = (1.2, 0.4, 0.3, 0.2, 0.6)  # of a Dirichlet distribution: some reels have cuts alone, some hardly any
VISIBLE = (6.0, 8.0, 0.0, 0.0, 8.0)  # mean difference of luma from which there is a join at all


@dataclass(frozen=True, slots=True)
class Shares:
    """How hasty reels are."""

    hasty: float  # of reels: their shots are all short
    chased: float  # of reels: their camera always moves
    jolted: float  # of shots: with incidents near their ends, see `incidents`
    passed: float  # of shots: something passes


# From calm reels networks learn to miss cuts between shots that both move fast, from hasty ones to miss wipes.
HASTY, CALM = Shares(0.3, 0.25, 0.08, 0.03), Shares(0.2, 0.0, 0.12, 0.06)


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

    def __init__(self, shots: list[Values], rng: Generator, shares: Shares = HASTY) -> None:
        """Takes the shots that they are made of."""
        self._shares = shares
        self._shots = [shot for shot in shots if len(shot) >= LENGTHS[0]]
        self._looks = np.stack([shot[len(shot) // 2, ::4] for shot in self._shots]).astype(np.int16)
        self._rng = rng
        self._longest = LENGTHS[1]
        self._chased = False

    def reel(self) -> Reel:
        """Returns a reel whose first and last shots begin and end anywhere."""
        rng = self._rng
        kinds, alike, gain = rng.dirichlet(OFTEN), rng.random() < 0.5, float(np.exp(rng.normal(-0.25, 0.45)))
        self._longest = HASTE if rng.random() < self._shares.hasty else LENGTHS[1]
        self._chased = bool(self._shares.chased) and rng.random() < self._shares.chased
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
        reel = Reel(np.concatenate(parts), Truth(tuple(cuts), tuple(gradual)), 1 / int(rng.choice(RATES)))
        reel = self._retimed(replace(reel, values=self._seen(reel.values)))
        most = int(rng.integers(3))  # of noise
        noise = rng.integers(-most, most + 1, reel.values.shape, np.int8)
        noisy = (
            reel.values.astype(np.int16) + noise * (np.abs(np.diff(reel.values, axis=0, prepend=0)).max(1) > 0)[:, None]
        )
        return replace(reel, values=noisy.clip(0, 255).astype(np.uint8))

    def _seen(self, values: Values) -> Values:
        """The frames as some kinds of film show them."""
        rng = self._rng
        values = sights.halved(values, self._some(), rng) if rng.random() < HALVED else values
        for share, sight in (
            (DIMMED, sights.dimmed),
            (STAGED, sights.staged),
            (STROBED, sights.strobed),
            (AGED, sights.aged),
            (BARRED, sights.barred),
        ):
            values = sight(values, rng) if rng.random() < share else values
        if rng.random() < BOXED:
            others = [self._shots[at] for at in rng.integers(len(self._shots), size=12)]
            values = sights.boxed(values, others, rng)
        return values

    def _retimed(self, reel: Reel) -> Reel:
        """The reel, or one of fewer pictures."""
        draw = self._rng.random()
        if draw < HELD:
            return sights.held(reel, self._rng)
        if draw < HELD + SPARSE:
            return sights.sparse(reel, self._rng)
        return sights.telecined(reel) if draw < HELD + SPARSE + TELECINED else reel

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
        length = int(rng.integers(LENGTHS[0], self._longest + 1))
        first = int(rng.integers(max(1, len(values) - length)))
        values = values[first : first + length]
        values = values[:1].repeat(length, 0) if rng.random() < FROZEN else values
        share = float(rng.uniform(CLOSEST, 0.9)) if close or rng.random() < CLOSE else 1.0
        share = min(share, 0.6) if self._chased else share
        way, mirrored = self._way(len(values)), rng.random() < 0.5
        if rng.random() < WHIPPED:
            share, way = min(share, 0.8), (self._whipped(len(values)) if rng.random() < 0.8 else way)
            blurred = way + np.diff(way, axis=0, append=way[-1:]) / 2
            views = [sights.framed(values, share, along, mirrored) for along in (way, blurred)]
            values = ((views[0].astype(np.uint16) + views[1]) // 2).astype(np.uint8)
        else:
            values = sights.framed(values, share, way, mirrored)
        gains = gain * np.exp(rng.normal(0, 0.1)) * np.ones(len(values))
        values = sights.lit(values, gains, sights.EVERYWHERE)
        values = sights.relit(values, rng) if rng.random() < RELIT else values
        values = incidents.passed(values, self._some(), rng) if rng.random() < self._shares.passed else values
        return Take(incidents.jolted(values, rng) if rng.random() < self._shares.jolted else values, source)

    def _some(self) -> Values:
        """A frame of some other shots each."""
        return np.stack([self._shots[at][0] for at in self._rng.integers(len(self._shots), size=4)])

    def _whipped(self, frames: int) -> Doubles:
        """Where a camera looks that is torn around now and then; see `framed`."""
        rng, way = self._rng, np.tile(self._rng.random(2), (frames, 1))
        for _ in range(int(rng.integers(1, 4))):
            first, lasts, aim = (
                int(rng.integers(frames)),
                int(rng.integers(2, 16)),
                rng.random(2) * (1, 0.5) + (0, 0.25),
            )
            share = ((np.arange(frames) - first) / lasts).clip(0, 1)[:, None]
            way = way + (aim - way) * share * share * (3 - 2 * share)
        return way

    def _way(self, frames: int) -> Doubles:
        """Where a camera looks that stands still or wanders around, slowly or fast; see `framed`."""
        rng = self._rng
        fast = rng.exponential(FASTNESS, 2) * (rng.random() < WANDERING)
        speed = (FASTEST * rng.random(), fast[1]) if self._chased else fast
        return np.asarray(0.5 + 0.5 * np.sin(rng.uniform(0, 2 * np.pi, 2) + np.arange(frames)[:, None] * speed))

    def _plain(self, old: Take) -> Take:
        """A plain shot, mostly black and with a title; after another mostly of the same grey."""
        rng = self._rng
        level = int(rng.choice([BLACK, BLACK, BLACK, WHITE, *rng.integers(BLACK + 1, WHITE, 2)]))
        level = int(old.values[0, 0]) if old.source < 0 and rng.random() < 0.8 else level
        values = plain(level, int(rng.integers(LENGTHS[0], 60)))
        if level not in (BLACK, WHITE) and rng.random() < COLOURED:
            values[:, LUMA:] += np.repeat(rng.integers(-40, 41, 2), COLOUR).astype(np.uint8)  # GREY is far from 0
        for _ in range(int(rng.integers(1, 5)) if rng.random() < 0.7 else 0):
            row, high, left, wide = (int(rng.integers(*span)) for span in ((2, 32), (1, 5), (4, 30), (6, 31)))
            letters = level + rng.choice([-1, 1]) * rng.integers(20, 220, wide)
            line = values[:, :LUMA].reshape(-1, HEIGHT, WIDTH)[:, row : row + high, left : left + wide]
            line[:] = letters.clip(BLACK, WHITE)
        return Take(values)

    def _join(self, kind: Kind, old: Take, new: Take) -> Join | None:
        """A join of this kind, or a cut where a shot is too short for it; None if it could not be seen."""
        rng, room = self._rng, min(len(old.values), len(new.values)) // 2
        kind = kind if room > 2 * SHORTEST else Kind.CUT
        changed = np.abs(old.values[-1].astype(np.int16) - new.values[0])
        apart = max(changed[:LUMA].mean(), changed[LUMA:].mean())
        if apart < (TITLE_VISIBLE if old.source == new.source == -1 else VISIBLE[kind]):
            return None
        if kind is Kind.CUT:
            return Join(0, 0, old.values[:0], (0,))
        if kind is Kind.WIPE:
            return wiped(old.values, new.values, int(rng.integers(2 * SHORTEST, min(LONGEST_WIPE, room) + 1)), rng)
        if kind is Kind.DISSOLVE:
            frames = int(rng.integers(2 * SHORTEST - 1, min(LONGEST_DISSOLVE, room) + 1))
            return dissolved(old.values, new.values, frames, rng.random() < 0.2)
        out, into = (int(frames) for frames in rng.integers(SHORTEST, min(LONGEST_FADE, room) + 1, 2))
        if kind is Kind.HALF_FADE:
            out, into = (0, into) if rng.random() < 0.5 else (out, 0)
        level = BLACK if rng.random() < 0.8 else WHITE
        return faded(old.values, new.values, level, out, int(rng.integers(LONGEST_HOLD + 1)), into)
