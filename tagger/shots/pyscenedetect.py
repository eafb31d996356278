"""The detectors of PySceneDetect, at their own thresholds (the only file that imports scenedetect).

They are fed frame by frame from our own decoder, so that the film is decoded once and every boundary has the
true presentation time of its frame.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detectors import AdaptiveDetector, ContentDetector, HashDetector, HistogramDetector

from tagger.images import Pixels
from tagger.records import Boundary

KINDS: dict[str, Any] = {
    "adaptive": AdaptiveDetector,
    "content": ContentDetector,
    "histogram": HistogramDetector,
    "hash": HashDetector,
}
WIDTH = 256  # pixels; at which the thresholds were chosen
NANOSECONDS = Fraction(1, 10**9)
ANY_RATE = Fraction(25)  # FrameTimecode asks for one; times do not depend on it
LATENESS_FRAMES = 2  # the adaptive detector compares a frame with so many after it
LATENESS_MARGIN_S = 1.0  # for frame rates that vary: how long a frame may last in which a merge ends


class PySceneDetect:
    """Finds boundaries in a stream of frames."""

    def __init__(self, detector: str, min_shot_s: float) -> None:
        """Starts before the first frame.

        Args:
            detector: one of KINDS.
            min_shot_s: shorter shots are not split off.
        """
        # A float is seconds to PySceneDetect, an int would be frames.
        self._detector = KINDS[detector](min_scene_len=float(min_shot_s))
        # Content merges cuts that follow each other, and names the last once so long a time went by without another.
        self._merges = round(min_shot_s / NANOSECONDS) if detector == "content" else 0
        self._remember = round((min_shot_s + LATENESS_MARGIN_S) / NANOSECONDS)
        self._recent: dict[int, Boundary] = {}  # by stamp
        self._last: FrameTimecode | None = None
        self._reformatter = VideoReformatter()
        self._size: tuple[int, int] | None = None

    def shrink(self, picture: VideoFrame) -> Pixels:
        """Returns the picture as it is fed: uint8 BGR (h, 256, 3), one size for the whole film."""
        if self._size is None:
            width = min(WIDTH, picture.width)
            self._size = width, max(1, round(picture.height * width / picture.width))
        small = self._reformatter.reformat(picture, *self._size, "bgr24", interpolation="FAST_BILINEAR", threads=1)
        return np.asarray(small.to_ndarray(), np.uint8)

    @property
    def settled(self) -> int:
        """As `Detector.settled`."""
        if not self._recent:
            return 0
        newest = next(reversed(self._recent))
        merging = (frame for stamp, (frame, *_) in self._recent.items() if stamp >= newest - self._merges)
        return max(0, next(merging) - LATENESS_FRAMES)

    def feed(self, frame: int, time_s: float, small: Pixels) -> list[Boundary]:
        """Returns the boundaries that this frame makes known, often none."""
        stamp = round(time_s / NANOSECONDS)
        self._recent[stamp] = Boundary(frame, time_s)
        self._last = FrameTimecode(Timecode(stamp, NANOSECONDS), ANY_RATE)
        found = [self._recent[cut.pts] for cut in self._detector.process_frame(self._last, small)]
        while len(self._recent) > LATENESS_FRAMES + 1 and stamp - (oldest := next(iter(self._recent))) > (
            self._remember
        ):
            del self._recent[oldest]
        return found

    def finish(self) -> list[Boundary]:
        """Returns the boundaries that the end of the film makes known."""
        return [self._recent[cut.pts] for cut in self._detector.post_process(self._last)] if self._last else []
