"""How far the tags of two films agree, such as those of a trailer with those of its film: from their reports.

A tag without weight was not found: it is no top tag whatever its rank, and all such tags share the last place in
Kendall's tau-b. That is taken over weights, of which scores are the same but for the scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from tagger.errors import BadReport
from tagger.evaluation.metrics import kendall_tau_b
from tagger.records import SURE, ModelInfo, RankedTag, Scan, TagReport
from tagger.reports.corrections import read_report
from tagger.text import moment, printable
from tagger.vocabulary import slug

TOPS = (3, 5, 10)  # first tags of each film among which those of both are counted
LETTERS_MAX = 28  # of a value, for people: of a checksum that is enough
# Of the settings, these say where the work was done; and these are in `ModelInfo`, `VideoInfo` and `Scan` as what they
# stood for.
NO_DIFFERENCE = frozenset({"batch_size", "device", "hwaccel", "backbone", "vocabulary", "stream", "scan"})
UNKNOWN = "unknown"  # a setting that the other version did not have


@dataclass(frozen=True, slots=True)
class Side:
    """A film, and how its report was made."""

    name: str
    path: str  # of the film, as it was given
    fingerprint: str
    duration_s: float
    shots: int
    kept: int  # shots with a picture to tag
    model: ModelInfo
    scan: Scan
    says_confidence: bool  # False: nothing is known of how sure its tags are

    @classmethod
    def of(cls, report: TagReport) -> Side:
        """Returns what a report says of its film."""
        video, kept = report.video, sum(1 for shot in report.shots if shot.keyframe.kept)
        known = (video.name, video.path, video.fingerprint, video.duration_s)
        return cls(*known, len(report.shots), kept, report.model, report.scan, report.says_confidence)

    def __str__(self) -> str:
        """For people: name and length."""
        return f"{printable(self.name)} ({moment(self.duration_s)})"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something besides the films in which two reports differ, and which may change the tags."""

    what: str
    a: str
    b: str

    def __str__(self) -> str:
        """For people."""
        return f"{self.what} {self.a:.{LETTERS_MAX}} and {self.b:.{LETTERS_MAX}}"


@dataclass(frozen=True, slots=True)
class TagPair:
    """A tag in both films."""

    tag: str
    slug: str
    rank_a: int  # from 1
    rank_b: int
    score_a: float  # 0 to 1
    score_b: float
    difference: float  # score_b - score_a
    weight_a: float  # 0: not found
    weight_b: float
    trained: bool  # for both; False: does not count in tau-b
    confidence_a: float | None  # how probable it is that A shows it, 0 to 1; None: its report does not say
    confidence_b: float | None

    @classmethod
    def of(cls, a: RankedTag, b: RankedTag) -> TagPair:
        """Returns what two reports say of one tag."""
        scores, trained = (a.score, b.score, b.score - a.score), a.trained and b.trained
        confidence = (a.confidence, b.confidence)
        return cls(a.tag, a.slug, a.rank, b.rank, *scores, a.weight, b.weight, trained, *confidence)

    def in_a(self, first: int) -> bool:
        """Whether A has it among so many first tags."""
        return self.weight_a > 0 and self.rank_a <= first

    def in_b(self, first: int) -> bool:
        """Whether B has it among so many first tags."""
        return self.weight_b > 0 and self.rank_b <= first


@dataclass(frozen=True, slots=True)
class Shared:
    """The tags that both films have among their first."""

    first: int  # tags of each film; fewer where fewer have any weight
    possible: int  # as many as the film with fewer of them has
    slugs: tuple[str, ...]  # strongest first


