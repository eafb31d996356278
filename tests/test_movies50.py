"""The one command that makes heads, figures and card, on small data and small networks with random numbers."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import media
import networks
import numpy as np
import pytest
import torch_files

from tagger import Settings, Tagger, vocabulary
from tagger.knowledge import blanks, certain, crossval, gathered, heads, movies50, stills, witness
from tagger.models import compact, efficientnet_lite, head

TAGS = ("Red", "Green", "Blue", "Never")
NETWORKS = {"mobilenet-0.25-128": "mobilenet", "mobilenetv2-0.35-96": "mobilenet_v2"}
LITE = "efficientnet-lite0"
FILES = {**{name: f"{name}.h5" for name in NETWORKS}, LITE: f"{LITE}.pth"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of three colours from four sources, weights of two networks, and a vocabulary without heads."""
    folder = tmp_path_factory.mktemp("movies")
    for index, tag in enumerate(TAGS[:3]):
        (folder / "images" / tag.lower()).mkdir(parents=True)
        for number in range(24):
            picture = media.scenery(100 * index + number, 160, 120) // 3
            picture[..., 2 - index] = np.minimum(picture[..., 2 - index] + 150, 255)  # OpenCV writes BGR
            cv2.imwrite(str(folder / "images" / tag.lower() / f"owner+source{number % 4}__{number}.jpg"), picture)
    for name in NETWORKS:
        networks.save(name, folder / FILES[name])
    torch_files.save(folder / FILES[LITE], torch_files.random_state(efficientnet_lite.KNOWN[LITE]))
    (folder / "stills").mkdir()
    rows = ["slug\ttags\tsame_film_in_training_repo"]
    for number in range(12):
        rows.append(f"film{number}\t{TAGS[number % 3].lower()}\t{'' if number % 2 else 'owner/source1'}")
        (folder / f"stills/film{number}").mkdir()
        source = sorted((folder / "images" / TAGS[number % 3].lower()).iterdir())[number]
        shutil.copy(source, folder / f"stills/film{number}/1.jpg")
    (folder / "stills/truth.tsv").write_text("\n".join(rows))
    (folder / "words/heads").mkdir(parents=True)
    (folder / "words/labels.txt").write_text("\n".join(TAGS))
    for end in ("npz", "json"):
        shutil.copy(compact.ARRAYS.with_suffix(f".{end}"), folder / "words")
    return folder


