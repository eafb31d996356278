"""Segments as WebVTT chapters: for <track kind="chapters"> in a browser, and for players that read them.

Chapters do not overlap, so where several tags hold one chapter names them all.
"""

from __future__ import annotations

from html import escape
from itertools import pairwise

from tagger.segments import Segments
from tagger.text import printable


def as_vtt(segments: Segments) -> str:
    """Returns a WebVTT file (W3C) with a cue for each stretch of the film where the same tags hold, in order."""
    cues = [
        f"{timestamp(start_ms)} --> {timestamp(end_ms)}\n{escape(printable(', '.join(tags)), quote=False)}\n"
        for start_ms, end_ms, tags in chapters(segments)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def milliseconds(time_s: float) -> int:
    """Returns the nearest millisecond, the unit of WebVTT."""
    return round(time_s * 1000)


def timestamp(time_ms: int) -> str:
    """Returns a time as 01:02:03.456."""
    seconds, rest = divmod(time_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{rest:03}"


def chapters(segments: Segments) -> list[tuple[int, int, list[str]]]:
    """Returns start and end in milliseconds, and the tags that hold between them, in the order they were asked for.

    A tag begins or ceases to hold at each end of a segment. Two such ends in one millisecond cancel out: a segment of
    no length leaves no cue (WebVTT allows none), and two segments with no time between them are one.
    """
    places = {tag.slug: place for place, tag in enumerate(segments.tags)}
    changes: dict[int, set[int]] = {}
    for segment in segments.segments:
        for time_s in (segment.start_s, segment.end_s):
            changes.setdefault(milliseconds(time_s), set()).symmetric_difference_update({places[segment.slug]})
    chapters, holding = [], set[int]()
    for start_ms, end_ms in pairwise(sorted(mark for mark, changed in changes.items() if changed)):
        holding ^= changes[start_ms]
        if holding:
            chapters.append((start_ms, end_ms, [segments.tags[place].tag for place in sorted(holding)]))
    return chapters
