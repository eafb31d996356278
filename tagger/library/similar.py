"""A film -> those like it, by the cosine between what is known of both.

By the means of their features, where features were kept beside the reports: these see more than the tags say. Else by
the mean probabilities of their tags.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.errors import BadReport, BadSettings
from tagger.files import is_file
from tagger.library.films import film_named
from tagger.library.reading import read
from tagger.reports.json_report import SUFFIX

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FEATURES, TAGS = "features", "tags"
# A film with reports of several vocabularies has the same features with each.
BY_FEATURES = """
SELECT film, max(list_cosine_similarity(mean, $values::FLOAT[])) AS likeness
FROM store.features JOIN store.reports USING (report)
WHERE network = $network AND len(mean) = len($values) AND film IS DISTINCT FROM $film GROUP BY film
"""
BY_TAGS = """
SELECT film, sum(mean_probability * value) / nullif(sqrt(sum(mean_probability ** 2)) * $length, 0) AS likeness
FROM store.tags JOIN store.reports USING (report) LEFT JOIN (
    SELECT tag, value FROM store.names
    JOIN (SELECT unnest($slugs::VARCHAR[]) AS slug, unnest($values::DOUBLE[]) AS value) USING (slug)) USING (tag)
WHERE vocabulary = $vocabulary AND film IS DISTINCT FROM $film GROUP BY film
"""
FIRST = """
WITH alike AS ({alike}),
first AS (
    SELECT films.*, likeness, count(*) OVER () AS compared FROM alike JOIN store.films USING (film)
    ORDER BY likeness DESC NULLS LAST, path LIMIT $top)
SELECT name, path, duration_s, likeness, list(tag ORDER BY rank) FILTER (rank <= 3 AND weight > 0), compared
FROM first LEFT JOIN (SELECT film, tag, rank, weight FROM tags WHERE vocabulary = $vocabulary) USING (film)
GROUP BY ALL ORDER BY likeness DESC NULLS LAST, path
"""


@dataclass(frozen=True, slots=True)
class SimilarFilm:
    """A film that is like another."""

    film: str
    path: str
    duration_s: float
    likeness: float | None
    """The cosine, -1 to 1; None: nothing is known of the one or the other."""
    tags: tuple[str, ...]
    """Its first three."""


@dataclass(frozen=True, slots=True)
class Similar:
    """The films that are like another."""

    by: str
    """What they were compared by: "features of efficientnet-lite0/avg_pool", or "tags of movies50"."""
    films: tuple[SimilarFilm, ...]
    """Most like it first."""
    compared: int
    """So many films."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is known of the film that is asked about."""

    film: int | None
    """None: it is not in the library."""
    vocabulary: str
    tags: dict[str, float]
    """Mean probabilities, by slug."""
    network: str
    """Of its features; "": there are none."""
    mean: list[float]


def similar(store: DuckDBPyConnection, asked: str, by: str | None = None, top: int = 10) -> Similar:
    """Returns the films that are like one.

    Args:
        store: the library.
        asked: the film, as `film_named` knows it; or a report, also of a film that is not in the library.
        by: "features" or "tags"; None: features, where they are known of it and of another.
        top: so many.

    Raises:
        PathMissing, BadSettings: as `film_named`; or it has no features, by which it should go.
        BadPath, BadReport: the report cannot be read.
    """
    film = _of_report(store, Path(asked)) if asked.endswith(SUFFIX) and is_file(Path(asked)) else _known(store, asked)
    if by == FEATURES and not film.network:
        raise BadSettings(
            f"{asked}: no features of it are in the library: tag it with --keep-features, and add its report again"
        )
    same = {"film": film.film, "top": top, "vocabulary": film.vocabulary}
    if film.network and by != TAGS:
        rows = _first(store, BY_FEATURES, {**same, "network": film.network, "values": film.mean})
        if rows or by == FEATURES:
            return _similar(f"features of {film.network}", rows)
    length = sqrt(sum(share**2 for share in film.tags.values()))
    values = {"slugs": list(film.tags), "values": list(film.tags.values()), "length": length}
    return _similar(f"tags of {film.vocabulary}", _first(store, BY_TAGS, {**same, **values}))


def _first(store: DuckDBPyConnection, alike: str, values: dict[str, Any]) -> list[Any]:
    return store.execute(FIRST.format(alike=alike), values).fetchall()


def _similar(by: str, rows: list[Any]) -> Similar:
    films = (
        SimilarFilm(name, path, length_s, alike, tuple(tags or ())) for name, path, length_s, alike, tags, _ in rows
    )
    return Similar(by, tuple(films), rows[0][-1] if rows else 0)


def _of_report(store: DuckDBPyConnection, file: Path) -> _Asked:
    """A film by its report, which need not be in the library."""
    found = read(file)
    if found.rows is None:
        raise BadReport(found.wrong)
    rows, mean = found.rows, found.rows.mean
    number = "SELECT film FROM store.films WHERE fingerprint = ?"
    known = store.execute(number, [rows.film["fingerprint"]]).fetchall()
    shares = rows.tags["mean_probability"].tolist()
    tags = {slug: share for (slug, _), share in zip(rows.names, shares, strict=False)}  # the first are the ranked ones
    features = (mean.network, mean.values.tolist()) if mean else ("", [])
    return _Asked(known[0][0] if known else None, rows.report["vocabulary"], tags, *features)


def _known(store: DuckDBPyConnection, asked: str) -> _Asked:
    """A film of the library, by the tags of that vocabulary in which most films are."""
    film = film_named(store, asked)
    ((vocabulary,), *_) = store.execute(
        "SELECT vocabulary FROM store.reports GROUP BY vocabulary HAVING bool_or(film = ?) "
        "ORDER BY count(*) DESC, vocabulary",
        [film],
    ).fetchall()
    said = "SELECT slug, mean_probability FROM tags WHERE film = ? AND vocabulary = ?"
    tags = dict(store.execute(said, [film, vocabulary]).fetchall())
    kept = store.execute("SELECT network, mean FROM features WHERE film = ? ORDER BY report", [film]).fetchall()
    return _Asked(film, vocabulary, tags, *(kept[-1] if kept else ("", [])))
