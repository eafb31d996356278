"""What training sees: everything once in an epoch, in an order that the seed decides."""

from __future__ import annotations

from pathlib import Path

import cv2
import media
import numpy as np
import pytest
from numpy.typing import NDArray

from tagger.errors import BadPath
from tagger.training.batches import Pictures, Rows


def rows(count: int = 23) -> Rows:
    every = np.arange(count, dtype=np.float32)[:, None]
    return Rows(every, np.ones((count, 2), np.float32), np.ones(count, np.float32), 5, 7)


def test_an_epoch_has_every_row_once_in_its_own_order() -> None:
    first, again, second = (np.concatenate([seen.copy() for seen, _ in rows().epoch(n)])[:, 0] for n in (0, 0, 1))
    assert sorted(first) == list(range(23))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)


def test_batches_say_which_rows_they_are() -> None:
    assert all(np.array_equal(seen[:, 0], chosen) for seen, chosen in rows().epoch(3))
    assert [len(chosen) for _, chosen in rows().epoch(3)] == [5, 5, 5, 5, 3]


def test_plain_rows_come_in_order() -> None:
    assert np.concatenate(list(rows().plain()))[:, 0].tolist() == list(range(23))


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    for number in range(7):
        cv2.imwrite(str(tmp_path / f"{number}.png"), media.scenery(number, 40, 30))
    return sorted(tmp_path.iterdir())


def pictures(paths: list[Path], *augment: str) -> Pictures:
    def seen(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return pixels.astype(np.float32)

    count = len(paths)
    return Pictures(paths, 32, seen, np.ones((count, 2), np.float32), np.ones(count, np.float32), 3, augment, 0)


def test_pictures_are_read_in_the_order_of_the_epoch(paths: list[Path]) -> None:
    plain = np.concatenate(list(pictures(paths).plain()))
    assert plain.shape == (7, 32, 32, 3)
    for seen, chosen in pictures(paths).epoch(4):
        assert np.array_equal(seen, plain[chosen])


def test_changes_are_others_in_each_epoch_and_the_same_in_a_repeated_one(paths: list[Path]) -> None:
    made = pictures(paths, "rotate", "brightness")
    first, again, second = (np.concatenate([seen for seen, _ in made.epoch(n)]) for n in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    assert np.array_equal(np.concatenate(list(made.plain())), np.concatenate(list(pictures(paths).plain())))


def test_a_picture_that_went_away_is_an_error_and_not_a_gap(paths: list[Path]) -> None:
    paths[4].unlink()
    with pytest.raises(BadPath, match="it was there when the training began"):
        list(pictures(paths).plain())
