"""What is in a library: counts, and a table of its films."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.records import SURE

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A row for each film and vocabulary; the first five tags that have any weight, and those that are sure, as in the
# summary of a batch.
FILMS = f"""
SELECT name AS film, path, duration_s, vocabulary, status, shots, shots_tagged,
    coalesce(list(tag ORDER BY rank) FILTER (rank <= 5 AND weight > 0), []) AS tags,
    coalesce(list(tag ORDER BY confidence DESC, rank) FILTER (confidence >= {SURE}), []) AS sure,
    backbone, created, fps, width, height, codec, size_bytes, fingerprint, file AS report
FROM films JOIN reports USING (film) LEFT JOIN tags USING (film, report, vocabulary)
GROUP BY ALL ORDER BY path, vocabulary
"""
SEEN = f"""
SELECT vocabulary, tag, count(*) FILTER (confidence >= {SURE}) AS sure, count(*) FILTER (frames > 0) AS films,
    sum(frames)::BIGINT AS shots
FROM tags GROUP BY ALL HAVING shots > 0 OR sure > 0 ORDER BY sure DESC, films DESC, shots DESC, vocabulary, tag
"""


@dataclass(frozen=True, slots=True)
class SeenTag:
    """How often a tag is in a library."""

    vocabulary: str
    tag: str
    sure: int
    """Films in which it is sure."""
    films: int
    """Films of which a shot has it among its first three tags."""
    shots: int
    """Such shots."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What is in a library."""

    size_bytes: int
    films: int
    duration_s: float
    shots: int
    """Of reports: a film with two vocabularies has its shots twice."""
    with_features: int
    """Films."""
    vocabularies: dict[str, int]
    """Films of each."""
    tags: tuple[SeenTag, ...]
    """Those seen most first."""


def stats(store: DuckDBPyConnection, library: Path) -> Stats:
    """Returns what is in a library."""
    ((films, duration_s),) = store.execute("SELECT count(*), coalesce(sum(duration_s), 0) FROM films").fetchall()
    ((shots,),) = store.execute("SELECT coalesce(sum(shots), 0)::BIGINT FROM reports").fetchall()
    ((features,),) = store.execute("SELECT count(DISTINCT film) FROM features").fetchall()
    by = store.execute(
        "SELECT vocabulary, count(*) FROM reports GROUP BY ALL ORDER BY count(*) DESC, vocabulary"
    ).fetchall()
    tags = tuple(SeenTag(*row) for row in store.execute(SEEN).fetchall())
    return Stats(library.stat().st_size, films, duration_s, shots, features, dict(by), tags)


def table_of_films(store: DuckDBPyConnection) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Returns the names of the columns, and a row for each film and vocabulary."""
    answer = store.execute(FILMS)
    return [column[0] for column in answer.description or ()], answer.fetchall()


def write_parquet(store: DuckDBPyConnection, file: Path) -> None:
    """Writes that table as Parquet, typed."""
    place = str(file).replace("'", "''")
    store.execute(f"COPY ({FILMS}) TO '{place}' (FORMAT parquet)")
