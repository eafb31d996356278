"""The timecode of a film's first frame, as its file has it: in a header or track of its own, or beside the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from tagger.errors import MovieTagsError
from tagger.settings import Opening
from tagger.timecode import numbering, spelled
from tagger.video.container import TRIED_PACKETS, decoded, open_video, packets_of

TIMECODE, REEL = "timecode", "reel_name"  # FFmpeg's names of them
# Codecs that have a place for timecode: in the header of a group (MPEG), within a frame (subcode of DV, television
# header of DPX), beside a picture (SEI of H.264 and HEVC), which FFmpeg's decoders hand on.
MPEG, WITHIN, BESIDE = ("mpeg1video", "mpeg2video"), ("dvvideo", "dpx"), ("h264", "hevc")
GROUP_START, PICTURE_START = b"\0\0\1\xb8", b"\0\0\1\0"
SUBCODE, TIMECODE_PACK = 86, 0x13  # where a frame of DV has its first pack of subcode, and which pack is timecode
DPX_TIMECODE, DPX_UNDEFINED = 1920, (0, 0xFFFFFFFF)  # where a DPX has it; what stands there when there is none


def declared(
    path: Path, container: InputContainer, stream: VideoStream, opening: Opening
) -> tuple[str | None, str | None]:
    """Returns the timecode of the first frame, as `tagger.timecode.spelled`, and the reel; None where there is none.

    What the container says goes first: where a film was cut out of a longer one it was set anew.
    """
    fps = float(stream.guessed_rate or 0)
    codes = (spelled(text, fps) for text in _said(container, stream, TIMECODE))
    code = next((code for code in codes if code), None) or spelled(
        _coded(path, stream.codec_context.name, fps, opening), fps
    )
    return code, next(_said(container, stream, REEL), None)


def _said(container: InputContainer, stream: VideoStream, name: str) -> Iterator[str]:
    """What a tag says: of the stream itself, of a track of timecode beside it, of the file; in any case (Matroska)."""
    beside = [other.metadata for other in container.streams if other.type == "data"]
    for tags in (stream.metadata, *beside, container.metadata):
        yield from (text.strip() for key, text in tags.items() if key.lower() == name and text.strip())


def _coded(path: Path, codec: str, fps: float, opening: Opening) -> str:
    """What stands in the stream, at the first picture; nothing if that says none."""
    if codec not in (*MPEG, *WITHIN, *BESIDE):
        return ""
    with ExitStack() as opened, suppress(av.error.FFmpegError, MovieTagsError, OSError):
        container, stream = open_video(path, opened, opening)
        stream.thread_type = "NONE"
        for packet in islice(packets_of(container, stream), TRIED_PACKETS):
            if codec in WITHIN and packet:
                return _of_dv(bytes(packet)) if codec == "dvvideo" else _of_dpx(bytes(packet))
            if codec in MPEG:
                if packet and packet.is_keyframe:
                    return _of_group(bytes(packet), fps)
                continue
            for picture in decoded(stream, packet) or ():
                return str(getattr(picture, "metadata", {}).get(TIMECODE, ""))  # PyAV 17 has no metadata of frames
    return ""


def _of_group(data: bytes, fps: float) -> str:
    """Of MPEG: the timecode of the first picture that can be decoded.

    A group says that of its first picture in order of display. Where it is open (as in a film that was cut out of
    another) the pictures before the key frame need the group before, and FFmpeg leaves them out.
    """
    group = data.find(GROUP_START) + len(GROUP_START)
    picture = data.find(PICTURE_START, group) + len(PICTURE_START)
    if group < len(GROUP_START) or picture < len(PICTURE_START) or len(data) < picture + 2:
        return ""
    bits = int.from_bytes(data[group : group + 4], "big")
    hours, minutes, seconds, frames = (bits >> low & mask for low, mask in ((26, 31), (20, 63), (13, 63), (7, 63)))
    code = f"{hours:02}:{minutes:02}:{seconds:02}{';' if bits >> 31 else ':'}{frames:02}"
    numbers, closed = numbering(fps, code), bits >> 6 & 1
    first, before = numbers.frame(code), data[picture] << 2 | data[picture + 1] >> 6
    return code if closed or first is None else numbers.code(first + before)


def _of_dv(data: bytes) -> str:
    """Of DV: the digits of a frame's first pack of subcode."""
    if len(data) < SUBCODE + 5 or data[SUBCODE] != TIMECODE_PACK:
        return ""
    frames, seconds, minutes, hours = data[SUBCODE + 1 : SUBCODE + 5]
    drop = ";" if frames & 0x40 else ":"
    return f"{hours & 0x3F:02x}:{minutes & 0x7F:02x}:{seconds & 0x7F:02x}{drop}{frames & 0x3F:02x}"


def _of_dpx(data: bytes) -> str:
    """Of DPX: the digits of its word, if the header goes so far."""
    order: Literal["big", "little"] = "big" if data.startswith(b"SDPX") else "little"
    header, word = (int.from_bytes(data[at : at + 4], order) for at in (4, DPX_TIMECODE))
    digits = "" if word in DPX_UNDEFINED or header < DPX_TIMECODE + 4 else f"{word:08x}"
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
