"""Probabilities mean what they say after calibration, and few pictures make nobody sure."""

from __future__ import annotations

import numpy as np
import pytest

from tagger.records import Bools, Floats
from tagger.training import calibration


def drawn(count: int, loud: float, seed: int = 0) -> tuple[Floats, Bools]:
    """Logits that are `loud` times those that the right tags were drawn from."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.5, (count, 5)).astype(np.float32)
    p = calibration.softmax(z)
    tag = (p.cumsum(1) > rng.random((count, 1))).argmax(1)
    return z * np.float32(loud), np.eye(5, dtype=bool)[tag]


@pytest.mark.parametrize("loud", [0.5, 1.0, 2.0])
def test_loud_logits_are_toned_down_and_shy_ones_raised(loud: float) -> None:
    z, right = drawn(4000, loud)
    temperature, offset = calibration.for_softmax(z, right, np.ones(4000, np.float32))
    assert temperature == pytest.approx(loud, rel=0.25)
    assert offset >= 0  # else evidence that counts is cut off


def test_few_lucky_answers_make_nobody_sure() -> None:
    z = 4 * np.eye(3, dtype=np.float32)[np.arange(9) % 3]
    right = z > 0
    few, _ = calibration.for_softmax(z, right, np.ones(9, np.float32))
    many, _ = calibration.for_softmax(np.tile(z, (200, 1)), np.tile(right, (200, 1)), np.ones(1800, np.float32))
    assert many < 0.75 < few


def test_independent_tags_are_toned_down_too() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(0, 1.5, (3000, 4)).astype(np.float32)
    right = rng.random(z.shape) < 1 / (1 + np.exp(-z))
    assert calibration.for_sigmoid(3 * z, right, np.ones(3000, np.float32)) == pytest.approx(3, rel=0.25)


def test_answers_that_are_hardly_better_than_chance_keep_their_evidence() -> None:
    """Where all is doubtful, nothing surprises: without evidence for any tag no answer would count."""
    rng = np.random.default_rng(2)
    z = rng.normal(0, 0.1, (300, 2)).astype(np.float32)
    right = np.eye(2, dtype=bool)[np.where(rng.random(300) < 0.6, z.argmax(1), z.argmin(1))]
    temperature, offset = calibration.for_softmax(z, right, np.ones(300, np.float32))
    assert (calibration.evidence(z, temperature, offset).max(1) > 0).mean() > 0.97


@pytest.mark.parametrize("seed", range(4))
def test_pictures_for_which_every_tag_is_right_are_no_trouble(seed: int) -> None:
    """As where two tags have the same pictures: no answer surprises, and by rounding a hair less than not at all."""
    z = np.random.default_rng(seed).normal(0, 1, (9, 3)).astype(np.float32)
    temperature, offset = calibration.for_softmax(z, np.ones((9, 3), np.bool_), np.ones(9, np.float32))
    assert temperature == pytest.approx(1)  # which nothing speaks against
    assert (calibration.evidence(z, temperature, offset).max(1) > 0).all()


@pytest.mark.parametrize("least", [-1e-9, 0.0, 2.0])
def test_the_smallest_offset_about_the_least_is_never_one_that_is_not(least: float) -> None:
    total = np.full((len(calibration.TEMPERATURES), len(calibration.OFFSETS)), least + 5)
    total[8, 7:] = least
    temperature, offset = calibration.best(total)
    assert temperature == pytest.approx(1)
    assert offset == calibration.OFFSETS[7]
