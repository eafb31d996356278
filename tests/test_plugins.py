"""Backbones of other packages: found, listed, trained with and used; what is wrong with one costs a line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import media
import numpy as np
import pytest

from tagger import Settings, Tagger, plugins
from tagger.errors import BadSettings
from tagger.models import registry

FLAT = """
import numpy as np
from tagger.models.backbone import Facts, in_batches
from tagger.models.entry import Entry

class Flat(Facts):
    \"\"\"The pixels of a small picture.\"\"\"

    def features(self, pictures):
        return in_batches(self, pictures, lambda squares: squares / np.float32(255))

def load(weights, batch_size, device, precision):
    return Flat(
        name="flat", identity="flat/pixels", sha256="0" * 64, source="flat", input_size=6, feature_count=108,
        parameters=0, batch_size=batch_size or 16,
    )

ENTRY, OTHER, COMPACT = (Entry(name, 6, 108, load) for name in ("flat", "another", "compact"))
"""
POINTS = {
    "flatnet": "flat = flatnet:ENTRY",
    "gonenet": "gone = gonenet.nowhere:ENTRY",
    "oddnet": "odd = flatnet:OTHER\ntext = flatnet:FLAT\ncompact = flatnet:COMPACT",
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages: a backbone, one that cannot be imported, and some that are none."""
    folder = tmp_path_factory.mktemp("packages")
    for package, points in POINTS.items():
        (folder / f"{package}.py").write_text(FLAT + "FLAT = 'no entry'\n")
        facts = folder / f"{package}-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text(f"[{plugins.BACKBONES}]\n{points}\n")
    return folder


def run(packages: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (packages, root)))}
    command = [sys.executable, "-m", "tagger", *map(str, words)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_they_are_listed_and_what_is_wrong_costs_a_line(packages: Path) -> None:
    done = run(packages, "models", "list")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["flat", "6", "108", "plugin", "flatnet", "1.0"]
    assert sorted(done.stderr.splitlines()) == [
        "movietags: gonenet 1.0: its plugin gone cannot be used (No module named 'gonenet.nowhere'; "
        "'gonenet' is not a package)",
        "movietags: oddnet 1.0: its plugin compact cannot be used (has a name of movietags)",
        "movietags: oddnet 1.0: its plugin odd cannot be used (is no tagger.models.entry.Entry of the name odd)",
        "movietags: oddnet 1.0: its plugin text cannot be used (is no tagger.models.entry.Entry of the name text)",
    ]


def test_info_names_them_without_importing_any(packages: Path) -> None:
    done = run(packages, "info")
    assert "plugin         flat (movietags.backbones, flatnet 1.0)\n" in done.stdout
    assert "plugin         gone (movietags.backbones, gonenet 1.0)\n" in done.stdout


def test_a_name_that_nobody_has_lists_theirs(packages: Path) -> None:
    done = run(packages, "models", "fetch", "flatter")
    assert done.returncode != 0
    assert "backbone 'flatter': choose compact, efficientnet-lite0" in done.stderr
    assert "flat (of flatnet 1.0)" in done.stderr


def test_one_of_them_is_trained_with_and_tags_a_film(packages: Path, film: media.Truth, tmp_path: Path) -> None:
    for place, tag in enumerate(("blue", "green", "red")):
        (tmp_path / "images" / tag).mkdir(parents=True)
        for number in range(12):
            picture = media.scenery(100 * place + number, 80, 60) // 3
            picture[..., place] += 100
            cv2.imwrite(str(tmp_path / "images" / tag / f"{number}.png"), picture)
    out = tmp_path / "colours"
    train = ("train", tmp_path / "images", "--name", "colours", "--backbone", "flat", "--cache", tmp_path / "cache")
    done = run(packages, *train, "-o", out)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (out / "heads").glob("*.npz")] == ["flat.npz"]
    for words in (("--backbone", "flat"), ()):  # it is what this vocabulary has a head for
        done = run(packages, "extract", film.path, "--vocab", out, *words, "-o", "-")
        assert done.returncode == 0, done.stderr
        assert "backbone flat (plugin flatnet 1.0), vocabulary colours: 3 of 3 tags trained" in done.stderr
        report = json.loads(done.stdout)
        assert report["model"]["backbone"] == "flat/pixels"
        assert {tag["tag"] for tag in report["tags"]} == {"blue", "green", "red"}
        assert sum(tag["weight"] for tag in report["tags"]) > 0
    done = run(packages, *train, "--strategy", "fine-tune", "-o", tmp_path / "tuned")
    assert "backbone flat cannot be trained itself: use --strategy features or augment" in done.stderr
    assert done.returncode != 0


def test_without_class_evidence_the_portable_head_refuses_it(packages: Path, film: media.Truth) -> None:
    done = run(packages, "extract", film.path, "--backbone", "flat", "-o", "-")
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].endswith(
        "error: flat: has no classifier, which the portable head builds on: use --backbone compact"
    )


def test_one_that_ends_the_program_costs_a_line(packages: Path, tmp_path: Path) -> None:
    (tmp_path / "quitnet-1.0.dist-info").mkdir()
    (tmp_path / "quitnet-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: quitnet\nVersion: 1.0\n")
    (tmp_path / "quitnet-1.0.dist-info/entry_points.txt").write_text(f"[{plugins.BACKBONES}]\nquit = quitnet:ENTRY\n")
    (tmp_path / "quitnet.py").write_text("raise SystemExit('no licence')")
    done = run(tmp_path, "models", "list")
    assert (done.returncode, done.stderr) == (
        0,
        "movietags: quitnet 1.0: its plugin quit cannot be used (no licence)\n",
    )


@pytest.fixture
def unlisted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for plugins ends the test."""
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: pytest.fail("looked for plugins"))


@pytest.mark.usefixtures("unlisted")
def test_nobody_looks_for_them_where_ours_are_meant(film: media.Truth) -> None:
    Tagger(Settings(backbone="compact")).extract(film.path)
    assert registry.entry("mobilenet-0.25-128").feature_count == 256


def test_nobody_looks_for_them_for_help() -> None:
    code = (
        "import importlib.metadata, sys\nimportlib.metadata.entry_points = None\n"
        "sys.argv = ['movietags', '--help']\nfrom tagger.__main__ import main\nmain()"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_where_none_is_installed_there_is_none() -> None:
    assert [*plugins.load("movietags.nothing")] == []
    assert plugins.installed("movietags.nothing") == {}
    with pytest.raises(BadSettings):
        registry.load("flat", None).features([np.zeros((9, 9, 3), np.uint8)])
