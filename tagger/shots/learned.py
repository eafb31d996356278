"""Our own detector: finds cuts, dissolves and fades with small networks over the differences of thumbnails.

One network sees 15 frames and says whether a frame is the first after a cut; the other sees 1.6 seconds and
says whether a frame belongs to a gradual change. Both are trained on films made for it
(`tagger.knowledge.boundaries`), and know film only at about 25 frames/s: of faster films every second, third,
... frame is looked at, by the frames' own times, whatever rate the file claims.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tagger.records import Boundary
from tagger.shots.thumbnails import CONTEXT, COUNT, Differences, Shrinker, Thumbnail, change, differences

NETWORKS = Path(__file__).parent / "learned.npz"
CUT_WINDOW = tuple(range(-6, 9))  # frames around the one in question
GRADUAL_WINDOW = tuple(range(-16, 25, 2))
LOOK_S = 0.04  # from one frame that is looked at to the next
CUT_COLUMNS = (*range(9), 15, 16, 17, 18, 21, 22)  # of the differences: those over up to four frames
STEP = 16  # frames that are looked at together
BACK, AHEAD = -min(GRADUAL_WINDOW), max(GRADUAL_WINDOW)
PEAK = 3  # a cut is more probable than so many frames on either side
NEAR = 4  # a gradual change with a cut so near is that cut
SMOOTH = 2  # frames on either side in the mean of the probability of a gradual change
SHORTEST, LONGEST = 4, 64  # frames of a gradual change; of a longer one the beginning counts
LATENESS_LOOKS = STEP + AHEAD + SMOOTH + NEAR + LONGEST // 2


@dataclass(frozen=True, slots=True, eq=False)
class SmallNetwork:
    """One hidden layer of rectified units, then one logit."""

    hidden: NDArray[np.float32]  # (inputs, units)
    hidden_bias: NDArray[np.float32]
    out: NDArray[np.float32]  # (units,)
    out_bias: float

    def probabilities(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the probability of each row."""
        logits = np.maximum(inputs @ self.hidden + self.hidden_bias, 0) @ self.out + self.out_bias
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


@cache
def networks(path: Path = NETWORKS) -> tuple[SmallNetwork, SmallNetwork, SmallNetwork]:
    """Returns the networks for cuts, for gradual changes, and for pairs of frames far from each other."""
    with np.load(path) as stored:
        named = {name: stored[name].astype(np.float32) for name in stored.files}

    def network(kind: str) -> SmallNetwork:
        hidden, hidden_bias, out = (named[f"{kind}_{part}"] for part in ("hidden", "hidden_bias", "out"))
        return SmallNetwork(hidden, hidden_bias, out, float(named[f"{kind}_out_bias"]))

    return network("cut"), network("gradual"), network("pair")


def numbers_sha256() -> str:
    """Returns the digest of all numbers of the networks: where it is another, so are the boundaries."""
    return hashlib.sha256(NETWORKS.read_bytes()).hexdigest()


def cut_inputs(rows: Differences, first: int, last: int) -> NDArray[np.float32]:
    """Returns what the network for cuts sees of the frames `first` to `last` (exclusive) of `rows`."""
    return _windows(rows[:, CUT_COLUMNS], CUT_WINDOW, first, last)


def gradual_inputs(rows: Differences, first: int, last: int) -> NDArray[np.float32]:
    """Returns what the network for gradual changes sees of the frames `first` to `last` (exclusive) of `rows`."""
    return _windows(rows, GRADUAL_WINDOW, first, last)


def pair_inputs(before: Thumbnail, after: Thumbnail) -> NDArray[np.float32]:
    """Returns what the network for pairs sees."""
    return change(before, after)


def difference(before: Thumbnail, after: Thumbnail) -> float:
    """Returns the probability that two frames, up to some seconds from each other, are of two shots."""
    return float(networks()[2].probabilities(pair_inputs(before, after))[0])


def _windows(rows: NDArray[np.float32], window: tuple[int, ...], first: int, last: int) -> NDArray[np.float32]:
    places = np.arange(first, last)[:, None] + np.array(window)
    return np.asarray(rows[np.clip(places, 0, len(rows) - 1)].reshape(last - first, -1))


