"""The one command that makes heads, figures and card, on small data and small networks with random numbers."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import media
import networks
import numpy as np
import pytest

from tagger import Settings, Tagger, vocabulary
from tagger.knowledge import crossval, movies50, witness
from tagger.models import compact, head

TAGS = ("Red", "Green", "Blue", "Never")
NETWORKS = {"mobilenet-0.25-128": "mobilenet", "mobilenetv2-0.35-96": "mobilenet_v2"}


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
        networks.save(name, folder / f"{name}.h5")
    (folder / "words/heads").mkdir(parents=True)
    (folder / "words/labels.txt").write_text("\n".join(TAGS))
    for end in ("npz", "json"):
        shutil.copy(compact.ARRAYS.with_suffix(f".{end}"), folder / "words")
    return folder


@pytest.fixture(autouse=True)
def fewer_choices(campaign: Callable[[int, int], int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a head more for each fold of each network."""
    monkeypatch.setattr(crossval, "L2_CHOICES", crossval.L2_CHOICES[: campaign(2, 5)])


def run(place: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    asked = [f"--network={name}={place / name}.h5" for name in NETWORKS]
    command = ["movies50", str(place / "images"), str(place / "words"), *asked, f"--cache={place / 'cache'}", *words]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", command)
        patch.setattr(movies50, "TRAILERS", 2)
        movies50.main()


def test_one_command_makes_heads_figures_and_card(
    place: Path, film: media.Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(place, monkeypatch)
    words = vocabulary.load(str(place / "words"))
    assert words.heads == ("compact", "portable")
    compact, portable = (head.load(words.head_path(name), words) for name in words.heads)
    assert compact.trained == portable.trained == (True, True, True, False)
    assert compact.kernel.shape == portable.kernel.shape == (1000, 4)
    assert (compact.backbone, portable.backbone) == ("compact/avg_pool", head.ANY_NETWORK)
    facts = json.loads((words.folder / "figures.json").read_text())
    assert set(facts["portable"]["transfer"]) == set(NETWORKS)
    assert facts["compact"]["top1"] > 0.8  # colours, of sources that the head had not seen
    assert set(facts["trailers"]) == {"compact", *NETWORKS}
    card = (words.folder / "card.md").read_text()
    assert "Never trained, never to be found: Never." in card
    assert f"{facts['compact']['top3']:.3f}" in card
    for name in ("compact", "mobilenet-0.25-128"):
        weights = None if name == "compact" else place / f"{name}.h5"
        report = Tagger(Settings(vocabulary=str(words.folder), backbone=name, weights=weights)).extract(film.path)
        assert {tag.tag for tag in report.tags} == set(TAGS)


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
    pytest.importorskip("onnxruntime", reason="needs onnxruntime, of the extra `train`")
    one = witness.load("squeezenet", shared / "models/squeezenet1.1.onnx")
    rows = (shared / "models/imagenet_classes.tsv").read_text().splitlines()[1:]
    index = {row.split("\t")[1]: int(row.split("\t")[0]) for row in rows}
    paths = sorted((shared / "models/imagenet_check").glob("n*"))[:40]
    pixels = [np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8) for path in paths]
    logits = one.logits(one.network.features(pixels))
    expected = [index[path.name.split("_")[0]] for path in paths]
    assert logits.shape == (len(paths), 1000)
    assert (logits.argmax(1) == expected).mean() > 0.5
