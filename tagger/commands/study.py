"""`movietags study`: choices of training compared on one's own images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger import process, signals
from tagger.commands.console import FAILED, errors, messages, stages
from tagger.commands.train import numbers, train, words

if TYPE_CHECKING:
    from tagger.training.result import TrainingRequest
    from tagger.training.studies.comparison import Study

# What is the same here as for `train`.
TRAINING = (
    "roots", "limit_per_tag", "seed", "cache", "activation", "epochs", "patience", "batch_size", "learning_rate",
    "lr_schedule", "dropout", "weight_decay", "label_smoothing", "hidden", "batch_norm", "init", "class_weights",
    "device", "quiet", "verbose",
)  # fmt: skip
ONE_BACKBONE = (*TRAINING, "backbone", "weights")
INIT = tuple(name for name in ONE_BACKBONE if name not in ("epochs", "patience", "hidden", "batch_norm", "init"))
output_option = click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="Folder for table.csv, results.json (all there is to know) and chart.png.")  # fmt: skip


def of_train(names: tuple[str, ...]) -> list[click.Parameter]:
    """Returns the options of `train` with these names."""
    return [option for option in train.params if option.name in names]


def named(context: click.Context, option: click.Parameter, typed: str) -> tuple[tuple[str, Path | None], ...]:
    """Returns the names of backbones, separated by commas, with the files that are named after "="."""
    parts = (part.partition("=") for part in words(context, option, typed) or ())
    return tuple((name.strip(), Path(file) if file else None) for name, _, file in parts)


@click.group()
def study() -> None:
    """Compare choices of training on your own images: folders with one sub-folder of pictures per tag."""


@study.command(params=of_train(TRAINING))
@click.option("--backbones", "compared", required=True, callback=named, metavar="NAME[=WEIGHTS][,...]",
              help="Which, as of `movietags models list`; a file of weights may follow.")  # fmt: skip
@click.option("--folds", type=int, default=10, show_default=True, help="Of the cross-validation.")
@output_option
def backbones(compared: tuple[tuple[str, Path | None], ...], output: Path | None, quiet: bool, verbose: bool,
              **chosen: Any) -> None:  # fmt: skip
    """Compare backbones on IMAGES: a head on the fixed features of each, cross-validated on the same folds.

    A backbone that cannot be used is named, the others go on. Ctrl-C ends it with those that are done.
    """
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.training.studies import backbones

        _make_room(output)
        named = [backbones.Named(*pair) for pair in compared]
        with stages(quiet) as watch:
            result = backbones.backbones(_request(chosen), named, watch)
        for line in result.failed:
            process.say(f"error: {line}")
        _deliver(result, "backbones", output)
    _leave(result.interrupted, bool(result.failed))


@study.command(params=of_train(ONE_BACKBONE))
@click.option("--folds", type=int, default=5, show_default=True, help="Of the cross-validation within each folder.")
@output_option
def cross(output: Path | None, quiet: bool, verbose: bool, **chosen: Any) -> None:
    """Train on some of several data sets and test on another, for the tags that all of them have.

    Each IMAGES is a data set, tested in turn by a head of all others and by heads of its own (cross-validated): the
    drop is what pictures from elsewhere cost. Near copies never stand on both sides.
    """
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.training.studies import cross

        _make_room(output)
        with stages(quiet) as watch:
            result = cross.cross(_request(chosen), watch)
        _deliver(result, "cross", output)
    _leave(result.interrupted)


@study.command("init", params=of_train(INIT))
@click.option("--seeds", type=int, default=3, show_default=True, help="Heads of each kind.")
@click.option("--hidden", callback=numbers, default="256,256", show_default=True, metavar="N[,N...]",
              help="Units of hidden layers.")  # fmt: skip
@click.option("--epochs", type=int, default=30, show_default=True, help="Just so many.")
@output_option
def initialisations(seeds: int, output: Path | None, quiet: bool, verbose: bool, **chosen: Any) -> None:
    """Compare the numbers a head with hidden layers begins with: zeros, small, glorot, he; with and without batch norm.

    Zeros do not learn at all; batch norm helps where they are too small.
    """
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.training.studies import init

        _make_room(output)
        with stages(quiet) as watch:
            result = init.initialisations(_request(chosen), seeds, watch)
        _deliver(result, "init", output)
    _leave(result.interrupted)


def _request(chosen: dict[str, Any]) -> TrainingRequest:
    """What is to be trained; nothing is written to `out`."""
    from tagger.training.result import TrainingRequest

    fields = TrainingRequest.__dataclass_fields__
    choices = tuple((name, value) for name, value in chosen.items() if name not in fields and value is not None)
    given = {name: value for name, value in chosen.items() if name in fields}
    return TrainingRequest(name="study", out=Path(), choices=choices, **given)


def _make_room(output: Path | None) -> None:
    """Refuses a folder that cannot be written before any work is done."""
    if output:
        from tagger.files import output_folder

        output_folder(output)


def _deliver(result: Study, kind: str, output: Path | None) -> None:
    from tagger.training.studies import comparison

    if not result.rows():
        process.say("nothing was done that could be shown")
        return
    if output:
        comparison.write(result, kind, output)
    process.put(result.text() + "\n")


def _leave(interrupted: bool, failed: bool = False) -> None:
    sys.exit(signals.exit_code() if interrupted else FAILED if failed else 0)
