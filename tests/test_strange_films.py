"""Films that are not 25 different pictures a second in steady light: their cuts are found, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import media
import numpy as np
import pytest
from av.video.frame import VideoFrame

from tagger.records import Boundary, Shot
from tagger.settings import MIN_SHOT_S, Settings
from tagger.shots.detector import Cutter, ShotDetector
from tagger.shots.scan import scan
from tagger.shots.thumbnails import Shrinker
from tagger.video.film import Film

WIDTH, HEIGHT = 320, 180
LENGTH = 36  # frames of a shot
EVEN = (np.arange(HEIGHT) % 2 == 0)[:, None, None]  # every other line
Pictures = list[media.Picture]


def shot(seed: int, length: int = LENGTH, speed: float = 1.0) -> Pictures:
    """A scenery that moves so many pixels a frame."""
    still = media.scenery(seed, WIDTH + media.PAN, HEIGHT)
    shifts = (min(round(step * speed), media.PAN) for step in range(length))
    return [still[:, shift : shift + WIDTH] for shift in shifts]


def shots(count: int = 6, length: int = LENGTH, speed: float = 1.0) -> Pictures:
    return [picture for seed in range(count) for picture in shot(seed, length, speed)]


def found(pictures: Iterable[media.Picture], rate: float = 25.0, min_shot_s: float = MIN_SHOT_S) -> list[int]:
    """Where shots begin after the first."""
    detector, shrink, shots = ShotDetector("learned", min_shot_s), Shrinker(), list[Shot]()
    frame = -1
    for frame, picture in enumerate(pictures):
        small = shrink(VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24"))
        shots += detector.feed(frame, frame / rate, small)
    shots += detector.finish(frame + 1, (frame + 1) / rate)
    return [shot.start_frame for shot in shots[1:]]


CUTS = [LENGTH * at for at in range(1, 6)]


def lit(pictures: Pictures, gains: Iterable[float]) -> Pictures:
    return [np.clip(p * gain, 0, 255).astype(np.uint8) for p, gain in zip(pictures, gains, strict=True)]


@pytest.mark.parametrize("often", [2, 3, 4])
def test_held_pictures_are_no_cuts(often: int) -> None:
    """Animation on twos, threes and fours: a jump after repeated frames is none."""
    pictures = shots(speed=1.5)
    assert found(pictures[at // often * often] for at in range(len(pictures))) == CUTS


def test_pictures_of_12_a_second_in_a_film_of_30_are_no_cuts() -> None:
    """The sibling: held twice and three times in turns, cuts wherever they fall."""
    places = np.repeat(np.arange(96), np.tile([2, 3], 48))
    pictures = [picture for seed in range(4) for picture in shot(seed, 24, 3.0)]
    assert found((pictures[at] for at in places), 30) == [60, 120, 180]


def test_held_pictures_encoded_anew_are_no_cuts(tmp_path: Path) -> None:
    pictures = shots(4, speed=1.5)
    truth = media.write(tmp_path / "threes.mp4", (pictures[at // 3 * 3] for at in range(len(pictures))), rate=24)
    with Film(truth.path) as film:
        scanned = list(scan(film, Settings(scan="full")).shots)
    assert [picture.shot.start_frame for picture in scanned] == [0, *CUTS[:3]]


def test_a_still_is_no_held_picture_and_its_cuts_are_found() -> None:
    """The sibling: nothing moves for seconds, then another picture stands for less than a second."""
    one, two = media.scenery(0, WIDTH, HEIGHT), media.scenery(1, WIDTH, HEIGHT)
    assert found([*[one] * 60, *[two] * 20, *[one] * 60]) == [60, 80]


def boundaries(*pairs: tuple[float, float]) -> list[Boundary]:
    """At these times, so sure."""
    return [Boundary(round(time_s * 25), time_s, sure) for time_s, sure in pairs]


@pytest.mark.parametrize(
    ("pairs", "kept"),
    [
        (((2.0, 0.74), (2.3, 0.88)), [2.3]),
        (((2.0, 0.98), (2.3, 1.0)), [2.3]),
        (((2.0, 0.9), (2.3, 0.9)), [2.0]),
        (((2.0, 0.7), (2.5, 0.8), (3.0, 0.9)), [2.0, 3.0]),
        (((2.0, 0.6), (2.5, 0.9), (3.0, 0.8), (3.4, 0.95)), [2.5, 3.4]),
        (((0.3, 1.0), (0.7, 0.6)), [0.7]),
        (((2.0, 0.6), (2.6, 0.9)), [2.0, 2.6]),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_the_surer_of_two_near_boundaries_is_kept(
    pairs: tuple[tuple[float, float], ...], kept: list[float], at_once: bool
) -> None:
    cutter, ends = Cutter(MIN_SHOT_S, 0.0), list[float]()
    for known in [boundaries(*pairs)] if at_once else [[one] for one in boundaries(*pairs)]:
        ends += [shot.end_s for shot in cutter.cut(known, known[-1].time_s)]
    ends += [shot.end_s for shot in cutter.cut([], 9.0)]
    assert ends == kept
    assert cutter.waiting is None


def test_boundaries_that_are_all_near_do_not_wait_for_ever() -> None:
    """The sibling: a strobe."""
    cutter, late = Cutter(MIN_SHOT_S, 0.0), list[float]()
    for at in range(1, 400):
        one = Boundary(at * 5, at * 0.2, 0.5 + at % 7 / 20)
        late += [one.time_s - shot.end_s for shot in cutter.cut([one], one.time_s)]
    assert len(late) > 60
    assert max(late) < 4


@pytest.mark.parametrize("length", [8, 16, 30])
@pytest.mark.parametrize("shape", ["sideways", "iris", "push"])
def test_a_wipe_is_one_boundary_inside(shape: str, length: int) -> None:
    old, new = shot(0, 90, 0.3), shot(1, 90, 0.3)
    x, y = np.meshgrid(np.arange(WIDTH) / WIDTH, np.arange(HEIGHT) / HEIGHT)
    field = {"sideways": x, "iris": np.hypot(x - 0.5, y - 0.5) / 0.7072}.get(shape)
    middle = []
    for at in range(length):
        share, before, after = (at + 1) / (length + 1), old[90 - length + at], new[at]
        wide = round(share * WIDTH)
        pushed = np.concatenate([before[:, wide:], after[:, :wide]], 1)
        middle.append(pushed if field is None else np.where((field < share)[..., None], after, before))
    (boundary,) = found([*old[:-length], *middle, *new[length:]])
    assert 90 - length - 1 <= boundary <= 91


@pytest.mark.parametrize("length", [6, 12, 48])
def test_a_short_or_long_dissolve_is_one_boundary_inside(length: int) -> None:
    old, new = shot(0, 100, 0.3), shot(1, 100, 0.3)
    shares = (np.arange(length) + 1) / (length + 1)
    pairs = zip(old[-length:], new[:length], shares, strict=True)
    middle = [np.round(a * (1 - share) + b * share).astype(np.uint8) for a, b, share in pairs]
    (boundary,) = found([*old[:-length], *middle, *new[length:]])
    assert 100 - length - 1 <= boundary <= 101


@pytest.mark.parametrize("flicker", [0.03, 0.08])
@pytest.mark.parametrize("tone", [(1.0, 1.0, 1.0), (1.0, 0.85, 0.6)])
def test_old_film_that_flickers_has_its_cuts(flicker: float, tone: tuple[float, ...]) -> None:
    """Black-and-white, and the sibling: sepia."""
    rng = np.random.default_rng(0)
    grey = [picture.mean(2, keepdims=True) * tone for picture in shots()]
    grainy = [picture + rng.normal(0, 6, (HEIGHT, WIDTH, 1)) for picture in grey]
    assert found(lit(grainy, 1 + rng.normal(0, flicker, len(grey)))) == CUTS


def switched(at: int) -> float:
    return 1.0 if at % LENGTH < LENGTH // 2 else 0.45


def police(at: int) -> float:
    return 0.7 if at // 6 % 2 else 1.3


def strobe(at: int) -> float:
    return 1.4 if at % 4 == 0 else 0.4


@pytest.mark.parametrize("light", [switched, police, strobe])
def test_light_that_changes_is_no_cut(light: Callable[[int], float]) -> None:
    pictures = [picture // 2 for picture in shots()]
    assert found(lit(pictures, map(light, range(len(pictures))))) == CUTS


@pytest.mark.parametrize(("strength", "lasts"), [(2, 3), (2, 8), (3, 3), (3, 8), (5, 3)])
def test_an_explosion_is_no_cut(strength: int, lasts: int) -> None:
    """It makes the picture so many times as bright at once, and fades."""
    since = np.arange(6 * LENGTH) % LENGTH - 12
    gains = np.where(since >= 0, 1 + (strength - 1) * np.exp(-since / lasts), 1)
    assert found(lit([picture // 2 for picture in shots()], gains)) == CUTS


@pytest.mark.parametrize("lettered", [False, True])
def test_a_caption_box_is_no_cut(lettered: bool) -> None:
    """At once, over a plain scenery."""
    pictures = [picture.copy() for picture in shots()]
    for at, picture in enumerate(pictures):
        if at // 20 % 2:
            picture[144:171, 32:288] = (20, 20, 30)
            if lettered:
                picture[152:163:3, 52:268:5] = 240
    assert found(pictures) == CUTS


def test_a_wash_of_colour_is_no_cut() -> None:
    """The sibling: lights of a stage change the colour, and the picture stays."""
    rng, colours = np.random.default_rng(2), []
    for _ in range(20):
        colours += [rng.uniform(0.4, 1.0, 3)] * 11
    pictures = shots()
    assert (
        found((picture * colour).astype(np.uint8) for picture, colour in zip(pictures, colours, strict=False)) == CUTS
    )


def flashed(picture: media.Picture) -> media.Picture:
    brighter: media.Picture = np.clip(picture * 2.5 + 20, 0, 255).astype(np.uint8)
    return brighter


def unlit(picture: media.Picture) -> media.Picture:
    return picture // 8


def jerked(picture: media.Picture) -> media.Picture:
    return np.roll(picture, 60, 1)


def behind_a_hand(picture: media.Picture) -> media.Picture:
    covered = picture.copy()
    covered[:, : WIDTH * 3 // 4] = (90, 60, 50)
    return covered


@pytest.mark.parametrize("jolt", [flashed, unlit, jerked, behind_a_hand])
@pytest.mark.parametrize("apart", [3, 4, 8])
def test_what_is_soon_over_near_a_cut_is_none(jolt: Callable[[media.Picture], media.Picture], apart: int) -> None:
    """Three frames near both ends of each shot."""
    near = {*range(apart, apart + 3), *range(LENGTH - apart - 3, LENGTH - apart)}
    assert found(jolt(picture) if at % LENGTH in near else picture for at, picture in enumerate(shots())) == CUTS


@pytest.mark.parametrize("lasts", [3, 6, 10])
def test_a_camera_that_is_torn_around_is_no_cut(lasts: int) -> None:
    """Half of a place away within so many frames, with the blur of the way."""
    pictures = list[media.Picture]()
    for seed in range(6):
        place = cv2.resize(media.scenery(seed, 320, 90), (3 * WIDTH, HEIGHT))
        done = ((np.arange(LENGTH + 1) - 14) / lasts).clip(0, 1)
        way = WIDTH * done * done * (3 - 2 * done)
        for here, there in pairwise(way):
            steps = [
                place[:, (at := round(here + (there - here) * part)) : at + WIDTH] for part in (0, 0.17, 0.33, 0.5)
            ]
            pictures.append(np.mean(steps, 0).astype(np.uint8))
    assert found(pictures) == CUTS


@pytest.mark.parametrize("side", [np.s_[:, :150], np.s_[:, 130:], np.s_[:80], np.s_[95:]])
@pytest.mark.parametrize("plotted", [False, True])
def test_where_half_of_the_picture_stands_the_cuts_of_the_other_are_found(side: Any, plotted: bool) -> None:
    still = media.scenery(30, WIDTH, HEIGHT)
    if plotted:
        still[:] = 200
        still[::20] = still[:, ::40] = 30
    pictures = [picture.copy() for picture in shots()]
    for picture in pictures:
        picture[side] = still[side]
    assert found(pictures) == CUTS


@pytest.mark.parametrize("upright", [False, True])
def test_bars_that_come_and_go_are_no_cuts(upright: bool) -> None:
    pictures = [picture.copy() for picture in shots()]
    for at, picture in enumerate(pictures):
        side = picture.swapaxes(0, 1) if upright else picture
        if at // 25 % 2:
            side[: len(side) // 7] = side[-(len(side) // 7) :] = 0
    assert found(pictures) == CUTS


def test_a_film_in_a_corner_is_no_cut() -> None:
    pictures, other = [picture.copy() for picture in shots()], media.scenery(9, WIDTH, HEIGHT)
    for at, picture in enumerate(pictures):
        if at // 20 % 2:
            picture[10:70, 190:300] = other[10:70, at // 20 : at // 20 + 110]
    assert found(pictures) == CUTS


def test_at_60_frames_a_second_a_hit_is_no_cut() -> None:
    pictures = [picture for seed in range(4) for picture in shot(seed, 90, 0.4)]
    gains = [1 + 2 / (1 + at % 90 - 40) if 0 <= at % 90 - 40 < 4 else 1.0 for at in range(len(pictures))]
    assert found(lit(pictures, gains), 60) == [90, 180, 270]


def test_telecine_has_its_cuts() -> None:
    """Five frames of four, two of them woven of two: a cut may fall between both fields."""
    pictures = shots(6, 35)
    woven = list[media.Picture]()
    for at in range(0, len(pictures) // 4 * 4, 4):
        a, b, c, d = pictures[at : at + 4]
        mixed = [np.where(EVEN, one, two) for one, two in ((b, c), (c, d))]
        woven += [a, b, *mixed, d]
    assert found(woven, 30) == pytest.approx([35 * at * 5 / 4 for at in range(1, 6)], abs=1.5)


def test_a_night_film_has_its_cuts() -> None:
    rng = np.random.default_rng(1)
    dark = [picture * 0.12 + rng.normal(8, 1.5, picture.shape) for picture in shots()]
    assert found(picture.clip(0, 255).astype(np.uint8) for picture in dark) == CUTS


@pytest.mark.parametrize("rate", [0.2, 1.0])
def test_every_picture_of_a_slide_show_is_a_shot(rate: float) -> None:
    slides = [media.scenery(seed, WIDTH, HEIGHT) for seed in range(10)]
    assert found(slides, rate) == [*range(1, 10)]


@pytest.mark.parametrize("rate", [1, 3, 5, 8])
def test_of_a_few_pictures_a_second_only_other_views_are_cuts(rate: int) -> None:
    """A camera, a GIF, or time-lapse."""
    pictures = [picture for seed in range(4) for picture in shot(seed, 10, 3.0)]
    assert found(pictures, rate) == [10, 20, 30]


def test_a_slide_show_as_a_file_has_its_shots(tmp_path: Path) -> None:
    slides = (media.scenery(seed, WIDTH, HEIGHT) for seed in range(10))
    truth = media.write(tmp_path / "slides.mp4", slides, rate=1, durations=(5,) * 10)
    for how in ("full", "fast"):
        with Film(truth.path) as film:
            scanned = list(scan(film, Settings(scan=how)).shots)
        assert [picture.shot.start_frame for picture in scanned] == [*range(10)], how


@pytest.mark.parametrize(("speed", "most_missed"), [(8, 1), (12, 4)])
def test_cuts_between_shots_that_move_fast_are_found(speed: int, most_missed: int) -> None:
    """A chase: the camera is torn along by a twentieth of the picture and more with every frame, on both sides."""
    count, length, width = 40, 16, 160
    pictures = []
    for seed in range(count):
        still = media.scenery(seed, width + speed * length, 90)
        pictures += [still[:, at * speed : at * speed + width] for at in range(length)]
    cuts = {length * at for at in range(1, count)}
    begins = {*found(pictures)}
    assert begins <= cuts
    assert len(cuts - begins) <= most_missed
