"""`movietags export`: reports that were made before, in other formats."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tagger import process
from tagger.commands.beside import say_sidecars, sidecars_asked
from tagger.commands.console import FAILED, STDOUT, errors, fail, messages, options, stages
from tagger.reports.nfo import FORMAT as NFO
from tagger.text import printable


@click.command()
@click.argument("reports", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="REPORT...")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT",
              help="Folder for the files; - writes one report in one format to stdout.")  # fmt: skip
@click.option("--replace", is_flag=True, help="Write over files that were changed by hand, too.")
@click.option("--corrections/--no-corrections", "corrected", default=True, show_default=True,
              help="Heed NAME.corrections.json beside a report: what a person put right on its page.")  # fmt: skip
@click.option("--remove", is_flag=True, help="nfo: take our tags out of the sidecars again.")
@options("formats", "min_score", "csv_for", "quiet", "verbose")
def export(
    reports: tuple[Path, ...], output: Path | None, replace: bool, corrected: bool, remove: bool,
    names: tuple[str, ...], min_score: float | None, csv_for: str, quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Write each REPORT, NAME.tags.json, or all reports below a folder, in other formats; read no film.

    Files are named as those of `movietags extract -o`; those of a folder are in the same folders below OUT, which may
    be this folder itself. Keyframes are in html where they were kept beside the report (`movietags batch`, `movietags
    extract --keep-features`). nfo needs no OUT: it is for what lies beside the films.
    """
    if not names:
        with errors(verbose):
            sidecars_asked(names, min_score, remove)  # what is of sidecars alone says so itself
        raise click.UsageError("name what to write with --format: csv, html, parquet, otio, ...")
    if output == STDOUT and (len(reports) > 1 or len({*names}) > 1 or reports[0].is_dir() or NFO in names):
        raise click.UsageError("-o - writes one report in one format: name one, or a folder")
    if output is None and {*names} != {NFO}:
        raise click.UsageError("name a folder for the files with -o")
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.batch.export import body, named_reports
        from tagger.reports.formats import usable

        names, sidecars = sidecars_asked(names, min_score, remove, corrected)
        names = usable(names)
        if output == STDOUT:
            process.put(body(reports[0], names[0], csv_for, corrected))
            return
        found = named_reports(reports)
        failed = _files(found, output, names, replace, csv_for, corrected, quiet) if output and names else 0
        if sidecars:
            for file in found.values():
                sidecars.renew(file)
        failed += say_sidecars(sidecars, quiet)
    sys.exit(FAILED if failed else 0)


def _files(
    found: dict[str, Path], output: Path, names: tuple[str, ...], replace: bool, csv_for: str, corrected: bool,
    quiet: bool,
) -> int:  # fmt: skip
    """Writes reports in formats that have files of their own; how many cannot be."""
    from tagger.batch.export import Exporting

    with stages(quiet) as show:
        work = Exporting(output, names, replace, csv_for, corrected)
        lines: list[str] = []
        failed = work.run(found, lines.append, lambda done, total: show(str(output), done, total))
    for line in lines:
        fail(line, verbose=False)
    if not quiet:
        right = f", {work.put_right} of them put right by hand" if work.put_right else ""
        process.put(f"{printable(str(output))}: {len(found) - failed} of {len(found)} reports written{right}\n")
    return failed
