"""Whether a film is whole: what its file claims, against how far it goes and what of it could be decoded.

A container's length is that of its longest stream, and a header may be wrong. So a picture that ends early is called
cut off only where the file ends early too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path

from tagger.records import Status
from tagger.text import moment
from tagger.video.container import Extent
from tagger.video.structure import is_complete, is_fragmented
from tagger.video_info import Declared, Observed

SLACK = 0.02  # share of a length: less was lost than the last group's rounding
SLACK_S = 0.25  # a decoder's delay, a frame of sound
INDEX_BYTES = 2**14  # may stand behind the last packet
DAMAGED_ABOVE = 0.02  # share of the packets, of the bytes, or of the time
OWN_TABLES = ("mov,mp4,m4a,3gp,3g2,mj2",)  # formats in which each stream lists its own samples


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a file when all of it has been read."""

    path: Path
    size_bytes: int
    format: str
    """FFmpeg's name."""
    start_s: float
    """Where it begins, on its own clock."""
    declared: Declared
    observed: Observed
    leapt_s: float
    """By how much that clock was set ahead on the way."""
    extent: Extent
    lost: float
    """Share of the packets that gave no whole picture."""
    missing_s: float
    """How long no picture came where one should, in a stream that has no pauses."""


def judge(known: Evidence) -> tuple[Status, tuple[str, ...]]:
    """Returns whether the film was seen whole, and what the reader of its report should know."""
    cut_off, length = _length(known)
    shares = (
        known.lost,
        known.extent.hole_bytes / max(1, known.size_bytes),
        known.missing_s / max(known.observed.duration_s, known.missing_s, 1e-9),
    )
    status: Status = "truncated" if cut_off else "damaged" if max(shares) > DAMAGED_ABOVE else "ok"
    return status, tuple(filter(None, (length, *_damage(known))))


def _length(known: Evidence) -> tuple[bool, str]:
    """Whether the film ends before it should, and a line about a length that is not what is claimed."""
    declared, observed, extent = known.declared, known.observed, known.extent
    if declared.duration_s is None:
        claimed, seen = declared.frames or 0, observed.frame_count
        cut_off = seen < (1 - SLACK) * claimed
        return cut_off, _cut_off(seen, claimed, "frames") if cut_off else ""
    claimed_s, seen_s = declared.duration_s, observed.duration_s
    if not _short(max(seen_s, seen_s + known.leapt_s), claimed_s):
        return False, ""
    if known.format in OWN_TABLES:
        complete = extent.pictures >= (declared.frames or inf) and not is_fragmented(known.path)
    elif not _short(extent.end_s - known.start_s, claimed_s):
        return False, f"length: the picture ends at {moment(seen_s)}, and the file goes on to {moment(claimed_s)}"
    else:
        unread = known.size_bytes - extent.read_to
        read = unread <= max(SLACK * known.size_bytes, INDEX_BYTES)
        complete = read and is_complete(known.path, known.format)
    if complete:
        return False, f"length: the file says {moment(claimed_s)}, and is complete at {moment(seen_s)}"
    return True, _cut_off(seen_s, claimed_s, "seconds")


def _short(seen_s: float, claimed_s: float) -> bool:
    return claimed_s - seen_s > max(SLACK * claimed_s, SLACK_S)


def _cut_off(seen: float, claimed: float, unit: str) -> str:
    return f"truncated: only {seen:g} of {claimed:g} {unit} that the file declares could be decoded"


def _damage(known: Evidence) -> Iterator[str]:
    if known.observed.decode_failures:
        yield f"damaged: {known.observed.decode_failures} packets could not be decoded whole"
    if known.extent.hole_bytes:
        yield f"damaged: {known.extent.hole_bytes} bytes within the file hold nothing that can be read"
    if known.missing_s > SLACK_S:
        yield f"damaged: for {known.missing_s:.1f} s in all no picture comes, though the stream has no pauses"
