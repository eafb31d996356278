"""The table of segments on the terminal."""

from __future__ import annotations

from tagger.reports.vtt import milliseconds, timestamp
from tagger.segments import Segment, Segments, Subject
from tagger.text import aligned, moment, printable

HEADER = ("tag", "from", "to", "seconds", "shots", "probability", "highest")


def as_table(segments: Segments) -> str:
    """Returns a title, a line for each segment, and one for each tag: how much of the film its segments are."""
    video = segments.report.video
    title = f"{printable(video.name)}: {moment(video.duration_s)}"
    rows = [_row(segment) for segment in segments.segments]
    totals = [_total(segments, tag) for tag in segments.tags] or ["no shot carries a tag"]
    return "\n".join([title, *([aligned([HEADER, *rows])] if rows else []), *totals])


def _row(segment: Segment) -> tuple[str, ...]:
    return (
        printable(segment.tag),
        timestamp(milliseconds(segment.start_s)),
        timestamp(milliseconds(segment.end_s)),
        f"{segment.duration_s:.3f}",
        str(segment.shots),
        f"{segment.probability:.2f}",
        f"{segment.highest_probability:.2f}",
    )


def _total(segments: Segments, tag: Subject) -> str:
    count = len(segments.of(tag))
    counted = "1 segment" if count == 1 else f"{count} segments"
    share = f"{100 * segments.share(tag):.1f} % of the film"
    return f"{printable(tag.tag)}: {counted}, {segments.duration_s(tag):.3f} s, {share}"
