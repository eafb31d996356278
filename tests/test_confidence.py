"""Confidence: the same for films of any length, nothing of frames that show nothing, and about as often right."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import media
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as drawn_arrays

from cli import cli
from tagger import Settings, Tagger, vocabulary
from tagger.batch.ledger import facts
from tagger.compare.agreement import compare
from tagger.confidence import PART, Calibration, confidence, strongest
from tagger.errors import BadHead
from tagger.images import without_bars
from tagger.knowledge.testcards import JUDGED
from tagger.models import arrays, head, nudity, registry
from tagger.models.head import SHOWS, Dense, Head
from tagger.models.model import Model
from tagger.pipeline import Engine
from tagger.ranking import weights
from tagger.records import SURE, Doubles, Floats, TagScores
from tagger.reports.table import as_table
from tagger.training import certain, nothings, run, shows, sure
from tagger.training.films import Answers, Films, films

WORDS = vocabulary.load("movies50")
THREE = Calibration(0.5, 0.7, (0.4, -0.3, None))
SHARES = drawn_arrays(np.float32, (7, 3), elements=st.floats(0, 1, width=32))
SHOWN = drawn_arrays(np.float32, (7,), elements=st.floats(0, 1, width=32))


def scores(p: Any, shown: Any = None) -> TagScores:
    p = np.asarray(p, np.float32)
    return TagScores(p, p, None if shown is None else np.asarray(shown, np.float32))


def log_odds(p: float) -> float:
    return float(np.log(p / (1 - p)))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(Settings(backbone="compact"))


@given(SHARES, SHOWN, st.integers(1, 138), st.permutations(range(7)))
def test_the_same_film_many_times_over_has_the_same_confidence(
    p: Floats, shown: Floats, times: int, order: list[int]
) -> None:
    once = confidence(scores(p, shown), THREE)
    again = np.tile(order, times)
    assert confidence(scores(p[again], shown[again]), THREE) == pytest.approx(
        once, abs=1.1e-4
    )  # but for the last digit


def test_a_trailer_138_times_over_weighs_more_and_is_as_sure(engine: Engine) -> None:
    model = engine.model()
    once = model.features([media.scenery(seed, 160, 90) for seed in range(12)])
    alone, again = (model.scores_of(np.tile(once, (times, 1))) for times in (1, 138))
    told, told_again = model.confidence(alone), model.confidence(again)
    assert told is not None
    assert told_again is not None
    assert told.max() > 0
    assert told_again.tolist() == told.tolist()
    assert weights(again).max() == pytest.approx(138 * weights(alone).max(), rel=1e-4)


def test_by_hand() -> None:
    found = confidence(scores([[0.2, 0.6, 0.2], [0.4, 0.4, 0.2]], [1.0, 0.5]), THREE)
    first = 0.4 + 0.5 * log_odds((0.2 + 0.2) / 2) + 0.7 * log_odds(0.2)
    second = -0.3 + 0.5 * log_odds((0.6 + 0.2) / 2) + 0.7 * log_odds(0.6)
    assert found == pytest.approx([1 / (1 + np.exp(-first)), 1 / (1 + np.exp(-second)), 0], abs=1e-4)


def test_the_strongest_twentieth_counts_a_keyframe_in_part() -> None:
    p = np.linspace(0, 1, 30)[:, None]
    assert strongest(p)[0] == pytest.approx((1 + 0.5 * 28 / 29) / 1.5)
    assert strongest(p[:3])[0] == p[2, 0]  # under twenty it is the strongest


def test_a_long_film_is_not_sure_for_a_loud_shot_or_two() -> None:
    quiet = np.full((1600, 3), 0.02)
    quiet[:2, 0] = 0.99
    assert confidence(scores(quiet[:3]), THREE)[0] > 0.8
    assert confidence(scores(quiet), THREE)[0] == pytest.approx(confidence(scores(quiet[2:]), THREE)[0], abs=0.02)


def test_nothing_is_sure_without_keyframes_or_where_they_show_nothing() -> None:
    assert confidence(scores(np.empty((0, 3))), THREE).tolist() == [0, 0, 0]
    assert (confidence(scores([[0.98, 0.01, 0.01]], [0]), THREE) < 0.02).all()


def test_what_answers_for_nudity_is_sure_where_its_makers_are() -> None:
    told = nudity.Told(0)
    at, shown = (told.confidence(scores([[p, 1 - p]])) for p in (nudity.SURE, 0.99))
    assert at == pytest.approx(SURE)
    assert shown > 0.95
    assert told.confidence(scores([[0.99, 0.01]], [0.1])) < 0.1
    assert told.confidence(scores([[0.99, 0.01]] * 2 + [[0.01, 0.99]] * 98)) < SURE  # a twentieth of it, at least


def test_other_tags_are_as_sure_as_without_what_answers_for_nudity() -> None:
    """A film of beaches is one whatever is worn there."""
    words, kernel = vocabulary.load("movies50"), np.random.default_rng(2).normal(0, 1, (768, 50)).astype(np.float32)
    at = words.slugs.index(nudity.SLUG)
    kernel[:, at] = 0
    trained = tuple(place != at for place in range(50))
    told = Calibration(0.5, 0.7, tuple(0.4 if known else None for known in trained))
    made = Head(kernel, np.zeros(50, np.float32), trained, words.sha256, "", "", calibration=told)
    base = registry.load("compact", None)
    seen = np.random.default_rng(3).uniform(0, 0.3, (12, 768)).astype(np.float32)
    alone = Model(base, made)
    expected = alone.confidence(alone.scores_of(seen))
    asked = Model(base, made, nudity.Told(at))
    for p in (0.0, 0.5, 0.999):
        scored = asked.scores_of(np.column_stack([seen, np.full(12, p, np.float32)]))
        found = asked.confidence(scored)
        assert found is not None and expected is not None and expected.max() > 0.5
        assert np.delete(found, at) == pytest.approx(np.delete(expected, at), abs=0.01)
        assert (found[at] >= SURE) == (p > nudity.SURE)


def saved(folder: Path, **parts: Any) -> tuple[Path, vocabulary.Vocabulary]:
    (folder / "heads").mkdir(exist_ok=True)
    (folder / "labels.txt").write_text("Car chase\nBeach/Sea\nDrama\n")
    words, path = vocabulary.load(str(folder)), folder / "heads/compact.npz"
    kernel = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    one = Head(kernel, np.ones(3, np.float32), (True, True, False), words.sha256, "compact/avg_pool", "ab")
    tells = Dense(np.ones((4, 1), np.float32), np.zeros(1, np.float32))
    replace(one, **{"shows": tells, "calibration": THREE, **parts}).save(path)
    return path, words


def test_a_head_keeps_it(tmp_path: Path) -> None:
    one = head.load(*saved(tmp_path))
    assert one.calibration == THREE
    found = one.scores(np.array([[1, 2, -3, 0.5], [0, 0, 0, 0]], np.float32))
    assert found.shows == pytest.approx([1 / (1 + np.exp(-0.5)), 0.5])
    old = head.load(*saved(tmp_path, shows=None, calibration=None))
    assert (old.calibration, old.shows, old.scores(np.zeros((1, 4), np.float32)).shows) == (None, None, None)
    assert old.sha256 == one.sha256  # what probabilities come from


@pytest.mark.parametrize(
    "told",
    [
        None, 3, [1, 2], {}, {"mean": 1, "strongest": 1}, {"mean": "1", "strongest": 1, "offsets": [0, 0, None]},
        {"mean": 1, "strongest": 1, "offsets": [0, 0]}, {"mean": 1, "strongest": 1, "offsets": [0, 0, 0]},
        {"mean": 1, "strongest": 1, "offsets": [0, None, None]},
        {"mean": 1, "strongest": 1, "offsets": [0, 0, None, 0]},
        {"mean": float("nan"), "strongest": 1, "offsets": [0, 0, None]}, {"mean": 1, "strongest": True, "offsets": []},
        {"mean": 1, "strongest": float("inf"), "offsets": [0, 0, None]},
        {"mean": -1, "strongest": 1, "offsets": [0, 0, None]}, {"mean": 1, "strongest": -0.1, "offsets": [0, 0, None]},
    ],
)  # fmt: skip
def test_a_malformed_calibration_is_one_line(tmp_path: Path, told: Any) -> None:
    path, words = saved(tmp_path)
    manifest = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**manifest, "confidence": told}))
    with pytest.raises(BadHead, match=r'^[^\n]*compact.json[^\n]*"confidence"[^\n]*copy the whole vocabulary[^\n]*$'):
        head.load(path, words)


@pytest.mark.parametrize(
    "shapes", [{SHOWS[0]: (4, 1)}, {SHOWS[1]: (1,)}, {SHOWS[0]: (4, 2), SHOWS[1]: (1,)},
               {SHOWS[0]: (3, 1), SHOWS[1]: (1,)}, {SHOWS[0]: (4, 1), SHOWS[1]: (2,)}, {SHOWS[0]: (4,), SHOWS[1]: (1,)}]
)  # fmt: skip
def test_arrays_that_do_not_tell_what_shows_anything_are_one_line(tmp_path: Path, shapes: Any) -> None:
    path, words = saved(tmp_path, shows=None)
    manifest = {
        k: v for k, v in json.loads(path.with_suffix(".json").read_text()).items() if k not in ("arrays", "sha256")
    }
    kept = arrays.load(path)
    arrays.save(path, {**kept, **{name: np.zeros(shape, np.float32) for name, shape in shapes.items()}}, manifest)
    with pytest.raises(BadHead, match=r"^[^\n]*compact.npz: [^\n]*shows_kernel[^\n]*$"):
        head.load(path, words)


@pytest.mark.parametrize("kinds", [JUDGED, nothings.LEARNED], ids=["judged", "learned"])
def test_frames_that_show_nothing_give_nothing_sure(kinds: tuple[nothings.Draw, ...], engine: Engine) -> None:
    model, rng = engine.model(), np.random.default_rng(11)
    frames = [without_bars(frame) for frame in nothings.frames(kinds, 2 * len(kinds), rng)]
    seen = model.features(frames)
    alone = [model.confidence(model.scores_of(row[None])) for row in seen]
    assert np.mean([(found >= SURE).any() for found in alone if found is not None]) <= 0.05
    assert len(alone) == 2 * len(kinds)
    together = model.confidence(model.scores_of(seen))
    assert together is not None
    assert (together < SURE).all()


def test_real_pictures_are_sure_and_as_sixteen_pixels_they_are_not(shared: Path, engine: Engine) -> None:
    model, rng = engine.model(), np.random.default_rng(0)
    alarms = []
    for slug in ("forest", "beach-sea", "food", "desert", "wedding", "children"):
        pictures = [picture_of(path) for path in sorted((shared / "data" / slug).glob("*.jpg"))[::15][:12]]
        told = model.confidence(model.scores([without_bars(one) for one in pictures]))
        assert told is not None
        assert told[WORDS.slugs.index(slug)] >= SURE, slug
        tiny = model.features([without_bars(nothings.tiny([one])(rng)) for one in pictures])
        alone = [model.confidence(model.scores_of(row[None])) for row in tiny]
        alarms += [(found >= SURE).any() for found in alone if found is not None]
    assert len(alarms) >= 60
    assert np.mean(alarms) <= 0.06, alarms


def picture_of(path: Path) -> Any:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)


def test_a_test_pattern_has_a_first_tag_and_nothing_sure(tmp_path: Path) -> None:
    pattern = nothings.source("smptehdbars", "size={size}")(np.random.default_rng(0))
    noise = np.random.default_rng(1).normal(0, 6, pattern.shape[:2])[..., None]
    grainy = np.clip(pattern + noise, 0, 255).astype(np.uint8)
    media.write(tmp_path / "pattern.mp4", iter([grainy] * 20))
    report = Tagger(Settings(backbone="compact")).extract(tmp_path / "pattern.mp4")
    assert report.shots[0].keyframe.kept
    assert report.tags[0].score == 1
    told = {tag.slug: tag.confidence for tag in report.tags}
    assert all(c is not None and c < SURE for c in told.values())
    assert told["sex"] == told["nudity"] == 0  # nothing knows them


def test_a_head_without_calibration_says_nothing_of_it_anywhere(film: media.Truth, tmp_path: Path) -> None:
    folder = tmp_path / "silent"
    (folder / "heads").mkdir(parents=True)
    shutil.copy(WORDS.folder / "labels.txt", folder)
    words, own = vocabulary.load(str(folder)), head.load(WORDS.head_path("compact"), WORDS)
    silent = replace(own, calibration=None, shows=None, vocabulary_sha256=words.sha256)
    silent.save(folder / "heads/compact.npz")
    report = Tagger(Settings(backbone="compact", vocabulary=str(folder))).extract(film.path)
    assert {tag.confidence for tag in report.tags} == {None}
    assert (report.says_confidence, report.sure, facts(report)["sure"]) == (False, (), None)
    assert "sure" not in as_table(report, 10)
    assert "-" in as_table(report, 10).splitlines()[2].split()
    assert compare(report, report).sure is None
    assert report.to_frame()["confidence"].isna().all()


SURE_TAG, DOUBTFUL, TAGS = 0, 15, 16


def toy(seed: int, count: int = 640, tags: int = TAGS) -> Answers:
    """Answers of a head that knows all tags but the last, which it says often."""
    rng = np.random.default_rng(seed)
    tag, group = np.arange(count) % tags, np.arange(count) // tags % 2
    said = np.where(tag == DOUBTFUL, rng.integers(0, DOUBTFUL, count), tag)
    z = rng.normal(0, 1, (count, tags)) + 3.0 * np.eye(tags)[said]
    z[:, DOUBTFUL] += 2.0
    right = np.eye(tags, dtype=bool)[tag]
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    nothing = scores(rng.dirichlet(np.full(tags, 0.3), 20), rng.uniform(0, 0.05, 20))
    return Answers(scores(p, rng.uniform(0.9, 1, count)), right, right, group, nothing, np.arange(20) % 4)


def brier(c: Doubles, made: Films) -> float:
    return float(((c - made.truth) ** 2).mean())


def test_confidence_that_was_learned_says_more_than_the_mean_and_doubts_what_cannot_be_told() -> None:
    every, rng = np.ones(TAGS, bool), np.random.default_rng(0)
    learned = sure.fit([films(toy(1), [0, 1], 400, rng)], every, every)
    other = films(toy(2), [0, 1], 400, rng)
    c = sure.found(other, learned)
    mean = 1 / (1 + np.exp(-other.described[..., 0]))
    prior = np.full(other.truth.shape, other.truth.mean())
    assert brier(c, other) < 0.85 * min(brier(mean, other), brier(prior, other))
    told = sure.told([(c, other)], every)
    assert told["calibration_error"] < 0.1
    assert told["precision"] > 0.7
    recall = [found["recall"] for found in told["by_tag"].values()]
    assert recall[DOUBTFUL] < 0.5 * recall[SURE_TAG]
    assert learned.offsets[DOUBTFUL] == min(learned.offsets, key=lambda offset: offset or 0)
    empty = films(toy(3), [], 200, rng)
    assert empty.nothing.all()
    assert not (sure.found(empty, learned) >= SURE).any()


def test_made_up_films_are_what_they_are_said_to_be() -> None:
    made = films(toy(1), [0, 1], 300, np.random.default_rng(5))
    assert 0.03 < made.nothing.mean() < 0.2
    assert not made.truth[made.nothing].any()
    assert made.truth[~made.nothing].any(1).all()
    assert (made.keyframes[made.nothing].max(), made.keyframes[~made.nothing].min()) <= (20, 4)
    assert made.keyframes.max() > 50 / PART


def test_one_that_is_always_right_is_not_divided_by_zero() -> None:
    right = np.eye(3, dtype=bool)[np.arange(60) % 3]
    perfect = Answers(scores(right), right, right, np.zeros(60, int), scores(np.empty((0, 3))), np.empty(0, int))
    made = films(
        replace(perfect, nothing=scores(np.full((4, 3), 1 / 3)), kind=np.arange(4)), [0], 200, np.random.default_rng(0)
    )
    learned = sure.fit([made], np.ones(3, bool), np.array([True, True, True]))
    assert np.isfinite([learned.mean, learned.strongest, *(offset or 0 for offset in learned.offsets)]).all()
    assert min(learned.mean, learned.strongest) >= 0


def test_what_shows_nothing_is_told_from_pictures() -> None:
    rng = np.random.default_rng(0)
    pictures, nothing = (rng.normal(at, 1, (60, 5)).astype(np.float32) for at in (0.7, -0.7))
    layer = shows.learn(pictures[:40], nothing[:30])
    assert (layer(pictures[40:]) > 0).mean() > 0.8
    assert (layer(nothing[30:]) < 0).mean() > 0.8


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes with a cast of their tag's colour, enough of them to hold some out."""
    folder = tmp_path_factory.mktemp("images")
    for place, tag in enumerate(("blue", "green", "red")):
        (folder / tag).mkdir()
        for number in range(6 * certain.HELD_OUT_MIN):
            picture = media.scenery(1000 * place + number, 96, 72) // 3
            picture[..., place] = np.minimum(picture[..., place] + 60 + number, 255)  # OpenCV writes BGR
            cv2.imwrite(str(folder / tag / f"{number}.jpg"), picture)
    return folder


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_a_vocabulary_of_ones_own_has_confidence(
    images: Path, tmp_path: Path, activation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certain, "FILMS", 200)
    monkeypatch.setattr(certain, "EACH", 4)
    words = ["train", str(images), "--name", "mine", "-o", str(tmp_path / "mine"), "--backbone", "compact"]
    more = ["--epochs", "20", "--activation", activation, "--cache", str(images.parent / "cache")]
    found = CliRunner().invoke(cli, [*words, *more])
    assert found.exit_code == 0, found.output
    mine = vocabulary.load(str(tmp_path / "mine"))
    one = head.load(mine.head_path("compact"), mine)
    assert one.calibration is not None
    assert one.shows is not None
    facts = json.loads((tmp_path / "mine/figures.json").read_text())["confidence"]
    assert facts["precision"] > 0.6
    assert facts["nothing"]["with_anything_sure"] < 0.4  # these pictures show little themselves
    assert "| sure tags of a film" in (tmp_path / "mine/card.md").read_text()
    media.write(tmp_path / "blue.mp4", iter([picture_of(images / "blue/7.jpg")] * 20))
    report = Tagger(Settings(vocabulary=str(mine.folder))).extract(tmp_path / "blue.mp4")
    told = {tag.slug: tag.confidence or 0 for tag in report.tags}
    assert max(told, key=lambda slug: told[slug]) == "blue"
    assert told["blue"] > told["red"]


