"""Segments of a film that was read with frames left out, with ends where the film has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tagger.records import TagReport
from tagger.reports.film_file import film_of, opening_of
from tagger.segments import Segments, edges, moved
from tagger.shots.exact import exact
from tagger.video.film import Film


def exact_ends(file: Path, found: Segments) -> TagReport:
    """Returns the report with its shots' ends at those of segments where the film has them, to the frame.

    Args:
        file: the report, beside which the film is looked for too.
        found: its segments.

    Raises:
        PathMissing: the film is not there.
        VideoUnreadable: it cannot be read.
    """
    report = found.report
    with Film(film_of(file, report), opening_of(report)) as film:
        again = moved(report, exact(film, edges(found)))
    return replace(again, scan=replace(again.scan, used="full", reason="its segments' ends were looked at again"))
