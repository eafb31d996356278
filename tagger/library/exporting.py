"""The films of a library as one table in a file: CSV, JSON, Parquet."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.errors import BadSettings, OutputRefused
from tagger.files import write_atomically
from tagger.library.answers import as_csv, as_json
from tagger.library.overview import table_of_films, write_parquet
from tagger.text import PROGRAMS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ENDINGS = (".csv", ".json", ".parquet")


def write(store: DuckDBPyConnection, output: Path, csv_for: str = PROGRAMS) -> None:
    """Writes the table; the ending of the file says how.

    Raises:
        BadSettings: it is none of `ENDINGS`.
        OutputRefused: it cannot be written.
    """
    if output.suffix.lower() not in ENDINGS:
        raise BadSettings(f"{output}: ends in none of {', '.join(ENDINGS)}, so nobody knows how to write it")
    if not output.parent.is_dir():
        raise OutputRefused(f"{output}: no such folder: name one that is there")
    write_atomically(output, body(store, output.suffix.lower(), csv_for))


def body(store: DuckDBPyConnection, ending: str, csv_for: str = PROGRAMS) -> bytes:
    """Returns what such a file holds."""
    if ending == ".parquet":
        with tempfile.TemporaryDirectory() as folder:
            write_parquet(store, file := Path(folder, "films.parquet"))
            return file.read_bytes()
    columns, rows = table_of_films(store)
    text = as_csv(columns, rows, csv_for) if ending == ".csv" else as_json("films", columns, rows)
    return text.encode("utf-8", "backslashreplace")
