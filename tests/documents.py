"""The documents as the tests read them: the steps that a reader is told to take, in their order; headings and links."""

from __future__ import annotations

import re
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = tuple(path.relative_to(ROOT).as_posix() for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))))
OTHER_SHELLS = "zsh", "fish"  # whose blocks are typed as they stand
SHELLS = "", "bash", *OTHER_SHELLS
# A block without a language is one to type if its first word is one of these, or if a `$` stands before it.
TYPED = {
    "movietags", "pip", "python", "python3", "pytest", "make", "apt-get", "ffmpeg", "ffprobe", "jq", "sqlite3",
    "duckdb", "find", "for", "source", "eval", "export", "echo", "mkdir", "cp", "mv", "ls", "cat", "sort", "head",
    "grep",
}  # fmt: skip
FENCE = re.compile(r"^( *)(`{3,}) *(\w*)")
CODES = re.compile(r"<!-- exit codes? ([\d ]+?) *-->")


@dataclass(frozen=True)
class Block:
    """Lines that stand as they are, and what stands before them."""

    line: int  # of the page, of its first
    language: str
    text: str
    codes: tuple[int, ...]  # exit codes of its commands, as a comment before it says; all others are 0


@dataclass(frozen=True)
class Step:
    """Something that the reader is told to do."""

    page: str
    line: int
    language: str  # python, or that of a shell
    text: str
    code: int = 0  # the exit code that the page says
    shown: tuple[str, ...] = ()  # what the page shows of its output

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


@cache
def text(page: str) -> str:
    """The text of a page."""
    return (ROOT / page).read_text("utf-8")


@cache
def blocks(page: str) -> tuple[Block, ...]:
    """All blocks of a page, fenced or indented by four spaces."""
    found: list[Block] = []
    lines = text(page).splitlines()
    at, codes = 0, ""
    while at < len(lines):
        begun = at
        if fence := FENCE.match(lines[at]):
            end = next(i for i in range(at + 1, len(lines)) if lines[i].strip() == fence[2])
            inside, language, begun, at = lines[at + 1 : end], fence[3], at + 1, end + 1
        elif lines[at].startswith("    ") and (at == 0 or not lines[at - 1].strip()):
            while at < len(lines) and (lines[at].startswith("    ") or not lines[at].strip()):
                at += 1
            inside, language = lines[begun:at], ""
        else:
            if lines[at].strip():
                codes = lines[at]
            at += 1
            continue
        said = CODES.search(codes)
        numbers = tuple(map(int, said[1].split())) if said else ()
        found.append(Block(begun + 1, language, textwrap.dedent("\n".join(inside)).rstrip(), numbers))
        codes = ""
    return tuple(found)


@cache
def steps(page: str) -> tuple[Step, ...]:
    """What the page tells its reader to do, from its beginning to its end."""
    return tuple(step for block in blocks(page) for step in _steps(page, block))


def _steps(page: str, block: Block) -> Iterator[Step]:
    if block.language == "python":
        yield Step(page, block.line, "python", block.text)
        return
    lines = block.text.splitlines()
    asked = any(line.startswith("$ ") for line in lines)
    if block.language not in SHELLS or not (asked or block.language or (lines and lines[0].split()[0] in TYPED)):
        return
    if block.language in OTHER_SHELLS:
        yield Step(page, block.line, block.language, block.text)
        return
    at, codes = 0, [*block.codes]
    while at < len(lines):
        begun, typed = at, lines[at].removeprefix("$ ")
        at += 1
        if not typed.strip() or (asked and not lines[begun].startswith("$ ")):
            continue
        while not _whole(typed):
            typed += "\n" + lines[at].removeprefix("> ")
            at += 1
        shown = []
        while asked and at < len(lines) and not lines[at].startswith("$ "):
            shown.append(lines[at])
            at += 1
        yield Step(page, block.line + begun, "bash", typed, codes.pop(0) if codes else 0, tuple(shown))
    assert not codes, f"{page}:{block.line}: more exit codes than commands"


def _whole(typed: str) -> bool:
    """Whether bash waits for no further line."""
    if typed.endswith("\\"):
        return False
    if not re.search(r"""["'(`]|\b(?:for|if|while|do)\b|<<""", typed):
        return True
    return subprocess.run(["bash", "-n", "-c", typed], capture_output=True, check=False).returncode == 0
