"""The report as OpenTimelineIO: a clip for each shot, with a marker for each of its tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tagger.frames import utf8
from tagger.records import TaggedShot, TagReport
from tagger.reports import csv_shots
from tagger.reports.otio_film import OtioFilm


def as_otio(report: TagReport) -> str:
    """Returns a timeline with the film's shots one after the other; in its metadata the film's tags.

    Raises:
        ModuleNotFoundError: opentimelineio is not installed.
        BadSettings: the report does not say how many frames a second has.
    """
    film = OtioFilm(report.video)
    about = {
        "status": report.status,
        "vocabulary": utf8(report.model.vocabulary),
        "backbone": utf8(report.model.backbone),
        "tags": [
            {"tag": utf8(tag.tag), "slug": utf8(tag.slug), "score": tag.score, "confidence": tag.confidence}
            for tag in report.tags
        ],
    }
    return film.timeline(_clips(report, film), report.video.name, about)


def _clips(report: TagReport, film: OtioFilm) -> Iterator[Any]:
    names, at = {tag.slug: tag.tag for tag in report.tags}, 0
    for shot in report.shots:
        if shot.start_frame > at:
            yield film.gap(shot.start_frame - at)
        at = shot.end_frame
        yield _clip(report, shot, film, names)


def _clip(report: TagReport, shot: TaggedShot, film: OtioFilm, names: dict[str, str]) -> Any:
    key, tags = shot.keyframe, [names.get(tag.slug, tag.slug) for tag in shot.tags]
    about = {
        "shot": shot.index, "start_s": shot.start_s, "end_s": shot.end_s, "keyframe_s": key.time_s, "kept": key.kept,
        "entropy_bits": key.entropy_bits,
        "probabilities": {utf8(slug): share for slug, share in csv_shots.probabilities(report, shot).items()},
    }  # fmt: skip
    name = f"{shot.index}: {', '.join(tags)}" if tags else str(shot.index)
    clip = film.clip(name, shot.start_frame, shot.end_frame, about)
    for tag, said in zip(tags, shot.tags, strict=True):
        about = {"slug": utf8(said.slug), "probability": said.probability}
        clip.markers.append(film.marker(tag, shot.start_frame, shot.end_frame, about))
    return clip
