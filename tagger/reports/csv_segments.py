"""Segments as CSV: one row per segment, safe to open in a spreadsheet."""

from __future__ import annotations

from dataclasses import asdict

from tagger.segments import Segments
from tagger.text import PROGRAMS, csv_text, safe_cell

COLUMNS = (
    "film", "tag", "slug", "start_s", "end_s", "start_frame", "end_frame", "shots", "probability",
    "highest_probability",
)  # fmt: skip


def as_csv(segments: Segments, csv_for: str = PROGRAMS) -> str:
    """Returns a header and a row for each segment, as `csv_text` gives them."""
    film = safe_cell(segments.report.video.name)
    cells = (asdict(segment).values() for segment in segments.segments)
    return csv_text(COLUMNS, [(film, safe_cell(tag), *rest) for tag, *rest in cells], csv_for)