class Transitions:
    """Finds boundaries in a stream of thumbnails: of a cut the first new frame, of a gradual change the middle."""

    def __init__(self) -> None:
        """Starts before the first frame."""
        self._networks = networks()
        self._thumbnails: list[Thumbnail] = []  # those to be looked at, and CONTEXT before them
        self._new = 0
        self._fed = 0
        self._rows = np.empty((0, COUNT), np.float32)  # differences of frames to be decided, and BACK before them
        self._decided = 0  # of these rows
        self._picker = _Picker()

    def feed(self, thumbnail: Thumbnail) -> list[int]:
        """Returns the boundaries that the next frame makes known, as frames counted from 0, growing.

        A boundary is known at most LATENESS_LOOKS after it passed.
        """
        self._thumbnails.append(thumbnail)
        self._new += 1
        self._fed += 1
        return self._look(AHEAD) if self._new == STEP else []

    def finish(self) -> list[int]:
        """Returns the boundaries that the end of the film makes known; its last frame stands for those behind it."""
        count, found = self._fed, []
        for _ in range(AHEAD if self._thumbnails else 0):
            found += self.feed(self._thumbnails[-1])
        found += [*(self._look(0) if self._thumbnails else ()), *self._picker.finish()]
        return [frame for frame in found if frame < count]

    def _look(self, ahead: int) -> list[int]:
        if self._new:
            self._rows = np.concatenate([self._rows, differences(self._thumbnails, self._new)])
            self._thumbnails, self._new = self._thumbnails[-CONTEXT:], 0
        first, last = self._decided, len(self._rows) - ahead
        if last <= first:
            return []
        inputs = cut_inputs(self._rows, first, last), gradual_inputs(self._rows, first, last)
        both = [network.probabilities(seen) for network, seen in zip(self._networks, inputs, strict=False)]
        dropped = max(0, last - BACK)
        self._rows, self._decided = self._rows[dropped:], last - dropped
        return [found for pair in zip(*both, strict=True) for found in self._picker.feed(*map(float, pair))]


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
        self._looked_s = -inf
        self._open: _Span | None = None
        self._last: tuple[Boundary, Thumbnail] | None = None

    @property
    def settled(self) -> int:
        """As `Detector.settled`."""
        return self._spans[0].first if len(self._spans) > LATENESS_LOOKS else 0

    def feed(self, frame: int, time_s: float, small: Thumbnail) -> list[Boundary]:
        """As `Detector.feed`."""
        (_, last_s), last = self._last or ((frame, time_s), small)
        jump = cv2.norm(last.values, small.values, cv2.NORM_L1)
        if self._open is None:
            self._open = _Span(frame, (frame, time_s), jump)
        elif jump >= self._open.jump:
            self._open.farthest, self._open.jump = (frame, time_s), jump
        self._last = ((frame, time_s), small)
        # The frame nearest to LOOK_S after the last: at a constant rate that is every n-th.
        near = time_s - self._looked_s >= LOOK_S - (time_s - last_s) / 2
        return self._look() if near else []

    def finish(self) -> list[Boundary]:
        """As `Detector.finish`."""
        found = self._look() if self._open else []  # the last frame is looked at, whenever it is
        return [*found, *self._named(self._transitions.finish())]

    def _look(self) -> list[Boundary]:
        """Looks at the last frame."""
        assert self._open is not None and self._last is not None
        (_, self._looked_s), small = self._last
        self._spans.append(self._open)
        self._open = None
        self._looks += 1
        return self._named(self._transitions.feed(small))

    def _named(self, found: list[int]) -> list[Boundary]:
        """The frames meant by numbers of looks: since the look before, that with the farthest jump."""
        return [self._spans[at - self._looks].farthest for at in found]


class _Picker:
    """Probabilities, frame by frame -> boundaries."""

    def __init__(self) -> None:
        self._cut: list[float] = []
        self._gradual: list[float] = []
        self._first = 0  # frame of the first of these
        self._next = 0  # frame to be decided
        self._began: int | None = None  # the gradual change that is going on, None between two
        self._closed = False  # whether it has had its boundary
        self._last_cut = -NEAR - 1

    def feed(self, cut: float, gradual: float) -> list[int]:
        self._cut.append(cut)
        self._gradual.append(gradual)
        return self._decide(self._first + len(self._cut) - SMOOTH - NEAR)

    def finish(self) -> list[int]:
        end = self._first + len(self._cut)
        return [*self._decide(end), *self._close(end)]

    def _decide(self, end: int) -> list[int]:
        found: list[int] = []
        while self._next < end:
            frame = self._next
            if self._is_cut(frame):
                self._last_cut = frame
                found.append(frame)
            changing = self._mean(frame) > 0.5
            if changing and self._began is None:
                self._began, self._closed = frame, False
            elif self._began is not None and (not changing or frame - self._began == LONGEST):
                found += self._close(frame)
                self._began = self._began if changing else None
            self._next += 1
            dropped = max(0, self._next - PEAK - self._first)
            self._first += dropped
            del self._cut[:dropped], self._gradual[:dropped]
        return found

    def _close(self, end: int) -> list[int]:
        """The middle of the gradual change that ends here, if it is one and has no cut."""
        began, closed = self._began, self._closed
        self._closed = True
        if began is None or closed or end - began < SHORTEST or self._last_cut >= began - NEAR:
            return []
        if any(self._is_cut(frame) for frame in range(end, end + NEAR + 1)):
            return []
        return [(began + end) // 2]

    def _is_cut(self, frame: int) -> bool:
        if frame == 0 or frame - self._first >= len(self._cut):
            return False
        place = frame - self._first
        here = self._cut[place]
        return here > 0.5 and here == max(self._cut[max(0, place - PEAK) : place + PEAK + 1])

    def _mean(self, frame: int) -> float:
        place = frame - self._first
        near = self._gradual[max(0, place - SMOOTH) : place + SMOOTH + 1]
        return sum(near) / len(near)
