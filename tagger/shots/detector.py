"""Stage 1: frames -> shots, by the detector that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from av.video.frame import VideoFrame

from tagger import libraries
from tagger.records import Boundary, Shot
from tagger.shots.learned import LearnedDetector, numbers_sha256

ROUNDING_S = 1e-6  # 15 frames of 0.04 s are 0.6 s


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

    @property
    def settled(self) -> int:
        """Frames before this one can no longer begin a shot."""
        return self._detector.settled

    def feed(self, frame: int, time_s: float, small: Any) -> list[Shot]:
        """Returns the shots that this frame shows to have ended, often none.

        Args:
            frame: index, growing by 1.
            time_s: presentation time, growing.
            small: what `shrink` made of it.
        """
        self._cutter = self._cutter or Cutter(self._min_shot_s, time_s)
        return self._cutter.cut(self._detector.feed(frame, time_s, small))

    def finish(self, end_frame: int, end_s: float) -> list[Shot]:
        """Returns the last shots of a film that has `end_frame` frames and ends at `end_s`."""
        if self._cutter is None:
            return []
        return [*self._cutter.cut(self._detector.finish()), self._cutter.finish(end_frame, end_s)]


class Cutter:
    """Boundaries, in order -> shots, none shorter than asked."""

    def __init__(self, min_shot_s: float, start_s: float) -> None:
        """Starts at the first frame, seen at `start_s`."""
        self._min_shot_s = min_shot_s - ROUNDING_S
        self._shots = 0
        self.start: Boundary = (0, start_s)  # of the open shot

    def cut(self, boundaries: list[Boundary]) -> list[Shot]:
        """Returns the shots that end at these boundaries, but for those that would leave one too short."""
        shots = []
        for frame, time_s in boundaries:
            if frame > self.start[0] and time_s - self.start[1] >= self._min_shot_s:
                shots.append(self.finish(frame, time_s))
        return shots

    def finish(self, end_frame: int, end_s: float) -> Shot:
        """Returns the shot that ends here, however short it is."""
        shot = Shot(self._shots, self.start[1], end_s, self.start[0], end_frame)
        self._shots += 1
        self.start = (end_frame, end_s)
        return shot
