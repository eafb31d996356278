"""The scripts that made the shipped knowledge, on small data whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import media
import numpy as np
import pytest

from tagger import arrays, backbone, compact, head, vocabulary
from tagger.training import crossval, distill, movies50, views

TAGS = ("Red", "Green", "Blue", "Never")
SOURCES = 4
EACH = 6


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """72 pictures of three colours from four sources, in folders, and a vocabulary with a fourth tag."""
    folder = tmp_path_factory.mktemp("coloured")
    rng = np.random.default_rng(0)
    for place, tag in enumerate(TAGS[:3]):
        (folder / "images" / tag.lower()).mkdir(parents=True)
        for number in range(SOURCES * EACH):
            picture = media.scenery(100 * place + number, 160, 120) // 3
            picture[..., 2 - place] = np.minimum(picture[..., 2 - place] + 150, 255)  # OpenCV writes BGR
            name = f"owner+source{number % SOURCES}__{number:05d}.jpg"
            cv2.imwrite(
                str(folder / "images" / tag.lower() / name), picture + rng.integers(0, 3, picture.shape, np.uint8)
            )
    (folder / "words/heads").mkdir(parents=True)
    (folder / "words/labels.txt").write_text("\n".join(TAGS))
    return folder


@pytest.fixture(scope="module")
def labelled(coloured: Path) -> movies50.Labelled:
    words = vocabulary.load(str(coloured / "words"))
    return movies50.collect(coloured / "images", words, backbone.load("compact", None, 16))


def test_pictures_are_collected_with_their_sources(labelled: movies50.Labelled) -> None:
    assert np.bincount(labelled.tag).tolist() == [SOURCES * EACH] * 3
    assert len(np.unique(labelled.source)) == SOURCES
    assert labelled.features.shape == (72, movies50.VIEWS, compact.FEATURE_COUNT)
    assert movies50.judged(labelled, 4).tolist() == [True, True, True, False]


def test_the_whole_picture_is_the_first_view(coloured: Path, labelled: movies50.Labelled) -> None:
    path = views.pictures([coloured / "images"])[0]
    picture = views.read(path)
    assert picture is not None
    seen = backbone.load("compact", None, 16).features([picture])
    place = {"blue": 2}[path.parent.name]
    first = int(np.flatnonzero(labelled.tag == place)[0])
    assert labelled.features[first, 0] == pytest.approx(seen[0], abs=1e-4)


def test_a_head_knows_colours_of_sources_it_never_saw(labelled: movies50.Labelled) -> None:
    z = movies50.out_of_source(labelled, 4)
    assert (z.argmax(1) == labelled.tag).mean() > 0.95
    assert not z[:, 3].any()


def test_the_head_that_is_shipped_has_the_published_form(labelled: movies50.Labelled) -> None:
    z = movies50.out_of_source(labelled, 4)
    temperature, offset = movies50.calibrate(z, labelled.right(4), np.ones(72))
    kernel, bias = movies50.logits(labelled, np.ones(72, bool), 4)
    made = head.Head(
        kernel / np.float32(temperature),
        np.where([True, True, True, False], bias / temperature + offset, 0).astype(np.float32),
        (True, True, True, False),
        "v", "b", "s",
    )  # fmt: skip
    x = labelled.features[:, 0]
    expected = movies50.published(x @ kernel + bias, temperature, offset)
    assert made.scores(x).probabilities == pytest.approx(expected, abs=1e-4)
    assert not made.scores(x).evidence[:, 3].any()


def test_calibration_finds_the_temperature_that_was_put_in() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(4000, 5)).astype(np.float32) * 2
    tag = (truth + rng.gumbel(size=truth.shape)).argmax(1)  # drawn with probability softmax(truth)
    right = np.eye(5)[tag] > 0
    temperature, offset = movies50.calibrate(truth * 2, right, np.ones(4000))
    assert 1.6 < temperature < 2.4
    p = movies50.published(truth * 2, temperature, offset)
    assert movies50.calibration_error(p, p.argmax(1) == tag) < 0.05
    assert movies50.calibration_error(movies50.published(truth * 10, 1.0, 30.0), p.argmax(1) == tag) > 0.2


def test_regression_equals_gradient_descent_to_the_bottom() -> None:
    """The slope of the regularised, class-balanced loss is zero at what `fit` returns."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 5)).astype(np.float32)
    tag = np.array([0] * 40 + [1] * 15 + [2] * 5)
    found = crossval.fit(x, tag, 3, 0.1).astype(np.float64)
    ones = np.concatenate([x, np.ones((60, 1))], 1)
    y = ones @ found
    p = np.exp(y - y.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    weight = np.array([1 / 40, 1 / 15, 1 / 5])[tag] / 3
    slope = ones.T @ (weight[:, None] * (p - np.eye(3)[tag])) + 0.1 * found
    assert np.abs(slope).max() < 1e-3


def test_folds_keep_sources_together() -> None:
    source = np.array([0] * 50 + [1] * 10 + [2] * 30 + [3] * 5 + [4] * 5)
    folds = crossval.source_folds(source, 3)
    assert all(len(set(folds[source == s])) == 1 for s in range(5))
    assert sorted(np.bincount(folds)) == [20, 30, 50]


def test_near_copies_are_recognised() -> None:
    one, other = media.scenery(1, 320, 240), media.scenery(2, 320, 240)
    small = np.asarray(cv2.resize(one, (160, 120)), np.uint8)
    marks = np.array([views.fingerprint(picture) for picture in (one, small, other)], np.uint64)
    assert views.near(marks, marks).tolist() == [[True, True, False], [True, True, False], [False, False, True]]


def test_a_source_missing_from_training_is_really_missing(labelled: movies50.Labelled) -> None:
    """A tag that only one source has cannot be known when that source is asked about."""
    source = labelled.source.copy()
    source[labelled.tag == 2] = 9
    alone = movies50.Labelled(labelled.tag, source, labelled.near, labelled.features)
    z = movies50.out_of_source(alone, 4)
    assert not z[labelled.tag == 2][:, 2].any()


@pytest.fixture
def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lessons of a teacher that only knows three numbers."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr(distill, "BATCH", 8)
    monkeypatch.setattr(distill, "SIZES", ((1.0, 32),))
    seen = rng.integers(0, 256, (32, 128, 128, 3), np.uint8)
    said = {"t.features": rng.normal(size=(32, 3)), "t.logits": rng.normal(size=(32, 1000))}
    np.savez(tmp_path / "a-0000.npz", views=seen, **{k: v.astype(np.float16) for k, v in said.items()})  # type: ignore[arg-type]
    return tmp_path


class Clock:
    """A clock for which time is up once the last step before `stop` was asked for."""

    def __init__(self, lessons: distill.Lessons, stop: int) -> None:
        self.asked = 0
        self.stop = stop
        clock = self

        class Watched(distill.Lessons):
            def batch(self, step: int, size: int) -> Any:
                clock.asked = step + 1
                return distill.Lessons.batch(self, step, size)

        self.lessons = Watched(lessons.views, lessons.features, lessons.logits)

    def monotonic(self) -> float:
        return 1e9 if self.asked >= self.stop else 0.0


def test_interrupted_training_goes_on_where_it_stopped(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    lessons = distill.Lessons.read(shards, "t")
    found = []
    for name, stops in (("once", [4]), ("twice", [2, 4])):
        keras.utils.set_random_seed(1)
        done = 0
        for stop in stops:
            clock = Clock(lessons, stop)
            with monkeypatch.context() as patch:
                patch.setattr("tagger.training.distill.time", clock)
                network, done = distill.train(clock.lessons, shards / f"{name}.checkpoint", 4, 1.0)
            assert done == stop
        found.append(compact.fold(network))
    assert max(np.abs(found[0][k].astype(float) - found[1][k].astype(float)).max() for k in found[0]) < 1e-2


def test_what_is_shipped_can_be_loaded(shards: Path) -> None:
    distill.ship(compact.trainable(), shards / "new.npz", {"teachers": ["t"]})
    assert arrays.read_manifest(shards / "new.json")["architecture"] == compact.ARCHITECTURE
    picture = media.scenery(1, 200, 100)
    assert backbone.load("compact", shards / "new.npz", 2).features([picture]).shape == (1, compact.FEATURE_COUNT)


def test_the_shipped_head_is_of_the_shipped_backbone_and_the_card_of_both() -> None:
    words = vocabulary.load("movies50")
    made = head.load(words.head_path("compact"), words)
    assert made.backbone_sha256 == backbone.load("compact", None, 1).sha256
    facts = arrays.read_manifest(words.folder / "heads/compact.json")
    card = (words.folder / "card.md").read_text()
    assert f"{facts['measured']['top3']:.3f}" in card
    never = {tag for tag, trained in zip(words.tags, made.trained, strict=True) if not trained}
    assert never == {"Nudity", "Sex"}
    assert "Never trained, never to be found: Nudity, Sex." in card
