"""`movietags batch` as a process of its own, and what it leaves."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import interrupts

import cli
from tagger import TagReport
from tagger.records import Timing
from tagger.reports.json_report import as_json

LEDGER = Path(".movietags/ledger-1-of-1.jsonl")


def command(*words: str | Path) -> list[str]:
    """The words of a command line."""
    return [sys.executable, "-m", "tagger", "batch", *map(str, words)]


def run(
    *words: str | Path, given: str = "", env: dict[str, str] | None = None, **how: Any
) -> subprocess.CompletedProcess[str]:
    """Runs it to its end."""
    done = subprocess.run(
        command(*words), capture_output=True, text=True, input=given, env={**os.environ, **(env or {})},
        timeout=120, check=False, **how,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done


def inside(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs `movietags` with these words in this process, which is quicker."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            cli.cli.main([*map(str, words)], standalone_mode=False)
        except SystemExit as done:
            code = int(done.code or 0)
    return subprocess.CompletedProcess([*map(str, words)], code, out.getvalue(), err.getvalue())


def batch(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs `movietags batch` in this process, with one decoder."""
    return inside("batch", "--jobs", "1", *words)


@contextmanager
def running(*words: str | Path, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Runs it beside the test, and kills it at the end."""
    process = interrupts.started(command(*words), env={**os.environ, **(env or {})})
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Returns when a line on stderr holds these words."""
    assert process.stderr is not None
    while words not in (line := process.stderr.readline()):
        assert line, "it ended before"


def timeless(report: TagReport) -> str:
    """The report without what differs from run to run."""
    return as_json(replace(report, created="", timing=Timing(0, 0, 0, 0, 0)))


def summary(output: Path) -> list[dict[str, str]]:
    """The rows of summary.csv."""
    with (output / "summary.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def statuses(output: Path) -> dict[str, str]:
    """The status of each film."""
    return {row["film"]: row["status"] for row in summary(output)}


def entries(output: Path) -> list[tuple[str, str]]:
    """Report and state of all lines of the ledger that are whole."""
    found = []
    for line in (output / LEDGER).read_bytes().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:  # torn
            continue
        found.append((entry["report"], entry["state"]))
    return found
