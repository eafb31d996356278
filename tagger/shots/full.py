"""The full scan: every frame is decoded and looked at.

thread     decode, shrink          -> frames        (FRAMES_AHEAD)
caller     shots, keyframes        -> keyframes
"""

from __future__ import annotations

from collections.abc import Generator

from tagger.queues import RunAhead
from tagger.records import FilmProgress, Keyframe
from tagger.settings import Settings
from tagger.shots.detector import ShotDetector
from tagger.shots.keyframes import Reservoir, keyframe
from tagger.video.film import Film

FRAMES_AHEAD = 4  # enough to smooth out the decoder's bursts; an 8K frame is 50 MB


def full_scan(film: Film, settings: Settings, progress: FilmProgress | None) -> Generator[Keyframe, None, None]:
    """Yields the keyframe of each shot, in order, in one pass over the film."""
    detector = ShotDetector(settings.detector, settings.min_shot_s, film.fps)
    # Half, because where the rate varies a shot may have fewer frames than its length says.
    reservoir = Reservoir(settings.reservoir_bytes, detector.lateness_frames, int(settings.min_shot_s * film.fps) // 2)
    small_frames = ((frame, detector.shrink(frame.picture)) for frame in film.frames(settings.hwaccel))
    with RunAhead(small_frames, FRAMES_AHEAD, film.abandon) as frames:
        for frame, small in frames:
            reservoir.push(frame)
            for shot in detector.feed(frame.index, frame.time_s, small):
                yield keyframe(shot, reservoir.cut(shot), settings.min_entropy_bits)
            if progress:
                progress(frame.time_s, film.declared_duration_s)
    for shot in detector.finish(film.frame_count, film.end_s):
        yield keyframe(shot, reservoir.cut(shot), settings.min_entropy_bits)
