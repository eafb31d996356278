"""Stage 1: small frames -> shot boundaries (the only file that imports scenedetect).

The detectors are PySceneDetect's, fed frame by frame from our own decoder, so that the film is decoded
once and every boundary has the true presentation time of its frame.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Any

from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detectors import AdaptiveDetector, ContentDetector, HashDetector, HistogramDetector

from tagger.images import Pixels
from tagger.records import Shot

NANOSECONDS = Fraction(1, 10**9)
ADAPTIVE_LATENESS_FRAMES = 2  # the adaptive detector compares a frame with so many after it
LATENESS_MARGIN_S = 1.0  # for frame rates that vary: how long a frame may last in which a merge ends


def lateness_frames(detector: str, min_shot_s: float, fps: float) -> int:
    """Returns how many frames after it passed a boundary may be announced, at the film's mean rate.

    Content merges cuts that follow each other within `min_shot_s`, and names the last of them once so
    long a time went by without another.
    """
    return ceil(min_shot_s * fps) + 1 if detector == "content" else ADAPTIVE_LATENESS_FRAMES


class ShotDetector:
    """Cuts a stream of frames into shots, with a detector of PySceneDetect at its own thresholds."""

    def __init__(self, detector: str, min_shot_s: float, fps: float) -> None:
        """Starts before the first frame.

        Args:
            detector: adaptive, content, histogram or hash.
            min_shot_s: shorter shots are not split off.
            fps: mean rate; the detectors ask for one, times do not depend on it.
        """
        kinds = {
            "adaptive": AdaptiveDetector,
            "content": ContentDetector,
            "histogram": HistogramDetector,
            "hash": HashDetector,
        }
        # A float is seconds to PySceneDetect, an int would be frames.
        self._detector: Any = kinds[detector](min_scene_len=float(min_shot_s))
        self._rate = Fraction(fps).limit_denominator(10**6)
        self._remember = round((min_shot_s + LATENESS_MARGIN_S) / NANOSECONDS)
        self._recent: dict[int, tuple[int, float]] = {}  # stamp -> frame, time_s
        self._last: FrameTimecode | None = None
        self._shots = 0
        self._start = (0, 0.0)

    def feed(self, frame: int, time_s: float, small: Pixels) -> list[Shot]:
        """Returns the shots that this frame shows to have ended, often none.

        Args:
            frame: index, growing by 1.
            time_s: presentation time, growing.
            small: uint8 BGR (h, w, 3), one size for the whole film.
        """
        if self._last is None:
            self._start = (frame, time_s)
        stamp = round(time_s / NANOSECONDS)
        self._recent[stamp] = (frame, time_s)
        self._last = FrameTimecode(Timecode(stamp, NANOSECONDS), self._rate)
        shots = self._ended(self._detector.process_frame(self._last, small))
        while len(self._recent) > ADAPTIVE_LATENESS_FRAMES + 1 and stamp - (oldest := next(iter(self._recent))) > (
            self._remember
        ):
            del self._recent[oldest]
        return shots

    def finish(self, end_frame: int, end_s: float) -> list[Shot]:
        """Returns the last shots of a film that has `end_frame` frames and ends at `end_s`."""
        if self._last is None:
            return []
        return [*self._ended(self._detector.post_process(self._last)), self._close(end_frame, end_s)]

    def _ended(self, cuts: list[FrameTimecode]) -> list[Shot]:
        boundaries = (self._recent[cut.pts] for cut in cuts)
        return [self._close(frame, time_s) for frame, time_s in boundaries if frame > self._start[0]]

    def _close(self, frame: int, time_s: float) -> Shot:
        shot = Shot(self._shots, self._start[1], time_s, self._start[0], frame)
        self._shots += 1
        self._start = (frame, time_s)
        return shot
