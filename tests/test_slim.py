"""What the commands load, and what they say where a library is not installed that only some of the work needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import media
import networks
import pytest

HEAVY = ("tensorflow", "keras", "scenedetect", "pandas", "matplotlib", "scipy")
SMALL = "mobilenet-0.25-128"
# Run by Python when it starts, in decoding processes too: libraries that cannot be found, and what was loaded.
HOOK = f"""
import atexit, os, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in os.environ.get("MISSING", "").split():
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
leave = os._exit

def loaded(code):
    with open(os.environ["LOADED"], "a") as file:
        names = {{name.partition(".")[0] for name in sys.modules}} & {set(HEAVY)!r}
        print("worker" if "multiprocessing.spawn" in " ".join(sys.orig_argv) else "command", *sorted(names), file=file)
    leave(code)

os._exit = loaded
"""
# In a decoding process, which ends as Python ends: its last words are those of its last film.
WORKER = """
import multiprocessing.util
multiprocessing.util.Finalize(None, lambda: os._exit(0), exitpriority=0)
"""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Pictures of two tags."""
    for seed, tag in enumerate(("horror", "murder")):
        (tmp_path / "images" / tag).mkdir(parents=True)
        for number in range(16):
            picture = media.scenery(20 * seed + number, 160, 120)
            picture[..., 2 * seed] = 255
            cv2.imwrite(str(tmp_path / "images" / tag / f"{number}.png"), picture[..., ::-1])
    return tmp_path / "images"


