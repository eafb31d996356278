"""A film: what its file claims, and its frames in presentation order, once, forward.

Decoding is FFmpeg's, through PyAV. Nothing the container says is trusted: times come from the frames,
counts from counting. What is seen is noted by an `Observer`, apart from the film.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import av
from av.packet import Packet
from av.video.frame import VideoFrame

from tagger.errors import EmptyVideo, VideoUnreadable
from tagger.files import with_name
from tagger.images import Pixels
from tagger.records import Status
from tagger.settings import USUAL_OPENING, Opening
from tagger.video import sequence
from tagger.video.clock import Clock
from tagger.video.container import decoded, is_blank, open_video, packets_of
from tagger.video.declared import declared_by
from tagger.video.ending import Evidence, judge
from tagger.video.gops import Gop, gops, stamp_of
from tagger.video.observer import Losses, Observer
from tagger.video.pictures import Orientation, remarks, rgb
from tagger.video_info import VideoInfo

RESTARTING = ("mpegts", "mpeg", "ogg", "live_flv")  # formats that FFmpeg calls discontinuous
BROADCAST, DISC, ONE_RATE = "mpegts", "mpeg", ("mpeg1video", "mpeg2video")
DECODING_ORDER = "avi"  # the format without presentation times; FFmpeg works them out, but not of these codecs
REORDERED = ("h264", "hevc", "vvc")
NO_TIMES = 0x80  # of the flags of a format, FFmpeg's AVFMT_NOTIMESTAMPS
FALLBACK_FPS = 25.0  # for raw streams that name no rate


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture, still in the decoder's own format and memory."""

    index: int  # from 0, presentation order
    time_s: float
    picture: VideoFrame
    orientation: Orientation = field(default_factory=Orientation)  # of its film

    @property
    def nbytes(self) -> int:
        """Bytes of the decoder's memory that this frame keeps from being reused."""
        return sum(plane.buffer_size for plane in self.picture.planes)

    def pixels(self) -> Pixels:
        """Returns the upright picture as uint8 RGB (height, width, 3), its short side at most 512 pixels."""
        return rgb(self.picture, self.orientation)


