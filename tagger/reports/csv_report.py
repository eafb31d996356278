"""The CSV report: one row per tag, safe to open in a spreadsheet."""

from __future__ import annotations

from tagger.records import TagReport
from tagger.text import PROGRAMS, csv_text, safe_cell

COLUMNS = (
    "film", "rank", "tag", "slug", "score", "weight", "frames", "mean_probability", "trained", "answered_by",
    "confidence",
)  # fmt: skip


def as_csv(report: TagReport, csv_for: str = PROGRAMS) -> str:
    """Returns a header and one row per tag, best first, as `csv_text` gives them."""
    film = safe_cell(report.video.name)
    rows = [
        (
            film,
            tag.rank,
            safe_cell(tag.tag),
            safe_cell(tag.slug),
            *(tag.score, tag.weight, tag.frames, tag.mean_probability),
            str(tag.trained).lower(),
            safe_cell(tag.answered_by),
            "" if tag.confidence is None else tag.confidence,
        )
        for tag in report.tags
    ]
    return csv_text(COLUMNS, rows, csv_for)
