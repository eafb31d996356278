"""Presentation times: from the time stamps of frames, where they have any, to seconds that always grow.

What a file claims of its rate is believed only of frames that carry no time at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av

from tagger.text import moment

GLITCH_S = 1.0  # a clock that steps back by less is a glitch of one frame
# A clock that steps back by more than a glitch, or ahead by more than a leap, was set anew, if so many frames agree: a
# decoder gives up some late ones behind damage. Ahead as in FFmpeg's own rules: in formats whose clock may be set anew,
# as where recordings were joined, and in all others, where a step may be a pause.
LEAP_S = 10.0
LEAP_ANYWHERE_S = 30 * 3600.0
REORDERED_FRAMES = 16  # the most that a decoder holds back
LASTING_FRAMES = 4  # that agree on a step back that is no more than a glitch
PAUSE_S = 10.0  # without a new picture is worth a word
TICK_S = 1e-3  # what a frame is moved on that would stand at or before the last, so that time always grows
FALLBACK_BASE = Fraction(1, 90_000)  # the tick of MPEG streams


class Pace:
    """How far apart frames are, in bounded memory."""

    STEPS_MAX = 4096  # kinds of steps, by milliseconds; a film has a few
    ALIKE = 1.6  # two kinds of steps: 3:2 pulldown has one and a half of the other
    GAP = 3.0  # times the usual step: pictures are missing
    STEADY = 0.95  # share of steps that are usual where the rate is constant

    def __init__(self) -> None:
        """Starts without a step."""
        self._steps: dict[int, tuple[int, float]] = {}  # milliseconds -> how many, and their sum in seconds

    def add(self, step_s: float) -> None:
        """Takes the time between two neighbours."""
        kind = round(step_s * 1000)
        if kind in self._steps or len(self._steps) < self.STEPS_MAX:
            count, sum_s = self._steps.get(kind, (0, 0.0))
            self._steps[kind] = count + 1, sum_s + step_s

    @property
    def step_s(self) -> float | None:
        """The mean time between two neighbours between which nothing is missing; None before the second frame."""
        half = sum(count for count, _ in self._steps.values()) / 2
        for kind in sorted(self._steps):
            half -= self._steps[kind][0]
            if half <= 0:
                near = kind / self.ALIKE, kind * self.ALIKE
                usual = [step for other, step in self._steps.items() if near[0] <= other <= near[1]]
                return sum(sum_s for _, sum_s in usual) / sum(count for count, _ in usual)
        return None

    @property
    def missing_s(self) -> float:
        """How long no picture comes in all where one should, if the film has a constant rate; else 0."""
        usual_s, every = self.step_s or 0.0, sum(count for count, _ in self._steps.values())
        usual = [kind / self.ALIKE <= 1000 * usual_s <= kind * self.ALIKE for kind in self._steps]
        steady = sum(count for (count, _), is_usual in zip(self._steps.values(), usual, strict=True) if is_usual)
        if steady < self.STEADY * every:
            return 0.0
        gaps = ((count, sum_s) for kind, (count, sum_s) in self._steps.items() if kind > 1000 * self.GAP * usual_s)
        return sum(sum_s - count * usual_s for count, sum_s in gaps)


@dataclass(slots=True)
class _Elsewhere:
    """Where the clock stands by the frames that do not go on from those before."""

    zero_s: float
    since_s: float
    frames: int = 0


class Clock:
    """Presentation times in seconds from where a player starts, strictly growing whatever the file says."""

    def __init__(
        self,
        start_us: int | None,
        time_base: Fraction | None,
        step_s: float,
        *,
        restarts: bool = False,
        decoding_order: bool = False,
    ) -> None:
        """Starts before the first frame.

        Args:
            start_us: where the container says that it starts, in microseconds.
            time_base: seconds per tick of the stream; frames drained at the end carry none.
            step_s: what a frame lasts that carries no time.
            restarts: the clock of this format may be set anew in mid-stream, as where recordings were joined.
            decoding_order: the format has decoding times alone, so that the first picture comes late by what the
                decoder holds back.
        """
        self._zero_s = start_us / av.time_base if start_us is not None else None
        self._per_tick, self._per_second = (time_base or FALLBACK_BASE).as_integer_ratio()
        self._step_s = step_s
        self._leap_s = LEAP_S if restarts else LEAP_ANYWHERE_S
        self._late_s = REORDERED_FRAMES * step_s if decoding_order else 0.0
        self._last_s: float | None = None
        self._length_s = step_s  # of the last frame
        self._elsewhere: _Elsewhere | None = None
        self._leaps = 0  # times that it was set anew
        self._first_leap = (0.0, 0.0)  # where, and how far ahead
        self.leapt_s = 0.0  # by how much the file's own clock was set ahead in all
        self._pauses = 0
        self._longest = (0.0, 0.0)  # of the pauses: how long it is, and where
        self.pace = Pace()

    @property
    def end_s(self) -> float:
        """Where the last frame ends; 0 before the first.

        What a file says of a frame's length is believed where it is no less than half of what frames take.
        """
        if self._last_s is None:
            return 0.0
        usual_s = self.pace.step_s or self._length_s
        return self._last_s + (self._length_s if 2 * self._length_s >= usual_s else usual_s)

    def read(self, stamp: int | None, ticks: int | None = None) -> float:
        """Returns the time of the next frame in presentation order, in seconds.

        Args:
            stamp: its time stamp in ticks; None if it carries none.
            ticks: how long the file says that it lasts.
        """
        stamp_s = None if stamp is None else stamp * self._per_tick / self._per_second
        if self._last_s is None:
            time_s = self._first(0.0 if stamp_s is None else stamp_s)
        else:
            leaps, time_s = self._leaps, self._next(self._last_s, stamp_s)
            if self._leaps == leaps and time_s > self._last_s + 1.5 * TICK_S:  # else it only had to grow
                self.pace.add(time_s - self._last_s)
        self._last_s = time_s
        self._length_s = ticks * self._per_tick / self._per_second if ticks else self._step_s
        return time_s

    def notes(self) -> Iterator[str]:
        """Yields what was decided on the way, a line for each."""
        if self._leaps:
            where_s, ahead_s = self._first_leap
            way = f"{'ahead' if ahead_s > 0 else 'back'} by {moment(abs(ahead_s))}"
            times = f" and {self._leaps - 1} times more" if self._leaps > 1 else ""
            yield f"time: the file's clock goes {way} at {moment(where_s)}{times}: recordings were joined there"
        if self._pauses:
            longest_s, where_s = self._longest
            yield (
                f"time: {self._pauses} times no new picture comes for over {PAUSE_S:g} s, "
                f"at the longest for {longest_s:.1f} s at {moment(where_s)}"
            )

    def _first(self, stamp_s: float) -> float:
        start_s = stamp_s if self._zero_s is None else min(self._zero_s, stamp_s)
        if stamp_s - start_s <= self._late_s:
            start_s = stamp_s
        self._zero_s = start_s
        return stamp_s - start_s

    def _next(self, last_s: float, stamp_s: float | None) -> float:
        follows_s = last_s + self._length_s
        if stamp_s is None:
            return follows_s
        zero_s = self._zero_s or 0.0
        time_s = stamp_s - zero_s
        if last_s < time_s <= last_s + self._leap_s:
            if time_s - last_s > PAUSE_S:
                self._pauses, self._longest = self._pauses + 1, max(self._longest, (time_s - last_s, last_s))
            self._elsewhere = None
            return max(time_s, last_s + TICK_S)
        there, is_glitch = self._elsewhere, time_s > last_s - GLITCH_S and time_s <= last_s
        if there is None or abs(stamp_s - there.zero_s - last_s) > GLITCH_S:
            there = self._elsewhere = _Elsewhere(stamp_s - follows_s, follows_s)
        there.frames += 1
        if is_glitch and there.frames < LASTING_FRAMES:
            return last_s + TICK_S
        if there.frames == (LASTING_FRAMES if is_glitch else REORDERED_FRAMES):
            ahead_s = there.zero_s - zero_s
            self._zero_s, self._elsewhere = there.zero_s, None
            self._first_leap = self._first_leap if self._leaps else (there.since_s, ahead_s)
            self._leaps, self.leapt_s = self._leaps + 1, self.leapt_s + ahead_s
        return max(stamp_s - there.zero_s, last_s + TICK_S)
