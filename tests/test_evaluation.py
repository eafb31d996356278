"""`movietags evaluate images`: figures against their definitions, folders as people have them, broken pictures."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import media
import numpy as np
import pytest

import cli
from tagger import vocabulary
from tagger.errors import BadPath
from tagger.evaluation.figures import TagFigures
from tagger.evaluation.images import Evaluation, as_json, as_table, evaluate
from tagger.images import Pixels, decode_picture, without_bars
from tagger.models import head, registry
from tagger.models.backbone import Backbone
from tagger.pipeline import Engine
from tagger.records import ModelInfo, TagScores
from tagger.settings import Settings

TAGS = ("Red", "Green", "Blue", "Never seen")
RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


class Colours:
    """A model whose evidence for three tags is how far their colour is above 100; it has none for the fourth."""

    def __init__(self, batch_size: int | None = None) -> None:
        self.backbone = SimpleNamespace(input_size=8, batch_size=batch_size)
        self.batches: list[int] = []

    def scores(self, pictures: list[Pixels]) -> TagScores:
        self.batches.append(len(pictures))
        y = np.maximum(np.array([[*picture.mean((0, 1)), 0] for picture in pictures]) / 100 - 1, 0).astype(np.float32)
        return TagScores(np.exp(y) / np.exp(y).sum(1, keepdims=True), y)

    def info(self, vocabulary_name: str) -> ModelInfo:
        return ModelInfo(vocabulary_name, "colours/mean", "h", "b")


class Knower:
    """Stands in for an `Engine`."""

    def __init__(self, settings: Settings) -> None:
        self.vocabulary, self.knows = vocabulary.load(settings.vocabulary), Colours(settings.batch_size)

    def describe(self) -> str:
        return "knows colours"

    def advice(self) -> None:
        """Nothing is better."""

    def model(self) -> Colours:
        return self.knows


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words")
    (folder / "labels.txt").write_text("\n".join(TAGS))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pictures"


def put(path: Path, colour: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((12, 16, 3), colour[::-1], np.uint8))


def judged(words: Path, folder: Path) -> Evaluation:
    return evaluate(cast(Engine, Knower(Settings(vocabulary=str(words), batch_size=3))), folder)


@pytest.fixture
def sorted_by_hand(folder: Path) -> Path:
    """Eight pictures, four with a right answer, one with the right tag second."""
    put(folder / "red/1.png", RED)
    put(folder / "red/2 green.png", (0, 190, 0))
    put(folder / "red/deep/down/3.png", (200, 150, 0))
    put(folder / "green/1.png", GREEN)
    put(folder / "green/2 red, then green.png", (210, 150, 0))
    put(folder / "blue/1.png", BLUE)
    put(folder / "blue/2 nothing.png", (50, 50, 50))
    put(folder / "never-seen/1 red.png", (205, 0, 0))
    return folder


def area_over_thresholds(score: Any, positive: Any) -> float:
    """Average precision from its definition."""
    total = before = 0.0
    for threshold in sorted(set(score), reverse=True):
        above = positive[score >= threshold]
        total += above.mean() * (above.sum() / positive.sum() - before)
        before = above.sum() / positive.sum()
    return float(total)


def pairs_in_order(score: Any, positive: Any) -> float:
    """The area under the ROC curve from its definition."""
    return float(np.mean([(a > b) + (a == b) / 2 for a in score[positive] for b in score[~positive]]))


def test_figures_by_hand(words: Path, sorted_by_hand: Path) -> None:
    found = judged(words, sorted_by_hand)
    assert found.images == 8
    assert (found.accuracy.top1, found.accuracy.top3, found.accuracy.top5) == (4 / 8, 5 / 8, 5 / 8)
    assert found.macro.top1 == pytest.approx((2 / 3 + 1 / 2 + 1 / 2 + 0) / 4)
    assert found.macro.top3 == found.macro.top5 == pytest.approx((2 / 3 + 1 + 1 / 2 + 0) / 4)
    assert [(tag.slug, tag.images, tag.precision) for tag in found.per_tag] == [
        ("red", 3, 2 / 4),  # the picture without evidence is not answered with the first tag
        ("green", 2, 1 / 2),
        ("blue", 2, 1.0),
        ("never-seen", 1, None),
    ]
    assert [tag.recall for tag in found.per_tag] == pytest.approx([2 / 3, 1 / 2, 1 / 2, 0])


def test_areas_and_calibration_are_those_of_the_definitions(words: Path, sorted_by_hand: Path) -> None:
    found = judged(words, sorted_by_hand)
    # In the order of the folders' names: blue, green, never-seen, red.
    colours = [BLUE, (50, 50, 50), GREEN, (210, 150, 0), (205, 0, 0), RED, (0, 190, 0), (200, 150, 0)]
    tag = np.array([2, 2, 1, 1, 3, 0, 0, 0])
    p = Colours().scores([np.full((8, 8, 3), colour, np.uint8) for colour in colours]).probabilities
    for index, figures in enumerate(found.per_tag):
        assert figures.average_precision == pytest.approx(area_over_thresholds(p[:, index], tag == index))
        assert figures.auc == pytest.approx(pairs_in_order(p[:, index], tag == index))
    right = np.array([True, False, True, False, False, True, False, True])
    bins = (p.max(1) * 15).astype(int)
    expected = sum(abs((p.max(1) - right)[bins == b].sum()) for b in set(bins.tolist())) / 8
    assert found.calibration_error == pytest.approx(expected, abs=1e-6)


def test_a_picture_under_two_tags_is_right_with_either_and_counts_for_each(words: Path, folder: Path) -> None:
    for path in ("red/same.png", "green/copy/same.png", "blue/other.png"):
        put(folder / path, BLUE if "blue" in path else RED)
    found = judged(words, folder)
    assert (found.images, found.accuracy.top1) == (3, 1.0)
    red, green, blue, _ = found.per_tag
    assert (red.images, red.precision, red.recall) == (1, 1.0, 1.0)
    assert (green.images, green.precision, green.recall) == (1, None, 1.0)  # never answered, and never missed
    assert (red.auc, blue.auc) == (1.0, 1.0)  # the copy is no counter-example


def test_tags_without_pictures_are_null_and_not_in_the_mean(words: Path, folder: Path) -> None:
    put(folder / "red/1.png", RED)
    found = judged(words, folder)
    assert found.macro.top1 == 1.0
    assert found.per_tag[0] == TagFigures("red", 1, 1.0, 1.0, 1.0, 1.0, None)  # no other picture to be told from
    assert found.per_tag[1] == TagFigures("green", 0, None, None, None, None, None)
    assert json.loads(as_json(found))["per_tag"][3] == {
        "slug": "never-seen", "images": 0, "precision": None, "recall": None, "average_precision": None, "auc": None,
    }  # fmt: skip


def test_pictures_are_looked_at_in_batches(words: Path, sorted_by_hand: Path) -> None:
    knower = Knower(Settings(vocabulary=str(words), batch_size=3))
    told: list[tuple[int, int]] = []
    evaluate(cast(Engine, knower), sorted_by_hand, lambda done, files: told.append((done, files)))
    assert knower.knows.batches == [3, 3, 2]
    assert told == [(done, 8) for done in range(1, 9)]


def test_what_is_no_picture_is_named_and_the_rest_is_done(words: Path, sorted_by_hand: Path) -> None:
    whole = (sorted_by_hand / "red/1.png").read_bytes()
    (sorted_by_hand / "red/empty.jpg").write_bytes(b"")
    (sorted_by_hand / "red/text.jpg").write_text("no picture")
    (sorted_by_hand / "red/part.png").write_bytes(whole[: len(whole) * 2 // 3])
    (sorted_by_hand / "red/a.gif").symlink_to("nowhere")
    os.mkfifo(sorted_by_hand / "red/pipe.png")
    found = judged(words, sorted_by_hand)
    assert found.images == 8
    assert {Path(one.path).name: one.reason for one in found.skipped} == {
        "a.gif": "is a link that leads nowhere",
        "pipe.png": "is no regular file",
        "empty.jpg": "is empty",
        "part.png": "is no picture that OpenCV can read, or a part of one",
        "text.jpg": "is no picture that OpenCV can read, or a part of one",
    }


def test_links_to_files_and_to_tags_are_followed_and_no_others(words: Path, folder: Path, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere/1.png", RED)
    put(folder / "red/2.png", (201, 0, 0))
    (folder / "red/1.png").symlink_to(tmp_path / "elsewhere/1.png")
    (folder / "red/loop").symlink_to(folder)
    (folder / "green").symlink_to(tmp_path / "elsewhere")
    found = judged(words, folder)
    assert [tag.images for tag in found.per_tag] == [2, 1, 0, 0]
    assert [one.path for one in found.skipped] == [str(folder / "red/loop")]
    assert found.skipped[0].reason == "is a link to a folder, which is not followed: it leads to a folder that holds it"


def test_folders_that_are_no_tag_are_left_out(words: Path, sorted_by_hand: Path) -> None:
    put(sorted_by_hand / "zebra/1.png", BLUE)
    put(sorted_by_hand / "zebra/deep/2.png", BLUE)
    (sorted_by_hand / "zebra/notes.txt").write_text("no picture")
    put(sorted_by_hand / "stray.png", BLUE)
    found = judged(words, sorted_by_hand)
    assert (found.images, found.left_out, found.images_left_out) == (8, ("zebra",), 2)
    assert json.loads(as_json(found))["images_left_out"] == 2
    lines = as_table(found).splitlines()
    assert lines[5].split(None, 3)[-1].startswith("8 of 10  first")
    assert lines[-1] == "all of 8 of 10 pictures: the others are in folders that are no tags"


def test_folders_without_anything_to_measure_say_so(words: Path, folder: Path) -> None:
    with pytest.raises(BadPath, match=r"pictures: no folder of pictures \(No such file or directory\)"):
        judged(words, folder)
    with pytest.raises(BadPath, match=r"labels.txt: no folder of pictures \(Not a directory\)"):
        judged(words, words / "labels.txt")
    folder.mkdir()
    with pytest.raises(BadPath, match=r"\(found: none\): they are named as tags are, such as red"):
        judged(words, folder)
    for number in range(12):
        (folder / f"Never seen {number:02}").mkdir()
    with pytest.raises(BadPath, match=r"found: Never seen 00, .*Never seen 09, \.\.\.\)"):
        judged(words, folder)
    (folder / "red").mkdir()
    with pytest.raises(BadPath, match="the folders of its tags hold no picture$"):
        judged(words, folder)
    (folder / "red/1.png").write_bytes(b"")
    with pytest.raises(BadPath, match=r"no picture: 1 skipped, the first .*1\.png: is empty"):
        judged(words, folder)


def test_too_many_bytes_are_not_read(words: Path, sorted_by_hand: Path) -> None:
    with (sorted_by_hand / "red/film.mp4").open("wb") as film:
        film.truncate(2**30 + 1)  # takes no room
    (one,) = judged(words, sorted_by_hand).skipped
    assert one.reason == "is over 1073741824 bytes, more than are read"


def test_the_table_has_a_line_for_each_tag_and_the_totals(words: Path, sorted_by_hand: Path) -> None:
    lines = as_table(judged(words, sorted_by_hand)).splitlines()
    assert [line.split() for line in lines[1:5]] == [
        ["red", "3", "0.50", "0.67", "0.50", "0.60"],
        ["green", "2", "0.50", "0.50", "0.70", "0.75"],
        ["blue", "2", "1.00", "0.50", "1.00", "1.00"],
        ["never-seen", "1", "-", "0.00", "0.17", "0.29"],
    ]
    assert lines[5].split(None, 3)[-1] == "8  first 0.500, among three 0.625, among five 0.625"
    assert lines[6].split(None, 4)[-1] == "4  first 0.417, among three 0.542, among five 0.542"
    assert lines[7].startswith("calibration error")


# Pictures as files have them.


def test_depth_grey_and_transparency_become_rgb() -> None:
    colour = np.zeros((4, 6, 3), np.uint16)
    colour[...] = (0, 0, 200 * 257)  # OpenCV writes BGR
    for stored in (colour, (colour // 257).astype(np.uint8), cv2.cvtColor(colour, cv2.COLOR_BGR2BGRA)):
        found = decode_picture(cv2.imencode(".png", stored)[1].tobytes())
        assert (str(found.dtype), found.shape, found[0, 0].tolist()) == ("uint8", (4, 6, 3), [200, 0, 0])
    grey = decode_picture(cv2.imencode(".png", np.full((4, 6), 77, np.uint8))[1].tobytes())
    assert np.array_equal(grey, np.full((4, 6, 3), 77))


def test_cmyk_becomes_rgb() -> None:
    def segment(mark: int, *body: int) -> bytes:
        return bytes([0xFF, mark]) + (len(body) + 2).to_bytes(2, "big") + bytes(body)

    inks = range(1, 5)
    code = [1] + [0] * 15 + [0]  # a single word of one bit, "0": a block without coefficients is two of them
    body = b"".join([
        b"\xff\xd8", segment(0xDB, 0, *[1] * 64),
        segment(0xC0, 8, 0, 8, 0, 8, 4, *(value for ink in inks for value in (ink, 0x11, 0))),
        segment(0xC4, 0x00, *code), segment(0xC4, 0x10, *code),
        segment(0xDA, 4, *(value for ink in inks for value in (ink, 0)), 0, 63, 0), b"\x00\xff\xd9",
    ])  # fmt: skip
    found = decode_picture(body)
    assert (str(found.dtype), found.shape) == ("uint8", (8, 8, 3))
    assert len(np.unique(found)) == 1  # the same of each ink is a grey


def test_pictures_stand_upright() -> None:
    lying = np.zeros((16, 32, 3), np.uint8)
    lying[:, :16, 2] = 200  # red on the left
    body = cv2.imencode(".jpg", lying)[1].tobytes()
    turn = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)  # clockwise
    found = decode_picture(body[:2] + b"\xff\xe1" + struct.pack(">H", len(turn) + 2) + turn + body[2:])
    assert found.shape == (32, 16, 3)
    assert found[4, 8, 0] > 150
    assert found[28, 8, 0] < 50


# The command.


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, list[str]]:
    """Exit code, stdout and the lines of stderr."""
    with pytest.raises(SystemExit) as done:
        cli.cli(["evaluate", "images", *map(str, words)], prog_name="movietags")
    said = capsys.readouterr()
    return int(done.value.code or 0), said.out, said.err.splitlines()


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagger.pipeline.Engine", Knower)


@pytest.mark.usefixtures("colours")
def test_table_on_stdout_and_what_was_left_out_on_stderr(
    capsys: pytest.CaptureFixture[str], words: Path, sorted_by_hand: Path
) -> None:
    (sorted_by_hand / "zebra").mkdir()
    for number in range(12):
        (sorted_by_hand / f"red/{number:02}.jpg").write_bytes(b"")
    code, out, err = run(capsys, words, sorted_by_hand)
    assert code == 0
    assert out == as_table(judged(words, sorted_by_hand)) + "\n"
    assert err[:2] == ["movietags: knows colours", f"movietags: left out, no tags of {words.name}: zebra"]
    assert err[2:12] == [f"movietags: {sorted_by_hand}/red/{number:02}.jpg: is empty" for number in range(10)]
    assert err[12:] == ["movietags: and 2 more: 12 skipped in all"]
    assert run(capsys, words, sorted_by_hand, "-q") == (0, out, [])


@pytest.mark.usefixtures("colours")
def test_the_bar_is_for_terminals(
    capsys: pytest.CaptureFixture[str], words: Path, sorted_by_hand: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagger.commands.console.BAR_STEP_S", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "8 of 8 pictures" in "".join(run(capsys, words, sorted_by_hand)[2])
    assert run(capsys, words, sorted_by_hand, "-q")[2] == []


@pytest.mark.usefixtures("colours")
@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--output", "-"], 2, "--output names a file"),
        (["--output", "."], 2, "is a directory"),
        (["--output", "file/figures.json"], 1, "error: file: no folder to write to"),
        (["--batch-size", "0"], 2, "batch_size = 0: from 1"),
        (["--backbone"], 2, "requires an argument"),
    ],
)
def test_mistakes_are_refused_before_the_work(
    capsys: pytest.CaptureFixture[str], words: Path, sorted_by_hand: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, more: list[str], code: int, message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(Colours, "scores", lambda *_: pytest.fail("looked at pictures"))
    ended, out, err = run(capsys, words, sorted_by_hand, *more)
    assert (ended, out) == (code, "")
    assert message in err[-1]


@pytest.mark.usefixtures("colours")
def test_nothing_to_read_is_an_error(capsys: pytest.CaptureFixture[str], words: Path, folder: Path) -> None:
    (folder / "red").mkdir(parents=True)
    (folder / "red/1.jpg").write_bytes(b"")
    code, out, err = run(capsys, words, folder, "-q")
    assert (code, out, len(err)) == (1, "", 1)
    assert "hold no picture: 1 skipped" in err[0]
    code, _, err = run(capsys, "nowhere", folder, "-q")
    assert code == 1
    assert "vocabulary nowhere: neither shipped" in err[0]


def test_a_picture_too_large_is_refused_by_its_header(words: Path, sorted_by_hand: Path) -> None:
    """In a process of its own, as OpenCV reads its limit when it is loaded."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    size = struct.pack(">IIBBBBB", 20_000, 10_001, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    for path in sorted_by_hand.rglob("*.png"):
        path.write_bytes(bomb)
    command = [sys.executable, "-m", "tagger", "evaluate", "images", "movies50", str(sorted_by_hand.parent)]
    sorted_by_hand.rename(sorted_by_hand.with_name("war"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "has more pixels than are read (OPENCV_IO_MAX_IMAGE_PIXELS sets the limit)" in done.stderr.splitlines()[-1]


# A real network.


@pytest.fixture(scope="module")
def network() -> Backbone:
    return registry.load("compact", None, 4)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, network: Backbone) -> Path:
    """A vocabulary with a head for three colours, by least squares, and 36 pictures, some in the wrong folder."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "words/heads").mkdir(parents=True)
    (folder / "words/labels.txt").write_text("\n".join(TAGS))
    words = vocabulary.load(str(folder / "words"))
    seen, colours = [], []
    for number in range(36):
        colour = number % 3
        picture = media.scenery(number, 60 + number, 50) // 3
        picture[..., colour] += 120
        boxed = np.pad(picture, ((10, 10), (0, 0), (0, 0)))  # black bars, which must not matter
        place = folder / "pictures" / words.slugs[(colour + (number > 27)) % 4]
        place.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / f"{number}.png"), cv2.cvtColor(boxed, cv2.COLOR_RGB2BGR))
        seen.append(picture)
        colours.append(colour)
    x = np.c_[network.features(seen), np.ones(36)]
    truth = 4 * np.eye(4)[colours]
    fitted = (x.T @ np.linalg.solve(x @ x.T + 0.1 * np.eye(36), truth)).astype(np.float32)
    trained = (True, True, True, False)
    made = head.Head(fitted[:-1], fitted[-1], trained, words.sha256, network.identity, network.sha256)
    made.save(words.folder / "heads/compact.npz")
    return folder


def test_the_model_is_that_of_films(capsys: pytest.CaptureFixture[str], real: Path, network: Backbone) -> None:
    output = real / "new/figures.json"
    code, out, err = run(capsys, real / "words", real / "pictures", "--batch-size", "5", "--output", output)
    assert (code, len(err)) == (0, 1)
    assert err[0].startswith("movietags: backbone compact (embedded), vocabulary words: 3 of 4 tags trained")
    found = json.loads(output.read_bytes())

    words = vocabulary.load(str(real / "words"))
    made = head.load(words.head_path("compact"), words)
    paths = sorted((real / "pictures").rglob("*.png"))
    read = [np.asarray(cv2.imread(str(path)), np.uint8)[..., ::-1] for path in paths]
    said = made.scores(network.features([without_bars(np.ascontiguousarray(picture)) for picture in read]))
    p, y = said.probabilities, said.evidence
    tag = np.array([words.slugs.index(path.parent.name) for path in paths])
    truth = y[np.arange(36), tag]

    def hits(k: int) -> Any:
        return (truth > 0) & ((y > truth[:, None]).sum(1) < k)

    assert (found["images"], found["skipped"], found["left_out"]) == (36, [], [])
    for k in (1, 3):
        assert found["accuracy"][f"top{k}"] == pytest.approx(hits(k).mean())
        assert found["macro"][f"top{k}"] == pytest.approx(np.mean([hits(k)[tag == t].mean() for t in set(tag)]))
    assert 0.6 < found["accuracy"]["top1"] < 0.9
    for index, one in enumerate(found["per_tag"]):
        answered, own = (y[:, index] > 0) & (y.argmax(1) == index), tag == index
        assert (one["slug"], one["images"]) == (words.slugs[index], own.sum())
        assert one["precision"] == (pytest.approx(own[answered].mean()) if answered.any() else None)
        assert one["recall"] == pytest.approx(answered[own].mean())
        assert one["average_precision"] == pytest.approx(area_over_thresholds(p[:, index], own), abs=1e-3)
        assert one["auc"] == pytest.approx(pairs_in_order(p[:, index], own), abs=1e-3)
    bins = (p.max(1) * 15).astype(int)
    error = sum(abs((p.max(1) - hits(1))[bins == b].sum()) for b in set(bins.tolist())) / 36
    assert found["calibration_error"] == pytest.approx(error, abs=0.01)
    assert found["model"] == {
        "vocabulary": "words",
        "backbone": network.identity,
        "head_sha256": made.sha256,
        "backbone_sha256": network.sha256,
        "activation": "softmax",
    }
    assert [line.split()[0] for line in out.splitlines()[1:5]] == list(words.slugs)
