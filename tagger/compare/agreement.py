"""How far the tags of two films agree, such as those of a trailer with those of its film: from their reports.

A tag without weight was not found: it is no top tag whatever its rank, and all such tags share the last place in
Kendall's tau-b. That is taken over weights, of which scores are the same but for the scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from tagger.errors import BadPairs, BadPath, BadReport, reason
from tagger.evaluation.metrics import Spread, kendall_tau_b
from tagger.files import regular_file
from tagger.records import ModelInfo, RankedTag, Scan, TagReport
from tagger.reports.json_report import SUFFIX, read_report
from tagger.text import moment, printable, read_csv
from tagger.vocabulary import slug

TOPS = (3, 5, 10)  # first tags of each film among which those of both are counted
LETTERS_MAX = 28  # of a value, for people: of a checksum that is enough
# Of the settings, these say where the work was done; and these are in `ModelInfo`, `VideoInfo` and `Scan` as what they
# stood for.
NO_DIFFERENCE = frozenset({"batch_size", "device", "hwaccel", "backbone", "vocabulary", "stream", "scan"})
UNKNOWN = "unknown"  # a setting that the other version did not have
PAIRS_FORM = "write a header `a,b` or `name,a,b` and a row for each pair of reports"


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

    @classmethod
    def of(cls, report: TagReport) -> Side:
        """Returns what a report says of its film."""
        video, kept = report.video, sum(1 for shot in report.shots if shot.keyframe.kept)
        known = (video.name, video.path, video.fingerprint, video.duration_s)
        return cls(*known, len(report.shots), kept, report.model, report.scan)

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

    @classmethod
    def of(cls, a: RankedTag, b: RankedTag) -> TagPair:
        """Returns what two reports say of one tag."""
        scores = (a.score, b.score, b.score - a.score)
        return cls(a.tag, a.slug, a.rank, b.rank, *scores, a.weight, b.weight, a.trained and b.trained)

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
class Agreement:
    """How far the tags of two films agree."""

    a: Side
    b: Side
    differs: tuple[Difference, ...]
    shared: tuple[Shared, ...]  # one for each of `TOPS`
    tau_b: float | None  # -1 to 1; None if all weights of a film are the same
    ranked: int  # tags that count in it: those trained for both
    tags: tuple[TagPair, ...]  # all, strongest first: by the sum of both scores

    def top(self, first: int) -> list[TagPair]:
        """Returns the tags that either film has among so many first, strongest first."""
        return [tag for tag in self.tags if tag.in_a(first) or tag.in_b(first)]


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of a table of pairs."""

    row: int  # as spreadsheets count: the header is 1
    name: str
    a: Path | None  # of a report; None: the cell is empty
    b: Path | None


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """How far the two films of a row agree."""

    row: int
    name: str
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Average:
    """The mean of one figure over pairs."""

    what: str
    pairs: int  # for which it is defined
    mean: float | None  # None if there are none
    deviation: float | None  # of the sample; None if there is but one

    @classmethod
    def of(cls, what: str, values: Sequence[float]) -> Average:
        """Returns the mean of a figure by its values, one for each pair for which it is defined."""
        spread = Spread.of(values)
        return cls(what, len(values), spread.mean, spread.deviation) if spread else cls(what, 0, None, None)

    def text(self, digits: int) -> str | None:
        """Returns "mean ± deviation" for people; None if there is none."""
        return None if self.mean is None else Spread(self.mean, self.deviation).text(digits)


@dataclass(frozen=True, slots=True)
class PairsAgreement:
    """How far the films of several pairs agree."""

    pairs: tuple[PairAgreement, ...]
    averages: tuple[Average, ...]  # of the tags shared among the first of each of `TOPS`, and of tau-b

    @classmethod
    def of(cls, pairs: Sequence[PairAgreement]) -> PairsAgreement:
        """Returns several pairs with the means over them."""
        agreements = [pair.agreement for pair in pairs]
        counts = [
            Average.of(f"first {first}", [len(agreement.shared[place].slugs) for agreement in agreements])
            for place, first in enumerate(TOPS)
        ]
        tau_b = Average.of("tau-b", [agreement.tau_b for agreement in agreements if agreement.tau_b is not None])
        return cls(tuple(pairs), (*counts, tau_b))


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


def compare_pair(pair: Pair) -> PairAgreement:
    """Returns how far the two films of a row agree.

    Raises:
        BadPairs: a cell is empty.
        BadPath, BadReport: as `compare_files`.
    """
    if pair.a is None or pair.b is None:
        raise BadPairs(f"column {'a' if pair.a is None else 'b'} is empty: name a report")
    return PairAgreement(pair.row, pair.name, compare_files(pair.a, pair.b))


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Returns the rows of a CSV file with columns `a` and `b`, and perhaps `name`, but for empty ones.

    Paths are relative to its folder. A pair without a name is called by the report of its A.

    Raises:
        BadPath: no regular file, or one that may not be read.
        BadPairs: another form, or no row.
    """
    table = regular_file(path)
    try:
        return _pairs(table.read_bytes(), path.parent)
    except OSError as error:
        raise BadPath(f"{path}: cannot be read ({reason(error)})") from error
    except ValueError as error:
        raise BadPairs(f"{path}: no table of pairs ({reason(error)}): {PAIRS_FORM}") from error


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


def _pairs(body: bytes, folder: Path) -> tuple[Pair, ...]:
    table = read_csv(body)
    if not {"a", "b"} <= {*table.columns}:
        raise ValueError(f"its header is {','.join(table.columns)!r:.60}")
    pairs = []
    for row in table.rows:
        if any(row.cells.values()):  # else it is a note beside the table
            a, b = (folder / row.cells[column] if row.cells[column] else None for column in ("a", "b"))
            name = row.cells.get("name") or (a.name.removesuffix(SUFFIX) if a else "")
            pairs.append(Pair(row.number, name, a, b))
    if not pairs:
        raise ValueError("it has no rows")
    return tuple(pairs)
