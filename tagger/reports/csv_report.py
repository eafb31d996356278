"""The CSV report: one row per tag, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tagger.files import write_atomically
from tagger.records import TagReport
from tagger.text import safe_cell

SUFFIX = ".tags.csv"
COLUMNS = ("film", "rank", "tag", "slug", "score", "weight", "frames", "mean_probability", "trained")


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
        rows.writerow([safe_cell(report.video.name), tag.rank, safe_cell(cells[0]), *cells[1:]])
    return text.getvalue()


def write_csv(report: TagReport, path: Path) -> None:
    """Puts the CSV at `path`, whole or not at all.

    Raises:
        OutputRefused: the place cannot be written.
    """
    write_atomically(path, as_csv(report).encode("utf-8", "backslashreplace"))
