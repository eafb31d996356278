"""What passes between the stages: frozen, checked, with the unit of every field.

Seconds are float on the presentation clock (0 is where a player starts); frames count from 0 in
presentation order. Seconds are the truth, frame numbers are there to find a picture again: with a
variable frame rate they do not convert into each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FilmProgress = Callable[[float, float | None], None]  # film time read so far and declared length, in seconds
CountProgress = Callable[[int, int], None]  # how many are done, and how many there are
Boundary = tuple[int, float]  # where a shot begins: frame, and its time in seconds
TOP_TAGS = 3  # a frame speaks for its three most probable tags (source paper)


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """A film as its decoded frames show it; what the container claims stands apart."""

    path: str  # as given
    name: str  # last component of the path
    size_bytes: int
    fingerprint: str  # of size, head and tail bytes
    duration_s: float  # from the clock's zero to the end of the last frame
    fps: float  # mean rate
    width: int  # pixels, upright
    height: int
    codec: str  # FFmpeg's name
    frame_count: int  # decoded
    declared_duration_s: float | None  # the container's word
    declared_frames: int | None
    decode_failures: int  # packets that gave an error instead of a picture


@dataclass(frozen=True, slots=True)
class Shot:
    """Frames between two boundaries."""

    index: int  # from 0
    start_s: float
    end_s: float  # start of the next shot, or end of the film
    start_frame: int
    end_frame: int  # exclusive

    def __post_init__(self) -> None:
        """Checks that the shot has frames and does not end before it starts."""
        if not (0 <= self.start_frame < self.end_frame and self.start_s <= self.end_s):
            raise ValueError(
                f"no shot: frames [{self.start_frame}, {self.end_frame}), {self.start_s} to {self.end_s} s"
            )

    @property
    def middle_frame(self) -> int:
        """The frame that stands for the shot: start + (number of frames) // 2."""
        return self.start_frame + (self.end_frame - self.start_frame) // 2


@dataclass(frozen=True, slots=True, eq=False)
class Keyframe:
    """The picture of one shot, upright and without bars."""

    shot: Shot
    frame: int
    time_s: float
    entropy_bits: float  # 0 to 8
    kept: bool  # False: too little in it to vote
    pixels: NDArray[np.uint8]  # (height, width, 3) RGB; empty when dropped

    @property
    def off_middle_frames(self) -> int:
        """How many frames it lies from the true middle; 0 unless the shot outgrew the reservoir."""
        return abs(self.frame - self.shot.middle_frame)


@dataclass(frozen=True, slots=True, eq=False)
class TagScores:
    """What the head says of n pictures."""

    probabilities: NDArray[np.float32]  # (n, tags), each row sums to 1
    evidence: NDArray[np.float32]  # (n, tags), y = ReLU(...): 0 where the head saw nothing

    def __post_init__(self) -> None:
        """Checks that both arrays are two-dimensional and of one shape."""
        if self.probabilities.ndim != 2 or self.probabilities.shape != self.evidence.shape:
            raise ValueError(f"scores of shapes {self.probabilities.shape} and {self.evidence.shape}")


@dataclass(frozen=True, slots=True)
class RankedTag:
    """One line of the answer."""

    rank: int  # from 1
    tag: str
    slug: str
    score: float  # R_i, 0 to 1
    weight: float  # W_i, 0 to N
    frames: int  # n_i: kept keyframes that have the tag among their top three
    mean_probability: float  # over the kept keyframes
    trained: bool  # False: the head never saw an example; it cannot be found


@dataclass(frozen=True, slots=True)
class ShotTag:
    """A tag among the top three of one shot."""

    slug: str
    probability: float


@dataclass(frozen=True, slots=True)
class TaggedShot:
    """A shot with what was found in its keyframe."""

    shot: Shot
    frame: int  # of the keyframe
    time_s: float
    off_middle_frames: int
    entropy_bits: float
    kept: bool
    tags: tuple[ShotTag, ...]  # best first, up to three; none if dropped or without evidence


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which knowledge answered."""

    vocabulary: str
    backbone: str  # identity: name and feature layer
    head_sha256: str
    backbone_sha256: str


@dataclass(frozen=True, slots=True)
class Scan:
    """How the film was read."""

    asked: str
    used: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scanned:
    """A film that has been read: what is left is to tag its keyframes."""

    video: VideoInfo
    how: Scan
    frames: tuple[Keyframe, ...]  # one of each shot, in order


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the seconds went. Stages overlap, so the parts may add up to more than the total."""

    total_s: float
    startup_s: float  # until the network stood ready
    scan_s: float  # decoding, shots and keyframes
    infer_s: float  # network and head
    realtime_factor: float  # film seconds per second


@dataclass(frozen=True, slots=True)
class TagReport:
    """Everything that is known of a film after one run."""

    created: str  # ISO 8601, UTC
    version: str  # of movietags
    video: VideoInfo
    model: ModelInfo
    settings: dict[str, str | int | float | None]  # every option that changes the result
    tags: tuple[RankedTag, ...]  # all, best first
    shots: tuple[TaggedShot, ...]
    status: str  # "ok" or "truncated"
    scan: Scan
    timing: Timing
    warnings: tuple[str, ...] = field(default=())
