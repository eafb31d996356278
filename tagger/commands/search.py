"""`movietags study search`: which numbers a training should have."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tagger import process, signals
from tagger.commands.console import FAILED, errors, messages, stages
from tagger.commands.train import train

# What is the same here as for `train`.
SHARED = (
    "roots", "limit_per_tag", "seed", "cache", "activation", "epochs", "patience", "batch_size", "learning_rate",
    "lr_schedule", "dropout", "weight_decay", "label_smoothing", "hidden", "init", "class_weights",
    "backbone", "weights", "device", "quiet", "verbose",
)  # fmt: skip
NAME = "NAME"  # of the vocabulary, in the command line that comes out


@click.command(params=[option for option in train.params if option.name in SHARED])
@click.option("--method", type=click.Choice(("random", "grid")), default="random", show_default=True,
              help="How trials are spread.")  # fmt: skip
@click.option("--trials", type=click.IntRange(1), default=40, show_default=True, metavar="N",
              help="Two thirds over the whole ranges, one third around the best.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1), metavar="N",
              help="Processes, each with one thread.  [the processor's cores]")  # fmt: skip
@click.option("--folds", type=int, default=0, metavar="K",
              help="Judges by K folds of all but the test part, not by one validation part.")  # fmt: skip
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder for the trials as CSV and JSON.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Goes on with the search that was begun in the folder.")
def search(
    quiet: bool,
    verbose: bool,
    method: str,
    trials: int,
    jobs: int | None,
    out: Path | None,
    resume: bool,
    **chosen: Any,
) -> None:
    """Search the numbers that suit IMAGES: learning rate, hidden layers, dropout, weight decay, label smoothing.

    What is given (--dropout 0.5) is the same in all trials. They are judged by the validation part; the winner and
    the usual recipe are then asked about the test part. The last line trains the winner. Ctrl-C ends the search with
    what it has found.
    """
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.training.fit import INTERRUPTED
        from tagger.training.result import TrainingRequest
        from tagger.training.studies import search, searched

        fields = TrainingRequest.__dataclass_fields__
        choices = tuple((name, value) for name, value in chosen.items() if name not in fields and value is not None)
        given = {name: value for name, value in chosen.items() if name in fields}
        training = TrainingRequest(name=NAME, out=Path(NAME), choices=choices, **given)
        request = searched.SearchRequest(training, method == "grid", trials, jobs or process.cores(), out, resume)
        with stages(quiet) as watch:
            result = search.search(request, watch)
        process.put(searched.as_table(result))
        if result.ended:
            process.say(result.ended)
    if result.ended:
        sys.exit(signals.exit_code() if result.ended == INTERRUPTED else FAILED)
