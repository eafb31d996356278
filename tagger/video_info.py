"""A film: the file, what it claims of itself, and what was seen. Two people's words, kept apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

# Numbers with bounds, which `tagger.typed_json` checks in a file.
LARGEST = 2**63 - 1  # that every table holds; more is no film's, and would be infinite in milliseconds
Count = Annotated[int, Meta(ge=0, le=LARGEST)]
Amount = Annotated[float, Meta(ge=0, le=LARGEST)]


@dataclass(frozen=True, slots=True)
class Declared:
    """What a file claims of itself; nobody has checked it. None: it says nothing."""

    duration_s: float | None
    frames: int | None
    fps: float | None
    timecode: str | None = None
    """Of its first frame, HH:MM:SS:FF; HH:MM:SS;FF where it drops frame numbers."""
    reel: str | None = None
    """The tape or roll that its timecode is of."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen of a film while it was read."""

    duration_s: Amount
    """From the clock's zero to the end of the last frame."""
    width: Count
    """Pixels, of the first picture, upright."""
    height: Count
    frame_count: Count
    """Decoded; in a fast scan, counted from packets."""
    decode_failures: Count
    """Packets that gave no whole picture: an error, nothing, or one that is known to be corrupt."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """A film: the file, what it claims of itself, and what was seen."""

    path: str
    """As given."""
    name: str
    """The last component of the path."""
    size_bytes: Count
    fingerprint: str
    """Of size, head and tail bytes; of numbered pictures, of names and sizes, and of the first and the last."""
    codec: str
    """FFmpeg's name."""
    fps: float
    """Frames a second, as seen: their number over the time they last."""
    declared: Declared
    observed: Observed
    stream: Count | None = None  # reports of before say nothing
    """Which stream of the file the pictures are, from 0."""

    @property
    def duration_s(self) -> float:
        """Its length, as observed."""
        return self.observed.duration_s

    @property
    def frame_count(self) -> int:
        """Its frames, as observed."""
        return self.observed.frame_count

    @property
    def width(self) -> int:
        """Pixels, as observed."""
        return self.observed.width

    @property
    def height(self) -> int:
        """Pixels, as observed."""
        return self.observed.height
