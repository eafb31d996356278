"""The scripts that made the shipped knowledge, on small data whose answer is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import media
import numpy as np
import pytest

from tagger import vocabulary
from tagger.evaluation.metrics import calibration_error
from tagger.knowledge import distill, figures, heads, labelled, portable, priors, regression, views, witness
from tagger.knowledge.heads import HeadRecipe, Tuned, Tuner
from tagger.knowledge.kept import kept
from tagger.knowledge.labelled import Labelled
from tagger.models import arrays, compact, ensemble, head, registry, residual, student
from tagger.models.backbone import whole_sha256
from tagger.models.evidence import class_evidence
from tagger.records import Floats
from tagger.training.calibration import softmax
from tagger.training.regression import fit

TAGS = ("Red", "Green", "Blue", "Never")
SLUGS = ("red", "green", "blue", "never")
SOURCES = 4
EACH = 6
RECIPE = HeadRecipe(0.3, 0.0)


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """72 pictures of three colours from four sources, in folders."""
    folder = tmp_path_factory.mktemp("coloured")
    rng = np.random.default_rng(0)
    for place, slug in enumerate(SLUGS[:3]):
        (folder / slug).mkdir(parents=True)
        for number in range(SOURCES * EACH):
            picture = media.scenery(100 * place + number, 160, 120) // 3
            picture[..., 2 - place] = np.minimum(picture[..., 2 - place] + 150, 255)  # OpenCV writes BGR
            name = f"owner+source{number % SOURCES}__{number:05d}.jpg"
            cv2.imwrite(str(folder / slug / name), picture + rng.integers(0, 3, picture.shape, np.uint8))
    return folder


@pytest.fixture(scope="module")
def pictures(coloured: Path) -> Labelled:
    return labelled.collect(coloured, SLUGS)


@pytest.fixture(scope="module")
def embedded() -> witness.Witness:
    return witness.load("compact", compact.ARRAYS)


@pytest.fixture(scope="module")
def seen(pictures: Labelled, embedded: witness.Witness) -> Floats:
    return class_evidence(embedded.logits(labelled.features_of(pictures, embedded.network)))


def test_pictures_are_collected_with_their_sources(pictures: Labelled) -> None:
    assert np.bincount(pictures.tag).tolist() == [SOURCES * EACH] * 3
    assert len(np.unique(pictures.source)) == SOURCES
    assert pictures.fair.tolist() == [True, True, True, False]
    assert pictures.right[np.arange(72), pictures.tag].all()


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "red").mkdir()
    (tmp_path / "red/owner+source__1.jpg").write_text("no picture")
    with pytest.raises(ValueError, match="owner\\+source__1.jpg is no picture"):
        labelled.collect(tmp_path, SLUGS)


def test_the_whole_picture_is_the_first_view(pictures: Labelled, embedded: witness.Witness) -> None:
    found = labelled.features_of(pictures.among(pictures.tag == 2), embedded.network)
    picture = views.read(pictures.paths[int(np.flatnonzero(pictures.tag == 2)[0])])
    assert picture is not None
    assert found.shape == (SOURCES * EACH, labelled.VIEWS, residual.FEATURE_COUNT)
    assert found[0, 0] == pytest.approx(embedded.network.features([picture])[0], abs=1e-4)


def test_what_was_seen_is_kept_for_just_this_network_and_these_pictures(
    pictures: Labelled, embedded: witness.Witness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = pictures.among(np.arange(72) < 4)
    first = labelled.features_of(few, embedded.network, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(labelled, "_features_of", lambda *_: pytest.fail("looked again"))
        assert (labelled.features_of(few, embedded.network, tmp_path) == first).all()
    assert len(labelled.features_of(pictures.among(np.arange(72) < 3), embedded.network, tmp_path)) == 3


def test_what_is_kept_depends_on_the_whole_key(tmp_path: Path) -> None:
    one, two = np.zeros(3, np.float32), np.ones(3, np.float32)
    assert (kept(tmp_path, ["a", one], lambda: one) == one).all()
    assert (kept(tmp_path, ["a", one], lambda: two) == one).all()
    assert (kept(tmp_path, ["a", two], lambda: two) == two).all()
    assert (kept(tmp_path, ["b", one], lambda: two) == two).all()
    assert (kept(None, ["a", one], lambda: two) == two).all()


def test_a_head_knows_colours_of_sources_it_never_saw(pictures: Labelled, seen: Floats) -> None:
    z = heads.out_of_source([seen], seen[:, 0], pictures, RECIPE)
    assert (z.argmax(1) == pictures.tag).mean() > 0.9
    assert not z[:, 3].any()


def test_several_networks_are_asked_at_once(pictures: Labelled, seen: Floats) -> None:
    asked = np.stack([seen[:, 0], seen[:, 1]])
    together = heads.out_of_source([seen], asked, pictures, RECIPE)
    assert together[1] == pytest.approx(heads.out_of_source([seen], seen[:, 1], pictures, RECIPE), abs=1e-5)


def test_a_source_missing_from_training_is_really_missing(pictures: Labelled, seen: Floats) -> None:
    """A tag that only one source has cannot be known when that source is asked about."""
    source = pictures.source.copy()
    source[pictures.tag == 2] = 9
    z = heads.out_of_source([seen], seen[:, 0], replace(pictures, source=source), RECIPE)
    assert not z[pictures.tag == 2][:, 2].any()


def test_a_network_is_judged_without_its_family(pictures: Labelled, seen: Floats) -> None:
    """Two networks that see nothing but noise cannot teach a third of another family; its own family could."""
    noise = np.random.default_rng(0).random(seen.shape, np.float32)
    network = {"one": seen, "kin": seen, "noisy": noise}
    family = {"one": "a", "kin": "a", "noisy": "b"}
    foreign = portable.left_out(network, family, pictures)
    assert set(foreign) == set(network)
    found = {name: next(iter(answers.values())) for name, answers in foreign.items()}
    own = {name: next(iter(answers.values())) for name, answers in portable.native(network, pictures).items()}
    assert (own["one"].argmax(1) == pictures.tag).mean() > 0.9
    assert (found["one"].argmax(1) == pictures.tag).mean() < 0.7
    table = portable.transfer({"one": own["one"]}, {"one": found["one"]}, pictures)
    assert table["one"]["native_top3"] == pytest.approx(1.0)
    assert table["one"]["share"] == table["one"]["left_out_top3"] / table["one"]["native_top3"]


def test_a_picture_counts_less_among_many_of_its_source(pictures: Labelled) -> None:
    few = replace(pictures, source=np.where(np.arange(72) % 9 == 0, 7, 1), tag=np.arange(72) // 24)
    of_many, of_few = (np.bincount(few.tag[few.source == source], minlength=3)[0] for source in (1, 7))
    counts = few.counts(0.5)
    assert counts[:24] == pytest.approx(np.where(few.source[:24] == 1, of_many, of_few) ** -0.5)
    assert (few.counts(0.0) == 1).all()
    per_source = [few.counts(1.0)[:24][few.source[:24] == source].sum() for source in (1, 7)]
    assert per_source == pytest.approx([1, 1])


def test_labels_overlap_where_pictures_of_one_are_taken_for_another(pictures: Labelled) -> None:
    p = np.zeros((72, 4), np.float32)
    p[np.arange(72), pictures.tag] = 0.6
    p[pictures.tag == 0, 1], p[pictures.tag == 0, 2] = 0.3, 0.1
    p[pictures.tag == 1, 0] = 0.4
    p[pictures.tag == 2, 2] = 1
    found = heads.taken_for(p, pictures, np.ones(72, bool))
    expected = [[0, 0.75, 0.25, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]  # the last two: taken for nothing else
    assert found == pytest.approx(np.array(expected), abs=1e-6)
    assert heads.taken_for(p, pictures, pictures.tag > 0)[0].tolist() == [1, 0, 0, 0]  # others do not count


def test_a_head_answers_as_labels_overlap() -> None:
    """Of pictures that all look alike each tag is answered with what it is taken for."""
    x, tag = np.zeros((30, 2), np.float32), np.arange(30) % 3
    alike = np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]], np.float32)
    found = fit(x, tag, 3, 1e-3, alike=alike)
    assert softmax(found[-1:]) == pytest.approx(np.array([[1, 1, 1]]) / 3, abs=1e-2)
    x[np.arange(30), tag // 2] = 9  # the first two look alike, the third does not
    found = fit(x, tag, 3, 1e-3, alike=alike)
    assert softmax(x[[0, 2]] @ found[:-1] + found[-1]) == pytest.approx(alike[[0, 2]], abs=0.05)


def test_names_of_classes_speak_where_there_are_no_pictures() -> None:
    """Without a word from the pictures (a very large weight decay) the head is what the names say."""
    known = priors.prior(("prison", "drama"), 0.2)
    assert known[743, 0] == np.float32(0.2)
    assert np.count_nonzero(known) == 1
    x = np.random.default_rng(0).normal(size=(20, 1000)).astype(np.float32)
    found = fit(x, np.arange(20) % 2, 2, 1e6, known)
    assert found == pytest.approx(known, abs=1e-4)


def test_the_head_that_is_shipped_has_the_published_form(pictures: Labelled, seen: Floats) -> None:
    tuned = Tuner({RECIPE: heads.out_of_source([seen], seen[:, 0], pictures, RECIPE)}, pictures).tune(np.ones(72, bool))
    kernel, bias = heads.learn([seen], pictures, np.ones(72, bool), tuned.recipe)
    trained = np.array([True, True, True, False])
    made = head.Head(
        kernel / np.float32(tuned.temperature),
        np.where(trained, bias / tuned.temperature + tuned.offset, 0).astype(np.float32),
        tuple(trained.tolist()), "v", "b", "s", head.CLASSES,
    )  # fmt: skip
    z = seen[:, 0] @ kernel + bias
    found = made.scores(seen[:, 0])
    assert found.probabilities == pytest.approx(heads.published(z, tuned.temperature, tuned.offset), abs=1e-4)
    assert found.evidence == pytest.approx(heads.evidence(z, tuned), abs=1e-3)
    assert not found.evidence[:, 3].any()


def drawn(count: int) -> tuple[Floats, Labelled]:
    """Logits and tags drawn with probability softmax(logits), from twenty sources."""
    rng = np.random.default_rng(0)
    z = (rng.normal(size=(count, 5)) * 2).astype(np.float32)
    tag = (z + rng.gumbel(size=z.shape)).argmax(1)
    paths = tuple(Path(f"{i}.jpg") for i in range(count))
    source = rng.integers(20, size=count)
    return z, Labelled(paths, tuple("abcde"), tag, source, np.eye(count, dtype=bool), np.zeros(count, bool))


def test_calibration_finds_the_temperature_that_was_put_in() -> None:
    truth, made = drawn(2000)
    tuner = Tuner({RECIPE: truth * 2}, made)
    assert 1.5 < tuner.tune(np.ones(2000, bool)).temperature < 2.7
    _, p = tuner.probabilities()
    hit = p.argmax(1) == made.tag
    assert calibration_error(p.max(1), hit) < 0.06
    loud = heads.published(truth * 10, 1.0, 30.0)
    assert calibration_error(loud.max(1), hit) > 0.2


def test_each_fold_is_answered_by_what_the_others_chose() -> None:
    """A recipe that is right only in one fold is not chosen for it."""
    truth, made = drawn(600)
    folds = regression.source_folds(made.source)
    lucky = HeadRecipe(1.0, 0.0)
    cheat = np.where((folds == 0)[:, None], 50 * np.eye(5, dtype=np.float32)[made.tag], -truth)
    z, _ = Tuner({RECIPE: truth, lucky: cheat.astype(np.float32)}, made).probabilities()
    assert (z == truth).all()


def test_networks_agree_on_the_middle() -> None:
    other = heads.RECIPES[1]
    found = heads.agreed([Tuned(other, 1.0, 0.0), Tuned(heads.RECIPES[0], 4.0, 1.0), Tuned(other, 2.0, 5.0)])
    assert found.recipe == other
    assert (found.temperature, found.offset) == pytest.approx((2.0, 1.0))


def test_figures_judge_fair_tags_by_other_sources_and_the_rest_inside(pictures: Labelled) -> None:
    right = np.eye(4, dtype=np.float32)[pictures.tag]
    wrong = np.roll(right, 1, axis=1)
    alone = replace(pictures, source=np.where(pictures.tag == 2, 9, pictures.source))
    assert alone.fair.tolist() == [True, True, False, False]
    rows = figures.per_tag(right, wrong, alone, TAGS)
    assert [row.get("measured_on") for row in rows] == ["other sources"] * 2 + ["the same sources", None]
    assert [row["average_precision"]["value"] for row in rows[:2]] == [1.0, 1.0]
    assert rows[2]["auc"]["value"] < 0.5
    assert rows[3] == {"tag": "Never", "pictures": 0, "sources": 0}
    assert figures.whole(right, pictures)["top1"] == 1.0
    assert figures.whole(wrong, pictures)["top1"] == 0.0


@pytest.mark.parametrize("columns", [5, 200])  # fewer than rows, and more
def test_regression_equals_gradient_descent_to_the_bottom(columns: int) -> None:
    """The slope of the regularised, class-balanced loss is zero at what `fit` returns."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, columns)).astype(np.float32)
    tag = np.array([0] * 40 + [1] * 15 + [2] * 5)
    known = rng.normal(size=(columns + 1, 3)).astype(np.float32)
    found = fit(x, tag, 3, 0.1, known).astype(np.float64)
    ones = np.concatenate([x, np.ones((60, 1))], 1)
    y = ones @ found
    p = np.exp(y - y.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    weight = np.array([1 / 40, 1 / 15, 1 / 5])[tag] / 3
    slope = ones.T @ (weight[:, None] * (p - np.eye(3)[tag])) + 0.1 * (found - known)
    assert np.abs(slope).max() < 1e-3


def test_folds_keep_sources_together() -> None:
    source = np.array([0] * 50 + [1] * 10 + [2] * 30 + [3] * 5 + [4] * 5)
    folds = regression.source_folds(source, 3)
    assert all(len(set(folds[source == s])) == 1 for s in range(5))
    assert sorted(np.bincount(folds)) == [20, 30, 50]


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


@pytest.fixture
def as_cheap(campaign: Callable[[int, int], int]) -> Iterator[None]:
    """TensorFlow compiles a step for longer than a few of them take: only the nightly run does."""
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(bool(campaign(1, 0)))
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("as_cheap")
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
                patch.setattr("tagger.knowledge.distill.time", clock)
                network, done = distill.train(clock.lessons, shards / f"{name}.checkpoint", 4, 1.0)
            assert done == stop
        found.append(student.fold(network))
    assert max(np.abs(found[0][k].astype(float) - found[1][k].astype(float)).max() for k in found[0]) < 1e-2


def test_what_is_shipped_can_be_loaded(shards: Path) -> None:
    distill.ship(distill.with_maps(3, 4), shards / "new.npz", {"teachers": ["t"]})
    assert arrays.read_manifest(shards / "new.json")["architecture"] == residual.ARCHITECTURE
    picture = media.scenery(1, 200, 100)
    assert registry.load("compact", shards / "new.npz", 2).features([picture]).shape == (1, residual.FEATURE_COUNT)


def test_the_shipped_head_is_of_the_shipped_backbone_and_the_card_of_both() -> None:
    words = vocabulary.load("movies50")
    made = head.load(words.head_path("compact"), words)
    assert made.backbone_sha256 == whole_sha256(registry.load("compact", None, 1))
    assert {*words.heads} == {"compact", "portable", ensemble.NAME, *ensemble.PARTS}
    facts = json.loads((words.folder / "figures.json").read_text())
    card = (words.folder / "card.md").read_text()
    for name in facts["heads"]:
        assert f"{facts['heads'][name]['top3']:.3f}" in card
        assert head.measured(words.head_path(name)) == facts["heads"][name]["top3"]
    never = {tag for tag, trained in zip(words.tags, made.trained, strict=True) if not trained}
    assert never == {"Nudity", "Sex"}
    assert "Never trained, never to be found by a head: Nudity, Sex." in card
