"""What the documents say is what there is."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import media
import pytest
from click.testing import CliRunner

import cli
from tagger import Settings
from tagger.records import RankedTag
from tagger.reports.csv_report import COLUMNS
from tagger.reports.json_report import SCHEMA_FILE

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
NO_NUMBERS = {"rank", "tag", "slug", "trained", "answered_by"}


def test_the_python_of_the_readme_runs(film: media.Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    shutil.copy(film.path, tmp_path / "film.mp4")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(example, names)
    assert len(names["report"].tags) == 50  # type: ignore[attr-defined]


def test_the_python_of_docs_runs(film: media.Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "docs/python.md").read_text(), re.DOTALL)
    assert len(examples) > 5
    for name in ("film.mp4", "trailer.mp4"):
        shutil.copy(film.path, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in examples:
        exec(example, names)


def test_the_options_of_the_documents_are_those_of_the_commands() -> None:
    known = {"--version", "--no-deps"}.union(  # the second is pip's
        *(options_of(command) for command in every_command(cli.cli))
    )
    for name in (
        "README.md",
        "docs/training.md",
        "docs/batch.md",
        "docs/ratings.md",
        "docs/words.md",
        "docs/formats.md",
        "docs/advisory.md",
        "docs/media-centres.md",
    ):
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ROOT / name).read_text())) <= known, name


def test_every_number_of_a_tag_has_its_word_explained() -> None:
    words = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/words.md").read_text(), re.MULTILINE))
    numbers = {field.name for field in fields(RankedTag) if field.name in COLUMNS} - NO_NUMBERS
    assert words == numbers | {"probability"}


def test_every_option_of_extract_is_in_the_readme() -> None:
    named = set(re.findall(r"`(--[a-z-]+)", README))
    assert options_of(cli.cli.commands["extract"]) - named <= {"--quiet", "--verbose", "--output"}


def every_command(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        yield from every_command(command) if isinstance(command, click.Group) else [command]


def options_of(command: click.Command) -> set[str]:
    return {
        name for option in command.params for name in (*option.opts, *option.secondary_opts) if name.startswith("--")
    }


def test_the_defaults_of_the_readme_are_those_of_the_settings() -> None:
    default = Settings()
    for option, value in (
        ("--detector", f"`{default.detector}`"),
        ("--min-shot SECONDS", default.min_shot_s),
        ("--min-entropy BITS", default.min_entropy_bits),
        ("--batch-size N", "`auto`" if default.batch_size is None else default.batch_size),
        ("--device", f"`{default.device}`"),
        ("--hwaccel", f"`{default.hwaccel}`"),
    ):
        assert f"| `{option}` | {value} |" in README


def test_every_command_of_the_readme_exists() -> None:
    for words in re.findall(r"`movietags ([a-z]+(?: [a-z]+)?)", README):
        assert CliRunner().invoke(cli.cli, [*words.split(), "--help"]).exit_code == 0, words


def test_no_placeholder_is_left() -> None:
    for path in [*ROOT.glob("*.md"), *(ROOT / "vocab").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]:
        assert not re.search(r"@@|TODO|TBD", path.read_text()), path


def test_the_schema_describes_every_field() -> None:
    schema = json.loads(SCHEMA_FILE.read_text())
    top = "schema created tool video model settings tags shots status warnings scan timing"
    assert set(schema["required"]) == set(top.split())
