"""Groups of pictures, as packets: everything of a film but the decoding.

A group begins with a key frame, which decodes without any other, and ends before the next one. Its packets
are small beside the pictures in them, so whoever has them can decode later, and only what is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from av.packet import Packet

from tagger.video.clock import Clock


@dataclass(frozen=True, slots=True, eq=False)
class Gop:
    """The frames from one key frame to the next, in presentation order, and the packets that hold them."""

    packets: tuple[Packet[Any], ...]  # in decoding order: the key frame, what follows, what the next key frame leads
    stamps: tuple[int, ...]  # ticks, growing: presentation time of each frame
    times_s: tuple[float, ...]
    first_frame: int
    end_s: float  # of its last frame

    @property
    def end_frame(self) -> int:
        """Index of the frame after its last."""
        return self.first_frame + len(self.stamps)

    @property
    def nbytes(self) -> int:
        """Bytes of its packets."""
        return sum(packet.size for packet in self.packets)


def stamp_of(packet: Packet[Any]) -> int:
    """Returns the presentation time in ticks; of a packet that has none, 0."""
    return packet.pts or 0


def gops(packets: Iterable[Packet[Any]], clock: Clock) -> Iterator[Gop]:
    """Yields the groups of a stream; what cannot be shown (before the first key frame, hidden by an edit list) is out.

    Args:
        packets: of one stream, in decoding order, all with time stamps.
        clock: turns time stamps into seconds; read once per frame.
    """
    first_frame = 0
    for group, leading in _split(packets):
        # Pictures that the key frame leads belong to the group before, and cannot be decoded without it.
        own = [packet for packet in group if stamp_of(packet) >= stamp_of(group[0])]
        lengths = {stamp_of(packet): packet.duration for packet in (*own, *leading[1:]) if not packet.is_discard}
        if not lengths:
            continue
        stamps = tuple(sorted(lengths))
        times_s = tuple(clock.read(stamp, lengths[stamp]) for stamp in stamps)
        needed = (*own, *leading)
        yield Gop(needed, stamps, times_s, first_frame, clock.end_s)
        first_frame += len(stamps)


def _split(packets: Iterable[Packet[Any]]) -> Iterator[tuple[list[Packet[Any]], list[Packet[Any]]]]:
    """Packets from each key frame to the next, and that one with the pictures that are shown before it."""
    group: list[Packet[Any]] = []
    leading: list[Packet[Any]] = []
    for packet in packets:
        if not group and not leading:
            group = [packet] if packet.is_keyframe else []
        elif leading and (packet.is_keyframe or stamp_of(packet) > stamp_of(leading[0])):
            yield group, leading if len(leading) > 1 else []
            group, leading = (leading, [packet]) if packet.is_keyframe else ([*leading, packet], [])
        elif leading or packet.is_keyframe:
            leading.append(packet)
        else:
            group.append(packet)
    if group:
        yield group, leading if len(leading) > 1 else []
    if leading:
        yield leading, []
