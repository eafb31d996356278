"""Curves, matrices and tables of a training run: right numbers, any names, pictures that show what they say."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagger.errors import OutputRefused
from tagger.evaluation.figures import TagFigures
from tagger.training.charts import (
    confusion_csv,
    confusion_png,
    curves_csv,
    curves_png,
    smoothed,
    tags_csv,
)

VALUES = st.lists(st.floats(-1e6, 1e6), max_size=30)
BLUE, VERMILION = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
DARKEST = (0x08, 0x30, 0x6B)
NO_PICTURES = (0xD9, 0xD9, 0xD9)


def history(epochs: int, best: int) -> dict[str, list[float]]:
    """Curves of which the validation's loss is least at epoch `best`, from 1."""
    away = [abs(epoch - best) / epochs for epoch in range(1, epochs + 1)]
    down = [1 - epoch / (2 * epochs) for epoch in range(epochs)]
    return {
        "loss": down,
        "accuracy": [1 - loss / 2 for loss in down],
        "val_loss": [0.5 + far for far in away],
        "val_accuracy": [0.8 - far / 2 for far in away],
        "learning_rate": [0.001] * epochs,
    }


def picture(path: Path) -> NDArray[np.uint8]:
    """A PNG in RGB."""
    found = cv2.imread(str(path))
    assert found is not None
    return np.asarray(found, np.uint8)[..., ::-1]


def dots(path: Path, colour: tuple[int, int, int]) -> int:
    """How many pixels are of just this colour."""
    return int((picture(path) == colour).all(2).sum())


def rows(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text("utf-8"), newline="")))


# Smoothing.


def test_smoothing_by_hand() -> None:
    assert smoothed([1.0, 3.0], 0.5) == pytest.approx([1, (0.25 * 1 + 0.5 * 3) / 0.75])
    assert smoothed([]) == []


@given(VALUES)
def test_smoothing_is_a_mean_that_forgets(values: list[float]) -> None:
    for last, found in enumerate(smoothed(values, 0.8)):
        weights = [0.8 ** (last - place) for place in range(last + 1)]
        mean = sum(w * v for w, v in zip(weights, values, strict=False)) / sum(weights)
        assert found == pytest.approx(mean, abs=1e-6)


@given(VALUES)
def test_no_weight_of_what_was_is_no_smoothing(values: list[float]) -> None:
    assert smoothed(values, 0) == values


@given(st.floats(-1e6, 1e6), st.integers(1, 500))
def test_what_does_not_change_stays(value: float, count: int) -> None:
    assert smoothed([value] * count) == pytest.approx([value] * count)


# Curves.


