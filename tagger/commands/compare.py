"""`movietags compare`: how far the tags of a trailer agree with those of its film."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagger import process
from tagger.commands.console import FAILED, STDOUT, errors, fail, messages, options
from tagger.errors import MovieTagsError

if TYPE_CHECKING:
    from tagger.compare.agreement import Agreement
    from tagger.compare.pairs import PairAgreement

TOP = 10


@click.command()
@click.argument("reports", nargs=-1, type=click.Path(path_type=Path), metavar="[A.json B.json]")
@click.option("--pairs", type=click.Path(path_type=Path), metavar="PAIRS.csv",
              help="Compare many: a table with columns a and b, and perhaps name.")  # fmt: skip
@click.option("--top", type=click.IntRange(min=1),
              help=f"Tags of each film in table and chart; not with --pairs.  [default: {TOP}]")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Folder for compared.json, .csv and .png; with --pairs for pairs.json, .csv and .png.")  # fmt: skip
@options("csv_for", "quiet", "verbose")
def compare(
    reports: tuple[Path, ...], pairs: Path | None, top: int | None, output: Path | None, csv_for: str,
    quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Compare the tags of two films, such as a trailer (A) and its film (B): shared tags and rank agreement.

    A and B are reports, NAME.tags.json as `movietags extract -o` writes them, over the same tags. Those without
    weight in a film are none of its first, and all share its last rank. Kendall's tau-b is 1 where both films rank
    the tags alike, 0 where the ranks have nothing to do with each other, -1 where one is the other upside down.
    Where both reports say how sure their tags are, the tags that both films are sure of are named, and those of one.

    Paths in PAIRS.csv are relative to its folder. A pair that cannot be compared is named, the others go on.
    """
    if len(reports) != (0 if pairs else 2) or (pairs and top):
        raise click.UsageError("name two reports, or --pairs with no report and no --top")
    if output == STDOUT:
        raise click.UsageError("--output names a folder: what goes to stdout is the table")
    messages(quiet, verbose)
    failed = 0
    with errors(verbose):
        if pairs:
            failed = _many(pairs, output, csv_for, quiet, verbose)
        else:
            _two(reports[0], reports[1], top or TOP, output, csv_for, quiet)
    sys.exit(FAILED if failed else 0)


def _two(a: Path, b: Path, top: int, output: Path | None, csv_for: str, quiet: bool) -> None:
    from tagger.compare import agreement, tables

    if output:
        from tagger.compare import folder  # which loads what draws charts

        folder.make_room(output, folder.COMPARED, (a, b))
    compared = agreement.compare_files(a, b)
    _warn("", compared, quiet)
    if output:
        folder.write(compared, top, output, csv_for)
    process.put(tables.as_table(compared, top) + "\n")


def _many(table: Path, output: Path | None, csv_for: str, quiet: bool, verbose: bool) -> int:
    """Compares the films of each row; returns how many rows failed."""
    from tagger.compare import pairs, tables

    rows = pairs.read_pairs(table)
    if output:
        from tagger.compare import folder  # which loads what draws charts

        inputs = [table, *(path for row in rows for path in (row.a, row.b) if path)]
        folder.make_room(output, folder.PAIRS, inputs)
    done: list[PairAgreement] = []
    for row in rows:
        where = f"{table}: row {row.row}: "
        try:
            done.append(pairs.compare_pair(row))
        except MovieTagsError as error:
            fail(f"{where}{error}", verbose)
        else:
            _warn(where, done[-1].agreement, quiet)
    if done:
        compared = pairs.PairsAgreement.of(done)
        if output:
            folder.write_pairs(compared, output, csv_for)
        process.put(tables.as_pairs_table(compared) + "\n")
    return len(rows) - len(done)


def _warn(where: str, agreement: Agreement, quiet: bool) -> None:
    """What differs besides the films, and what cannot be said."""
    for note in () if quiet else agreement.notes():
        process.say(f"{where}{note}")
