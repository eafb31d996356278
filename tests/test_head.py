"""The head computes what the paper says and refuses what it was not trained for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tagger import vocabulary
from tagger.errors import BadHead, BadVocabulary
from tagger.models import head
from tagger.models.head import Head


@pytest.fixture
def words(tmp_path: Path) -> vocabulary.Vocabulary:
    (tmp_path / "words/heads").mkdir(parents=True)
    (tmp_path / "words/labels.txt").write_text("Car chase\nBeach/Sea\nDrama\n")
    return vocabulary.load(str(tmp_path / "words"))


def made(words: vocabulary.Vocabulary, features: int = 4) -> Head:
    rng = np.random.default_rng(1)
    kernel = rng.normal(size=(features, len(words.tags))).astype(np.float32)
    return Head(
        kernel, np.ones(len(words.tags), np.float32), (True, False, True), words.sha256, "compact/avg_pool", "ab"
    )


def test_it_is_relu_then_softmax(words: vocabulary.Vocabulary) -> None:
    one = made(words)
    features = np.random.default_rng(2).normal(size=(5, 4)).astype(np.float32)
    y = np.maximum(features @ one.kernel + one.bias, 0)
    found = one.scores(features)
    assert found.evidence == pytest.approx(y)
    assert found.probabilities == pytest.approx(np.exp(y) / np.exp(y).sum(axis=1, keepdims=True), rel=1e-5)


def test_large_evidence_does_not_overflow(words: vocabulary.Vocabulary) -> None:
    found = made(words).scores(np.full((1, 4), 1e4, np.float32))
    assert np.isfinite(found.probabilities).all()


def test_round_trip(words: vocabulary.Vocabulary) -> None:
    path = words.folder / "heads/compact.npz"
    one = made(words)
    one.save(path, figures={"top3": 0.5})
    again = head.load(path, words)
    assert again.sha256 == one.sha256
    assert again.trained == (True, False, True)
    assert (again.backbone, again.backbone_sha256) == ("compact/avg_pool", "ab")
    assert words.heads == ("compact",)


def change(path: Path, **facts: object) -> None:
    manifest = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**manifest, **facts}))


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"format": "movietags-head/2"}, "format"),
        ({"vocabulary_sha256": "0" * 64}, "other tags"),
        ({"trained": [True]}, "trained"),
        ({"trained": None}, "trained"),
        ({"sha256": "0" * 64}, "sha256"),
        ({"arrays": {"kernel": [4, 2], "bias": [3]}}, "kernel"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    words: vocabulary.Vocabulary, facts: dict[str, object], message: str
) -> None:
    path = words.folder / "heads/compact.npz"
    made(words).save(path)
    change(path, **facts)
    with pytest.raises(BadHead, match=message):
        head.load(path, words)


@pytest.mark.parametrize("tags", [2, 4])
def test_another_number_of_tags_is_refused(words: vocabulary.Vocabulary, tags: int) -> None:
    path = words.folder / "heads/compact.npz"
    Head(np.zeros((4, tags), np.float32), np.zeros(tags, np.float32), (True,) * tags, words.sha256, "a", "b").save(path)
    with pytest.raises(BadHead, match="do not give 3 tags"):
        head.load(path, words)


def test_the_order_of_tags_counts(words: vocabulary.Vocabulary) -> None:
    path = words.folder / "heads/compact.npz"
    made(words).save(path)
    (words.folder / "labels.txt").write_text("Drama\nBeach/Sea\nCar chase\n")
    with pytest.raises(BadHead, match="another order"):
        head.load(path, vocabulary.load(str(words.folder)))


def test_no_head_for_a_backbone_says_which_there_are(words: vocabulary.Vocabulary) -> None:
    made(words).save(words.folder / "heads/compact.npz")
    with pytest.raises(BadVocabulary, match="has a head for compact, none for inceptionv3"):
        words.head_path("inceptionv3")