@pytest.fixture(autouse=True)
def fewer_choices(campaign: Callable[[int, int], int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a head more for each fold of each network."""
    monkeypatch.setattr(crossval, "L2_CHOICES", crossval.L2_CHOICES[: campaign(2, 5)])
    monkeypatch.setattr(heads, "RECIPES", heads.RECIPES[: campaign(1, 2)])
    monkeypatch.setattr(gathered, "FOLDS", campaign(2, 10))
    monkeypatch.setattr(blanks, "EACH", campaign(1, 8))
    monkeypatch.setattr(certain, "FILMS", campaign(120, 1000))
    monkeypatch.setattr(certain, "FILMS_JUDGED", campaign(60, 500))


def run(place: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    asked = [f"--network={name}={place / file}" for name, file in FILES.items()]
    command = ["movies50", str(place / "images"), str(place / "words"), *asked, f"--cache={place / 'cache'}", *words]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", command)
        patch.setattr(movies50, "TRAILERS", 2)
        movies50.main()


def test_one_command_makes_heads_figures_and_card(
    place: Path, film: media.Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stills, "POSITIVES_MIN", 2)
    monkeypatch.setattr(stills, "FIRST", 1)
    run(place, monkeypatch, f"--stills={place / 'stills'}")
    words = vocabulary.load(str(place / "words"))
    assert words.heads == ("compact", LITE, "portable")
    compact, lite, portable = (head.load(words.head_path(name), words) for name in words.heads)
    assert compact.trained == portable.trained == lite.trained == (True, True, True, False)
    assert compact.kernel.shape == portable.kernel.shape == (1000, 4)
    assert (lite.kernel.shape, lite.reads) == ((2280, 4), head.BOTH)
    assert (compact.backbone, portable.backbone) == ("compact/avg_pool", head.ANY_NETWORK)
    facts = json.loads((words.folder / "figures.json").read_text())
    assert set(facts["portable"]["transfer"]) == {*NETWORKS, LITE}
    assert list(facts["heads"]) == [LITE, "compact"]
    assert facts["heads"]["compact"]["top1"] > 0.8  # colours, of sources that the head had not seen
    assert facts["heads"][LITE]["top1"] > 0.8
    assert set(facts["trailers"]) == {"compact", *NETWORKS, LITE}
    for found in facts["stills"]["compact"].values():  # pictures that it learned from: each film has one tag
        assert found["first"]["right"] > 0.8 > 0.6 > found["first"]["dealt_anew"]
    assert [found["films"] for found in facts["stills"][LITE].values()] == [12, 6]
    assert set(facts["confidence"]) == {LITE, "compact", "portable"}
    for name, found in facts["confidence"].items():
        share = found["true_tags"] / 3
        asked = name == "portable"  # by networks with random numbers
        assert asked or found["brier"] < share * (1 - share), name  # better than to say how common they are
        assert head.load(words.head_path(name), words).calibration is not None
    assert facts["confidence"][LITE]["stills"]["films"] == 12
    card = (words.folder / "card.md").read_text()
    assert "## Confidence" in card
    assert "Never trained, never to be found by a head: Never." in card
    assert all(f"{facts['heads'][name]['top3']:.3f}" in card for name in facts["heads"])
    assert head.measured(words.head_path(LITE)) == facts["heads"][LITE]["top3"]
    for name in ("compact", *FILES):
        weights = None if name == "compact" else place / FILES[name]
        report = Tagger(Settings(vocabulary=str(words.folder), backbone=name, weights=weights)).extract(film.path)
        assert {tag.tag for tag in report.tags} == set(TAGS)
    its_confidence_alone_is_learned_anew(place, words, monkeypatch)


def its_confidence_alone_is_learned_anew(
    place: Path, words: vocabulary.Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = {name: words.head_path(name) for name in words.heads}
    before = {name: (head.load(path, words), head.measured(path)) for name, path in paths.items()}
    facts = json.loads((words.folder / "figures.json").read_text())
    for name, (one, top3) in before.items():
        replace(one, shows=None, calibration=None).save(paths[name], top3=top3)
    run(place, monkeypatch, "--confidence")
    for name, (one, top3) in before.items():
        again = head.load(paths[name], words)
        assert (again.sha256, again.calibration is None, head.measured(paths[name])) == (one.sha256, False, top3)
    after = json.loads((words.folder / "figures.json").read_text())
    assert {**after, "confidence": None} == {**facts, "confidence": None}


def test_a_family_is_left_out_and_nothing_is_written(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in (place / "words").rglob("*") if path.is_file()}
    run(place, monkeypatch, "--leave-out=mobilenet_v2")
    (found,) = json.loads(capsys.readouterr().out).items()
    assert found[0] == "mobilenetv2-0.35-96"
    assert 0 <= found[1]["left_out_top3"] <= 1
    assert {path: path.read_bytes() for path in (place / "words").rglob("*") if path.is_file()} == before


def test_squeezenet_knows_its_classes(shared: Path) -> None:
    one = witness.load("squeezenet", shared / "models/squeezenet1.1.onnx")
    rows = (shared / "models/imagenet_classes.tsv").read_text().splitlines()[1:]
    index = {row.split("\t")[1]: int(row.split("\t")[0]) for row in rows}
    paths = sorted((shared / "models/imagenet_check").glob("n*"))[:40]
    pixels = [np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8) for path in paths]
    logits = one.logits(one.network.features(pixels))
    expected = [index[path.name.split("_")[0]] for path in paths]
    assert logits.shape == (len(paths), 1000)
    assert (logits.argmax(1) == expected).mean() > 0.5
