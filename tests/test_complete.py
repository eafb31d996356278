"""The Tab key: what is completed, and that a real shell does it."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from samples import REPORT

import cli
from tagger.models import registry
from tagger.reports import formats

PATIENCE_S = 60


def completed(*words: str, begun: str = "") -> list[str]:
    """What is offered after these words."""
    asked = ShellComplete(cli.cli, {}, "movietags", "_MOVIETAGS_COMPLETE").get_completions([*words], begun)
    return [one.value if one.type == "plain" else one.type for one in asked]


def test_commands_options_choices_and_files() -> None:
    assert completed(begun="ex") == ["export", "extract"]
    assert completed("extract", begun="--det") == ["--detector"]
    assert completed("extract", "--detector", begun="c") == ["content"]
    assert completed("extract", begun="fi") == ["file"]


@pytest.mark.parametrize("command", [("extract",), ("batch",), ("retag",), ("evaluate", "images"), ("vocab", "show")])
def test_vocabularies_by_name_else_as_folders(command: tuple[str, ...]) -> None:
    option = [] if command[0] in ("evaluate", "vocab") else ["--vocab"]
    assert completed(*command, *option, begun="mov") == ["movies50"]
    assert completed(*command, *option, begun="./my") == ["dir"]


@pytest.mark.parametrize("words", [("extract", "--backbone"), ("train", "--backbone"), ("models", "verify")])
def test_networks(words: tuple[str, ...]) -> None:
    assert completed(*words, begun="efficientnet-lite") == [
        entry.name for entry in registry.entries() if entry.name.startswith("efficientnet-lite")
    ]
    assert completed(*words, begun="nothing") == []


def test_formats_are_those_of_the_command() -> None:
    assert completed("extract", "--format") == ["csv", "json", "html", "parquet", "otio", "nfo"]
    assert completed("export", "--format", begun="h") == ["html"]
    assert completed("segments", "--format", begun="n") == []
    assert completed("segments", "--format", begun="e") == ["edl"]


def test_tags_are_those_of_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two").mkdir()
    (tmp_path / "two/labels.txt").write_text("War\nWar room\nPeace\n")
    (tmp_path / "two/groups.txt").write_text("Conflict: War, War room\nDay & night $(reboot): Peace\n")
    formats.write_report(replace(REPORT, settings={"vocabulary": "two"}), "own.tags.json")
    formats.write_report(REPORT, "old.tags.json")  # which does not say where its vocabulary is
    assert completed("segments", "own.tags.json", "--tag", begun="war") == ["war", "war-room"]
    assert completed("segments", "own.tags.json", "--group") == ["conflict", "day-night-reboot"]
    for report in ("old.tags.json", "missing.tags.json", "two", "two/labels.txt"):
        assert completed("segments", report, "--tag", begun="w") == ["wedding", "war", "weapon"]
        assert completed("segments", report, "--group", begun="na") == ["nature"]


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_a_tab_in_bash(tmp_path: Path) -> None:
    (tmp_path / "movietags").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tagger "$@"\n')
    (tmp_path / "movietags").chmod(0o755)
    (tmp_path / "the film.mp4").touch()
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PS1": "> ", "TERM": "dumb"}
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, env=env,
        start_new_session=True,
    ) as bash:  # fmt: skip
        try:
            os.write(ours, b'eval "$(_MOVIETAGS_COMPLETE=bash_source movietags)"; echo ready""\n')
            until(ours, "ready\r\n")
            os.write(ours, b"movietags extr\t")
            assert "extract " in until(ours, "extract ")
            os.write(ours, b"the\t")
            until(ours, r"the\ film.mp4 ")
            os.write(ours, b"--vocab mo\t")
            until(ours, "movies50 ")
        finally:
            bash.kill()
            os.close(ours)
            os.close(theirs)


def until(terminal: int, words: str) -> str:
    """What a terminal shows until these words are there."""
    shown, end = "", time.monotonic() + PATIENCE_S
    while words not in shown:
        assert time.monotonic() < end, shown
        if select.select([terminal], [], [], 0.2)[0]:
            shown += re.sub(r"\x1b\[\S*?[a-zA-Z]|\x07", "", os.read(terminal, 4096).decode("utf-8", "replace"))
    return shown
