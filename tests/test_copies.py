"""Near copies and their families, against comparing all pictures with all."""

from __future__ import annotations

import itertools
import time

import cv2
import media
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagger.records import Ints
from tagger.training.copies import BITS, CHANGES_MIN, NEAR_BITS, Fingerprints, families, fingerprint, is_near, near

RICH = 0x9E3779B97F4A7C15  # a fingerprint with many changes


def flipped(mark: int, *bits: int) -> int:
    for bit in bits:
        mark ^= 1 << bit
    return mark


def marks(*values: int) -> Fingerprints:
    return np.array(values, np.uint64)


def by_hand(values: list[int]) -> list[set[int]]:
    """The families as sets of places, by joining any two that are near until nothing changes."""

    def plain(mark: int) -> bool:
        rows = [[byte >> bit & 1 for bit in range(8)] for byte in mark.to_bytes(8, "little")]
        lines = rows + [list(column) for column in zip(*rows, strict=True)]
        return len([1 for line in lines for a, b in itertools.pairwise(line) if a != b]) < CHANGES_MIN

    found = [{place} for place in range(len(values))]
    for a, one in enumerate(values):
        for b, other in enumerate(values[:a]):
            if (one ^ other).bit_count() <= NEAR_BITS and not plain(one) and not plain(other):
                joined = next(family for family in found if a in family) | next(f for f in found if b in f)
                found = [family for family in found if not family & joined] + [joined]
    return sorted(found, key=min)


def as_sets(number: Ints) -> list[set[int]]:
    return sorted((set(np.flatnonzero(number == family).tolist()) for family in set(number.tolist())), key=min)


def test_near_copies_are_recognised() -> None:
    one, other = media.scenery(1, 320, 240), media.scenery(2, 320, 240)
    small = np.asarray(cv2.resize(one, (160, 120)), np.uint8)
    found = np.array([fingerprint(picture) for picture in (one, small, other)], np.uint64)
    assert near(found, found).tolist() == [[True, True, False], [True, True, False], [False, False, True]]
    assert is_near(small, found[:1])
    assert not is_near(other, found[:2])
    assert not is_near(one, found[:0])


@pytest.mark.parametrize("quality", [20, 60, 95])
def test_a_copy_survives_recompression(quality: int) -> None:
    one = media.scenery(3, 320, 240)
    body = cv2.imencode(".jpg", one, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    again = np.asarray(cv2.imdecode(body, cv2.IMREAD_COLOR), np.uint8)
    assert len(set(families(marks(int(fingerprint(one)), int(fingerprint(again)))).tolist())) == 1


def test_six_bits_are_near_and_seven_are_not() -> None:
    six, seven = flipped(RICH, *range(0, 60, 10)), flipped(RICH, *range(0, 63, 9))
    assert near(marks(RICH), marks(RICH, six, seven)).tolist() == [[True, True, False]]
    assert families(marks(RICH, six, seven)).tolist() in ([0, 0, 1], [1, 1, 0])


def test_a_chain_of_near_copies_is_one_family() -> None:
    chain = [RICH]
    for step in range(4):
        chain.append(flipped(chain[-1], *range(6 * step, 6 * step + 6)))
    assert len(set(families(marks(*chain)).tolist())) == 1
    assert len(set(families(marks(*chain[:2], *chain[3:])).tolist())) == 2  # the middle link is missing


def test_plain_pictures_are_not_one_picture() -> None:
    across = np.arange(160)

    def seen(levels: NDArray[np.integer]) -> int:
        line = np.asarray(levels, np.uint8)
        return int(fingerprint(np.ascontiguousarray(np.broadcast_to(line[None, :, None], (90, 160, 3)))))

    night, snow = seen(np.full(160, 10)), seen(np.full(160, 250))
    sky = seen(across)
    sunset = seen(200 - abs(across - 80))
    assert [night, snow, sky] == [0, 0, 2**BITS - 1]
    found = families(marks(night, snow, sky, sky, sunset, sunset, RICH, RICH))
    assert len(set(found.tolist())) == 7
    assert found[6] == found[7]


def test_no_pictures_have_no_families() -> None:
    assert families(marks()).shape == (0,)


@settings(deadline=None)
@given(st.data())
def test_families_are_those_of_comparing_all_with_all(data: st.DataObject) -> None:
    """Around a few pictures, at distances of about NEAR_BITS."""
    centres = data.draw(st.lists(st.integers(0, 2**BITS - 1), min_size=1, max_size=3))
    changes = st.sets(st.integers(0, BITS - 1), max_size=NEAR_BITS + 2)
    drawn = data.draw(st.lists(st.tuples(st.sampled_from([0, RICH, *centres]), changes), max_size=30))
    values = [flipped(centre, *bits) for centre, bits in drawn]
    assert as_sets(families(marks(*values))) == by_hand(values)


def test_forty_thousand_pictures_take_seconds_and_no_square() -> None:
    """Half of them alone, a tenth plain, a thousand alike but for a few bits, the rest in pairs."""
    rng = np.random.default_rng(0)
    alone = rng.integers(0, 2**63, 20_000, dtype=np.uint64)
    pairs = rng.integers(0, 2**63, 7_500, dtype=np.uint64)
    burst = marks(*(flipped(RICH, *rng.integers(0, BITS, 3).tolist()) for _ in range(1_000)))
    every = np.concatenate([alone, pairs, pairs ^ np.uint64(0b1011), burst, np.zeros(4_000, np.uint64)])
    start = time.process_time()
    found = families(every)
    assert time.process_time() - start < 20  # a few, on a machine with nothing else to do
    assert found.max() + 1 == 20_000 + 7_500 + 1 + 4_000
    assert (found[20_000:27_500] == found[27_500:35_000]).all()
    assert len(set(found[35_000:36_000].tolist())) == 1
