"""Small libraries of films, and the reports that they are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from samples import REPORT

from tagger.library import adding, store
from tagger.library.writing import Added
from tagger.models.kept import KeptFeatures, Network
from tagger.records import Keyframe, RankedTag, ShotTag, TaggedShot, TagReport
from tagger.reports.json_report import as_json
from tagger.vocabulary import slug


def report_of(
    name: str, tags: Mapping[str, float | None], shots: Sequence[Mapping[str, float]] = (), **model: str
) -> TagReport:
    """A report of a film of this name, which holds its name: tags by name with their confidence, shots with theirs.

    Args:
        name: of the film.
        tags: best first.
        shots: of four seconds each; tags with their probabilities.
        **model: fields of `ModelInfo`.
    """
    counts = [sum(slug(tag) in map(slug, shot) for shot in shots) for tag in tags]
    ranked = tuple(
        RankedTag(rank, tag, slug(tag), 1 / rank, 1 / rank, count, 1 / (2 * rank), True, "head", sure)
        for rank, ((tag, sure), count) in enumerate(zip(tags.items(), counts, strict=True), 1)
    )
    tagged = tuple(
        TaggedShot(
            place, 4.0 * place, 4.0 * place + 4, 100 * place, 100 * place + 100,
            Keyframe(100 * place + 50, 4.0 * place + 2, 0, 7.0, True),
            tuple(ShotTag(slug(tag), share) for tag, share in shot.items()),
        )
        for place, shot in enumerate(shots)
    )  # fmt: skip
    mark = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    video = replace(REPORT.video, path=f"films/{name}", name=name, fingerprint=mark)
    return replace(REPORT, video=video, tags=ranked, slugs=(), shots=tagged, model=replace(REPORT.model, **model))


def put(report: TagReport, folder: Path, name: str | None = None) -> Path:
    """Writes a report into a folder; where."""
    path = folder / f"{name or report.video.name}.tags.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_json(report))
    return path


def put_features(report: TagReport, file: Path, values: Sequence[Sequence[float]]) -> None:
    """Puts features of its shots beside a report."""
    shots = np.array([shot.index for shot in report.shots], np.int64)
    frames = np.array([shot.keyframe.frame for shot in report.shots], np.int64)
    network = Network("compact", report.model.backbone, "b" * 64, len(values[0]))
    kept = KeptFeatures(np.array(values, np.float32), shots, frames, network, report.video.fingerprint)
    file.with_name(file.name.replace(".tags.json", ".features.npz")).write_bytes(kept.body())


def added(library: Path, *reports: Path) -> tuple[Added, list[str]]:
    """Adds reports, or those below folders; what became of them, and what was said against some."""
    lines: list[str] = []
    return adding.add(library, adding.reports_at(reports), lines.append, lambda done, total: None), lines


VIEWS = ("films", "reports", "tags", "shots", "shot_tags", "features")
CHASE = report_of(
    "chase.mkv", {"Car chase": 0.9, "Police": 0.6, "Drama": 0.1},
    [{"Car chase": 0.7, "Police": 0.2}, {"Police": 0.5, "Drama": 0.1}, {"Car chase": 0.4}],
)  # fmt: skip
PATROL = report_of("patrol.mkv", {"Police": 0.8, "Car chase": 0.3}, [{"Police": 0.9}, {"Car chase": 0.3}])
TOONS = report_of(
    "toons.mkv", {"Animation": 0.95, "Car chase": 0.85, "Police": 0.7}, [{"Animation": 0.8, "Car chase": 0.15}]
)
QUIET = report_of("quiet.mkv", {"Drama": 0.7, "Car chase": 0.0}, [{"Drama": 0.6}])
FILMS = (CHASE, PATROL, TOONS, QUIET)


def rows(library: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What a library answers."""
    with store.reading(library) as opened:
        return opened.execute(sql, list(values)).fetchall()


def everything(library: Path) -> dict[str, list[str]]:
    """All that its views have."""
    with store.reading(library) as opened:
        return {view: sorted(map(repr, opened.execute(f"FROM {view}").fetchall())) for view in VIEWS}
