"""What all studies need: a paired test, means in tables and charts, and files of what was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import Field, asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from tagger.evaluation.metrics import Spread
from tagger.evaluation.plots import BarSeries, bars_png
from tagger.files import output_folder
from tagger.measured import Estimate
from tagger.text import TOOL, safe_row, write_json, write_rows
from tagger.training.dataset import Dataset
from tagger.training.recipe import Recipe

EXACT_MAX = 16  # differences: of more than 65,536 flips so many are drawn
ROUNDING = 1e-9  # sums of shares that differ by less are the same
UNKNOWN = "-"
DIGITS = 3  # of means, behind the point

Cell = str | float | None


@dataclass(frozen=True, slots=True)
class Material:
    """What a study was made on, and how its heads were trained but for what it compares."""

    images: tuple[str, ...]  # folders
    tags: tuple[str, ...]
    pictures: int
    families: int  # near copies are one
    skipped: int  # files that could not be used
    recipe: Recipe

    @classmethod
    def of(cls, roots: Sequence[Path], data: Dataset, recipe: Recipe) -> Material:
        """Returns what there is to know of a data set and a recipe."""
        families = len(np.unique(data.family))
        return cls(tuple(map(str, roots)), data.tags, len(data.paths), families, len(data.skipped), recipe)

    def __str__(self) -> str:
        """One line for people."""
        skipped = f"; {self.skipped} files could not be used" if self.skipped else ""
        return f"{len(self.tags)} tags, {self.pictures} pictures ({self.families} without near copies){skipped}"


def shown(spread: Spread | None) -> str:
    """Returns a mean and its deviation, for people."""
    return UNKNOWN if spread is None else spread.text(DIGITS)


def cells(spread: Spread | None) -> tuple[float | None, float | None]:
    """Returns mean and deviation, for a table."""
    return (None, None) if spread is None else (spread.mean, spread.deviation)


def bars_of(name: str, spreads: Iterable[Spread | None]) -> BarSeries:
    """Returns bars with one deviation to each side."""
    return BarSeries(name, tuple(None if spread is None else _estimate(spread) for spread in spreads))


def _estimate(spread: Spread) -> Estimate:
    aside = spread.deviation or 0.0
    return Estimate(spread.mean, spread.mean - aside, spread.mean + aside)


class Study(Protocol):
    """What a comparison found, in the forms that people and programs want."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of `rows`."""
        ...

    def rows(self) -> list[tuple[Cell, ...]]:
        """Returns a row for each thing that was compared; none if it was interrupted before."""
        ...

    def text(self) -> str:
        """Returns tables and notes, without a line break at the end."""
        ...

    def chart(self) -> tuple[tuple[str, ...], tuple[BarSeries, ...]]:
        """Returns names of groups, and up to three bars for each."""
        ...


def sign_flip_p(differences: Sequence[float]) -> float:
    """Returns how probable a mean at least so far from 0 is if neither side is better: the two-sided sign-flip test.

    If neither is, each difference could as well have the other sign: p is the share of all 2^n choices of signs whose
    sum is at least as far from 0 (Fisher, 1935). Of more than 16 differences 65,536 choices are drawn. Folds of a
    cross-validation share most of their training pictures, so that their differences are not independent and p is
    optimistic (Dietterich, 1998; Nadeau and Bengio, 2003).

    Args:
        differences: one of each fold.
    """
    values = np.asarray(differences, np.float64)
    if len(values) <= EXACT_MAX:
        flipped = np.arange(2 ** len(values))[:, None] >> np.arange(len(values)) & 1
    else:
        flipped = np.random.default_rng(0).integers(0, 2, (2**EXACT_MAX, len(values)))
        flipped[0] = 0  # what was found is one of the choices, so that p is never 0
    sums = np.abs((1 - 2 * flipped) @ values)
    return float((sums >= abs(values.sum()) - ROUNDING).mean())


def write(study: Study, kind: str, folder: Path) -> None:
    """Writes table.csv, results.json (all there is to know) and chart.png into `folder`.

    Raises:
        OutputRefused: something cannot be written.
    """
    output_folder(folder)
    rows = map(safe_row, study.rows())
    write_rows(folder / "table.csv", study.columns, rows)
    write_json(folder / "results.json", {**TOOL, "study": kind, **asdict(study)})
    bars_png(*study.chart(), folder / "chart.png")
