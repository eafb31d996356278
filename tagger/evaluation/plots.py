"""What all charts share: colours, sizes of text, names and shares as labels, PNG files."""

from __future__ import annotations

import io
import logging
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

import numpy as np

from tagger.files import write_atomically
from tagger.measured import Estimate
from tagger.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)
Arguments = ParamSpec("Arguments")

DOTS_PER_INCH = 110
TEXT_PT, SMALL_PT = 11, 9
NAME_LETTERS_MAX = 24
# Of Okabe and Ito: apart for every kind of colour vision, and in grey.
BLUE, ORANGE, GREEN, VERMILION = "#0072b2", "#e69f00", "#009e73", "#d55e00"

COLOURS = (BLUE, ORANGE, GREEN)
GROUP_WIDTH = 0.8  # of the room of a group, for its bars
INCHES = (5.0, 4.2)  # smallest width, and height
GROUP_INCHES = 1.3  # at least; more where names are long
LETTER_INCHES = 0.1


@dataclass(frozen=True, slots=True)
class BarSeries:
    """Bars of one colour."""

    name: str
    estimates: tuple[Estimate | None, ...]  # of each group; None: no bar


def chart(draw: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Lets a function that draws do nothing where matplotlib is not installed, and say so once: tables say the same."""

    @wraps(draw)
    def drawn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        if can_draw():
            draw(*args, **kwargs)

    return drawn


@cache
def can_draw() -> bool:
    """Returns whether matplotlib is installed; says so, once, if it is not."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        log.info("charts are left out, as matplotlib is not installed: pip install matplotlib")
        return False
    return True


def short(name: str) -> str:
    """Returns the name, cut if it is long."""
    return name if len(name) <= NAME_LETTERS_MAX else name[: NAME_LETTERS_MAX - 1] + "…"


def percent(share: float, _: int | None) -> str:
    """Returns a share as people read it; the second argument is what matplotlib gives besides."""
    return f"{share:.0%}" if math.isclose(share * 100, round(share * 100), abs_tol=1e-6) else f"{share:.1%}"


def write_picture(figure: Figure, path: Path) -> None:
    """Writes a PNG file."""
    picture = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a script that no font here has: drawn as boxes
        figure.savefig(picture, format="png", dpi=DOTS_PER_INCH, bbox_inches="tight")
    write_atomically(path, picture.getvalue())


@chart
def bars_png(groups: Sequence[str], bars: Sequence[BarSeries], path: Path) -> None:
    """Draws bars, those of a group side by side, with their error bars, from 0 to 1.

    Raises:
        OutputRefused: it cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    names = [short(printable(group)) for group in groups]
    room = max(GROUP_INCHES, LETTER_INCHES * max(map(len, names)))
    figure = Figure(figsize=(max(INCHES[0], room * len(groups)), INCHES[1]), layout="constrained")
    panel = figure.subplots()
    width = GROUP_WIDTH / len(bars)
    for number, (series, colour) in enumerate(zip(bars, COLOURS, strict=False)):
        drawn = [(group, estimate) for group, estimate in enumerate(series.estimates) if estimate]
        if not drawn:
            continue
        places = [group + (number - (len(bars) - 1) / 2) * width for group, _ in drawn]
        values = [estimate.value for _, estimate in drawn]
        ends = [[e.value - e.low for _, e in drawn], [e.high - e.value for _, e in drawn]]
        panel.bar(places, values, width, yerr=np.maximum(ends, 0), color=colour, capsize=3, label=series.name)
    panel.set_ylim(0, 1.05)
    panel.set_xticks(range(len(names)), names, parse_math=False)
    panel.tick_params(labelsize=SMALL_PT)
    panel.yaxis.set_major_formatter(FuncFormatter(percent))
    panel.grid(axis="y", color="0.9")
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=len(bars), frameon=False, fontsize=TEXT_PT)
    write_picture(figure, path)