def test_ctrl_c_among_folds_keeps_it(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(certain, "FILMS", 50)
    monkeypatch.setattr(certain, "EACH", 4)
    words = ["train", str(images), "--name", "mine", "--backbone", "compact", "--epochs", "5", "--folds", "2"]
    words += ["--cache", str(images.parent / "cache"), "-o"]
    for place, name, there in ((run, "_folded", True), (run, "_certainty", False)):
        monkeypatch.setattr(place, name, stop)
        assert CliRunner().invoke(cli, [*words, str(tmp_path / name)]).exit_code == 130
        mine = vocabulary.load(str(tmp_path / name))
        assert (head.load(mine.head_path("compact"), mine).calibration is not None) == there
        card = (tmp_path / name / "card.md").read_text()
        assert ("| sure tags of a film" in card, "None: the training was interrupted" in card) == (there, not there)


def test_too_few_pictures_have_none(images: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    for tag in ("blue", "red"):
        (few / tag).mkdir(parents=True)
        for path in sorted((images / tag).iterdir())[:20]:
            (few / tag / path.name).write_bytes(path.read_bytes())
    words = [
        "train",
        str(few),
        "--name",
        "mine",
        "-o",
        str(tmp_path / "mine"),
        "--backbone",
        "compact",
        "--epochs",
        "5",
    ]
    assert CliRunner().invoke(cli, [*words, "--cache", str(images.parent / "cache")]).exit_code == 0
    mine = vocabulary.load(str(tmp_path / "mine"))
    assert head.load(mine.head_path("compact"), mine).calibration is None
    assert "None: it wants 10 pictures" in (tmp_path / "mine/card.md").read_text()
    media.film(tmp_path / "film.mp4")
    assert {
        tag.confidence for tag in Tagger(Settings(vocabulary=str(mine.folder))).extract(tmp_path / "film.mp4").tags
    } == {None}
