"""The file of a library: what it may be, its versions, and who holds it."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import re
import shlex
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from batches import inside
from libraries import CHASE, VIEWS, added, put, put_features, report_of, rows

from tagger.errors import BadLibrary, LibraryMissing, OutputLocked, OutputRefused
from tagger.library import schema, store
from tagger.library.writing import Added

DOCS = Path(__file__).parents[1] / "docs/library.md"
COMMANDS = (["search", "x"], ["similar", "x"], ["stats"], ["export", "-o", "-"], ["forget", "x"])
# Version 1 as it was: it had no features. A step that was taken somewhere never changes: others come behind it.
SHA256_OF_1 = "664f8bf45456a8a10958cee615ba309d8b5c459b6923e20c650a82aeb864fc71"
VERSION_1 = f"""
{schema.STEPS[0]}
INSERT INTO store.versions VALUES (1, '0.1.0');
INSERT INTO store.films VALUES (
    1, '{CHASE.video.fingerprint}', 'chase.mkv', 'films/chase.mkv', '', 10, 8, 25, 320, 180, 'h264');
INSERT INTO store.reports VALUES (
    1, 1, 'movies50', 'compact/avg_pool', '2020-01-01', 'ok', 1, 1, '/gone.tags.json', '0', 'films/chase.mkv');
