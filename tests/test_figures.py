"""Figures worked out by hand, against their definitions spelled out, and resampled picture by picture."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.evaluation.figures import (
    NOT_FOUND,
    Figures,
    TagFigures,
    answers,
    confusion,
    first_right,
    measure,
    weighted_areas,
)
from tagger.evaluation.metrics import Reals, auc, average_precision
from tagger.measured import Estimate
from tagger.records import Bools, Ints

SLUGS = ("action", "war", "wedding", "zebra")


@dataclass(frozen=True)
class Predicted:
    """Predictions of n pictures, and the truth."""

    evidence: Reals
    right: Bools
    family: Ints

    @property
    def probabilities(self) -> Reals:
        """Of a softmax."""
        grown = np.exp(self.evidence)
        return np.asarray(grown / grown.sum(1, keepdims=True))

    def measured(self, **more: Any) -> Figures:
        return measure(self.evidence, self.probabilities, self.right, SLUGS, self.family, **more)


@st.composite
def predictions(draw: st.DrawFn) -> Predicted:
    """Of few values, so that there are ties; some pictures are of several tags, some tags have none."""
    n = draw(st.integers(1, 12))
    evidence = draw(st.lists(st.lists(st.integers(0, 4), min_size=4, max_size=4), min_size=n, max_size=n))
    tags = draw(st.lists(st.sets(st.integers(0, 3), min_size=1, max_size=3), min_size=n, max_size=n))
    right = np.array([[tag in own for tag in range(4)] for own in tags])
    family = draw(st.lists(st.integers(-3, 3), min_size=n, max_size=n))
    return Predicted(np.array(evidence) / 2, right, np.array(family))


def wilson(value: float, n: int) -> tuple[float, float]:
    """Where the share that was found lies 1.96 deviations of a true one from it, by a search."""
    true = np.linspace(0, 1, 100_001)
    within = np.abs(value - true) <= 1.96 * np.sqrt(true * (1 - true) / n) + 1e-12
    return float(true[within].min()), float(true[within].max())


def certain(*tags: int) -> Reals:
    """Evidence for these tags only."""
    return np.array([[2.0 * (tag == answer) for tag in range(4)] for answer in tags])


def truth(*tags: int) -> Bools:
    return certain(*tags) > 0


def mean(values: list[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else math.nan


def value(estimate: Estimate | None) -> float:
    return math.nan if estimate is None else estimate.value


# Known cases.


def test_all_right() -> None:
    found = Predicted(certain(0, 1, 1, 2), truth(0, 1, 1, 2), np.arange(4)).measured()
    estimate = Estimate(1, pytest.approx(wilson(1, 4)[0], abs=1e-4), 1)  # type: ignore[arg-type]
    assert found.top1 == found.top3 == found.top5 == estimate
    assert found.macro_precision == found.macro_recall == found.macro_f1 == estimate
    assert found.mean_average_precision == found.macro_auc == estimate
    assert (found.images, found.per_tag[1]) == (4, TagFigures("war", 2, 1.0, 1.0, 1.0, 1.0, 1.0))


def test_all_wrong() -> None:
    found = Predicted(certain(1, 0), truth(0, 1), np.arange(2)).measured()
    estimate = Estimate(0, 0, pytest.approx(wilson(0, 2)[1], abs=1e-4))  # type: ignore[arg-type]
    assert found.top1 == found.top3 == found.top5 == estimate  # no evidence at all for what is right
    assert found.macro_precision == found.macro_recall == found.macro_f1 == estimate
    assert (value(found.macro_auc), found.mean_average_precision.value) == (0, 0.5)
    assert found.calibration_error == pytest.approx(math.exp(2) / (math.exp(2) + 3))


def test_tags_without_pictures_have_no_figures_and_are_in_no_mean() -> None:
    found = Predicted(certain(0, 3, 1), truth(0, 0, 1), np.arange(3)).measured()
    assert found.per_tag[3] == TagFigures("zebra", 0, None, None, None, None, None)
    assert found.macro_recall.value == pytest.approx((1 / 2 + 1) / 2)
    assert value(found.macro_precision) == 1.0


def test_a_tag_never_answered_lowers_recall_and_f1_but_has_no_precision() -> None:
    found = Predicted(certain(0, 0, 0), truth(0, 0, 1), np.arange(3)).measured()
    assert [tag.precision for tag in found.per_tag] == [2 / 3, None, None, None]
    assert [tag.f1 for tag in found.per_tag] == [0.8, 0.0, None, None]
    assert (value(found.macro_precision), found.macro_recall.value, found.macro_f1.value) == (2 / 3, 0.5, 0.4)


def test_pictures_without_evidence_are_not_answered() -> None:
    found = Predicted(np.zeros((2, 4)), truth(0, 1), np.arange(2)).measured()
    assert (found.top1.value, found.top5.value, found.macro_recall.value) == (0, 0, 0)
    assert found.macro_precision is None  # there is no answer


def test_pictures_of_one_tag_are_told_from_no_others() -> None:
    found = Predicted(certain(0, 1), truth(0, 0), np.arange(2)).measured()
    assert found.macro_auc is None
    assert found.mean_average_precision.value == 1.0


def test_ties_go_to_the_earlier_tag() -> None:
    evidence = np.array([[0.0, 2, 2, 0]] * 2)
    assert first_right(evidence, truth(1, 2)).tolist() == [0, 1]
    assert answers(evidence).argmax(1).tolist() == [1, 1]


def test_evidence_may_be_below_zero_where_there_is_no_relu() -> None:
    evidence = np.array([[-1.0, -2, -3, -4]])
    assert first_right(evidence, truth(1)).tolist() == [1]
    assert answers(evidence).tolist() == [[True, False, False, False]]
    assert first_right(np.array([[0.0, -2, -3, -4]]), truth(0)).tolist() == [NOT_FOUND]


def test_a_picture_of_two_tags_is_found_by_either() -> None:
    found = Predicted(certain(0), np.array([[True, True, False, False]]), np.zeros(1, int)).measured()
    assert found.per_tag[0] == TagFigures("action", 1, 1.0, 1.0, 1.0, 1.0, None)
    assert found.per_tag[1] == TagFigures("war", 1, None, 1.0, None, 1.0, None)


def test_independent_tags_are_answered_from_a_half_on() -> None:
    probabilities = np.array([[0.5, 0.9, 0.1, 0.0], [0.7, 0.49, 0.0, 0.0], [0.2, 0.3, 0.0, 0.0]])
    right = np.array([[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]], bool)
    found = measure(probabilities, probabilities, right, SLUGS, np.arange(3), independent=True)
    action, war = found.per_tag[:2]
    assert (action.images, action.precision, action.recall, action.f1) == (2, 1 / 2, 1 / 2, 1 / 2)
    assert (war.precision, war.recall) == (1.0, 1 / 2)
    assert war.f1 == pytest.approx(2 / 3)
    assert (found.top1.value, found.top3.value) == (1 / 3, 1)
    # Over pairs, in bins of 1/15: 0, 0.1 (wrong), 0.2 (right), 0.3 (wrong), 0.49 and 0.5 (right), 0.7 (wrong), 0.9.
    expected = (0.1 + 0.8 + 0.3 + (1 - 0.49) + (1 - 0.5) + 0.7 + 0.1) / 12
    assert found.calibration_error == pytest.approx(expected)


def test_nothing_to_measure_on_is_an_error() -> None:
    with pytest.raises(ValueError, match="no pictures"):
        Predicted(np.zeros((0, 4)), np.zeros((0, 4), bool), np.zeros(0, int)).measured()


# Against the definitions.


@settings(deadline=None, max_examples=50)
@given(predictions())
def test_figures_are_those_of_the_definitions(given: Predicted) -> None:
    found, p = given.measured(resamples=2), given.probabilities
    ranked = [sorted(range(4), key=lambda tag: (-row[tag], tag)) for row in given.evidence.tolist()]
    of = [{tag for tag in range(4) if row[tag]} for row in given.right.tolist()]
    seen = [any(row[tag] for tag in own) for row, own in zip(given.evidence.tolist(), of, strict=True)]
    n = len(of)
    for k, share in ((1, found.top1), (3, found.top3), (5, found.top5)):
        hits = [bool(own & set(order[:k])) and some for own, order, some in zip(of, ranked, seen, strict=True)]
        assert share.value == pytest.approx(sum(hits) / n)
    answer = [order[0] if max(row) else None for order, row in zip(ranked, given.evidence.tolist(), strict=True)]
    right = [tag in own for tag, own in zip(answer, of, strict=True)]
    for tag, figures in enumerate(found.per_tag):
        own = [right[i] for i in range(n) if tag in of[i]]
        said = [right[i] for i in range(n) if answer[i] == tag]
        precision = sum(said) / len(said) if said and own else None
        recall = sum(own) / len(own) if own else None
        assert (figures.images, figures.precision, figures.recall) == (len(own), precision, recall)
        if precision and recall:
            assert figures.f1 == pytest.approx(2 / (1 / precision + 1 / recall))
        elif recall == 0:
            assert figures.f1 == 0.0
        else:
            assert figures.f1 == (0.0 if precision == 0 else None)
        if own:
            assert figures.average_precision == pytest.approx(average_precision(p[:, tag], given.right[:, tag]))
    assert value(found.macro_precision) == pytest.approx(mean([t.precision for t in found.per_tag]), nan_ok=True)
    assert found.macro_recall.value == pytest.approx(mean([t.recall for t in found.per_tag]))
    assert found.macro_f1.value == pytest.approx(mean([t.f1 for t in found.per_tag]))
    assert value(found.macro_auc) == pytest.approx(mean([t.auc for t in found.per_tag]), nan_ok=True)


@settings(deadline=None, max_examples=50)
@given(predictions(), st.booleans())
def test_one_family_says_next_to_nothing(given: Predicted, independent: bool) -> None:
    """What is drawn is always the whole, so that resampled figures are the plain ones: the interval is that of one."""
    p = given.probabilities
    found = measure(p, p, given.right, SLUGS, np.zeros(len(p), int), independent=independent, resamples=3)
    for name in (
        "top1",
        "top3",
        "top5",
        "macro_precision",
        "macro_recall",
        "macro_f1",
        "mean_average_precision",
        "macro_auc",
    ):
        if (estimate := getattr(found, name)) is not None:
            assert (estimate.low, estimate.high) == pytest.approx(wilson(estimate.value, 1), abs=1e-3)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=1, max_size=30))
def test_weights_are_copies(scored: list[tuple[int, bool, int]]) -> None:
    score, positive, copies = (np.array(column) for column in zip(*scored, strict=True))
    score = score.astype(float)
    found = weighted_areas(score, positive, np.stack([copies, np.ones(len(copies))]).astype(np.float32))
    many, kinds = np.repeat(score, copies), np.repeat(positive, copies)
    for row, (scores, truths) in zip(found, ((many, kinds), (score, positive)), strict=True):
        expected = (average_precision(scores, truths), auc(scores, truths))
        assert tuple(row) == pytest.approx(expected, nan_ok=True, abs=1e-6)


# Intervals.


def made(n: int, tags: int, seed: int = 0) -> tuple[Reals, Bools]:
    """Evidence that is right rather often, and the truth."""
    rng = np.random.default_rng(seed)
    right = np.eye(tags, dtype=bool)[rng.integers(tags, size=n)]
    return np.maximum(rng.normal(size=(n, tags)) + 2.0 * right, 0), right


def test_the_interval_of_a_share_is_that_of_the_binomial() -> None:
    evidence, right = made(400, 4)
    found = Predicted(evidence, right, np.arange(400)).measured().top1
    half = 1.96 * math.sqrt(found.value * (1 - found.value) / 400)
    assert found.low == pytest.approx(found.value - half, abs=0.01)
    assert found.high == pytest.approx(found.value + half, abs=0.01)


@pytest.mark.parametrize(("n", "low"), [(1, 0.21), (3, 0.44), (10, 0.72), (100, 0.96)])
def test_pictures_that_are_all_right_promise_nothing_for_all_others(n: int, low: float) -> None:
    right = np.eye(4, dtype=bool)[np.arange(n) % 2]
    found = Predicted(right.astype(float), right, np.arange(n)).measured()
    for estimate in (found.top1, found.macro_recall, found.macro_f1, found.mean_average_precision):
        assert (estimate.value, estimate.high) == (1.0, 1.0)
        assert estimate.low == pytest.approx(low, abs=0.01)
        assert estimate.low == pytest.approx(wilson(1.0, n)[0], abs=1e-4)
    wrong = Predicted(1.0 - right, right, np.arange(n)).measured().top1
    assert (wrong.value, wrong.low) == (0.0, 0.0)
    assert wrong.high == pytest.approx(1 - low, abs=0.01)


def test_copies_of_one_picture_that_is_right_are_one() -> None:
    right = np.eye(4, dtype=bool)[np.zeros(50, int)]
    found = Predicted(right.astype(float), right, np.zeros(50, int)).measured().top1
    assert found.low == pytest.approx(0.21, abs=0.01)


def test_copies_make_nothing_more_certain() -> None:
    evidence, right = made(200, 4)
    once = Predicted(evidence, right, np.arange(200)).measured()
    copied = Predicted(np.repeat(evidence, 4, 0), np.repeat(right, 4, 0), np.repeat(np.arange(200), 4)).measured()
    alone = Predicted(np.repeat(evidence, 4, 0), np.repeat(right, 4, 0), np.arange(800)).measured()
    for name in ("top1", "macro_recall", "macro_f1", "mean_average_precision", "macro_auc"):
        one, many, false = (getattr(figures, name) for figures in (once, copied, alone))
        assert (many.value, many.low, many.high) == pytest.approx((one.value, one.low, one.high))
        assert false.high - false.low < 0.7 * (one.high - one.low)


def test_means_are_resampled_as_the_definition_says() -> None:
    evidence, right = made(60, 4)
    given, rng = Predicted(evidence, right, np.arange(60) // 2), np.random.default_rng(1)
    drawn = []
    for _ in range(400):
        rows = np.concatenate([[2 * f, 2 * f + 1] for f in rng.integers(30, size=30)])
        drawn.append(Predicted(evidence[rows], right[rows], np.arange(60)).measured(resamples=1))
    found = given.measured()
    for name in ("top3", "macro_precision", "macro_recall", "macro_f1", "mean_average_precision", "macro_auc"):
        low, high = np.percentile([getattr(figures, name).value for figures in drawn], (2.5, 97.5))
        estimate = getattr(found, name)
        assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.03)


def test_the_seed_decides() -> None:
    evidence, right = made(50, 4)
    given = Predicted(evidence, right, np.arange(50))
    assert given.measured() == given.measured()
    assert given.measured(seed=1).macro_f1 != given.measured().macro_f1


def test_a_large_test_part_takes_seconds() -> None:
    evidence, right = made(3000, 50)
    slugs = [str(tag) for tag in range(50)]
    began = time.process_time()
    found = measure(evidence, evidence / 10, right, slugs, np.arange(3000) // 2)
    assert time.process_time() - began < 10
    assert found.mean_average_precision.low < found.mean_average_precision.value < found.mean_average_precision.high


# Who is taken for whom.


def test_confusion_counts_answers_by_truth() -> None:
    evidence = np.concatenate([certain(0, 1, 1, 3), np.zeros((1, 4))])
    right = np.concatenate([truth(0, 0, 1, 2), truth(2)])
    assert confusion(evidence, right).tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]


def test_a_right_answer_is_no_confusion_and_a_wrong_one_is_of_the_first_tag() -> None:
    right = np.array([[False, True, True, False]] * 2)
    matrix = confusion(certain(2, 0), right)
    assert [(int(row), int(column)) for row, column in np.argwhere(matrix)] == [(1, 0), (2, 2)]
