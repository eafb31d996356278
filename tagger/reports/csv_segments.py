"""Segments as CSV: one row per segment, safe to open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from tagger.segments import Segments
from tagger.text import PROGRAMS, csv_text, safe_cell, safe_row

COLUMNS = (
    "film", "tag", "slug", "start_s", "end_s", "start_frame", "end_frame", "shots", "probability",
    "highest_probability",
)  # fmt: skip


def as_csv(segments: Segments, csv_for: str = PROGRAMS) -> str:
    """Returns a header and a row for each segment, as `csv_text` gives them."""
    return of_all([segments], csv_for)


def of_all(found: Iterable[Segments], csv_for: str = PROGRAMS) -> str:
    """Returns the same for the segments of several films."""
    return csv_text(COLUMNS, (row for one in found for row in _rows(one)), csv_for)


def _rows(segments: Segments) -> Iterator[tuple[object, ...]]:
    film = safe_cell(segments.report.video.name)
    for segment in segments.segments:
        yield film, *safe_row(asdict(segment).values())