INSERT INTO store.names VALUES (1, 'police', 'Police');
INSERT INTO store.tags VALUES (1, 1, 1, 1, 0.9, 1, 1, 0.5, true);
INSERT INTO store.shots VALUES (1, 0, 0, 4, 0, 100, 2, true);
INSERT INTO store.shot_tags VALUES (1, 0, 1, 0.5);
"""


def columns(library: Path) -> dict[str, list[tuple[str, str]]]:
    """Names and types of the columns of all tables and views."""
    found = rows(library, "SELECT table_name, column_name, data_type FROM duckdb_columns() ORDER BY ALL")
    return {table: [(name, kind) for of, name, kind in found if of == table] for table, _, _ in found}


# Versions


def test_a_library_of_version_1_is_brought_up_to_date_by_whoever_opens_it(own_library: Path, tmp_path: Path) -> None:
    assert hashlib.sha256(schema.STEPS[0].encode()).hexdigest() == SHA256_OF_1
    with duckdb.connect(own_library) as opened:
        opened.execute(VERSION_1)
    assert inside("library", "search", "police").stdout.startswith("film             Police")
    assert rows(own_library, "SELECT version FROM store.versions ORDER BY version") == [(1,), (schema.VERSION,)]
    put_features(CHASE, put(CHASE, tmp_path), [[1.0], [2.0], [3.0]])
    assert added(own_library, tmp_path / "chase.mkv.tags.json")[0] == Added(renewed=1)
    assert rows(own_library, "SELECT mean FROM features") == [([2.0],)]
    other = tmp_path / "new.duckdb"
    added(other, tmp_path / "chase.mkv.tags.json")
    assert columns(own_library) == columns(other) and {*VIEWS} < {*columns(other)}


def test_a_library_of_a_later_version_is_refused(library: Path, tmp_path: Path) -> None:
    with store.writing(library) as opened:
        opened.execute("INSERT INTO store.versions VALUES (99, '7.5.3')")
    before = library.read_bytes()
    for words in (*COMMANDS, ["add", str(tmp_path / "tags")]):
        done = inside("library", *words)
        assert done.returncode == 1 and "is a library of version 99, made by movietags 7.5.3" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert library.read_bytes() == before


def test_what_was_not_committed_is_not_there(library: Path) -> None:
    with pytest.raises(RuntimeError), store.writing(library) as opened:
        opened.execute("DELETE FROM store.films")
        raise RuntimeError
    assert rows(library, "SELECT count(*) FROM films") == [(4,)]


def test_the_views_of_the_document_are_those_that_there_are(library: Path) -> None:
    told = {
        name: re.findall(r"`(\w+)`", columns)
        for name, columns in re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", DOCS.read_text(), re.MULTILINE)
    }
    assert tuple(told) == VIEWS
    for view, columns in told.items():
        assert [name for name, *_ in rows(library, f"DESCRIBE {view}")] == columns


# What is no library


def text(path: Path) -> None:
    path.write_text("no library" * 999)


def empty(path: Path) -> None:
    path.touch()


def folder(path: Path) -> None:
    path.mkdir()


def foreign(path: Path) -> None:
    with duckdb.connect(path) as opened:
        opened.execute("CREATE TABLE mine AS SELECT 1 AS a")


def sqlite(path: Path) -> None:
    with sqlite3.connect(path) as opened:
        opened.execute("CREATE TABLE mine (a)")
    opened.close()


def cut(path: Path) -> None:
    added(path, put(CHASE, path.parent))
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("make", [text, empty, folder, foreign, sqlite, cut])
def test_what_is_no_library_is_a_line_and_stays_as_it_is(
    own_library: Path, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    report = put(CHASE, tmp_path / "tags")
    make(own_library)
    before = own_library.read_bytes() if own_library.is_file() else b""
    for words in (*COMMANDS, ["add", str(report)]):
        done = inside("library", *words)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"movietags: error: {own_library}: ") and line.endswith("name another with --library")
        assert "http" not in line
    assert (own_library.read_bytes() if own_library.is_file() else b"") == before
    assert {path.name for path in tmp_path.iterdir()} <= {"tags", "library.duckdb", "chase.mkv.tags.json"}


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("DELETE FROM store.versions", "does not say of which version it is"),
        ("UPDATE store.versions SET version = NULL", "does not say of which version it is"),
        ("DROP TABLE store.versions; CREATE TABLE store.versions (a INTEGER)", '"version" not found'),
        ("DROP VIEW films; DROP TABLE store.films", "films does not exist"),
        ("DROP VIEW tags; ALTER TABLE store.tags DROP confidence", "tags does not exist|confidence"),
    ],
)
def test_a_library_that_was_changed_by_hand_is_a_line(library: Path, tmp_path: Path, sql: str, why: str) -> None:
    new = put(report_of("new.mkv", {"Police": 0.5}, [{"Police": 0.5}]), tmp_path / "more")
    with duckdb.connect(library) as opened:
        opened.execute(sql)
    for words in (["search", "police"], ["search", "police", "--shots"], ["similar", "chase"], ["stats"], ["add", new]):
        done = inside("library", *words)
        assert done.returncode in (0, 1) and len(done.stderr.splitlines()) == done.returncode
        if done.returncode:
            assert done.stderr.startswith(f"movietags: error: {library}: ")
            assert any(one in done.stderr for one in why.split("|"))


@pytest.mark.parametrize("name", ["store.duckdb", "STORE", "store.of.films.db"])
def test_a_library_that_duckdb_would_take_for_its_tables_is_refused(library: Path, tmp_path: Path, name: str) -> None:
    place = tmp_path / "new" / name
    for _ in range(2):
        for words in (*COMMANDS, ["add", str(tmp_path / "tags")]):
            done = inside("library", *words, "--library", place)
            assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
            assert "no library can be called store" in done.stderr or "no library there" in done.stderr
        assert not place.exists() or place.read_bytes() == library.read_bytes()
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(library.read_bytes())


def test_what_duckdb_makes_of_a_signal_is_an_interruption(library: Path) -> None:
    for said in (RuntimeError("Query interrupted"), duckdb.InterruptException("INTERRUPT Error: Interrupted!")):
        with pytest.raises(KeyboardInterrupt), store.reading(library):
            raise said
    with pytest.raises(RuntimeError, match="a defect"), store.reading(library):
        raise RuntimeError("a defect")


def test_where_there_is_none_a_line_says_how_to_make_one(own_library: Path, tmp_path: Path) -> None:
    for words in COMMANDS:
        done = inside("library", *words)
        assert (
            done.returncode == 1 and f"{own_library}: no library there: `movietags library add REPORTS`" in done.stderr
        )
    done = inside("library", "add", tmp_path / "nothing")
    assert done.returncode == 1 and "no such file" in done.stderr
    done = inside("library", "add", tmp_path)
    assert done.returncode == 1 and "no report below it" in done.stderr
    assert not own_library.exists()


@pytest.mark.parametrize("place", ["a file/library.duckdb", "a file", "nul\0byte.duckdb", "/proc/library.duckdb"])
def test_where_none_can_be_made_a_line_says_so(tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises((OutputRefused, BadLibrary), match=r"^[^\n]*name another with --library$"):
        added(tmp_path / place, put(CHASE, tmp_path / "tags"))
    assert not (tmp_path / "nul").exists()


@pytest.mark.parametrize("name", ["table.csv", "table.json", "table.parquet", "film.mp4"])
def test_a_file_of_another_kind_is_a_line_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("film,path\n1,2\n")
    for words in (("stats",), ("add", put(CHASE, tmp_path / "tags"))):
        done = inside("library", *words, "--library", tmp_path / name)
        assert done.returncode == 1
        assert (
            done.stderr == f"movietags: error: {tmp_path / name}: is no file of DuckDB: name another with --library\n"
        )
    assert (tmp_path / name).read_text() == "film,path\n1,2\n"


def test_a_library_is_made_with_its_folder_under_any_name(tmp_path: Path) -> None:
    place = tmp_path / "new" / "md:it's # 100 %?.txt"
    report = put(CHASE, tmp_path / "tags")
    assert (
        inside("library", "add", report, "--library", place).stdout
        == f"{place}: 1 added, 0 renewed, 0 moved, 0 as before\n"
    )
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    assert "1 film, sure in 1 of these" in inside("library", "search", "police", "-l", place).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that limits the size of files")
@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_is_a_line_and_the_library_stays_whole(own_library: Path, tmp_path: Path, there: bool) -> None:
    for number in range(3):
        put(
            report_of(f"{number}.mkv", {"Police": 0.9}, [{"Police": share / 997} for share in range(900)]),
            tmp_path / "tags",
        )
    if there:
        added(own_library, put(CHASE, tmp_path))
    words = shlex.join([sys.executable, "-m", "tagger", "library", "add", str(tmp_path / "tags")])
    done = subprocess.run(["bash", "-c", f"ulimit -f 20; exec {words}"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "File too large" in done.stderr and len(done.stderr.splitlines()) == 1
    assert rows(own_library, "SELECT count(*) FROM films") == [(there,)]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert added(own_library, tmp_path / "tags")[0].added == 3


def test_a_library_can_be_made_where_files_have_one_name_each(
    own_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))  # as exFAT says it

    monkeypatch.setattr(os, "link", none)
    assert added(own_library, put(CHASE, tmp_path))[0].added == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chase.mkv.tags.json", "library.duckdb"]


def test_the_usual_place_is_in_the_users_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(store.VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert store.usual_place().name == "library.duckdb" and "movietags" in store.usual_place().parts


def test_without_duckdb_a_line_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own_library: Path
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(LibraryMissing, match=r"a library needs duckdb, .*: pip install duckdb \(the extra \[library\]"):
        added(own_library, put(CHASE, tmp_path))
    assert not own_library.exists()


# Who holds it

HOLD = """
import duckdb, sys, time
held = duckdb.connect(sys.argv[1], read_only=len(sys.argv) > 2)
print("held", flush=True)
time.sleep(60)
"""


@contextmanager
def held(library: Path, read_only: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Another process has it open."""
    words = [sys.executable, "-c", HOLD, str(library), *["read only"] * read_only]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_who_holds_it_is_waited_for_and_then_named(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "WAIT_S", 0.1)
    with held(library) as process:
        for words in (["stats"], ["add", str(tmp_path / "tags")]):
            done = inside("library", *words)
            assert done.returncode == 75 and f"{library}: in use by process {process.pid} (" in done.stderr
        monkeypatch.setattr(store, "WAIT_S", 30.0)
        killer = subprocess.Popen(
            [sys.executable, "-c", f"import os, time; time.sleep(0.5); os.kill({process.pid}, 9)"]
        )
        assert inside("library", "search", "police").returncode == 0
        assert killer.wait() == 0


