"""What a film's file claims of it; nobody has checked it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from tagger.settings import RATE_MAX, Opening
from tagger.video import timecode
from tagger.video.streams import own_duration_s
from tagger.video_info import Declared

FROM_ZERO = ("matroska,webm", "nut", "asf")  # formats whose lengths count from their clock's zero, not its start


def declared_by(path: Path, container: InputContainer, stream: VideoStream, opening: Opening) -> Declared:
    """Returns what an opened file says of its stream of pictures; at most a first picture of it is decoded."""
    rate = _rate(stream)
    return Declared(
        _duration_s(container, stream),
        stream.frames or None,
        float(rate) if rate else None,
        *timecode.declared(path, container, stream, opening),
    )


def _rate(stream: VideoStream) -> Fraction | None:
    """Frames a second; of a raw stream, which has no time stamps, FFmpeg's mean is a number that it made up.

    Of a stream that shows one picture FFmpeg's rate is its clock's, 90000 in MPEG-TS.
    """
    mean = None if stream.start_time is None else stream.average_rate
    return next((rate for rate in (mean, stream.guessed_rate) if rate and rate <= RATE_MAX), None)


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    """What the stream, or else the container, says about the length."""
    own_s, whole_s = own_duration_s(stream), container.duration / av.time_base if container.duration else None
    if container.format.name not in FROM_ZERO:
        return own_s or whole_s
    start_s = (container.start_time or 0) / av.time_base
    lengths = [length - start_s for length in (own_s, whole_s) if length and length > start_s]
    return min(lengths, default=None)
