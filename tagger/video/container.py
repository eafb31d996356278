"""The only file that opens a video: its container, its stream of pictures, its packets.

Nothing the container says is trusted. Playlists and network protocols are off, so that a text file with
a film's name cannot make the decoder open something else.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from math import inf
from pathlib import Path
from typing import Any

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tagger.errors import BadPath, VideoUnreadable, reason
from tagger.process import hardware_decoders
from tagger.settings import USUAL_OPENING, Opening
from tagger.text import printable
from tagger.video import sequence
from tagger.video.pictures import settle
from tagger.video.streams import film_of

log = logging.getLogger(__name__)

# Every demuxer that holds pictures in the file itself; none that follows names to other files (concat,
# hls, dash, image sequences).
DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,vvc,av1,obu,ivf,flv,live_flv,"
    "kux,asf,wtv,ogg,mxf,gxf,nut,rm,dv,vob,pmp,nsv,swf,smk,bink,roq,amv,mjpeg,vc1,vc1test,dirac,yuv4mpegpipe,gif,apng"
)
# Names in a file's metadata may be in any encoding. PyAV 19 reads any; before, one bad byte made it refuse the film.
ANY_METADATA: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}
CLOSE = ("matroska,webm", "flv")  # formats with little between two packets but what describes them
HOLE_BYTES = 4096  # more is no description
# Codecs whose packets are frames, one each. (VP8 has packets that show nothing, MPEG-4 in AVI two frames in one.)
WHOLE_FRAMES = {"h264", "hevc", "vp9", "av1", "libdav1d", "mpeg2video", "vvc"}
BLANK_BYTES = 16  # at the beginning of a packet, all the same: nothing was ever written there
TRIED_PACKETS = 100  # for a first picture from a device; more than any decoder holds back


def open_video(
    path: Path, opened: ExitStack, opening: Opening = USUAL_OPENING, hwaccel: str = "none"
) -> tuple[InputContainer, VideoStream]:
    """Returns the container and its stream of pictures, decoded by frame threads; `opened` closes what is open.

    Where a device of `hwaccel` (`none`, `auto`: any, or one of `hardware_decoders`) can decode this film, it does, and
    its frames come back as ordinary ones. Where none can, one line says why, and the processor does.

    Raises:
        BadPath: no permission.
        VideoUnreadable: FFmpeg knows no format in it, or has no decoder for it; or a numbered picture is missing.
        NoVideoStream: sound or subtitles only, or no stream of this number.
    """
    refusals = []
    asked = () if hwaccel == "none" else hardware_decoders() if hwaccel == "auto" else (hwaccel,)
    for device in asked:
        try:
            refusal = _refusal(path, opening, device)
            if not refusal:
                return _opened(path, opened, opening, device)
        except (av.error.FFmpegError, ValueError) as error:
            refusal = f"cannot be used ({reason(error)})"
        refusals.append(f"{device} {refusal}")
    try:
        found = _opened(path, opened, opening)
    except (av.error.FFmpegError, ValueError) as error:
        if os.path.lexists(path) and not os.access(
            path, os.R_OK
        ):  # not by the kind of error: what is damaged is "not permitted" too
            raise BadPath(f"{path}: no permission to read it") from error
        what = "is empty" if path.is_file() and path.stat().st_size == 0 else "is no video that FFmpeg can open"
        raise VideoUnreadable(f"{path}: {what} ({reason(error)}){sequence.hint(path)}") from error
    if hwaccel != "none":
        why = ", ".join(refusals) or "this FFmpeg knows no hardware"
        log.info("%s: decoded on the processor: %s", printable(str(path)), why)
    return found


def _refusal(path: Path, opening: Opening, device: str) -> str:
    """Why a device does not decode this film, after trying its first picture; nothing if it does."""
    with ExitStack() as tried:
        container, stream = _opened(path, tried, opening, device)
        codec = stream.codec_context
        if not codec.is_hwaccel:
            return f"does not decode {codec.name}"
        for packet in islice(packets_of(container, stream), TRIED_PACKETS):
            for picture in decoded(stream, packet) or ():
                # The format of the decoder is that of the device's memory, unless FFmpeg fell back to the processor.
                return "" if picture.format.name != codec.pix_fmt else f"does not decode this {codec.name}"
        return "gave no picture"


def _opened(path: Path, opened: ExitStack, opening: Opening, device: str = "") -> tuple[InputContainer, VideoStream]:
    """The container and its stream, as `open_video`; errors are those of FFmpeg."""
    accel = HWAccel(device, allow_software_fallback=True) if device else None
    container = opened.enter_context(_container(path, opened, accel, opening.rate))
    stream = film_of(container, path, opening.stream)
    # Frame threads: about 5 times slice threads (PyAV's documentation). A device gains nothing from threads, and each
    # holds a picture of its memory, of which NVIDIA's decoder has 32.
    stream.thread_type = "NONE" if device else "AUTO"
    return container, stream


def _container(path: Path, opened: ExitStack, accel: HWAccel | None, rate: float | None) -> InputContainer:
    """The file, or its numbered pictures, and nothing else that they name."""
    pictures = sequence.find(path)
    form, options = (sequence.FORMAT, pictures.options) if pictures else (None, {})
    limits = {"format_whitelist": form or DEMUXERS, "protocol_whitelist": "file"}
    if rate:
        options["framerate"] = str(sequence.rational(rate))
    try:
        # Absolute, because FFmpeg takes a relative "http:x.mp4" for an address.
        whole = pictures.pattern if pictures else str(path.absolute())
        name: Any = os.fsencode(whole).decode(sys.getfilesystemencoding())
        name.encode("utf-8")
    except UnicodeError as error:
        if pictures:
            raise BadPath(f"{path}: is no UTF-8, and numbered pictures go by their name: rename them") from error
        name = opened.enter_context(path.open("rb"))  # PyAV takes names as UTF-8 only
    how: dict[str, Any] = {"options": options, "container_options": limits, "hwaccel": accel, **ANY_METADATA}
    found: InputContainer = av.open(name, format=form, **how)
    return found


@dataclass(slots=True)
class Extent:
    """How far the packets of a file go, whatever stream they belong to."""

    pictures: int = 0  # packets of the stream of pictures
    corrupt: int = 0  # of these, those that FFmpeg marks: parts may not have arrived (or recordings were joined)
    read_to: int = 0  # byte of the file
    hole_bytes: int = 0  # between packets, that hold none: only where packets lie close together (`CLOSE`)
    ends: dict[int, int] = field(default_factory=dict)  # of each stream, in its ticks
    ticks_s: dict[int, Fraction] = field(default_factory=dict)  # of each stream

    @property
    def end_s(self) -> float:
        """The end of the last packet on the file's own clock; minus infinity before the first."""
        return max((float(end * self.ticks_s[index]) for index, end in self.ends.items()), default=-inf)

    def take(self, packet: Packet[Any], is_picture: bool, close: bool) -> None:
        """Notes a packet."""
        index, stamp = packet.stream_index, packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            if index not in self.ticks_s:  # asked once: PyAV makes a fraction of it each time
                self.ticks_s[index], self.ends[index] = packet.time_base or Fraction(0), stamp
            self.ends[index] = max(self.ends[index], stamp + (packet.duration or 0))
        if is_picture:
            self.pictures += 1
            self.corrupt += packet.is_corrupt
        place = packet.pos
        if place is not None and place >= 0:
            if close:
                hole = place - self.read_to if self.read_to else 0
                self.hole_bytes += hole if hole > HOLE_BYTES else 0
                place = max(self.read_to, place)  # what is laced together lies at one place
            self.read_to = place + packet.size


