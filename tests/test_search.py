"""What a search tries, what it finds, and that its winner can be trained."""

from __future__ import annotations

import csv
import json
import math
import multiprocessing
import os
import shlex
import signal
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import media
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from tagger.commands.search import search as command
from tagger.commands.train import train
from tagger.errors import BadPath, BadSettings, OutputRefused
from tagger.settings import SOFTMAX
from tagger.training import strategy
from tagger.training.recipe import FEATURES, Recipe, usual
from tagger.training.result import TrainingRequest
from tagger.training.studies import searched
from tagger.training.studies.search import search
from tagger.training.studies.searched import SearchRequest, Trial
from tagger.training.studies.spread import AXES, FINE, WHOLE, Axis, at_random, levels, on_grid

TAGS = ("blue sea", "green wood", "red rock")
EACH = 24
HARD = "--epochs 12 --patience 4 --activation softmax --batch-size 16"  # small steps: a few seconds in all
NAMES = tuple(axis.name for axis in AXES)


def numbers(recipe: Recipe) -> tuple[object, ...]:
    return tuple(getattr(recipe, name) for name in NAMES)


# What is tried.


@pytest.mark.parametrize("axis", AXES, ids=lambda axis: axis.name)
def test_an_axis_holds_the_usual_value_and_the_ends(axis: Axis) -> None:
    assert axis.at(axis.place(usual(FEATURES))) == getattr(usual(FEATURES), axis.name)
    assert [axis.at(place) for place in (0.0, 1.0)] == [axis.values[0], axis.values[-1]]
    assert list(axis.values) == sorted(set(axis.values))


def test_learning_rates_are_spread_evenly_by_factors() -> None:
    rng = np.random.default_rng(0)
    rates = [recipe.learning_rate for recipe in at_random(AXES, usual(FEATURES), WHOLE, 3000, rng)]
    counts = np.histogram(np.log10(rates), bins=3, range=(-4.001, -0.999))[0]
    assert min(counts) > 900  # of each decade


def test_random_trials_reach_everything_and_fine_ones_stay_near() -> None:
    centre = replace(usual(FEATURES), learning_rate=0.01, dropout=0.4, weight_decay=0.01, label_smoothing=0.1)
    rng = np.random.default_rng(1)
    everywhere = list(at_random(AXES, centre, WHOLE, 2000, rng))
    assert [{getattr(one, axis.name) for one in everywhere} for axis in AXES] == [{*axis.values} for axis in AXES]
    for axis in AXES:
        near = {axis.place(one) for one in at_random(AXES, centre, FINE, 200, rng)}
        steps = FINE / 2 + 1 / len(axis.values)  # values stand for all of their step
        assert all(abs(place - axis.place(centre)) <= steps for place in near)
        assert len(near) > 1


@given(st.lists(st.integers(1, 70), min_size=1, max_size=5), st.integers(1, 400))
def test_a_grid_is_as_large_as_it_may_be(sizes: list[int], count: int) -> None:
    found = levels(sizes, count)
    assert math.prod(found) <= count
    assert all(1 <= n <= size for n, size in zip(found, sizes, strict=True))
    for axis, n in enumerate(found):
        assert n == sizes[axis] or math.prod(found) // n * (n + 1) > count


def test_a_grid_covers_every_combination_from_end_to_end() -> None:
    found = {numbers(recipe) for recipe in on_grid(AXES, usual(FEATURES), WHOLE, 26)}
    assert found == {
        (rate, hidden, dropout, decay, 0.0)  # the last has the least say, and no second level
        for rate in (1e-4, 0.00316, 0.1) for hidden in ((), (1024,)) for dropout in (0.0, 0.8) for decay in (1e-5, 1.0)
    }  # fmt: skip
    assert list(on_grid(AXES, usual(FEATURES), WHOLE, 0)) == []


# What is found.


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes with a faint cast of their tag's colour, so that not every recipe is always right."""
    folder = tmp_path_factory.mktemp("search") / "my images"
    rng = np.random.default_rng(0)
    for place, tag in enumerate(TAGS):
        (folder / tag).mkdir(parents=True)
        for number in range(EACH):
            picture = media.scenery(1000 * place + number, 80, 60) // 2
            picture[..., place] += np.uint8(rng.integers(0, 60))  # OpenCV writes BGR
            cv2.imwrite(str(folder / tag / f"{number}.png"), picture)
    return folder


