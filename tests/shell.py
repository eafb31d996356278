"""A shell as the reader has it: bash itself, in which `movietags` is answered by this process, which has loaded all."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli

POLL_S = 0.02
PATIENCE_S = 120
# Stands under the name of each program that is answered: hands on where it was called, and how.
CALLER = f"""#!{sys.executable} -SE
import os, pickle, socket, sys
with socket.socket(socket.AF_UNIX) as to:
    given = sys.stdin.buffer.read()
    to.connect(os.environ["ANSWERED_BY"])
    with to.makefile("rwb") as file:
        pickle.dump((os.path.basename(sys.argv[0]), sys.argv[1:], os.getcwd(), dict(os.environ), given), file)
        file.flush()
        code, out, err = pickle.load(file)
try:
    sys.stdout.buffer.write(out), sys.stdout.flush()
except BrokenPipeError:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
sys.stderr.buffer.write(err), sys.stderr.flush()
sys.exit(code)
"""
REAL = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
OF_A_SHELL = {"_", "PWD", "OLDPWD", "SHLVL", "ANSWERED_BY"}


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Call:
    """A program as it was called."""

    words: Sequence[str]
    folder: str
    env: Mapping[str, str]  # what the line has set
    given: bytes  # on stdin


Answer = Callable[[Call], tuple[int, bytes, bytes]]


def movietags(call: Call) -> tuple[int, bytes, bytes]:
    """`movietags` in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(call.folder)
        done = CliRunner().invoke(cli.cli, [*call.words], input=call.given, env=call.env, prog_name="movietags")
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout_bytes, done.stderr_bytes or b""


class Shell:
    """bash in a folder, with these programs answered here."""

    def __init__(self, folder: Path, home: Path, answers: Mapping[str, Answer]) -> None:
        self.folder, self.answers = folder, {"movietags": movietags, **answers}
        self.calls: list[tuple[str, ...]] = []
        for name in self.answers:
            _program(home / name, CALLER)
        for name in ("python", "python3"):
            _program(home / name, REAL)
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(home / "socket"))
        self.server.listen()
        self.server.settimeout(POLL_S)
        self.env = {**os.environ, "PATH": f"{home}:{os.environ['PATH']}", "ANSWERED_BY": str(home / "socket")}

    def run(self, typed: str, language: str = "bash") -> Done:
        """What is typed, to its end."""
        options = ["-eo", "pipefail"] if language == "bash" else []
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                [language, *options, "-c", typed], cwd=self.folder, env=self.env,
                stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            )  # fmt: skip
            try:
                self._answer_until_it_ends(process)
            finally:
                process.kill()
                process.wait()
            out.seek(0), err.seek(0)
            return Done(process.returncode, *(file.read().decode("utf-8", "backslashreplace") for file in (out, err)))

    def _answer_until_it_ends(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            try:
                connection, _ = self.server.accept()
            except TimeoutError:
                continue
            connection.settimeout(PATIENCE_S)
            with connection, connection.makefile("rwb") as file:
                name, words, folder, env, given = pickle.load(file)
                set_here = {key: env[key] for key in env.keys() - OF_A_SHELL if env[key] != self.env.get(key)}
                self.calls.append((name, *words))
                pickle.dump(self.answers[name](Call(words, folder, set_here, given)), file)


def _program(path: Path, content: str) -> None:
    path.write_text(content)
    path.chmod(0o755)


@contextmanager
def shell(folder: Path, **answers: Answer) -> Iterator[Shell]:
    """Gives such a shell."""
    with tempfile.TemporaryDirectory(prefix="sh") as home:  # its name is short enough for that of a socket
        opened = Shell(folder, Path(home), {name.replace("_", "-"): answer for name, answer in answers.items()})
        try:
            yield opened
        finally:
            opened.server.close()
