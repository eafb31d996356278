"""Stage 2: frames and boundaries -> the middle frame of each shot, in one forward pass.

Where a shot ends is known only after its middle has gone by. So decoded frames wait in a reservoir:
as a shot grows its middle moves on at half speed, and everything before it can go. What outgrows the
reservoir's bytes keeps every second, fourth, ... frame, and the keyframe is the one nearest the middle.
Nothing is decoded twice and nothing is sought.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from tagger.images import entropy_bits, without_bars
from tagger.records import Keyframe, ScannedShot, Shot, ShotPicture
from tagger.video.film import Frame

EMPTY = np.empty((0, 0, 3), np.uint8)
KEYFRAMES_AHEAD = 64  # what a trailer has, at up to 2 MB each: the scan need not wait for the network to load


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """A frame, and its place among those that were pushed: the frames between two of these may be missing."""

    place: int
    frame: Frame
    nbytes: int

    @property
    def index(self) -> int:
        return self.frame.index


class Reservoir:
    """Holds the frames among which the middle of the open shot must be, within a bound of bytes."""

    def __init__(self, bound_bytes: int, shortest_s: float) -> None:
        """Starts empty.

        Args:
            bound_bytes: memory of held frames, exceeded only where shots would have none left.
            shortest_s: no shot is shorter.
        """
        self._bound = bound_bytes
        self._shortest_s = shortest_s
        self._held: deque[_Held] = deque()
        self._pushed = 0
        self._bytes = 0
        self._stride = 1  # of frames that belong to the open shot for certain
        self._late_stride = 1  # of those that may turn out to belong to the next
        self._start = 0
        self._settled = 0

    def push(self, frame: Frame, settled: int) -> None:
        """Takes the next frame of the open shot; frames before `settled` can no longer begin another."""
        self._settled = settled
        if self._held and self._held[-1].place % self._late_stride:
            self._bytes -= self._held.pop().nbytes
        self._held.append(_Held(self._pushed, frame, frame.nbytes))
        self._bytes += self._held[-1].nbytes
        self._pushed += 1
        middle = self._start + max(0, settled - self._start) // 2
        # One frame before the middle stays: with a stride it may be the nearest.
        while len(self._held) > 1 and self._held[1].index <= middle:
            self._bytes -= self._held.popleft().nbytes
        while self._bytes > self._bound and self._thin():
            pass

    def cut(self, shot: Shot) -> Frame:
        """Returns the held frame nearest the middle of the shot that ends here, and forgets that shot."""
        inside = [held for held in self._held if held.index < shot.end_frame]
        nearest = min(inside or self._held, key=lambda held: abs(held.index - shot.middle_frame))
        self._held = deque(held for held in self._held if held.index >= shot.end_frame)
        self._bytes = sum(held.nbytes for held in self._held)
        self._stride = 1
        self._start = shot.end_frame
        return nearest.frame

    def _thin(self) -> bool:
        """Lets frames go; False if those that are left are needed."""
        if self._drop():
            return True
        if sum(held.index < self._settled for held in self._held) > 1:
            self._stride *= 2
        elif 2 * self._late_stride <= self._shortest_frames:
            self._late_stride *= 2
        else:
            return False
        self._drop()
        return True

    @property
    def _shortest_frames(self) -> int:
        """How many frames come in the shortest shot, by the times of those held; half, as the rate may vary."""
        first, last = self._held[0], self._held[-1]
        lasting_s = last.frame.time_s - first.frame.time_s
        return int(self._shortest_s * (last.place - first.place) / lasting_s) // 2 if lasting_s > 0 else 0

    def _drop(self) -> bool:
        """Lets the frames go that lie between the strides, but for the newest; whether there were any."""
        count, newest = len(self._held), self._held[-1]
        self._held = deque(h for h in self._held if h is newest or not self._between(h.place, h.index < self._settled))
        self._bytes = sum(held.nbytes for held in self._held)
        return len(self._held) < count

    def _between(self, place: int, certain: bool) -> bool:
        return bool(place % (self._stride if certain else self._late_stride))


def shot_picture(shot: Shot, frame: Frame, min_entropy_bits: float) -> ShotPicture:
    """Returns the shot with its picture, without bars, and whether that is kept.

    A picture whose luma histogram has less than `min_entropy_bits` of entropy (black, blank, flat,
    titles) is dropped: it says nothing about the film, and its pixels are not carried on.
    """
    pixels = without_bars(frame.pixels())
    entropy = entropy_bits(pixels)
    kept = entropy >= min_entropy_bits
    keyframe = Keyframe(frame.index, frame.time_s, abs(frame.index - shot.middle_frame), entropy, kept)
    scanned = ScannedShot(shot.index, shot.start_s, shot.end_s, shot.start_frame, shot.end_frame, keyframe)
    return ShotPicture(scanned, np.ascontiguousarray(pixels) if kept else EMPTY)
