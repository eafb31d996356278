"""Whole files or none, and a name of its own for every film."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import OutputRefused
from tagger.files import NAME_BYTES_MAX, distinct_name, fingerprint, output_folder, write_atomically


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
