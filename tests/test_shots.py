"""Boundaries at the frame where they are, whatever the detector and the clock."""

from __future__ import annotations

import itertools
from pathlib import Path

import media
import numpy as np
import pytest

from tagger.records import Shot
from tagger.settings import DETECTORS
from tagger.shots.detector import ShotDetector
from tagger.video.film import Film
from tagger.video.observer import Observer


def detect(path: Path, detector: str = "adaptive", min_shot_s: float = 0.6) -> list[Shot]:
    observer = Observer()
    with Film(path) as film:
        finder = ShotDetector(detector, min_shot_s)
        found = [s for f in film.frames(observer) for s in finder.feed(f.index, f.time_s, finder.shrink(f.picture))]
        return found + finder.finish(observer.frame_count, observer.end_s)


@pytest.mark.parametrize("detector", DETECTORS)
def test_hard_cuts_are_found_at_their_frame(film: media.Truth, detector: str) -> None:
    found = detect(film.path, detector)
    assert tuple(shot.start_frame for shot in found) == (0, *film.cuts)
    assert [shot.start_s for shot in found] == pytest.approx([0.0, 1.2, 3.0])
    assert [shot.index for shot in found] == [0, 1, 2]


def test_shots_cover_the_film_without_gaps(film: media.Truth) -> None:
    found = detect(film.path)
    assert found[-1].end_frame == film.frame_count
    assert found[-1].end_s == pytest.approx(4.0)
    for before, after in itertools.pairwise(found):
        assert (before.end_frame, before.end_s) == (after.start_frame, after.start_s)


def test_a_film_without_cuts_is_one_shot(tmp_path: Path) -> None:
    truth = media.film(tmp_path / "one.mp4", (40,))
    (shot,) = detect(truth.path)
    assert (shot.start_frame, shot.end_frame) == (0, 40)


def test_one_frame_is_one_shot(tmp_path: Path) -> None:
    truth = media.film(tmp_path / "frame.mp4", (1,))
    (shot,) = detect(truth.path)
    assert (shot.start_frame, shot.end_frame, shot.middle_frame) == (0, 1, 0)


@pytest.mark.parametrize("detector", DETECTORS)
def test_minimum_length_is_in_seconds_not_frames(tmp_path: Path, detector: str) -> None:
    """The same film at twice the rate: 0.3 s hold 8 of its frames and 15 of the other's."""
    counts = []
    for rate in (25, 50):
        lengths = tuple(length * rate // 25 for length in (25, 25, 5, 25))
        truth = media.film(tmp_path / f"{rate}.mp4", lengths, rate=rate)
        counts.append(len(detect(truth.path, detector, min_shot_s=0.3)))
    assert counts[0] == counts[1]


def test_cuts_under_a_variable_rate_have_the_time_of_their_frame(tmp_path: Path) -> None:
    lengths = (30, 12, 30)
    durations = (1,) * 30 + (10,) * 12 + (1,) * 30
    truth = media.write(tmp_path / "vfr.mkv", media.shots(lengths), cuts=(30, 42), rate=50, durations=durations)
    found = detect(truth.path, min_shot_s=0.3)
    assert [shot.start_frame for shot in found] == [0, 30, 42]
    assert [shot.start_s for shot in found] == pytest.approx([0.0, 0.6, 3.0], abs=0.02)


def test_real_clip_with_a_known_cut(shared: Path) -> None:
    """PySceneDetect's own truth for its variable-rate clip: a cut at 3.754 s."""
    found = detect(shared / "videos/pyscenedetect/goldeneye-vfr-drop3.mp4")
    assert found[1].start_s == pytest.approx(3.754, abs=0.02)


def test_content_detector_may_speak_late(tmp_path: Path) -> None:
    """Cuts that follow each other closely are merged, and the last of them is named afterwards."""
    truth = media.film(tmp_path / "flurry.mp4", (30, 4, 4, 4, 30))
    found = detect(truth.path, "content")
    assert found[0].start_frame == 0
    assert found[-1].end_frame == truth.frame_count
    assert all(before.end_frame == after.start_frame for before, after in itertools.pairwise(found))


def test_content_loses_no_cut_that_it_announces_late() -> None:
    """At 240 frames/s a merged cut is named over a hundred frames after it passed."""
    finder = ShotDetector("content", 0.6)
    black, white = np.zeros((36, 64, 3), np.uint8), np.full((36, 64, 3), 255, np.uint8)
    cuts = (480, 560, 720)
    found = []
    for frame in range(1200):
        picture = white if sum(frame >= cut for cut in cuts) % 2 else black
        settled = finder.settled
        new = finder.feed(frame, frame / 240.0, picture)
        assert all(shot.end_frame >= settled >= frame - 240 for shot in new)
        found += new
    found += finder.finish(1200, 5.0)
    assert [shot.start_frame for shot in found] == [0, 480, 720]
