"""`movietags evaluate`: how good the tags are where the truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger import process
from tagger.commands.console import STDOUT, bar, errors, messages, options, tagger_of

if TYPE_CHECKING:
    from tagger.evaluation import Evaluation

NAMED_MAX = 10  # lines about files that could not be used
BAR = "{desc}: {percentage:3.0f}%|{bar:20}| {n_fmt} of {total_fmt} pictures, {elapsed}<{remaining}, {rate_fmt}"


@click.group()
def evaluate() -> None:
    """How good the tags are, where the truth is known."""


@evaluate.command("images")
@click.argument("vocabulary", metavar="VOCAB")
@click.argument("folder", metavar="IMAGES", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.json",
              help="File for all figures, as JSON.")  # fmt: skip
@options("backbone", "weights", "batch_size", "quiet", "verbose")
def evaluate_images(folder: Path, output: Path | None, quiet: bool, verbose: bool, **chosen: Any) -> None:
    """Measure the tags of VOCAB (a name or a folder) on IMAGES, a folder with one sub-folder of pictures per tag.

    The sub-folders are named by slug (`movietags vocab show`); pictures may be nested below. A picture whose very
    bytes stand under two tags counts once under each, and either tag is right.
    """
    if output == STDOUT:
        raise click.UsageError("--output names a file: what goes to stdout is the table")
    messages(quiet, verbose)
    with errors(verbose):
        from tagger import evaluation
        from tagger.files import output_folder, write_atomically

        if output:
            output_folder(output.parent)  # refused now, before any picture is looked at
        tagger = tagger_of(chosen, quiet)
        with bar(quiet, desc=process.printable(folder.name), total=0, unit="", bar_format=BAR) as shown:

            def show(done: int, files: int) -> None:
                shown.total = files
                shown.update(done - shown.n)

            found = evaluation.evaluate(tagger, folder, show if shown is not None else None)
        if not quiet:
            _name_the_rest(found)
        if output:
            write_atomically(output, evaluation.as_json(found).encode())
        process.put(evaluation.as_table(found) + "\n")


def _name_the_rest(found: Evaluation) -> None:
    """What was not measured: folders that are no tags, and files that are no pictures."""
    if found.left_out:
        process.say(f"left out, no tags of {found.model.vocabulary}: {', '.join(found.left_out)}")
    for skipped in found.skipped[:NAMED_MAX]:
        process.say(f"{skipped.path}: {skipped.reason}")
    if len(found.skipped) > NAMED_MAX:
        process.say(f"and {len(found.skipped) - NAMED_MAX} more: {len(found.skipped)} skipped in all")
