"""How far films agree, as people and programs want it: tables on the terminal, CSV, JSON and charts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.compare.agreement import TOPS, Agreement, Average, PairsAgreement, shared_of
from tagger.errors import OutputRefused
from tagger.evaluation.plots import BLUE, COLOURS, ORANGE, SMALL_PT, TEXT_PT, VERMILION, chart, short, write_picture
from tagger.files import output_folder, write_atomically
from tagger.text import aligned, printable, safe_cell, write_rows
from tagger.version import __version__

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COMPARED = ("compared.json", "compared.csv", "compared.png")
PAIRS = ("pairs.json", "pairs.csv", "pairs.png")
COLUMNS = (
    "tag", "slug", "rank_a", "rank_b", "score_a", "score_b", "difference", "weight_a", "weight_b", "trained",
)  # fmt: skip
PAIR_COLUMNS = ("row", "name", "film_a", "film_b", *(f"shared_{first}" for first in TOPS), "tau_b")
UNDEFINED = "-"
CHARTED_MAX = 40  # tags or pairs in a chart
WIDTH_INCHES, ROW_INCHES, REST_INCHES = 8.0, 0.36, 1.5
BARS_WIDTH = 0.8  # of the room of a row
TICK = 0.5  # of tau-b


def as_table(found: Agreement, top: int) -> str:
    """Returns a title, the shared tags, tau-b, and a line for each tag that either film has among its first `top`.

    A tag that a film does not have at all has no rank there.
    """
    lines = [f"A {found.a}, B {found.b}"]
    for shared in (shared_of(found.tags, first) for first in sorted({*TOPS, top})):
        count = f"shared of the first {shared.first} or fewer: {len(shared.slugs)} of {shared.possible}"
        lines.append(f"{count}{': ' if shared.slugs else ''}{printable(', '.join(shared.slugs))}")
    lines.append(f"Kendall's tau-b over {found.ranked} trained tags: {_shown(found.tau_b)}")
    rows = [
        (
            printable(tag.tag),
            str(tag.rank_a) if tag.weight_a else UNDEFINED,
            f"{tag.score_a:.2f}",
            str(tag.rank_b) if tag.weight_b else UNDEFINED,
            f"{tag.score_b:.2f}",
            f"{tag.difference:+.2f}",
        )
        for tag in found.top(top)
    ]
    header = ("tag", "rank A", "score A", "rank B", "score B", "B - A")
    return "\n".join([*lines, aligned([header, *rows]) if rows else "no tag has any weight"])


def as_pairs_table(found: PairsAgreement) -> str:
    """Returns a title, a line for each pair, and the means with their standard deviations."""
    pairs = "1 pair" if len(found.pairs) == 1 else f"{len(found.pairs)} pairs"
    title = f"{pairs}: tags shared of the first {', '.join(map(str, TOPS))} or fewer, and Kendall's tau-b"
    rows = [
        (printable(pair.name), *(str(len(shared.slugs)) for shared in one.shared), _shown(one.tau_b))
        for pair, one in ((pair, pair.agreement) for pair in found.pairs)
    ]
    header = ("pair", *(average.what for average in found.averages))
    means = ("mean ± deviation", *map(_mean, found.averages))
    return f"{title}\n{aligned([header, *rows, means])}"


def make_room(folder: Path, names: Iterable[str], inputs: Sequence[Path]) -> None:
    """Makes the folder if it is missing.

    Args:
        folder: for the files.
        names: of the files.
        inputs: which none of them may replace.

    Raises:
        OutputRefused: nothing can be written in it, or one of the files is an input.
    """
    output_folder(folder)
    for path in (folder / name for name in names):
        if any(_same(path, other) for other in inputs):
            raise OutputRefused(f"{path}: is read, and would be replaced: name another folder with -o")


def write(found: Agreement, top: int, folder: Path) -> None:
    """Writes compared.json (all there is to know), compared.csv (a row per tag) and compared.png into `folder`.

    Args:
        found: is written.
        top: the chart has the tags that either film has among so many first.
        folder: is there.

    Raises:
        OutputRefused: one cannot be written.
    """
    to_json, to_csv, to_png = (folder / name for name in COMPARED)
    _write_json(asdict(found), to_json)
    rows = (
        (
            *map(safe_cell, (tag.tag, tag.slug)),
            tag.rank_a if tag.weight_a else None,  # without weight it was not found: its rank says nothing
            tag.rank_b if tag.weight_b else None,
            *(getattr(tag, name) for name in COLUMNS[4:-1]),
            str(tag.trained).lower(),
        )
        for tag in found.tags
    )
    write_rows(to_csv, COLUMNS, rows)
    compared_png(found, top, to_png)


def write_pairs(found: PairsAgreement, folder: Path) -> None:
    """Writes pairs.json (all there is to know), pairs.csv (a row per pair) and pairs.png into `folder`.

    Raises:
        OutputRefused: one cannot be written.
    """
    to_json, to_csv, to_png = (folder / name for name in PAIRS)
    _write_json(asdict(found), to_json)
    rows = (
        (
            pair.row,
            *map(safe_cell, (pair.name, pair.agreement.a.name, pair.agreement.b.name)),
            *(len(shared.slugs) for shared in pair.agreement.shared),
            pair.agreement.tau_b,
        )
        for pair in found.pairs
    )
    write_rows(to_csv, PAIR_COLUMNS, rows)
    pairs_png(found, to_png)


@chart
def compared_png(found: Agreement, top: int, path: Path) -> None:
    """Draws the scores of the tags that either film has among its first `top`, at most the 40 strongest.

    Raises:
        OutputRefused: it cannot be written.
    """
    either = found.top(top)
    tags = either[:CHARTED_MAX]
    figure = _figure(len(tags))
    panel = figure.subplots()
    _bars(panel, [[tag.score_a for tag in tags], [tag.score_b for tag in tags]], (BLUE, ORANGE))
    _rows(panel, [tag.tag for tag in tags])
    panel.set_xlim(0, 1)
    cut = "" if len(tags) == len(either) else f" (the {len(tags)} strongest of {len(either)})"
    label = f"score of the first {top} tags of either film{cut}" if tags else "no tag has any weight"
    panel.set_xlabel(label, size=TEXT_PT)
    panel.set_title(f"Kendall's tau-b {_shown(found.tau_b)}", loc="left", size=TEXT_PT)
    names = [f"{side}: {short(printable(film.name))}" for side, film in (("A", found.a), ("B", found.b))]
    _legend(figure, names, (BLUE, ORANGE))
    write_picture(figure, path)


@chart
def pairs_png(found: PairsAgreement, path: Path) -> None:
    """Draws the shared tags and tau-b of each pair, at most the first 40, with the mean of tau-b.

    Raises:
        OutputRefused: it cannot be written.
    """
    from matplotlib.ticker import MultipleLocator

    pairs = [pair.agreement for pair in found.pairs[:CHARTED_MAX]]
    figure = _figure(len(pairs))
    left, right = figure.subplots(1, 2, sharey=True)
    counts = [[len(one.shared[place].slugs) for one in pairs] for place in range(len(TOPS))]
    _bars(left, counts, COLOURS)
    _rows(left, [pair.name for pair in found.pairs[:CHARTED_MAX]])
    left.set_xlim(0, max(TOPS))
    cut = "" if len(pairs) == len(found.pairs) else f" (the first {len(pairs)} of {len(found.pairs)} pairs)"
    left.set_xlabel(f"shared tags{cut}", size=TEXT_PT)
    _bars(right, [[one.tau_b or 0.0 for one in pairs]], (VERMILION,))
    right.axvline(0, color="black", linewidth=1)
    right.xaxis.set_major_locator(MultipleLocator(TICK))
    right.set_xlim(-1 if any((one.tau_b or 0) < 0 for one in pairs) else 0, 1)
    for place in (place for place, one in enumerate(pairs) if one.tau_b is None):
        right.text(0, place, " undefined", va="center", size=SMALL_PT)
    average = found.averages[-1]
    if average.mean is not None:
        right.axvline(average.mean, color="black", linestyle="--", linewidth=1)
    right.set_xlabel(f"Kendall's tau-b (mean {_mean(average)})", size=TEXT_PT)
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


def _write_json(facts: dict[str, Any], path: Path) -> None:
    document = {"tool": {"version": __version__}, **facts}
    write_atomically(path, json.dumps(document, indent=1, allow_nan=False).encode() + b"\n")


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):  # one of them is not there, or no name of a file
        return False


def _mean(average: Average) -> str:
    if average.mean is None:
        return UNDEFINED
    return f"{average.mean:.2f}" + ("" if average.deviation is None else f" ± {average.deviation:.2f}")


def _shown(tau_b: float | None) -> str:
    return UNDEFINED if tau_b is None else f"{tau_b:.2f}"
