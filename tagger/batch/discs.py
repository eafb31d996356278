"""Folders that are copies of discs: which of their files are the film, and in which order.

    VIDEO_TS/   VTS_02_1.VOB, VTS_02_2.VOB ...   a title set: its files are one stream, cut at every GiB
    BDMV/       PLAYLIST/00800.mpls              names the files of STREAM/ that are shown one after the other

The film is the largest title set of a DVD, and the playlist of a Blu-ray that has the most to show.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tagger.batch.find import FilmFile
from tagger.batch.ignore import LeftOut

TITLE = re.compile(r"VTS_(\d\d)_(\d)\.VOB", re.IGNORECASE)
MENUS = "VIDEO_TS.VOB"
PLAYLIST_BYTES_MAX = 2**20
ITEM_BYTES_MIN = 20  # of an item of a playlist: name of its clip, kind, when it begins and ends


@dataclass(frozen=True, slots=True)
class Disc:
    """A copy of a disc."""

    home: Path  # the folder that holds VIDEO_TS or BDMV
    film: FilmFile
    left_out: tuple[LeftOut, ...]


def disc_of(folder: Path, films: Sequence[FilmFile]) -> Disc | None:
    """Returns the disc whose films these are; None if the folder that holds them is none.

    A `BDMV` of a camera holds one .MTS for each recording: it is none.
    """
    if folder.name.upper() == "STREAM" and folder.parent.name.upper() == "BDMV":
        return _blu_ray(folder, films)
    return _dvd(folder, films)


def as_one_film(films: Sequence[FilmFile], place: PurePosixPath) -> FilmFile:
    """Returns films as one, to be shown in this order."""
    paths = [path for film in films for path in film.files]
    size, modified = sum(film.size_bytes for film in films), max(film.modified_ns for film in films)
    return FilmFile(paths[0], place, size, modified, named=False, more=tuple(paths[1:]))


def place_above(film: FilmFile, folder: Path) -> PurePosixPath:
    """Returns where a folder that holds a film, or lies above it, is below the root; its own name if it is the root."""
    up = len(film.path.parts) - len(folder.parts)
    parts = film.place.parts[:-up]
    return PurePosixPath(*parts) if parts else PurePosixPath(Path(os.path.realpath(folder)).name)


def _dvd(folder: Path, films: Sequence[FilmFile]) -> Disc | None:
    titles: dict[str, list[FilmFile]] = defaultdict(list)
    others = []
    real = Path(os.path.realpath(folder))  # "." has a name, too
    inside = real.name.upper() == "VIDEO_TS"
    for film in films:
        found = TITLE.fullmatch(film.path.name)
        if found and found[2] != "0":
            titles[found[1]].append(film)
        elif found or film.path.name.upper() == MENUS or inside:
            others.append(LeftOut(film.path, "menu of a DVD"))
    if not titles:
        return None
    main = max(titles, key=lambda title: sum(film.size_bytes for film in titles[title]))
    for title, files in titles.items():
        others += [LeftOut(film.path, "not the longest title of its DVD") for film in files if title != main]
    home = folder.parent if inside else folder
    files = sorted(titles[main], key=lambda film: film.path.name.upper())
    place = PurePosixPath(real.parent.name) if inside and home == folder else place_above(files[0], home)
    return Disc(home, as_one_film(files, place), tuple(others))


def _blu_ray(folder: Path, films: Sequence[FilmFile]) -> Disc | None:
    clips = {film.path.stem: film for film in films if film.path.suffix.lower() == ".m2ts"}
    if not clips:
        return None
    playlists = [[clips[name] for name in names if name in clips] for names in _playlists(folder.parent / "PLAYLIST")]
    shown = max(playlists, key=lambda files: sum(film.size_bytes for film in files), default=[])
    files = shown or [max(films, key=lambda film: film.size_bytes)]
    home = folder.parent.parent
    others = [LeftOut(film.path, "not in the longest title of its Blu-ray") for film in films if film not in files]
    return Disc(home, as_one_film(files, place_above(files[0], home)), tuple(others))


def _playlists(folder: Path) -> Iterator[list[str]]:
    """Names of the clips of each playlist, each once: a menu shows one for ever."""
    try:
        files = sorted(folder.iterdir())
    except OSError:
        return
    for path in files:
        if path.suffix.lower() == ".mpls" and path.is_file():
            try:
                with path.open("rb") as file:
                    yield list(dict.fromkeys(_clips(file.read(PLAYLIST_BYTES_MAX))))
            except (OSError, ValueError, IndexError):
                continue


def _clips(body: bytes) -> Iterator[str]:
    """Names of the clips of a playlist, in the order in which they are shown."""
    if not body.startswith(b"MPLS"):
        raise ValueError("no playlist")
    begin = int.from_bytes(body[8:12], "big")
    count = int.from_bytes(body[begin + 6 : begin + 8], "big")
    at = begin + 10
    for _ in range(count):
        length = int.from_bytes(body[at : at + 2], "big")
        item = body[at + 2 : at + 2 + length]
        if len(item) < ITEM_BYTES_MIN:
            raise ValueError("cut off")
        yield item[:5].decode("ascii")
        at += 2 + length
