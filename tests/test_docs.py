"""What the documents say is what there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields

import click
import documents
import pytest
from documents import PAGES, ROOT

import cli
from tagger import Settings
from tagger.records import RankedTag
from tagger.reports.csv_report import COLUMNS
from tagger.reports.json_report import SCHEMA_FILE

README = (ROOT / "README.md").read_text()
NO_NUMBERS = {"rank", "tag", "slug", "trained", "answered_by"}


@pytest.mark.parametrize("page", PAGES)
def test_the_options_of_a_page_are_those_of_commands(page: str) -> None:
    known = {"--version", "--no-deps"}.union(  # the second is pip's
        *(options_of(command) for command in every_command(cli.cli))
    )
    for script in (*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "tagger/knowledge").glob("*.py")):
        known |= {*re.findall(r'"(--[a-z-]+)"', script.read_text())}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", documents.text(page))) <= known


def test_every_number_of_a_tag_has_its_word_explained() -> None:
    words = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/words.md").read_text(), re.MULTILINE))
    numbers = {field.name for field in fields(RankedTag) if field.name in COLUMNS} - NO_NUMBERS
    assert words == numbers | {"probability"}


def test_every_option_of_extract_is_in_the_readme() -> None:
    named = set(re.findall(r"`(--[a-z-]+)", README))
    assert options_of(cli.cli.commands["extract"]) - named <= {"--quiet", "--verbose", "--output"}


def test_every_command_and_every_option_says_what_it_is() -> None:
    for command in every_command(cli.cli):
        assert command.help, command.name
        options = [option for option in command.params if isinstance(option, click.Option)]
        assert not [option.opts for option in options if not option.help], command.name


def every_command(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from every_command(command)
        yield command


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


def test_no_placeholder_is_left() -> None:
    for path in [*ROOT.glob("*.md"), *(ROOT / "vocab").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]:
        assert not re.search(r"@@|TODO|TBD", path.read_text()), path


def test_the_schema_describes_every_field() -> None:
    schema = json.loads(SCHEMA_FILE.read_text())
    top = "schema created tool video model settings tags shots status warnings scan timing"
    assert set(schema["required"]) == set(top.split())
