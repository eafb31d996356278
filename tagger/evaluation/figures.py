"""What predictions are worth when the truth is known: shares, figures per tag and their means, with 95 % intervals.

The intervals are bootstrapped over families: exact and near copies are drawn together, as they are no independent
pictures. Shares, precision, recall and F1 take all resamples that are asked for; average precision and AUC, which must
be summed anew along every tag's order of scores, the first 200 of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.evaluation.intervals import interval
from tagger.evaluation.metrics import Reals, auc, average_precision, balanced, calibration_error, defined_mean, places
from tagger.measured import Estimate
from tagger.records import Bools, Doubles, Ints
from tagger.vocabulary import TAGS_MAX

NOT_FOUND = TAGS_MAX  # the place of a tag without evidence: behind all others, also where there are fewer than five
TOP = (1, 3, 5)  # answers that are looked at
ANSWERED_MIN = 0.5  # probability from which an independent tag is answered
RESAMPLES = 1000
AREA_RESAMPLES = 200
DRAWN_AT_ONCE = 2**22  # numbers: 16 MiB of float32

Counts = NDArray[np.float32]  # whole numbers, exact up to 16 million


@dataclass(frozen=True, slots=True)
class Shares:
    """How often a right tag is found, 0 to 1."""

    top1: float
    top3: float
    top5: float


@dataclass(frozen=True, slots=True)
class TagFigures:
    """One tag, 0 to 1; None where undefined: all of a tag without pictures."""

    slug: str
    images: int
    precision: float | None  # share of the pictures answered with it that are of it; None if there are none
    recall: float | None  # share of its pictures with a right answer; for an independent tag, with this one
    f1: float | None  # harmonic mean of both; 0 if it is never found, also where it is never answered
    average_precision: float | None  # of its probability, its pictures against all others
    auc: float | None  # likewise; None also if there are no others


@dataclass(frozen=True, slots=True)
class Figures:
    """What predictions for n pictures are worth, 0 to 1.

    Each mean is over the tags that have pictures and where the figure is defined: `per_tag` says which are not. Tags
    that are never answered have no precision, so that theirs does not lower its mean; it does lower recall and F1.
    """

    images: int
    top1: Estimate  # share of the pictures with a right tag first
    top3: Estimate
    top5: Estimate
    macro_precision: Estimate | None  # mean over tags, as all below; None if no tag is ever answered
    macro_recall: Estimate
    macro_f1: Estimate
    mean_average_precision: Estimate
    macro_auc: Estimate | None  # None if all pictures are of the same tags
    calibration_error: float  # of the answers' probabilities; of independent tags, all probabilities
    per_tag: tuple[TagFigures, ...]  # of all tags, in the order of the vocabulary


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Which tags are answered and right, (n, tags) each."""

    answered: Bools
    right: Bools
    own: Bools  # the pictures that count as those of a tag
    found: Bools  # of these, which count as found

    def counts(self) -> Bools:
        """Returns (n, 4, tags): what `_rates` takes the sums of."""
        return np.stack([self.answered, self.answered & self.right, self.own, self.own & self.found], 1)


