"""`movietags train`: a new vocabulary from folders of images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger import process, signals
from tagger.commands.console import errors, messages, options, stages
from tagger.settings import ACTIVATIONS
from tagger.text import of_all, printable, some_lines
from tagger.training.recipe import AUTO, FEATURES, INITS, SCHEDULES, STRATEGIES, WARPS

if TYPE_CHECKING:
    from tagger.training.result import TrainingResult

NAMED_MAX = 10  # lines about files that could not be used


def words(context: click.Context, option: click.Parameter, typed: str | None) -> tuple[str, ...] | None:
    """Returns what is named, separated by commas; "none" is nothing."""
    if typed is None:
        return None
    return tuple(part for part in map(str.strip, typed.split(",")) if part not in ("", "none"))


def numbers(context: click.Context, option: click.Parameter, typed: str | None) -> tuple[int, ...] | None:
    """Returns the whole numbers that are named, separated by commas."""
    named = words(context, option, typed)
    return named if named is None else tuple(int(click.INT(part, option, context)) for part in named)


# How a head is trained: each is a field of `tagger.training.recipe.Recipe`; None leaves it to the strategy.
RECIPE = (
    click.option("--activation", type=click.Choice(ACTIVATIONS), help="softmax: one tag excludes the others; "
                 "sigmoid: each tag by itself, a picture may stand in several folders.  [softmax]"),
    click.option("--epochs", type=int, help="At most so many.  [features 500, augment 30, fine-tune 15, scratch 60]"),
    click.option("--patience", type=int, help="Epochs without a better validation loss after which it stops; 0 never "
                 "does.  [features 20, augment 5, fine-tune 4, scratch 12]"),
    click.option("--batch-size", type=int, help="Pictures of a step.  "
                 "[features 512, augment 64, fine-tune 16, scratch 32]"),
    click.option("--learning-rate", type=float, help="Of AdamW.  [0.001; fine-tune 0.0001]"),
    click.option("--lr-schedule", type=click.Choice(SCHEDULES), help="How it falls.  [constant]"),
    click.option("--dropout", type=float, help="Share of what a dense layer sees that is left out.  [0.5]"),
    click.option("--weight-decay", type=float, help="Of AdamW.  [0.0001]"),
    click.option("--label-smoothing", type=float, help="[0]"),
    click.option("--hidden", callback=numbers, metavar="N[,N...]", help="Units of hidden layers.  [none]"),
    click.option("--batch-norm/--no-batch-norm", default=None, help="In the hidden layers.  [no]"),
    click.option("--init", type=click.Choice(INITS), help="Of the dense layers.  [glorot]"),
    click.option("--class-weights/--no-class-weights", default=None,
                 help="Rare tags count as much as common ones.  [yes]"),
    click.option("--augment", callback=words, metavar="KIND[,KIND...]", help=f"Changes of pictures: none, or some of "
                 f"{', '.join(WARPS)}.  [augment, fine-tune: all but vflip and warp]"),
    click.option("--unfreeze", type=int, help="Layers that fine-tuning trains, from the last.  [20]"),
)  # fmt: skip


def recipe_options(command: Any) -> Any:
    """Gives a command the options of a recipe."""
    for option in reversed(RECIPE):
        command = option(command)
    return command


@click.command()
@click.argument("roots", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGES...")
@click.option("--name", required=True, help="Of the new vocabulary.")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="Its folder.  [./NAME]")
@click.option("--strategy", type=click.Choice((*STRATEGIES, AUTO)), default=FEATURES, show_default=True,
              help="features: a head on what the backbone sees; augment: the same on changed pictures; fine-tune: "
                   "head and last layers; scratch: all from random numbers; auto: what suits the images.")  # fmt: skip
@click.option("--from-corrections", "corrected", type=click.Path(path_type=Path), multiple=True, metavar="REPORTS",
              help="Folder of reports: keyframes of films that a person put right are put into IMAGES first, under "
                   "their tags; may be repeated.")  # fmt: skip
@click.option("--limit-per-tag", type=int, help="Draws so many pictures of each tag.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of split, draw and training.")
@click.option("--folds", type=int, default=0, metavar="K", help="Cross-validates besides, with K heads more.")
@click.option("--test", "tests", type=click.Path(path_type=Path), multiple=True, metavar="OTHER_IMAGES",
              help="Folder of other images, to be asked about only; may be repeated.")  # fmt: skip
@click.option("--cache", type=click.Path(path_type=Path), help="Folder for features.  [this user's cache]")
@click.option("--resume", is_flag=True, help="Goes on with the training that was begun in the folder.")
@recipe_options
@options("backbone", "weights", "device", "quiet", "verbose")
def train(quiet: bool, verbose: bool, corrected: tuple[Path, ...], **chosen: Any) -> None:
    """Train a vocabulary NAME from IMAGES, folders with one sub-folder of pictures per tag.

    The folder that it writes serves `movietags extract --vocab`: labels, head, card, figures and, in training/, the
    record of the run. Ctrl-C ends the training with the best so far.
    """
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.training import run
        from tagger.training.result import TrainingRequest

        fields = TrainingRequest.__dataclass_fields__
        choices = tuple((name, value) for name, value in chosen.items() if name not in fields and value is not None)
        given = {name: value for name, value in chosen.items() if name in fields}
        given["out"] = given["out"] or Path(given["name"])
        with stages(quiet) as watch:
            if corrected:
                _gather(corrected, given["roots"][0], quiet)
            found = run.train(TrainingRequest(choices=choices, **given), watch)
        if not quiet:
            _name_the_rest(found)
        process.put(summary(found))
    sys.exit(signals.exit_code() if found.interrupted else 0)


def _gather(reports: tuple[Path, ...], images: Path, quiet: bool) -> None:
    """Puts the keyframes of films that were put right where the training finds them."""
    from tagger.training.corrected import gather

    count = gather(reports, images, process.say)
    if not quiet:
        process.say(f"{images}: {count} keyframes of films that were put right")


def _name_the_rest(found: TrainingResult) -> None:
    for line in some_lines([f"{file.path}: {file.reason}" for file in found.data.skipped], NAMED_MAX, "skipped"):
        process.say(line)
    if found.why:
        process.say(found.why)


def summary(found: TrainingResult) -> str:
    """Returns a few lines for people: what came out, and where it is."""
    run, figures, out = found.learned.run, found.figures, found.request.out
    lines = [f"{run.epochs} epochs, the best was number {run.best_epoch + 1} (ended by {run.ended})"]
    for title, one in (("test part", figures), ("cross-validation", found.folded)):
        if one:
            value, low, high = one.top1.value, one.top1.low, one.top1.high
            lines.append(
                f"{title}: first answer right for {value:.1%} ({low:.0%} to {high:.0%}) of {one.images} pictures"
            )
    for test in found.crossed:
        pictures = of_all(test.figures.images, test.others)
        lines.append(f"{test.folder}: first answer right for {test.figures.top1.value:.1%} of {pictures} pictures")
    command = f"movietags extract FILM --vocab {out}"
    if found.request.weights and found.learned.backbone is None:
        command += f" --weights {found.request.weights}"  # the head knows these numbers alone
    lines.append(printable(f"{out}: {command}"))
    return "\n".join(lines) + "\n"
