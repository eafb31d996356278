"""Comparisons of training choices: a paired test that is right, the same folds for all, drops that are real."""

from __future__ import annotations

import csv
import itertools
import json
import math
import shutil
from pathlib import Path
from typing import Any

import cv2
import media
import networks
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagger.commands.study import study as command
from tagger.errors import BadPath, BadSettings
from tagger.evaluation.metrics import Spread
from tagger.evaluation.plots import BarSeries, bars_png
from tagger.measured import Estimate
from tagger.models.head import Dense
from tagger.text import aligned
from tagger.training.bench import Bench
from tagger.training.result import TrainingRequest
from tagger.training.studies import backbones as study
from tagger.training.studies import cross as study_cross
from tagger.training.studies import init as study_init
from tagger.training.studies.backbones import Named
from tagger.training.studies.comparison import sign_flip_p
from tagger.training.studies.cross import drawn
from tagger.training.studies.init import dead_share

EACH = 12
LIT = 24  # of each tag in each light
RED, GREEN, BLUE = (1.0, 0.1, 0.1), (0.1, 1.0, 0.1), (0.1, 0.1, 1.0)
COLD, WARM = (0.1, 0.3, 1.0), (1.0, 0.3, 0.1)
QUICK = (("epochs", 12), ("learning_rate", 0.01))
SMALL = "mobilenet-0.25-128"


def put(folder: Path, first: int, tint: tuple[float, float, float], count: int = EACH) -> None:
    """Pictures of one colour, another one for each seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + count):
        picture = media.scenery(seed, 96, 72) * np.array(tint)[::-1]  # OpenCV writes BGR
        assert cv2.imwrite(str(folder / f"{seed}.png"), picture.astype(np.uint8))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tags that a colour tells apart."""
    root = tmp_path_factory.mktemp("images") / "colours"
    for number, (name, tint) in enumerate((("Red", RED), ("Green", GREEN), ("Blue", BLUE))):
        put(root / name, 100 * number, tint)
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def request(cache: Path, *roots: Path, **fields: Any) -> TrainingRequest:
    choices = tuple(dict(QUICK, **fields.pop("choices", {})).items())
    return TrainingRequest("study", roots, Path(), choices=choices, backbone="compact", cache=cache, **fields)


def untold(name: str, done: int, total: int) -> None:
    assert 0 <= done <= total


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


# The paired test.


def by_brute_force(differences: list[float]) -> float:
    found = abs(math.fsum(differences))
    every = list(itertools.product((1, -1), repeat=len(differences)))
    far = sum(abs(math.fsum(s * d for s, d in zip(signs, differences, strict=True))) >= found - 1e-9 for signs in every)
    return far / len(every)


@given(st.lists(st.integers(-20, 20).map(lambda hundredths: hundredths / 100), min_size=1, max_size=9))
def test_the_paired_test_is_that_of_its_definition(differences: list[float]) -> None:
    assert sign_flip_p(differences) == by_brute_force(differences)


def test_ten_folds_better_by_any_amount_are_two_in_1024() -> None:
    assert sign_flip_p([0.01, 0.02, 0.5] * 3 + [0.1]) == 2 / 1024


def test_many_folds_are_drawn_and_close_to_the_exact_test() -> None:
    differences = [0.03, -0.01, 0.02, 0.01, -0.02] * 3 + [0.01, 0.02]
    flips = 1 - 2 * (np.arange(2**17)[:, None] >> np.arange(17) & 1).astype(np.int8)
    exact = (np.abs(flips @ np.array(differences)) >= sum(differences) - 1e-9).mean()
    assert sign_flip_p(differences) == pytest.approx(exact, abs=0.01)
    assert sign_flip_p([0.1] * 40) == 1 / 2**16  # never 0


# Means, tables and charts.


def test_means_leave_out_what_is_not_known() -> None:
    assert Spread.of([1.0, None, 3.0]) == Spread(2.0, math.sqrt(2))
    assert Spread.of([0.5]) == Spread(0.5, None)
    assert Spread.of([None]) is None


def test_columns_are_aligned() -> None:
    assert aligned([("a", "bcd"), ("long", "e")]).splitlines() == ["a     bcd", "long    e"]


