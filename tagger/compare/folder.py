"""How far films agree, as the files of a folder: JSON, CSV and a chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from tagger.compare.agreement import Agreement
from tagger.compare.charts import compared_png, pairs_png
from tagger.compare.pairs import PairsAgreement
from tagger.compare.tables import compared_csv, pairs_csv
from tagger.errors import OutputRefused
from tagger.files import output_folder
from tagger.text import PROGRAMS, TOOL, write_json

COMPARED = ("compared.json", "compared.csv", "compared.png")
PAIRS = ("pairs.json", "pairs.csv", "pairs.png")


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


def write(agreement: Agreement, top: int, folder: Path, csv_for: str = PROGRAMS) -> None:
    """Writes compared.json (all there is to know), compared.csv (a row per tag) and compared.png into `folder`.

    Args:
        agreement: is written.
        top: the chart has the tags that either film has among so many first.
        folder: is there.
        csv_for: who reads the CSV, of `tagger.text.DIALECTS`.

    Raises:
        OutputRefused: one cannot be written.
    """
    to_json, to_csv, to_png = (folder / name for name in COMPARED)
    write_json(to_json, {**TOOL, **asdict(agreement)})
    compared_csv(agreement, to_csv, csv_for)
    compared_png(agreement, top, to_png)


def write_pairs(pairs: PairsAgreement, folder: Path, csv_for: str = PROGRAMS) -> None:
    """Writes pairs.json (all there is to know), pairs.csv (a row per pair) and pairs.png into `folder`.

    Raises:
        OutputRefused: one cannot be written.
    """
    to_json, to_csv, to_png = (folder / name for name in PAIRS)
    write_json(to_json, {**TOOL, **asdict(pairs)})
    pairs_csv(pairs, to_csv, csv_for)
    pairs_png(pairs, to_png)


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):  # one of them is not there, or no name of a file
        return False
