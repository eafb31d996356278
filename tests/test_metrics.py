"""Figures against values worked out by hand, and against their definitions spelled out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.evaluation.metrics import auc, average_precision, balanced, calibration_error, kendall_tau_b, places

# Scores from few values, so that there are ties, each with whether it is a positive.
SCORED = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40)


def test_places_are_those_of_the_best_right_tag() -> None:
    evidence = np.array([[3.0, 1, 2], [3, 1, 2], [0, 0, 0], [1, 2, 2]])
    right = np.array([[0, 1, 0], [0, 1, 1], [0, 0, 1], [0, 0, 1]], bool)
    assert places(evidence, right).tolist() == [2, 1, 2, 1]  # ties go to the earlier tag


def test_every_tag_counts_the_same() -> None:
    hit, tag = np.array([True, True, True, False]), np.array([4, 4, 4, 9])
    assert balanced(hit, tag) == 0.5


def test_average_precision_by_hand() -> None:
    score = np.array([0.9, 0.8, 0.7, 0.6])
    assert average_precision(score, np.array([True, False, True, False])) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(score, np.array([True, True, False, False])) == 1.0
    assert average_precision(np.zeros(4), np.array([True, False, False, False])) == 0.25  # one threshold takes all
    assert math.isnan(average_precision(score, np.zeros(4, bool)))


@settings(deadline=None)
@given(SCORED)
def test_average_precision_is_precision_at_each_threshold_times_recall_gained(scored: list[tuple[int, bool]]) -> None:
    positives = sum(positive for _, positive in scored)
    expected, before = (0.0, 0.0) if positives else (math.nan, 0.0)
    for threshold in sorted({score for score, _ in scored}, reverse=True) if positives else ():
        above = [positive for score, positive in scored if score >= threshold]
        expected += sum(above) / len(above) * (sum(above) / positives - before)
        before = sum(above) / positives
    score, positive = np.array([float(s) for s, _ in scored]), np.array([p for _, p in scored])
    assert average_precision(score, positive) == pytest.approx(expected, nan_ok=True)


def test_auc_by_hand() -> None:
    score = np.array([0.9, 0.8, 0.7, 0.7])
    assert auc(score, np.array([False, True, True, False])) == pytest.approx((1 + 0.5) / 4)
    assert auc(np.zeros(4), np.array([False, True, True, False])) == 0.5
    assert math.isnan(auc(score, np.ones(4, bool)))
    assert math.isnan(auc(score, np.zeros(4, bool)))


@settings(deadline=None)
@given(SCORED)
def test_auc_is_the_share_of_pairs_in_order(scored: list[tuple[int, bool]]) -> None:
    ups, downs = ([s for s, positive in scored if positive is kind] for kind in (True, False))
    pairs = [(up > down) + (up == down) / 2 for up in ups for down in downs]
    expected = sum(pairs) / len(pairs) if pairs else math.nan
    score, positive = np.array([float(s) for s, _ in scored]), np.array([p for _, p in scored])
    assert auc(score, positive) == pytest.approx(expected, nan_ok=True)


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.95, 0.96, 0.41, 1.0])
    hit = np.array([True, False, True, True])
    # Bins of 1/15: three lie in the last (mean 0.97, two of three right), one in that from 0.4 (right).
    expected = 3 / 4 * abs(2.91 / 3 - 2 / 3) + 1 / 4 * abs(0.41 - 1)
    assert calibration_error(confidence, hit) == pytest.approx(expected)


def test_calibration_error_counts_weights_as_copies() -> None:
    rng = np.random.default_rng(0)
    confidence, hit, copies = rng.random(50), rng.random(50) < 0.5, rng.integers(1, 5, 50)
    repeated = calibration_error(np.repeat(confidence, copies), np.repeat(hit, copies))
    assert calibration_error(confidence, hit, copies.astype(float)) == pytest.approx(repeated)


def test_tau_b_counts_pairs_and_takes_ties_out() -> None:
    some = np.array([3.0, 2.0, 1.0, 1.0])
    assert kendall_tau_b(some, some) == pytest.approx(1.0)
    assert kendall_tau_b(some, -some) == pytest.approx(-1.0)
    others = np.array([1.0, 2.0, 3.0, 4.0])  # 5 pairs apart, one tied in the first: -5 / sqrt(5 * 6)
    assert kendall_tau_b(some, others) == pytest.approx(-5 / 30**0.5)
    assert np.isnan(kendall_tau_b(some, np.zeros(4)))
