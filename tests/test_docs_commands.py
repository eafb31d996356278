"""Every command of every document does what its reader is told, in a folder that holds what the document presumes."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

import click
import documents
import presumed
import pytest
from documents import PAGES, ROOT, Step, steps
from shell import Call, shell

import cli

stock = presumed.stock
if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = None

# What no test can do here: the page, how the line begins, and why. Its options are looked at even so.
NOT_RUN = {
    ("docs/batch.md", "movietags batch incoming"): "goes on until it is interrupted, which tests/test_watch.py does",
    ("docs/shots.md", "for seed"): "needs collections of pictures and clips, and hours",
    ("docs/shots.md", "python benchmarks/films.py"): "needs collections of pictures and clips, and hours",
    ("docs/shots.md", "python -m tagger.knowledge.boundaries"): "needs those films, and half an hour",
}


def why_not(step: Step) -> str:
    """Why this step is not run, or nothing."""
    return next(
        (why for (page, begin), why in NOT_RUN.items() if step.page == page and step.text.startswith(begin)), ""
    )


def pip(call: Call) -> tuple[int, bytes, bytes]:
    """pip as far as a document can be wrong: it names files and extras that there are. The gate installs them."""
    words = [*call.words]
    assert words.pop(0) == "install"
    for word in words:
        if extras := re.fullmatch(r"\.\[(.*)\]", word):
            assert {*extras[1].split(",")} <= {*extras_of_the_project()}, word
        elif word.endswith(".txt"):
            assert (ROOT / word).is_file(), word
    return 0, b"", b""


def extras_of_the_project() -> list[str]:
    text = (ROOT / "pyproject.toml").read_text()
    section = text.split("[project.optional-dependencies]")[1].split("\n[")[0]
    return re.findall(r"^(\w+) = ", section, re.MULTILINE)


def pytest_itself(call: Call) -> tuple[int, bytes, bytes]:
    """What runs this very test."""
    return 0, b"", b""


@pytest.mark.parametrize("page", [page for page in PAGES if steps(page)])
def test_what_a_page_tells_its_reader_to_do_works(
    page: str, stock: presumed.Stock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("tagger.process.cores", lambda: 1)  # a decoder takes longer to begin than with these films
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    presumed.FOLDERS.get(page, presumed.films)(stock, folder)
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    missing = []
    with shell(folder, pip=pip, pytest=pytest_itself) as typed:
        for step in steps(page):
            if why_not(step):
                continue
            if step.language == "python":
                exec(compile("\n" * step.line + step.text, page, "exec"), names)
            elif absent := sorted(program for program in programs(step) if not shutil.which(program)):
                missing.append(f"{step.text}: {', '.join(absent)} not installed")
            else:
                done = typed.run(step.text, step.language)
                assert done.code == step.code, f"{step}\n{done.out}\n{done.err}"
                got = done.out.splitlines()
                assert {*heads(step.shown)} <= {*heads(got)}, f"{step}\n{done.out}"
                assert failures(step.shown) in ([], failures(got)), f"{step}\n{done.out}\n{done.err}"
    if missing:
        pytest.skip(f"all but {'; '.join(missing)}")


def heads(lines: Sequence[str]) -> list[str]:
    """The heads of tables, which are the same whatever film it is."""
    return [
        " ".join(line.split()) for line in lines if re.fullmatch(r" *[a-z_]+(?: {2,}[a-z_]+(?: [a-z_]+)*){3,} *", line)
    ]


def failures(lines: Sequence[str]) -> list[str]:
    """How many films failed, as results say it."""
    return re.findall(r"\d+ failed", "\n".join(line for line in lines if not line.startswith("movietags: ")))


def programs(step: Step) -> set[str]:
    """Programs that need not be everywhere."""
    optional = {"ffmpeg", "ffprobe", "jq", "sqlite3", "duckdb", "zsh", "fish"}
    return (optional & {*re.findall(r"[\w-]+", step.text)}) | (optional & {step.language})


def test_what_is_not_run_is_still_there() -> None:
    every = [step for page in PAGES for step in steps(page)]
    for page, begin in NOT_RUN:
        assert [step for step in every if step.page == page and step.text.startswith(begin)], (page, begin)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "benchmarks/README.md", "findings/README.md", *PAGES])
def test_scripts_that_a_page_names_are_there(page: str) -> None:
    text = documents.text(page)
    for module in re.findall(r"python -m (tagger\.[\w.]+)", text):
        assert importlib.util.find_spec(module), module
    for script, more in re.findall(r"python ((?:benchmarks|docs|findings|\.ci)/[\w-]+\.py)(.*)", text):
        assert (ROOT / script).is_file(), script
        for option in re.findall(r"(?<!\w)--[a-z-]+", more):
            assert f'"{option}"' in (ROOT / script).read_text(), (script, option)


def calls(line: str) -> Iterator[list[str]]:
    """The words of each call of `movietags` in a line; `a | b` and `a && b` are two."""
    lexer = shlex.shlex(line.replace("$(", "( "), posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, "#"
    words: list[str] = []
    try:
        for word in [*lexer, ";"]:
            if set(word) <= set("();<>|&"):
                if "movietags" in words:
                    yield words[words.index("movietags") + 1 :]
                words = []
            else:
                words.append(word)
    except ValueError as error:
        raise AssertionError(f"{line}: {error}") from error


def named(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that is called, and its own words."""
    command: click.Command = cli.cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"movietags {' '.join(words)}: there is no {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    return command, words


def test_what_is_not_run_has_options_that_there_are() -> None:
    for page in PAGES:
        for step in steps(page):
            if why_not(step):
                for words in calls(step.text):
                    command, rest = named(words)
                    command.make_parser(click.Context(command)).parse_args([*rest])


@pytest.mark.parametrize("page", PAGES)
def test_commands_within_sentences_are_commands_with_these_options(page: str) -> None:
    prose = "\n".join(line for line in documents.text(page).splitlines() if not line.startswith("    "))
    for piece in re.findall(r"(?<!`)`([^`\n]+)`", re.sub(r"```.*?```", "", prose, flags=re.DOTALL)):
        words = piece.split()
        if words[0] in cli.cli.commands and len(words) > 1 and any(word.startswith("-") for word in words):
            words.insert(0, "movietags")
        if words[0] != "movietags" or len(words) == 1:
            continue
        for call in calls(" ".join(words).replace("'", "").replace("&&", ";")):
            command, rest = named(call)
            known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
            known |= {"-h", "--help", *(["--version"] if command is cli.cli else [])}
            used = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
            assert used <= known, f"{page}: {piece}"


@pytest.mark.parametrize("page", PAGES)
def test_what_stands_in_a_page_as_a_file_is_one(page: str) -> None:
    for block in documents.blocks(page):
        if block.language == "json":
            json.loads(block.text)
        elif block.language == "xml":
            ElementTree.fromstring(block.text)
        elif block.language == "toml" and tomllib:
            tomllib.loads(block.text)
