"""Pictures are changed as asked, and only so."""

from __future__ import annotations

import cv2
import media
import numpy as np
import pytest
from numpy.random import default_rng

from tagger.images import Pixels
from tagger.training.augment import BRIGHTNESS, SHIFT, augment
from tagger.training.recipe import WARPS


@pytest.fixture
def picture() -> Pixels:
    return np.asarray(cv2.resize(media.scenery(3, 160, 120), (96, 96)), np.uint8)


def test_nothing_asked_for_changes_nothing(picture: Pixels) -> None:
    assert np.array_equal(augment(picture, (), default_rng(0)), picture)


@pytest.mark.parametrize(("kind", "axis"), [("flip", 1), ("vflip", 0)])
def test_flips_mirror_half_of_the_pictures_exactly(picture: Pixels, kind: str, axis: int) -> None:
    found = [augment(picture, (kind,), default_rng(seed)) for seed in range(40)]
    plain = sum(np.array_equal(one, picture) for one in found)
    mirrored = sum(np.array_equal(one, np.flip(picture, axis)) for one in found)
    assert plain + mirrored == 40
    assert 10 < mirrored < 30


def test_shifts_go_a_tenth_of_the_side_at_most(picture: Pixels) -> None:
    spot = np.zeros((100, 100, 3), np.uint8)
    spot[48:53, 48:53] = 255
    centres = []
    for seed in range(40):
        moved = augment(spot, ("shift",), default_rng(seed))[..., 0].astype(float)
        centres.append(np.array([(moved.sum(1) @ np.arange(100)), (moved.sum(0) @ np.arange(100))]) / moved.sum())
    away = np.abs(np.array(centres) - 50).max()
    assert SHIFT * 100 / 2 < away <= SHIFT * 100 + 1


def test_brightness_goes_both_ways_and_keeps_the_range() -> None:
    grey = np.full((8, 8, 3), 128, np.uint8)
    means = [float(augment(grey, ("brightness",), default_rng(seed)).mean()) for seed in range(60)]
    assert min(means) < 110 < 146 < max(means)
    assert max(abs(mean - 128) for mean in means) <= BRIGHTNESS * 255 + 2


@pytest.mark.parametrize("kind", [*WARPS, "all"])
def test_shape_and_type_stay_and_the_seed_decides(picture: Pixels, kind: str) -> None:
    kinds = WARPS if kind == "all" else (kind,)
    one, again, other = (augment(picture, kinds, default_rng(seed)) for seed in (5, 5, 9))
    assert one.shape == picture.shape and one.dtype == np.uint8
    assert np.array_equal(one, again)
    others = [augment(picture, kinds, default_rng(seed)) for seed in range(10)]
    assert any(not np.array_equal(one, moved) for moved in [other, *others])


def test_what_comes_in_at_the_edges_is_picture(picture: Pixels) -> None:
    bright = np.maximum(picture, 60)
    for seed in range(10):
        assert augment(bright, ("shift", "rotate", "zoom", "warp"), default_rng(seed)).min() >= 59
