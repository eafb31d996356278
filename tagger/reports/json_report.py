"""The JSON report, schema movietags/1: written the same for the same film, read with tolerance for the future."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path

from tagger.errors import BadPath, BadReport, reason
from tagger.files import regular_file
from tagger.records import DIGITS, ModelInfo, RankedTag, Scan, Setting, Status, TaggedShot, TagReport, Timing
from tagger.settings import SOFTMAX
from tagger.typed_json import at_once, convert, parse
from tagger.video_info import Amount, Count, Declared, Observed, VideoInfo

SCHEMA = "movietags/1"
SCHEMA_FILE = Path(__file__).with_name("schema.json")
SUFFIX = ".tags.json"
REPORT_BYTES_MAX = 2**30  # a shot takes about 900 bytes
ROUNDED, SUM_OFF = 0.5 * 10**-DIGITS, 1e-3  # how far a probability is from what it was, and their sum from 1
NUMBERS = re.compile(r"\[\n([-+.,\dEe\s]+)\]")  # a line break stands in no text of JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class _Video:
    """A film as the schema has it; fields and their order are those of the file."""

    path: str
    name: str
    size_bytes: Count
    fingerprint: str
    duration_s: Amount
    fps: float
    width: Count
    height: Count
    codec: str
    frame_count: Count
    declared_duration_s: float | None
    declared_frames: int | None
    # The first reports had none of these.
    declared_fps: float | None = None
    declared_timecode: str | None = None
    declared_reel: str | None = None
    stream: Count | None = None
    decode_failures: Count

    @classmethod
    def of(cls, video: VideoInfo) -> _Video:
        facts = asdict(video)
        declared = {f"declared_{name}": value for name, value in facts.pop("declared").items()}
        return cls(**facts.pop("observed"), **declared, **facts)

    def info(self) -> VideoInfo:
        declared = Declared(
            self.declared_duration_s,
            self.declared_frames,
            self.declared_fps,
            self.declared_timecode,
            self.declared_reel,
        )
        observed = Observed(self.duration_s, self.width, self.height, self.frame_count, self.decode_failures)
        file = (self.path, self.name, self.size_bytes, self.fingerprint, self.codec, self.fps)
        return VideoInfo(*file, declared, observed, self.stream)


@dataclass(frozen=True, slots=True)
class _Tool:
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """A report as the schema has it: fields and their order are those of the file."""

    schema: str
    created: str
    tool: _Tool
    video: _Video
    model: ModelInfo
    settings: dict[str, Setting]
    tags: tuple[RankedTag, ...]
    slugs: tuple[str, ...] = ()  # the first reports had none
    shots: tuple[TaggedShot, ...]
    status: Status
    warnings: tuple[str, ...]
    scan: Scan
    timing: Timing

    def __post_init__(self) -> None:
        """Checks what each tag and shot for itself cannot: that tags are ranked, once each, and shots in order."""
        for place, tag in enumerate(self.tags, 1):
            if tag.rank != place:
                raise ValueError(f"tags[{place - 1}], {tag.slug!r}, has rank {tag.rank}")
        if len({tag.slug for tag in self.tags}) < len(self.tags):
            raise ValueError("tags: one has two ranks")
        for place, shot in enumerate(self.shots):
            if shot.index != place:
                raise ValueError(f"shots[{place}] has index {shot.index}")
        for shot, following in pairwise(self.shots):
            if following.start_frame < shot.end_frame or following.start_s < shot.end_s:
                raise ValueError(f"shots[{following.index}] begins before the one before it ends")
        self._check_probabilities()

    def _check_probabilities(self) -> None:
        """Checks that shots say of as many tags as there are how probable they are, and those of softmax sum to 1."""
        if self.slugs and sorted(self.slugs) != sorted(tag.slug for tag in self.tags):
            raise ValueError("slugs: are not those of the tags")
        softmax, off = self.model.activation == SOFTMAX, ROUNDED * len(self.slugs) + SUM_OFF
        for place, shot in enumerate(self.shots):
            count = len(shot.probabilities)
            if count and count != len(self.slugs):
                raise ValueError(f"shots[{place}] has {count} probabilities, slugs names {len(self.slugs)} tags")
            if count and not shot.keyframe.kept:
                raise ValueError(f"shots[{place}] has probabilities of a keyframe that was not kept")
            if self.slugs and shot.keyframe.kept and not count:
                raise ValueError(f"shots[{place}] has a kept keyframe and no probabilities")
            if softmax and count and abs((total := sum(shot.probabilities)) - 1) > off:
                raise ValueError(f"shots[{place}] has probabilities that sum to {total:.4f}, not to 1")

    @classmethod
    def of(cls, report: TagReport) -> _Document:
        own = {name: getattr(report, name) for name in _ALIKE}
        return cls(schema=SCHEMA, tool=_Tool(report.version), video=_Video.of(report.video), **own)

    def report(self) -> TagReport:
        own = {name: getattr(self, name) for name in _ALIKE}
        return TagReport(version=self.tool.version, video=self.video.info(), **own)


_ALIKE = [field.name for field in fields(_Document) if field.name not in ("schema", "tool", "video")]


def video_facts(video: VideoInfo) -> dict[str, object]:
    """Returns what is known of a film as the schema has it: flat, what was observed under plain names."""
    return asdict(_Video.of(video))


def as_json(report: TagReport) -> str:
    """Returns the report as JSON text.

    Numbers are not rounded, text is ASCII, and "<" is written as an escape so that the text can stand inside a web
    page whatever a film is called.

    Raises:
        ValueError: a number is NaN or infinite, or tags or shots are not in order; `read_report` would refuse them.
    """
    text = json.dumps(asdict(_Document.of(report)), indent=1, allow_nan=False)
    text = NUMBERS.sub(lambda lines: f"[{' '.join(lines[1].split())}]", text)
    return text.replace("<", "\\u003c") + "\n"


def stem_of(report: Path) -> Path:
    """Returns NAME of a report NAME.tags.json, with its folder: what lies beside it is called so, too."""
    return report.with_name(report.name.removesuffix(SUFFIX))


def read_report(path: Path | str) -> TagReport:
    """Returns a report that was written by this or a later version; fields it does not know are left out.

    Raises:
        BadPath: no regular file, or one that may not be read. (A missing one is a FileNotFoundError, too.)
        BadReport: no JSON, another schema, or a field that is missing, of another kind or out of its bounds.
    """
    return report_in(path, body_of(path))


def body_of(path: Path | str) -> bytes:
    """Returns the bytes of a report, not yet checked.

    Raises:
        BadPath: as `read_report`.
    """
    try:
        with regular_file(Path(path)).open("rb") as file:
            return file.read(REPORT_BYTES_MAX)  # cut off, it is no JSON
    except BadPath:
        raise
    except OSError as error:
        raise BadPath(f"{path}: cannot be read ({reason(error)})") from error


def report_in(path: Path | str, body: bytes) -> TagReport:
    """Returns the report that these bytes hold.

    Args:
        path: where they are from, for what is said of them.
        body: as `body_of` gives them.

    Raises:
        BadReport: as `read_report`.
    """
    quick = at_once(_Document, body)
    if quick is not None and quick.schema == SCHEMA:
        return quick.report()
    try:
        document = parse(body)
    except ValueError as error:
        raise BadReport(
            f"{path}: is not JSON ({reason(error)}): name a report, NAME{SUFFIX} of `movietags extract -o DIR`"
        ) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise BadReport(f"{path}: schema {schema!r:.60}, this version reads {SCHEMA!r}")
    try:
        return convert(_Document, document).report()
    except ValueError as error:
        raise BadReport(f"{path}: does not follow schema {SCHEMA} ({reason(error)}): extract its film again") from error
