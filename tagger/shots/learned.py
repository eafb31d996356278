"""Our own detector: finds cuts, dissolves, wipes and fades with small networks over the differences of thumbnails.

It knows film at about 25 pictures/s, whatever rate a file claims: of faster films every second, third, ... frame is
looked at, by the frames' own times, and frames that repeat the one before tell nothing and are left out. In slower
films, slide shows among them, every picture may be a shot: there two pictures alone are compared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import cv2
import numpy as np

from tagger.records import Boundary
from tagger.shots.networks import (
    AHEAD,
    BACK,
    COLUMNS,
    LOOK_S,
    cut_inputs,
    difference,
    gradual_inputs,
    networks,
    rows_of,
)
from tagger.shots.picker import AROUND, LONGEST, Picker
from tagger.shots.thumbnails import CONTEXT, VALUES, Shrinker, Thumbnail

STEP = 32  # looks that are taken together
HELD = 0.35 * VALUES  # sum of differences below which a frame is the one before once more, encoded anew
HELD_S = 0.2  # what repeats for longer stands still, and is looked at
SLOW_S = 0.3  # from the look before: what the networks of many pictures know is over by then
LATENESS_LOOKS = STEP + AHEAD + AROUND + LONGEST // 2


class Looks:
    """Says which frames are looked at."""

    def __init__(self) -> None:
        """Starts before the first frame."""
        self._last_s = 0.0
        self._looked: tuple[float, Thumbnail] | None = None
        self._changed_s = 0.0  # when the last look was that was no repeat

    def wants(self, time_s: float, small: Thumbnail) -> bool:
        """Returns whether this frame is looked at, then it is: at LOOK_S after the last, unless it repeats that one."""
        looked_s, looked = self._looked or (-inf, small)
        between_s, self._last_s = time_s - self._last_s, time_s
        # The frame nearest to LOOK_S after the last: at a constant rate that is every n-th.
        if time_s - looked_s < LOOK_S - between_s / 2:
            return False
        if cv2.norm(looked.values, small.values, cv2.NORM_L1) >= HELD or self._looked is None:
            self._changed_s = time_s
        elif time_s - self._changed_s < HELD_S:
            return False
        self._looked = time_s, small
        return True


class Transitions:
    """Finds boundaries in a stream of looks: of a cut the first new picture, of a gradual change the middle."""

    def __init__(self) -> None:
        """Starts before the first look."""
        self._networks = networks()
        self._thumbnails: list[Thumbnail] = []  # those to be looked at, and CONTEXT before them
        self._gaps_s: list[float] = []  # of those to be looked at
        self._times_s: list[float] = []  # of looks to be decided, from the first of which the rows are not
        self._fed = 0
        self._rows = np.empty((0, COLUMNS), np.float32)  # of looks to be decided, and BACK before them
        self._apart: dict[int, float] = {}  # pairs that are SLOW_S apart, by the row of the second
        self._decided = 0  # of these rows
        self._picker = Picker()

    @property
    def settled(self) -> int:
        """Looks before this one can no longer be boundaries."""
        return self._picker.settled

    def feed(self, thumbnail: Thumbnail, time_s: float) -> list[tuple[int, float]]:
        """Returns the boundaries that the next look makes known, as looks counted from 0, each with how sure it is.

        A boundary is known at most LATENESS_LOOKS after it passed.
        """
        gap_s = time_s - self._times_s[-1] if self._fed else LOOK_S
        if self._fed and gap_s > SLOW_S:
            self._apart[len(self._rows) + len(self._gaps_s)] = difference(self._thumbnails[-1], thumbnail)
        self._thumbnails.append(thumbnail)
        self._gaps_s.append(gap_s)
        self._times_s.append(time_s)
        self._fed += 1
        return self._look(AHEAD) if len(self._gaps_s) == STEP else []

    def finish(self) -> list[tuple[int, float]]:
        """Returns the boundaries that the end of the film makes known; its last look stands for those behind it."""
        count, found = self._fed, list[tuple[int, float]]()
        for _ in range(AHEAD if self._thumbnails else 0):
            found += self.feed(self._thumbnails[-1], self._times_s[-1] + LOOK_S)
        found += [*(self._look(0) if self._thumbnails else ()), *self._picker.finish()]
        return [(look, sure) for look, sure in found if look < count]

    def _look(self, ahead: int) -> list[tuple[int, float]]:
        if self._gaps_s:
            self._rows = np.concatenate([self._rows, rows_of(self._thumbnails, self._gaps_s)])
            self._thumbnails, self._gaps_s = self._thumbnails[-CONTEXT:], []
        first, last = self._decided, len(self._rows) - ahead
        if last <= first:
            return []
        inputs = cut_inputs(self._rows, first, last), gradual_inputs(self._rows, first, last)
        cuts, graduals = (network.probabilities(seen) for network, seen in zip(self._networks, inputs, strict=False))
        found = []
        times_s = self._times_s[: last - first]
        for row, cut, gradual, time_s in zip(range(first, last), cuts, graduals, times_s, strict=True):
            alone = self._apart.get(row)
            pair = (float(cut), float(gradual)) if alone is None else (alone, 0.0)
            found += self._picker.feed(*pair, time_s)
        dropped = max(0, last - BACK)
        self._rows, self._decided = self._rows[dropped:], last - dropped
        self._times_s = self._times_s[last - first :]
        self._apart = {row - dropped: p for row, p in self._apart.items() if row >= last}
        return found


@dataclass(slots=True)
class _Span:
    """The frames since the last one that was looked at."""

    first: int
    farthest: Boundary  # the frame that is farthest from the one before it
    jump: float


class LearnedDetector:
    """Our own detector, at any frame rate; a `tagger.shots.detector.Detector`."""

    def __init__(self) -> None:
        """Starts before the first frame."""
        self.shrink = Shrinker()
        self._transitions = Transitions()
        self._spans: deque[_Span] = deque(maxlen=LATENESS_LOOKS + 1)  # each ends with a frame that was looked at
        self._looks = 0
        self._choice = Looks()
        self._open: _Span | None = None
        self._last: tuple[Boundary, Thumbnail] | None = None

    @property
    def settled(self) -> int:
        """As `Detector.settled`."""
        return self._spans[self._transitions.settled - self._looks].first if self._spans else 0

    def feed(self, frame: int, time_s: float, small: Thumbnail) -> list[Boundary]:
        """As `Detector.feed`."""
        here = Boundary(frame, time_s)
        _, last = self._last or (here, small)
        jump = cv2.norm(last.values, small.values, cv2.NORM_L1)
        if self._open is None:
            self._open = _Span(frame, here, jump)
        elif jump >= self._open.jump:
            self._open.farthest, self._open.jump = here, jump
        self._last = (here, small)
        return self._look() if self._choice.wants(time_s, small) else []

    def finish(self) -> list[Boundary]:
        """As `Detector.finish`."""
        found = self._look() if self._open else []  # the last frame is looked at, whenever it is
        return [*found, *self._named(self._transitions.finish())]

    def _look(self) -> list[Boundary]:
        """Looks at the last frame."""
        assert self._open is not None and self._last is not None
        here, small = self._last
        self._spans.append(self._open)
        self._open = None
        self._looks += 1
        return self._named(self._transitions.feed(small, here.time_s))

    def _named(self, found: Sequence[tuple[int, float]]) -> list[Boundary]:
        """The frames meant by numbers of looks: since the look before, that with the farthest jump."""
        return [self._spans[at - self._looks].farthest._replace(sure=sure) for at, sure in found]
