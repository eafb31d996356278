"""What passes between the stages: frozen, checked, with the unit of every field.

Seconds are float on the presentation clock (0 is where a player starts); frames count from 0 in presentation order.
Seconds are the truth, frames are there to find a picture again: at a variable rate neither converts to the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tagger.frames import frame, table
from tagger.video_info import Amount, Count, VideoInfo

if TYPE_CHECKING:
    from pandas import DataFrame

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FilmProgress = Callable[[float, float | None], None]  # film time read so far and declared length, in seconds
CountProgress = Callable[[int, int], None]  # how many are done, and how many there are
Setting = str | int | float | bool | None
Status = Literal["ok", "truncated", "damaged"]
Share = Annotated[float, Meta(ge=0, le=1)]  # checked in a file by `tagger.typed_json`
DIGITS = 5  # of the probabilities of all tags, after the point: 1,500 shots with 50 tags each stay below 2 MB
TOP_TAGS = 3  # a frame speaks for its three most probable tags (source paper)
PERSON = "person"  # answered for what was put right by hand
SURE = 0.5  # a tag of this confidence or more is one that the film shows; with none, nothing is sure


class Boundary(NamedTuple):
    """Where a shot begins."""

    frame: int
    time_s: float
    sure: float = 1.0
    """Of two that are too near to each other the surer one counts: a probability, or 1 where none is known."""


@dataclass(frozen=True, slots=True)
class Shot:
    """Frames between two boundaries."""

    index: int
    """From 0."""
    start_s: Amount
    end_s: Amount
    """Start of the next shot, or end of the film."""
    start_frame: Count
    end_frame: Count
    """Exclusive."""

    def __post_init__(self) -> None:
        """Checks that the shot has frames and does not end before it starts."""
        if not (0 <= self.start_frame < self.end_frame and self.start_s <= self.end_s):
            raise ValueError(
                f"no shot: frames [{self.start_frame}, {self.end_frame}), {self.start_s} to {self.end_s} s"
            )

    @property
    def duration_s(self) -> float:
        """From its start to its end."""
        return self.end_s - self.start_s

    @property
    def middle_frame(self) -> int:
        """The frame that stands for the shot: start + (number of frames) // 2."""
        return self.start_frame + (self.end_frame - self.start_frame) // 2


@dataclass(frozen=True, slots=True)
class Keyframe:
    """The frame that stands for a shot."""

    frame: Count
    time_s: Amount
    off_middle_frames: Count
    """How many frames it lies from the shot's true middle."""
    entropy_bits: Amount
    """Of its luma, 0 to 8."""
    kept: bool
    """False: too little in it to vote."""


@dataclass(frozen=True, slots=True)
class ScannedShot(Shot):
    """A shot with its keyframe."""

    keyframe: Keyframe


@dataclass(frozen=True, slots=True)
class ShotTag:
    """A tag among the top three of one shot."""

    slug: str
    probability: Share


@dataclass(frozen=True, slots=True)
class TaggedShot(ScannedShot):
    """A shot with its keyframe, and what was found in that."""

    tags: tuple[ShotTag, ...]
    """Best first, up to three; none if the keyframe was dropped or has no evidence."""
    probabilities: tuple[Share, ...] = ()
    """Of every tag, in the order of the report's `slugs`, to five digits; none if the keyframe was dropped, or in
    reports of before they were kept."""


@dataclass(frozen=True, slots=True, eq=False)
class ShotPicture:
    """A shot as the scan hands it on: with the picture of its keyframe, upright and without bars."""

    shot: ScannedShot
    pixels: NDArray[np.uint8]
    """(height, width, 3) RGB; empty when the keyframe was dropped."""

    def __repr__(self) -> str:
        """Shows the size of the picture, not its pixels."""
        return f"ShotPicture({self.shot}, pixels uint8 {self.pixels.shape})"


@dataclass(frozen=True, slots=True, eq=False)
class TagScores:
    """What the head says of n pictures."""

    probabilities: Floats
    """(n, tags), each row sums to 1."""
    evidence: Floats
    """(n, tags), y = ReLU(...): 0 where the head saw nothing."""
    shows: Floats | None = None
    """(n,), how probable it is that a picture shows anything at all, 0 to 1; None: the head cannot tell."""

    def __post_init__(self) -> None:
        """Checks that both tables are of one shape, and that `shows` has a number for each row."""
        if self.probabilities.ndim != 2 or self.probabilities.shape != self.evidence.shape:
            raise ValueError(f"scores of shapes {self.probabilities.shape} and {self.evidence.shape}")
        if self.shows is not None and self.shows.shape != self.probabilities.shape[:1]:
            raise ValueError(f"scores of {len(self.probabilities)} pictures, of which {self.shows.shape} show anything")

    def __repr__(self) -> str:
        """Shows shapes, not numbers."""
        return f"TagScores(probabilities float32 {self.probabilities.shape}, evidence float32 {self.evidence.shape})"


