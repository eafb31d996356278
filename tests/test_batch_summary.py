"""How far a batch is, for pandas, for spreadsheets and for people."""

from __future__ import annotations

import csv
import os
import platform
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tagger.batch import summary
from tagger.batch.ledger import DONE, FAILED, FOLDER, FOUND, SKIPPED, STARTED, LedgerEntry
from tagger.errors import OutputRefused
from tagger.files import Lock

MOMENT = "2026-11-22T10:00:00+00:00"
TAGGED: dict[str, Any] = {
    "status": "ok", "tags": ("kiss", "fight scene"), "shots": 1200, "kept": 1100, "duration_s": 5400.5,
    "seconds": 270.025, "scan": "fast", "warnings": ("first", "second"),
}  # fmt: skip


def known(folder: Path, **states: dict[str, Any]) -> dict[str, LedgerEntry]:
    """Entries of films of these names, which exist."""
    made = {}
    for name, values in states.items():
        film = folder / name
        film.touch()
        made[str(film)] = LedgerEntry(**{"report": name, "at": MOMENT, "path": name, "film": str(film), **values})
    return made


def rows(output: Path, entries: dict[str, LedgerEntry]) -> dict[str, dict[str, str]]:
    """Of the file, by film, as the csv module reads them."""
    with summary.write(output, entries).open(newline="", encoding="utf-8") as file:
        return {row["film"]: row for row in csv.DictReader(file, strict=True)}


@pytest.fixture
def some(tmp_path: Path) -> dict[str, LedgerEntry]:
    """A film of each status."""
    return known(
        tmp_path, tagged={"state": DONE, **TAGGED}, cut={"state": DONE, **TAGGED, "status": "truncated"},
        broken={"state": FAILED, "reason": "broken: is no video"}, text={"state": SKIPPED, "reason": "no film"},
        begun={"state": STARTED}, waiting={"state": FOUND},
    )  # fmt: skip


def test_each_film_has_a_row_that_says_what_became_of_it(tmp_path: Path, some: dict[str, LedgerEntry]) -> None:
    read = rows(tmp_path, some)
    assert list(read) == sorted(path.name for path in map(Path, some))
    assert {name: row["status"] for name, row in read.items()} == {
        "tagged": "ok", "cut": "truncated", "broken": "failed", "text": "skipped", "begun": "pending",
        "waiting": "pending",
    }  # fmt: skip
    assert read["tagged"] == {
        "film": "tagged", "status": "ok", "reason": "", "tags": "kiss; fight scene", "shots": "1200",
        "shots_tagged": "1100", "duration_s": "5400.5", "seconds": "270.025", "realtime_factor": "20.0", "scan": "fast",
        "warnings": "first; second", "report": "tagged.tags.json", "finished": MOMENT, "path": "tagged",
        "same_as": "", "sure": "",
    }  # fmt: skip
    assert {name: row["reason"] for name, row in read.items() if row["reason"]} == {
        "broken": "broken: is no video", "text": "no film",
    }  # fmt: skip
    assert {name for name, row in read.items() if row["report"]} == {"tagged", "cut"}
    assert {name for name, row in read.items() if not row["finished"]} == {"begun", "waiting"}


def test_pandas_reads_numbers_as_numbers(tmp_path: Path, some: dict[str, LedgerEntry]) -> None:
    table = pd.read_csv(summary.write(tmp_path, some))
    assert len(table) == len(some)
    numbers = ["shots", "shots_tagged", "duration_s", "seconds", "realtime_factor"]
    assert all(table[name].dtype == "float64" for name in numbers)
    assert table["shots"].sum() == 2400 and table["realtime_factor"].mean() == pytest.approx(20)
    assert table["seconds"].isna().sum() == 4  # those that are not done
    assert pd.to_datetime(table["finished"]).max() == pd.Timestamp(MOMENT)


def test_a_film_without_length_or_time_has_no_speed(tmp_path: Path) -> None:
    films = known(
        tmp_path, a={"state": DONE, **TAGGED, "duration_s": None}, b={"state": DONE, **TAGGED, "seconds": 0.0},
        c={"state": DONE, **TAGGED, "duration_s": 0.0},
    )  # fmt: skip
    assert [row["realtime_factor"] for row in rows(tmp_path, films).values()] == ["", "", "0.0"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_no_cell_is_a_formula(tmp_path: Path, start: str) -> None:
    text = f"{start}HYPERLINK(1)"
    films = known(
        tmp_path,
        x={
            "state": DONE,
            **TAGGED,
            "report": text,
            "path": text,
            "tags": (text,),
            "warnings": (text,),
            "sure": (text,),
        },
    )
    films |= known(tmp_path, y={"state": FAILED, "report": text + "y", "path": text, "reason": text})
    with summary.write(tmp_path, films).open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(start)]
    shown = "'" + (text if start > " " else f"\\x{ord(start):02x}{text[1:]}")
    assert cells.count(shown) == 7 and cells.count(shown + "y") == 1 and cells.count(shown + ".tags.json") == 1


