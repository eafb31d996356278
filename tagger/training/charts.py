"""A training run as tables and pictures: curves of loss and accuracy, who is taken for whom, figures per tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tagger.evaluation.figures import TagFigures
from tagger.evaluation.plots import BLUE, SMALL_PT, TEXT_PT, VERMILION, chart, percent, short, write_picture
from tagger.records import Ints
from tagger.text import printable, safe_cell, write_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

History = Mapping[str, Sequence[float]]  # a value per epoch, by name, as Keras gives it

SMOOTHED = ("loss", "accuracy", "val_loss", "val_accuracy")
SMOOTHING = 0.8  # weight of what was before
TAG_COLUMNS = ("slug", "images", "precision", "recall", "f1", "average_precision", "auc")

TRAINING, VALIDATION = BLUE, VERMILION
PALE = 0.4  # opacity of raw curves
DOTTED_MAX = 30  # epochs whose raw values are shown as dots too

COUNTED_MAX = 15  # tags whose counts are written into the matrix
NAMED_MAX = 100  # tags whose names stand beside it
UPRIGHT_LETTERS_MAX = 32  # that have room side by side below the smallest matrix
CELL_INCHES = 0.26  # room for a name of SMALL_PT
COUNTED_CELL_INCHES = 0.55  # and for a count
MATRIX_INCHES_MIN, UNNAMED_MATRIX_INCHES = 2.6, 16.0
BAR_INCHES = (0.2, 6.0)  # width and largest height
CONTRAST = 0.5  # exponent: a confusion of one in twenty must be seen beside nine in ten
DARK = 0.4  # share from which a count is written in white
NO_PICTURES = "#d9d9d9"


def smoothed(values: Iterable[float], weight: float = SMOOTHING) -> list[float]:
    """Returns the exponential moving average, without its bias towards 0 at the start (as Adam's and TensorBoard's).

    Args:
        values: one per epoch.
        weight: of what was before, 0 to under 1; 0 gives the values themselves.
    """
    answer, mean = [], 0.0
    for count, value in enumerate(values, 1):
        mean = weight * mean + (1 - weight) * value
        answer.append(mean / (1 - weight**count))
    return answer


def curves_csv(history: History, path: Path) -> None:
    """Writes a row per epoch, from 1: each curve raw and smoothed, and the learning rate where it is known.

    Args:
        history: loss, accuracy, val_loss, val_accuracy, and perhaps learning_rate.
        path: of the file.

    Raises:
        OutputRefused: it cannot be written.
    """
    columns: dict[str, Sequence[float]] = {}
    for name in SMOOTHED:
        columns |= {name: history[name], f"{name}_smoothed": smoothed(history[name])}
    if "learning_rate" in history:
        columns["learning_rate"] = history["learning_rate"]
    rows = zip(*columns.values(), strict=True)
    write_rows(path, ["epoch", *columns], ([epoch, *map(float, row)] for epoch, row in enumerate(rows, 1)))


@chart
def curves_png(history: History, path: Path) -> None:
    """Draws loss and accuracy over the epochs, raw and smoothed, the epoch of least validation loss marked.

    Args:
        history: loss, accuracy, val_loss and val_accuracy.
        path: of the file.

    Raises:
        OutputRefused: it cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    figure = Figure(figsize=(10, 4.4), layout="constrained")
    validation = np.asarray(history["val_loss"], float)
    best = int(np.where(np.isnan(validation), np.inf, validation).argmin())
    panels = figure.subplots(1, 2)
    for panel, name, title in zip(panels, ("loss", "accuracy"), ("Loss", "Accuracy"), strict=True):
        _curve(panel, history[name], "training", TRAINING)
        _curve(panel, history[f"val_{name}"], "validation", VALIDATION)
        panel.axvline(best + 1, color="0.35", linestyle=":", linewidth=1.4, label=f"best epoch: {best + 1}")
        panel.plot(best + 1, history[f"val_{name}"][best], color=VALIDATION, marker="o")
        panel.set_title(title, fontsize=TEXT_PT + 2, loc="left")
        panel.set_xlabel("epoch", fontsize=TEXT_PT)
        panel.tick_params(labelsize=TEXT_PT)
        panel.set_xlim(0.5, len(validation) + 0.5)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        panel.grid(axis="y", color="0.9")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylim(bottom=0)
    panels[1].yaxis.set_major_formatter(FuncFormatter(percent))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=TEXT_PT)
    write_picture(figure, path)


