"""What the sizes of a group's packets say of its pictures, before any is decoded."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.packet import Packet

from tagger.video.gops import Gop, stamp_of

NEIGHBOURS = 12  # packets on either side that a packet is compared with
LARGE, RANK = 2.5, 3  # times the third largest of them: every fourth packet may be a large one
LARGE_SHARE = 0.2  # of the key frame's packet
FIRST_SHARE = 0.75  # the same for the first packet after it, which often has half its size without a new picture
EVENT = 1.5  # times the median of such packets nearby: the frames before a packet are worth to be decoded
RISEN_OVER = 8  # frames in a row, of which the mean is taken
RISEN, RISEN_SHARE = 4.0, 0.15  # times the median of the group, and times the key frame


def large(gop: Gop) -> list[int]:
    """Returns the frames, growing, whose packets are as large as that of a new picture."""
    frames = {stamp: gop.first_frame + place for place, stamp in enumerate(gop.stamps)}
    own = [packet for packet in gop.packets if stamp_of(packet) in frames]
    sizes = np.array([packet.size for packet in own])
    shares = np.full(len(sizes), LARGE_SHARE)
    shares[1:2] = FIRST_SHARE
    found = []
    for at in np.flatnonzero(sizes > shares * sizes[0])[1:]:
        near = np.concatenate([sizes[max(1, at - NEIGHBOURS) : at], sizes[at + 1 : at + 1 + NEIGHBOURS]])
        if len(near) < RANK or sizes[at] > LARGE * np.sort(near)[-RANK]:
            found.append(frames[stamp_of(own[at])])
    return sorted(found)


def eventful(gop: Gop) -> set[int]:
    """Returns the stamps of frames at which something may happen, by a packet that may hold a new picture.

    Compared are packets of frames that are the latest so far in decoding order; frames between two of these, which are
    decoded after both, are small at a cut, too: all up to a large packet are returned.
    """
    ahead: list[Packet[Any]] = []
    for packet in gop.packets:
        if not ahead or stamp_of(packet) > stamp_of(ahead[-1]):
            ahead.append(packet)
    sizes = np.array([packet.size for packet in ahead], np.float64)
    found, before = {stamp_of(gop.packets[0])}, stamp_of(gop.packets[0])
    for at, packet in enumerate(ahead[1:], 1):
        near = np.concatenate([sizes[max(1, at - NEIGHBOURS) : at], sizes[at + 1 : at + 1 + NEIGHBOURS]])
        if packet.is_keyframe or len(near) < RANK or sizes[at] > EVENT * np.median(near):
            found.update(stamp for stamp in gop.stamps if before < stamp <= stamp_of(packet))
        before = stamp_of(packet)
    return found


def risen(gop: Gop) -> bool:
    """Returns whether packets are large for a while, as in a dissolve or wipe; where all are large, something moves."""
    sizes = np.array([packet.size for packet in gop.packets], np.float64)
    shown = np.argsort([stamp_of(packet) for packet in gop.packets])
    rest = sizes[shown][1:]
    if len(rest) < RISEN_OVER:
        return False
    highest = np.convolve(rest, np.ones(RISEN_OVER) / RISEN_OVER, "valid").max()
    return bool(highest > max(RISEN * np.median(rest), RISEN_SHARE * sizes[0]))
