"""`movietags evaluate ratings`: what people say of the tags, beside what they said in the source paper."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from tagger import process
from tagger.commands.console import STDOUT, errors, messages, options
from tagger.errors import BadRatings
from tagger.text import some_lines

TOP = 5  # tags that count as extracted; how many the source had is not known
FAULTS_MAX = 20  # lines about rows that cannot be used


@click.command("ratings")
@click.argument("reports", nargs=-1, required=True, metavar="REPORTS...", type=click.Path(path_type=Path))
@click.option("--ratings", "table", type=click.Path(path_type=Path), metavar="FILE.csv",
              help="What raters said: columns film,rater,tag,kind,value.")  # fmt: skip
@click.option("--blank", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.csv",
              help="Writes such a table for raters to fill in with their opinions, and does nothing else.")  # fmt: skip
@click.option("--top", type=click.IntRange(1), default=TOP, show_default=True, metavar="K",
              help="Tags of each film that count as extracted.")  # fmt: skip
@click.option("--scale", type=float, nargs=2, default=(0.0, 1.0), show_default=True, metavar="LOW HIGH",
              help="Opinions that mean wrong and right, such as 1 5.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Folder for ratings.json (all figures), ratings.csv (a row per film) and ratings.png.")  # fmt: skip
@options("csv_for", "quiet", "verbose")
def ratings(
    reports: tuple[Path, ...], table: Path | None, blank: Path | None, top: int, scale: tuple[float, float],
    output: Path | None, csv_for: str, quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Measure the tags in REPORTS (files NAME.tags.json, or folders that hold them) by what people say of them.

    \b
    film,rater,tag,kind,value
    chase.mp4,anna,Car chase,opinion,1   an extracted tag is right (0: wrong; or in between)
    chase.mp4,anna,Weapon,chosen,1       a tag chosen from the whole vocabulary

    Opinions give the mean opinion score, plain, of sure tags and of others (where reports say which are), and weighted
    by strength; choices give MAP, MAR and F1. The source's figures stand beside. Begin with --blank, which writes the
    rows of the extracted tags.
    """
    if (table is None) == (blank is None):
        raise click.UsageError("name a table with --ratings, or a file to be made with --blank")
    if STDOUT in (output, blank):
        raise click.UsageError("--output and --blank name a place of their own: what goes to stdout is the table")
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.evaluation.ratings import figures, written
        from tagger.evaluation.ratings.table import read_films, read_ratings
        from tagger.files import output_folder

        if output:
            output_folder(output)  # refused now, before anything is read
        films = read_films(reports)
        if table is None:
            rows = written.write_blank(films, top, cast(Path, blank), csv_for)
            if not quiet:
                process.say(f"{blank}: {rows} rows, to be filled in by each rater: 1 is right, 0 is wrong")
            return
        try:
            found = figures.measure(read_ratings(table, films, scale), top)
        except BadRatings as error:
            _name(table, error.faults)
            raise
        for note in () if quiet else written.notes(found):
            process.say(note)
        if output:
            written.write(found, output, csv_for)
        process.put(written.as_table(found) + "\n")


def _name(table: Path, faults: tuple[str, ...]) -> None:
    """What is wrong with the rows of a table."""
    for line in some_lines(faults, FAULTS_MAX):
        process.say(f"{table}: {line}")
