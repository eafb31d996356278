"""What a person says is not to be tagged: `--exclude`, and `.movietagsignore` in the folders themselves.

Both are written as gitignore has it. A folder in which `.nomedia` lies is left out too, as by Kodi and by phones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pathspec import GitIgnoreSpec

from tagger.errors import BadSettings, reason

FILE, MARKER = ".movietagsignore", ".nomedia"
BYTES_MAX = 2**20


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or a folder that is not tagged, and by which rule."""

    path: Path
    rule: str


@dataclass(frozen=True, slots=True)
class _Layer:
    """Patterns that hold below one folder."""

    folder: Path
    spec: GitIgnoreSpec
    lines: tuple[str, ...]  # one for each pattern
    source: str

    @classmethod
    def of(cls, folder: Path, lines: Iterable[str], source: str) -> _Layer:
        patterns = tuple(line for line in lines if line.strip() and not line.startswith("#"))
        return cls(folder, GitIgnoreSpec.from_lines(patterns), patterns, source)


@dataclass(frozen=True, slots=True)
class Ignore:
    """The rules that hold in a folder: those of the command line, and those of the folders above and of its own."""

    exclude: tuple[str, ...] = ()
    markers: bool = True  # whether `.nomedia` counts
    layers: tuple[_Layer, ...] = ()

    def __post_init__(self) -> None:
        """Checks the patterns of the command line."""
        for pattern in self.exclude:
            try:
                GitIgnoreSpec.from_lines([pattern])
            except ValueError as error:
                raise BadSettings(
                    f"exclude {pattern!r}: is no pattern as gitignore has them ({reason(error)})"
                ) from error

    def below(self, root: Path) -> Ignore:
        """Returns the rules below a folder that was named, or for a file: those of the command line alone."""
        layers = (_Layer.of(root, self.exclude, "--exclude"),) if self.exclude else ()
        return replace(self, layers=layers)

    def inside(self, folder: Path, names: Sequence[str]) -> Ignore:
        """Returns the rules inside a folder that holds these names.

        Raises:
            OSError, ValueError: its rules cannot be read.
        """
        if FILE not in names:
            return self
        with (folder / FILE).open("rb") as file:
            lines = file.read(BYTES_MAX).decode("utf-8-sig", "surrogateescape").splitlines()
        return replace(self, layers=(*self.layers, _Layer.of(folder, lines, f"{folder / FILE}")))

    def rule(self, path: Path, *, folder: bool = False) -> str:
        """Returns which rule leaves out a file or a folder, for people; nothing if none does."""
        for layer in reversed(self.layers):  # the nearest decides, as in git
            place = path.relative_to(layer.folder).as_posix() + "/" * folder
            found = layer.spec.check_file(place)
            if found.include is not None and found.index is not None:
                return f"{layer.source} {layer.lines[found.index]}" if found.include else ""
        return ""
