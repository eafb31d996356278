"""Stage 2: frames and boundaries -> the middle frame of each shot, in one forward pass.

Where a shot ends is known only after its middle has gone by. So decoded frames wait in a reservoir:
as a shot grows its middle moves on at half speed, and everything before it can go. Shots that outgrow
the reservoir's bytes keep every second, fourth, ... frame, and the keyframe is the one nearest the
middle. Nothing is decoded twice and nothing is sought.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from tagger.images import entropy_bits, without_bars
from tagger.records import Keyframe, Shot
from tagger.video import Frame

EMPTY = np.empty((0, 0, 3), np.uint8)


class Reservoir:
    """Holds the frames among which the middle of the open shot must be, within a bound of bytes."""

    def __init__(self, bound_bytes: int, lateness_frames: int) -> None:
        """Starts empty.

        Args:
            bound_bytes: memory of held frames; the newest `lateness_frames` + 2 are always held.
            lateness_frames: a boundary may be named this many frames after it passed.
        """
        self._bound = bound_bytes
        self._lateness = lateness_frames
        self._held: deque[Frame] = deque()
        self._bytes = 0
        self._stride = 1
        self._start = 0

    def push(self, frame: Frame) -> None:
        """Takes the next frame of the open shot."""
        self._held.append(frame)
        self._bytes += frame.nbytes
        settled = len(self._held) - 2 - self._lateness  # the frame that can no longer begin another shot
        if settled >= 0 and not self._on_stride(self._held[settled]):
            self._bytes -= self._held[settled].nbytes
            del self._held[settled]
        certain = frame.index - self._lateness
        middle = self._start + max(0, certain - self._start) // 2
        # One frame before the middle stays: with a stride it may be the nearest.
        while len(self._held) > 1 and self._held[1].index <= middle:
            self._bytes -= self._held.popleft().nbytes
        while self._bytes > self._bound and len(self._held) > self._lateness + 2:
            self._thin()

    def cut(self, shot: Shot) -> Frame:
        """Returns the held frame nearest the middle of the shot that ends here, and forgets that shot."""
        inside = [frame for frame in self._held if frame.index < shot.end_frame]
        nearest = min(inside or self._held, key=lambda frame: abs(frame.index - shot.middle_frame))
        self._held = deque(frame for frame in self._held if frame.index >= shot.end_frame)
        self._bytes = sum(frame.nbytes for frame in self._held)
        self._stride = 1
        self._start = shot.end_frame
        return nearest

    def _on_stride(self, frame: Frame) -> bool:
        return (frame.index - self._start) % self._stride == 0

    def _thin(self) -> None:
        """Keeps frames at twice the stride, and all that may still turn out to begin another shot."""
        self._stride *= 2
        settled = len(self._held) - 1 - self._lateness
        self._held = deque(f for place, f in enumerate(self._held) if place >= settled or self._on_stride(f))
        self._bytes = sum(frame.nbytes for frame in self._held)


def keyframe(shot: Shot, frame: Frame, min_entropy_bits: float) -> Keyframe:
    """Returns the shot's picture without bars, and whether it is kept.

    A picture whose luma histogram has less than `min_entropy_bits` of entropy (black, blank, flat,
    titles) is dropped: it says nothing about the film, and its pixels are not carried on.
    """
    pixels = without_bars(frame.pixels())
    entropy = entropy_bits(pixels)
    kept = entropy >= min_entropy_bits
    return Keyframe(shot, frame.index, frame.time_s, entropy, kept, np.ascontiguousarray(pixels) if kept else EMPTY)
