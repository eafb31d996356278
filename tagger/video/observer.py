"""What one pass over a film shows, apart from the film: its frames, how long they last, what was lost."""

from __future__ import annotations

from typing import Any

from av.packet import Packet
from av.video.frame import VideoFrame

from tagger.video.clock import Clock
from tagger.video.container import WHOLE_FRAMES, Extent
from tagger.video.pictures import Orientation
from tagger.video_info import Observed


class Losses:
    """Counts packets that gave no whole picture: an error, nothing at all, or one that FFmpeg calls corrupt.

    With decoder threads an error costs other pictures than its own, and some decoders leave a picture out without a
    word; so packets are counted against pictures, where a packet is one.
    """

    def __init__(self, codec: str) -> None:
        """Starts before the first packet of a stream of this codec."""
        self.pictures = self.packets = self.errors = 0
        self._tried = 0
        self.count = 0
        self._a_packet_is_a_picture = codec in WHOLE_FRAMES
        self._corrupt = self._whole = 0
        self._early: list[int] = []  # stamps of packets before the first picture
        self._first: int | None = None  # stamp of that

    @property
    def share(self) -> float:
        """Of the packets that were sent."""
        return self.count / max(1, self._tried)

    def sent(self, packet: Packet[Any] | None, *, failed: bool) -> None:
        """Takes what was sent to the decoder; None drains it."""
        self.errors += failed
        self.count += failed
        if packet is None or packet.is_discard:  # an edit list hides it
            return
        self._tried += 1
        if packet.pts is None:  # of a raw stream, nobody can say which are missing
            self._a_packet_is_a_picture = False
        elif self.pictures == 0:
            self._early.append(packet.pts)
        else:
            # Before the first picture come those that need one which is not there, as after a cut of a broadcast.
            self.packets += self._first is None or packet.pts >= self._first

    def shown(self, picture: VideoFrame) -> None:
        """Takes a picture."""
        if self.pictures == 0:
            self._first = picture.pts
            self.packets += sum(self._first is None or stamp >= self._first for stamp in self._early)
            self._early = []
        self.pictures += 1
        if picture.is_corrupt:
            self._corrupt += self._whole > 0
        else:
            self._whole += 1
        if picture.interlaced_frame:  # its fields may have come in two packets
            self._a_packet_is_a_picture = False

    def finish(self) -> None:
        """Takes the end of the film: what has not come by now is lost."""
        lost = self.packets - self.pictures if self._a_packet_is_a_picture and self.pictures else 0
        self.count = max(self.errors, lost) + self._corrupt


class Observer:
    """Notes what one pass over a film shows."""

    def __init__(self) -> None:
        """Starts before the first picture."""
        self.frame_count = 0
        self.decoded = 0  # pictures, those that were decoded twice count twice
        self.unseen = 0  # boundaries before which nothing was decoded
        self.clock: Clock | None = None
        self.decode_failures = 0  # packets that gave no whole picture
        self.lost = 0.0  # their share of the film
        self.blank: set[int] = set()  # time stamps of packets in which nothing was ever written
        self.extent = Extent()
        self.notes: dict[str, None] = {}  # what the reader of a report should know, a line for each
        self.orientation = Orientation()
        self._size = (0, 0)

    @property
    def end_s(self) -> float:
        """Where the last frame ends that was seen."""
        return self.clock.end_s if self.clock else 0.0

    def lose(self, failures: int, share: float) -> None:
        """Takes how many packets gave no whole picture, and which share of the film they are."""
        self.decode_failures, self.lost = failures, share

    @property
    def has_picture(self) -> bool:
        """Whether a picture was seen."""
        return self._size != (0, 0)

    def see(self, picture: VideoFrame) -> None:
        """Takes how the film is turned, and its size, from its first picture."""
        self.decoded += 1
        self.orientation.see(picture)
        self.see_size(picture.width, picture.height)

    def see_size(self, width: int, height: int) -> None:
        """Takes the size of the film from its first picture."""
        if not self.has_picture:
            self._size = (width, height)

    def observed(self) -> Observed:
        """Returns what was seen so far; of the whole film once the pass is over."""
        return Observed(self.end_s, *self.orientation.size(*self._size), self.frame_count, self.decode_failures)