@dataclass(frozen=True, slots=True)
class RankedTag:
    """One line of the answer."""

    rank: Annotated[int, Meta(ge=1)]
    """From 1, without gaps."""
    tag: str
    slug: str
    score: Share
    """R_i, 0 to 1."""
    weight: Amount
    """W_i, 0 to N."""
    frames: Count
    """n_i: kept keyframes that have the tag among their top three."""
    mean_probability: Share
    """Over the kept keyframes."""
    trained: bool
    """False: nothing here knows the tag; it cannot be found."""
    answered_by: str = ""  # reports of before that was known say nothing
    """What its probability comes from: `head`, a package that knows this tag alone, or nothing."""
    confidence: Share | None = None
    """How probable it is that the film really shows it; None where nothing says how sure the head may be."""

    @property
    def sure(self) -> bool:
        """Whether the film shows it, as far as can be told: at a confidence of 0.5 or more."""
        return self.confidence is not None and self.confidence >= SURE


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which knowledge answered."""

    vocabulary: str
    backbone: str
    """Identity: name and feature layer."""
    head_sha256: str
    backbone_sha256: str
    activation: str = ""  # reports of before it was said
    """What gave the probabilities: those of `softmax` sum to 1 in each shot, those of `sigmoid` need not."""


@dataclass(frozen=True, slots=True)
class Scan:
    """How the film was read."""

    asked: str
    used: str
    """`full`: every frame was decoded; `references`: those that others need; `fast`: key frames, and what is between
    them where that may hide a boundary."""
    reason: str
    decoded: Amount | None = None  # so are those below: reports of before it was said
    """Pictures that were decoded, as a share of the film's frames; those that were decoded twice count twice."""
    unseen: Count | None = None
    """Boundaries at key frames by the encoder's word: no frame before them was decoded."""
    agreement: Share | None = None
    """Share of the boundaries at the film's beginning that were found in both of two ways, fast and by decoding; None
    where that was not tried."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """A film that has been read: what is left is to tag its keyframes."""

    video: VideoInfo
    scan: Scan
    shots: tuple[ScannedShot, ...]
    """In order."""
    scan_s: float
    """Seconds that reading it took."""
    status: Status = "ok"
    """Whether it was seen whole."""
    notes: tuple[str, ...] = ()
    """What the reader of its report should know of the file, a line for each."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the seconds went. Stages overlap, so the parts may add up to more than the total."""

    total_s: Amount
    startup_s: Amount
    """Until the network stood ready."""
    scan_s: Amount
    """Decoding, shots and keyframes."""
    infer_s: Amount
    """Network and head."""
    realtime_factor: Amount
    """Film seconds per second."""


@dataclass(frozen=True, slots=True)
class TagReport:
    """Everything that is known of a film after one run."""

    created: str
    """ISO 8601, UTC."""
    version: str
    """Of movietags."""
    video: VideoInfo
    model: ModelInfo
    settings: dict[str, Setting]
    """Every option that changes the result."""
    tags: tuple[RankedTag, ...]
    """All, best first."""
    shots: tuple[TaggedShot, ...]
    status: Status
    """Whether the film was seen whole."""
    scan: Scan
    timing: Timing
    warnings: tuple[str, ...] = ()
    slugs: tuple[str, ...] = ()
    """The tags in the vocabulary's order, that of each shot's `probabilities`; none in reports without them."""

    @property
    def says_confidence(self) -> bool:
        """Whether it says of any tag how sure that is; not where it is old, or its head cannot tell."""
        return any(tag.confidence is not None for tag in self.tags)

    @property
    def sure(self) -> tuple[RankedTag, ...]:
        """The sure tags, most confident first; none where nothing is sure, or nothing says how sure."""
        return tuple(sorted((tag for tag in self.tags if tag.sure), key=lambda tag: -(tag.confidence or 0.0)))

    def to_frame(self) -> DataFrame:
        """Returns a pandas table with a row per tag, best first: the columns of the CSV report."""
        return frame(RankedTag, self.tags, film=self.video.name)

    def shots_frame(self) -> DataFrame:
        """Returns a pandas table with a row per shot: the fields of `TaggedShot`, those of its keyframe and tags too;
        `tags_slug` and `tags_probability` hold tuples; `.explode` of both makes a row for each tag of a shot.
        """
        return frame(TaggedShot, self.shots, film=self.video.name)

    def probabilities_frame(self) -> DataFrame:
        """Returns a pandas table with a row per shot that has probabilities: `index`, `start_s` and `end_s`, and a
        column for each tag, named by its slug, in the vocabulary's order; without rows and tags if the report is old.
        """
        rows = ((s.index, s.start_s, s.end_s, *s.probabilities) for s in self.shots if s.probabilities)
        return table(("index", "start_s", "end_s", *self.slugs), rows)
