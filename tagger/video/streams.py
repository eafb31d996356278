"""Which of a file's streams is the film: the largest that moves, or the one that was asked for."""

from __future__ import annotations

import re
from pathlib import Path

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from tagger.errors import NoVideoStream, VideoUnreadable

PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails  # beside a film, not the film
# Makes another stream better and shows nothing alone, or is not the film as everybody sees it.
FOR_FEW = Disposition.dependent | Disposition.visual_impaired | Disposition.hearing_impaired
TAG_DURATION = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")
LASTS = 0.5  # share of the longest stream: what ends earlier is not the film, however large
STILL_CODECS = {"mjpeg", "png", "apng", "bmp", "gif", "webp", "tiff", "jpegxl"}  # of covers and previews, beside others


def film_of(container: InputContainer, path: Path, number: int | None = None) -> VideoStream:
    """Returns the stream of pictures that is the film.

    Args:
        container: opened.
        path: its file, for errors.
        number: of the stream in the file, from 0; None: the largest that moves, of equal ones that for everybody.

    Raises:
        NoVideoStream: there is none, or none of this number; says which there are.
        VideoUnreadable: FFmpeg has no decoder for it.
    """
    streams = [stream for stream in container.streams.video if number in (None, stream.index)]
    if number is None:
        streams = [stream for stream in streams if not stream.disposition & PICTURES]
    if not streams and number is not None and container.streams.video:
        there = ", ".join(map(_named, container.streams.video))
        raise NoVideoStream(f"{path}: its stream {number} holds no pictures; there are {there}")
    if not streams:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing at all"
        raise NoVideoStream(f"{path}: holds no video stream ({kinds})")
    if not (readable := [stream for stream in streams if stream.codec_context is not None]):
        raise VideoUnreadable(f"{path}: no decoder for its video stream")
    longest_s = max((own_duration_s(stream) or 0.0 for stream in readable), default=0.0)
    return max(readable, key=lambda stream: _worth(stream, longest_s))


def own_duration_s(stream: VideoStream) -> float | None:
    """Returns the length in seconds that the file gives for this stream alone, in Matroska by a tag; None: none."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    tags = (text.strip() for key, text in stream.metadata.items() if key.startswith("DURATION"))
    found = next((match for match in map(TAG_DURATION.fullmatch, tags) if match), None)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


def _worth(stream: VideoStream, longest_s: float) -> tuple[bool, bool, bool, int, bool, int]:
    """What speaks for a stream, the weightiest first."""
    length_s = own_duration_s(stream)
    codec = stream.codec_context
    moves = stream.frames != 1 and not stream.disposition & Disposition.still_image
    return (
        moves and codec.name not in STILL_CODECS,
        length_s is None or length_s >= LASTS * longest_s,
        not stream.disposition & FOR_FEW,
        codec.width * codec.height,
        bool(stream.disposition & Disposition.default),
        -stream.index,
    )


def _named(stream: VideoStream) -> str:
    """Its number, codec and size."""
    codec = stream.codec_context
    what = f"{codec.name} {codec.width}x{codec.height}" if codec is not None else "without a decoder"
    return f"{stream.index}: {what}{', a cover' if stream.disposition & PICTURES else ''}"
