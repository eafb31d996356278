"""Bars, squashing and entropy, on pictures whose answer is known."""

from __future__ import annotations

import media
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.images import entropy_bits, prepare, squash, without_bars


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
