"""`movietags extract`: films in, tables or files out."""

from __future__ import annotations

import sys
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
@click.option("--replace", is_flag=True, help="With -o, write over reports that were changed by hand, too.")
@click.option("--keep-features", is_flag=True,
              help="With -o DIR, keep the features of keyframes beside the report, for `movietags retag`.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit code 1 also for a film that is cut off or damaged.")
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True, help="Rows of the table.")
@options("csv_for", *TAGGING, "quiet", "verbose")
def extract(
    films: tuple[Path, ...], output: Path | None, replace: bool, keep_features: bool, strict: bool, top: int,
    csv_for: str, quiet: bool, verbose: bool, **chosen: Any,
) -> None:  # fmt: skip
    """Rank the tags of each FILM: a table on stdout, files with -o.

    A FILM may also be numbered pictures: a folder of them, or a pattern in quotes, 'scan_%06d.dpx'.
    """
    begun: float | None = process.began()
    if output == STDOUT and len(films) > 1:
        raise click.UsageError("-o - writes the report of one film: name one, or a folder")
    if keep_features and output in (None, STDOUT):
        raise click.UsageError("--keep-features keeps them beside the report: name its folder with -o")
    messages(quiet, verbose)
    failed = 0
    with errors(verbose), _held(output):
        target = _target(output, replace, top, csv_for)
        engine = engine_of(chosen, quiet)
        for film in films:
            try:
                target.check(film)
                with progress_of(film, quiet) as progress:
                    report, kept = engine.extract_with_features(film, progress, begun)
                for warning in () if quiet else report.warnings:
                    process.say(f"{film}: {warning}")
                for path in target.write(film, report, kept.body() if keep_features else None):
                    if not quiet:
                        process.say(f"wrote {path}")
                failed += strict and report.status != "ok"
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


class _Shown:
    """Shows reports as tables on stdout."""

    def __init__(self, top: int) -> None:
        self._top = top

    def check(self, film: Path) -> None:
        """Takes any film."""

    def write(self, film: Path, report: TagReport, features: bytes | None = None) -> tuple[Path, ...]:
        from tagger.reports.table import as_table

        process.put(as_table(report, self._top) + "\n")
        return ()


class _Printed(_Shown):
    """Puts the JSON of a report on stdout."""

    def write(self, film: Path, report: TagReport, features: bytes | None = None) -> tuple[Path, ...]:
        from tagger.reports.formats import JSON

        process.put(JSON.body(report))
        return ()


class _Kept(_Shown):
    """Puts reports into a folder, too; one that cannot be written is refused now, before any decoding."""

    def __init__(self, folder: Path, replace: bool, top: int, csv_for: str) -> None:
        from tagger.reports.folder import Folder

        super().__init__(top)
        self._folder = Folder(folder, replace, csv_for)

    def check(self, film: Path) -> None:
        self._folder.check(film)

    def write(self, film: Path, report: TagReport, features: bytes | None = None) -> tuple[Path, ...]:
        written = self._folder.write(film, report, features)
        super().write(film, report)
        return written


def _target(output: Path | None, replace: bool, top: int, csv_for: str) -> _Shown:
    """Where reports go."""
    if output is None:
        return _Shown(top)
    return _Printed(top) if output == STDOUT else _Kept(output, replace, top, csv_for)
