"""SMPTE timecode (ST 12-1): the numbers that frames have on a tape or in a file, HH:MM:SS:FF."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

BASES = (24, 25, 30, 48, 50, 60)  # frames in a second of timecode, as programs know them
DROPPING = (30, 60)  # of these, those that can keep pace with the clock by leaving numbers out: 29.97 and 59.94
NTSC = Fraction(1000, 1001)  # 24 frames in a second of timecode are 23.976 in one of the clock
NEAR = 0.01  # a rate that is measured, or rounded, is taken for one that it is so near to
CODE = re.compile(r"(\d\d)[:;.,](\d\d)[:;.,](\d\d)([:;.,])(\d\d)")


@dataclass(frozen=True, slots=True)
class Numbering:
    """How the frames of a film are numbered; after a day it begins again, as clocks do."""

    base: int
    """Frames in a second of timecode."""
    drop: bool = False
    """Two numbers (at base 60 four) are left out at the start of every minute but each tenth."""

    @property
    def day(self) -> int:
        """How many frames have a number of their own."""
        return 144 * self._ten_minutes

    def code(self, frame: int) -> str:
        """Returns the timecode of a frame that is so many after 00:00:00:00; with a semicolon where numbers drop."""
        tens, rest = divmod(frame % self.day, self._ten_minutes)
        minutes = max(0, rest - 60 * self.base) // (60 * self.base - self._dropped) + (rest >= 60 * self.base)
        number = tens * 600 * self.base + rest + minutes * self._dropped
        seconds, frames = divmod(number, self.base)
        point = ";" if self.drop else ":"
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{frames:02}"

    def frame(self, code: str) -> int | None:
        """Returns how many frames a timecode is after 00:00:00:00; None if no frame has it."""
        parts = CODE.fullmatch(code)
        if not parts:
            return None
        hours, minutes, seconds, frames = (int(parts[place]) for place in (1, 2, 3, 5))
        dropped = self.drop and minutes % 10 and seconds == 0 and frames < self._dropped
        if hours > 23 or minutes > 59 or seconds > 59 or frames >= self.base or dropped:
            return None
        minutes += 60 * hours
        return (60 * minutes + seconds) * self.base + frames - self._dropped * (minutes - minutes // 10)

    @property
    def _dropped(self) -> int:
        return self.base // 15 if self.drop else 0

    @property
    def _ten_minutes(self) -> int:
        return 600 * self.base - 9 * self._dropped


def base_of(fps: float) -> int:
    """Returns how many frames a second of timecode has where so many pass in one of the clock: 24 for 23.976."""
    near = min((rate for base in BASES for rate in (base, float(base * NTSC))), key=lambda rate: abs(rate - fps))
    return round(near) if abs(near - fps) <= NEAR * near else max(1, round(fps))


def numbering(fps: float, code: str | None) -> Numbering:
    """Returns how frames are numbered at a rate, where the first has this timecode."""
    base = base_of(fps)
    return Numbering(base, base in DROPPING and ";" in (code or ""))


def spelled(code: str, fps: float) -> str | None:
    """Returns what a file says as HH:MM:SS:FF, or HH:MM:SS;FF where numbers are dropped; None if it is no timecode.

    Args:
        code: as it stands there; before the frames it has a semicolon, a dot or a comma where numbers are dropped.
        fps: at other rates than 29.97 and 59.94 none are, whatever it says.
    """
    parts = CODE.fullmatch(code.strip())
    if not parts or int(parts[1]) > 23 or int(parts[2]) > 59 or int(parts[3]) > 59:
        return None
    drops = parts[4] != ":" and base_of(fps) in DROPPING
    return f"{parts[1]}:{parts[2]}:{parts[3]}{';' if drops else ':'}{parts[5]}"
