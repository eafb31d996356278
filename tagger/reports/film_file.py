"""Where the film of a report is now."""

from __future__ import annotations

import os
from pathlib import Path

from tagger.errors import MovieTagsError, PathMissing
from tagger.files import is_file
from tagger.records import TagReport
from tagger.settings import Opening
from tagger.video import sequence

SEVERAL = " files as one film: "  # in a warning of the report of one that is in several


def film_beside(report: TagReport, folder: Path) -> Path | None:
    """Returns the film if it lies in this folder, or where it was tagged; None: it does not, or is another now."""
    for path in (folder / os.path.basename(report.video.name), Path(report.video.path)):  # noqa: PTH119
        try:
            if (is_file(path) or sequence.find(path)) and sequence.fingerprint(path) == report.video.fingerprint:
                return path
        except (MovieTagsError, OSError, ValueError):  # what can be no name, or cannot be read
            continue
    return None


def film_of(file: Path, report: TagReport) -> Path:
    """Returns the film of a report.

    Args:
        file: path of the report.
        report: what it holds.

    Raises:
        PathMissing: the film is not there, or is another now.
    """
    if found := film_beside(report, file.parent):
        return found
    path = report.video.path  # as it was named
    places = "" if Path(path).is_absolute() else "; looked for from the folder you are in, and beside its report"
    raise PathMissing(f"{path}: is not there, or another film now: {file.name} was made of it{places}")


def opening_of(report: TagReport) -> Opening:
    """Returns how the film was opened when it was tagged."""
    stream, rate = report.settings.get("stream"), report.settings.get("rate")
    return Opening(stream if isinstance(stream, int) else None, rate if isinstance(rate, int | float) else None)