def run(cwd: Path, *words: str | Path, missing: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a command without some libraries; what was loaded is in the file `loaded`."""
    (cwd / "hook").mkdir(exist_ok=True)
    (cwd / "hook/sitecustomize.py").write_text(HOOK + WORKER)
    paths = [str(cwd / "hook"), str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "MISSING": missing, "LOADED": str(cwd / "loaded")}
    command = [sys.executable, "-m", "tagger", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=env, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_usual_way_loads_nothing_heavy(film: media.Truth, tmp_path: Path) -> None:
    assert run(tmp_path, "extract", film.path, "-o", "out").returncode == 0
    assert (tmp_path / "loaded").read_text() == "command\n"
    (tmp_path / "loaded").unlink()
    (tmp_path / "films").mkdir()
    (tmp_path / "films/film.mp4").write_bytes(film.path.read_bytes())
    assert run(tmp_path, "batch", "films", "-o", "tags").returncode == 0
    assert {*(tmp_path / "loaded").read_text().splitlines()} == {"command", "worker"}


def test_a_training_of_a_head_and_a_comparison_load_no_network_library(
    film: media.Truth, images: Path, tmp_path: Path
) -> None:
    words = ("train", images, "--name", "colours", "--epochs", "2", "--cache", "cache")
    assert run(tmp_path, *words).returncode == 0
    assert run(tmp_path, "extract", film.path, "-o", "out", "--vocab", "colours").returncode == 0
    report = f"out/{film.path.stem}.tags.json"
    assert run(tmp_path, "compare", report, report).returncode == 0
    assert run(tmp_path, "segments", report).returncode == 0
    said = (tmp_path / "loaded").read_text().splitlines()
    assert said[0] == "command matplotlib"  # charts
    assert said[1:] == ["command"] * 3


def test_a_slim_installation_does_all_that_needs_no_other_network(
    film: media.Truth, images: Path, tmp_path: Path
) -> None:
    slim = " ".join(HEAVY)
    assert run(tmp_path, "info", missing=slim).returncode == 0
    assert run(tmp_path, "extract", film.path, "-o", "out", missing=slim).returncode == 0
    report = f"out/{film.path.stem}.tags.json"
    assert run(tmp_path, "segments", report, missing=slim).returncode == 0
    done = run(tmp_path, "compare", report, report, "-o", "compared", missing=slim)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "charts are left out, as matplotlib is not installed: pip install matplotlib" in done.stderr
    assert sorted(path.name for path in (tmp_path / "compared").iterdir()) == ["compared.csv", "compared.json"]
    words = ("train", images, "--name", "colours", "--epochs", "2", "--cache", "cache")
    done = run(tmp_path, *words, missing=slim)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("charts are left out") == 1
    assert ".png" not in (tmp_path / "colours/card.md").read_text()
    assert run(tmp_path, "extract", film.path, "--vocab", "colours", missing=slim).returncode == 0


def test_networks_of_keras_need_no_keras(film: media.Truth, images: Path, tmp_path: Path) -> None:
    file = networks.save(SMALL, tmp_path / "weights.h5")
    ours, slim = ("--backbone", SMALL, "--weights", file), " ".join(HEAVY)
    assert run(tmp_path, "extract", film.path, "-o", "out", *ours, missing=slim).returncode == 0
    words = ("train", images, "--name", "own", "--epochs", "2", "--cache", "cache")
    done = run(tmp_path, *words, *ours, missing=slim)
    assert done.returncode == 0, done.stderr
    assert run(tmp_path, "extract", film.path, *ours).returncode == 0
    assert {*(tmp_path / "loaded").read_text().splitlines()} == {"command"}


@pytest.mark.parametrize(("library", "package"), [("cv2", "opencv-python-headless"), ("av", "av"), ("numpy", "numpy")])
def test_a_library_that_nothing_works_without_is_one_line(
    film: media.Truth, tmp_path: Path, library: str, package: str
) -> None:
    done = run(tmp_path, "extract", film.path, missing=library)
    assert done.returncode == 1
    line = f"movietags: error: {library} is not installed, which movietags cannot do without: pip install {package}\n"
    assert done.stderr.endswith(line)


@pytest.mark.parametrize(
    ("missing", "words", "message"),
    [
        ("scenedetect", "extract FILM --detector content",
         "detector content needs scenedetect, which is not installed: pip install scenedetect"),
        ("scenedetect", "batch FILM -o out --detector adaptive",
         "detector adaptive needs scenedetect, which is not installed: pip install scenedetect"),
        ("scenedetect", "evaluate shots FILM truth.json --detector hash",
         "detector hash needs scenedetect, which is not installed: pip install scenedetect"),
        ("onnxruntime", "extract FILM --backbone mobilenet --weights WEIGHTS",
         "a network as an ONNX model needs onnxruntime, which is not installed: pip install onnxruntime"),
        ("h5py", "extract FILM --backbone mobilenet --weights WEIGHTS",
         "weights of Keras needs h5py, which is not installed: pip install h5py"),
        ("keras", "extract FILM --backbone mobilenet --weights WEIGHTS --device gpu",
         "a network on a GPU needs keras, which is not installed: pip install keras tensorflow"),
        ("keras", "train IMAGES --name x --strategy fine-tune --cache cache --epochs 1",
         "strategy fine-tune needs keras, which is not installed: pip install keras tensorflow"),
        ("tensorflow", "train IMAGES --name x --strategy fine-tune --cache cache --epochs 1",
         "strategy fine-tune needs tensorflow, which is not installed: pip install tensorflow"),
    ],
)  # fmt: skip
def test_a_missing_library_is_one_line(
    film: media.Truth, images: Path, tmp_path: Path, missing: str, words: str, message: str
) -> None:
    (tmp_path / "truth.json").write_text('{"cuts": [30]}')
    here = {"FILM": str(film.path), "IMAGES": str(images)}
    if "WEIGHTS" in words:
        here["WEIGHTS"] = str(networks.save("mobilenet", tmp_path / "weights.h5"))
    done = run(tmp_path, *(here.get(word, word) for word in words.split()), missing=missing)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"movietags: error: {message}"
    assert done.stderr.count("error") == 1
    assert list(tmp_path.glob("out/summary.csv")) == [] or "failed" not in (tmp_path / "out/summary.csv").read_text()
