"""Text: the first of many, tables that people wrote, JSON."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest

from tagger.text import DIALECTS, TOOL, CsvRow, csv_text, finite, json_text, read_csv, some, some_lines, write_json
from tagger.version import __version__


@pytest.mark.parametrize(("count", "shown"), [(0, ""), (1, "a"), (2, "a, b"), (3, "a, b, ...")])
def test_some_names(count: int, shown: str) -> None:
    assert some("abc"[:count], 2) == shown


def test_some_lines_say_how_many_more_there_are() -> None:
    assert some_lines(["a", "b"], 2) == ["a", "b"]
    assert some_lines(["a", "b", "c", "d"], 2) == ["a", "b", "and 2 more"]
    assert some_lines(["a", "b", "c"], 2, "skipped") == ["a", "b", "and 1 more: 3 skipped in all"]


def test_a_table_of_a_spreadsheet() -> None:
    table = read_csv('\ufeffName; B \r\n"x\n1" ;2\r\n;;\r\n\r\n3;;4;\r\n'.encode())
    assert (table.separator, table.header, table.columns) == (";", ("Name", "B"), ["name", "b"])
    assert list(table.rows) == [
        CsvRow(2, 2, {"name": "x\n1", "b": "2"}, 0),  # of two lines
        CsvRow(5, 6, {"name": "3", "b": ""}, 1),
    ]


def test_short_rows_and_an_empty_file() -> None:
    assert [row.cells for row in read_csv(b"a,b\n1\n").rows] == [{"a": "1", "b": ""}]
    empty = read_csv(b"\n , \n")
    assert (empty.header, list(empty.rows)) == ((), [])


TABLE = "name{0}a{0}b\r\nÉté{0}1{0}2\r\n"


@pytest.mark.parametrize("separator", ",;\t")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_way_in_which_spreadsheets_save_a_table(separator: str, encoding: str) -> None:
    table = read_csv(TABLE.format(separator).encode(encoding))
    assert table.separator == separator
    assert list(table.rows) == [CsvRow(2, 2, {"name": "Été", "a": "1", "b": "2"}, 0)]


def test_utf_16_of_the_other_end() -> None:
    table = read_csv(b"\xfe\xff" + TABLE.format("\t").encode("utf-16-be"))
    assert [row.cells["name"] for row in table.rows] == ["Été"]


def test_separators_within_quotes_are_text_and_a_line_may_say_which_it_is() -> None:
    assert read_csv(b'"a,b,c";"d"\n').header == ("a,b,c", "d")
    told = read_csv(b"sep=;\r\na;b,c,d\r\n1;2\r\n")
    assert told.header == ("a", "b,c,d")
    assert list(told.rows) == [CsvRow(2, 3, {"a": "1", "b,c,d": "2"}, 0)]  # Excel does not count the line


@pytest.mark.parametrize("csv_for", DIALECTS)
def test_what_is_written_for_anybody_is_read_again_here_and_by_pandas(csv_for: str) -> None:
    pandas = pytest.importorskip("pandas")
    text = csv_text(("name", "score"), [("Été; a, b", 0.25), ("2.5", 1e-9)], csv_for)
    table = read_csv(text.encode())
    assert table.header == ("name", "score")
    dialect = DIALECTS[csv_for]
    assert [row.cells["score"] for row in table.rows] == ["0.25".replace(".", dialect.point), "1e-09"]
    found = pandas.read_csv(io.BytesIO(text.encode()), sep=dialect.separator, decimal=dialect.point)
    assert found["name"].tolist() == ["Été; a, b", "2.5"]  # a point in a text stays one
    assert found["score"].tolist() == [0.25, 1e-9]


def test_only_excel_gets_what_excel_wants() -> None:
    assert csv_text(("é",), [(0.5,)]) == "é\r\n0.5\r\n"
    assert csv_text(("é",), [(0.5,)], "excel") == "\ufeffé\r\n0.5\r\n"
    assert csv_text(("é", "b"), [(0.5, 2)], "excel-semicolon") == "\ufeffé;b\r\n0,5;2\r\n"


def test_what_is_no_table() -> None:
    with pytest.raises(ValueError, match="line 2 is not UTF-8 text: save it as CSV UTF-8"):
        read_csv(b"a\n\xff\n")
    with pytest.raises(ValueError, match="is not UTF-16 text: save it as CSV UTF-8"):
        read_csv(b"\xff\xfea\0\n")
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
