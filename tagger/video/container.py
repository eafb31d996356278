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
from itertools import islice
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
from tagger.text import printable
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
TRIED_PACKETS = 100  # for a first picture from a device; more than any decoder holds back


def open_video(
    path: Path, opened: ExitStack, hwaccel: str = "none", number: int | None = None
) -> tuple[InputContainer, VideoStream]:
    """Returns the container and its stream of pictures, decoded by frame threads; `opened` closes what is open.

    The stream is that of this `number`, or the one that `film_of` chooses.

    Where a device of `hwaccel` (`none`, `auto`: any, or one of `hardware_decoders`) can decode this film, it does, and
    its frames come back as ordinary ones. Where none can, one line says why, and the processor does.

    Raises:
        BadPath: no permission.
        VideoUnreadable: FFmpeg knows no format in it, or has no decoder for it.
        NoVideoStream: sound or subtitles only, or no stream of this number.
    """
    refusals = []
    asked = () if hwaccel == "none" else hardware_decoders() if hwaccel == "auto" else (hwaccel,)
    for device in asked:
        try:
            refusal = _refusal(path, device, number)
            if not refusal:
                return _opened(path, opened, device, number)
        except (av.error.FFmpegError, ValueError) as error:
            refusal = f"cannot be used ({reason(error)})"
        refusals.append(f"{device} {refusal}")
    try:
        found = _opened(path, opened, number=number)
    except (av.error.FFmpegError, ValueError) as error:
        if os.path.lexists(path) and not os.access(
            path, os.R_OK
        ):  # not by the kind of error: what is damaged is "not permitted" too
            raise BadPath(f"{path}: no permission to read it") from error
        what = "is empty" if path.is_file() and path.stat().st_size == 0 else "is no video that FFmpeg can open"
        raise VideoUnreadable(f"{path}: {what} ({reason(error)})") from error
    if hwaccel != "none":
        why = ", ".join(refusals) or "this FFmpeg knows no hardware"
        log.info("%s: decoded on the processor: %s", printable(str(path)), why)
    return found


def _refusal(path: Path, device: str, number: int | None) -> str:
    """Why a device does not decode this film, after trying its first picture; nothing if it does."""
    with ExitStack() as tried:
        container, stream = _opened(path, tried, device, number)
        codec = stream.codec_context
        if not codec.is_hwaccel:
            return f"does not decode {codec.name}"
        for packet in islice(packets_of(container, stream), TRIED_PACKETS):
            for picture in decoded(stream, packet) or ():
                # The format of the decoder is that of the device's memory, unless FFmpeg fell back to the processor.
                return "" if picture.format.name != codec.pix_fmt else f"does not decode this {codec.name}"
        return "gave no picture"


def _opened(
    path: Path, opened: ExitStack, device: str = "", number: int | None = None
) -> tuple[InputContainer, VideoStream]:
    """The container and its stream, as `open_video`; errors are those of FFmpeg."""
    limits = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
    accel = HWAccel(device, allow_software_fallback=True) if device else None
    try:
        # Absolute, because FFmpeg takes a relative "http:x.mp4" for an address.
        name: Any = os.fsencode(path.absolute()).decode(sys.getfilesystemencoding())
        name.encode("utf-8")
    except UnicodeError:
        name = opened.enter_context(path.open("rb"))  # PyAV takes names as UTF-8 only
    container = opened.enter_context(av.open(name, container_options=limits, hwaccel=accel, **ANY_METADATA))
    stream = film_of(container, path, number)
    # Frame threads: about 5 times slice threads (PyAV's documentation). A device gains nothing from threads, and each
    # holds a picture of its memory, of which NVIDIA's decoder has 32.
    stream.thread_type = "NONE" if device else "AUTO"
    return container, stream


def packets_of(container: InputContainer, stream: VideoStream) -> Iterator[Packet[Any] | None]:
    """Yields the packets of the stream, then None to drain the decoder, also where reading breaks off."""
    # PyAV raises IndexError at the end of a file in which further streams began on the way (MPEG-TS).
    with suppress(av.error.FFmpegError, IndexError):
        yield from (packet for packet in container.demux(stream) if packet.size)
    yield None


def decoded(stream: VideoStream, packet: Packet[Any] | None) -> list[VideoFrame] | None:
    """Returns the frames that a packet completes; None if it is damaged."""
    try:
        found = stream.codec_context.decode(packet)
    except (av.error.FFmpegError, ValueError):
        return None
    for picture in found:
        settle(picture)
    return found
