"""How good answers are when the truth is known, and means of such figures (pure numpy)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.records import Bools, Doubles, Ints

CALIBRATION_BINS = 15

Reals = NDArray[np.floating]


def places(evidence: Reals, right: Bools) -> Ints:
    """Returns the place (n,) of the best right tag of each row, 0 being first; ties go to the earlier tag.

    Args:
        evidence: (n, tags), more is better.
        right: (n, tags), which tags count as right; at least one in each row.
    """
    order = np.argsort(-evidence, axis=1, kind="stable")
    return np.asarray(np.take_along_axis(right, order, 1).argmax(1))


def balanced(hit: Bools, tag: Ints) -> float:
    """Returns the mean over tags of the share of their pictures that hit (n,)."""
    return float(np.mean([hit[tag == t].mean() for t in np.unique(tag)]))


def average_precision(score: Reals, positive: Bools) -> float:
    """Returns the area under precision over recall, 0 to 1; NaN without a positive. Ties share one threshold."""
    if not positive.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(positive[order])
    last = np.append(np.diff(score[order]) != 0, True)  # of those with the same score
    precision, recall = hits[last] / (np.flatnonzero(last) + 1), hits[last] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def auc(score: Reals, positive: Bools) -> float:
    """Returns the chance that a positive scores above a negative (ties count half), 0 to 1; NaN without both."""
    ups, downs = int(positive.sum()), int((~positive).sum())
    if not ups or not downs:
        return float("nan")
    _, group, size = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(size) - (size - 1) / 2)[group]  # from 1, the mean among ties
    return float((rank[positive].sum() - ups * (ups + 1) / 2) / (ups * downs))


def calibration_error(confidence: Reals, hit: Bools, weight: Reals | None = None) -> float:
    """Returns the expected calibration error: |mean confidence - share of hits| over 15 equal bins of confidence.

    Args:
        confidence: (n,) probability of the first tag, 0 to 1.
        hit: (n,) whether it was right.
        weight: (n,) of each row; all the same by default.
    """
    weight = np.ones(len(hit)) if weight is None else weight
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gap = np.bincount(bins, weight * (confidence - hit), CALIBRATION_BINS)
    return float(np.abs(gap).sum() / weight.sum())


def kendall_tau_b(some: Reals, others: Reals) -> float:
    """Returns how far two rankings of the same n things agree, -1 to 1, ties taken out; NaN if one is all ties.

    (Concordant - discordant pairs) / sqrt(pairs not tied in the one * pairs not tied in the other) (Kendall, 1945).

    Args:
        some: (n,), more is better.
        others: (n,), in the same order of things.
    """
    upper = np.triu_indices(len(some), 1)
    one, other = (np.sign(values[:, None] - values)[upper] for values in (some, others))
    pairs = float((one != 0).sum()) * float((other != 0).sum())
    return float((one * other).sum()) / pairs**0.5 if pairs else float("nan")


def defined_mean(values: Doubles) -> Doubles:
    """Returns the mean along the last axis, without NaN; NaN where there is nothing else."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, as it should be
        return np.asarray(np.where(known, values, 0).sum(-1) / known.sum(-1))


@dataclass(frozen=True, slots=True)
class Spread:
    """The mean of several figures of one kind."""

    mean: float
    deviation: float | None  # of the sample; None if there is but one

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread | None:
        """Returns that of the values that are known, None if none is."""
        known = [value for value in values if value is not None]
        if not known:
            return None
        return cls(float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else None)

    def text(self, digits: int) -> str:
        """Returns "mean ± deviation" for people, with so many digits behind the point."""
        return f"{self.mean:.{digits}f}" + ("" if self.deviation is None else f" ± {self.deviation:.{digits}f}")
