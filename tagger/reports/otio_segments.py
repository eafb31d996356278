"""Segments as OpenTimelineIO: a clip for each, one after the other, with a marker that has its tag."""

from __future__ import annotations

from dataclasses import asdict

from tagger.frames import utf8
from tagger.reports.otio_film import OtioFilm
from tagger.segments import Segments


def as_otio(segments: Segments) -> str:
    """Returns a timeline with the segments of a film, tag by tag.

    Raises:
        ModuleNotFoundError: opentimelineio is not installed.
        BadSettings: the report does not say how many frames a second has.
    """
    film, clips = OtioFilm(segments.report.video), []
    for segment in segments.segments:
        about = {name: utf8(value) for name, value in asdict(segment).items()}
        clip = film.clip(segment.tag, segment.start_frame, segment.end_frame, about)
        clip.markers.append(film.marker(segment.tag, segment.start_frame, segment.end_frame, {}))
        clips.append(clip)
    tags = ", ".join(tag.tag for tag in segments.tags)
    return film.timeline(clips, f"{segments.report.video.name}: {tags}", {"rule": asdict(segments.rule)})
