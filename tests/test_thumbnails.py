"""The same picture gives the same thumbnail, however it is stored; and what describes a change says what changed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import av
import cv2
import media
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from tagger.shots.parts import MOVED_LAGS
from tagger.shots.thumbnails import (
    COLOUR,
    CONTEXT,
    COUNT,
    FIRST,
    HALF_SPANS,
    HEIGHT,
    LAGS,
    LEAST,
    LUMA,
    PARTS,
    PER_LAG,
    PER_MOVED_LAG,
    PLANES,
    RANKS,
    VALUES,
    WIDTH,
    WIPED_SPANS,
    Shrinker,
    Thumbnail,
    change,
    described,
    differences,
    thumbnail,
)

# Columns of the differences.
LUMA_APART = [PER_LAG * place for place in range(len(LAGS))]
COLOUR_APART = [at + 1 for at in LUMA_APART]
SHARES_APART = [at + 2 for at in LUMA_APART]
PATTERN_APART = [at + 3 for at in LUMA_APART]
TEXTURE_APART = [at + 4 for at in LUMA_APART]
BLOCKS_APART = [at + 5 + rank for at in LUMA_APART for rank in range(len(RANKS))]
MOVED_APART = [PER_LAG * len(LAGS) + PER_MOVED_LAG * place for place in range(len(MOVED_LAGS))]
MOVED_BLOCKS = [at + 1 + rank for at in MOVED_APART for rank in range(len(RANKS))]
UNMIXED = [PER_LAG * len(LAGS) + PER_MOVED_LAG * len(MOVED_LAGS) + place for place in (0, 1, 3, 5)]
UNWIPED = [UNMIXED[0] + place for place in (2, 4, 6)]
BRIGHTNESS, CONTRAST = PARTS - 2, PARTS - 1


def frame(picture: media.Picture) -> VideoFrame:
    return VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")


def small(picture: media.Picture) -> Thumbnail:
    return Shrinker()(frame(picture))


def flat(luma: int, blue: int = 128, red: int = 128) -> Thumbnail:
    """Of a picture of one colour."""
    sizes = (LUMA, COLOUR, COLOUR)
    levels = zip((luma, blue, red), sizes, strict=True)
    return thumbnail(np.concatenate([np.full(size * FIRST**2, level, np.uint8) for level, size in levels]))


def luma_of(found: Thumbnail) -> NDArray[np.uint8]:
    return found.values[:LUMA].reshape(HEIGHT, WIDTH)


def row(thumbnails: Sequence[Thumbnail]) -> list[float]:
    """What describes the change at the last of them."""
    return [float(value) for value in differences(thumbnails, 1)[0]]


@pytest.fixture(scope="module")
def scenes() -> list[Thumbnail]:
    """40 frames of one scenery, then 40 of another."""
    return [small(picture) for picture in media.shots((40, 40))]


@pytest.mark.parametrize(
    "pix_fmt", ["yuv420p10le", "yuv422p", "yuv444p", "yuv444p12le", "yuvj420p", "nv12", "rgb24", "gbrp", "bgra"]
)
@pytest.mark.parametrize("size", [(640, 360), (320, 180)])
def test_the_format_of_a_picture_hardly_matters(pix_fmt: str, size: tuple[int, int]) -> None:
    picture = media.scenery(0, *size)
    usual = Shrinker()(frame(picture).reformat(format="yuv420p"))
    other = Shrinker()(frame(picture).reformat(format=pix_fmt))
    apart = np.abs(usual.values.astype(float) - other.values)
    assert apart.mean() < 1.5
    assert apart.max() < 12
    assert np.abs(usual.shares - other.shares).sum() / (2 * len(PLANES)) < 0.15


def test_another_picture_is_farther_than_another_format() -> None:
    """What the test before measures against."""
    one, other = (small(media.scenery(seed, 320, 180)) for seed in (0, 1))
    assert np.abs(one.values.astype(float) - other.values).mean() > 15


@pytest.mark.parametrize("size", [(1920, 1080), (854, 480), (321, 241), (180, 320), (64, 36), (2, 2), (1, 1)])
def test_any_size_gives_a_thumbnail(size: tuple[int, int]) -> None:
    picture = cv2.resize(media.scenery(2, 640, 360), size, interpolation=cv2.INTER_AREA)
    found = small(np.asarray(picture, np.uint8))
    assert found.values.shape == (VALUES,)
    assert found.values.dtype == np.uint8
    assert found.half.shape == (HEIGHT // 2, WIDTH // 2)
    assert found.shares.sum() == pytest.approx(len(PLANES))
    if min(size) >= 180:
        large = small(media.scenery(2, 640, 360))
        assert np.abs(found.values.astype(float) - large.values).mean() < 4


def test_one_shrinker_takes_sizes_and_formats_as_they_come() -> None:
    shrink = Shrinker()
    pictures = [frame(media.scenery(seed, *size)) for seed, size in enumerate([(320, 180), (640, 360), (320, 180)])]
    mixed = [*pictures, pictures[0].reformat(format="yuv444p10le"), pictures[1].reformat(format="gray"), pictures[0]]
    for picture in mixed:
        assert np.array_equal(shrink(picture).values, Shrinker()(picture).values)


def test_the_planes_lie_in_order() -> None:
    """A picture that is white on its left, red above and blue below on its right."""
    picture = np.zeros((360, 640, 3), np.uint8)
    picture[:, :320] = 255
    picture[:180, 320:, 0] = picture[180:, 320:, 2] = 255
    found = small(picture)
    luma = luma_of(found)
    assert luma[:, : WIDTH // 2 - 1].min() > 225
    assert luma[:, WIDTH // 2 + 1 :].max() < 90
    blue, red = found.values[LUMA:].reshape(2, HEIGHT // 2, WIDTH // 2).astype(int)
    left, above = (
        (slice(None), slice(None, WIDTH // 4 - 1)),
        (slice(None, HEIGHT // 4 - 1), slice(WIDTH // 4 + 1, None)),
    )
    below = (slice(HEIGHT // 4 + 1, None), above[1])
    assert np.abs(blue[left] - 128).max() < 4
    assert np.abs(red[left] - 128).max() < 4
    assert red[above].min() > 220 > 130 > blue[above].max()
    assert blue[below].min() > 220 > 130 > red[below].max()


def test_every_value_is_a_mean_of_four() -> None:
    rng = np.random.default_rng(0)
    planes = rng.integers(0, 256, VALUES * FIRST**2, np.uint8)
    found = thumbnail(planes)
    large = planes[: LUMA * FIRST**2].reshape(HEIGHT, FIRST, WIDTH, FIRST)
    assert np.abs(luma_of(found) - large.mean((1, 3))).max() <= 0.5
    red = planes[-COLOUR * FIRST**2 :].reshape(HEIGHT // 2, FIRST, WIDTH // 2, FIRST)
    assert np.abs(found.values[-COLOUR:] - red.mean((1, 3)).ravel()).max() <= 0.5
    again = luma_of(found).reshape(HEIGHT // 2, 2, WIDTH // 2, 2)
    assert np.abs(found.half - again.mean((1, 3))).max() <= 0.5


def test_values_alone_give_the_thumbnail(scenes: list[Thumbnail]) -> None:
    again = described(scenes[0].values)
    assert np.array_equal(again.half, scenes[0].half)
    assert np.array_equal(again.shares, scenes[0].shares)


def test_the_histogram_counts_each_plane() -> None:
    bins = [bins for *_, bins in PLANES]
    shares = np.split(flat(100, 30, 200).shares, np.cumsum(bins)[:-1])
    assert [int(part.argmax()) for part in shares] == [100 * bins[0] // 256, 30 * bins[1] // 256, 200 * bins[2] // 256]
    assert [float(part.max()) for part in shares] == [1.0, 1.0, 1.0]


def test_a_still_does_not_differ() -> None:
    still = [small(media.scenery(0, 320, 180))] * (CONTEXT + 5)
    found = differences(still, 5)
    assert found.shape == (5, COUNT)
    assert found.dtype == np.float32
    zero = [*LUMA_APART, *COLOUR_APART, *MOVED_APART, *MOVED_BLOCKS, *UNMIXED, *UNWIPED]
    least = [*SHARES_APART, *PATTERN_APART, *TEXTURE_APART, *BLOCKS_APART]
    assert np.all(found[:, zero] == 0)
    assert found[:, least] == pytest.approx(np.log(LEAST), abs=1e-3)
    assert np.ptp(found, axis=0).max() < 1e-3
    assert {*zero, *least, BRIGHTNESS, CONTRAST} == set(range(PARTS))


def test_brightness_and_contrast() -> None:
    levels = [16, 80, 144, 208]
    found = np.array([row([flat(level)]) for level in levels])
    assert found[:, BRIGHTNESS] == pytest.approx(np.array(levels) / 64)
    assert found[:, CONTRAST] == pytest.approx(0.0, abs=0.1)
    split = np.repeat(np.array([50, 150], np.uint8), VALUES * FIRST**2 // 2)
    assert row([thumbnail(split)])[CONTRAST] > 3


def test_a_change_of_luma_or_colour_alone_is_in_its_columns() -> None:
    brighter, bluer = row([flat(100), flat(120)]), row([flat(100), flat(100, 168)])
    assert [brighter[at] for at in LUMA_APART] == pytest.approx([np.log1p(20)] * len(LAGS))
    assert [brighter[at] for at in COLOUR_APART] == [0.0] * len(LAGS)
    assert [bluer[at] for at in LUMA_APART] == [0.0] * len(LAGS)
    assert [bluer[at] for at in COLOUR_APART] == pytest.approx([np.log1p(20)] * len(LAGS))  # of two, one changed by 40
    # In either all of one histogram of three is elsewhere.
    assert {round(found[at], 4) for found in (brighter, bluer) for at in SHARES_APART} == {
        round(np.log(0.01 + 1 / 3), 4)
    }


def test_each_lag_sees_a_cut_for_as_long_as_it_reaches(scenes: list[Thumbnail]) -> None:
    found = differences(scenes, len(scenes))
    for lag, columns in zip(LAGS, zip(LUMA_APART, SHARES_APART, strict=True), strict=True):
        for column in columns:
            around = found[40 - LAGS[-1] : 40 + 2 * LAGS[-1], column]
            highest = np.sort(np.argsort(around)[-lag:]) + 40 - LAGS[-1]
            assert highest.tolist() == list(range(40, 40 + lag))
    for lag, column in zip(MOVED_LAGS, MOVED_APART, strict=True):
        assert np.sort(np.argsort(found[:, column])[-lag:]).tolist() == list(range(40, 40 + lag))


@pytest.mark.parametrize(("right", "down"), [(1, 0), (0, 2), (2, 1)])
def test_small_movements_are_found_to_be_such(right: int, down: int) -> None:
    squares = np.random.default_rng(0).integers(0, 256, (HEIGHT // 2 + 3, WIDTH // 2 + 3), np.uint8)
    still = np.kron(squares, np.ones((20, 20), np.uint8))[..., None].repeat(3, 2)  # one square, one pixel of `half`
    height, width = 10 * HEIGHT, 10 * WIDTH
    before = small(still[:height, :width])
    moved = row([before, small(still[20 * down :, 20 * right :][:height, :width])])
    other = row([before, small(still[60:, 60:][:height, :width])])  # farther than blocks are sought
    assert moved[MOVED_APART[0]] < 0.6 * moved[LUMA_APART[0]]
    assert other[MOVED_APART[0]] > 0.7 * other[LUMA_APART[0]]


@pytest.mark.parametrize("place", range(len(HALF_SPANS)))
def test_within_a_dissolve_the_middle_is_the_mean_of_its_ends(place: int) -> None:
    span, column = HALF_SPANS[place], UNMIXED[place]
    old, new = (media.scenery(seed, 320, 180).astype(float) for seed in (0, 1))
    steps = 2 * span
    mixed = [small(np.round(old + (new - old) * at / steps).astype(np.uint8)) for at in range(steps + 1)]
    cut = [mixed[0]] * span + [mixed[-1]] * (span + 1)
    assert row(mixed)[column] < -2
    assert row(cut)[column] > -1


@pytest.mark.parametrize("gain", [0.7, 0.9, 1.1, 1.6])
def test_light_changes_luma_and_neither_pattern_nor_texture(gain: float) -> None:
    """Flicker, and a switch: all planes of colour may be flat, as in a black-and-white film."""
    picture = media.scenery(2, 320, 180).mean(2, keepdims=True).repeat(3, 2) * 0.5
    lit, other = (
        row([small(picture.astype(np.uint8)), small((picture * gain).astype(np.uint8))]),
        row([small(picture.astype(np.uint8)), small(media.scenery(4, 320, 180))]),
    )
    for column in (PATTERN_APART[0], TEXTURE_APART[0], *BLOCKS_APART[: len(RANKS)]):
        assert lit[column] < np.log(LEAST) + 1.5
        assert other[column] > np.log(LEAST) + 2
    assert lit[LUMA_APART[0]] > 1


def test_what_changes_in_a_part_is_not_in_the_other_blocks() -> None:
    """A bar, or another film in a corner."""
    before, box = media.scenery(2, 320, 180), media.scenery(4, 320, 180)
    after = before.copy()
    after[90:, 160:] = box[90:, 160:]
    boxed, other = row([small(before), small(after)]), row([small(before), small(box)])
    first, last = BLOCKS_APART[0], BLOCKS_APART[len(RANKS) - 1]
    assert boxed[first] < np.log(LEAST) + 0.3 < boxed[last]
    assert boxed[MOVED_BLOCKS[0]] < 0.3
    assert min(other[first], other[last]) > np.log(LEAST) + 2


@pytest.mark.parametrize("place", range(len(WIPED_SPANS)))
def test_within_a_wipe_every_pixel_is_one_of_its_ends(place: int) -> None:
    span, column = WIPED_SPANS[place], UNWIPED[place]
    old, new = (media.scenery(seed, 320, 180) for seed in (0, 1))
    steps = [round(320 * at / (2 * span)) for at in range(2 * span + 1)]
    wiped = [small(np.concatenate([new[:, :step], old[:, step:]], 1)) for step in steps]
    mixed = [small(np.round(old + (new.astype(float) - old) * step / 320).astype(np.uint8)) for step in steps]
    assert row(wiped)[column] < -2
    assert row(mixed)[column] > -1.5


def test_frames_before_the_first_are_as_the_first(scenes: list[Thumbnail]) -> None:
    first = scenes[0]
    longer = differences([first] * CONTEXT + scenes[:30], 30)
    assert differences(scenes[:30], 30) == pytest.approx(longer, abs=1e-4)


def test_a_pair_changes_as_two_frames_in_sequence_do(scenes: list[Thumbnail]) -> None:
    columns = [*range(PER_LAG), *range(MOVED_APART[0], MOVED_APART[0] + PER_MOVED_LAG)]
    for before, after in ((scenes[0], scenes[-1]), (scenes[-1], scenes[0]), (scenes[0], scenes[9])):
        levels = [differences([thumbnail], 1)[0, [BRIGHTNESS, CONTRAST]] for thumbnail in (before, after)]
        sequence = differences([before, after], 1)[0, columns]
        assert change(before, after)[0] == pytest.approx(np.concatenate([sequence, *levels]), abs=1e-4)


@pytest.mark.parametrize("chunk", [1, 7, 16, 33, 80])
def test_chunks_give_what_the_whole_gives(scenes: list[Thumbnail], chunk: int) -> None:
    whole = differences(scenes, len(scenes))
    edges = [*range(0, len(scenes), chunk), len(scenes)]
    parts = [differences(scenes[max(0, a - CONTEXT) : b], b - a) for a, b in itertools.pairwise(edges)]
    assert np.concatenate(parts) == pytest.approx(whole, abs=1e-4)


def test_no_value_is_ever_other_than_a_number() -> None:
    rng = np.random.default_rng(0)
    noise = [thumbnail(rng.integers(0, 256, VALUES * FIRST**2, np.uint8)) for _ in range(40)]
    extremes = [flat(0, 0, 0), flat(255, 255, 255), flat(0, 255, 0), flat(255, 0, 255)] * 10
    found = differences([*noise, *extremes], 80)
    assert np.all(np.isfinite(found))
    assert np.abs(found).max() < 10


def test_a_film_in_eight_and_in_ten_bits_differs_alike() -> None:
    """The networks see no difference of format: what describes the change is nearly the same, frame by frame."""
    pictures = [frame(picture) for picture in media.shots((20, 20), width=640, height=360)]
    found = []
    for pix_fmt in ("yuv420p", "yuv420p10le"):
        shrink = Shrinker()
        thumbnails = [shrink(picture.reformat(format=pix_fmt)) for picture in pictures]
        found.append(differences(thumbnails, len(thumbnails)))
    assert np.abs(found[0] - found[1]).mean() < 0.05


def test_pictures_come_from_the_decoder_as_they_are(film: media.Truth) -> None:
    """What was decoded differs from what was drawn by the loss of encoding alone."""
    with av.open(str(film.path)) as container:
        decoded = [Shrinker()(picture) for picture in itertools.islice(container.decode(video=0), 40)]
    drawn = [small(picture) for picture in itertools.islice(media.shots((30, 45)), 40)]
    apart = [np.abs(one.values.astype(float) - two.values).mean() for one, two in zip(decoded, drawn, strict=True)]
    assert max(apart) < 3
