"""Segments as chapters in FFmpeg's metadata format: `ffmpeg -i FILM -i FILE -map_metadata 1 -codec copy OUT`.

Chapters are those of WebVTT: they do not overlap, so where several tags hold one chapter names them all.
"""

from __future__ import annotations

import re

from tagger.reports.vtt import chapters
from tagger.segments import Segments
from tagger.text import printable

SPECIAL = re.compile(r"([=;#\\\n])")  # of the format: a backslash goes before


def as_ffmetadata(segments: Segments) -> str:
    """Returns a file of metadata with a chapter for each stretch of the film where the same tags hold, in order."""
    lines = [";FFMETADATA1"]
    for start_ms, end_ms, tags in chapters(segments):
        title = SPECIAL.sub(r"\\\1", printable(", ".join(tags)))
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={start_ms}", f"END={end_ms}", f"title={title}"]
    return "\n".join(lines) + "\n"
