"""Text: the first of many, tables that people wrote, JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tagger.text import TOOL, CsvRow, finite, json_text, read_csv, some, some_lines, write_json
from tagger.version import __version__


@pytest.mark.parametrize(("count", "shown"), [(0, ""), (1, "a"), (2, "a, b"), (3, "a, b, ...")])
def test_some_names(count: int, shown: str) -> None:
    assert some("abc"[:count], 2) == shown


def test_some_lines_say_how_many_more_there_are() -> None:
    assert some_lines(["a", "b"], 2) == ["a", "b"]
    assert some_lines(["a", "b", "c", "d"], 2) == ["a", "b", "and 2 more"]
    assert some_lines(["a", "b", "c"], 2, "skipped") == ["a", "b", "and 1 more: 3 skipped in all"]


def test_a_table_of_a_spreadsheet() -> None:
    table = read_csv('\ufeffName; B \r\n"x\n1" ;2\r\n;;\r\n\r\n3;;4;\r\n'.encode(), ",;")
    assert (table.separator, table.header, table.columns) == (";", ("Name", "B"), ["name", "b"])
    assert list(table.rows) == [
        CsvRow(2, 2, {"name": "x\n1", "b": "2"}, 0),  # of two lines
        CsvRow(5, 6, {"name": "3", "b": ""}, 1),
    ]


def test_short_rows_and_an_empty_file() -> None:
    assert [row.cells for row in read_csv(b"a,b\n1\n").rows] == [{"a": "1", "b": ""}]
    empty = read_csv(b"\n , \n")
    assert (empty.header, list(empty.rows)) == ((), [])


def test_what_is_no_table() -> None:
    with pytest.raises(UnicodeDecodeError):
        read_csv(b"a\n\xff\n")
    with pytest.raises(ValueError, match="line 3: unexpected end of data"):
        list(read_csv(b'a\n1\n"2\n3\n', strict=True).rows)
    assert [row.cells["a"] for row in read_csv(b'a\n1\n"2\n3\n').rows] == ["1", "2\n3"]


def test_json_has_no_numbers_that_are_none(tmp_path: Path) -> None:
    facts = {"a": [1.5, math.nan], "b": {"c": (math.inf, "é")}}
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text(facts)
    write_json(tmp_path / "facts.json", {**TOOL, **finite(facts)})
    assert json.loads((tmp_path / "facts.json").read_bytes()) == {
        "tool": {"version": __version__}, "a": [1.5, None], "b": {"c": [None, "é"]},
    }  # fmt: skip
