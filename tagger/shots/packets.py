"""What the sizes of a group's packets say of its pictures, before any is decoded."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.packet import Packet
from numpy.typing import NDArray

from tagger.video.gops import Gop, stamp_of

NEIGHBOURS = 12  # packets on either side that a packet is compared with
RANK = 3  # its size is compared with the third largest of them
LARGE = (
    (1.5, 0.2),
    (2.0, 0.1),
)  # times that size, and the least share of the key frame's packet: one of both is enough
FIRST_SHARE = 0.75  # the same for the first packet after it, which often has half its size without a new picture
EVENT, FEWEST = 1.75, 2  # times the median of the neighbours, if there are so many: all frames up to it are looked at
RISEN_OVER = 8  # frames in a row, of which the mean is taken
RISEN, RISEN_SHARE = 4.0, 0.15  # times the median of the group, and times the key frame


def large(gop: Gop, after: Gop | None = None) -> list[int]:
    """Returns the frames, growing, whose packets are as large as that of a new picture; the cut may lie shortly before.

    Args:
        gop: whose frames.
        after: the next, whose key frame may show the same picture.

    Compared are the packets that decode in the order of time: frames between two of these are small at a cut, too.
    """
    frames = {stamp: gop.first_frame + place for place, stamp in enumerate(gop.stamps)}
    own = [packet for packet in _ahead(gop) if stamp_of(packet) in frames]
    found = []
    key = min(own[0].size, after.packets[0].size if after else own[0].size)
    for at, packet in enumerate(own[1:], 1):
        near = _near(own, at)
        usual = np.sort(near)[-RANK] if len(near) >= RANK else 0.0
        least = FIRST_SHARE * own[0].size if at == 1 else 0.0
        if any(packet.size > max(least, share * key, times * usual) for times, share in LARGE):
            found.append(frames[stamp_of(packet)])
    return found


def eventful(gop: Gop) -> set[int]:
    """Returns the stamps of frames at which something may happen, by packets that may hold a new picture.

    They are those up to such a packet, from the one before that decodes in the order of time; less is asked of it than
    of a large one.
    """
    own = _ahead(gop)
    found, before = {stamp_of(own[0])}, stamp_of(own[0])
    for at, packet in enumerate(own[1:], 1):
        near = _near(own, at)
        if packet.is_keyframe or len(near) < FEWEST or packet.size > EVENT * np.median(near):
            found.update(stamp for stamp in gop.stamps if before < stamp <= stamp_of(packet))
        before = stamp_of(packet)
    return found


def _ahead(gop: Gop) -> list[Packet[Any]]:
    """The packets of frames that are later than all that decode before them."""
    own = [gop.packets[0]]
    for packet in gop.packets:
        if stamp_of(packet) > stamp_of(own[-1]):
            own.append(packet)
    return own


def _near(own: list[Packet[Any]], at: int) -> NDArray[np.float64]:
    """Sizes of the packets around one that are no key frames."""
    around = (*own[max(1, at - NEIGHBOURS) : at], *own[at + 1 : at + 1 + NEIGHBOURS])
    return np.array([packet.size for packet in around if not packet.is_keyframe], np.float64)


def risen(gop: Gop) -> bool:
    """Returns whether packets are large for a while, as in a dissolve or wipe; where all are large, something moves."""
    sizes = np.array([packet.size for packet in gop.packets], np.float64)
    shown = np.argsort([stamp_of(packet) for packet in gop.packets])
    rest = sizes[shown][1:]
    if len(rest) < RISEN_OVER:
        return False
    highest = np.convolve(rest, np.ones(RISEN_OVER) / RISEN_OVER, "valid").max()
    return bool(highest > max(RISEN * np.median(rest), RISEN_SHARE * sizes[0]))
