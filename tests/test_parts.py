"""What describes parts of a picture tells a box, a bar and a cut in one half from each other."""

from __future__ import annotations

import cv2
import media
import numpy as np
import pytest
from numpy.typing import NDArray

from tagger.shots.parts import BOX_LAGS, COUNT, LAGS, LEAST, MOVED_LAGS, QUANTILES, part_differences
from tagger.shots.thumbnails import CONTEXT, HEIGHT, WIDTH

Picture = NDArray[np.uint8]
SIZE = WIDTH // 2, HEIGHT // 2
MOST, NEARLY_ALL = 0, len(QUANTILES) - 1  # columns: blocks that change least, and most
LIVE_BEFORE = len(QUANTILES) * (len(LAGS) + len(MOVED_LAGS))
LIVE_SHARE, LIVE_BOTH = LIVE_BEFORE + 2, LIVE_BEFORE + 3
COMMON = LIVE_BEFORE + 5
COMMON_SHARE = COMMON + len(BOX_LAGS)
LIKE, UNLIKE = np.log(LEAST) + 1, np.log(0.4)


def scenery(seed: int, shift: int = 0) -> Picture:
    whole = cv2.resize(media.scenery(seed, 320, 180), (2 * SIZE[0], SIZE[1]), interpolation=cv2.INTER_AREA)
    return np.asarray(whole.mean(2)[:, shift : shift + SIZE[0]], np.uint8)


def seen(pictures: list[Picture]) -> NDArray[np.float64]:
    """The numbers of the last picture; nothing fits better nearby."""
    still = [pictures[0]] * CONTEXT
    half = np.stack([*still, *pictures])
    apart = [np.zeros((1, 48)) for _ in MOVED_LAGS]
    return np.array([float(part[0]) for part in part_differences(half, np.array([len(half) - 1]), apart)])


def barred(picture: Picture, rows: int, columns: int = 0) -> Picture:
    made = np.full_like(picture, 16)
    inside = slice(rows, len(picture) - rows), slice(columns, picture.shape[1] - columns)
    made[inside] = picture[inside]
    return made


def test_a_still_changes_in_no_part() -> None:
    found = seen([scenery(0)])
    assert len(found) == COUNT
    assert np.all(found[[*range(9), *range(COMMON, COMMON_SHARE)]] < LIKE)
    assert found[COMMON_SHARE:] == pytest.approx(1, abs=0.01)
    assert found[LIVE_SHARE] == 0


def test_a_cut_changes_most_blocks_and_a_box_few() -> None:
    box = scenery(0)
    box[2:8, 4:12] = scenery(1)[2:8, 4:12]
    cut, boxed = seen([scenery(0), scenery(1)]), seen([scenery(0), box])
    assert min(cut[MOST], cut[NEARLY_ALL]) > UNLIKE
    assert max(boxed[MOST], boxed[NEARLY_ALL]) < LIKE


@pytest.mark.parametrize(("rows", "columns"), [(4, 0), (0, 7), (3, 5)])
@pytest.mark.parametrize("comes", [True, False])
def test_between_bars_the_picture_is_the_same(rows: int, columns: int, comes: bool) -> None:
    whole, bars = scenery(0), barred(scenery(0), rows, columns)
    found = seen([whole, bars] if comes else [bars, whole])
    assert found[COMMON] < LIKE
    high, wide = (of - 2 * (bar + 1) if bar else of for bar, of in ((rows, SIZE[1]), (columns, SIZE[0])))  # edges blur
    assert found[COMMON_SHARE] == pytest.approx(high * wide / (SIZE[0] * SIZE[1]), abs=0.01)
    assert seen([whole, barred(scenery(1), rows, columns)])[COMMON] > UNLIKE


def test_a_plain_picture_has_no_common_part() -> None:
    found = seen([scenery(0), np.full_like(scenery(0), 80)])
    assert np.all(np.isfinite(found))
    assert found[COMMON_SHARE] == pytest.approx(0, abs=0.01)


def test_in_a_split_screen_what_lives_has_changed() -> None:
    """Half of the picture stands; in the other a scenery moves, and then it is another one, or a box has come."""
    moving = [scenery(0, shift) for shift in range(12)]
    after = [scenery(1, shift) for shift in range(5)]
    for picture in (*moving, *after):
        picture[:, 16:] = scenery(2)[:, 16:]
    cut, going_on = seen([*moving, after[0]]), seen(moving)
    assert cut[MOST] < LIKE  # half of it stands
    assert cut[LIVE_BEFORE] > UNLIKE > going_on[LIVE_BEFORE]
    assert 0.3 < cut[LIVE_SHARE] < 0.6
    assert seen([*moving, *after])[LIVE_BOTH] > UNLIKE > seen(moving)[LIVE_BOTH]
