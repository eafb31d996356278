"""Stretches of a group: its frames, small, and the boundaries between them."""

from __future__ import annotations

from collections.abc import Container, Iterator
from itertools import pairwise
from statistics import median
from typing import Protocol

import cv2

from tagger.shots.decoders import Decoder
from tagger.shots.learned import LearnedDetector
from tagger.shots.packets import eventful
from tagger.shots.thumbnails import VALUES, Thumbnail
from tagger.video.film import Frame
from tagger.video.gops import Gop, stamp_of

JUMP, JUMPS = 6.0, 2.0  # levels, and times the difference before: two frames that differ so may have a cut between them

Small = tuple[int, float, Thumbnail]  # a frame's index in the film, its time, and the frame


class Run(Protocol):
    """`run` of some decoder."""

    def __call__(self, gop: Gop, last: int, /, *, every: bool = False) -> list[Small]:
        """Returns frames of a group up to `last`, small."""


def count(gop: Gop, lasting_s: float) -> int:
    """Returns how many frames of a group last so long."""
    length_s = gop.end_s - gop.times_s[0]
    return round(lasting_s * len(gop.stamps) / length_s) if length_s > 0 else 1


def frames(decoder: Decoder, gop: Gop, last: int, wanted: Container[int] | None) -> Iterator[Frame]:
    """Yields the frames of a group up to `last`; damaged ones are missing.

    Args:
        decoder: of the film.
        gop: of it.
        last: index in the film.
        wanted: time stamps; of the others, those that no other frame needs are left out. None: all are wanted.
    """
    last = min(last, gop.end_frame - 1)
    if last < gop.first_frame:
        return
    places, end = {stamp: place for place, stamp in enumerate(gop.stamps)}, gop.stamps[last - gop.first_frame]
    needed = max(at for at, packet in enumerate(gop.packets) if stamp_of(packet) <= end)
    for picture in decoder.pictures(gop.packets[: needed + 1], wanted):
        place = places.get(picture.pts if picture.pts is not None else -1)
        if place is not None and gop.first_frame + place <= last:
            yield Frame(gop.first_frame + place, gop.times_s[place], picture, decoder.orientation)


def run(decoder: Decoder, gop: Gop, last: int, *, every: bool = False) -> list[Small]:
    """Returns the frames up to `last` that others need, or at which something happens, small; or every one."""
    if every:
        return _small(decoder, gop, last, None)
    wanted = eventful(gop)
    found = _small(decoder, gop, last, wanted)
    jumps = [0.0, *(jump(*pair) for pair in pairwise(found)), 0.0]
    around = zip(pairwise(found), jumps, jumps[1:], jumps[2:], strict=False)
    gaps = [(a[0], b[0]) for (a, b), left, here, right in around if hidden(b[0] - a[0], here, max(left, right))]
    if not gaps:
        return found
    first, end = gop.first_frame, gaps[-1][1]
    again = _small(decoder, gop, end, wanted.union(*(gop.stamps[a - first : b - first] for a, b in gaps)))
    return [*again, *(small for small in found if small[0] > end)]


def _small(decoder: Decoder, gop: Gop, last: int, wanted: Container[int] | None) -> list[Small]:
    shown = frames(decoder, gop, last, wanted)
    return [(frame.index, frame.time_s, decoder.shrink(frame.picture)) for frame in shown]


def jump(before: Small, here: Small) -> float:
    """Returns how far two frames are apart."""
    return float(cv2.norm(before[2].values, here[2].values, cv2.NORM_L1))


def hidden(frames: int, jumped: float, usual: float) -> bool:
    """Returns whether a cut may lie between two frames, so many apart, by how far they jump, and others near them."""
    return frames > 1 and jumped > max(JUMP * VALUES, JUMPS * usual)


def sharp(some: list[Small]) -> set[int]:
    """Returns which frames jump from the one before, far more than most of them do."""
    jumps = {here[0]: jump(before, here) for before, here in pairwise(some)}
    usual = median(jumps.values()) if jumps else 0.0
    return {frame for frame, jumped in jumps.items() if hidden(2, jumped, usual)}


def boundaries(some: list[Small]) -> dict[int, float]:
    """Returns where shots begin within frames that follow each other, and how sure that is."""
    detector = LearnedDetector()
    found = [boundary for small in some for boundary in detector.feed(*small)]
    return {boundary.frame: boundary.sure for boundary in (*found, *detector.finish())}
