"""Stretches of a film as files of their own: its packets as they are, or encoded anew where a cut must be exact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.video.frame import VideoFrame

from tagger.errors import OutputRefused, VideoUnreadable, reason
from tagger.files import written_whole
from tagger.settings import USUAL_OPENING, Opening
from tagger.video.container import decoded, open_video
from tagger.video.pictures import Orientation

# What is copied keeps the kind of its file, where that is one of these.
KINDS = {
    ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".ts": "mpegts", ".avi": "avi",
    ".flv": "flv", ".wmv": "asf",
}  # fmt: skip
ANY = ".mkv"  # takes the packets of nearly every codec
EXACT = ".mp4"  # H.264 and AAC
QUALITY = {"crf": "18", "preset": "veryfast"}
TICK = Fraction(1, 90_000)
AHEAD_S = 2.0  # packets of sound and pictures stand so near to each other in a file
# How far before a time is sought, until a key frame at or before it is found: where a format has no index (MPEG),
# FFmpeg may come out behind it. What is before the beginning of a file gives its beginning.
BACK_S = (0.0, 2.0, 15.0, 120.0, 1e5)
SAME_S = 5e-4  # less than a frame takes; times are rounded to ticks, to microseconds in reports and containers
COLOURS = ("color_range", "colorspace", "color_primaries", "color_trc")


def suffix_of(film: Path, exact: bool) -> str:
    """Returns how the name of a clip of this film ends."""
    if exact:
        return EXACT
    return film.suffix.lower() if film.suffix.lower() in KINDS else ANY


def cut(
    film: Path, start_s: float, end_s: float, clip: Path, exact: bool = False, opening: Opening = USUAL_OPENING
) -> None:
    """Writes a stretch of a film, with its first sound, whole or not at all.

    Copied packets begin with the key frame at or before its start, as nothing else can be shown without the frames
    before it; `exact` begins and ends with the very frames, and loses a little by encoding.

    Args:
        film: a file.
        start_s: in seconds of its presentation clock.
        end_s: exclusive.
        clip: where to; its name ends as `suffix_of` says.
        exact: encodes anew.
        opening: how the film is opened.

    Raises:
        BadPath, VideoUnreadable: the film cannot be read, or holds nothing there.
        OutputRefused: the clip cannot be written.
    """
    with ExitStack() as opened:
        source, pictures = open_video(film, opened, opening)
        zero_s = (source.start_time or 0) / av.time_base
        way = _Exact if exact else _Copied
        with written_whole(clip) as file:
            try:
                with av.open(file, "w", format=KINDS[clip.suffix.lower()]) as target:
                    count = way(source, target, pictures, zero_s + start_s, zero_s + end_s).run()
            except (av.error.FFmpegError, ValueError) as error:
                why = "" if exact else ": --exact encodes it"
                raise OutputRefused(f"{clip}: cannot be cut from {film} ({reason(error)}){why}") from error
            if not count:
                raise VideoUnreadable(f"{film}: has no picture from {start_s:.3f} to {end_s:.3f} s")


class _Cut:
    """What both ways of cutting have in common."""

    def __init__(self, source: Any, target: Any, pictures: Any, start_s: float, end_s: float) -> None:
        self.source, self.target, self.pictures = source, target, pictures
        self.sound = next(iter(source.streams.audio), None)
        self.start_s, self.end_s = start_s, end_s

    def seek(self) -> None:
        """Goes to a key frame at or before the start; where the film has none, to its beginning."""
        for back_s in BACK_S:
            self._go(back_s)
            found = (_shown_s(packet) for packet in self.source.demux(self.pictures) if packet.is_keyframe)
            if next((time_s for time_s in found if time_s is not None), self.end_s) <= self.start_s + SAME_S:
                break
        self._go(back_s)

    def _go(self, back_s: float) -> None:
        self.source.seek(round((self.start_s - back_s) / self.pictures.time_base), stream=self.pictures)

    def packets(self) -> Iterator[Any]:
        """Packets from a key frame before the start on, until both streams are past the end."""
        self.seek()
        streams = [self.pictures, *([self.sound] if self.sound else [])]
        past: set[int] = set()
        for packet in self.source.demux(*streams):
            if (stamp := _stamp(packet)) is None:  # the last of all, which lets a decoder give what it holds
                yield packet
                continue
            time_s = float(stamp * packet.time_base)
            if time_s > self.end_s + AHEAD_S:
                past.add(packet.stream.index)
            if time_s > self.end_s + 4 * AHEAD_S or len(past) == len(streams):
                return
            yield packet


class _Copied(_Cut):
    """Packets as they are."""

    def run(self) -> int:
        into = {one.index: self.target.add_stream_from_template(one) for one in (self.pictures, self.sound) if one}
        first_s: float | None = None
        count, waiting, begun = 0, list[Any](), False
        for packet in self.packets():
            if (time_s := _shown_s(packet)) is None or time_s >= self.end_s - SAME_S:
                continue
            if packet.stream is self.pictures:
                if packet.is_keyframe and not begun and (first_s is None or time_s <= self.start_s + SAME_S):
                    first_s, waiting = time_s, [one for one in waiting if one.stream is self.sound]
                if first_s is None or time_s < first_s:
                    continue
                begun = begun or float((_stamp(packet) or 0) * packet.time_base) > self.start_s + SAME_S
            waiting.append(packet)
            if begun and _is_timed(waiting):  # no key frame nearer to the start comes: a clip may be large
                count += self._put(waiting, into, first_s)
                waiting = []
        return count + self._put(waiting, into, first_s)

    def _put(self, packets: list[Any], into: dict[int, Any], first_s: float | None) -> int:
        """Writes packets, the first key frame at 0; how many of them are pictures."""
        _complete(packets)
        begin_s = self.start_s if first_s is None else min(first_s, self.start_s)
        count = 0
        for packet in (one for one in packets if (_shown_s(one) or 0.0) >= begin_s):
            shift = round(first_s / packet.time_base) if first_s is not None else 0
            count += packet.stream is self.pictures
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            packet.stream = into[packet.stream.index]
            self.target.mux(packet)
        return count


def _shown_s(packet: Any) -> float | None:
    """When a packet is shown, in seconds; None of the last of all."""
    stamp = packet.dts if packet.pts is None else packet.pts
    return None if stamp is None else float(stamp * packet.time_base)


def _stamp(packet: Any) -> int | None:
    """When a packet is decoded, in ticks; after a seek in Matroska the first ones say only when they are shown."""
    stamp: int | None = packet.pts if packet.dts is None else packet.dts
    return stamp


def _is_timed(packets: list[Any]) -> bool:
    """Whether the last packet of each stream has a time of decoding, so that those before it can be given theirs."""
    return None not in {packet.stream.index: packet.dts for packet in packets}.values()


def _complete(packets: list[Any]) -> None:
    """Gives packets the times of decoding that they lack, before those of the next of their stream."""
    following: dict[int, int] = {}
    for packet in reversed(packets):
        index = packet.stream.index
        if packet.dts is None and index in following:
            packet.dts = following[index] - max(1, packet.duration or 0)
        if packet.dts is not None:
            following[index] = packet.dts


class _Exact(_Cut):
    """Frames decoded, and encoded anew: upright, in the colours and the shape of pixels that they have."""

    def run(self) -> int:
        self.orientation = self._orientation()
        made = self._video()
        voice = self.target.add_stream("aac", rate=self.sound.rate) if self.sound else None
        resampler = AudioResampler("fltp", "stereo", self.sound.rate, frame_size=1024) if self.sound else None
        if voice is not None:
            voice.layout = "stereo"
        count = 0
        for packet in self.packets():
            for frame in self._frames(packet):
                if frame.pts is None or not self.start_s - SAME_S <= frame.time < self.end_s - SAME_S:
                    continue
                at_s = frame.time - self.start_s
                if packet.stream is self.pictures:
                    shown = self._upright(frame).reformat(made.width, made.height, "yuv420p")
                    shown.pts, shown.time_base = round(at_s / TICK), TICK
                    shown.pict_type = 0
                    self.target.mux(made.encode(shown))
                    count += 1
                elif self.sound and voice is not None and resampler is not None:
                    frame.pts, frame.time_base = round(at_s * self.sound.rate), Fraction(1, self.sound.rate)
                    for part in resampler.resample(frame):
                        self.target.mux(voice.encode(part))
        if voice is not None and resampler is not None:
            for part in resampler.resample(None):
                self.target.mux(voice.encode(part))
            self.target.mux(voice.encode(None))
        self.target.mux(made.encode(None))
        return count

    def _frames(self, packet: Any) -> Iterable[Any]:
        """The frames of a packet; of one that is damaged, or is not whole after a seek, none."""
        if packet.stream is self.pictures:
            return decoded(self.pictures, packet) or ()
        with suppress(av.error.FFmpegError):
            return packet.decode()  # type: ignore[no-any-return]
        return ()

    def _video(self) -> Any:
        """The stream of pictures that is made."""
        film = self.pictures
        made = self.target.add_stream(
            "libx264", rate=film.average_rate or film.guessed_rate or Fraction(25), options=QUALITY
        )
        width, height = self.orientation.size(film.width, film.height)
        made.width, made.height = width // 2 * 2, height // 2 * 2
        made.pix_fmt, made.time_base = "yuv420p", TICK
        made.codec_context.time_base = TICK  # at that of its rate, frames that come unevenly would have one time
        if shape := film.sample_aspect_ratio:
            made.codec_context.sample_aspect_ratio = (
                shape if (width, height) == (film.width, film.height) else 1 / shape
            )
        for name in COLOURS:
            setattr(made.codec_context, name, getattr(film.codec_context, name))
        return made

    def _orientation(self) -> Orientation:
        """How the pictures are turned, by the first that can be decoded."""
        orientation = Orientation()
        self.seek()
        found = (decoded(self.pictures, packet) for packet in self.source.demux(self.pictures))
        for frame in next(filter(None, found), ()):
            orientation.see(frame)
        return orientation

    def _upright(self, frame: VideoFrame) -> VideoFrame:
        if not self.orientation.is_turned:
            return frame
        planes = np.asarray(np.moveaxis(frame.reformat(format="yuv444p").to_ndarray(), 0, 2), np.uint8)
        turned = np.moveaxis(self.orientation.upright(planes), 2, 0)
        return VideoFrame.from_ndarray(np.ascontiguousarray(turned), "yuv444p")
