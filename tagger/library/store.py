"""Where a library is; opening it, and waiting for who holds it.

DuckDB lets one process write, or several read. Nothing here holds a library longer than for one transaction.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from tagger.errors import BadLibrary, OutputLocked, OutputRefused, PathMissing, reason
from tagger.files import is_file
from tagger.libraries import needed
from tagger.library import schema
from tagger.process import cores

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

VARIABLE = "MOVIETAGS_LIBRARY"
WAIT_S = 30.0  # for another process
PAUSE_S = 0.05
MEMORY = "512MB"  # beyond it DuckDB goes to disk
MAGIC, MAGIC_AT = b"DUCK", 8  # in every file of DuckDB
HOLDER = re.compile(r"(?:held|open) in\s+(.+?) \(PID (\d+)\)")
INTERRUPTED = "Query interrupted"
ELSEWHERE = "name another with --library"
# What to do, by words of what DuckDB says.
ADVICE = {"newer version of DuckDB": "pip install --upgrade duckdb", "Could not write": f"free space, or {ELSEWHERE}"}


def usual_place() -> Path:
    """Returns where the library is unless one says otherwise: what MOVIETAGS_LIBRARY names, else in the user's data."""
    named = os.environ.get(VARIABLE)
    return (
        Path(named).expanduser()
        if named
        else platformdirs.user_data_path("movietags", appauthor=False) / "library.duckdb"
    )


def check(path: Path) -> None:
    """Finds out whether a library can be used or, where there is none, made: before the work whose results it is for.

    Raises:
        BadLibrary, OutputLocked, LibraryMissing: as `reading`.
    """
    if os.path.lexists(path):
        with reading(path):
            return
    with needed("a library"):
        import duckdb  # noqa: F401  # is it there?


@contextmanager
def reading(path: Path) -> Iterator[DuckDBPyConnection]:
    """Gives a library to ask; one of an earlier version is brought up to date first.

    Raises:
        PathMissing: there is none.
        BadLibrary: it is none, or of a later version; or DuckDB cannot read it.
        OutputLocked: another process writes to it, for longer than `WAIT_S`.
        LibraryMissing: DuckDB is not installed.
    """
    if not os.path.lexists(path):
        raise PathMissing(f"{path}: no library there: `movietags library add REPORTS` makes one")
    with _opened(path, read_only=True) as store:
        if (version := schema.version_of(store, path)) == schema.VERSION:
            yield store
    if version < schema.VERSION:
        with writing(path):
            pass
        with _opened(path, read_only=True) as store:
            yield store


@contextmanager
def writing(path: Path) -> Iterator[DuckDBPyConnection]:
    """Gives a library within one transaction: what is done to it is done as a whole, or not at all.

    It is made if there is none.

    Raises:
        OutputRefused: it cannot be made there.
        BadLibrary, OutputLocked, LibraryMissing: as `reading`.
    """
    if not os.path.lexists(path):
        _make(path)
    with _opened(path) as store:
        store.begin()
        schema.bring_up_to_date(store, schema.version_of(store, path))
        yield store
        store.commit()


def _make(path: Path) -> None:
    """Makes the file of a library, aside: a process that is killed meanwhile leaves no half one at its place."""
    _check_name(path)
    if "\0" in str(path):  # at which DuckDB would cut the name off
        raise OutputRefused(f"{path}: no file can be called so: {ELSEWHERE}")
    aside = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.touch()  # says what DuckDB would say of a name that nobody knows
        aside.unlink()
        with _opened(aside):
            pass
        try:
            os.link(aside, path)
        except FileExistsError:
            pass  # another process was quicker
        except OSError:  # of a file system without links
            aside.rename(path)
    except (OSError, BadLibrary) as error:
        why = _said(error.__cause__ or error)
        raise OutputRefused(f"{path}: no library can be made there ({why}): {ELSEWHERE}") from error
    finally:
        for rest in (aside, aside.with_name(f"{aside.name}.wal")):
            with suppress(OSError):
                rest.unlink(missing_ok=True)


@contextmanager
def _opened(path: Path, read_only: bool = False) -> Iterator[DuckDBPyConnection]:
    """Gives a connection; what DuckDB says against it is one line."""
    with needed("a library"):
        import duckdb
    _check_name(path)
    if os.path.lexists(path) and not is_file(path):
        raise BadLibrary(f"{path}: is no file: {ELSEWHERE}")
    if _of_another_kind(path):  # by its name DuckDB would take it for a table
        raise BadLibrary(f"{path}: is no file of DuckDB: {ELSEWHERE}")
    try:
        store = _connected(path, read_only)
        try:
            yield store
        finally:
            store.close()  # what was not committed is undone
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except RuntimeError as error:
        if INTERRUPTED in str(error):  # what it makes of a signal while it works
            raise KeyboardInterrupt from error
        raise
    except duckdb.Error as error:  # a damaged file, or one that was changed by hand, may be at odds with anything
        advice = next((advice for words, advice in ADVICE.items() if words in str(error)), ELSEWHERE)
        raise BadLibrary(f"{path}: cannot be used as a library ({_said(error)}): {advice}") from error


def _of_another_kind(path: Path) -> bool:
    """Whether a file holds something that is no library; what is not there or cannot be read may be one."""
    try:
        with path.open("rb") as file:
            start = file.read(MAGIC_AT + len(MAGIC))
    except (OSError, ValueError):
        return False
    return bool(start) and start[MAGIC_AT:] != MAGIC


def _check_name(path: Path) -> None:
    """Refuses the one name under which nothing would be found in a library.

    DuckDB calls a file by its name up to the first dot, and takes that before the schema in which the tables are.
    """
    if path.name.partition(".")[0].casefold() == schema.NAME:
        raise BadLibrary(
            f"{path}: no library can be called {schema.NAME}, as its tables lie under that name: rename it"
        )


def _connected(path: Path, read_only: bool) -> DuckDBPyConnection:
    import duckdb

    # A file of another kind would have DuckDB fetch what reads it from the internet.
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "memory_limit": MEMORY,
        "threads": cores(), "python_enable_replacements": "false",  # a table that is not there is no variable of ours
    }  # fmt: skip
    until = time.monotonic() + WAIT_S
    while True:
        try:
            return duckdb.connect(path.absolute(), read_only, config)
        except duckdb.IOException as error:
            held = HOLDER.search(str(error))
            if not held:
                raise
            if time.monotonic() > until:
                raise OutputLocked(
                    f"{path}: in use by process {held[2]} ({held[1]}), and {WAIT_S:.0f} s were waited: wait, or stop it"
                ) from error
        time.sleep(PAUSE_S)


def _said(error: BaseException) -> str:
    """What DuckDB says, without its kind of error and links to its documents."""
    return reason(error).partition(": ")[2].partition(". See also")[0] or reason(error)
