"""From folders of pictures to a vocabulary that tags films."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import interrupts
import media
import numpy as np
import pytest
from click.testing import CliRunner, Result

from cli import cli
from tagger import vocabulary
from tagger.files import Lock
from tagger.models import head
from tagger.models.compact import CompactBackbone
from tagger.training import strategy
from tagger.training.dataset import collect
from tagger.training.splits import split

TAGS = ("Blue sea", "green_wood", "red-rock")
EACH = 24


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.coloured(tmp_path_factory.mktemp("images"), TAGS, EACH, 0)


def train(images: Path, out: Path, *more: str) -> Result:
    words = ["train", str(images), "--name", "colours", "-o", str(out), "--epochs", "30", *more]
    return CliRunner().invoke(cli, [*words, "--cache", str(images.parent / "cache")])


@pytest.fixture(scope="module")
def trained(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "colours"
    found = train(images, out)
    assert found.exit_code == 0, found.output
    return out


def figures(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "figures.json").read_text())
    return found


def split_of(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((out / "training/split.csv").read_text().splitlines()))


def test_the_folder_is_a_vocabulary_at_once(trained: Path, film: media.Truth) -> None:
    words = vocabulary.load(str(trained))
    assert words.tags == TAGS
    assert head.load(words.head_path("compact"), words).trained == (True,) * 3
    found = CliRunner().invoke(cli, ["extract", str(film.path), "--vocab", str(trained), "-o", str(trained.parent)])
    assert found.exit_code == 0, found.output
    report = json.loads(next(trained.parent.glob("*.tags.json")).read_text())
    assert {tag["tag"] for tag in report["tags"]} == {*TAGS}
    assert report["model"]["vocabulary"] == "colours"


def test_it_has_learned_the_colours(trained: Path) -> None:
    found = figures(trained)
    assert found["test"]["top1"]["value"] >= 0.8
    assert found["test"]["images"] == sum(tag["test"] for tag in found["tags"])
    assert found["ended"] == "epochs" and found["epochs"] == 30


def test_one_folder_is_for_one_training_at_a_time(images: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with Lock(tmp_path / "out/.lock"):
        done = train(images, tmp_path / "out")
    assert done.exit_code == 75
    assert f"in use by process {os.getpid()} on " in done.output


def test_card_and_record_say_what_was_done(trained: Path) -> None:
    card = (trained / "card.md").read_text()
    assert all(tag in card for tag in TAGS)
    assert "test pictures come from the same folders" in card.replace("\n", " ")
    record = trained / "training"
    names = {path.name for path in record.iterdir()}
    assert names == {
        "run.json", "split.csv", "curves.csv", "curves.png", "confusion.csv", "confusion.png", "tags.csv",
        "gallery.html",
    }  # fmt: skip
    rows = split_of(trained)
    assert len(rows) == 3 * EACH
    assert {row["part"] for row in rows} == {"train", "validation", "test"}


def test_it_answers_as_it_was_measured(trained: Path, images: Path) -> None:
    """The written head, asked about the test pictures as `extract` asks, is as good as the card says."""
    from tagger.pipeline import Engine
    from tagger.settings import Settings

    data = collect([images])
    part = {row["sha256"]: row["part"] for row in split_of(trained)}
    test = [place for place, sha256 in enumerate(data.sha256) if part[sha256.hex()] == "test"]
    pictures = [cv2.cvtColor(cv2.imread(str(data.paths[place])), cv2.COLOR_BGR2RGB) for place in test]  # type: ignore[arg-type]
    model = Engine(Settings(vocabulary=str(trained))).model()
    answers = model.scores([np.asarray(picture, np.uint8) for picture in pictures]).evidence.argmax(1)
    assert (answers == data.tag[test]).mean() == pytest.approx(figures(trained)["test"]["top1"]["value"])


def test_the_same_seed_gives_the_same_head_without_looking_again(
    trained: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: CompactBackbone, pictures: object) -> None:
        raise AssertionError("features are in the store")

    monkeypatch.setattr(CompactBackbone, "features", never)
    assert train(images, tmp_path / "again").exit_code == 0
    one, again = ((out / "heads/compact.npz").read_bytes() for out in (trained, tmp_path / "again"))
    assert one == again


def test_another_seed_splits_and_learns_anew(trained: Path, images: Path, tmp_path: Path) -> None:
    assert train(images, tmp_path / "other", "--seed", "1").exit_code == 0
    one, other = ((out / "training/split.csv").read_text() for out in (trained, tmp_path / "other"))
    assert one != other


@pytest.mark.parametrize("fault", ["split", "missing", "resume"])
def test_a_training_that_is_refused_leaves_no_folder(images: Path, tmp_path: Path, fault: str) -> None:
    for part in ("train", "val"):
        (tmp_path / "parts" / part).mkdir(parents=True)
        for tag in TAGS:
            (tmp_path / "parts" / part / tag).symlink_to(images / tag)
    root = {"split": tmp_path / "parts", "missing": tmp_path / "none", "resume": images}[fault]
    assert train(root, tmp_path / "new/out", *["--resume"] * (fault == "resume")).exit_code == 1
    assert not (tmp_path / "new").exists()


def test_a_folder_with_something_in_it_is_refused(trained: Path, images: Path, tmp_path: Path) -> None:
    found = train(images, trained)
    assert found.exit_code == 1
    assert "is not empty: --resume goes on" in found.output
    (tmp_path / "note.txt").touch()
    found = train(images, tmp_path)
    assert (found.exit_code, "name another with -o" in found.output) == (1, True)
    found = train(images, tmp_path / "none", "--resume")
    assert (found.exit_code, "no training to go on with" in found.output) == (1, True)


def test_resuming_with_other_choices_is_refused(trained: Path, images: Path) -> None:
    found = train(images, trained, "--resume", "--dropout", "0.1")
    assert found.exit_code == 2
    assert "has another recipe" in found.output


def test_wrong_choices_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    found = train(tmp_path / "nowhere", tmp_path / "out", "--dropout", "2")
    assert (found.exit_code, "dropout = 2.0: from 0 to 0.95" in found.output) == (2, True)


def test_odd_folders_are_named_all_at_once(tmp_path: Path) -> None:
    images = media.coloured(tmp_path / "images", TAGS, EACH, 0)
    for name in ("___", "Red-Rock ", "empty"):
        (images / name).mkdir()
    found = train(images, tmp_path / "out")
    assert found.exit_code == 1
    assert found.output.count("\n") == 1
    assert all(name in found.output for name in ("___", "Red-Rock ", "empty"))


def test_folds_and_other_images_stand_on_the_card(images: Path, tmp_path: Path) -> None:
    other = media.coloured(tmp_path / "other", TAGS, EACH, 50_000)
    (other / "sky").mkdir()
    (other / "sky/1.jpg").write_bytes((other / TAGS[0] / "0.jpg").read_bytes())
    copied = sorted((images / TAGS[0]).iterdir())[:5]
    for path in copied:
        (other / TAGS[0] / f"copy {path.name}").write_bytes(path.read_bytes())
    found = train(images, tmp_path / "out", "--folds", "3", "--test", str(other))
    assert found.exit_code == 0, found.output
    known = figures(tmp_path / "out")
    assert known["cross_validation"]["images"] == 3 * EACH
    (asked,) = known["other_images"]
    assert asked["folder"] == "other"
    assert 3 * EACH <= asked["images"] <= 3 * EACH + 5 - asked["copies_left_out"]
    assert asked["copies_left_out"] >= 1
    card = (tmp_path / "out/card.md").read_text()
    assert "cross-validation, 3 folds" in card and "copies left out, and 1 of other tags" in card
    assert asked["images_left_out"] == 1
    assert f"of {asked['images']} of {asked['images'] + 1} pictures\n" in found.output


def test_a_picture_in_two_folders_has_two_tags(images: Path, tmp_path: Path) -> None:
    both = media.coloured(tmp_path / "both", TAGS, EACH, 0)
    for path in sorted((both / TAGS[0]).iterdir())[:10]:
        (both / TAGS[1] / f"too {path.name}").write_bytes(path.read_bytes())
    found = train(both, tmp_path / "out", "--activation", "sigmoid")
    assert found.exit_code == 0, found.output
    known = figures(tmp_path / "out")
    assert known["pictures"] == 3 * EACH
    assert sum(tag["pictures"] for tag in known["tags"]) == 3 * EACH + 10
    words = vocabulary.load(str(tmp_path / "out"))
    assert head.load(words.head_path("compact"), words).activation == "sigmoid"


@pytest.mark.parametrize("strategy", ["augment", "fine-tune", "scratch"])
def test_the_other_strategies_give_vocabularies_too(
    strategy: str, images: Path, tmp_path: Path, film: media.Truth
) -> None:
    out = tmp_path / "out"
    found = train(images, out, "--strategy", strategy, "--epochs", "1", "--limit-per-tag", "12")
    assert found.exit_code == 0, found.output
    assert figures(out)["recipe"]["strategy"] == strategy
    assert (out / "backbones/compact.npz").exists() == (strategy != "augment")
    found = CliRunner().invoke(cli, ["extract", str(film.path), "--vocab", str(out)])
    assert found.exit_code == 0, found.output


def test_auto_says_why(images: Path, tmp_path: Path) -> None:
    found = train(images, tmp_path / "out", "--strategy", "auto", "--augment", "flip")
    assert found.exit_code == 0, found.output
    why = figures(tmp_path / "out")["why"]
    assert why.startswith(("features: 24 pictures of a tag (few", "augment: 24 pictures of a tag (few"))
    assert why in found.output


def test_auto_trains_no_backbone_that_cannot_be_trained(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategy, "MANY", EACH)
    monkeypatch.setattr(strategy, "NEAR", 0)
    data = collect([images])
    parts = split(data, 0)
    rows = data.right.astype(np.float32)
    chosen, why = strategy.choose("auto", 0, {}, data, rows, parts, True)
    assert (chosen.strategy, why.split(":")[0]) == ("fine-tune", "fine-tune")
    chosen, why = strategy.choose("auto", 0, {}, data, rows, parts, False)
    assert (chosen.strategy, why.split(":")[0]) == ("features", "features")
    assert why.endswith("the backbone cannot be trained itself")


def test_ctrl_c_keeps_the_best_and_resume_goes_on(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [sys.executable, "-m", "tagger", "train", str(images), "--name", "colours", "-o", str(out)]
    words += ["--epochs", "100000", "--patience", "0", "--cache", str(images.parent / "cache")]
    running = interrupts.started(words)
    deadline = time.monotonic() + 90
    while not (out / "training/state.npz").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    first = figures(out)
    assert first["ended"] == "interrupted"
    assert "**The training was interrupted**" in (out / "card.md").read_text()
    assert "None: the training was interrupted before." in (out / "card.md").read_text()
    assert vocabulary.load(str(out)).tags == TAGS
    words[words.index("100000")] = str(first["epochs"] + 20)
    again = subprocess.run([*words, "--resume"], capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode == 0, again.stderr
    assert (figures(out)["ended"], figures(out)["epochs"]) == ("epochs", first["epochs"] + 20)
    assert not (out / "training/state.npz").exists()


def test_what_would_fail_after_the_training_is_refused_before_it(images: Path, tmp_path: Path) -> None:
    for number, (words, said) in enumerate(
        [
            (("--folds", "1"), "1 folds"),
            (("--folds", "5000"), "5000 folds"),
            (("--test", str(tmp_path / "nowhere")), "nowhere"),
            (("--test", str(tmp_path)), "no"),
        ]
    ):
        found = train(images, tmp_path / str(number), *words)
        assert found.exit_code in (1, 2) and said in found.output, found.output
        assert not (tmp_path / str(number) / "labels.txt").exists()
        assert train(images, tmp_path / str(number), "--epochs", "1").exit_code == 0  # the folder is free


def test_too_few_pictures_to_validate_with_are_one_line(tmp_path: Path) -> None:
    for place, tag in enumerate(("one", "two")):
        (tmp_path / "images" / tag).mkdir(parents=True)
        for kind in ("png", "jpg"):  # near copies, which stay on one side
            cv2.imwrite(str(tmp_path / "images" / tag / f"one.{kind}"), media.scenery(place, 160, 120))
    found = train(tmp_path / "images", tmp_path / "out")
    assert (found.exit_code, found.output.count("\n")) == (1, 1)
    assert "too few pictures" in found.output


def test_a_run_that_diverged_leaves_the_folder_free(images: Path, tmp_path: Path) -> None:
    wild = ("--learning-rate", "10", "--hidden", ",".join(["256"] * 8), "--init", "he", "--batch-size", "4")
    found = train(images, tmp_path / "out", *wild)
    assert (found.exit_code, "the loss is no number" in found.output) == (2, True), found.output
    again = train(images, tmp_path / "out")
    assert again.exit_code == 0, again.output


def test_a_vocabulary_is_not_put_among_the_images(images: Path) -> None:
    found = train(images, images / "mine")
    assert (found.exit_code, "as one more tag" in found.output) == (1, True)
    assert not (images / "mine").exists()


@pytest.mark.parametrize("name", ["", "../up", "two\nlines"])
def test_names_that_are_none_are_refused(images: Path, tmp_path: Path, name: str) -> None:
    found = CliRunner().invoke(cli, ["train", str(images), "--name", name, "-o", str(tmp_path / "out")])
    assert (found.exit_code, "take letters and digits" in found.output) == (2, True)


def test_ctrl_c_between_folds_keeps_the_head_and_says_so(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tagger.training import run

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "_folded", stopped)
    found = train(images, tmp_path / "out", "--folds", "3")
    assert found.exit_code == 130
    assert figures(tmp_path / "out")["cross_validation"] is None
    assert vocabulary.load(str(tmp_path / "out")).tags == TAGS