def confusion_csv(matrix: Ints, tags: Sequence[str], path: Path) -> None:
    """Writes how often each tag (row) was answered with each (column), (tags, tags).

    Raises:
        OutputRefused: it cannot be written.
    """
    names = [safe_cell(tag) for tag in tags]
    rows = zip(names, matrix.tolist(), strict=True)
    write_rows(path, ["true tag", *names], ([name, *row] for name, row in rows))


@chart
def confusion_png(matrix: Ints, tags: Sequence[str], path: Path) -> None:
    """Draws the matrix: how dark says which share of a row's pictures, and up to 15 tags have their counts.

    Args:
        matrix: (tags, tags), how often each tag (row) was answered with each (column).
        tags: their names; of more than 100 only the numbers are shown, from 1.
        path: of the file.

    Raises:
        OutputRefused: it cannot be written.
    """
    import matplotlib
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    counted, named = len(tags) <= COUNTED_MAX, len(tags) <= NAMED_MAX
    cell = COUNTED_CELL_INCHES if counted else CELL_INCHES
    side = max(MATRIX_INCHES_MIN, len(tags) * cell) if named else UNNAMED_MATRIX_INCHES
    figure = Figure(figsize=(side + 3.2, side + 2.2), layout="constrained")
    panel = figure.subplots()
    pictures = matrix.sum(1, keepdims=True)
    shares = np.ma.masked_where(np.broadcast_to(pictures == 0, matrix.shape), matrix / np.maximum(pictures, 1))
    colours = matplotlib.colormaps["Blues"].with_extremes(bad=NO_PICTURES)
    drawn = panel.imshow(shares, cmap=colours, norm=PowerNorm(CONTRAST, 0, 1), interpolation="nearest")
    _name_axes(panel, tags if named else ())
    if counted:
        for (row, column), count in np.ndenumerate(matrix):
            shade = "white" if count > DARK * pictures[row, 0] else "black"
            panel.text(column, row, str(count) if count else "", color=shade, ha="center", va="center", size=TEXT_PT)
    width, height = BAR_INCHES[0] / side, min(1.0, BAR_INCHES[1] / side)
    beside = panel.inset_axes((1 + width, 1 - height, width, height))
    bar = figure.colorbar(drawn, cax=beside, ticks=[0, 0.05, 0.25, 0.5, 1], format=FuncFormatter(percent))
    bar.ax.tick_params(labelsize=SMALL_PT)
    bar.set_label("share of the row's pictures" + (" (grey: none)" if (pictures == 0).any() else ""), fontsize=TEXT_PT)
    write_picture(figure, path)


def tags_csv(per_tag: Iterable[TagFigures], path: Path) -> None:
    """Writes a row per tag; what is undefined is empty.

    Raises:
        OutputRefused: it cannot be written.
    """
    rows = ([safe_cell(tag.slug), *(getattr(tag, name) for name in TAG_COLUMNS[1:])] for tag in per_tag)
    write_rows(path, TAG_COLUMNS, rows)


def _curve(panel: Axes, values: Sequence[float], label: str, colour: str) -> None:
    """Raw thin and pale, smoothed thick."""
    epochs = range(1, len(values) + 1)
    dot = "o" if len(values) <= DOTTED_MAX else ""
    panel.plot(epochs, values, color=colour, alpha=PALE, linewidth=0.9, marker=dot, markersize=4, label=label)
    panel.plot(epochs, smoothed(values), color=colour, linewidth=2.2, label=f"{label}, smoothed")


def _name_axes(panel: Axes, tags: Sequence[str]) -> None:
    """By the names of the tags, or numbers from 1 where none are given."""
    from matplotlib.ticker import FixedLocator, FuncFormatter

    panel.set_xlabel("answered", fontsize=TEXT_PT)
    panel.set_ylabel("true tag", fontsize=TEXT_PT)
    panel.tick_params(labelsize=SMALL_PT)
    names = [short(printable(tag)) for tag in tags]
    for axis in (panel.xaxis, panel.yaxis):
        if names:
            axis.set_ticks(range(len(names)), names, parse_math=False)
            axis.set_minor_locator(FixedLocator([place - 0.5 for place in range(1, len(names))]))
            axis.grid(which="minor", color="0.9", linewidth=0.6)
            axis.set_tick_params(which="minor", length=0)
        else:
            axis.set_major_formatter(FuncFormatter(lambda place, _: f"{place + 1:.0f}"))
    if max(map(len, names), default=0) * len(names) > UPRIGHT_LETTERS_MAX:
        panel.tick_params(axis="x", labelrotation=90)
