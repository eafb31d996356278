"""The table of shots on the terminal: when each is, and its up to three tags."""

from __future__ import annotations

from tagger.records import TaggedShot, TagReport
from tagger.reports.vtt import milliseconds, timestamp
from tagger.text import printable

COLUMNS = f"{'shot':>5}  {'from':<12}  {'to':<12}  {'keyframe':<12}  tags"


def as_table(report: TagReport) -> str:
    """Returns a header and a line for each shot; of one without tags it says why."""
    names = {tag.slug: printable(tag.tag) for tag in report.tags}
    return "\n".join([COLUMNS, *(_row(shot, names) for shot in report.shots)] if report.shots else ["no shots"])


def _row(shot: TaggedShot, names: dict[str, str]) -> str:
    times = (timestamp(milliseconds(at)) for at in (shot.start_s, shot.end_s, shot.keyframe.time_s))
    tags = [f"{names.get(tag.slug, printable(tag.slug))} {tag.probability:.2f}" for tag in shot.tags]
    why = "none" if shot.keyframe.kept else f"dropped: {shot.keyframe.entropy_bits:.1f} bits"
    return f"{shot.index:>5}  {'  '.join(f'{time:<12}' for time in times)}  {', '.join(tags) or why}"
