"""The sidecars of a film, in which media centres keep what is known of it.

    Film (2010)/Film (2010).mkv  Film (2010).nfo  movie.nfo

Jellyfin takes `movie.nfo` before NAME.nfo where a folder holds one film; Kodi does where its source is set to a folder
for each film, and takes NAME.nfo else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from tagger.batch.find import SUFFIXES, FilmFile, Search, find
from tagger.batch.kinds import DISC_FOLDER, arranged, called, without_part
from tagger.batch.ledger import ends_of
from tagger.errors import PathMissing
from tagger.files import SAMPLE_BYTES, is_file, of_system
from tagger.records import TagReport
from tagger.reports.film_file import SEVERAL, film_of

SUFFIX = ".nfo"
SHARED = f"movie{SUFFIX}"  # of its folder's film
VIDEO_TS, BDMV, STREAM = "VIDEO_TS", "BDMV", "STREAM"
# What may stand behind the name of the folder in that of a version of its film: "Film (2010) - 1080p", "Film [4K]".
VERSION = re.compile(r"\s*([-_.\[{].*)?")


def film_files(file: Path, report: TagReport) -> tuple[Path, ...]:
    """Returns the files of the film of a report: one, those of a disc, or its parts.

    Args:
        file: path of the report.
        report: what it holds.

    Raises:
        PathMissing: they are not there, or others now.
    """
    try:
        return (film_of(file, report),)
    except PathMissing:
        first = Path(report.video.path)
        home = _home([first])
        for folder in (home, home.parent) if SEVERAL in " ".join(report.warnings) else ():
            for film in arranged(find([folder], folder)).films:
                if film.path == first and _is_of(film, report):
                    return film.files
        raise


def _is_of(film: FilmFile, report: TagReport) -> bool:
    """Whether a film in several files is that of a report."""
    try:
        return ends_of(film.path, film.more, SAMPLE_BYTES) == report.video.fingerprint
    except OSError:
        return False


def sidecars(files: Sequence[Path]) -> list[Path]:
    """Returns the sidecars of a film that are there, by the names that Kodi and Jellyfin look for."""
    return [path for path in dict.fromkeys(_candidates(files)) if is_file(path)]


def _candidates(files: Sequence[Path]) -> Iterator[Path]:
    """Where the sidecars of a film may be."""
    first, home, folder = files[0], _home(files), files[0].parent
    if folder.name.upper() == VIDEO_TS:
        yield folder / f"{VIDEO_TS}{SUFFIX}"
    elif folder != home and folder.parent.name.upper() == BDMV:
        yield folder.parent / f"index{SUFFIX}"
    elif is_file(own := first.with_suffix(SUFFIX)) and _is_first_of_its_name(first):
        yield own
    if len(files) > 1:  # parts: without what says which one it is, and in the folder above CD1
        yield from (home / f"{name}{SUFFIX}" for name in (without_part(first.stem), first.stem) if name)
    if folder != home:
        yield home / f"{called(home)}{SUFFIX}"
    if is_file(home / SHARED) and _owns(home, files):
        yield home / SHARED


def _home(files: Sequence[Path]) -> Path:
    """The folder of a film: that of its file, or above those of a disc, or of its parts."""
    folder = files[0].parent
    if folder.name.upper() == VIDEO_TS:
        folder = folder.parent
    elif folder.name.upper() == STREAM and folder.parent.name.upper() == BDMV:
        folder = folder.parent.parent
    apart = any(folder not in path.parents for path in files)
    return folder.parent if apart and DISC_FOLDER.fullmatch(folder.name) else folder


def _is_first_of_its_name(film: Path) -> bool:
    """Whether no other film has this name and comes before it: of Film.avi and Film.mkv, the first has Film.nfo."""
    return not any(suffix < film.suffix.lower() and is_file(film.with_suffix(suffix)) for suffix in SUFFIXES)


def _owns(home: Path, files: Sequence[Path]) -> bool:
    """Whether a film is that of its folder: the only one, or of versions that which is called as the folder is.

    Without such a one, it is the first; other versions are known by their own sidecars alone.
    """
    films = {film.path: film.place.stem.casefold() for film in _films_in(home)}
    if files[0].parent != home:  # a disc, or parts in folders of their own
        return not films
    films.setdefault(files[0], files[0].stem.casefold())
    name = called(home).casefold()
    are_versions = all(one.startswith(name) and VERSION.fullmatch(one[len(name) :]) for one in films.values())
    if len(films) > 1 and not are_versions:
        return False
    return files[0] == min(films, key=lambda path: (films[path] != name, films[path], path))


def _films_in(folder: Path) -> Sequence[FilmFile]:
    """The films that lie in a folder itself, as a batch takes them."""
    names = []
    with suppress(OSError), os.scandir(folder) as entries:
        names = sorted(one.name for one in entries if Path(one.name).suffix.lower() in SUFFIXES and one.is_file())
    films = [FilmFile(folder / name, PurePosixPath(name), 0, 0, named=False) for name in names if not of_system(name)]
    return arranged(Search(tuple(films), (), folders=(folder,))).films