def measure(
    evidence: Reals, probabilities: Reals, right: Bools, slugs: Sequence[str], family: Ints, *,
    independent: bool = False, resamples: int = RESAMPLES, seed: int = 0,
) -> Figures:  # fmt: skip
    """Returns what the predictions for n pictures are worth.

    A picture's answer is the tag with the most evidence, and finds it if it is right. Independent tags (sigmoid) are
    each answered from a probability of 0.5 on, several or none for a picture, and found one by one.

    Args:
        evidence: (n, tags), more is better; 0 is none (ReLU), and what has none is not found.
        probabilities: (n, tags), 0 to 1.
        right: (n, tags), which tags count as right; at least one in each row.
        slugs: of the tags, in order.
        family: (n,), the same number for exact and near copies.
        independent: whether tags do not exclude one another.
        resamples: how often the families are drawn anew, with replacement.
        seed: of these draws.

    Raises:
        ValueError: there are no pictures.
    """
    if not len(right):
        raise ValueError("there are no pictures to measure on")
    family = np.unique(family, return_inverse=True)[1]
    drawn = int(family.max()) + 1
    hits = first_right(evidence, right)[:, None] < np.array(TOP)
    answered = probabilities >= ANSWERED_MIN if independent else answers(evidence)
    judged = Judged(answered, right, right, answered if independent else every_tag(hits[:, 0], len(slugs)))
    top, rates = _resampled_rates(judged, hits, family, resamples, seed)
    areas = _resampled_areas(probabilities, right, family, min(resamples, AREA_RESAMPLES), seed)
    tags = per_tag(slugs, judged, probabilities)
    precision, auc_ = [tag.precision for tag in tags], [tag.auc for tag in tags]
    sure, hit = (probabilities.ravel(), right.ravel()) if independent else (probabilities.max(1), hits[:, 0])
    return Figures(
        images=len(right),
        top1=interval(float(hits[:, 0].mean()), top[:, 0], drawn),
        top3=interval(float(hits[:, 1].mean()), top[:, 1], drawn),
        top5=interval(float(hits[:, 2].mean()), top[:, 2], drawn),
        macro_precision=_macro(precision, rates[:, 0], drawn) if any(p is not None for p in precision) else None,
        macro_recall=_macro([tag.recall for tag in tags], rates[:, 1], drawn),
        macro_f1=_macro([tag.f1 for tag in tags], rates[:, 2], drawn),
        mean_average_precision=_macro([tag.average_precision for tag in tags], areas[:, 0], drawn),
        macro_auc=_macro(auc_, areas[:, 1], drawn) if any(a is not None for a in auc_) else None,
        calibration_error=calibration_error(sure, hit),
        per_tag=tags,
    )


def first_right(evidence: Reals, right: Bools) -> Ints:
    """Returns the place (n,) of the first right tag of each picture, NOT_FOUND if none has any evidence.

    Args:
        evidence: (n, tags), more is better; 0 is none (ReLU). Ties go to the earlier tag.
        right: (n, tags), which tags count as right.
    """
    return np.where(((evidence != 0) & right).any(axis=1), places(evidence, right), NOT_FOUND)


def answers(evidence: Reals) -> Bools:
    """Returns the answer (n, tags) to each picture: its tag with the most evidence; none where no tag has any."""
    return np.asarray((np.arange(evidence.shape[1]) == evidence.argmax(1)[:, None]) & (evidence != 0))


def every_tag(hit: Bools, tags: int) -> Bools:
    """Returns, for pictures with one answer each that hits or not (n,), that of each tag (n, tags)."""
    return np.broadcast_to(hit[:, None], (len(hit), tags))


def shares(place: Ints) -> Shares:
    """Returns the shares of pictures whose first right tag is at `place` (n,)."""
    return Shares(*(float((place < k).mean()) for k in TOP))


def balanced_shares(place: Ints, tag: Ints) -> Shares:
    """Returns the means over tags of the shares of their pictures, `tag` (n,) being the index of each one's."""
    return Shares(*(balanced(place < k, tag) for k in TOP))


def per_tag(slugs: Sequence[str], judged: Judged, probabilities: Reals) -> tuple[TagFigures, ...]:
    """Returns the figures of each tag, from the predictions for n pictures, their probabilities (n, tags)."""
    counted = judged.counts().sum(0, dtype=np.float64)
    precision, recall, f1 = _rates(counted[None])[0]
    answer = []
    for index, slug in enumerate(slugs):
        if not (images := int(counted[2, index])):
            answer.append(TagFigures(slug, 0, None, None, None, None, None))
            continue
        areas = [area(probabilities[:, index], judged.right[:, index]) for area in (average_precision, auc)]
        defined = (precision[index], recall[index], f1[index], *areas)
        answer.append(TagFigures(slug, images, *(None if math.isnan(value) else float(value) for value in defined)))
    return tuple(answer)


def confusion(evidence: Reals, right: Bools) -> Ints:
    """Returns how often each tag (row) was answered with each (column), (tags, tags).

    The answer is the tag with the most evidence; pictures where no tag has any are in no row. A picture of several
    tags stands in the row of its answer if that is right, else in that of its first tag.

    Args:
        evidence: (n, tags), more is better; 0 is none (ReLU).
        right: (n, tags), which tags count as right; at least one in each row.
    """
    answered = answers(evidence)
    answer = answered.argmax(1)
    truth = np.where((answered & right).any(1), answer, right.argmax(1))
    matrix = np.zeros((right.shape[1],) * 2, np.int64)
    np.add.at(matrix, (truth[answered.any(1)], answer[answered.any(1)]), 1)
    return matrix


