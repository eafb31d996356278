"""Stage 1: frames -> shots, by the detector that was asked for."""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

import cv2
from av.video.frame import VideoFrame

from tagger import libraries
from tagger.records import Boundary, Shot
from tagger.shots.learned import LATENESS_FRAMES, Transitions, stride
from tagger.shots.thumbnails import Shrinker, Thumbnail

ROUNDING_S = 1e-6  # 15 frames of 0.04 s are 0.6 s


class Finder(Protocol):
    """What finds boundaries in a stream of frames."""

    lateness_frames: int  # a boundary may be named so many frames after it passed

    def shrink(self, picture: VideoFrame) -> Any:
        """Returns the small picture that `feed` takes; may run in another thread."""

    def feed(self, frame: int, time_s: float, small: Any) -> list[Boundary]:
        """Returns the boundaries that the next frame makes known, growing, often none."""

    def finish(self) -> list[Boundary]:
        """Returns the boundaries that the end of the film makes known."""


class Learned:
    """Our own detector (`tagger.shots.learned`), at any frame rate."""

    def __init__(self, fps: float) -> None:
        """Starts before the first frame of a film of this mean rate."""
        self._stride = stride(fps)
        self.lateness_frames = LATENESS_FRAMES * self._stride
        self.shrink = Shrinker()
        self._transitions = Transitions()
        # Of the newest frames: when they are seen, and how far each is from the one before.
        self._recent: deque[tuple[Boundary, float]] = deque(maxlen=self.lateness_frames + self._stride)
        self._last: Thumbnail | None = None

    def feed(self, frame: int, time_s: float, small: Thumbnail) -> list[Boundary]:
        """As `Finder.feed`."""
        last = self._last or small
        self._recent.append(((frame, time_s), cv2.norm(last.values, small.values, cv2.NORM_L1)))
        self._last = small
        return [] if frame % self._stride else self._named(self._transitions.feed(small))

    def finish(self) -> list[Boundary]:
        """As `Finder.finish`."""
        found: list[Boundary] = []
        last = self._recent[-1][0] if self._recent else (0, 0.0)
        while self._last and self._recent[-1][0][0] % self._stride:  # the last frame is looked at, whatever its number
            found += self.feed(self._recent[-1][0][0] + 1, last[1], self._last)
        return [min(named, last) for named in (*found, *self._named(self._transitions.finish()))]

    def _named(self, found: list[int]) -> list[Boundary]:
        """The frames meant: since the last one that was looked at, that with the farthest jump."""
        end = self._recent[-1][0][0] + 1 if self._recent else 0
        spans = ([self._recent[at * self._stride - end - k] for k in range(self._stride)] for at in found)
        return [max(span, key=lambda frame: frame[1])[0] for span in spans]


class ShotDetector:
    """Cuts a stream of frames into shots."""

    def __init__(self, detector: str, min_shot_s: float, fps: float) -> None:
        """Starts before the first frame.

        Args:
            detector: learned, adaptive, content, histogram or hash.
            min_shot_s: shorter shots are not split off.
            fps: mean rate.
        """
        own = detector == "learned"
        self._finder: Finder = Learned(fps) if own else _pyscenedetect(detector, min_shot_s, fps)
        self.lateness_frames = self._finder.lateness_frames
        self.shrink = self._finder.shrink
        self._min_shot_s = min_shot_s if own else 0.0  # PySceneDetect has its own way to keep shots long
        self._cutter: Cutter | None = None

    def feed(self, frame: int, time_s: float, small: Any) -> list[Shot]:
        """Returns the shots that this frame shows to have ended, often none.

        Args:
            frame: index, growing by 1.
            time_s: presentation time, growing.
            small: what `shrink` made of it.
        """
        self._cutter = self._cutter or Cutter(self._min_shot_s, time_s)
        return self._cutter.cut(self._finder.feed(frame, time_s, small))

    def finish(self, end_frame: int, end_s: float) -> list[Shot]:
        """Returns the last shots of a film that has `end_frame` frames and ends at `end_s`."""
        if self._cutter is None:
            return []
        return [*self._cutter.cut(self._finder.finish()), self._cutter.finish(end_frame, end_s)]


def _pyscenedetect(detector: str, min_shot_s: float, fps: float) -> Finder:
    """One of PySceneDetect's, which takes a quarter of a second to import."""
    with libraries.needed(f"detector {detector}"):
        from tagger.shots.pyscenedetect import PySceneDetect
    return PySceneDetect(detector, min_shot_s, fps)


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
