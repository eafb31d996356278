"""The full scan: every frame is decoded and looked at.

thread     decode, shrink          -> frames        (FRAMES_AHEAD)
caller     shots, keyframes        -> keyframes
"""

from __future__ import annotations

from collections.abc import Generator

from tagger.queues import RunAhead
from tagger.records import FilmProgress, ShotPicture
from tagger.settings import Settings
from tagger.shots.detector import ShotDetector
from tagger.shots.keyframes import Reservoir, shot_picture
from tagger.video.film import Film
from tagger.video.observer import Observer

FRAMES_AHEAD = 4  # enough to smooth out the decoder's bursts; an 8K frame is 50 MB


def full_scan(
    film: Film, settings: Settings, observer: Observer, progress: FilmProgress | None
) -> Generator[ShotPicture, None, None]:
    """Yields each shot with its picture, in order, in one pass over the film, which `observer` notes."""
    detector = ShotDetector(settings.detector, settings.min_shot_s)
    reservoir = Reservoir(settings.reservoir_bytes, settings.min_shot_s)
    small_frames = ((frame, detector.shrink(frame.picture)) for frame in film.frames(observer, settings.hwaccel))
    with RunAhead(small_frames, FRAMES_AHEAD, film.abandon) as frames:
        for frame, small in frames:
            reservoir.push(frame, detector.settled)
            for shot in detector.feed(frame.index, frame.time_s, small):
                yield shot_picture(shot, reservoir.cut(shot), settings.min_entropy_bits)
            if progress:
                progress(frame.time_s, film.declared.duration_s)
    for shot in detector.finish(observer.frame_count, observer.end_s):
        yield shot_picture(shot, reservoir.cut(shot), settings.min_entropy_bits)
