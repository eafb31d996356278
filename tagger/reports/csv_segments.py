"""Segments as CSV: one row per segment, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict

from tagger.segments import Segments
from tagger.text import safe_cell

COLUMNS = (
    "film", "tag", "slug", "start_s", "end_s", "start_frame", "end_frame", "shots", "probability",
    "highest_probability",
)  # fmt: skip


def as_csv(segments: Segments) -> str:
    """Returns a header and a row for each segment (RFC 4180); numbers are not rounded."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    film = safe_cell(segments.report.video.name)
    for segment in segments.segments:
        tag, *cells = asdict(segment).values()
        table.writerow([film, safe_cell(tag), *cells])
    return text.getvalue()
