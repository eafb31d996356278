"""Where in a film a tag is: runs of neighbouring shots that carry it, from a report (nothing is decoded).

A shot carries its up to three tags, as in the source paper; or, by a threshold, every tag that is probable enough. A
shot that was dropped (black, blank) has no tags, so it parts two runs as any other that does not carry the tag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from numbers import Real
from typing import TYPE_CHECKING

from tagger.errors import BadSettings
from tagger.settings import SIGMOID
from tagger.text import but_alike, moment, printable
from tagger.vocabulary import slug

if TYPE_CHECKING:
    from tagger.records import Boundary, Shot, TaggedShot, TagReport
    from tagger.vocabulary import Group

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
class Subject:
    """A tag that is looked for, or a group of tags."""

    tag: str
    slug: str
    members: tuple[str, ...]  # slugs; of a tag, its own
    trained: bool  # False: nothing knows any of them
    confidence: float | None = None  # that the film shows it; None of a group, or where the report does not say it


@dataclass(frozen=True, slots=True)
class Segments:
    """What was asked of a report, and the answer."""

    report: TagReport
    rule: Rule
    tags: tuple[Subject, ...]  # those asked for, groups first, in this order; else all tags with a segment, best first
    segments: tuple[Segment, ...]  # tag by tag, each in the order of the film

    def of(self, tag: Subject) -> tuple[Segment, ...]:
        """The segments of one tag."""
        return tuple(segment for segment in self.segments if segment.slug == tag.slug)

    def duration_s(self, tag: Subject) -> float:
        """How long the segments of one tag last together."""
        return sum(segment.duration_s for segment in self.of(tag))

    def share(self, tag: Subject) -> float:
        """How much of the film they are, 0 to 1; 0 of a film that lasts no time."""
        length_s = self.report.video.duration_s
        return self.duration_s(tag) / length_s if length_s else 0.0


@dataclass(frozen=True, slots=True)
class _Carrier:
    """A shot that carries a tag."""

    place: int  # among the shots of the report
    shot: Shot
    probability: float


def find(report: TagReport, names: Sequence[str], rule: Rule, groups: Sequence[Group] = ()) -> Segments:
    """Returns the segments of these groups, and of the tags with these names; without any, of every tag that has one.

    Args:
        report: its shots follow one another, as those of a film do.
        names: of tags, or their slugs, in any case.
        rule: when shots make a segment.
        groups: of tags of the report. A shot carries a group as it carries tags: where one of them is among its up to
            three, or where together they are at least as probable as the threshold says.

    Raises:
        BadSettings: no tag of the report has such a name, names those like it; a group has a tag that it has not; or
            groups and tags that are looked for would have one name.
    """
    every = subjects(report)
    asked = tuple(dict.fromkeys([*(_group(every, one) for one in groups), *(named(every, n, report) for n in names)]))
    alike = Counter(one.slug for one in asked)
    if doubled := [one.tag for one in asked if alike[one.slug] > 1]:
        raise BadSettings(
            f"{' and '.join(map(repr, doubled))} would be called alike: ask for one of them, or rename it"
        )
    segments = [segment for one in asked or every.values() for segment in _segments(one, report, rule)]
    present = {segment.slug for segment in segments}
    tags = asked or tuple(one for one in every.values() if one.slug in present)
    return Segments(report, rule, tags, tuple(segments))


def subjects(report: TagReport) -> dict[str, Subject]:
    """Returns all tags of a report, by what they are matched by."""
    return {slug(tag.slug): Subject(tag.tag, tag.slug, (tag.slug,), tag.trained, tag.confidence) for tag in report.tags}


def named(tags: Mapping[str, Subject], name: str, report: TagReport) -> Subject:
    """Returns the tag of this name or slug, in any case.

    Raises:
        BadSettings: there is none, names those like it.
    """
    asked = slug(name)
    if asked not in tags:
        words = printable(report.model.vocabulary)
        raise BadSettings(
            f"tag {name!r}: {words} has no such tag{but_alike(asked, tags)}; "
            f"`movietags vocab show {words}` (or its folder) lists all"
        )
    return tags[asked]


def edges(segments: Segments) -> set[int]:
    """Returns the frames within the film at which segments begin or end."""
    last = segments.report.video.frame_count
    return {frame for one in segments.segments for frame in (one.start_frame, one.end_frame) if 0 < frame < last}


def moved(report: TagReport, starts: Mapping[int, Boundary]) -> TagReport:
    """Returns the report with shots that begin elsewhere, by the frame they began at; none is left without frames."""
    shots = list(report.shots)
    for place in range(1, len(shots)):
        before, here = shots[place - 1 : place + 1]
        new = starts.get(here.start_frame)
        if new and before.start_frame < new.frame < here.end_frame:
            shots[place - 1] = replace(before, end_s=new.time_s, end_frame=new.frame)
            shots[place] = replace(here, start_s=new.time_s, start_frame=new.frame)
    return replace(report, shots=tuple(shots))


def likeliest(report: TagReport, subject: Subject) -> tuple[float, TaggedShot] | None:
    """Returns how probable it is where it is the most, and the first of such shots; None where no shot says."""
    said = [(share, shot) for shot in report.shots if (share := _share(report, shot, subject)) is not None]
    return max(said, key=lambda pair: pair[0], default=None)


def _group(tags: Mapping[str, Subject], group: Group) -> Subject:
    """A group as what is looked for."""
    if missing := [member for member in group.slugs if member not in tags]:
        raise BadSettings(f"group {group.name}: the report has no tag {missing[0]}: it is of another vocabulary")
    members = [tags[member] for member in group.slugs]
    trained = any(member.trained for member in members)
    return Subject(f"{group.name} (group)", f"{slug(group.name)}-group", tuple(one.slug for one in members), trained)


def notes(answer: Segments) -> Iterator[str]:
    """Yields what to know of an answer, a line for each: what a report cannot say, and where a tag nearly is."""
    report, threshold = answer.report, answer.rule.threshold
    if threshold is not None and not report.slugs and report.shots:
        yield (
            f"{report.video.name}: its report is of an earlier version, with up to three tags of each shot: "
            "the threshold counts among these; extract the film again for all"
        )
    for tag in answer.tags:
        if tag.trained and not _carriers(report, tag, threshold) and (likely := likeliest(report, tag)):
            probability, shot = likely
            yield (
                f"{tag.tag}: most probable at {moment(shot.start_s)} ({probability:.2f}), in no shot that counts: "
                f"--threshold takes every shot where it is at least so probable"
            )


def _share(report: TagReport, shot: TaggedShot, subject: Subject) -> float | None:
    """How probable it is in a shot, of a group all of its tags together; None where nothing is said of it.

    Probabilities of softmax are of one tag or another, so that they add up; of others nobody knows how they overlap,
    and the highest counts. In reports of earlier versions, a shot has its up to three tags alone.
    """
    said = dict(zip(report.slugs, shot.probabilities, strict=True)) if shot.probabilities else _first(shot)
    shares = [said[member] for member in subject.members if member in said]
    if not shares:
        return None
    return min(1.0, sum(shares)) if report.model.activation != SIGMOID else max(shares)


def _first(shot: TaggedShot) -> dict[str, float]:
    """How probable each of its up to three tags is in a shot."""
    return {tag.slug: tag.probability for tag in shot.tags}


def _carriers(report: TagReport, subject: Subject, threshold: float | None) -> list[_Carrier]:
    """The shots that carry a tag, or a group."""
    found = []
    for place, shot in enumerate(report.shots):
        if threshold is None:
            own = [share for name, share in _first(shot).items() if name in subject.members]
            share = max(own, default=None)
        else:
            share = _share(report, shot, subject)
        if share is not None and share >= (threshold or 0):
            found.append(_Carrier(place, shot, share))
    return found


def _segments(subject: Subject, report: TagReport, rule: Rule) -> Iterator[Segment]:
    runs: list[list[_Carrier]] = []
    for carrier in _carriers(report, subject, rule.threshold):
        if runs and _belongs(carrier, runs[-1][-1], rule.max_gap_s):
            runs[-1].append(carrier)
        else:
            runs.append([carrier])
    for run in runs:
        segment = _segment(subject, run)
        if segment.duration_s >= rule.min_duration_s - SAME_S:
            yield segment


def _belongs(carrier: _Carrier, last: _Carrier, max_gap_s: float) -> bool:
    """Whether a shot goes on with the run that `last` ends: as its neighbour, or over a gap that is to be closed.

    Without such gaps only neighbours do: in a damaged film a shot between them may have frames and last no time.
    """
    gap_s = carrier.shot.start_s - last.shot.end_s
    return carrier.place == last.place + 1 or 0 < max_gap_s >= gap_s - SAME_S


def _segment(tag: Subject, run: list[_Carrier]) -> Segment:
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
