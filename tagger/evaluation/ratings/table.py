"""Reading what people say of the tags of films, and refusing what cannot be meant; a row for each thing said.

    film,rater,tag,kind,value
    chase.mp4,anna,Car chase,opinion,1       this extracted tag is right (0: wrong; or anything between)
    chase.mp4,anna,Weapon,chosen,1           chosen from the whole vocabulary (0: seen there and not chosen)

Without `kind` a row says both: an opinion, and from the middle of the scale on a choice. The columns may stand in any
order and beside others. A film goes by the name of the video or of its report, with or without suffix; a tag by its
name or slug, in any case. Cells are between commas, ";" or tabs; a comma may stand in numbers. All rows are used or
none.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TypeVar

from tagger.errors import BadPath, BadRatings, BadSettings, reason
from tagger.files import regular_file
from tagger.records import ModelInfo, RankedTag
from tagger.reports.corrections import read_report
from tagger.reports.folder import reports_below
from tagger.reports.json_report import SUFFIX
from tagger.text import CsvRow, CsvTable, read_csv, safe_cell, some
from tagger.vocabulary import slug

COLUMNS = ("film", "rater", "tag", "kind", "value")
OPINION, CHOSEN = KINDS = ("opinion", "chosen")
BOTH = "both"  # where there is no such column
RIGHT_MIN = 0.5  # opinion from which a tag counts as right
SCALE = (0.0, 1.0)  # of opinions: wrong, right
NAMED_MAX = 10  # films, in an error
NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RatedFilm:
    """What the system says of a film."""

    report: Path
    name: str  # of the video
    model: ModelInfo
    tags: tuple[RankedTag, ...]  # all, best first

    def extracted(self, top: int) -> tuple[RankedTag, ...]:
        """The first `top` tags, without those of no weight."""
        return tuple(tag for tag in self.tags[:top] if tag.weight > 0)

    @property
    def names(self) -> set[str]:
        """What people call it; compared by `key`."""
        of_report = self.report.name, self.report.name.removesuffix(SUFFIX), str(self.report)
        return {key(name) for name in (self.name, PurePath(self.name).stem, *of_report)}


@dataclass(frozen=True, slots=True)
class Rating:
    """One row."""

    film: int  # place in the films, as the next two
    rater: int
    tag: int  # place in the ranking of the film, from 0
    kind: str
    value: float  # 0 to 1


@dataclass(frozen=True, slots=True)
class Ratings:
    """A whole table."""

    films: tuple[RatedFilm, ...]  # with a report, also those that nobody rated
    raters: tuple[str, ...]
    rows: tuple[Rating, ...]


def key(name: str) -> str:
    """Returns what is the same for two ways to write a name: in any case, as any system or spreadsheet stores it."""
    return unicodedata.normalize("NFC", safe_cell(name.strip())).casefold()


def read_films(paths: Sequence[Path]) -> tuple[RatedFilm, ...]:
    """Returns the films of these reports, each once; a folder stands for all reports below it.

    Raises:
        BadPath: one does not exist, or a folder has no report below it.
        BadReport: one cannot be read.
    """
    files = {file.resolve(): file for path in paths for file in _reports(path)}
    reports = ((file, read_report(file)) for file in files.values())
    return tuple(RatedFilm(file, report.video.name, report.model, report.tags) for file, report in reports)


def by_name(films: Sequence[RatedFilm]) -> Mapping[str, list[int]]:
    """Returns the places of the films that go by each name; those of two or more are ambiguous."""
    places = defaultdict(list)
    for place, film in enumerate(films):
        for name in film.names:
            places[name].append(place)
    return places


def read_ratings(path: Path, films: Sequence[RatedFilm], scale: tuple[float, float] = SCALE) -> Ratings:
    """Returns the ratings in a CSV file.

    Args:
        path: of the file, with the header that stands above.
        films: those that may be rated.
        scale: the values of opinions that mean wrong and right; they are mapped to 0 and 1, in a straight line.

    Raises:
        BadPath: no regular file, or one that may not be read.
        BadRatings: no such table, or some of its rows cannot be used: then all of them are named.
        BadSettings: the scale does not grow.
    """
    if not (scale[0] < scale[1] and math.isfinite(scale[1] - scale[0])):
        raise BadSettings(f"--scale {scale[0]:g} {scale[1]:g}: the lowest value comes first, then the highest")
    checks, table = _Checks(films, scale), regular_file(path)
    try:
        body = table.read_bytes()
    except OSError as error:
        raise BadPath(f"{path}: cannot be read ({reason(error)})") from error
    try:
        for row in _table(body).rows:
            checks.take(row)
    except ValueError as error:
        raise BadRatings(f"{path}: no table of ratings: {reason(error)}") from error
    if checks.faults:
        strange = some([repr(name) for name in checks.strange], NAMED_MAX)
        raise BadRatings(
            f"{path}: {checks.bad} of {checks.rows} rows cannot be used"
            + (f", films without a report: {strange}" if strange else "")
            + f"; the first is {checks.faults[0]}; correct them or take them out",
            tuple(checks.faults),
        )
    if not checks.ratings:
        raise BadRatings(f"{path}: no row below the header: there is one for each tag that a rater judges or chooses")
    return Ratings(tuple(films), tuple(checks.raters), tuple(checks.ratings))


def _reports(path: Path) -> Iterator[Path]:
    """A file itself, or all reports below a folder, in the order of their names."""
    if path.is_dir():
        yield from reports_below(path)
    else:
        yield regular_file(path)


def _table(body: bytes) -> CsvTable:
    """The table that a file holds; ValueError names columns that are missing, or there twice."""
    table = read_csv(body, strict=True)
    columns = table.columns
    if not columns:
        raise ValueError("it is empty")
    if wrong := [name for name in COLUMNS if columns.count(name) != 1 and (name != "kind" or name in columns)]:
        raise ValueError(
            f"column {', '.join(wrong)} missing or there twice: its header is "
            f"{table.separator.join(table.header)!r:.80}, expected {table.separator.join(COLUMNS)}"
        )
    return table


class _Checks:
    """Takes rows, and keeps what they say and what is wrong with them."""

    def __init__(self, films: Sequence[RatedFilm], scale: tuple[float, float]) -> None:
        self._films, self._scale, self._places = films, scale, by_name(films)
        self._tags = [{slug(tag.slug): place for place, tag in enumerate(film.tags)} for film in films]
        self._lines: dict[tuple[int, int, int, str], int] = {}  # of what was said
        self.raters: dict[str, int] = {}
        self.ratings: list[Rating] = []
        self.faults: list[str] = []
        self.strange: dict[str, None] = {}  # films without a report, in their order
        self.rows = self.bad = 0

    def take(self, row: CsvRow) -> None:
        """Keeps a row, or what is wrong with each of its cells."""
        self.rows += 1
        before = len(self.faults)
        film = self._parsed(row, "film", self._film)
        rater = self._parsed(row, "rater", self._rater)
        kind = self._parsed(row, "kind", _kind) if "kind" in row.cells else BOTH
        tag = self._parsed(row, "tag", lambda cell: self._tag(cell, film))
        value = self._parsed(row, "value", lambda cell: self._value(cell, kind))
        if row.more:
            hint = "quote names that hold the separator"
            self.faults.append(f"line {row.line}: cells behind the last column: {row.more}; {hint}")
        if film is not None and rater is not None and kind and tag is not None:
            first = self._lines.setdefault((film, rater, tag, kind), row.line)
            if first != row.line:
                self.faults.append(f"line {row.line}: the film, rater, tag and kind of line {first} again")
            if value is not None and kind != CHOSEN:
                self.ratings.append(Rating(film, rater, tag, OPINION, value))
            if value is not None and kind != OPINION:
                self.ratings.append(Rating(film, rater, tag, CHOSEN, float(value >= RIGHT_MIN)))
        self.bad += len(self.faults) > before

    def _parsed(self, row: CsvRow, column: str, parse: Callable[[str], T]) -> T | None:
        """What a cell means; None if that is unknown, with what is wrong kept."""
        cell = row.cells[column]
        try:
            return parse(cell)
        except ValueError as error:
            self.faults.append(f"line {row.line}: {column} is {cell!r:.60}: {error}")
            return None

    def _film(self, cell: str) -> int:
        if not cell:
            raise ValueError("name the film")
        places = self._places.get(key(cell), [])
        if len(places) > 1:
            reports = " or ".join(str(self._films[place].report) for place in places[:NAMED_MAX])
            raise ValueError(f"more than one film has this name, write {reports}")
        if not places:
            self.strange[cell] = None
            raise ValueError("no report is of this film")
        return places[0]

    def _rater(self, cell: str) -> int:
        if not cell:
            raise ValueError("name who said this")
        return self.raters.setdefault(cell, len(self.raters))

    def _tag(self, cell: str, film: int | None) -> int | None:
        """None where the film is unknown, and with it the vocabulary."""
        if film is None:
            return None
        place = self._tags[film].get(slug(cell))
        if place is None:
            raise ValueError(f"no tag of {self._films[film].model.vocabulary}, see `movietags vocab show`")
        return place

    def _value(self, cell: str, kind: str | None) -> float | None:
        """None where the kind is unknown, and with it what is allowed."""
        if kind is None:
            return None
        low, high = SCALE if kind == CHOSEN else self._scale
        number = float(cell.replace(",", ".")) if NUMBER.fullmatch(cell) else math.nan
        if kind == CHOSEN and number not in SCALE:
            raise ValueError(f"of {CHOSEN} it is 1, or 0 where the tag was seen and not chosen")
        if not low <= number <= high:
            raise ValueError(f"of {OPINION} it is a number from {low:g} to {high:g}")
        return (number - low) / (high - low)


def _kind(cell: str) -> str:
    if cell.lower() not in KINDS:
        raise ValueError(f"it is {' or '.join(KINDS)}")
    return cell.lower()