def test_readers_read_together_and_a_writer_waits_for_them(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "WAIT_S", 0.1)
    with held(library, read_only=True) as process:
        assert inside("library", "stats").returncode == 0
        with pytest.raises(OutputLocked, match=f"in use by process {process.pid}"), store.writing(library):
            pass


def test_writers_at_once_lose_nothing(tmp_path: Path, own_library: Path) -> None:
    writers = []
    for name in "abc":
        for number in range(3):
            put(report_of(f"{name}{number}.mkv", {"Police": 0.9}, [{"Police": 0.9}]), tmp_path / name)
        words = [sys.executable, "-m", "tagger", "library", "add", str(tmp_path / name)]
        writers.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
    for writer in writers:
        assert "3 added" in writer.communicate()[0] and writer.returncode == 0
    assert rows(own_library, "SELECT count(*) FROM films") == [(9,)]


ADD = """
import sys, time
from pathlib import Path
from tagger.library import adding
adding.TOGETHER = 1
reports = adding.reports_at([Path(sys.argv[2])])
print("begun", flush=True)
adding.add(Path(sys.argv[1]), reports, print, lambda done, total: None)
"""


def test_a_writer_that_is_killed_leaves_whole_films(
    tmp_path: Path, own_library: Path, campaign: Callable[[int, int], int]
) -> None:
    for number in range(20):
        shots = [{"Police": 0.9, "Drama": 0.1}] * 20
        put(report_of(f"{number}.mkv", {"Police": 0.9, "Drama": 0.2}, shots), tmp_path / "tags")
    for seed in range(campaign(3, 60)):
        words = [sys.executable, "-c", ADD, str(own_library), str(tmp_path / "tags")]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stdout.readline() == "begun\n"
            time.sleep(random.Random(seed).uniform(0, 0.6))  # from before there is a library to after half of it
            process.kill()
        if own_library.exists():
            (counts,) = rows(
                own_library,
                "SELECT (SELECT count(*) FROM films), (SELECT count(*) FROM tags), (SELECT count(*) FROM shot_tags)",
            )
            assert counts == (counts[0], counts[0] * 2, counts[0] * 40)
    assert added(own_library, tmp_path / "tags")[0].failed == 0
    assert rows(own_library, "SELECT count(*) FROM films") == [(20,)]
