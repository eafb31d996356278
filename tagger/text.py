"""Text as people and spreadsheets take it: on one line, in safe cells, in tables, as CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from tagger.files import write_atomically

# A spreadsheet runs a cell that begins with one of these as a formula (OWASP, CSV injection); the
# full-width forms are what some programs turn into them.
FORMULA_STARTS = tuple("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")


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


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Returns lines with columns of one width: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [str.ljust, *[str.rjust] * (len(widths) - 1)]
    return "\n".join(
        "  ".join(side(*cell) for side, cell in zip(sides, zip(row, widths, strict=True), strict=True)) for row in rows
    )


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a CSV file."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(header)
    table.writerows(rows)
    write_atomically(path, text.getvalue().encode("utf-8", "backslashreplace"))
