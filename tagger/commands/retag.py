"""`movietags retag`: another vocabulary for films that were tagged."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagger import process
from tagger.commands import complete
from tagger.commands.console import FAILED, STDOUT, errors, fail, messages, options, stages
from tagger.errors import BadSettings
from tagger.text import printable, some

if TYPE_CHECKING:
    from tagger.batch.retag import Source, Target
    from tagger.retag import Retagger

NAMED_MAX = 10  # films, in a line


@click.command()
@click.argument("outs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="OUT...")
@click.option("--vocab", "names", multiple=True, required=True, metavar="VOCAB", shell_complete=complete.vocabulary,
              help="Name of a shipped vocabulary, or a vocabulary folder; may be repeated.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder for the new reports; of several vocabularies each has one in it.  [OUT-VOCAB]")  # fmt: skip
@click.option("--weights", type=click.Path(path_type=Path),
              help="File of the weights with which the films were tagged, where it was not the usual one.")  # fmt: skip
@click.option("--replace", is_flag=True, help="Write over reports that were changed by hand, too.")
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True, help="Rows of the table.")
@options("csv_for", "quiet", "verbose")
def retag(
    outs: tuple[Path, ...], names: tuple[str, ...], output: Path | None, weights: Path | None, replace: bool, top: int,
    csv_for: str, quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Rank the tags of other vocabularies for films that `movietags batch` has tagged into OUT; decode nothing.

    It asks the features that a batch keeps beside each report, and `movietags extract --keep-features` too. Shots and
    all that is known of a film stay; tags are as if the film were tagged with VOCAB, which must have a head for the
    network that made the features. OUT stays as it is; the new reports are in the same folders below OUT-VOCAB, or DIR.
    OUT may also be one report, NAME.tags.json: without -o its new tags are a table on stdout.
    """
    if output == STDOUT:
        raise click.UsageError("--output names a folder: of one report the table goes to stdout without it")
    messages(quiet, verbose)
    # What one film needs is small: numpy's threads would wait for each other, beside a batch most of the time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with errors(verbose):
        from tagger.batch.retag import Source, targets
        from tagger.retag import Networks, Retagger

        networks = Networks(weights)
        retaggers = [Retagger(name, networks) for name in names]
        if output is None and any(out.is_file() for out in outs):
            if not all(out.is_file() for out in outs):
                raise BadSettings("reports and folders at once: name a folder for the new reports with -o")
            failed = sum([_shown(out, retagger, top, quiet, verbose) for out in outs for retagger in retaggers])
        else:
            apart = len(outs) > 1 and output is not None
            sources = [Source.of(out) for out in outs]
            work = [
                (one, targets(one, retaggers, output, one.name if apart and one.several else "")) for one in sources
            ]
            places = [(to.folder, "" if one.several else one.name) for one, into in work for to in into]
            if len({*places}) < len(places):
                raise BadSettings("two folders or reports of one name: ask one after the other, each with its own -o")
            failed = sum([_run(source, into, replace, csv_for, quiet, verbose) for source, into in work])
    sys.exit(FAILED if failed else 0)


def _shown(report: Path, retagger: Retagger, top: int, quiet: bool, verbose: bool) -> int:
    """Shows the new tags of one report; how many films failed."""
    from tagger.errors import MovieTagsError
    from tagger.reports.kept import read_features
    from tagger.reports.table import as_table

    try:
        found = read_features(report)
        made = retagger.report(found.report, found.kept)
    except MovieTagsError as error:
        fail(str(error), verbose)
        return 1
    if not quiet:
        process.say(f"vocabulary {retagger.vocabulary.name}")
    process.put(as_table(made, top) + "\n")
    return 0


def _run(source: Source, into: list[Target], replace: bool, csv_for: str, quiet: bool, verbose: bool) -> int:
    """Writes the new reports of a source, and says how many; how many failed."""
    from tagger.batch import summary
    from tagger.batch.retag import Retagging

    begun = time.monotonic()
    with stages(quiet) as show:
        work = Retagging(source, into, replace, csv_for)
        work.run(lambda line: fail(line, verbose=False), lambda done, total: show(str(source.path), done, total))
    for target in into if not quiet else ():
        took_s = time.monotonic() - begun
        if others := work.others_in(target):
            process.say(
                f"{target.folder}: also has reports of films that are not in {source.path} now, {len(others)}: "
                f"{some(others, NAMED_MAX)}"
            )
        process.put(f"{printable(str(target.folder))}: {summary.counted(target.entries)} ({took_s:.1f} s)\n")
    return sum(target.failures for target in into)
