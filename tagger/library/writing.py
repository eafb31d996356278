"""Rows of some reports -> a library: which of them count, and in the place of what.

A film has one report of each vocabulary: the newest; of two that are as new that which was there, unless it is gone. It
is where it was first seen as long as it is there, also where copies of it are elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tagger.library.places import Place, is_there
from tagger.library.reading import Columns, Rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

OF_REPORTS = ("reports", "tags", "shots", "shot_tags", "features")  # tables with a report in each row
_TIME: np.dtype[Any] = np.dtype("datetime64[us]")


@dataclass(slots=True)
class Added:
    """What became of reports, and of their films."""

    added: int = 0
    """Films, or vocabularies of a film, that are new to the library."""
    renewed: int = 0
    """Reports in place of others: newer ones, or changed."""
    moved: int = 0
    """Films that are elsewhere now."""
    same: int = 0
    """Reports of which the library has all, or a newer one."""
    failed: int = 0
    """Reports that cannot be read, or whose features cannot."""

    def in_words(self) -> str:
        """Returns these numbers."""
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.added} added, {self.renewed} renewed, {self.moved} moved, {self.same} as before{failed}"


@dataclass(slots=True)
class _Film:
    film: int
    name: str
    place: Place
    file: str
    """The report that named it."""
    rows: Rows | None = None
    """Of which its facts are to be; None: they stay."""


@dataclass(slots=True)
class _Report:
    report: int
    film: int
    created: datetime | None
    file: str
    digest: str
    rows: Rows | None = None
    """None: the library has them."""

    def counts_before(self, other: _Report) -> bool:
        """Whether it is to be in the library in place of another of its film and vocabulary."""
        ours, theirs = self.created or datetime.min, other.created or datetime.min
        if self.digest == other.digest:
            return False
        return ours > theirs or self.file == other.file or (ours == theirs and not Path(other.file).exists())


@dataclass(slots=True)
class _Books:
    """What the library has, and is to have, of the films of some reports."""

    films: dict[str, _Film] = field(default_factory=dict)
    reports: dict[tuple[int, str], _Report] = field(default_factory=dict)
    replaced: list[int] = field(default_factory=list)
    """Reports to be taken out."""
    refiled: list[_Report] = field(default_factory=list)
    """Reports whose file is elsewhere now."""
    last_film: int = 0
    last_report: int = 0


def write(store: DuckDBPyConnection, reports: Sequence[Rows], done: Added) -> None:
    """Puts reports into a library, as far as they count, and counts what became of them."""
    books = _looked_up(store, sorted({rows.film["fingerprint"] for rows in reports}))
    for rows in reports:
        _take(books, rows, done)
    _remove(store, "report", OF_REPORTS, books.replaced)
    _put_films(store, [film for film in books.films.values() if film.rows])
    _put_reports(store, {report.report: (report.rows, report.film) for report in books.reports.values() if report.rows})
    for report in books.refiled:
        store.execute("UPDATE store.reports SET file = ? WHERE report = ?", [report.file, report.report])


def remove_films(store: DuckDBPyConnection, films: Sequence[int]) -> None:
    """Takes films out of a library, with all that it has of them."""
    asked = "SELECT report FROM store.reports WHERE list_contains(?, film)"
    _remove(store, "report", OF_REPORTS, [report for (report,) in store.execute(asked, [films]).fetchall()])
    _remove(store, "film", ("films",), films)


def _looked_up(store: DuckDBPyConnection, fingerprints: list[str]) -> _Books:
    books = _Books()
    known = store.execute(
        "SELECT film, fingerprint, name, path, disk, file, vocabulary, report, created, digest FROM store.films "
        "JOIN store.reports USING (film) WHERE fingerprint IN (SELECT unnest(?)) ORDER BY report",
        [fingerprints],
    ).fetchall()
    for film, fingerprint, name, path, disk, file, vocabulary, report, created, digest in known:
        books.films[fingerprint] = _Film(film, name, Place(path, disk), file)
        books.reports[film, vocabulary] = _Report(report, film, created, file, digest)
    last = store.execute("SELECT coalesce(max(film), 0), coalesce(max(report), 0) FROM store.reports").fetchall()
    books.last_film, books.last_report = last[0]
    return books


def _take(books: _Books, rows: Rows, done: Added) -> None:
    facts, about = rows.film, rows.report
    place, file = Place(facts["path"], facts["disk"]), about["file"]
    film = books.films.get(facts["fingerprint"])
    if film is None:
        books.last_film += 1
        film = books.films[facts["fingerprint"]] = _Film(books.last_film, facts["name"], place, file, rows)
    elif place != film.place and not is_there(film.place) and (place.disk or not Path(film.file).exists()):
        film.name, film.place, film.file, film.rows = facts["name"], place, file, rows
        done.moved += 1
    key = film.film, about["vocabulary"]
    known = books.reports.get(key)
    new = _Report(books.last_report + 1, film.film, about["created"], file, about["digest"], rows)
    if known is not None and not new.counts_before(known):
        done.same += 1
        if new.digest == known.digest and new.file != known.file and not Path(known.file).exists():
            known.file = new.file
            books.refiled.append(known)
        return
    books.last_report += 1
    books.reports[key], film.rows = new, rows
    if known is None:
        done.added += 1
    else:
        done.renewed += 1
        books.replaced.append(known.report)


def _remove(store: DuckDBPyConnection, column: str, tables: Sequence[str], numbers: Sequence[int]) -> None:
    for table in tables if numbers else ():
        store.execute(f"DELETE FROM store.{table} WHERE {column} IN (SELECT unnest(?))", [numbers])


def _put_films(store: DuckDBPyConnection, films: Sequence[_Film]) -> None:
    _remove(store, "film", ("films",), [film.film for film in films])
    facts = [
        {"film": film.film, **film.rows.film, "name": film.name, "path": film.place.path, "disk": film.place.disk}
        for film in films
        if film.rows
    ]
    _append(store, "films", _columns(facts))


def _put_reports(store: DuckDBPyConnection, reports: Mapping[int, tuple[Rows, int]]) -> None:
    facts = [{"report": report, "film": film, **rows.report} for report, (rows, film) in reports.items()]
    _append(store, "reports", _columns(facts))
    all_rows = {report: rows for report, (rows, _) in reports.items()}
    tags = _numbered(store, all_rows.values())
    for table in ("tags", "shots", "shot_tags"):
        parts = [
            {"report": np.full(len(next(iter(columns.values()))), report, np.int32), **columns}
            for report, rows in all_rows.items()
            for columns in [_with_numbers(getattr(rows, table), rows, tags)]
        ]
        _append(store, table, {name: np.concatenate([part[name] for part in parts]) for name in (parts or [{}])[0]})
    for report, rows in all_rows.items():
        if rows.mean:
            store.execute(
                "INSERT INTO store.features VALUES (?, ?, ?)", [report, rows.mean.network, rows.mean.values.tolist()]
            )


def _with_numbers(columns: Columns, rows: Rows, tags: Mapping[tuple[str, str], int]) -> Columns:
    """The columns with the library's numbers of tags in place of the report's."""
    if "tag" not in columns:
        return columns
    return {**columns, "tag": np.array([tags[name] for name in rows.names], np.int32)[columns["tag"]]}


def _numbered(store: DuckDBPyConnection, reports: Iterable[Rows]) -> dict[tuple[str, str], int]:
    """The number of each tag, those that are new too."""
    numbers = {(slug, name): tag for tag, slug, name in store.execute("FROM store.names").fetchall()}
    for name in (name for rows in reports for name in rows.names):
        if name not in numbers:
            numbers[name] = len(numbers) + 1
            store.execute("INSERT INTO store.names VALUES (?, ?, ?)", [numbers[name], *name])
    return numbers


def _columns(facts: Sequence[Mapping[str, Any]]) -> Columns:
    """Records as columns of text, times and numbers; of these only a time may be missing."""
    kinds: dict[type, np.dtype[Any]] = {str: np.dtype(object)} | dict.fromkeys((datetime, type(None)), _TIME)
    names = facts[0] if facts else ()
    return {name: np.array([fact[name] for fact in facts], kinds.get(type(facts[0][name]))) for name in names}


def _append(store: DuckDBPyConnection, table: str, columns: Columns) -> None:
    """Puts rows into a table; DuckDB takes NaN and NaT for what is missing."""
    if columns:
        store.register("incoming", columns)
        order = (
            "ORDER BY tag, report, shot" if table == "shot_tags" else ""
        )  # a tag is found without reading the others
        store.execute(f"INSERT INTO store.{table} BY NAME SELECT * FROM incoming {order}")
        store.unregister("incoming")
