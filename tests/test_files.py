"""Whole files or none, and a name of its own for every film."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import OutputLocked, OutputRefused
from tagger.files import (
    NAME_BYTES_MAX,
    Lock,
    distinct_name,
    fingerprint,
    holder,
    output_folder,
    unless_used,
    write_atomically,
)


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    write_atomically(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputRefused, match=r"report\.json: cannot write it .No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "report.json", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_output_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputRefused, match="no folder to write to"):
        output_folder(tmp_path / "file")
    with pytest.raises(OutputRefused):
        output_folder(Path("/proc/nowhere"))


def test_output_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    assert list(output_folder(tmp_path / "a/b").iterdir()) == []


def test_fingerprint_sees_size_head_and_tail(tmp_path: Path) -> None:
    path = tmp_path / "film"
    body = bytearray(os.urandom(3 * 2**20))
    seen = set()
    for change in (None, 0, -1):
        if change is not None:
            body[change] ^= 1
        path.write_bytes(body)
        seen.add(fingerprint(path))
    path.write_bytes(body[:-1])
    seen.add(fingerprint(path))
    assert len(seen) == 4
    os.utime(path, (0, 0))
    assert fingerprint(path) in seen


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=255))
def test_names_fit_and_keep_films_apart(stem: str) -> None:
    name = f"{stem}.mp4"
    for letters in (0, 8, 64):
        fitted = distinct_name(Path("/films") / name, ".tags.json", letters)
        assert len(fitted.encode()) <= NAME_BYTES_MAX
        assert fitted.endswith(".tags.json")
    marked = {distinct_name(Path(folder) / name, ".tags.json", 8) for folder in ("/a", "/b")}
    assert len(marked) == 2


HOLD = """
import sys, time
from pathlib import Path
from tagger.errors import OutputLocked
from tagger.files import Lock
sys.stdin.readline()
try:
    lock = Lock(Path(sys.argv[1]))
except OutputLocked as error:
    print(error, flush=True)
else:
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def others(path: Path, count: int = 1) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that try to take a lock at the same time, and keep it."""
    words = [sys.executable, "-c", HOLD, str(path)]
    made = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        for process in made:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        yield made
    finally:
        for process in made:
            process.kill()
            process.communicate()


def says(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def refused_as_held_by(pid: int, path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(OutputLocked) as caught:
        Lock(path)
    assert time.monotonic() - begun < 1
    who = f"{pid} on {platform.node()}"
    assert str(caught.value) == f"{path.parent}: in use by process {who}: wait, or stop it"
    assert holder(path) == who


def test_a_lock_that_another_process_holds_is_refused_at_once_and_says_whose(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with others(path) as (other,):
        assert says(other) == "held"
        refused_as_held_by(other.pid, path)
        refused_as_held_by(other.pid, path)  # the first attempt has left it as it was


def test_of_several_at_once_one_gets_the_lock(tmp_path: Path) -> None:
    with others(tmp_path / "lock", 6) as made:
        said = [says(process) for process in made]
    assert said.count("held") == 1
    assert all(line == "held" or "in use by process" in line for line in said)


def test_a_killed_process_holds_nothing_though_its_name_still_stands_there(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with others(path) as (other,):
        assert says(other) == "held"
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert path.read_text() == f"{other.pid} on {platform.node()}\n"
        assert holder(path) == ""
        with Lock(path):
            refused_as_held_by(os.getpid(), path)


def test_a_closed_lock_names_nobody_and_no_child_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    words = [sys.executable, "-c", "print('here', flush=True); input()"]
    with Lock(path):
        child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, close_fds=False)
        assert says(child) == "here"
    try:
        assert path.read_bytes() == b"" and holder(path) == ""
        Lock(path).close()
    finally:
        child.communicate("go")


def test_a_short_name_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("1234567890 on " + "far away " * 20)
    with Lock(path):
        assert path.read_text() == f"{os.getpid()} on {platform.node()}\n"


def test_who_holds_a_lock_is_named_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert holder(path) == "" == holder(tmp_path)
    path.write_text("12345 on another")  # of one that was killed
    assert holder(path) == ""
    with Lock(path):
        assert holder(path) == f"{os.getpid()} on {platform.node()}"
    assert holder(path) == ""


def test_a_lock_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing/lock", tmp_path):
        with pytest.raises(OutputRefused, match="cannot be written .*: name another folder with -o"):
            Lock(path)


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
def test_a_lock_on_a_full_disk_is_refused(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\nfrom tagger.errors import OutputRefused\n"
        "from tagger.files import Lock\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))\n"
        "try:\n    Lock(Path(sys.argv[1]))\nexcept OutputRefused as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "lock"], capture_output=True, text=True, check=False)
    assert done.stderr == "" and "lock: cannot be written (File too large)" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="another call")
def test_a_disk_that_knows_no_locks_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def none(*_: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(OutputRefused, match="No locks available") as caught:
        Lock(tmp_path / "lock")
    assert not isinstance(caught.value, OutputLocked)


def test_a_folder_that_was_made_for_nothing_is_taken_away_again(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for out in (tmp_path / "a/b", tmp_path / "there/b", tmp_path / "there"):
        with pytest.raises(ValueError, match="refused"), unless_used(out, out / "in/.lock"):
            output_folder(out / "in")
            Lock(out / "in/.lock").close()
            raise ValueError("refused")
    assert sorted(tmp_path.rglob("*")) == [tmp_path / name for name in ("there", "there/in", "there/in/.lock")]


def test_a_folder_with_anything_in_it_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="late"), unless_used(out, out / ".lock"):
        (output_folder(out / "record") / "run.json").touch()
        raise ValueError("late")
    assert (out / "record/run.json").is_file()


def test_a_folder_that_another_works_in_stays(tmp_path: Path) -> None:
    lock = tmp_path / "out/.lock"
    with pytest.raises(OutputLocked), unless_used(lock.parent, lock):
        output_folder(lock.parent)
        with Lock(lock):
            Lock(lock).close()
    assert not lock.parent.exists()
    with pytest.raises(ValueError, match="refused"), unless_used(lock.parent, lock):
        output_folder(lock.parent)
        other = Lock(lock)
        raise ValueError("refused")
    assert lock.is_file()
    other.close()