def _rates(counted: Doubles) -> Doubles:
    """Precision, recall and F1 (b, 3, tags) of the sums (b, 4, tags) of `Judged.counts`; NaN where undefined."""
    answered, confirmed, own, found = counted.transpose(1, 0, 2)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 / 0 is NaN, as it should be
        precision, recall = confirmed / answered, found / own
        f1 = np.where(recall == 0, 0.0, 2 * precision * recall / (precision + recall))
    return np.stack([precision, recall, f1], 1)


def _draws(family: Ints, row: int, resamples: int, seed: int) -> Iterator[Counts]:
    """Yields how often (b, families) each family is drawn, with replacement; b is what fits for rows of that length."""
    rng, families = np.random.default_rng(seed), int(family.max()) + 1
    while resamples > 0:
        some = min(resamples, max(1, DRAWN_AT_ONCE // row))
        drawn = rng.integers(families, size=(some, families)) + families * np.arange(some)[:, None]
        yield np.bincount(drawn.ravel(), minlength=some * families).reshape(some, families).astype(np.float32)
        resamples -= some


def _resampled_rates(judged: Judged, hits: Bools, family: Ints, resamples: int, seed: int) -> tuple[Doubles, Doubles]:
    """Shares (resamples, 3) of pictures that hit (n, 3), and the means (resamples, 3) over tags of `_rates`."""
    tags = judged.right.shape[1]
    rows = np.concatenate([judged.counts().reshape(len(hits), -1), hits, np.ones((len(hits), 1), bool)], 1)
    order = np.argsort(family, kind="stable")
    sums = np.add.reduceat(rows[order], np.flatnonzero(np.diff(family[order], prepend=-1)), dtype=np.float32)
    top, rates = [], []
    for counts in _draws(family, len(sums), resamples, seed):
        drawn = (counts @ sums).astype(np.float64)
        top.append(drawn[:, -4:-1] / drawn[:, -1:])
        found = _rates(drawn[:, : 4 * tags].reshape(-1, 4, tags))
        found[:, :, ~judged.own.any(0)] = np.nan
        rates.append(defined_mean(found))
    return np.concatenate(top), np.concatenate(rates)


def _resampled_areas(probabilities: Reals, right: Bools, family: Ints, resamples: int, seed: int) -> Doubles:
    """The means over tags (resamples, 2) of average precision and AUC."""
    means = []
    for counts in _draws(family, len(right), resamples, seed):
        weight = counts[:, family]
        found = [weighted_areas(score, truth, weight) for score, truth in zip(probabilities.T, right.T, strict=True)]
        means.append(defined_mean(np.stack(found, 2)))
    return np.concatenate(means)


def weighted_areas(score: Reals, positive: Bools, weight: Counts) -> Doubles:
    """Returns average precision and AUC (b, 2) of n pictures for b weights of each: 2 counts as two copies.

    As `metrics.average_precision` and `metrics.auc`, NaN where undefined.

    Args:
        score: (n,), more is better.
        positive: (n,).
        weight: (b, n), whole numbers from 0.
    """
    order = np.argsort(-score, kind="stable")
    first = np.flatnonzero(np.append(True, np.diff(score[order]) != 0))  # of those with the same score
    ups, downs = (
        np.add.reduceat(weight[:, order] * kind, first, axis=1) for kind in (positive[order], ~positive[order])
    )
    above, below = np.cumsum(ups, 1), np.cumsum(downs, 1)
    up, down = above[:, -1].astype(np.float64), below[:, -1].astype(np.float64)
    precision = above / np.maximum(above + below, 1)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 / 0 is NaN, as it should be
        area = (ups * (down[:, None] - below + downs / 2)).sum(1) / (up * down)
        return np.stack([(ups * precision).sum(1) / up, area], 1)


def _macro(values: list[float | None], resampled: Doubles, drawn: int) -> Estimate:
    """The mean over the tags where it is defined, which must be some."""
    return interval(float(np.mean([value for value in values if value is not None])), resampled, drawn)
