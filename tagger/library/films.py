"""Which film of a library a person means; and films that are forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.errors import BadSettings, MovieTagsError, PathMissing
from tagger.files import is_file
from tagger.frames import utf8
from tagger.library.places import Place, gone
from tagger.library.writing import remove_films
from tagger.reports.json_report import SUFFIX, read_report
from tagger.text import but_alike, some
from tagger.video import sequence

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NAMED_MAX = 5  # films, in a line
BY_PATH = "SELECT film, path FROM store.films WHERE path IN (?, ?)"
BY_NAME = """
SELECT film, path FROM store.films WHERE lower(?) IN (lower(name), lower(parse_filename(name, true))) ORDER BY path
"""
BY_CONTENT = "SELECT film, path FROM store.films WHERE fingerprint = ?"


def film_named(store: DuckDBPyConnection, asked: str) -> int:
    """Returns the film that is called so: by its path, its name (with or without ending), a report, or what it holds.

    Raises:
        PathMissing: there is none.
        BadSettings: there are several.
    """
    called, whole = utf8(asked), utf8(str(Path(asked).absolute()))
    found = (
        store.execute(BY_PATH, [called, whole]).fetchall()
        or store.execute(BY_NAME, [called]).fetchall()
        or store.execute(BY_CONTENT, [_fingerprint(Path(asked))]).fetchall()
    )
    if len(found) > 1:
        paths = some([path for _, path in found], NAMED_MAX)
        raise BadSettings(f"{asked}: {len(found)} films are called so: name one by its path: {paths}")
    if not found:
        known = [name for (name,) in store.execute("SELECT name FROM store.films ORDER BY path").fetchall()]
        parts = [name for name in known if called.casefold() in name.casefold()]
        like = f", but {some(parts, NAMED_MAX)}" if parts else but_alike(called, known)
        raise PathMissing(f"{asked}: no film of this name, path or content is in the library{like}")
    return int(found[0][0])


def _fingerprint(path: Path) -> str | None:
    """That of a film, or of the film of a report; None of what is neither."""
    if path.name.endswith(SUFFIX) and is_file(path):
        return read_report(path).video.fingerprint
    try:
        return sequence.fingerprint(path) if is_file(path) or sequence.find(path) else None
    except (MovieTagsError, OSError, ValueError):  # what can be no name, or cannot be read
        return None


def forget(store: DuckDBPyConnection, names: Sequence[str]) -> int:
    """Takes films out of a library, and returns how many they were; their files and reports stay where they are.

    Raises:
        PathMissing, BadSettings: as `film_named`; then none is taken out.
    """
    films = sorted({film_named(store, name) for name in names})
    remove_films(store, films)
    return len(films)


def forget_gone(store: DuckDBPyConnection) -> tuple[int, list[str]]:
    """Takes films out of a library that are no longer there.

    Returns:
        How many, and a line for each disk whose films may be there when it is mounted.
    """
    films = store.execute("SELECT film, path, disk FROM store.films").fetchall()
    lost, doubts = gone((film, Place(path, disk)) for film, path, disk in films)
    remove_films(store, lost)
    return len(lost), doubts
