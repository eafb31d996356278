"""A film's frames without those that no other frame needs, but where something may happen: half of the decoding.

Which frames others need only the decoder knows; it leaves out the rest when it is told to. Where a packet is as large
as that of a new picture, all frames up to it are decoded, so that a cut is known to the frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tagger.shots.decoders import FIRST_ASKED
from tagger.shots.packets import eventful
from tagger.video.container import decoded, open_video
from tagger.video.film import Film, Frame
from tagger.video.gops import Gop, stamp_of
from tagger.video.observer import Observer


def needed_frames(film: Film, observer: Observer, hwaccel: str = "none") -> Iterator[Frame]:
    """Yields these frames, in place of `Film.frames`, each with the index that it has among all.

    Args:
        film: whose packets are frames, with time stamps, all different.
        observer: notes what they show.
        hwaccel: what decodes them, as `open_video` takes it.

    Raises:
        EmptyVideo: there was not one.
    """
    with ExitStack() as opened:
        _, stream = open_video(film.path, opened, film.opening, hwaccel)
        reader = _Reader(stream, observer)
        for gop in film.gops(observer):
            yield from reader.frames(gop)
        yield from reader.finish()
        film.check_pictures(observer)


class _Reader:
    """Sends the packets of groups to one decoder, each packet once."""

    def __init__(self, stream: VideoStream, observer: Observer) -> None:
        self._stream, self._observer = stream, observer
        stream.codec_context.skip_frame = "NONREF"
        self._whole = stream.codec_context.name not in FIRST_ASKED  # can decode all frames of some stretches
        self._last_key: Packet[Any] | None = None  # the group before had it, too, with pictures that it leads
        self._places: dict[int, tuple[int, float]] = {}  # index and time of frames to come, by their stamps
        self._missing: set[int] = set()  # stamps of packets that are to give a picture yet
        self._failures = 0
        self._next = 0  # index, at least, of the next frame

    def frames(self, gop: Gop) -> Iterator[Frame]:
        """The frames that the packets of a group complete."""
        places = enumerate(zip(gop.stamps, gop.times_s, strict=True), gop.first_frame)
        self._places = {stamp: place for stamp, place in self._places.items() if place[0] >= self._next}
        self._places |= {stamp: (index, time_s) for index, (stamp, time_s) in places}
        wanted = eventful(gop) if self._whole else {gop.stamps[0]}
        for packet in gop.packets[gop.packets[0] is self._last_key :]:
            whole = stamp_of(packet) in wanted
            self._stream.codec_context.skip_frame = "DEFAULT" if whole and self._whole else "NONREF"
            if whole and not packet.is_discard:
                self._missing.add(stamp_of(packet))
            pictures = decoded(self._stream, packet)
            self._failures += pictures is None
            yield from self._shown(pictures or ())
        self._last_key = next((packet for packet in gop.packets[1:] if packet.is_keyframe), None)

    def finish(self) -> Iterator[Frame]:
        """The frames that the decoder has yet."""
        yield from self._shown(decoded(self._stream, None) or ())
        observer, lost = self._observer, max(self._failures, len(self._missing))
        share = max(lost / max(1, lost + observer.decoded), len(observer.blank) / max(1, observer.frame_count))
        observer.lose(max(lost, len(observer.blank)), share)

    def _shown(self, pictures: Iterable[VideoFrame]) -> Iterator[Frame]:
        observer = self._observer
        for picture in pictures:
            observer.see(picture)
            self._failures += picture.is_corrupt
            stamp = picture.pts if picture.pts is not None else -1
            self._missing.discard(stamp)
            index, time_s = self._places.pop(stamp, (-1, 0.0))
            if index >= self._next:
                self._next = index + 1
                yield Frame(index, time_s, picture, observer.orientation)
