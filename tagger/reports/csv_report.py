"""The CSV report: one row per tag, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tagger.files import write_atomically
from tagger.records import TagReport

SUFFIX = ".tags.csv"
COLUMNS = ("film", "rank", "tag", "slug", "score", "weight", "frames", "mean_probability", "trained")
# A spreadsheet runs a cell that begins with one of these as a formula (OWASP, CSV injection); the
# full-width forms are what some programs turn into them.
FORMULA_STARTS = tuple("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")


def as_csv(report: TagReport) -> str:
    """Returns a header and one row per tag, best first (RFC 4180)."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for tag in report.tags:
        cells = (
            tag.tag,
            tag.slug,
            tag.score,
            tag.weight,
            tag.frames,
            tag.mean_probability,
            str(tag.trained).lower(),
        )
        rows.writerow([safe(report.video.name), tag.rank, safe(cells[0]), *cells[1:]])
    return text.getvalue()


def write_csv(report: TagReport, path: Path) -> None:
    """Puts the CSV at `path`, whole or not at all.

    Raises:
        OutputRefused: the place cannot be written.
    """
    write_atomically(path, as_csv(report).encode("utf-8", "backslashreplace"))


def safe(cell: str) -> str:
    """Returns the text as a cell that no spreadsheet runs: control characters escaped, formulas quoted by "'"."""
    guarded = "'" + cell if cell.startswith(FORMULA_STARTS) else cell
    return "".join(c if c >= " " else f"\\x{ord(c):02x}" for c in guarded)
