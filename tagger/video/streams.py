"""Which of a file's streams is the film: the largest that moves, or the one that was asked for."""

from __future__ import annotations

from pathlib import Path

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from tagger.errors import NoVideoStream, VideoUnreadable

PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails  # beside a film, not the film
# Makes another stream better and shows nothing alone, or is not the film as everybody sees it.
FOR_FEW = Disposition.dependent | Disposition.visual_impaired | Disposition.hearing_impaired
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
    return max(readable, key=_worth)


def _worth(stream: VideoStream) -> tuple[bool, bool, int, bool, int]:
    """What speaks for a stream, the weightiest first."""
    codec = stream.codec_context
    moves = stream.frames != 1 and not stream.disposition & Disposition.still_image
    return (
        moves and codec.name not in STILL_CODECS,
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
