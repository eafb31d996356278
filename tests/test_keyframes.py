"""The middle frame, without a second pass, within a bound of memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import media
import numpy as np
import pytest

from tagger.records import Shot, ShotPicture
from tagger.settings import RESERVOIR_BYTES, Settings
from tagger.shots.keyframes import Reservoir, shot_picture
from tagger.shots.scan import scan
from tagger.video.film import Film


def keyframes(path: Path, **settings: object) -> list[ShotPicture]:
    with Film(path) as film:
        return list(scan(film, Settings(**settings)).shots)  # type: ignore[arg-type]


@pytest.mark.parametrize("detector", ["learned", "adaptive", "hash"])
def test_the_keyframe_is_the_true_middle(film: media.Truth, detector: str) -> None:
    found = keyframes(film.path, detector=detector)
    assert [picture.shot.keyframe.frame for picture in found] == [15, 52, 87]
    assert [media.read_number(picture.pixels) for picture in found] == [15, 52, 87]
    assert all(picture.shot.keyframe.off_middle_frames == 0 and picture.shot.keyframe.kept for picture in found)


@pytest.mark.parametrize("frames_held", [2, 5, 10, 40])
def test_a_small_reservoir_comes_near_and_says_how_near(tmp_path: Path, frames_held: int) -> None:
    truth = media.film(tmp_path / "long.mp4", (200,))
    frame_bytes = 320 * 180 * 3 // 2
    (found,) = keyframes(truth.path, reservoir_bytes=frames_held * frame_bytes * 2, detector="adaptive")
    keyframe = found.shot.keyframe
    assert media.read_number(found.pixels) == keyframe.frame
    assert keyframe.off_middle_frames == abs(keyframe.frame - 100)
    assert keyframe.off_middle_frames <= 200 / frames_held


def test_reservoir_never_holds_more_than_its_bound(tmp_path: Path) -> None:
    truth = media.film(tmp_path / "long.mp4", (150,))
    with Film(truth.path) as film:
        reservoir = Reservoir(500_000, 0.04)
        held = []
        for frame in film.frames():
            reservoir.push(frame, frame.index - 2)
            held.append(sum(f.nbytes for f in reservoir._held))
            assert held[-1] == reservoir._bytes
    assert max(held) <= 500_000
    assert max(held) > 250_000


def test_frames_of_the_next_shot_stay_when_a_boundary_comes_late(film: media.Truth) -> None:
    with Film(film.path) as opened:
        reservoir = Reservoir(RESERVOIR_BYTES, 0.04)
        frames = opened.frames()
        for index in range(20):
            reservoir.push(next(frames), index - 5)
        assert reservoir.cut(Shot(0, 0.0, 0.6, 0, 16)).index == 8
        assert reservoir.cut(Shot(1, 0.6, 0.8, 16, 20)).index == 18


@dataclass
class Token:
    """Stands for a frame of 100 bytes."""

    index: int
    nbytes: int = 100

    @property
    def time_s(self) -> float:
        """At 25 frames/s."""
        return self.index / 25


@pytest.mark.parametrize("lateness", [0, 2, 15])
@pytest.mark.parametrize("bound_frames", [2, 16, 128])
def test_the_keyframe_is_always_of_its_shot_and_exact_while_the_shot_fits(lateness: int, bound_frames: int) -> None:
    """Random shots whose ends are announced late, many of them right after one that was thinned."""
    rng = np.random.default_rng(0)
    lengths = [int(n) for n in rng.choice([lateness + 1, lateness + 3, 40, 90, 700], 200)]
    ends = np.cumsum(lengths)
    reservoir = Reservoir(bound_frames * 100, (lateness + 1) / 25)
    done = 0
    for index in range(int(ends[-1]) + lateness + 1):
        reservoir.push(Token(index), index - lateness)  # type: ignore[arg-type]
        if done < len(ends) and index == ends[done] + lateness - (lateness == 0):
            start = 0 if done == 0 else int(ends[done - 1])
            shot = Shot(done, 0.0, 1.0, start, int(ends[done]))
            found = reservoir.cut(shot).index
            assert shot.start_frame <= found < shot.end_frame
            if lengths[done] // 2 + 2 * lateness + 3 <= bound_frames:
                assert found == shot.middle_frame
            done += 1
    assert done == len(ends)


def test_what_has_nothing_in_it_is_dropped(tmp_path: Path) -> None:
    black = [np.zeros((180, 320, 3), np.uint8)] * 20
    grey = [np.full((180, 320, 3), 128, np.uint8)] * 20
    truth = media.write(tmp_path / "cards.mp4", iter([*black, *media.shots((20,)), *grey]))
    found = keyframes(truth.path)
    assert [picture.shot.keyframe.kept for picture in found] == [False, True, False]
    assert found[0].shot.keyframe.entropy_bits < 1 < 5 < found[1].shot.keyframe.entropy_bits
    assert found[0].pixels.size == 0
    assert all(picture.shot.keyframe.kept for picture in keyframes(truth.path, min_entropy_bits=0.0))


def test_a_picture_is_shown_by_its_size(film: media.Truth) -> None:
    shown = repr(keyframes(film.path)[0])
    assert shown.endswith("pixels uint8 (180, 320, 3))")
    assert len(shown) < 300


def test_a_shot_knows_its_length_and_middle() -> None:
    shot = Shot(0, 1.0, 3.5, 25, 88)
    assert (shot.duration_s, shot.middle_frame) == (2.5, 56)
    for frames, times_s in (((5, 5), (0.0, 1.0)), ((-1, 5), (0.0, 1.0)), ((0, 5), (1.0, 0.5))):
        with pytest.raises(ValueError, match="no shot: frames"):
            Shot(0, *times_s, *frames)


def test_bars_are_gone_from_the_keyframe(tmp_path: Path) -> None:
    def letterboxed() -> object:
        for picture in media.shots((20,), number=False):
            boxed = np.zeros((240, 320, 3), np.uint8)
            boxed[30:210] = picture
            yield boxed

    truth = media.write(tmp_path / "letterbox.mp4", letterboxed())  # type: ignore[arg-type]
    (found,) = keyframes(truth.path)
    assert abs(found.pixels.shape[0] - 180) <= 2
    assert found.pixels.shape[1] == 320


def test_keyframe_reports_entropy_of_the_picture_without_bars(film: media.Truth) -> None:
    with Film(film.path) as opened:
        frame = next(opened.frames())
        shot = Shot(0, 0.0, 1.0, 0, 25)
        kept, dropped = (shot_picture(shot, frame, bits).shot.keyframe for bits in (0.0, 8.0))
        assert kept.entropy_bits == dropped.entropy_bits
