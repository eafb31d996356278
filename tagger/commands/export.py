"""`movietags export`: reports that were made before, in other formats."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tagger import process
from tagger.commands.console import FAILED, STDOUT, errors, fail, messages, options, stages
from tagger.text import printable


@click.command()
@click.argument("reports", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="REPORT...")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="OUT",
              help="Folder for the files; - writes one report in one format to stdout.")  # fmt: skip
@click.option("--replace", is_flag=True, help="Write over files that were changed by hand, too.")
@click.option("--corrections/--no-corrections", "corrected", default=True, show_default=True,
              help="Heed NAME.corrections.json beside a report: what a person put right on its page.")  # fmt: skip
@options("formats", "csv_for", "quiet", "verbose")
def export(
    reports: tuple[Path, ...], output: Path, replace: bool, corrected: bool, names: tuple[str, ...], csv_for: str,
    quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Write each REPORT, NAME.tags.json, or all reports below a folder, in other formats; read no film.

    Files are named as those of `movietags extract -o`; those of a folder are in the same folders below OUT, which may
    be this folder itself. Keyframes are in html where they were kept beside the report (`movietags batch`, `movietags
    extract --keep-features`).
    """
    if not names:
        raise click.UsageError("name what to write with --format: csv, html, parquet, otio, ...")
    if output == STDOUT and (len(reports) > 1 or len({*names}) > 1 or reports[0].is_dir()):
        raise click.UsageError("-o - writes one report in one format: name one, or a folder")
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.batch.export import Exporting, body, named_reports
        from tagger.reports.formats import usable

        names = usable(names)
        if output == STDOUT:
            process.put(body(reports[0], names[0], csv_for, corrected))
            return
        found = named_reports(reports)
        with stages(quiet) as show:
            work = Exporting(output, names, replace, csv_for, corrected)
            lines: list[str] = []
            failed = work.run(found, lines.append, lambda done, total: show(str(output), done, total))
        for line in lines:
            fail(line, verbose=False)
        if not quiet:
            right = f", {work.put_right} of them put right by hand" if work.put_right else ""
            process.put(f"{printable(str(output))}: {len(found) - failed} of {len(found)} reports written{right}\n")
    sys.exit(FAILED if failed else 0)
