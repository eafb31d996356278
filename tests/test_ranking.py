"""The published formulas, by hand and by properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tagger.models.head import Head
from tagger.ranking import min_max, rank, shot_tags, top_tags, weights
from tagger.records import TagScores
from tagger.vocabulary import Vocabulary, load

MOVIES = load("movies50")
FOUR = Vocabulary("four", MOVIES.folder, ("Alpha", "Beta", "Gamma", "Delta"))
ALL = ("head",) * 4
EVIDENCE = arrays(np.float32, (7, 4), elements=st.floats(0, 20, width=32))


def scores(evidence: np.ndarray) -> TagScores:
    identity = Head(np.eye(4, dtype=np.float32), np.zeros(4, np.float32), (True,) * 4, FOUR.sha256, "any", "any")
    return identity.scores(np.asarray(evidence, np.float32))


def test_weights_by_hand() -> None:
    found = scores(np.array([[3.0, 2.0, 1.0, 0.5], [0.0, 2.0, 0.0, 0.0]]))
    p = np.exp([[3.0, 2.0, 1.0, 0.5], [0.0, 2.0, 0.0, 0.0]])
    p /= p.sum(axis=1, keepdims=True)
    frames = np.array([1, 2, 1, 0])  # the fourth of row 0 is no top-3 tag; zeros are no evidence
    assert top_tags(found).sum(axis=0).tolist() == frames.tolist()
    assert weights(found) == pytest.approx(frames / 2 * p.sum(axis=0), rel=1e-6)


def test_ranks_all_tags_best_first() -> None:
    ranked = rank(scores(np.array([[0.0, 4.0, 2.0, 0.0]])), FOUR, ALL)
    assert [tag.tag for tag in ranked] == ["Beta", "Gamma", "Alpha", "Delta"]
    assert [tag.rank for tag in ranked] == [1, 2, 3, 4]
    assert ranked[0].score == 1.0
    assert ranked[-1].score == 0.0
    assert [tag.frames for tag in ranked] == [1, 1, 0, 0]


def test_no_keyframe_no_weight() -> None:
    ranked = rank(scores(np.empty((0, 4))), FOUR, ALL)
    assert [tag.weight for tag in ranked] == [0.0] * 4
    assert [tag.score for tag in ranked] == [0.0] * 4
    assert [tag.tag for tag in ranked] == list(FOUR.tags)


def test_equal_weights_score_zero_and_keep_the_order() -> None:
    assert min_max(np.full(4, 0.7)).tolist() == [0.0] * 4
    ranked = rank(scores(np.zeros((3, 4))), FOUR, ALL)
    assert [tag.tag for tag in ranked] == list(FOUR.tags)


def test_an_untrained_tag_comes_last_among_the_weightless() -> None:
    ranked = rank(scores(np.array([[0.0, 4.0, 2.0, 0.0]])), FOUR, ("", "head", "head", "head"))
    assert [tag.tag for tag in ranked] == ["Beta", "Gamma", "Delta", "Alpha"]
    assert not ranked[-1].trained


def test_shot_tags_are_the_top_three_with_evidence() -> None:
    first, second, third = shot_tags(scores(np.array([[1.0, 4.0, 2.0, 3.0], [0, 0, 5.0, 0], [0, 0, 0, 0]])), FOUR)
    assert [tag.slug for tag in first] == ["beta", "delta", "gamma"]
    assert [tag.slug for tag in second] == ["gamma"]
    assert third == ()


@settings(max_examples=60, deadline=None)
@given(EVIDENCE, st.randoms())
def test_the_order_of_keyframes_does_not_matter(evidence: np.ndarray, random: object) -> None:
    order = list(range(len(evidence)))
    random.shuffle(order)  # type: ignore[attr-defined]
    one, other = weights(scores(evidence)), weights(scores(evidence[order]))
    assert one == pytest.approx(other, rel=1e-5, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(EVIDENCE)
def test_scores_are_shares_and_finite(evidence: np.ndarray) -> None:
    found = scores(evidence)
    assert found.probabilities.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    ranked = rank(found, FOUR, ALL)
    assert all(0.0 <= tag.score <= 1.0 and np.isfinite(tag.weight) for tag in ranked)
    assert [tag.weight for tag in ranked] == sorted((tag.weight for tag in ranked), reverse=True)


@given(arrays(np.float64, 5, elements=st.floats(0, 100)))
def test_doubling_every_weight_changes_no_score(values: np.ndarray) -> None:
    assert min_max(values * 2) == pytest.approx(min_max(values))
