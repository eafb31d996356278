"""Segments as a table for people, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict

from tagger.records import RankedTag
from tagger.reports.table import moment
from tagger.reports.vtt import milliseconds, timestamp
from tagger.segments import Segments
from tagger.text import aligned, printable, safe_cell

HEADER = ("tag", "from", "to", "seconds", "shots", "probability", "highest")
COLUMNS = (
    "film", "tag", "slug", "start_s", "end_s", "start_frame", "end_frame", "shots", "probability",
    "highest_probability",
)  # fmt: skip


def as_table(found: Segments) -> str:
    """Returns a title, a line for each segment, and one for each tag: how much of the film its segments are."""
    video = found.report.video
    rows = [
        (
            printable(segment.tag),
            timestamp(milliseconds(segment.start_s)),
            timestamp(milliseconds(segment.end_s)),
            f"{segment.duration_s:.3f}",
            str(segment.shots),
            f"{segment.probability:.2f}",
            f"{segment.highest_probability:.2f}",
        )
        for segment in found.segments
    ]
    totals = [_total(found, tag) for tag in found.tags] or ["no shot carries a tag"]
    title = f"{printable(video.name)}: {moment(video.duration_s)}"
    return "\n".join([title, *([aligned([HEADER, *rows])] if rows else []), *totals])


def as_csv(found: Segments) -> str:
    """Returns a header and a row for each segment (RFC 4180); numbers are not rounded."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    film = safe_cell(found.report.video.name)
    for segment in found.segments:
        tag, *cells = asdict(segment).values()
        table.writerow([film, safe_cell(tag), *cells])
    return text.getvalue()


def as_json(found: Segments) -> str:
    """Returns the film, the rule, the tags with how much of the film they have, and the segments, named as here."""
    document = {
        "video": asdict(found.report.video),
        "rule": asdict(found.rule),
        "tags": [
            {
                "tag": tag.tag,
                "slug": tag.slug,
                "trained": tag.trained,
                "segments": len(found.of(tag)),
                "duration_s": _covered_s(found, tag),
                "share": _share(found, tag),
            }
            for tag in found.tags
        ],
        "segments": [asdict(segment) for segment in found.segments],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _total(found: Segments, tag: RankedTag) -> str:
    count = len(found.of(tag))
    counted = "1 segment" if count == 1 else f"{count} segments"
    share = f"{100 * _share(found, tag):.1f} % of the film"
    return f"{printable(tag.tag)}: {counted}, {_covered_s(found, tag):.3f} s, {share}"


def _covered_s(found: Segments, tag: RankedTag) -> float:
    return sum(segment.duration_s for segment in found.of(tag))


def _share(found: Segments, tag: RankedTag) -> float:
    """How much of the film the segments of a tag are, 0 to 1; 0 of a film that lasts no time."""
    length_s = found.report.video.duration_s
    return _covered_s(found, tag) / length_s if length_s else 0.0
