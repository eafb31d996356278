"""The only file that opens a video: what it is, and its frames in presentation order, once, forward.

Decoding is FFmpeg's, through PyAV. Nothing the container says is trusted: times come from the frames,
counts from counting. Playlists and network protocols are off, so that a text file with a film's name
cannot make the decoder open something else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from tagger.errors import BadPath, EmptyVideo, NoVideoStream, VideoUnreadable, reason
from tagger.files import fingerprint, regular_file
from tagger.images import Pixels, upright
from tagger.records import VideoInfo

# Every demuxer that holds pictures in the file itself; none that follows names to other files (concat,
# hls, dash, image sequences).
DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,vvc,av1,obu,ivf,flv,live_flv,"
    "kux,asf,wtv,ogg,mxf,gxf,nut,rm,dv,vob,pmp,nsv,swf,smk,bink,roq,amv,mjpeg,vc1,vc1test,dirac,yuv4mpegpipe,gif,apng"
)
SMALL_WIDTH = 256  # pixels; the width at which PySceneDetect's thresholds were chosen
KEYFRAME_SHORT_SIDE = 512  # pixels; more than any backbone takes (331), so 8K films cost no more memory
GLITCH_S = 1.0  # a clock that steps back by less is a glitch of one frame; by more it was set anew
TICK_S = 1e-3  # what such a frame is moved on, so that time always grows
# Names in a file's metadata may be in any encoding. PyAV 19 reads any; before, one bad byte made it refuse the film.
ANY_METADATA: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}
FALLBACK_FPS = 25.0  # for raw streams that name no rate
FALLBACK_BASE = Fraction(1, 90_000)  # the tick of MPEG streams


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture, still in the decoder's own format and memory."""

    index: int  # from 0, presentation order
    time_s: float
    picture: VideoFrame

    @property
    def nbytes(self) -> int:
        """Bytes of the decoder's memory that this frame keeps from being reused."""
        return sum(plane.buffer_size for plane in self.picture.planes)

    def pixels(self) -> Pixels:
        """Returns the upright picture as uint8 RGB (height, width, 3), its short side at most 512 pixels."""
        width, height = self.picture.width, self.picture.height
        shrink = min(1.0, KEYFRAME_SHORT_SIDE / min(width, height))
        size = max(1, round(width * shrink)), max(1, round(height * shrink))
        rgb = self.picture.to_ndarray(format="rgb24", width=size[0], height=size[1], interpolation="AREA")
        return upright(np.asarray(rgb, np.uint8), self.picture.rotation)


class Film:
    """A film opened for one pass; use it in a `with` block.

    Raises:
        BadPath: no regular file, or a name that FFmpeg cannot be given.
        VideoUnreadable: FFmpeg knows no format in it.
        NoVideoStream: sound or subtitles only.
    """

    def __init__(self, path: Path) -> None:
        """Opens the container and finds the stream of pictures; decodes nothing yet."""
        self.path = regular_file(path)
        self.decode_failures = 0
        self.frame_count = 0
        self.end_s = 0.0
        self._abandoned = False
        self._size = (0, 0)
        self._codec = ""
        self._shrink = VideoReformatter()
        self._small_size: tuple[int, int] | None = None
        with ExitStack() as opened:
            self._container, self._stream = _open(path, opened)
            self._size_bytes, self._fingerprint = path.stat().st_size, fingerprint(path)
            self._opened = opened.pop_all()
        rate = self._stream.average_rate or self._stream.guessed_rate
        self._step_s = 1.0 / float(rate) if rate else 1.0 / FALLBACK_FPS

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

    @property
    def fps(self) -> float:
        """Mean frames per second, by the container until frames were seen."""
        return 1.0 / self._step_s

    @property
    def declared_duration_s(self) -> float | None:
        """What the stream or the container says about the length, if anything."""
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return self._container.duration / av.time_base if self._container.duration else None

    def frames(self) -> Iterator[Frame]:
        """Yields every frame that FFmpeg can decode, in presentation order, with strictly growing times.

        Raises:
            EmptyVideo: there was not one.
        """
        clock = _Clock(self._container.start_time, self._stream.time_base or FALLBACK_BASE, self._step_s)
        for picture in self._pictures():
            time_s = clock.read(picture)
            self.end_s = time_s + clock.length(picture)
            if self.frame_count == 0:
                turned = round(picture.rotation / 90) % 2
                self._size = (picture.height, picture.width) if turned else (picture.width, picture.height)
            yield Frame(self.frame_count, time_s, picture)
            self.frame_count += 1
            if self._abandoned:
                return
        if self.frame_count == 0:
            raise EmptyVideo(
                f"{self.path}: its {self._stream.codec_context.name} stream gave no picture "
                f"({self.decode_failures} packets failed): damaged, encrypted or cut off"
            )

    def small(self, frame: Frame) -> Pixels:
        """Returns the frame for shot detection: uint8 BGR (h, 256, 3), one size for the whole film."""
        if self._small_size is None:
            width = min(SMALL_WIDTH, frame.picture.width)
            self._small_size = width, max(1, round(frame.picture.height * width / frame.picture.width))
        width, height = self._small_size
        small = self._shrink.reformat(frame.picture, width, height, "bgr24", interpolation="FAST_BILINEAR")
        return np.asarray(small.to_ndarray(), np.uint8)

    def info(self) -> VideoInfo:
        """Returns what is known of the film; complete once `frames` is exhausted."""
        return VideoInfo(
            path=str(self.path),
            name=self.path.name,
            size_bytes=self._size_bytes,
            fingerprint=self._fingerprint,
            duration_s=self.end_s,
            fps=self.fps,
            width=self._size[0],
            height=self._size[1],
            codec=self._stream.codec_context.name,
            frame_count=self.frame_count,
            declared_duration_s=self.declared_duration_s,
            declared_frames=self._stream.frames or None,
            decode_failures=self.decode_failures,
        )

    def _pictures(self) -> Iterator[VideoFrame]:
        """Frames of all packets; a packet that fails is counted and passed over, as FFmpeg does."""
        packets = pictures = 0
        last: VideoFrame | None = None
        for packet in _packets(self._container, self._stream):
            packets += packet is not None
            found = _decoded(self._stream, packet)
            self.decode_failures += found is None
            for last in found or ():
                pictures += 1
                yield last
        if pictures < packets and last is not None and last.pts is not None:
            yield from self._after(last.pts)

    def _after(self, pts: int) -> Iterator[VideoFrame]:
        """Frames later than `pts`, decoded again from the key frame before it without frame threads.

        When one of the last packets is damaged, PyAV gives up the frames that decoder threads still held
        behind it (PyAV issue 1098); a single thread holds none.
        """
        with ExitStack() as opened:
            try:
                container, stream = _open(self.path, opened)
                stream.thread_type = "NONE"
                container.seek(pts, stream=stream)
            except (av.error.FFmpegError, VideoUnreadable, OSError):
                return  # cut off or deleted meanwhile, or not to be sought in: there is no more to have
            for packet in _packets(container, stream):
                found = _decoded(stream, packet) or ()
                yield from (late for late in found if late.pts is not None and late.pts > pts)


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[Any] | None]:
    """Packets of the stream, then None to drain the decoder, also where reading breaks off."""
    # PyAV raises IndexError at the end of a file in which further streams began on the way (MPEG-TS).
    with suppress(av.error.FFmpegError, IndexError):
        yield from (packet for packet in container.demux(stream) if packet.size)
    yield None


