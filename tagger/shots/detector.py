"""Stage 1: frames -> shots, by the detector that was asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from math import inf
from typing import Any, Protocol

from av.video.frame import VideoFrame

from tagger import libraries
from tagger.records import Boundary, Shot
from tagger.shots.learned import LearnedDetector
from tagger.shots.networks import numbers_sha256

ROUNDING_S = 1e-6  # 15 frames of 0.04 s are 0.6 s
MOST_WAITING = 8  # boundaries too near to each other are judged together, but not more than these


class Detector(Protocol):
    """What names boundaries in a stream of frames."""

    @property
    def settled(self) -> int:
        """Frames before this one can no longer begin a shot."""

    def shrink(self, picture: VideoFrame) -> Any:
        """Returns the small picture that `feed` takes; may run in another thread."""

    def feed(self, frame: int, time_s: float, small: Any) -> list[Boundary]:
        """Returns the boundaries that the next frame makes known, growing, often none."""

    def finish(self) -> list[Boundary]:
        """Returns the boundaries that the end of the film makes known."""


@dataclass(frozen=True, slots=True)
class DetectorKind:
    """How a detector is made, and what it asks of a scan."""

    make: Callable[[float], Detector]
    """From the shortest shot in seconds."""
    every_frame: bool
    """Key frames are not enough for it."""
    keeps_shots_long: bool
    """It sees to the shortest shot itself."""
    version: Callable[[], str]
    """What changes when its answers do."""


def _version_of(library: str) -> str:
    try:
        return f"{library} {version(library)}"
    except PackageNotFoundError:
        return f"{library} is missing"


def _of_pyscenedetect(name: str) -> DetectorKind:
    def make(min_shot_s: float) -> Detector:
        with libraries.needed(f"detector {name}"):
            from tagger.shots.pyscenedetect import PySceneDetect  # a quarter of a second that few films need
        return PySceneDetect(name, min_shot_s)

    return DetectorKind(make, every_frame=True, keeps_shots_long=True, version=lambda: _version_of("scenedetect"))


# By the names of `tagger.settings.DETECTORS`.
DETECTOR_KINDS = {
    "learned": DetectorKind(
        lambda _: LearnedDetector(), every_frame=False, keeps_shots_long=False, version=numbers_sha256
    ),
    **{name: _of_pyscenedetect(name) for name in ("adaptive", "content", "histogram", "hash")},
}


class ShotDetector:
    """Cuts a stream of frames into shots."""

    def __init__(self, name: str, min_shot_s: float) -> None:
        """Starts before the first frame.

        Args:
            name: of DETECTOR_KINDS.
            min_shot_s: shorter shots are not split off.

        Raises:
            LibraryMissing: the detector's library is not installed.
        """
        kind = DETECTOR_KINDS[name]
        self._detector = kind.make(min_shot_s)
        self.shrink = self._detector.shrink
        self._min_shot_s = 0.0 if kind.keeps_shots_long else min_shot_s
        self._cutter: Cutter | None = None
        self._times_s: deque[tuple[int, float]] = deque()  # of the frames from `_detector.settled` on

    @property
    def settled(self) -> int:
        """Frames before this one can no longer begin a shot."""
        waiting = self._cutter.waiting if self._cutter else None
        return self._detector.settled if waiting is None else min(waiting, self._detector.settled)

    def feed(self, frame: int, time_s: float, small: Any) -> list[Shot]:
        """Returns the shots that this frame shows to have ended, often none.

        Args:
            frame: index, growing by 1.
            time_s: presentation time, growing.
            small: what `shrink` made of it.
        """
        self._cutter = self._cutter or Cutter(self._min_shot_s, time_s)
        found = self._detector.feed(frame, time_s, small)
        self._times_s.append((frame, time_s))
        while self._times_s[0][0] < self._detector.settled:
            self._times_s.popleft()
        return self._cutter.cut(found, self._times_s[0][1])

    def finish(self, end_frame: int, end_s: float) -> list[Shot]:
        """Returns the last shots of a film that has `end_frame` frames and ends at `end_s`."""
        if self._cutter is None:
            return []
        return [*self._cutter.cut(self._detector.finish(), inf), self._cutter.finish(end_frame, end_s)]


class Cutter:
    """Boundaries, in order -> shots, none shorter than asked: of boundaries too near to each other the surest count."""

    def __init__(self, min_shot_s: float, start_s: float) -> None:
        """Starts at the first frame, seen at `start_s`."""
        self._min_shot_s = min_shot_s - ROUNDING_S
        self._shots = 0
        self._waiting: list[Boundary] = []  # each too near to the one before it to be sure of them
        self.start = Boundary(0, start_s)  # of the open shot

    @property
    def waiting(self) -> int | None:
        """The frame of the first boundary that may yet be a shot's beginning, if there is one."""
        return self._waiting[0].frame if self._waiting else None

    def cut(self, boundaries: Iterable[Boundary], settled_s: float) -> list[Shot]:
        """Returns the shots that are known to end.

        Args:
            boundaries: the next ones, in order.
            settled_s: none will come before this time.
        """
        shots = list[Shot]()
        for boundary in boundaries:
            if not self._near(boundary.time_s) or len(self._waiting) == MOST_WAITING:
                shots += self._judge()
            self._waiting.append(boundary)
        return shots if self._near(settled_s) else shots + self._judge()

    def finish(self, end_frame: int, end_s: float) -> Shot:
        """Returns the shot that ends here, however short it is."""
        shot = Shot(self._shots, self.start.time_s, end_s, self.start.frame, end_frame)
        self._shots += 1
        self.start = Boundary(end_frame, end_s)
        return shot

    def _near(self, time_s: float) -> bool:
        """Whether a boundary at this time would be too near to the last."""
        return bool(self._waiting) and time_s - self._waiting[-1].time_s < self._min_shot_s

    def _judge(self) -> list[Shot]:
        """Ends shots at the surest of the boundaries that wait, among equals at the first."""
        kept = [self.start]
        for boundary in sorted(self._waiting, key=lambda boundary: -boundary.sure):
            if boundary.frame > self.start.frame and all(self._apart(boundary, other) for other in kept):
                kept.append(boundary)
        self._waiting = []
        return [self.finish(boundary.frame, boundary.time_s) for boundary in sorted(kept[1:])]

    def _apart(self, one: Boundary, other: Boundary) -> bool:
        return abs(one.time_s - other.time_s) >= self._min_shot_s
