"""Where in a film a tag is: runs of neighbouring shots that carry it, from a report (nothing is decoded).

A shot carries its up to three tags, as in the source paper; or, by a threshold, every tag that is probable enough. A
shot that was dropped (black, blank) has no tags, so it parts two runs as any other that does not carry the tag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import inf
from numbers import Real
from typing import TYPE_CHECKING

from tagger.errors import BadSettings
from tagger.text import moment
from tagger.vocabulary import slug

if TYPE_CHECKING:
    from tagger.records import RankedTag, Shot, TaggedShot, TagReport

ALIKE = 0.5  # how like a tag (difflib's ratio) a name must be for the tag to be meant: "car" names "car-chase"
SAME_S = 1e-6  # a gap of 50 frames may come out as 2.0000000000000018 s


@dataclass(frozen=True, slots=True)
class Rule:
    """When shots make a segment.

    Raises:
        BadSettings: a value outside its range, named with the range.
    """

    threshold: float | None = None  # 0 to 1; a shot carries what is at least so probable. None: its up to three tags
    max_gap_s: float = 0.0  # segments no farther apart are joined
    min_duration_s: float = 0.0  # shorter ones are dropped, after joining

    def __post_init__(self) -> None:
        """Checks the ranges; NaN is in none."""
        for name in ("threshold", "max_gap_s", "min_duration_s"):
            if not isinstance(getattr(self, name), Real) and (name, getattr(self, name)) != ("threshold", None):
                raise BadSettings(f"{name} = {getattr(self, name)!r}: takes a number")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise BadSettings(f"threshold = {self.threshold}: from 0 to 1")
        for name, value in (("max_gap_s", self.max_gap_s), ("min_duration_s", self.min_duration_s)):
            if not 0 <= value < inf:
                raise BadSettings(f"{name} = {value}: seconds, from 0")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the film that carries a tag."""

    tag: str
    slug: str
    start_s: float
    end_s: float
    start_frame: int
    end_frame: int  # exclusive
    shots: int  # that carry the tag; those in a gap that was closed do not count
    probability: float  # mean over these shots, weighted by their duration
    highest_probability: float

    @property
    def duration_s(self) -> float:
        """From its start to its end, closed gaps too."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Segments:
    """What was asked of a report, and the answer."""

    report: TagReport
    rule: Rule
    tags: tuple[RankedTag, ...]  # those asked for, in this order; else all with a segment, best first
    segments: tuple[Segment, ...]  # tag by tag, each in the order of the film

    def of(self, tag: RankedTag) -> tuple[Segment, ...]:
        """The segments of one tag."""
        return tuple(segment for segment in self.segments if segment.slug == tag.slug)

    def duration_s(self, tag: RankedTag) -> float:
        """How long the segments of one tag last together."""
        return sum(segment.duration_s for segment in self.of(tag))

    def share(self, tag: RankedTag) -> float:
        """How much of the film they are, 0 to 1; 0 of a film that lasts no time."""
        length_s = self.report.video.duration_s
        return self.duration_s(tag) / length_s if length_s else 0.0


@dataclass(frozen=True, slots=True)
class _Carrier:
    """A shot that carries a tag."""

    place: int  # among the shots of the report
    shot: Shot
    probability: float


def find(report: TagReport, names: Sequence[str], rule: Rule) -> Segments:
    """Returns the segments of the tags with these names; without names, of every tag that has one.

    Args:
        report: its shots follow one another, as those of a film do.
        names: of tags, or their slugs, in any case.
        rule: when shots make a segment.

    Raises:
        BadSettings: no tag of the report has such a name; names those like it.
    """
    asked = tuple(dict.fromkeys(_named(report, name) for name in names))
    carriers = _carriers(report, rule.threshold)
    segments = [segment for tag in asked or report.tags for segment in _segments(tag, carriers.get(tag.slug, ()), rule)]
    present = {segment.slug for segment in segments}
    tags = asked or tuple(tag for tag in report.tags if tag.slug in present)
    return Segments(report, rule, tags, tuple(segments))


def _named(report: TagReport, name: str) -> RankedTag:
    """The tag of this name or slug, in any case."""
    tags = {slug(tag.slug): tag for tag in report.tags}
    asked = slug(name)
    if asked not in tags:
        close = ", ".join(get_close_matches(asked, tags, cutoff=ALIKE))
        words = report.model.vocabulary
        raise BadSettings(
            f"tag {name!r}: {words} has no such tag{f', but {close}' if close else ''}; "
            f"`movietags vocab show {words}` (or its folder) lists all"
        )
    return tags[asked]


def notes(answer: Segments) -> Iterator[str]:
    """Yields what to know of an answer, a line for each: what a report cannot say, and where a tag nearly is."""
    report, threshold = answer.report, answer.rule.threshold
    if threshold is not None and not report.slugs and report.shots:
        yield (
            f"{report.video.name}: its report is of an earlier version, with up to three tags of each shot: "
            "the threshold counts among these; extract the film again for all"
        )
    carried = _carriers(report, threshold)
    for tag in answer.tags:
        if tag.trained and tag.slug not in carried and (likely := _likeliest(report, tag.slug)):
            probability, shot = likely
            yield (
                f"{tag.tag}: most probable at {moment(shot.start_s)} ({probability:.2f}), in no shot that counts: "
                f"--threshold takes every shot where it is at least so probable"
            )


def _likeliest(report: TagReport, slug: str) -> tuple[float, TaggedShot] | None:
    """Where a tag is the most probable, the first of such places; None where no shot says."""
    said = [(shares[slug], shot) for shot in report.shots if slug in (shares := _shares(report, shot))]
    return max(said, key=lambda pair: pair[0], default=None)


def _shares(report: TagReport, shot: TaggedShot) -> dict[str, float]:
    """How probable each tag is in a shot; in reports of earlier versions, each of its up to three."""
    if shot.probabilities:
        return dict(zip(report.slugs, shot.probabilities, strict=True))
    return {tag.slug: tag.probability for tag in shot.tags}


def _carriers(report: TagReport, threshold: float | None) -> dict[str, list[_Carrier]]:
    """The shots that carry each tag, by its slug."""
    found: dict[str, list[_Carrier]] = {}
    for place, shot in enumerate(report.shots):
        shares = {tag.slug: tag.probability for tag in shot.tags} if threshold is None else _shares(report, shot)
        for name, probability in shares.items():
            if threshold is None or probability >= threshold:
                found.setdefault(name, []).append(_Carrier(place, shot, probability))
    return found


def _segments(tag: RankedTag, carriers: Iterable[_Carrier], rule: Rule) -> Iterator[Segment]:
    runs: list[list[_Carrier]] = []
    for carrier in carriers:
        if runs and _belongs(carrier, runs[-1][-1], rule.max_gap_s):
            runs[-1].append(carrier)
        else:
            runs.append([carrier])
    for run in runs:
        segment = _segment(tag, run)
        if segment.duration_s >= rule.min_duration_s - SAME_S:
            yield segment


def _belongs(carrier: _Carrier, last: _Carrier, max_gap_s: float) -> bool:
    """Whether a shot goes on with the run that `last` ends: as its neighbour, or over a gap that is to be closed.

    Without such gaps only neighbours do: in a damaged film a shot between them may have frames and last no time.
    """
    gap_s = carrier.shot.start_s - last.shot.end_s
    return carrier.place == last.place + 1 or 0 < max_gap_s >= gap_s - SAME_S


def _segment(tag: RankedTag, run: list[_Carrier]) -> Segment:
    first, last = run[0].shot, run[-1].shot
    lengths = [carrier.shot.end_s - carrier.shot.start_s for carrier in run]
    weights = lengths if sum(lengths) > 0 else [1.0] * len(run)
    return Segment(
        tag.tag,
        tag.slug,
        first.start_s,
        last.end_s,
        first.start_frame,
        last.end_frame,
        len(run),
        sum(weight * carrier.probability for weight, carrier in zip(weights, run, strict=True)) / sum(weights),
        max(carrier.probability for carrier in run),
    )
