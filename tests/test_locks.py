"""Two commands that would write into one folder: the second is told who holds it, before it does anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import media
import pytest


@contextmanager
def running(*words: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A command that has said its first line, killed at the end."""
    command = [sys.executable, "-m", "tagger", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert "backbone" in process.stderr.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "importtime", "-m", "tagger", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that is read for longer than any of these tests takes."""
    folder = tmp_path_factory.mktemp("films")
    part = media.film(folder / "part.ts", (250,), options={"preset": "ultrafast"}).path
    (folder / "endless.ts").write_bytes(part.read_bytes() * 100)
    part.unlink()
    return folder / "endless.ts"


@pytest.mark.parametrize("first", ["extract", "batch"])
@pytest.mark.parametrize("second", ["extract", "batch"])
def test_the_second_is_told_who_is_the_first(
    endless: Path, film: media.Truth, tmp_path: Path, first: str, second: str
) -> None:
    output = tmp_path / "out"
    with running(first, endless if first == "extract" else endless.parent, "-o", output) as holder:
        done = run(second, film.path, "-o", output)
        said = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
        assert said == [f"movietags: error: {output / '.movietags'}: in use by process {holder.pid} on {os.uname()[1]}:"
                        " wait, or stop it"]  # fmt: skip
        assert (done.returncode, done.stdout) == (75, "")
        assert " av\n" not in done.stderr  # it had not even loaded what decodes
    assert list(output.glob("*.tags.*")) == []
    again = run(second, film.path, "-o", output)  # nothing is left of the lock of a dead process
    assert again.returncode == 0, again.stderr


def test_a_shard_holds_it_too(endless: Path, film: media.Truth, tmp_path: Path) -> None:
    source = Path(shutil.copytree(endless.parent, tmp_path / "films"))
    with running("batch", source, "-o", tmp_path / "out", "--shard", "1/2"):
        assert run("extract", film.path, "-o", tmp_path / "out").returncode == 75


def test_what_writes_no_file_holds_nothing(film: media.Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("extract", film.path).returncode == 0
    assert run("extract", film.path, "-o", "-").returncode == 0
    assert list(tmp_path.rglob(".movietags")) == []


def test_a_folder_of_extract_is_no_batch(film: media.Truth, tmp_path: Path) -> None:
    assert run("extract", film.path, "-o", tmp_path / "out").returncode == 0
    done = run("batch", "--status", tmp_path / "out")
    assert done.returncode == 1
    assert "no batch has written here" in done.stderr
