"""Text as people, spreadsheets and programs take it: on one line, in safe cells, in tables, as CSV and JSON."""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from tagger.files import write_atomically
from tagger.version import __version__

ALIKE = 0.5  # how like a name (difflib's ratio) what was asked for must be: "car" is like "car-chase"
TOOL = {"tool": {"version": __version__}}  # begins the JSON files that this program writes

# A spreadsheet runs a cell that begins with one of these as a formula (OWASP, CSV injection); the
# full-width forms are what some programs turn into them.
FORMULA_STARTS = tuple("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")
MARK = "\ufeff"  # by which Excel knows UTF-8; pandas and others skip it
SEPARATORS = ",;\t"  # of tables that people write; spreadsheets take the second where a comma is the decimal point
SEPARATOR_LINE = re.compile(r"sep=([,;\t])\r?\n", re.IGNORECASE)  # with which some tell Excel; no row of the table
QUOTED = re.compile(r'"[^"]*"')


def printable(text: str) -> str:
    """Returns the text on one line, without what a terminal or an encoder would choke on."""
    shown = "".join(c if c.isprintable() else f"\\x{_code(c):02x}" for c in text)
    return shown.encode("utf-8", "backslashreplace").decode()


def _code(character: str) -> int:
    """Its number; that of the byte where it stands for one that is no UTF-8 (PEP 383)."""
    return ord(character) - 0xDC00 if "\udc80" <= character <= "\udcff" else ord(character)


def safe_cell(text: str) -> str:
    """Returns the text as a cell that no spreadsheet runs: control characters escaped, formulas quoted by "'"."""
    if text.isprintable() and not text.startswith(FORMULA_STARTS):
        return text
    guarded = "'" + text if text.startswith(FORMULA_STARTS) else text
    return "".join(c if c >= " " else f"\\x{ord(c):02x}" for c in guarded)


def safe_row(row: Iterable[object]) -> list[object]:
    """Returns the cells of a row, those of text safe."""
    return [safe_cell(cell) if isinstance(cell, str) else cell for cell in row]


