"""A film in several files as one: what was seen of each, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from tagger.batch.ledger import joint
from tagger.records import Scan, Scanned, ScannedShot, Status
from tagger.video_info import Observed

STATUSES: tuple[Status, ...] = ("ok", "damaged", "truncated")  # the worst last


def starts_s(parts: Sequence[Scanned]) -> tuple[float, ...]:
    """Returns when each file begins, in seconds of the film."""
    return tuple(accumulate((part.video.duration_s for part in parts[:-1]), initial=0.0))


def joined(parts: Sequence[Scanned]) -> Scanned:
    """Returns files that were scanned as one film: times and frames go on, and where a file ends so does a shot.

    The path is that of the first, and so is what is said of codec, rate and size of the picture.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    videos = [part.video for part in parts]
    lengths = [video.declared.duration_s for video in videos if video.declared.duration_s is not None]
    frames = [video.declared.frames for video in videos if video.declared.frames is not None]
    declared = replace(
        first.video.declared,
        duration_s=sum(lengths) if len(lengths) == len(parts) else None,
        frames=sum(frames) if len(frames) == len(parts) else None,
    )
    observed = Observed(
        sum(video.duration_s for video in videos),
        first.video.width,
        first.video.height,
        sum(video.frame_count for video in videos),
        sum(video.observed.decode_failures for video in videos),
    )
    size, fingerprint = sum(video.size_bytes for video in videos), joint([video.fingerprint for video in videos])
    video = replace(first.video, size_bytes=size, fingerprint=fingerprint, declared=declared, observed=observed)
    status = max((part.status for part in parts), key=STATUSES.index)
    notes = tuple(f"{part.video.name}: {note}" for part in parts for note in part.notes)
    return Scanned(video, _scan(parts), tuple(_shots(parts)), sum(part.scan_s for part in parts), status, notes)


def _scan(parts: Sequence[Scanned]) -> Scan:
    """How they were read, together; if some in another way, both are said."""
    first, scans = parts[0].scan, [part.scan for part in parts]
    other = next((scan for scan in scans if scan.used != first.used), None)
    reason = f"{first.reason}; a later file {other.used}: {other.reason}" if other else first.reason
    frames = sum(part.video.frame_count for part in parts)
    decoded = sum((part.scan.decoded or 0) * part.video.frame_count for part in parts)
    agreements = [scan.agreement for scan in scans if scan.agreement is not None]
    return replace(
        first,
        reason=reason,
        decoded=round(decoded / frames, 4) if frames else None,
        unseen=sum(scan.unseen or 0 for scan in scans),
        agreement=min(agreements, default=None),
    )


def _shots(parts: Sequence[Scanned]) -> Iterator[ScannedShot]:
    index = frames = 0
    for part, begin_s in zip(parts, starts_s(parts), strict=True):
        for shot in part.shots:
            key = shot.keyframe
            yield ScannedShot(
                index,
                begin_s + shot.start_s,
                begin_s + shot.end_s,
                frames + shot.start_frame,
                frames + shot.end_frame,
                replace(key, frame=frames + key.frame, time_s=begin_s + key.time_s),
            )
            index += 1
        frames += part.video.frame_count
