"""A report -> the rows that a library has of it, in arrays: what a process of its own can do for another."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import BadFeatures, MovieTagsError, because
from tagger.frames import utf8
from tagger.library.places import place_of
from tagger.records import DIGITS, Floats, TagReport
from tagger.reports.corrections import corrections_file, put_right, read_corrections
from tagger.reports.json_report import body_of, report_in, stem_of
from tagger.reports.kept import features_beside, features_file

Columns = dict[str, NDArray[Any]]
Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mean:
    """The features of a film's kept keyframes, as one."""

    network: str
    values: Floats
    """(d,)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a library has of a report. Tags are numbered by their place in `names`."""

    film: Facts
    """The columns of `store.films`, but for `film`."""
    report: Facts
    """Those of `store.reports`, but for `report` and `film`."""
    names: tuple[tuple[str, str], ...]
    """Slug and name of each tag."""
    tags: Columns
    shots: Columns
    shot_tags: Columns
    mean: Mean | None


@dataclass(frozen=True, slots=True)
class Read:
    """What came of a report."""

    rows: Rows | None = None
    """None: it is as the library has it, or cannot be read."""
    wrong: str = ""
    """What is wrong with it, or with the features beside it, in a line."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a library has of a report file already."""

    digest: str
    in_place: bool
    """Its film is where the library says."""


def read(file: Path, known: Known | None = None) -> Read:
    """Returns what a library is to have of a report, put right where a person did that."""
    try:
        body = body_of(file)
        digest = _digest(file, body)
        if known is not None and known.in_place and known.digest == digest:
            return Read()
        report = report_in(file, body)
        right = read_corrections(file)
        mean, wrong = _mean(file, report)
        return Read(_rows(file, digest, report if right is None else put_right(report, right), mean), wrong)
    except MovieTagsError as error:
        return Read(wrong=str(error))
    except Exception as error:  # a number that no column holds, say: it costs this report
        return Read(wrong=because(file, error))


def _digest(file: Path, body: bytes) -> str:
    """What tells a report from what it was: its bytes, and what lies beside it and counts."""
    sha, right = hashlib.sha256(body), corrections_file(file)
    if os.path.lexists(right) and right.is_file():
        sha.update(right.read_bytes())
    features = features_file(stem_of(file))
    sha.update(str(features.stat().st_size if features.is_file() else None).encode())
    return sha.hexdigest()


def _mean(file: Path, report: TagReport) -> tuple[Mean | None, str]:
    """The features that were kept of a film, as one; or why those that are there cannot be used."""
    if not os.path.lexists(features_file(stem_of(file))):
        return None, ""
    try:
        found = features_beside(file, report)
    except BadFeatures as error:
        return None, f"{error} (the film was added without them)"
    values = found.features.mean(axis=0, dtype=np.float64) if len(found.features) else np.zeros(0)
    usable = len(values) > 0 and np.isfinite(values).all() and values.any()
    return (Mean(utf8(found.network.identity), values.astype(np.float32)) if usable else None), ""


def _rows(file: Path, digest: str, report: TagReport, mean: Mean | None) -> Rows:
    names = {tag.slug: tag.tag for tag in report.tags}
    slugs = [tag.slug for shot in report.shots for tag in shot.tags]
    names |= {slug: slug for slug in dict.fromkeys(slugs) if slug not in names}  # of which it says nothing more
    called = tuple((utf8(slug), utf8(name)) for slug, name in names.items())
    shots = _shots(report), _shot_tags(report, slugs, {slug: place for place, slug in enumerate(names)})
    return Rows(_film(file, report), _about(file, digest, report), called, _tags(report), *shots, mean)


def _film(file: Path, report: TagReport) -> Facts:
    video = report.video
    path, disk = place_of(video.path, video.name, video.size_bytes, file.parent)
    return {
        "fingerprint": utf8(video.fingerprint),
        "name": utf8(video.name),
        "path": path,
        "disk": disk,
        "size_bytes": np.int64(video.size_bytes),
        "duration_s": video.duration_s,
        "fps": video.fps,
        "width": np.int64(video.width),
        "height": np.int64(video.height),
        "codec": utf8(video.codec),
    }


def _about(file: Path, digest: str, report: TagReport) -> Facts:
    return {
        "vocabulary": utf8(report.model.vocabulary),
        "backbone": utf8(report.model.backbone),
        "created": _moment(report.created),
        "status": report.status,
        "shots": len(report.shots),
        "shots_tagged": sum(shot.keyframe.kept for shot in report.shots),
        "file": utf8(str(file.absolute())),
        "digest": digest,
        "named": utf8(report.video.path),
    }


def _moment(created: str) -> datetime | None:
    """When a report was made, in UTC; None of one that says it in no way that is known."""
    try:
        said = datetime.fromisoformat(created)
        return said.astimezone(timezone.utc).replace(tzinfo=None) if said.tzinfo else said
    except (ValueError, OverflowError):  # the second of the first and the last hours that there are
        return None


def _tags(report: TagReport) -> Columns:
    tags = report.tags
    return {
        "tag": np.arange(len(tags), dtype=np.int32),
        "rank": np.array([tag.rank for tag in tags], np.int32),
        "score": np.array([tag.score for tag in tags], np.float64),
        "confidence": np.array([np.nan if tag.confidence is None else tag.confidence for tag in tags], np.float64),
        "weight": np.array([tag.weight for tag in tags], np.float64),
        "frames": np.array([tag.frames for tag in tags], np.int64),
        "mean_probability": np.array([tag.mean_probability for tag in tags], np.float64),
        "trained": np.array([tag.trained for tag in tags], np.bool_),
    }


def _shots(report: TagReport) -> Columns:
    shots = report.shots
    return {
        "shot": np.arange(len(shots), dtype=np.int32),
        "start_s": np.array([shot.start_s for shot in shots], np.float64),
        "end_s": np.array([shot.end_s for shot in shots], np.float64),
        "start_frame": np.array([shot.start_frame for shot in shots], np.int64),
        "end_frame": np.array([shot.end_frame for shot in shots], np.int64),
        "keyframe_s": np.array([shot.keyframe.time_s for shot in shots], np.float64),
        "kept": np.array([shot.keyframe.kept for shot in shots], np.bool_),
    }


def _shot_tags(report: TagReport, slugs: Sequence[str], numbers: Mapping[str, int]) -> Columns:
    shots = report.shots
    counts = [len(shot.tags) for shot in shots]
    return {
        "shot": np.repeat(np.arange(len(shots), dtype=np.int32), counts),
        "tag": np.array([numbers[slug] for slug in slugs], np.int32),
        "probability": np.array([tag.probability for shot in shots for tag in shot.tags], np.float64).round(DIGITS),
    }