class Film:
    """A film opened for one pass; use it in a `with` block.

    Raises:
        BadPath: no regular file, or a name that FFmpeg cannot be given.
        VideoUnreadable: FFmpeg knows no format in it, or of numbered pictures one is missing.
        NoVideoStream: sound or subtitles only, or no stream of this number.
    """

    def __init__(self, path: Path, opening: Opening = USUAL_OPENING) -> None:
        """Opens the container and finds the stream of pictures; decodes no more of it than its timecode takes.

        Args:
            path: a file, or numbered pictures: their folder, or a pattern as scan_%06d.dpx.
            opening: which stream, and at which rate where the file has no times.
        """
        self.path, self.opening = sequence.checked(path), opening
        self._abandoned = False
        with ExitStack() as opened:
            self._container, self._stream = open_video(path, opened, opening)
            self._size_bytes, _, _, self._fingerprint = sequence.looked_at(path)
            self._opened = opened.pop_all()
        self.declared = declared_by(path, self._container, self._stream, opening)

    def __enter__(self) -> Film:
        """Returns the film itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file."""
        self._opened.close()

    def abandon(self) -> None:
        """Lets `frames` end with the frame it is at; may be called from any thread."""
        self._abandoned = True

    def frames(self, observer: Observer | None = None, hwaccel: str = "none") -> Iterator[Frame]:
        """Yields every frame that FFmpeg can decode, in presentation order, with strictly growing times.

        Args:
            observer: notes what they show.
            hwaccel: what decodes them, as `open_video` takes it.

        Raises:
            EmptyVideo: there was not one.
        """
        observer = observer or Observer()
        clock = observer.clock = self._clock()
        for picture in self._pictures(observer, hwaccel):
            stamp = picture.pts if picture.pts is not None else picture.dts
            time_s = clock.read(None, None) if self.goes_by_rate else clock.read(stamp, picture.duration)
            observer.see(picture)
            yield Frame(observer.frame_count, time_s, picture, observer.orientation)
            observer.frame_count += 1
            if self._abandoned:
                return
        self.check_pictures(observer)

    def gops(self, observer: Observer) -> Iterator[Gop]:
        """Yields the film as groups of packets, in place of `frames`: decodes nothing, counts packets."""
        clock = observer.clock = self._clock()
        for gop in gops(self._checked(observer), clock):
            observer.frame_count = gop.end_frame
            yield gop
            if self._abandoned:
                return

    def _checked(self, observer: Observer) -> Iterator[Packet[Any]]:
        """The packets; those in which nothing was ever written are noted, for most of them are not decoded."""
        for packet in packets_of(self._container, self._stream, observer.extent):
            if packet is not None:
                if is_blank(packet):
                    observer.blank.add(stamp_of(packet))
                yield packet

    def check_pictures(self, observer: Observer) -> None:
        """Refuses a film that has been read and gave not one picture.

        Raises:
            EmptyVideo: that is so.
        """
        if not observer.has_picture:
            raise EmptyVideo(
                f"{self.path}: its {self._stream.codec_context.name} stream gave no picture "
                f"({observer.decode_failures} packets failed): damaged, encrypted or cut off"
            )

    def info(self, observer: Observer) -> VideoInfo:
        """Returns what the file claims, beside what was observed."""
        return VideoInfo(
            path=str(self.path),
            name=with_name(self.path).name,
            size_bytes=self._size_bytes,
            fingerprint=self._fingerprint,
            codec=self._stream.codec_context.name,
            fps=1 / ((observer.clock and observer.clock.pace.step_s) or self._step_s),
            declared=self.declared,
            observed=observer.observed(),
            stream=self._stream.index,
        )

    def ending(self, observer: Observer) -> tuple[Status, tuple[str, ...]]:
        """Returns whether the film that was read is whole, and what the reader of its report should know."""
        clock = observer.clock
        status, notes = judge(
            Evidence(
                path=self.path,
                size_bytes=self._size_bytes,
                format=self._container.format.name,
                start_s=(self._container.start_time or 0) / av.time_base,
                declared=self.declared,
                observed=observer.observed(),
                leapt_s=clock.leapt_s if clock else 0.0,
                extent=observer.extent,
                lost=observer.lost,
                missing_s=clock.pace.missing_s if clock and self._has_no_pauses(observer) else 0.0,
            )
        )
        colours = remarks(self._stream.codec_context.colorspace)
        return status, (*notes, *self._guess(), *(clock.notes() if clock else ()), *colours, *observer.notes)

    def _guess(self) -> Iterator[str]:
        """Yields a line where the times of the film go by a rate that nobody gave."""
        if self.opening.rate is None and (self._is_raw or self._container.format.name == sequence.FORMAT):
            yield f"time: its pictures have no times: taken at {1 / self._step_s:.6g} a second (--rate says otherwise)"

    @property
    def goes_by_rate(self) -> bool:
        """Whether its times are those of the rate that was asked for: a raw stream has none of its own."""
        return self.opening.rate is not None and self._is_raw

    @property
    def _is_raw(self) -> bool:
        """Whether its format has no times. (In others FFmpeg may not know where they start: ASF with late pictures.)"""
        return bool(self._container.format.flags & NO_TIMES) and self._stream.start_time is None

    @property
    def _step_s(self) -> float:
        """What a frame lasts that carries no time."""
        asked = self.opening.rate if self.goes_by_rate else None
        return 1 / float(asked or self.declared.fps or FALLBACK_FPS)

    def _has_no_pauses(self, observer: Observer) -> bool:
        """Whether time without pictures is a loss: a broadcast says what did not arrive, discs have one rate."""
        name = self._container.format.name
        lost = name == BROADCAST and observer.extent.corrupt > 0
        return lost or (name == DISC and self._stream.codec_context.name in ONE_RATE)

    def _clock(self) -> Clock:
        container = self._container
        return Clock(
            container.start_time,
            self._stream.time_base,
            self._step_s,
            restarts=container.format.name in RESTARTING,
            decoding_order=container.format.name == DECODING_ORDER,
        )

    def _pictures(self, observer: Observer, hwaccel: str) -> Iterator[VideoFrame]:
        """Frames of all packets; a packet that fails is counted and passed over, as FFmpeg does."""
        last: VideoFrame | None = None
        container, stream = self._container, self._stream
        if hwaccel != "none":
            container, stream = open_video(self.path, self._opened, self.opening, hwaccel)
        losses = Losses(stream.codec_context.name)
        in_decoding_order = container.format.name == DECODING_ORDER and stream.codec_context.name in REORDERED
        sent: deque[int | None] = deque()  # stamps that no picture has had
        for packet in packets_of(container, stream, observer.extent):
            found = decoded(stream, packet)
            if in_decoding_order and found is not None and packet is not None:
                sent.append(packet.dts)
            losses.sent(packet, failed=found is None)
            observer.lose(losses.count, losses.share)
            for last in found or ():
                losses.shown(last)
                if sent:  # pictures come in the order of presentation
                    last.pts = sent.popleft()
                yield last
        if losses.pictures < losses.packets and last is not None and last.pts is not None and not in_decoding_order:
            for late in self._after(last.pts):
                losses.shown(late)
                yield late
        losses.finish()
        observer.lose(losses.count, losses.share)

    def _after(self, pts: int) -> Iterator[VideoFrame]:
        """Frames later than `pts`, decoded again from the key frame before it without frame threads.

        When one of the last packets is damaged, PyAV gives up the frames that decoder threads still held
        behind it (PyAV issue 1098); a single thread holds none.
        """
        with ExitStack() as opened:
            try:
                container, stream = open_video(self.path, opened, self.opening)
                stream.thread_type = "NONE"
                container.seek(pts, stream=stream)
            except (av.error.FFmpegError, VideoUnreadable, OSError):
                return  # cut off or deleted meanwhile, or not to be sought in: there is no more to have
            for packet in packets_of(container, stream):
                found = decoded(stream, packet) or ()
                yield from (late for late in found if late.pts is not None and late.pts > pts)