def packets_of(
    container: InputContainer, stream: VideoStream, extent: Extent | None = None
) -> Iterator[Packet[Any] | None]:
    """Yields the packets of the stream, then None to drain the decoder, also where reading breaks off.

    Args:
        container: opened, with the stream.
        stream: of pictures.
        extent: notes how far all packets go.
    """
    close = container.format.name in CLOSE
    # PyAV raises IndexError at the end of a file in which further streams began on the way (MPEG-TS).
    with suppress(av.error.FFmpegError, IndexError):
        for packet in container.demux(stream if extent is None else tuple(container.streams)):
            wanted = packet.stream_index == stream.index
            if packet.size and extent is not None:
                extent.take(packet, wanted, close)
            if packet.size and wanted:
                yield packet
    yield None


def is_blank(packet: Packet[Any]) -> bool:
    """Returns whether nothing was ever written there, as where a download left zeros for what was to come."""
    return packet.size >= BLANK_BYTES and len(set(memoryview(packet)[:BLANK_BYTES])) == 1


def decoded(stream: VideoStream, packet: Packet[Any] | None) -> list[VideoFrame] | None:
    """Returns the frames that a packet completes; None if it is damaged."""
    try:
        found = stream.codec_context.decode(packet)
    except (av.error.FFmpegError, ValueError):
        return None
    for picture in found:
        settle(picture)
    return found
