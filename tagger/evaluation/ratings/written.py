"""What people's ratings say, beside the source's figures: as text, JSON, CSV and a picture; and a sheet to fill in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tagger.errors import OutputRefused
from tagger.evaluation.plots import BarSeries, bars_png
from tagger.evaluation.ratings.figures import FilmFigures, Rated
from tagger.evaluation.ratings.table import COLUMNS, OPINION, RatedFilm, by_name, key
from tagger.files import output_folder, write_atomically
from tagger.measured import Estimate
from tagger.text import PEOPLE, PROGRAMS, TOOL, aligned, finite, json_text, printable, safe_cell, some, write_rows

SOURCE = "source, 10 trailers and 10 raters"
# Each figure: its field, what it is called, on the picture, and what the source found.
FIGURES = (
    ("mean_opinion", "1  mean opinion score", "mean opinion", 0.843),
    ("weighted_opinion", "2  the same, weighted by strength", "weighted", 0.778),
    ("map", "3  MAP, mean precision", "MAP", 0.76),
    ("mar", "3  MAR, mean recall", "MAR", 0.7422),
    ("f1", "3  F1", "F1", 0.75),
    ("ranked_ap", "   mean ranked AP", "ranked AP", None),
)
FILM_COLUMNS = tuple(FilmFigures.__dataclass_fields__)
FILM_TITLES = ("film", "tags", "judges", "opinion", "weighted", "choosers", "precision", "recall", "F1", "ranked AP")
NAMED_MAX = 10  # films, in a note


def as_table(rated: Rated) -> str:
    """Returns the figures beside the source's, and a line for each film, in percent."""
    rows = [("", "these ratings", "95 % interval", SOURCE)]
    for field, title, _, source in FIGURES:
        estimate: Estimate | None = getattr(rated, field)
        rows.append((title, _percent(estimate.value if estimate else None), _interval(estimate), _source(source)))
        rows += _by_confidence(rated) if field == "mean_opinion" else []
    for title, panel in (("raters agree on opinions", rated.opinions), ("raters agree on choices", rated.choices)):
        rows.append((f"   {title}", _percent(panel.agreement), "-", "-"))
    return "\n".join((_who(rated), aligned(rows), "", aligned([FILM_TITLES, *map(_film, rated.per_film)])))


def _by_confidence(rated: Rated) -> list[tuple[str, str, str, str]]:
    """The mean opinion scores of the sure tags and of the others; nothing where nobody says which are sure."""
    kinds = (("of the sure tags", rated.sure), ("of those not sure", rated.unsure))
    told = [(f"     {title}, {_count(said.opinions, 'opinion')}", said.mean) for title, said in kinds if said]
    return [(title, _percent(mean.value if mean else None), _interval(mean), "-") for title, mean in told]


def notes(rated: Rated) -> list[str]:
    """Returns what a reader of the figures should know besides, a line each."""
    said = []
    if rated.unrated:
        said.append(f"films without ratings: {len(rated.unrated)}: {some(rated.unrated, NAMED_MAX)}")
    if rated.left_out:
        said.append(
            f"opinions of tags that are not among the first {rated.top} of their film, no part of experiments 1 and 2: "
            f"{rated.left_out}"
        )
    if rated.missing:
        said.append(f"opinions that are missing, of raters who judged other tags of the film: {rated.missing}")
    estimates = [estimate for field, *_ in FIGURES if (estimate := getattr(rated, field))]
    if rated.mar and rated.mar.value == 1:
        said.append(
            "nobody chose a tag that was not extracted: unless raters chose from all tags, MAR and F1 say nothing"
        )
    if any(math.isnan(estimate.low) for estimate in estimates):
        said.append("figures without an interval: one needs ratings of two films and of two raters")
    if len(rated.models) > 1:
        said.append(f"the reports are of {len(rated.models)} models: the figures are of a mix")
    return said


def write(rated: Rated, folder: Path, csv_for: str = PROGRAMS) -> None:
    """Writes ratings.json (all there is to know), ratings.csv (a row for each film, for that reader) and ratings.png.

    Raises:
        OutputRefused: one cannot be written.
    """
    output_folder(folder)
    write_rows(folder / "ratings.csv", FILM_COLUMNS, map(_cells, rated.per_film), csv_for)
    shown = [(name, getattr(rated, field), source) for field, _, name, source in FIGURES if source]
    ours = BarSeries("these ratings", tuple(estimate for _, estimate, _ in shown))
    theirs = BarSeries(SOURCE, tuple(Estimate(source, math.nan, math.nan) for _, _, source in shown))
    bars_png([name for name, _, _ in shown], (ours, theirs), folder / "ratings.png")
    write_atomically(folder / "ratings.json", as_json(rated).encode())


def as_json(rated: Rated) -> str:
    """Returns the figures as JSON text, their fields named as in `Rated`, those of the source as `source`."""
    source = {field: value for field, _, _, value in FIGURES if value}
    return json_text({**TOOL, **finite(asdict(rated)), "source": source})


def write_blank(films: Sequence[RatedFilm], top: int, path: Path, csv_for: str = PROGRAMS) -> int:
    """Writes a table for raters to fill in, and returns its number of rows: one for each extracted tag.

    They are in the order of the alphabet; that of strength would tell raters what to think. As people open it, it has
    the mark by which Excel knows UTF-8 in any case.

    Raises:
        OutputRefused: something is there already, which may be somebody's work; or it cannot be written.
    """
    if path.exists():
        raise OutputRefused(f"{path}: is there already, and may be filled in: name another file")
    places, rows = by_name(films), []
    for film in films:
        name = film.name if len(places[key(film.name)]) == 1 else str(film.report)
        rows += [(safe_cell(name), "", slug, OPINION, "") for slug in sorted(tag.slug for tag in film.extracted(top))]
    write_rows(path, COLUMNS, rows, PEOPLE if csv_for == PROGRAMS else csv_for)
    return len(rows)


def _who(rated: Rated) -> str:
    judged, chosen = rated.opinions, rated.choices
    size = "" if rated.tags_chosen is None else f", {rated.tags_chosen:.1f} tags each"
    return (
        f"up to {rated.top} tags extracted from each film; opinions of {_count(judged.raters, 'rater')} on "
        f"{_count(judged.films, 'film')}, choices of {_count(chosen.raters, 'rater')} on "
        f"{_count(chosen.films, 'film')}{size}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _film(film: FilmFigures) -> tuple[str, ...]:
    return (
        printable(film.film),
        str(len(film.extracted)),
        str(film.judges),
        *map(_percent, (film.mean_opinion, film.weighted_opinion)),
        str(film.choosers),
        *map(_percent, (film.precision, film.recall, film.f1, film.ranked_ap)),
    )


def _cells(film: FilmFigures) -> tuple[object, ...]:
    """Of `FILM_COLUMNS`; what is unknown is empty."""
    cells = asdict(film)
    cells |= {"film": safe_cell(film.film), "report": safe_cell(film.report), "extracted": " ".join(film.extracted)}
    return tuple(cells.values())


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _interval(estimate: Estimate | None) -> str:
    if estimate is None or math.isnan(estimate.low):
        return "-"
    return f"{estimate.low:.1%} to {estimate.high:.1%}"


def _source(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.4g}%"  # as it is printed there