def called(images: Path, *more: str) -> Result:
    words = [str(images), "--backbone", "compact", "--cache", str(images.parent / "cache"), *HARD.split()]
    return CliRunner().invoke(command, [*words, *more], catch_exceptions=False)


def request(images: Path, **how: object) -> SearchRequest:
    choices = (("activation", SOFTMAX), ("epochs", 12), ("patience", 4), ("batch_size", 16))
    training = TrainingRequest(
        "NAME", (images,), Path("NAME"), choices=choices, backbone="compact", cache=images.parent / "cache"
    )
    return replace(SearchRequest(training, trials=6), **how)  # type: ignore[arg-type]


def quiet(stage: str, done: int, total: int) -> None:
    """Watches nothing."""


@pytest.fixture(scope="module")
def whole(images: Path) -> Result:
    """A search through the command, in two processes."""
    found = called(images, "--trials", "6", "--jobs", "2", "-o", str(images.parent / "found"))
    assert found.exit_code == 0, found.output
    return found


@pytest.fixture
def record(images: Path, whole: Result) -> dict[str, list[Trial]]:
    """The trials of that search, by stage."""
    path = images.parent / "found/search.json"
    trials = searched.read(path, json.loads(path.read_text())["search"])
    return {stage: [trial for trial in trials if trial.stage == stage] for stage in ("coarse", "fine")}


def test_two_thirds_are_coarse_and_begin_with_the_usual(record: dict[str, list[Trial]], images: Path) -> None:
    assert {stage: len(trials) for stage, trials in record.items()} == {"coarse": 4, "fine": 2}
    assert request(images).usual in [trial.recipe for trial in record["coarse"]]
    assert len({numbers(trial.recipe) for trials in record.values() for trial in trials}) == 6
    best = sorted(record["coarse"], key=lambda trial: (-(trial.accuracy or 0), trial.loss))[:2]
    for trial in record["fine"]:
        apart = [max(abs(axis.place(trial.recipe) - axis.place(one.recipe)) for axis in AXES) for one in best]
        assert min(apart) < FINE / 2 + 1 / 6


def test_the_table_is_sorted_by_accuracy_then_loss(whole: Result, images: Path) -> None:
    rows = list(csv.DictReader((images.parent / "found/trials.csv").read_text().splitlines()))
    order = [(-float(row["accuracy"]), float(row["loss"])) for row in rows]
    assert order == sorted(order) and len(set(order)) > 1
    assert all(float(row["seconds"]) > 0 and 1 <= int(row["epochs"]) <= 12 for row in rows)
    lines = whole.stdout.splitlines()
    assert len(lines) == 1 + 6 + 2 + 1
    for line, row in zip(lines[1:7], rows, strict=True):
        assert line.split()[5:] == [row[name] for name in NAMES]
        assert float(line.split()[1]) == pytest.approx(float(row["loss"]), abs=1e-4)


