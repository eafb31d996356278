"""A film: what its file claims, and its frames in presentation order, once, forward.

Decoding is FFmpeg's, through PyAV. Nothing the container says is trusted: times come from the frames,
counts from counting. What is seen is noted by an `Observer`, apart from the film.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import av
from av.video.frame import VideoFrame

from tagger.errors import EmptyVideo, VideoUnreadable
from tagger.files import fingerprint, regular_file
from tagger.images import Pixels
from tagger.video.clock import Clock
from tagger.video.container import decoded, open_video, packets_of
from tagger.video.gops import Gop, gops
from tagger.video.pictures import Orientation, remarks, rgb
from tagger.video_info import Declared, Observed, VideoInfo

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


class Observer:
    """Notes what one pass over a film shows."""

    def __init__(self) -> None:
        """Starts before the first picture."""
        self.frame_count = 0
        self.end_s = 0.0
        self.decode_failures = 0
        self.notes: dict[str, None] = {}  # lines for the reader of the report, each once, in order
        self.orientation = Orientation()
        self._size = (0, 0)

    @property
    def has_picture(self) -> bool:
        """Whether a picture was seen."""
        return self._size != (0, 0)

    def see(self, picture: VideoFrame) -> None:
        """Takes the size of the film from its first picture, and how it is turned."""
        self.orientation.see(picture)
        if not self.has_picture:
            self._size = (picture.width, picture.height)

    def observed(self) -> Observed:
        """Returns what was seen so far; of the whole film once the pass is over."""
        return Observed(self.end_s, *self.orientation.size(*self._size), self.frame_count, self.decode_failures)


class Film:
    """A film opened for one pass; use it in a `with` block.

    Raises:
        BadPath: no regular file, or a name that FFmpeg cannot be given.
        VideoUnreadable: FFmpeg knows no format in it.
        NoVideoStream: sound or subtitles only, or no stream of this number.
    """

    def __init__(self, path: Path, number: int | None = None) -> None:
        """Opens the container and finds the stream of pictures, by its number or by itself; decodes nothing yet."""
        self.path, self.number = regular_file(path), number
        self._abandoned = False
        with ExitStack() as opened:
            self._container, self._stream = open_video(path, opened, number=number)
            self._size_bytes, self._fingerprint = path.stat().st_size, fingerprint(path)
            self._opened = opened.pop_all()
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.declared = Declared(
            self._declared_duration_s(), self._stream.frames or None, float(rate) if rate else None
        )
        self.fps = self.declared.fps or FALLBACK_FPS

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
        clock, observer = self._clock(), observer or Observer()
        for picture in self._pictures(observer, hwaccel):
            time_s = clock.read(picture.pts if picture.pts is not None else picture.dts)
            observer.end_s = time_s + clock.length(picture.duration)
            observer.see(picture)
            yield Frame(observer.frame_count, time_s, picture, observer.orientation)
            observer.frame_count += 1
            if self._abandoned:
                return
        self.check_pictures(observer)

    def gops(self, observer: Observer) -> Iterator[Gop]:
        """Yields the film as groups of packets, in place of `frames`: decodes nothing, counts packets."""
        packets = (packet for packet in packets_of(self._container, self._stream) if packet)
        for gop in gops(packets, self._clock()):
            observer.frame_count, observer.end_s = gop.end_frame, gop.end_s
            yield gop
            if self._abandoned:
                return

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
        observer.notes.update(dict.fromkeys(remarks(self._stream.codec_context.colorspace)))

    def info(self, observed: Observed) -> VideoInfo:
        """Returns what the file claims, beside what was observed."""
        return VideoInfo(
            path=str(self.path),
            name=self.path.name,
            size_bytes=self._size_bytes,
            fingerprint=self._fingerprint,
            codec=self._stream.codec_context.name,
            fps=self.fps,
            declared=self.declared,
            observed=observed,
            stream=self._stream.index,
        )

    def _declared_duration_s(self) -> float | None:
        """What the stream, or else the container, says about the length."""
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return self._container.duration / av.time_base if self._container.duration else None

    def _clock(self) -> Clock:
        return Clock(self._container.start_time, self._stream.time_base, 1.0 / self.fps)

    def _pictures(self, observer: Observer, hwaccel: str) -> Iterator[VideoFrame]:
        """Frames of all packets; a packet that fails is counted and passed over, as FFmpeg does."""
        packets = pictures = 0
        last: VideoFrame | None = None
        container, stream = self._container, self._stream
        if hwaccel != "none":
            container, stream = open_video(self.path, self._opened, hwaccel, self.number)
        for packet in packets_of(container, stream):
            packets += packet is not None
            found = decoded(stream, packet)
            observer.decode_failures += found is None
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
                container, stream = open_video(self.path, opened, number=self.number)
                stream.thread_type = "NONE"
                container.seek(pts, stream=stream)
            except (av.error.FFmpegError, VideoUnreadable, OSError):
                return  # cut off or deleted meanwhile, or not to be sought in: there is no more to have
            for packet in packets_of(container, stream):
                found = decoded(stream, packet) or ()
                yield from (late for late in found if late.pts is not None and late.pts > pts)
