"""docs/library.md: its commands and its Python run, one after the other, and its views are those that there are."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import media
import pytest
from click.testing import CliRunner
from libraries import VIEWS, rows
from test_docs import every_command, options_of

import cli

TEXT = (Path(__file__).parents[1] / "docs/library.md").read_text()
BLOCKS = re.compile(r"^    (?:\$ )?(movietags [^\n#]+)|```python\n(.*?)```", re.MULTILINE | re.DOTALL)


def test_the_page_does_what_it_says(film: media.Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "films/more").mkdir(parents=True)
    shutil.copy(film.path, tmp_path / "films/a.mp4")
    other = media.film(tmp_path / "films/more/b.mkv", (12, 20), width=160, height=96, rate=10)
    monkeypatch.chdir(tmp_path)
    commands, names = 0, dict[str, object]()
    for command, python in BLOCKS.findall(TEXT):
        if python:
            exec(python, names)
            continue
        done = CliRunner().invoke(cli.cli, shlex.split(command)[1:])
        assert done.exit_code == 0, f"{command}: {done.output}"
        commands += 1
    assert commands > 10
    assert (tmp_path / "archive.csv").read_text().count("\n") == 3
    assert rows(tmp_path / "library.duckdb", "SELECT path FROM films") == [(str(other.path),)]


def test_its_options_are_those_of_the_command() -> None:
    known = {"--library", "--tag", "--format"}.union(*(options_of(one) for one in every_command(cli.cli)))
    assert {*re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)} <= known


def test_its_views_are_those_that_there_are(library: Path) -> None:
    told = {
        name: re.findall(r"`(\w+)`", columns)
        for name, columns in re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", TEXT, re.MULTILINE)
    }
    assert tuple(told) == VIEWS
    for view, columns in told.items():
        assert [name for name, *_ in rows(library, f"DESCRIBE {view}")] == columns
