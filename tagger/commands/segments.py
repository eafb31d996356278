"""`movietags segments`: where in a film a tag is."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagger import process
from tagger.commands.console import STDOUT, errors, messages, options

if TYPE_CHECKING:
    from tagger.segments import Segments

FORMATS = ("csv", "json", "vtt", "edl")


@click.command()
@click.argument("report", metavar="REPORT", type=click.Path(path_type=Path))
@click.option("--tag", "names", multiple=True, metavar="TAG",
              help="Name or slug of a tag; can be given several times.  [every tag that a shot carries]")  # fmt: skip
@click.option("--threshold", type=float, default=0.0, show_default=True, metavar="P",
              help="A shot carries those of its up to three tags that are at least so probable.")  # fmt: skip
@click.option("--max-gap", "max_gap_s", type=float, default=0.0, show_default=True, metavar="SECONDS",
              help="Segments no farther apart are joined.")  # fmt: skip
@click.option("--min-duration", "min_duration_s", type=float, default=0.0, show_default=True, metavar="SECONDS",
              help="Shorter segments are dropped, after joining.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help=f"File for the segments; its ending (.{', .'.join(FORMATS)}) says in which format.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(FORMATS),
              help="Format of FILE, whatever its ending; without FILE, of stdout in place of the table.")  # fmt: skip
@options("quiet", "verbose")
def segments(report: Path, names: tuple[str, ...], threshold: float, max_gap_s: float, min_duration_s: float,
             output: Path | None, form: str | None, quiet: bool, verbose: bool) -> None:  # fmt: skip
    """Show the time ranges of a film that carry a tag: runs of neighbouring shots, from its REPORT, NAME.tags.json.

    \b
    csv, json  all that is known of each segment
    vtt        WebVTT chapters for players; where several tags hold, a chapter names them all
    edl        CMX 3600 for editing programs: timecodes count the film's frames, at its rate rounded to a whole number
    """
    _refuse_to_overwrite(report, output)
    form = form or _format_of(output)
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.files import output_folder, regular_file, write_atomically
        from tagger.reports.json_report import read_report
        from tagger.reports.segment_tables import as_table
        from tagger.segments import Rule, find

        if output:
            output_folder(output.parent)
        rule = Rule(threshold, max_gap_s, min_duration_s)
        found = find(read_report(regular_file(report)), names, rule)
        body = _written(found, form) if form else b""
        if not quiet:
            _caution(found, form)
        if output:
            write_atomically(output, body)
        process.put(body.decode() if form and not output else as_table(found) + "\n")


def _format_of(output: Path | None) -> str | None:
    """The format that the name of a file stands for; None: no file."""
    if output is None:
        return None
    form = output.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        raise click.UsageError(f"--output {output}: name a file that ends in .{', .'.join(FORMATS)}, or say --format")
    return form


def _refuse_to_overwrite(report: Path, output: Path | None) -> None:
    if output == STDOUT:
        raise click.UsageError("--output names a file: --format alone writes to stdout")
    with suppress(OSError):  # where one is not there they are two
        if output and output.samefile(report):
            raise click.UsageError(f"--output {output} is the report itself: name another file")


def _written(found: Segments, form: str) -> bytes:
    from tagger.reports import edl, segment_tables, vtt

    writers = {
        "csv": segment_tables.as_csv,
        "json": segment_tables.as_json,
        "vtt": vtt.as_vtt,
        "edl": edl.as_edl,
    }
    return writers[form](found).encode("utf-8", "backslashreplace")


def _caution(found: Segments, form: str | None) -> None:
    """Says which tags cannot be found, and what an EDL cannot say."""
    from tagger.reports.edl import cautions

    for tag in found.tags:
        if not tag.trained:
            process.say(f"{tag.tag}: never trained in {found.report.model.vocabulary}, so it is not found anywhere")
    for caution in cautions(found) if form == "edl" else ():
        process.say(caution)
