"""The document about media centres: its folder is made, and each of its commands is run in it."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import batches
import centres
import media
import pytest

from tagger.batch import ledger
from tagger.reports.nfo import merged

TEXT = (Path(__file__).parents[1] / "docs/media-centres.md").read_text()
INDENTED = re.findall(r"^    (\S.*)$", TEXT, re.MULTILINE)
COMMANDS = [line for line in INDENTED if line.startswith("movietags ")]
FILES = [line for line in INDENTED if line.startswith("films/")]
(XML,) = re.findall(r"```xml\n(.*?)```", TEXT, re.DOTALL)


def test_every_indented_line_is_a_file_or_a_command() -> None:
    assert {*COMMANDS, *FILES} == {*INDENTED} and len(COMMANDS) > 6


def test_its_commands_run_in_its_folder(film: media.Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("<movie/>") if path.suffix == ".nfo" else shutil.copy(film.path, path)
    monkeypatch.chdir(tmp_path)
    ledger._real.cache_clear()  # of the folder of another test
    made = 0
    for line in (line for one in COMMANDS for line in dict.fromkeys((one, one.replace("horror", "animal")))):
        _, command, *words = shlex.split(line)
        how = ("--backbone", "compact") if command in ("batch", "extract") else ()
        done = batches.inside(command, *words, *how)
        assert done.returncode == 0, (line, done.stderr)
        assert ("Parts (1966).mkv: is in several files" in done.stderr) == ("--beside" in words)
        if "--remove" in words:
            assert {path.read_text() for path in Path("films").rglob("*.nfo")} == {"<movie/>"}
        if "--beside" in words:
            skips = [path.read_text() for path in Path("films").rglob("*.edl")]
            assert [centres.kodi_edits(text).refused for text in skips] == [[]] * len(skips)
            assert len(skips) == done.stderr.count("movietags: wrote films/")
            made += len(skips)
    ledger._real.cache_clear()
    assert made > 3
    assert sorted(path.name for path in Path("tags").rglob("*.tags.json")) == [
        "Film (2010).mkv.tags.json", "Parts (1966).mkv.tags.json", "Versions (1999) - 1080p.mkv.tags.json",
        "Versions (1999) - 4K.mkv.tags.json",
    ]  # fmt: skip


def test_its_example_is_what_is_written() -> None:
    lines = XML.splitlines(keepends=True)
    before = "".join([*lines[:3], lines[-1]])
    assert merged(before.encode(), ["Animal", "Beach/Sea"]).decode() == XML
    assert centres.kodi(XML.encode()).tags == centres.jellyfin(XML.encode()) == ["watch again", "Animal", "Beach & Sea"]
