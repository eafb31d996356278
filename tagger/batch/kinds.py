"""What is no film of its own by its name, as Kodi, Jellyfin and Plex see it; and which files are one film together.

A trailer, a sample or an extra is one only beside its film: where there is nothing else, it is what was asked for, and
so is a file that was named.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from tagger.batch.discs import as_one_film, disc_of, place_above
from tagger.batch.find import SUFFIXES, FilmFile, Search
from tagger.batch.ignore import LeftOut
from tagger.video import sequence

# "NAME-trailer", "NAME - trailer", "NAME.sample", "NAME-featurette", "sample-NAME", "trailer", "theme".
EXTRA = re.compile(
    r"(?P<of>.*?)(?:^|[-._ ])(?P<kind>trailer|sample|(?<!.)theme)\d*"
    r"|(?P<film>.+?)-(?P<extra>behindthescenes|deleted(?:scene)?|featurette|interview|scene|short|clip|extra|other)\d*"
    r"|(?P<start>sample)[-._ ](?P<rest>.+)",
    re.IGNORECASE,
)
# Folders of these names beside any film, and those that count only in a film's own folder or beside seasons.
EXTRAS = frozenset((
    "trailers", "trailer", "samples", "sample", "proof", "extras", "extra", "featurettes", "behind the scenes",
    "deleted scenes", "bonus", "bonus disc", "backdrops", "theme-music", "extrafanart", "extrathumbs",
))  # fmt: skip
OWN_EXTRAS = frozenset(("interviews", "scenes", "shorts", "clips", "other"))
TRICKPLAY = ".trickplay"  # ends the name of a folder of pictures, by which Jellyfin shows where a film is wound to
THEME = "theme"  # plays behind a film's menu; elsewhere it may be a film's title
SEASON = re.compile(r"(season|series|staffel|saison|s)[ ._-]*\d+", re.IGNORECASE)
# "NAME cd1 REST", "NAME - part 2", "NAME.pt.b", "NAME (disc 1)": Jellyfin's rule, with what may follow by Kodi's.
PART = re.compile(
    r"(?P<name>|.*(?:[ _.-]|(?<=[\])}]))[(\[]?)(?P<kind>cd|dvd|part|pt|dis[ck])[ _.-]*(?P<number>\d{1,2}|[a-d])[)\]]?"
    r"(?P<rest>(?:[ _.(\[-].*)?)",
    re.IGNORECASE,
)
# A folder for each disc of a film.
DISC_FOLDER = re.compile(r"(?P<name>|.*[ _.-])(?P<kind>cd|dvd|dis[ck])[ _.-]*(?P<number>\d{1,2})", re.IGNORECASE)
SEPARATORS = " _.-(["


def arranged(search: Search) -> Search:
    """Returns the search with the files of stacks and discs as one film each, without what is no film of its own."""
    folders: dict[Path, list[FilmFile]] = defaultdict(list)
    left_out = list(search.left_out)
    for film in search.films:
        if not film.named:
            folders[film.path.parent].append(film)
    for folder in list(folders):
        if disc := disc_of(folder, folders[folder]):
            of_disc = {*disc.film.files, *(other.path for other in disc.left_out)}
            folders[folder] = [film for film in folders[folder] if film.path not in of_disc]
            folders[disc.home].append(disc.film)
            left_out += disc.left_out
    for folder, films in folders.items():
        folders[folder] = _stacked(films)
    _join_folders(folders, set(search.folders), {film.path: film for film in search.films})
    house = _House(folders, set(search.folders), _others(search))
    left_out += house.left_out
    kept = [film for film in search.films if film.named] + house.films
    order = {film.path: number for number, film in enumerate(search.films)}
    return replace(search, films=tuple(sorted(kept, key=lambda film: order[film.path])), left_out=tuple(left_out))


def _others(search: Search) -> dict[Path, list[FilmFile]]:
    """The films, by their folders, that are not for the house to judge: those a person left out, and those named."""
    others: dict[Path, list[FilmFile]] = defaultdict(list)
    for path in (one.path for one in search.left_out):
        if path.suffix.lower() in SUFFIXES:
            others[path.parent].append(FilmFile(path, PurePosixPath(path.name), 0, 0, named=False))
        elif SEASON.fullmatch(path.name):
            others[path] = []
    for film in search.films:
        if film.named:
            others[film.path.parent].append(film)
    return {folder: _stacked(films) for folder, films in others.items()}


def _stacked(films: Sequence[FilmFile]) -> list[FilmFile]:
    """The films of a folder, with those that are parts of one as one."""
    parts: dict[tuple[str, ...], dict[int, FilmFile]] = defaultdict(dict)
    for film in films:
        found = None if film.more or _numbered(film) else PART.fullmatch(film.path.stem)
        if found:
            kind = found["kind"].lower().replace("disk", "disc")
            key = (found["name"], kind, found["rest"], film.path.suffix)
            parts[tuple(word.casefold() for word in key)].setdefault(_number(found["number"]), film)
    stacks = [_stack(numbered) for numbered in parts.values() if _whole(numbered)]
    of_stacks = {path for stack in stacks for path in stack.files}
    return [film for film in films if film.path not in of_stacks] + stacks


def _stack(numbered: dict[int, FilmFile]) -> FilmFile:
    films = [numbered[number] for number in sorted(numbered)]
    first = films[0]
    name = without_part(first.path.stem)
    place = first.place.with_name(name + first.path.suffix) if name else place_above(first, first.path.parent)
    return as_one_film(films, place)


def without_part(stem: str) -> str:
    """Returns a name without what says that it is a part, and which; nothing if it says no more."""
    found = PART.fullmatch(stem)
    return found["name"].rstrip(SEPARATORS) + found["rest"] if found else stem


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else ord(text.lower()) - ord("a") + 1


def _whole(numbered: Iterable[int]) -> bool:
    """Whether there are several parts, and none is missing before the last."""
    numbers = sorted(numbered)
    return len(numbers) > 1 and numbers == list(range(1, len(numbers) + 1))


def _join_folders(folders: dict[Path, list[FilmFile]], named: set[Path], files: Mapping[Path, FilmFile]) -> None:
    """Puts the films of CD1, CD2 ... that hold one each into the folder above, as one film."""
    discs: dict[tuple[Path, str, str], dict[int, Path]] = defaultdict(dict)
    for folder in folders:
        found = None if folder in named else DISC_FOLDER.fullmatch(folder.name)
        if found:
            discs[(folder.parent, found["name"].casefold(), found["kind"].lower())][int(found["number"])] = folder
    for (parent, _, _), numbered in discs.items():
        films = [film for number in sorted(numbered) for film in folders[numbered[number]]]
        one_each = len(films) == len(numbered) and all(folders[folder] for folder in numbered.values())
        if _whole(numbered) and one_each and not any(map(_numbered, films)):
            first = files[films[0].path]
            name = DISC_FOLDER.sub(r"\g<name>", numbered[1].name).rstrip(SEPARATORS)
            place = place_above(first, numbered[1]).with_name(name) if name else place_above(first, parent)
            for folder in numbered.values():
                folders[folder] = []
            folders[parent].append(as_one_film(films, place))


class _House:
    """Films by their folders, and what is no film of its own there."""

    def __init__(
        self, folders: dict[Path, list[FilmFile]], named: set[Path], others: dict[Path, list[FilmFile]]
    ) -> None:
        self._named = named
        together = {folder: [*folders.get(folder, ()), *others.get(folder, ())] for folder in {**folders, **others}}
        self._main = {folder: [film for film in films if not EXTRA.fullmatch(_stem(film))]
                      for folder, films in together.items()}  # fmt: skip
        self._with_seasons = {folder.parent for folder in together if SEASON.fullmatch(folder.name)}
        self.films: list[FilmFile] = []
        self.left_out: list[LeftOut] = []
        for folder, films in folders.items():
            in_extras = self._in_extras(folder)
            for film in films:
                rule = in_extras or self._extra(folder, film)
                if rule:
                    self.left_out += [LeftOut(path, rule) for path in film.files]
                else:
                    self.films.append(film)

    def _in_extras(self, folder: Path) -> str:
        """Which folder of extras it is, or lies in."""
        for place in self._below_named(folder):
            name, above = place.name.casefold(), place.parent
            mains, seasons = self._main.get(above, ()), above in self._with_seasons
            if (name in EXTRAS or name.endswith(TRICKPLAY)) and (mains or seasons):
                return f"in a folder of extras, {place.name}/"
            if name in OWN_EXTRAS and (seasons or any(_own(above, film) for film in mains)):
                return f"in a folder of extras, {place.name}/"
        return ""

    def _below_named(self, folder: Path) -> Iterator[Path]:
        for place in (folder, *folder.parents):
            if place in self._named:
                return
            yield place

    def _extra(self, folder: Path, film: FilmFile) -> str:
        """What a film is by its name to another that lies beside it."""
        found = None if film.more else EXTRA.fullmatch(_stem(film))
        if not found:
            return ""
        kind = (found["kind"] or found["extra"] or found["start"]).lower()
        of = (found["of"] or found["film"] or found["rest"] or "").casefold().rstrip(SEPARATORS)
        for main in self._main[folder]:
            if (not of and kind != THEME) or of == _stem(main).casefold() or _own(folder, main):
                return f"{kind} of {main.place.name}"
        return ""


def _numbered(film: FilmFile) -> bool:
    """Whether a film is numbered pictures, which are part of no other."""
    return sequence.stem(film.path) is not None


def _stem(film: FilmFile) -> str:
    """The name of a film without its kind, of numbered pictures without their number either."""
    before = sequence.stem(film.path)
    return film.place.stem if before is None else before.rstrip(SEPARATORS)


def called(folder: Path) -> str:
    """Returns the name of a folder, of "." too."""
    return Path(os.path.realpath(folder)).name


def _own(folder: Path, film: FilmFile) -> bool:
    """Whether it is a film's own folder: one is called as the other begins, or the film is a disc."""
    name = called(folder).casefold()
    names = sorted((name, _stem(film).casefold()), key=len)
    return names[1].startswith(names[0]) or film.place.name.casefold() == name