def _decoded(stream: VideoStream, packet: Packet[Any] | None) -> list[VideoFrame] | None:
    """The frames that a packet completes; None if it is damaged."""
    try:
        return stream.codec_context.decode(packet)
    except (av.error.FFmpegError, ValueError):
        return None


class _Clock:
    """Presentation times in seconds from where a player starts, strictly growing whatever the file says."""

    def __init__(self, start_us: int | None, time_base: Fraction, step_s: float) -> None:
        self._zero_s = start_us / av.time_base if start_us is not None else None
        self._time_base = time_base  # of the stream: frames drained at the end carry none
        self._step_s = step_s
        self._last_s: float | None = None
        self._before_s: float | None = None  # the zero before the clock was set anew

    def read(self, picture: VideoFrame) -> float:
        stamp = picture.pts if picture.pts is not None else picture.dts
        stamp_s = None if stamp is None else float(stamp * self._time_base)
        if self._last_s is None:
            first_s = 0.0 if stamp_s is None else stamp_s
            self._zero_s = first_s if self._zero_s is None else min(self._zero_s, first_s)
            self._last_s = first_s - self._zero_s
            return self._last_s
        time_s = self._last_s + self._step_s if stamp_s is None else stamp_s - (self._zero_s or 0.0)
        if time_s <= self._last_s - GLITCH_S:
            self._before_s = self._zero_s
            self._zero_s = (self._zero_s or 0.0) - (self._last_s + self._step_s - time_s)
            time_s = self._last_s + self._step_s
        elif time_s > self._last_s + GLITCH_S and self._belongs_before(stamp_s):
            time_s = self._last_s + self._step_s
        self._last_s = max(time_s, self._last_s + TICK_S)
        return self._last_s

    def _belongs_before(self, stamp_s: float | None) -> bool:
        """Whether it is a late frame of the part before the clock was set anew, as where MPEG-TS are joined."""
        if stamp_s is None or self._before_s is None or self._last_s is None:
            return False
        return abs(stamp_s - self._before_s - self._last_s) < GLITCH_S

    def length(self, picture: VideoFrame) -> float:
        return float(picture.duration * self._time_base) if picture.duration else self._step_s


def _open(path: Path, opened: ExitStack) -> tuple[InputContainer, VideoStream]:
    limits = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
    try:
        # Absolute, because FFmpeg takes a relative "http:x.mp4" for an address.
        name: Any = os.fsencode(path.absolute()).decode(sys.getfilesystemencoding())
        name.encode("utf-8")
    except UnicodeError:
        name = opened.enter_context(path.open("rb"))  # PyAV takes names as UTF-8 only
    try:
        container = opened.enter_context(av.open(name, container_options=limits, **ANY_METADATA))
    except av.error.PermissionError as error:
        raise BadPath(f"{path}: no permission to read it") from error
    except (av.error.FFmpegError, ValueError) as error:
        what = "is empty" if path.stat().st_size == 0 else "is no video that FFmpeg can open"
        raise VideoUnreadable(f"{path}: {what} ({reason(error)})") from error
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise NoVideoStream(f"{path}: holds no video stream ({_contents(container)})")
    stream = container.streams.best("video")
    if stream not in streams:
        stream = max(streams, key=lambda s: (s.codec_context.width * s.codec_context.height, -s.index))
    assert isinstance(stream, VideoStream)
    if stream.codec_context is None:
        raise VideoUnreadable(f"{path}: no decoder for its video stream")
    stream.thread_type = "AUTO"  # frame threads: about 5 times slice threads (PyAV's documentation)
    return container, stream


def _contents(container: InputContainer) -> str:
    return ", ".join(sorted({stream.type for stream in container.streams})) or "nothing at all"