def moment(time_s: float) -> str:
    """Returns a time as 1:02:03, or 02:03 below an hour."""
    minutes, seconds = divmod(int(time_s + 1e-6), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def some(names: Sequence[str], at_most: int) -> str:
    """Returns the first names with commas between them, and dots where there are more."""
    return ", ".join([*names[:at_most], *["..."] * (len(names) > at_most)])


def but_alike(asked: str, names: Iterable[str]) -> str:
    """Returns ", but car-chase" for what is none of these names and is like some; nothing where it is like none."""
    close = ", ".join(get_close_matches(asked, list(names), cutoff=ALIKE))
    return f", but {close}" if close else ""


def of_all(taken: int, others: int) -> str:
    """Returns how many were taken, and of how many if there are others: "12 of 60"."""
    return f"{taken} of {taken + others}" if others else str(taken)


def some_lines(lines: Sequence[str], at_most: int, became: str = "") -> list[str]:
    """Returns the first lines; where there are more, another says how many.

    Args:
        lines: one for each thing.
        at_most: so many are shown.
        became: what all these things were ("skipped"), so that the last line gives their number too.
    """
    total = f": {len(lines)} {became} in all" if became else ""
    more = [f"and {len(lines) - at_most} more{total}"] if len(lines) > at_most else []
    return [*lines[:at_most], *more]


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Returns lines with columns of one width: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [str.ljust, *[str.rjust] * (len(widths) - 1)]
    return "\n".join(
        "  ".join(side(*cell) for side, cell in zip(sides, zip(row, widths, strict=True), strict=True)) for row in rows
    )


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written, which depends on who is to read it."""

    mark: str  # before all
    separator: str  # between cells
    point: str  # in numbers


PROGRAMS, PEOPLE = "programs", "excel"
DIALECTS = {
    PROGRAMS: Dialect("", ",", "."),
    PEOPLE: Dialect(MARK, ",", "."),
    "excel-semicolon": Dialect(MARK, ";", ","),  # as Excel wants it where a comma is the decimal point
}


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]], csv_for: str = PROGRAMS) -> str:
    """Returns a CSV file (RFC 4180) for one of those that `DIALECTS` names; numbers are not rounded."""
    dialect = DIALECTS[csv_for]
    text = io.StringIO()
    text.write(dialect.mark)
    table = csv.writer(text, delimiter=dialect.separator)
    table.writerow(header)
    for row in rows:
        table.writerow([str(cell).replace(".", dialect.point) if _has_point(cell) else cell for cell in row])
    return text.getvalue()


def _has_point(cell: object) -> bool:
    return isinstance(cell, Real) and not isinstance(cell, Integral)


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], csv_for: str = PROGRAMS) -> None:
    """Writes a CSV file as `csv_text` gives it."""
    write_atomically(path, csv_text(header, rows, csv_for).encode("utf-8", "backslashreplace"))


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row of a table that people wrote."""

    number: int  # as spreadsheets count, from 1: empty rows too
    line: int  # of the file where it begins, from 1
    cells: dict[str, str]  # by column in lower case, without spaces around them; "" where the row is too short
    more: int  # cells that are not empty behind the last column


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A table that people wrote, from its header on; rows are read as they are asked for."""

    separator: str
    header: tuple[str, ...]  # as it is written, without spaces around the names; none in an empty file
    rows: Iterator[CsvRow]  # those that are not empty

    @property
    def columns(self) -> list[str]:
        """The names of the header in lower case."""
        return [name.lower() for name in self.header]


def read_csv(body: bytes, strict: bool = False) -> CsvTable:
    """Returns what a CSV file holds, as any spreadsheet saves it.

    It is in UTF-8, or in UTF-16 with its mark; between cells there are commas, semicolons or tabs. Its header is the
    first row that is not empty, and the separator is the one that this has most of.

    Args:
        body: bytes of the file.
        strict: refuses quotes where they cannot stand, or that never end, instead of taking them for text.

    Raises:
        ValueError: no text, or no CSV, which may be seen only while rows are read; says in which line.
    """
    text = _decoded(body)
    said = SEPARATOR_LINE.match(text)
    text = text[said.end() :] if said else text
    first = QUOTED.sub("", text.lstrip("\r\n ")).partition("\n")[0]
    separator = said[1] if said else max(SEPARATORS, key=first.count)
    rows = _rows(text, separator, strict, 2 if said else 1)
    _, _, header = next(rows, (0, 0, []))
    return CsvTable(separator, tuple(header), _named(rows, [name.lower() for name in header]))


def _decoded(body: bytes) -> str:
    """The text of a table; without a mark it is UTF-8."""
    wide = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return body.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not {'UTF-16' if wide else 'UTF-8'} text: save it as CSV UTF-8") from error


def _rows(text: str, separator: str, strict: bool, first_line: int) -> Iterator[tuple[int, int, list[str]]]:
    """Number, line and cells of each row that is not empty."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=strict)
    line = first_line
    try:
        for number, row in enumerate(rows, 1):
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield number, line, cells
            line = first_line + rows.line_num
    except csv.Error as error:
        raise ValueError(f"line {line}: {error}") from error


def _named(rows: Iterable[tuple[int, int, list[str]]], columns: list[str]) -> Iterator[CsvRow]:
    for number, line, cells in rows:
        named = dict(zip(columns, cells + [""] * len(columns), strict=False))
        yield CsvRow(number, line, named, sum(map(bool, cells[len(columns) :])))


def json_text(facts: Mapping[str, Any]) -> str:
    """Returns JSON text, indented, with a line break at its end; numbers are not rounded.

    Raises:
        ValueError: a number is NaN or infinite, which JSON does not know: `finite` takes them out.
    """
    return json.dumps(facts, indent=1, allow_nan=False) + "\n"


def write_json(path: Path, facts: Mapping[str, Any]) -> None:
    """Writes facts as `json_text` gives them."""
    write_atomically(path, json_text(facts).encode())


def finite(value: Any) -> Any:
    """Returns the same, ready for JSON: None in the place of each number that is NaN or infinite."""
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