def test_bars_are_as_high_as_their_values(tmp_path: Path) -> None:
    bars = [
        BarSeries("one", (Estimate(0.2, 0.1, 0.3), None)),
        BarSeries("two", (Estimate(0.8, 0.8, 0.8), Estimate(0.4, 0, 1))),
    ]
    bars_png(["$a_b$", "鳥" * 50], bars, tmp_path / "bars.png")
    picture = cv2.imread(str(tmp_path / "bars.png"))
    assert picture is not None
    blue, orange = (
        rows_of(np.asarray(picture, np.uint8), colour) for colour in ((0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00))
    )
    assert blue / orange == pytest.approx(0.2 / 0.8, rel=0.1)


def rows_of(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    """How many rows of a plot have a bar of a colour, wider than what stands in a legend."""
    found = (picture[..., ::-1] == colour).all(2).sum(1)
    return int((found > 60).sum())


# Backbones.


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return networks.save(SMALL, tmp_path_factory.mktemp("weights") / "random.h5")


def test_backbones_are_compared_on_the_same_folds(
    images: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOVIETAGS_WEIGHTS_URL", "http://127.0.0.1:9")  # where nobody serves any
    words = ("--folds", "3", "--epochs", "12", "--learning-rate", "0.01", "--cache", tmp_path / "cache", "-q")
    out = tmp_path / "out"
    done = run("backbones", images, "--backbones", f"compact, {SMALL}={weights},xception", *words, "-o", out)
    assert done.exit_code == 1  # xception's weights are not here
    (failed,) = (line for line in done.stderr.splitlines() if line.startswith("movietags: error: "))
    assert "xception" in failed and "could not be fetched" in failed
    head, compact, mobilenet, *_ = done.stdout.splitlines()
    assert head.split()[:3] == ["backbone", "macro", "AUC"]
    assert compact.startswith("compact ") and mobilenet.startswith(f"{SMALL} (random.h5) ")
    assert "InceptionV3 .965/.900/.906/23 M" in done.stdout
    facts = json.loads((out / "results.json").read_text())
    one, other = facts["compared"]
    assert [fold["figures"]["images"] for fold in one["folds"]] == [
        fold["figures"]["images"] for fold in other["folds"]
    ]
    assert sum(fold["figures"]["images"] for fold in one["folds"]) == 3 * EACH
    assert one["p"] is None  # the best
    differences = [a["figures"]["top1"]["value"] - b["figures"]["top1"]["value"]
                   for a, b in zip(one["folds"], other["folds"], strict=True)]  # fmt: skip
    assert other["p"] == by_brute_force(differences)
    first, second = rows(out / "table.csv")
    assert float(first["accuracy"]) == pytest.approx(np.mean([f["figures"]["top1"]["value"] for f in one["folds"]]))
    assert float(first["accuracy"]) > 0.8
    assert int(second["parameters"]) == 218_544 + 256 * 3 + 3
    assert (first["computed"], second["computed"]) == (str(3 * EACH),) * 2
    assert cv2.imread(str(out / "chart.png")) is not None


def test_where_no_backbone_can_be_used_there_is_no_table(
    images: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOVIETAGS_WEIGHTS_URL", "http://127.0.0.1:9")
    out = tmp_path / "out"
    done = run("backbones", images, "--backbones", "resnet50", "--folds", "2", "--cache", cache, "-o", out)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.endswith("nothing was done that could be shown\n")
    assert list(out.iterdir()) == []


def test_features_that_are_known_are_said_to_be(images: Path, cache: Path) -> None:
    asked = request(cache, images, folds=2)
    bench = Bench(asked, untold)
    bench.features(bench.data(), bench.base())
    found = study.backbones(asked, [Named("compact")], untold)
    assert found.compared[0].computed == 0
    assert "cached" in found.text()
    assert found.rows()[0][found.columns.index("features_s")] is None
    assert found.columns[-1] == "p" and len(found.rows()[0]) == len(found.columns)


def test_ctrl_c_keeps_the_backbones_that_are_done(images: Path, cache: Path, weights: Path) -> None:
    def stop(name: str, done: int, total: int) -> None:
        if name == f"{SMALL} (random.h5): folds" and done == 1:
            raise KeyboardInterrupt

    found = study.backbones(request(cache, images, folds=2), [Named("compact"), Named(SMALL, weights)], stop)
    assert found.interrupted
    assert [one.name for one in found.compared] == ["compact"]


def test_backbones_that_cannot_be_meant_are_refused_at_once(tmp_path: Path) -> None:
    for typed, said in (("compact,alexnet", "alexnet"), ("compact,compact", "each once"), ("none", "name some")):
        done = run("backbones", tmp_path / "nowhere", "--backbones", typed)
        assert done.exit_code == 2
        assert said in done.stderr


# Across data sets.


@pytest.fixture(scope="module")
def under_two_lights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Outside day is blue and night is orange; by lamplight it is the other way round."""
    folder = tmp_path_factory.mktemp("lights")
    put(folder / "outside/day", 0, COLD, LIT)
    put(folder / "outside/night", 100, WARM, LIT)
    put(folder / "lamp/day", 200, WARM, LIT)
    put(folder / "lamp/Night", 300, COLD, LIT)
    put(folder / "lamp/dusk", 400, (1.0, 1.0, 1.0))
    return folder / "outside", folder / "lamp"


def test_a_cast_of_colour_costs_what_cross_validation_does_not_show(
    under_two_lights: tuple[Path, Path], cache: Path, tmp_path: Path
) -> None:
    """Day and night are told apart within each light, and taken for one another across: that is worse than guessing."""
    out = tmp_path / "out"
    words = (
        "--folds",
        "2",
        "--epochs",
        "12",
        "--learning-rate",
        "0.01",
        "--cache",
        cache,
        "--backbone",
        "compact",
        "-q",
    )
    done = run("cross", *under_two_lights, *words, "-o", out)
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"2 tags, {4 * LIT} pictures" in done.stdout and "day, night; not in all sets: dusk" in done.stdout
    found = {(row["trained_on"], row["tested_on"]): row for row in rows(out / "table.csv")}
    assert len(found) == 4
    for name, other in (("outside", "lamp"), ("lamp", "outside")):
        within, across = found[name, name], found[other, name]
        assert float(across["accuracy_high"]) < 0.5 < float(within["accuracy_low"])
        assert (within["cross_validated"], across["cross_validated"]) == ("True", "False")
        assert within["pictures"] == across["pictures"] == str(2 * LIT)
    assert json.loads((out / "results.json").read_text())["learned_from"] == LIT


def test_near_copies_of_what_was_learned_are_not_asked(
    under_two_lights: tuple[Path, Path], cache: Path, tmp_path: Path
) -> None:
    outside = under_two_lights[0]
    put(tmp_path / "other/day", 500, COLD, 4)
    put(tmp_path / "other/night", 600, WARM, 4)
    shutil.copy(outside / "day/3.png", tmp_path / "other/day/the same.png")
    near = cv2.imread(str(outside / "night/104.png"))
    assert near is not None
    cv2.imwrite(str(tmp_path / "other/night/smaller.jpg"), cv2.resize(near, (80, 60)))
    found = study_cross.cross(request(cache, outside, tmp_path / "other", folds=2), untold)
    there, back = found.of(("outside",), "other"), found.of(("other",), "outside")
    assert there and there.figures and (there.figures.images, there.copies) == (8, 2)
    assert back and back.figures and (back.figures.images, back.copies) == (2 * LIT - 2, 2)


def test_a_copy_of_a_set_leaves_nothing_to_ask(
    under_two_lights: tuple[Path, Path], cache: Path, tmp_path: Path
) -> None:
    shutil.copytree(under_two_lights[0], tmp_path / "outside")
    found = study_cross.cross(request(cache, under_two_lights[0], tmp_path / "outside", folds=2), untold)
    here, there = map(str, (under_two_lights[0], tmp_path / "outside"))  # by path, as the names are the same
    across = found.of((here,), there)
    assert across and (across.figures, across.copies) == (None, 2 * LIT)
    assert found.text()


def test_of_three_sets_each_is_asked_by_a_head_of_both_others(
    under_two_lights: tuple[Path, Path], cache: Path, tmp_path: Path
) -> None:
    put(tmp_path / "third/day", 700, COLD, 4)
    put(tmp_path / "third/night", 800, WARM, 4)
    stopped = request(cache, *under_two_lights, tmp_path / "third", folds=2)

    def stop(name: str, done: int, total: int) -> None:
        if name == "heads" and done == 4:
            assert total == 3 * 2 + 3 + 3
            raise KeyboardInterrupt

    found = study_cross.cross(stopped, stop)
    assert found.interrupted
    pairs = [(one.trained_on, one.tested_on) for one in found.tested]
    assert pairs == [
        (("outside",), "outside"), (("outside",), "lamp"), (("outside",), "third"), (("lamp", "third"), "outside")
    ]  # fmt: skip
    assert found.learned_from == 4
    assert found.text().splitlines()[-1].split() == ["third", "-", "-", "-"]


def test_sets_without_common_tags_are_refused(images: Path, under_two_lights: tuple[Path, Path], cache: Path) -> None:
    with pytest.raises(BadPath, match="need 2 tags in common, have none"):
        study_cross.cross(request(cache, images, under_two_lights[0], folds=2), untold)
    with pytest.raises(BadSettings, match="two folders or more, each once"):
        study_cross.cross(request(cache, images, images / ".", folds=2), untold)


def test_a_tag_with_one_picture_is_refused_by_name(images: Path, cache: Path, tmp_path: Path) -> None:
    shutil.copytree(images, tmp_path / "few")
    for path in sorted((tmp_path / "few/Green").iterdir())[1:]:
        path.unlink()
    with pytest.raises(BadPath, match=r"few: too few pictures of 'Green' \(1\)"):
        study_cross.cross(request(cache, images, tmp_path / "few", folds=2), untold)


def test_a_draw_has_each_tag_in_its_share() -> None:
    tag = np.repeat([0, 1, 2], [600, 300, 1])
    chosen = drawn(tag, 90, 0)
    assert np.bincount(tag[chosen]).tolist() in ([59, 30, 1], [60, 29, 1])
    assert (np.diff(chosen) > 0).all()
    assert chosen.tolist() != drawn(tag, 90, 1).tolist()


# Initial numbers.


def test_zeros_learn_nothing_and_batch_norm_mends_small_numbers(images: Path, cache: Path) -> None:
    asked = request(cache, images, choices={"hidden": (32,) * 7, "batch_size": 8, "epochs": 25, "dropout": 0.0})
    found = study_init.initialisations(asked, 1, untold)
    of = {(one.init, one.batch_norm): one for one in found.begun}
    assert len(of) == len(found.rows()) == 8
    for norm in (False, True):
        assert of["zeros", norm].dead == 1
        assert max(of["zeros", norm].val_accuracy) <= found.guessing < 0.5
        assert of["zeros", norm].first_loss == pytest.approx(math.log(3), abs=0.05)
    assert max(of["glorot", False].val_accuracy) > 2 * found.guessing
    assert max(of["he", False].val_accuracy) > 2 * found.guessing
    assert of["glorot", False].dead < 0.5
    assert max(of["small", False].val_accuracy) <= found.guessing
    assert max(of["small", True].val_accuracy) > 2 * found.guessing


def test_ctrl_c_keeps_the_heads_that_are_done(images: Path, cache: Path) -> None:
    def stop(name: str, done: int, total: int) -> None:
        if name == "heads" and done == 1:
            raise KeyboardInterrupt

    found = study_init.initialisations(request(cache, images, choices={"hidden": (4,)}), 2, stop)
    assert found.interrupted
    ((init, norm, seeds, *_),) = found.rows()
    assert (init, norm, seeds) == ("zeros", False, 1)
    assert "zeros" in found.text()


def test_dead_units_by_hand() -> None:
    rows = np.array([[1, 0], [0, 1]], np.float32)
    first = Dense(np.array([[1, -1, 0], [1, -1, 2]], np.float32), np.zeros(3, np.float32))  # the second never fires
    second = Dense(np.array([[1], [5], [1]], np.float32), np.array([-9], np.float32))  # nor does this
    assert dead_share((first, second), rows) == 2 / 4


def test_a_study_of_beginnings_needs_seeds_and_hidden_layers(images: Path, cache: Path) -> None:
    for seeds, hidden in ((0, (4,)), (1, ())):
        with pytest.raises(BadSettings, match="both are needed"):
            study_init.initialisations(request(cache, images, choices={"hidden": hidden}), seeds, untold)


def test_options_that_are_compared_or_of_no_use_are_not_offered() -> None:
    for name, hidden in (("backbones", "--augment"), ("cross", "--unfreeze"), ("init", "--batch-norm")):
        text = run(name, "--help").output
        assert hidden not in text and "--learning-rate" in text
    assert "[default: 256,256]" in run("init", "--help").output
