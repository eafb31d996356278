"""The scans in one pass: every frame is decoded and looked at, or every one that another frame needs.

thread     decode, shrink          -> frames        (FRAMES_AHEAD)
caller     shots, keyframes        -> keyframes
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from tagger.queues import RunAhead
from tagger.records import FilmProgress, ShotPicture
from tagger.settings import Settings
from tagger.shots.detector import ShotDetector
from tagger.shots.keyframes import Reservoir, shot_picture
from tagger.shots.needed import needed_frames
from tagger.video.film import Film, Frame
from tagger.video.observer import Observer

FRAMES_AHEAD = 4  # enough to smooth out the decoder's bursts; an 8K frame is 50 MB


def full_scan(
    film: Film, settings: Settings, observer: Observer, progress: FilmProgress | None
) -> Generator[ShotPicture, None, None]:
    """Yields each shot with its picture, in order, in one pass over the film, which `observer` notes."""
    detector = ShotDetector(settings.detector, settings.min_shot_s)
    frames = ((frame, detector.shrink(frame.picture)) for frame in film.frames(observer, settings.hwaccel))
    yield from _one_pass(frames, detector, film, settings, observer, progress)


def reference_scan(
    film: Film, settings: Settings, observer: Observer, progress: FilmProgress | None
) -> Generator[ShotPicture, None, None]:
    """The same, without most of the frames that no other needs; a shot's picture may be next to its middle frame."""
    detector = ShotDetector(settings.detector, settings.min_shot_s)
    frames = needed_frames(film, observer, settings.hwaccel)
    yield from _one_pass(frames, detector, film, settings, observer, progress)


def _one_pass(
    frames: Generator[tuple[Frame, Any], None, None],
    detector: ShotDetector,
    film: Film,
    settings: Settings,
    observer: Observer,
    progress: FilmProgress | None,
) -> Generator[ShotPicture, None, None]:
    """The shots of these frames of a film, each with what the detector sees of it."""
    reservoir = Reservoir(settings.reservoir_bytes, settings.min_shot_s)
    with RunAhead(frames, FRAMES_AHEAD, film.abandon) as looked_at:
        for frame, small in looked_at:
            reservoir.push(frame, detector.settled)
            for shot in detector.feed(frame.index, frame.time_s, small):
                yield shot_picture(shot, reservoir.cut(shot), settings.min_entropy_bits)
            if progress:
                progress(frame.time_s, film.declared.duration_s)
    for shot in detector.finish(observer.frame_count, observer.end_s):
        yield shot_picture(shot, reservoir.cut(shot), settings.min_entropy_bits)
