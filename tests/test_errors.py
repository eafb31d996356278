"""The tree of errors: as its docstring draws it, and as callers catch it who know nothing of this package."""

from __future__ import annotations

import builtins
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tagger
from tagger import errors
from tagger.errors import BadPath, BadRatings, FilmError, MovieTagsError, PathMissing, reason
from tagger.files import regular_file
from tagger.images import read_picture

CLASSES = [found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, MovieTagsError)]
LINE = re.compile(r"^((?:│   |    )*(?:├── |└── )?)([A-Z]\w+) *(?:\(([\w, ]+)\))?", re.MULTILINE)


def drawn() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Name, parent and builtin kinds of each line of the tree."""
    tree = (errors.__doc__ or "").split("\n\n")[1]
    above: list[str] = []
    for branch, name, kinds in LINE.findall("\n".join(line.removeprefix("    ") for line in tree.splitlines())):
        depth = len(branch) // 4
        above[depth:] = [name]
        yield name, above[depth - 1] if depth else "Exception", tuple(re.findall(r"\w+", kinds))


def test_the_docstring_draws_every_class_under_its_own() -> None:
    there = {found.__name__: tuple(base.__name__ for base in found.__bases__) for found in CLASSES}
    assert {name: (parent, *kinds) for name, parent, kinds in drawn()} == there
    assert len(list(drawn())) == len(CLASSES) > 20


@pytest.mark.parametrize("kind", CLASSES)
def test_each_keeps_its_message_on_its_way_between_processes(kind: type[MovieTagsError]) -> None:
    error = kind("film.mp4: what is wrong with it")
    assert str(error) == str(pickle.loads(pickle.dumps(error))) == reason(error) == "film.mp4: what is wrong with it"


def test_a_missing_film_is_what_python_calls_it(tmp_path: Path) -> None:
    for ask in (tagger.extract, tagger.shots, tagger.segments, regular_file, read_picture):
        for kind in (FileNotFoundError, OSError, ValueError, PathMissing, BadPath, FilmError, MovieTagsError):
            with pytest.raises(kind) as caught:
                ask(tmp_path / "gone.mp4")
            assert str(caught.value) == f"{tmp_path / 'gone.mp4'}: no such file"


def test_what_is_there_and_no_file_is_not_missing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="is a folder: name the films in it") as caught:
        tagger.extract(tmp_path)
    assert isinstance(caught.value, BadPath)
    assert not isinstance(caught.value, FileNotFoundError)


def test_faults_stand_beside_the_message() -> None:
    assert BadRatings("ratings.csv: 2 rows", ("row 1", "row 2")).faults == ("row 1", "row 2")
    assert BadRatings("ratings.csv: no rows").faults == ()


def test_the_builtin_kinds_are_builtin() -> None:
    for _, _, kinds in drawn():
        assert all(issubclass(getattr(builtins, kind), Exception) for kind in kinds)
