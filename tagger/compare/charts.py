"""How far films agree, as charts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.compare.agreement import TOPS, Agreement
from tagger.compare.pairs import PairsAgreement
from tagger.compare.tables import mean, shown
from tagger.evaluation.plots import BLUE, COLOURS, ORANGE, SMALL_PT, TEXT_PT, VERMILION, chart, short, write_picture
from tagger.text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHARTED_MAX = 40  # tags or pairs in a chart
WIDTH_INCHES, ROW_INCHES, REST_INCHES = 8.0, 0.36, 1.5
BARS_WIDTH = 0.8  # of the room of a row
TICK = 0.5  # of tau-b


@chart
def compared_png(agreement: Agreement, top: int, path: Path) -> None:
    """Draws the scores of the tags that either film has among its first `top`, at most the 40 strongest.

    Raises:
        OutputRefused: it cannot be written.
    """
    either = agreement.top(top)
    tags = either[:CHARTED_MAX]
    figure = _figure(len(tags))
    panel = figure.subplots()
    _bars(panel, [[tag.score_a for tag in tags], [tag.score_b for tag in tags]], (BLUE, ORANGE))
    _rows(panel, [tag.tag for tag in tags])
    panel.set_xlim(0, 1)
    cut = "" if len(tags) == len(either) else f" (the {len(tags)} strongest of {len(either)})"
    label = f"score of the first {top} tags of either film{cut}" if tags else "no tag has any weight"
    panel.set_xlabel(label, size=TEXT_PT)
    panel.set_title(f"Kendall's tau-b {shown(agreement.tau_b)}", loc="left", size=TEXT_PT)
    names = [f"{side}: {short(printable(film.name))}" for side, film in (("A", agreement.a), ("B", agreement.b))]
    _legend(figure, names, (BLUE, ORANGE))
    write_picture(figure, path)


@chart
def pairs_png(compared: PairsAgreement, path: Path) -> None:
    """Draws the shared tags and tau-b of each pair, at most the first 40, with the mean of tau-b.

    Raises:
        OutputRefused: it cannot be written.
    """
    from matplotlib.ticker import MultipleLocator

    pairs = [pair.agreement for pair in compared.pairs[:CHARTED_MAX]]
    figure = _figure(len(pairs))
    left, right = figure.subplots(1, 2, sharey=True)
    counts = [[len(agreement.shared[place].slugs) for agreement in pairs] for place in range(len(TOPS))]
    _bars(left, counts, COLOURS)
    _rows(left, [pair.name for pair in compared.pairs[:CHARTED_MAX]])
    left.set_xlim(0, max(TOPS))
    cut = "" if len(pairs) == len(compared.pairs) else f" (the first {len(pairs)} of {len(compared.pairs)} pairs)"
    left.set_xlabel(f"shared tags{cut}", size=TEXT_PT)
    _bars(right, [[agreement.tau_b or 0.0 for agreement in pairs]], (VERMILION,))
    right.axvline(0, color="black", linewidth=1)
    right.xaxis.set_major_locator(MultipleLocator(TICK))
    right.set_xlim(-1 if any((agreement.tau_b or 0) < 0 for agreement in pairs) else 0, 1)
    for place in (place for place, agreement in enumerate(pairs) if agreement.tau_b is None):
        right.text(0, place, " undefined", va="center", size=SMALL_PT)
    average = compared.averages[-1]
    if average.mean is not None:
        right.axvline(average.mean, color="black", linestyle="--", linewidth=1)
    right.set_xlabel(f"Kendall's tau-b (mean {mean(average)})", size=TEXT_PT)
    _legend(figure, [f"of the first {first}" for first in TOPS], COLOURS)
    write_picture(figure, path)


def _figure(rows: int) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_INCHES, ROW_INCHES * rows + REST_INCHES), layout="constrained")


def _bars(panel: Axes, series: Sequence[Sequence[float]], colours: Sequence[str]) -> None:
    """Bars to the right, those of a row below each other; the grid behind them."""
    width = BARS_WIDTH / len(series)
    for number, (values, colour) in enumerate(zip(series, colours, strict=True)):
        aside = (number - (len(series) - 1) / 2) * width
        panel.barh([row + aside for row in range(len(values))], values, width, color=colour)
    panel.grid(axis="x", color="0.9")
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=SMALL_PT)
    panel.spines[["top", "right"]].set_visible(False)


def _rows(panel: Axes, names: Sequence[str]) -> None:
    """The names beside the rows, the first on top."""
    panel.set_yticks(range(len(names)), [short(printable(name)) for name in names], parse_math=False)
    panel.set_ylim(max(len(names), 1) - 0.5, -0.5)


def _legend(figure: Figure, names: Sequence[str], colours: Sequence[str]) -> None:
    """What the colours stand for."""
    from matplotlib.patches import Patch

    boxes = [Patch(color=colour) for colour in colours]
    legend = figure.legend(boxes, names, loc="outside lower center", ncols=len(names), frameon=False)
    for text in legend.get_texts():
        text.set(parse_math=False, size=TEXT_PT)
