"""A film's frames without those that no other frame needs, but where something may happen: half of the decoding.

Which frames others need only the decoder knows; it leaves out the rest when it is told to. Where a packet is as large
as that of a new picture, all frames up to it are decoded, so that a cut is known to the frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from functools import cache
from math import inf
from typing import Any

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tagger.shots.decoders import FIRST_ASKED, Decoder
from tagger.shots.packets import eventful
from tagger.shots.runs import Small, frames, hidden, jump
from tagger.shots.thumbnails import Shrinker, Thumbnail
from tagger.video.container import decoded, open_video
from tagger.video.film import Film, Frame
from tagger.video.gops import Gop, stamp_of
from tagger.video.observer import Observer

GROUPS = 8  # that the frames in the decoder's hands may be of
NEAR = 32  # frames behind a key frame: decoding them once more costs little


def needed_frames(
    film: Film, observer: Observer, hwaccel: str = "none"
) -> Generator[tuple[Frame, Thumbnail], None, None]:
    """Yields these frames, in place of `Film.frames`, each with the index that it has among all, and its thumbnail.

    Args:
        film: whose packets are frames, with time stamps, all different.
        observer: notes what they show.
        hwaccel: what decodes them, as `open_video` takes it.

    Raises:
        EmptyVideo: there was not one.
    """
    with ExitStack() as opened:
        _, stream = open_video(film.path, opened, film.opening, hwaccel)
        again = cache(lambda: Decoder(film.path, opened, film.opening, observer.orientation))
        reader = _Reader(stream, observer, again)
        for gop in film.gops(observer):
            yield from reader.frames(gop)
        yield from reader.finish()
        film.check_pictures(observer)


class _Reader:
    """Sends the packets of groups to one decoder, each packet once."""

    def __init__(self, stream: VideoStream, observer: Observer, again: Callable[[], Decoder]) -> None:
        self._stream, self._observer, self._again = stream, observer, again
        self._shrink, self._usual = Shrinker(), inf
        self._groups: deque[Gop] = deque(maxlen=GROUPS)
        self._last: Small | None = None
        stream.codec_context.skip_frame = "NONREF"
        self._whole = stream.codec_context.name not in FIRST_ASKED  # can decode all frames of some stretches
        self._last_key: Packet[Any] | None = None  # the group before had it, too, with pictures that it leads
        self._places: dict[int, tuple[int, float]] = {}  # index and time of frames to come, by their stamps
        self._missing: set[int] = set()  # stamps of packets that are to give a picture yet
        self._failures = 0
        self._next = 0  # index, at least, of the next frame

    def frames(self, gop: Gop) -> Iterator[tuple[Frame, Thumbnail]]:
        """The frames that the packets of a group complete."""
        self._groups.append(gop)
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

    def finish(self) -> Iterator[tuple[Frame, Thumbnail]]:
        """The frames that the decoder has yet."""
        yield from self._shown(decoded(self._stream, None) or ())
        observer, lost = self._observer, max(self._failures, len(self._missing))
        share = max(lost / max(1, lost + observer.decoded), len(observer.blank) / max(1, observer.frame_count))
        observer.lose(max(lost, len(observer.blank)), share)

    def _shown(self, pictures: Iterable[VideoFrame]) -> Iterator[tuple[Frame, Thumbnail]]:
        observer = self._observer
        for picture in pictures:
            observer.see(picture)
            self._failures += picture.is_corrupt
            stamp = picture.pts if picture.pts is not None else -1
            self._missing.discard(stamp)
            index, time_s = self._places.pop(stamp, (-1, 0.0))
            if index >= self._next:
                self._next = index + 1
                last, here = self._last, (index, time_s, self._shrink(picture))
                jumped = jump(last, here) if last else 0.0
                if last and hidden(index - last[0], jumped, self._usual):
                    yield from self._between(last[0], index)
                self._usual = jumped
                self._last = here
                yield Frame(index, time_s, picture, observer.orientation), here[2]

    def _between(self, first: int, last: int) -> Iterator[tuple[Frame, Thumbnail]]:
        """The frames between two, decoded from their key frame on, if more than one is missing or that is near."""
        gop = next((gop for gop in self._groups if gop.first_frame < last <= gop.end_frame), None)
        if gop and (last - first > 2 or last - gop.first_frame <= NEAR):
            decoder = self._again()
            before = decoder.shown
            wanted = {gop.stamps[max(0, at - gop.first_frame)] for at in range(first + 1, last)}
            for frame in frames(decoder, gop, last - 1, wanted):
                if frame.index > first:
                    yield frame, decoder.shrink(frame.picture)
            self._observer.decoded += decoder.shown - before
