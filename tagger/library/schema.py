"""The tables of a library, their versions, and the views over them that are open to everybody.

Tables lie in the schema `store` and may change from version to version; the views (docs/library.md) stay. A library is
brought up to date by the steps that it lacks: step n makes version n of version n - 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagger.errors import BadLibrary
from tagger.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

NAME = "store"  # of the schema
TABLES = """
CREATE SCHEMA store;
CREATE TABLE store.versions (version INTEGER, movietags VARCHAR);
CREATE TABLE store.films (
    film INTEGER, fingerprint VARCHAR, name VARCHAR, path VARCHAR, disk VARCHAR, size_bytes BIGINT, duration_s DOUBLE,
    fps DOUBLE, width BIGINT, height BIGINT, codec VARCHAR);
CREATE TABLE store.reports (
    report INTEGER, film INTEGER, vocabulary VARCHAR, backbone VARCHAR, created TIMESTAMP, status VARCHAR,
    shots BIGINT, shots_tagged BIGINT, file VARCHAR, digest VARCHAR, named VARCHAR);
CREATE TABLE store.names (tag INTEGER, slug VARCHAR, name VARCHAR);
CREATE TABLE store.tags (
    report INTEGER, tag INTEGER, rank INTEGER, score DOUBLE, confidence DOUBLE, weight DOUBLE, frames BIGINT,
    mean_probability DOUBLE, trained BOOLEAN);
CREATE TABLE store.shots (
    report INTEGER, shot INTEGER, start_s DOUBLE, end_s DOUBLE, start_frame BIGINT, end_frame BIGINT, keyframe_s DOUBLE,
    kept BOOLEAN);
CREATE TABLE store.shot_tags (report INTEGER, shot INTEGER, tag INTEGER, probability DOUBLE);
CREATE VIEW films AS SELECT * EXCLUDE (disk) FROM store.films;
CREATE VIEW reports AS SELECT * EXCLUDE (digest, named) FROM store.reports;
CREATE VIEW tags AS
    SELECT film, report, vocabulary, slug, name AS tag, t.* EXCLUDE (report, tag)
    FROM store.tags t JOIN store.reports USING (report) JOIN store.names USING (tag);
CREATE VIEW shots AS SELECT film, vocabulary, s.* FROM store.shots s JOIN store.reports USING (report);
CREATE VIEW shot_tags AS
    SELECT film, t.report, vocabulary, shot, start_s, end_s, slug, name AS tag, probability
    FROM store.shot_tags t JOIN store.shots USING (report, shot) JOIN store.reports USING (report)
    JOIN store.names USING (tag);
"""
FEATURES = """
CREATE TABLE store.features (report INTEGER, network VARCHAR, mean FLOAT[]);
CREATE VIEW features AS
    SELECT film, report, vocabulary, network, mean FROM store.features JOIN store.reports USING (report);
"""
STEPS = (TABLES, FEATURES)
VERSION = len(STEPS)


def version_of(store: DuckDBPyConnection, path: Path) -> int:
    """Returns the version of a library; 0 of a file without tables.

    Raises:
        BadLibrary: it is of a later version, or the tables are of something else.
    """
    tables = store.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
    if ("store", "versions") not in tables:
        if tables:
            raise BadLibrary(f"{path}: is a DuckDB file, but no library of movietags: name another with --library")
        return 0
    ((version, movietags),) = store.execute(
        "SELECT max(version), max_by(movietags, version) FROM store.versions"
    ).fetchall()
    if version is None:
        raise BadLibrary(f"{path}: does not say of which version it is, as if it was changed by hand: make it anew")
    if version > VERSION:
        raise BadLibrary(
            f"{path}: is a library of version {version}, made by movietags {movietags}; this one ({__version__}) knows "
            f"versions up to {VERSION}: install that or a later one"
        )
    return int(version)


def bring_up_to_date(store: DuckDBPyConnection, version: int) -> None:
    """Takes the steps that a library of this version lacks."""
    for number, step in enumerate(STEPS[version:], version + 1):
        store.execute(step)
        store.execute("INSERT INTO store.versions VALUES (?, ?)", [number, __version__])
