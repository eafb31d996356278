"""`movietags extract`: films in, tables or files out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger import process
from tagger.commands.console import (
    FAILED,
    HOPELESS,
    STDOUT,
    TAGGING,
    engine_of,
    errors,
    fail,
    messages,
    options,
    progress_of,
)
from tagger.errors import MovieTagsError

if TYPE_CHECKING:
    from tagger.records import TagReport


@click.command()
@click.argument("films", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILM...")
@click.option("-o", "--output", type=click.Path(path_type=Path),
              help="Folder for NAME.tags.json and NAME.tags.csv; - writes the JSON of one film to stdout.")  # fmt: skip
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True, help="Rows of the table.")
@options("csv_for", *TAGGING, "quiet", "verbose")
def extract(
    films: tuple[Path, ...], output: Path | None, top: int, csv_for: str, quiet: bool, verbose: bool, **chosen: Any
) -> None:
    """Rank the tags of each FILM: a table on stdout, files with -o.

    A FILM may also be numbered pictures: a folder of them, or a pattern in quotes, 'scan_%06d.dpx'.
    """
    begun: float | None = process.began()
    if output == STDOUT and len(films) > 1:
        raise click.UsageError("-o - writes the report of one film: name one, or a folder")
    messages(quiet, verbose)
    failed = 0
    with errors(verbose), _held(output):
        write = _writer(output, top, csv_for)
        engine = engine_of(chosen, quiet)
        for film in films:
            try:
                with progress_of(film, quiet) as progress:
                    report = engine.extract(film, progress, begun)
                for warning in () if quiet else report.warnings:
                    process.say(f"{film}: {warning}")
                write(film, report)
            except HOPELESS:
                raise
            except MovieTagsError as error:
                fail(str(error), verbose)
                failed += 1
            except Exception as error:  # the one broad net: a defect costs this film, not the others
                fail(f"{film}: {type(error).__name__}: {error} (a defect of movietags: -v shows where)", verbose)
                failed += 1
            begun = None
    sys.exit(FAILED if failed else 0)


def _held(output: Path | None) -> AbstractContextManager[object]:
    """Holds the folder of the reports, as a batch of one part does: either could overwrite what the other writes."""
    if output is None or output == STDOUT:
        return nullcontext()
    from tagger.batch.plan import Shard, hold

    return hold(output, Shard())


def _writer(output: Path | None, top: int, csv_for: str) -> Callable[[Path, TagReport], None]:
    """What to do with a report; a folder that cannot be written is refused now, before any decoding."""
    from tagger.reports.table import as_table

    def show(film: Path, report: TagReport) -> None:
        process.put(as_table(report, top) + "\n")

    if output is None:
        return show
    from tagger.reports.folder import Folder
    from tagger.reports.formats import JSON

    if output == STDOUT:
        return lambda film, report: process.put(JSON.body(report))
    folder = Folder(output, csv_for)

    def write(film: Path, report: TagReport) -> None:
        folder.write(film, report)
        show(film, report)

    return write
