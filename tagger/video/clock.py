"""Presentation times: from the time stamps of frames, where they have any, to seconds that always grow."""

from __future__ import annotations

from fractions import Fraction

import av

GLITCH_S = 1.0  # a clock that steps back by less is a glitch of one frame; by more it was set anew
TICK_S = 1e-3  # what such a frame is moved on, so that time always grows
FALLBACK_BASE = Fraction(1, 90_000)  # the tick of MPEG streams


class Clock:
    """Presentation times in seconds from where a player starts, strictly growing whatever the file says."""

    def __init__(self, start_us: int | None, time_base: Fraction | None, step_s: float) -> None:
        """Starts before the first frame.

        Args:
            start_us: where the container says that it starts, in microseconds.
            time_base: seconds per tick of the stream; frames drained at the end carry none.
            step_s: what a frame lasts that does not say so.
        """
        self._zero_s = start_us / av.time_base if start_us is not None else None
        self._time_base = time_base or FALLBACK_BASE
        self._step_s = step_s
        self._last_s: float | None = None
        self._before_s: float | None = None  # the zero before the clock was set anew

    def read(self, stamp: int | None) -> float:
        """Returns the time of the next frame in presentation order, in seconds, from its time stamp in ticks."""
        stamp_s = None if stamp is None else float(stamp * self._time_base)
        if self._last_s is None:
            first_s = 0.0 if stamp_s is None else stamp_s
            self._zero_s = first_s if self._zero_s is None else min(self._zero_s, first_s)
            self._last_s = first_s - self._zero_s
            return self._last_s
        time_s = self._last_s + self._step_s if stamp_s is None else stamp_s - (self._zero_s or 0.0)
        if time_s <= self._last_s - GLITCH_S:
            self._before_s = self._zero_s
            self._zero_s = (self._zero_s or 0.0) - (self._last_s + self._step_s - time_s)
            time_s = self._last_s + self._step_s
        elif time_s > self._last_s + GLITCH_S and self._belongs_before(stamp_s):
            time_s = self._last_s + self._step_s
        self._last_s = max(time_s, self._last_s + TICK_S)
        return self._last_s

    def _belongs_before(self, stamp_s: float | None) -> bool:
        """Whether it is a late frame of the part before the clock was set anew, as where MPEG-TS are joined."""
        if stamp_s is None or self._before_s is None or self._last_s is None:
            return False
        return abs(stamp_s - self._before_s - self._last_s) < GLITCH_S

    def length(self, ticks: int | None) -> float:
        """Returns how many seconds a frame of so many ticks lasts."""
        return float(ticks * self._time_base) if ticks else self._step_s