def test_the_winners_command_line_gives_its_head(
    whole: Result, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tool, name, *words = shlex.split(whole.stdout.splitlines()[-1])
    assert (tool, name) == ("movietags", "train")
    found = json.loads((images.parent / "found/search.json").read_text())
    parsed = train.make_context("train", list(words)).params
    choices = {n: v for n, v in parsed.items() if n in Recipe.__dataclass_fields__ and v is not None}
    winner = found["trials"][0]
    recipe = strategy.recipe(
        parsed["strategy"], choices.pop("seed"), {k: v for k, v in choices.items() if k != "strategy"}
    )
    assert json.loads(json.dumps(asdict(recipe))) == winner["recipe"]
    done = CliRunner().invoke(train, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    trained = json.loads((tmp_path / "NAME/figures.json").read_text())
    assert trained["recipe"] == winner["recipe"]
    tested = next(one for one in found["test"] if one["recipe"] == winner["recipe"])
    assert (trained["test"]["images"], trained["test"]["top1"]) == (tested["images"], tested["top1"])
    curves = list(csv.DictReader((tmp_path / "NAME/training/curves.csv").read_text().splitlines()))
    best = curves[trained["best_epoch"] - 1]
    assert float(best["val_accuracy"]) == pytest.approx(winner["accuracy"])
    assert float(best["val_loss"]) == pytest.approx(winner["loss"], rel=1e-3)


def test_an_interrupted_search_tells_what_it_has_and_is_gone_on_with(
    whole: Result, record: dict[str, list[Trial]], images: Path, tmp_path: Path
) -> None:
    """The trials are those of the other search, however many processes there are."""

    def stop(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("coarse trials", 2):
            raise KeyboardInterrupt

    asked = request(images, out=tmp_path)
    found = search(asked, stop)
    assert (found.ended, len(found.trials), found.tests) == ("interrupted", 2, {})
    assert found.winner
    assert searched.as_table(found).splitlines()[-1].startswith("movietags train ")
    assert not multiprocessing.active_children()

    told: list[tuple[str, int, int]] = []
    more = search(replace(asked, resume=True, jobs=2), lambda *what: told.append(what))
    assert [what for what in told if what[0].endswith("trials")] == [
        *(("coarse trials", n, 2) for n in (1, 2)), *(("fine trials", n, 2) for n in (1, 2)),
    ]  # fmt: skip
    assert more.trials.items() >= found.trials.items()
    before = {trial.recipe: trial for trials in record.values() for trial in trials}
    assert more.trials.keys() == before.keys()
    for recipe, trial in more.trials.items():
        assert (trial.accuracy, trial.loss) == (before[recipe].accuracy, before[recipe].loss)
    assert len(more.tests) in (1, 2)
    with pytest.raises(BadSettings, match="has another trials: begin a new one"):
        search(replace(asked, resume=True, trials=7), quiet)


def test_a_failed_trial_is_named_and_a_dead_process_ends_the_search(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AdamW at rate 10 with decay 1 makes every number nine times as large in each step."""
    monkeypatch.setattr(searched, "AXES", (Axis("learning_rate", (0.001, 10.0)),))
    asked = request(images, grid=True, trials=4)
    choices = (("batch_size", 1), ("epochs", 2), ("weight_decay", 1.0))

    def kill(stage: str, done: int, total: int) -> None:
        if stage == "test part":
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, signal.SIGKILL)

    found = search(replace(asked, training=replace(asked.training, choices=choices, folds=4)), kill)
    good, bad = found.ranked
    assert (good.recipe.learning_rate, good.failed, good.epochs) == (0.001, "", 8)  # two for each fold
    assert (bad.recipe.learning_rate, bad.accuracy) == (10.0, None)
    assert "the loss is no number" in bad.failed
    assert "failed: learning_rate = 10.0: is too high" in searched.as_table(found).splitlines()[2]
    assert found.winner == good
    assert ("fewer --jobs" in found.ended, found.tests) == (True, {})


# What is refused.


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--resume"], 2, "name it with -o"),
        (["--resume", "-o", "."], 1, "there is no search to go on with"),
        (["--dropout", "2"], 2, "dropout = 2.0: from 0 to 0.95"),
        (["--trials", "0"], 2, "0 is not in the range"),
        (["--folds", "1"], 2, "1 folds of"),
        (
            ["--dropout=0", "--hidden=none", "--learning-rate=1", "--weight-decay=0", "--label-smoothing=0"],
            2,
            "are all given",
        ),
    ],
)
def test_mistakes_are_refused_before_the_work(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found = called(images, *more)
    assert (found.exit_code, found.stdout) == (code, "")
    assert message in found.stderr


def test_a_folder_is_not_written_over(whole: Result, images: Path) -> None:
    with pytest.raises(OutputRefused, match="holds a search: --resume goes on with it"):
        search(request(images, out=images.parent / "found"), quiet)


def test_a_damaged_record_is_named(images: Path, tmp_path: Path) -> None:
    (tmp_path / "search.json").write_text('{"search": {}, "trials": [{}]}')
    with pytest.raises(BadPath, match=r"search.json: is no record of a search \('recipe'\)"):
        search(request(images, out=tmp_path, resume=True), quiet)


def test_pictures_that_leave_no_validation_part_are_refused(tmp_path: Path) -> None:
    for place, tag in enumerate(TAGS[:2]):
        (tmp_path / tag).mkdir()
        picture = media.scenery(50 * place, 80, 60)
        cv2.imwrite(str(tmp_path / tag / "one.png"), picture)
        cv2.imwrite(str(tmp_path / tag / "a copy.png"), picture // 2)
    with pytest.raises(BadPath, match="too few for a validation part"):
        search(request(tmp_path), quiet)