def test_a_row_per_epoch_raw_and_smoothed(tmp_path: Path) -> None:
    run = history(7, 3)
    curves_csv(run, tmp_path / "curves.csv")
    table = pd.read_csv(tmp_path / "curves.csv")
    assert table["epoch"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert table[name].tolist() == pytest.approx(run[name])
        assert table[f"{name}_smoothed"].tolist() == pytest.approx(smoothed(run[name]))
    assert table["learning_rate"].tolist() == [0.001] * 7


def test_a_run_without_a_learning_rate_has_no_column_of_it(tmp_path: Path) -> None:
    run = history(2, 1)
    del run["learning_rate"]
    curves_csv(run, tmp_path / "curves.csv")
    assert rows(tmp_path / "curves.csv")[0][-1] == "val_accuracy_smoothed"


def test_curves_of_different_lengths_are_refused(tmp_path: Path) -> None:
    run = history(3, 1) | {"val_loss": [1.0]}
    with pytest.raises(ValueError, match="shorter"):
        curves_csv(run, tmp_path / "curves.csv")
    assert not (tmp_path / "curves.csv").exists()


@pytest.mark.parametrize("epochs", [1, 5, 500])
def test_curves_are_drawn_for_any_number_of_epochs(tmp_path: Path, epochs: int) -> None:
    curves_png(history(epochs, 1), tmp_path / "curves.png")
    height, width, _ = picture(tmp_path / "curves.png").shape
    assert 900 < width < 1300
    assert 400 < height < 600
    assert min(dots(tmp_path / "curves.png", BLUE), dots(tmp_path / "curves.png", VERMILION)) > 100


def test_the_best_epoch_is_where_validation_loses_least(tmp_path: Path) -> None:
    found = []
    for best in (2, 9):
        curves_png(history(10, best), tmp_path / "curves.png")
        left = picture(tmp_path / "curves.png")[40:300, 60:520].astype(int)
        dark = (left.max(2) < 130).sum(0)  # of the dotted line; curves and grid are lighter or coloured
        found.append(int(dark.argmax()) + 60)
    assert found[0] < 200
    assert found[1] > 400


def test_what_is_no_number_is_not_drawn(tmp_path: Path) -> None:
    run = history(5, 2)
    run["val_loss"] = [math.nan, 0.5, math.nan, 0.7, 0.9]
    curves_png(run, tmp_path / "curves.png")
    assert dots(tmp_path / "curves.png", VERMILION) > 100


# Who is taken for whom.


def test_the_matrix_is_a_table_with_names(tmp_path: Path) -> None:
    confusion_csv(np.array([[5, 1], [0, 7]]), ["War", "=cmd|' /C calc'!A0"], tmp_path / "confusion.csv")
    assert rows(tmp_path / "confusion.csv") == [
        ["true tag", "War", "'=cmd|' /C calc'!A0"],
        ["War", "5", "1"],
        ["'=cmd|' /C calc'!A0", "0", "7"],
    ]


@pytest.mark.parametrize("tags", [2, 15, 16, 50, 101])
def test_the_matrix_is_drawn_for_any_number_of_tags(tmp_path: Path, tags: int) -> None:
    """All right: so many cells of the darkest blue, each farther to the right and further down."""
    confusion_png(9 * np.eye(tags, dtype=np.int64), [f"Tag {tag}" for tag in range(tags)], tmp_path / "confusion.png")
    found = picture(tmp_path / "confusion.png")
    assert max(found.shape) < 3000
    dark = (found == DARKEST).all(2).astype(np.uint8)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(dark, connectivity=4)
    cells = [(int(x), int(y)) for x, y, _, height, area in boxes[1:] if area > 20 and height > 3]
    assert len({y for _, y in cells}) == tags  # antialiasing may cut a cell in two
    assert sorted(cells) == sorted(cells, key=lambda cell: cell[1])


def test_rows_without_pictures_are_grey(tmp_path: Path) -> None:
    confusion_png(np.array([[3, 1], [0, 2]]), ["a", "b"], tmp_path / "confusion.png")
    assert dots(tmp_path / "confusion.png", NO_PICTURES) < 1000
    confusion_png(np.array([[3, 1], [0, 0]]), ["a", "b"], tmp_path / "confusion.png")
    assert dots(tmp_path / "confusion.png", NO_PICTURES) > 10_000


@pytest.mark.parametrize(
    "name", ["$x^$", r"\frac", "車の追跡", "\U0001f600", "bad\udcff", "two\nlines", "a" * 500, "_%&#{}"]
)
def test_any_name_is_drawn(tmp_path: Path, name: str) -> None:
    confusion_png(np.eye(2, dtype=np.int64), [name, "War"], tmp_path / "confusion.png")
    confusion_csv(np.eye(2, dtype=np.int64), [name, "War"], tmp_path / "confusion.csv")
    assert picture(tmp_path / "confusion.png").shape[1] < 1200
    assert rows(tmp_path / "confusion.csv")[2][0] == "War"


# Tags.


def test_a_row_per_tag_and_nothing_where_undefined(tmp_path: Path) -> None:
    tags = (TagFigures("war", 3, 0.5, 1.0, 2 / 3, 0.9, 0.8), TagFigures("-1", 0, None, None, None, None, None))
    tags_csv(tags, tmp_path / "tags.csv")
    assert rows(tmp_path / "tags.csv") == [
        ["slug", "images", "precision", "recall", "f1", "average_precision", "auc"],
        ["war", "3", "0.5", "1.0", "0.6666666666666666", "0.9", "0.8"],
        ["'-1", "0", "", "", "", "", ""],
    ]


@pytest.mark.parametrize(
    ("write", "what"),
    [(curves_csv, (history(2, 1),)), (curves_png, (history(2, 1),)), (tags_csv, ((),)),
     (confusion_csv, (np.eye(1, dtype=np.int64), ["a"])), (confusion_png, (np.eye(1, dtype=np.int64), ["a"]))],
)  # fmt: skip
def test_places_that_cannot_be_written_are_refused(tmp_path: Path, write: Any, what: tuple[Any, ...]) -> None:
    with pytest.raises(OutputRefused, match="missing/x"):
        write(*what, tmp_path / "missing/x")