@dataclass(frozen=True, slots=True)
class Sure:
    """The tags that the films surely show, of those of which both reports say how sure; most confident first."""

    both: tuple[str, ...]  # slugs, as the next two
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]

    @classmethod
    def of(cls, tags: Sequence[TagPair]) -> Sure | None:
        """Returns them; None where the reports say of no tag how sure both are."""
        told = [(tag.confidence_a, tag.confidence_b, tag.slug) for tag in tags]
        known = [(a, b, name) for a, b, name in told if a is not None and b is not None]
        known.sort(key=lambda one: -one[0] - one[1])
        kinds = ((True, True), (True, False), (False, True))
        found = (tuple(name for a, b, name in known if (a >= SURE, b >= SURE) == kind) for kind in kinds)
        return cls(*found) if known else None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the tags of two films agree."""

    a: Side
    b: Side
    differs: tuple[Difference, ...]
    shared: tuple[Shared, ...]  # one for each of `TOPS`
    tau_b: float | None  # -1 to 1; None if all weights of a film are the same
    ranked: int  # tags that count in it: those trained for both
    tags: tuple[TagPair, ...]  # all, strongest first: by the sum of both scores
    sure: Sure | None  # None: at least one report does not say it

    def top(self, first: int) -> list[TagPair]:
        """Returns the tags that either film has among so many first, strongest first."""
        return [tag for tag in self.tags if tag.in_a(first) or tag.in_b(first)]

    def notes(self) -> Iterator[str]:
        """Yields what to know of it, a line for each: what else differs, and what one report cannot say."""
        if self.differs:
            yield f"the reports were made differently: {'; '.join(map(str, self.differs))}"
        silent = [side for side in (self.a, self.b) if not side.says_confidence]
        if len(silent) == 1:
            yield (
                f"{printable(silent[0].name)}: its report does not say how sure its tags are (it is of an earlier "
                "version, or of a head that cannot tell): nothing is known of which tags both films are sure of"
            )


def compare(a: TagReport, b: TagReport) -> Agreement:
    """Returns how far the tags of two films agree.

    Raises:
        BadReport: they are not of the same tags.
    """
    of_a, of_b = ({slug(tag.slug): tag for tag in report.tags} for report in (a, b))
    if apart := sorted(of_a.keys() ^ of_b.keys()):
        raise BadReport(
            f"the reports of {a.video.path} and {b.video.path} are of different tags (vocabularies "
            f"{a.model.vocabulary} and {b.model.vocabulary}; in only one of them: {len(apart)}, such as {apart[0]}): "
            f"extract both films with the same --vocab"
        )
    tags = [TagPair.of(tag, of_b[key]) for key, tag in of_a.items()]
    tags.sort(key=lambda tag: (-tag.score_a - tag.score_b, tag.rank_a + tag.rank_b, tag.slug))
    ranked = [tag for tag in tags if tag.trained]
    tau_b = kendall_tau_b(np.array([tag.weight_a for tag in ranked]), np.array([tag.weight_b for tag in ranked]))
    return Agreement(
        Side.of(a),
        Side.of(b),
        _differences(a, b),
        tuple(shared_of(tags, first) for first in TOPS),
        None if math.isnan(tau_b) else tau_b,
        len(ranked),
        tuple(tags),
        Sure.of(tags),
    )


def compare_files(a: Path, b: Path) -> Agreement:
    """Returns how far the tags of two films agree.

    Args:
        a: report of the one, NAME.tags.json.
        b: of the other; may be the same.

    Raises:
        BadPath: no regular file.
        BadReport: no report, or as `compare`.
    """
    return compare(read_report(a), read_report(b))


def shared_of(tags: Sequence[TagPair], first: int) -> Shared:
    """Returns which of these tags both films have among so many first."""
    both = tuple(tag.slug for tag in tags if tag.in_a(first) and tag.in_b(first))
    return Shared(first, min(sum(tag.in_a(first) for tag in tags), sum(tag.in_b(first) for tag in tags)), both)


def _differences(a: TagReport, b: TagReport) -> tuple[Difference, ...]:
    both: list[tuple[str, object, object]] = [("version", a.version, b.version)]
    names = [field.name for field in fields(ModelInfo) if field.name != "activation"]  # it goes with the head
    both += [(name, getattr(a.model, name), getattr(b.model, name)) for name in names]
    both += [("scan", a.scan.used, b.scan.used), ("status", a.status, b.status)]
    both += [("untrained", _untrained(a), _untrained(b))]
    names = sorted({*a.settings, *b.settings} - NO_DIFFERENCE)
    both += [(name, a.settings.get(name, UNKNOWN), b.settings.get(name, UNKNOWN)) for name in names]
    return tuple(Difference(what, str(one), str(other)) for what, one, other in both if one != other)


def _untrained(report: TagReport) -> str:
    return " ".join(sorted(tag.slug for tag in report.tags if not tag.trained)) or "none"
