"""What was found in a library, as a table on the terminal, as CSV and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tagger.records import SURE
from tagger.text import PROGRAMS, TOOL, aligned, csv_text, finite, json_text, moment, of_all, printable, safe_cell
from tagger.vocabulary import slug

if TYPE_CHECKING:
    from pathlib import Path

    from tagger.library.overview import Stats
    from tagger.library.search import Found, FoundFilm, FoundShot
    from tagger.library.similar import Similar

SEEN_TAGS = 10  # of each vocabulary, in the table


def films_table(found: Found[FoundFilm]) -> str:
    """Returns a line for each film: path, confidence of each tag, shots that have it among their first three."""
    rows = []
    for film in found.first:
        each = zip(map(_share, film.confidences), map(str, film.shots), strict=True)
        rows.append((printable(film.path), *(cell for pair in each for cell in pair), moment(film.duration_s)))
    header = ("film", *(cell for tag in found.tags for cell in (printable(tag), "shots")), "length")
    sure = sum(film.confidence is not None and film.confidence >= SURE for film in found.first)
    return _table(header, rows, _counted(found, "film") + f", sure in {sure} of these" * bool(rows))


def shots_table(found: Found[FoundShot]) -> str:
    """Returns a line for each shot: path, when, probability of each tag."""
    rows = [
        (printable(shot.path), moment(shot.start_s), moment(shot.end_s), *map(_share, shot.probabilities))
        for shot in found.first
    ]
    return _table(("film", "from", "to", *map(printable, found.tags)), rows, _counted(found, "shot"))


def similar_table(answer: Similar) -> str:
    """Returns a line for each film: path, likeness, first tags."""
    rows = [(printable(film.path), _share(film.likeness), printable(", ".join(film.tags))) for film in answer.films]
    return _table(("film", "alike", "tags"), rows, f"by {printable(answer.by)}, of {answer.compared} other films")


def stats_table(answer: Stats, library: Path) -> str:
    """Returns lines of what is in a library, and the tags of each vocabulary that are seen most."""
    vocabularies = ", ".join(f"{printable(name)} {count}" for name, count in answer.vocabularies.items()) or "none"
    lines = [
        ("library", printable(f"{library}, {answer.size_bytes / 1e6:.1f} MB")),
        ("films", f"{answer.films} ({answer.with_features} with features)"),
        ("hours", f"{answer.duration_s / 3600:.1f}"),
        ("shots", f"{answer.shots}"),
        ("vocabularies", vocabularies),
    ]
    blocks = ["\n".join(f"{name:<14}{text}" for name, text in lines)]
    for name in answer.vocabularies:
        seen = [tag for tag in answer.tags if tag.vocabulary == name][:SEEN_TAGS]
        cells = [(printable(tag.tag), str(tag.sure), str(tag.films), str(tag.shots)) for tag in seen]
        blocks.append(aligned([(f"tags of {printable(name)}", "sure", "films", "shots"), *cells]))
    return "\n\n".join(blocks)


def films_rows(found: Found[FoundFilm]) -> tuple[list[str], list[list[Any]]]:
    """Returns the films as a table for programs."""
    own = [f"{kind}_{slug(tag) or tag}" for tag in found.tags for kind in ("confidence", "shots")]
    rows = [
        [film.film, film.path, film.duration_s, film.confidence,
         *(cell for pair in zip(film.confidences, film.shots, strict=True) for cell in pair)]
        for film in found.first
    ]  # fmt: skip
    return ["film", "path", "duration_s", "confidence", *own], rows


def shots_rows(found: Found[FoundShot]) -> tuple[list[str], list[list[Any]]]:
    """Returns the shots as a table for programs."""
    own = [f"probability_{slug(tag) or tag}" for tag in found.tags]
    rows = [
        [shot.film, shot.path, shot.shot, shot.start_s, shot.end_s, shot.probability, *shot.probabilities]
        for shot in found.first
    ]
    return ["film", "path", "shot", "start_s", "end_s", "probability", *own], rows


def similar_rows(answer: Similar) -> tuple[list[str], list[list[Any]]]:
    """Returns the films as a table for programs."""
    rows = [[film.film, film.path, film.duration_s, film.likeness, film.tags] for film in answer.films]
    return ["film", "path", "duration_s", "likeness", "tags"], rows


def stats_rows(answer: Stats) -> tuple[list[str], list[list[Any]]]:
    """Returns the tags as a table for programs."""
    return ["vocabulary", "tag", "sure", "films", "shots"], [list(asdict(tag).values()) for tag in answer.tags]


def as_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]], csv_for: str = PROGRAMS) -> str:
    """Returns a table as CSV that no spreadsheet computes; of a list, with "; " between."""
    return csv_text(list(map(safe_cell, columns)), ([_cell(cell) for cell in row] for row in rows), csv_for)


def as_json(name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], **about: Any) -> str:
    """Returns a table as JSON: a record for each row, after what is to be known about all."""
    records = [dict(zip(columns, map(_plain, row), strict=True)) for row in rows]
    return json_text(finite({**TOOL, **about, name: records}))


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return safe_cell("; ".join(map(str, value)))
    value = _plain(value)
    return safe_cell(value) if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _counted(found: Found[Any], what: str) -> str:
    counted = of_all(len(found.first), found.total - len(found.first))
    return f"{counted if found.total else 'no'} {what}{'' if found.total < 2 else 's'}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], last: str) -> str:
    return "\n".join([*([aligned([header, *rows])] if rows else []), last])
