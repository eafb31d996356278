"""The only file that opens a video: its container, its stream of pictures, its packets.

Nothing the container says is trusted. Playlists and network protocols are off, so that a text file with
a film's name cannot make the decoder open something else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tagger.errors import BadPath, NoVideoStream, VideoUnreadable, reason

# Every demuxer that holds pictures in the file itself; none that follows names to other files (concat,
# hls, dash, image sequences).
DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,vvc,av1,obu,ivf,flv,live_flv,"
    "kux,asf,wtv,ogg,mxf,gxf,nut,rm,dv,vob,pmp,nsv,swf,smk,bink,roq,amv,mjpeg,vc1,vc1test,dirac,yuv4mpegpipe,gif,apng"
)
# Names in a file's metadata may be in any encoding. PyAV 19 reads any; before, one bad byte made it refuse the film.
ANY_METADATA: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}


def open_video(path: Path, opened: ExitStack) -> tuple[InputContainer, VideoStream]:
    """Returns the container and its stream of pictures, decoded by frame threads; `opened` closes what is open.

    Raises:
        BadPath: no permission.
        VideoUnreadable: FFmpeg knows no format in it, or has no decoder for it.
        NoVideoStream: sound or subtitles only.
    """
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


def packets_of(container: InputContainer, stream: VideoStream) -> Iterator[Packet[Any] | None]:
    """Yields the packets of the stream, then None to drain the decoder, also where reading breaks off."""
    # PyAV raises IndexError at the end of a file in which further streams began on the way (MPEG-TS).
    with suppress(av.error.FFmpegError, IndexError):
        yield from (packet for packet in container.demux(stream) if packet.size)
    yield None


def decoded(stream: VideoStream, packet: Packet[Any] | None) -> list[VideoFrame] | None:
    """Returns the frames that a packet completes; None if it is damaged."""
    try:
        return stream.codec_context.decode(packet)
    except (av.error.FFmpegError, ValueError):
        return None
