"""The CSV report: one row per tag, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io

from tagger.records import TagReport
from tagger.text import safe_cell

COLUMNS = ("film", "rank", "tag", "slug", "score", "weight", "frames", "mean_probability", "trained", "answered_by")


def as_csv(report: TagReport) -> str:
    """Returns a header and one row per tag, best first (RFC 4180); numbers are not rounded."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    film = safe_cell(report.video.name)
    for tag in report.tags:
        numbers = (tag.score, tag.weight, tag.frames, tag.mean_probability)
        rows.writerow(
            [
                film,
                tag.rank,
                safe_cell(tag.tag),
                tag.slug,
                *numbers,
                str(tag.trained).lower(),
                safe_cell(tag.answered_by),
            ]
        )
    return text.getvalue()