def test_any_name_makes_one_row(tmp_path: Path) -> None:
    names = ["two\nlines", "two\r\nlines", 'a "quoted", name', "bad\udcff", "\U0001f3ac", "\u2028", "nul\0", ";", "'"]
    films = {}
    for name in names:
        why = f"{name}: is no video\nat all"
        films[name] = LedgerEntry(name, name, FAILED, MOMENT, name, reason=why, warnings=(name,))
    path = summary.write(tmp_path, films)
    body = path.read_bytes().decode("utf-8")  # no lone surrogates
    assert body.count("\r\n") == body.count("\n") == body.count("\r") == len(names) + 1
    assert len(pd.read_csv(path)) == len(names)
    assert set(rows(tmp_path, films)) >= {
        "bad\\udcff",
        "\U0001f3ac",
        "two\\x0alines",
        'a "quoted", name',
    }


def test_films_that_went_before_their_turn_are_not_counted(tmp_path: Path, some: dict[str, LedgerEntry]) -> None:
    for name in ("tagged", "broken", "waiting", "begun"):
        (tmp_path / name).unlink()
    assert set(rows(tmp_path, some)) == {"tagged", "cut", "broken", "text"}
    assert summary.counted(some) == "4 films: 2 done, 1 failed, 1 skipped (no films)"


def test_numbered_pictures_that_wait_are_there_while_one_is(tmp_path: Path) -> None:
    pattern = str(tmp_path / "f%02d.dpx")
    entries = {pattern: LedgerEntry(pattern, "f%02d.dpx", FOUND, MOMENT, pattern)}
    assert summary.counted(entries) == "0 films: none"
    for number in (3, 4, 6):
        (tmp_path / f"f{number:02}.dpx").touch()
    assert summary.counted(entries) == "1 film: 1 pending" and list(rows(tmp_path, entries)) == ["f%02d.dpx"]
    assert summary.in_words(tmp_path, entries) == "1 film: 1 pending"


def test_counts_are_said_in_words(tmp_path: Path, some: dict[str, LedgerEntry]) -> None:
    assert summary.counted({}) == "0 films: none"
    assert summary.counted(some) == "6 films: 2 done, 2 pending, 1 failed, 1 skipped (no films)"
    assert summary.in_words(tmp_path, some) == f"{summary.counted(some)}\nfailed: broken: is no video"
    assert rows(tmp_path, {}) == {}


def test_what_is_sure_is_named_and_where_nothing_is_counted(tmp_path: Path) -> None:
    films = known(
        tmp_path, one={"state": DONE, **TAGGED, "sure": ("war", "=kiss")}, none={"state": DONE, **TAGGED, "sure": ()},
        old={"state": DONE, **TAGGED}, begun={"state": STARTED, "sure": ()},
    )  # fmt: skip
    named = {name: row["sure"] for name, row in rows(tmp_path, films).items()}
    assert named == {"one": "war; =kiss", "none": "", "old": "", "begun": ""}
    assert summary.counted(films) == "4 films: 3 done (nothing sure in 1), 1 pending"
    assert summary.in_words(tmp_path, films) == summary.counted(films)
    del films[str(tmp_path / "none")]
    assert summary.counted(films) == "3 films: 2 done, 1 pending"


def test_of_many_failures_the_first_are_named(tmp_path: Path) -> None:
    films = {
        f"{n:03d}": LedgerEntry(f"{n:03d}", f"{n:03d}", FAILED, MOMENT, "x", reason=f"{n:03d} bad\udcff\n")
        for n in range(50)
    }
    lines = summary.in_words(tmp_path, films).splitlines()
    assert lines == ["50 films: 50 failed", *(f"failed: {n:03d} bad\\xff\\x0a" for n in range(20)), "and 30 more"]


def test_those_at_work_are_named(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    who = f"{os.getpid()} on {platform.node()}"
    with Lock(folder / "lock-2-of-3"), Lock(folder / "lock-3-of-3"):
        Lock(folder / "lock-1-of-3").close()
        assert summary.in_words(tmp_path, {}).splitlines()[1:] == [
            f"at work: process {who}, shard 2-of-3", f"at work: process {who}, shard 3-of-3",
        ]  # fmt: skip
    with Lock(folder / "lock-1-of-1"):
        assert summary.in_words(tmp_path, {}).splitlines()[1:] == [f"at work: process {who}"]
    assert summary.in_words(tmp_path, {}) == "0 films: none"


def test_a_summary_that_cannot_be_written_leaves_the_last(tmp_path: Path, some: dict[str, LedgerEntry]) -> None:
    path = tmp_path / summary.FILE
    path.mkdir()
    with pytest.raises(OutputRefused, match=r"summary\.csv: cannot write it"):
        summary.write(tmp_path, some)
    assert path.is_dir() and not list(tmp_path.glob(".*.tmp"))


def test_a_film_that_cannot_be_looked_at_does_not_hide_the_others(tmp_path: Path, some: dict[str, LedgerEntry]) -> None:
    name = str(tmp_path / ("a" * 300))  # as with a disk that fails, or a network that is gone
    some[name] = LedgerEntry(name, "long", FOUND, MOMENT, name)
    assert summary.counted(some).startswith(("6 films", "7 films"))
