"""What all commands share: their options, the progress bar, what they say, and the exit codes of errors."""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger import process
from tagger.commands import complete
from tagger.errors import BadSettings, MovieTagsError, OutputLocked, SetupError, StdoutGone
from tagger.settings import (
    AUTO,
    DEFAULT_BACKBONE,
    DEFAULT_DEVICE,
    DEFAULT_VOCABULARY,
    DETECTORS,
    HWACCELS,
    MIN_ENTROPY_BITS,
    MIN_SHOT_S,
    PRECISIONS,
    SCANS,
    Settings,
)
from tagger.text import DIALECTS, PROGRAMS, printable

if TYPE_CHECKING:
    from tagger.pipeline import Engine
    from tagger.records import FilmProgress

FAILED, MISUSED, LOCKED = 1, 2, 75  # exit codes; the last is EX_TEMPFAIL
HOPELESS = (SetupError, StdoutGone)  # after one of these no other film can do better
STDOUT = Path("-")
FILM_BAR = "{desc}: {percentage:3.0f}%|{bar:20}| {n:.0f} of {total:.0f} s of film, {elapsed}<{remaining}{postfix}"
STAGE_BAR = "{desc}: {percentage:3.0f}%|{bar:20}| {n_fmt} of {total_fmt}, {elapsed}<{remaining}"
BAR_LETTERS = 40  # of a film's name
BAR_STEP_S = 0.1  # tqdm redraws at most this often

# Every option that more than one command has. Those that choose how to tag are named as the field of `Settings`.
OPTIONS = {
    "backbone": click.option(
        "--backbone", default=DEFAULT_BACKBONE, show_default=True, shell_complete=complete.backbone,
        help="auto (inceptionv3 where Keras has its weights, efficientnet-lite0 where pip has brought its own, else "
             "compact), compact (embedded), inceptionv3, ...: see `movietags models list`."),
    "weights": click.option(
        "--weights", type=click.Path(path_type=Path), help="File of weights for the backbone."),
    "vocabulary": click.option(
        "--vocab", "vocabulary", default=DEFAULT_VOCABULARY, show_default=True, shell_complete=complete.vocabulary,
        help="Name of a shipped vocabulary, or a vocabulary folder."),
    "stream": click.option(
        "--stream", type=int, metavar="N",
        help="Which stream of the file holds the pictures, from 0; by default the largest that moves."),
    "scan": click.option(
        "--scan", type=click.Choice(SCANS), default=SCANS[0], show_default=True,
        help="full decodes every frame; fast decodes key frames and what is needed between them, or the frames that "
             "others need where the film's key frames say too little; auto is fast for long films."),
    "detector": click.option(
        "--detector", type=click.Choice(DETECTORS), default=DETECTORS[0], show_default=True,
        help="How shot boundaries are found: learned is ours, the others are PySceneDetect's."),
    "min_shot_s": click.option(
        "--min-shot", "min_shot_s", type=float, default=MIN_SHOT_S, show_default=True, metavar="SECONDS",
        help="Shorter shots are not split off."),
    "min_entropy_bits": click.option(
        "--min-entropy", "min_entropy_bits", type=float, default=MIN_ENTROPY_BITS, show_default=True, metavar="BITS",
        help="Keyframes with less in them (black, titles) do not vote; 0 keeps all."),
    "batch_size": click.option(
        "--batch-size", default="auto", show_default=True, metavar="auto|N",
        callback=lambda context, option, typed: None if typed == "auto" else click.INT.convert(typed, option, context),
        help="Pictures per call of the network."),
    "device": click.option(
        "--device", default=DEFAULT_DEVICE, show_default=True, metavar="auto|cpu|gpu|gpu:N",
        help="Where the networks of Keras run: on a GPU in Keras; all others run on the processor."),
    "precision": click.option(
        "--precision", type=click.Choice(PRECISIONS), default=AUTO, show_default=True,
        help="How the network is computed: auto is float32, on a GPU half precision; int8 is faster on the processor "
             "and changes some tags."),
    "hwaccel": click.option(
        "--hwaccel", default=HWACCELS[0], show_default=True, metavar="none|auto|NAME",
        help="Hardware that decodes the film in a full scan: cuda, ... as `movietags info` lists them; "
             "none, the processor, is faster for one film in most cases."),
    "rate": click.option(
        "--rate", type=float, metavar="FPS",
        help="Frames a second of numbered pictures (scan_%06d.dpx, or a folder of them) and of raw streams; "
             "other films have times.  [24 for pictures]"),
    "formats": click.option(
        "--format", "names", multiple=True, metavar="FORMAT", shell_complete=complete.formats,
        help="What each report is written as, beside its JSON; may be repeated: csv (a row per tag, and one per shot), "
             "json (all that is known; it is read again by other commands), html (a page to look at, with keyframes), "
             "parquet (the tables of csv, typed, for pandas and DuckDB), otio (shots on a timeline, for editing), "
             "nfo (tags in the sidecars that Kodi and Jellyfin have beside the film), or one that another package "
             "adds.  [csv]"),
    "min_score": click.option(
        "--min-score", type=click.FloatRange(0, 1), metavar="SCORE",
        help="nfo: the tags of at least this score, in place of those that are sure."),
    "csv_for": click.option(
        "--csv-for", type=click.Choice(tuple(DIALECTS)), default=PROGRAMS, show_default=True,
        help="Who reads the CSV: excel has the mark by which Excel knows accents, excel-semicolon also has ; between "
             "cells and a comma in numbers, as Excel wants it in German, French, ..."),
    "quiet": click.option(
        "-q", "--quiet", is_flag=True, help="No progress and no messages, only results and errors."),
    "verbose": click.option(
        "-v", "--verbose", is_flag=True, help="Say more, with tracebacks."),
}  # fmt: skip
# Those of every command that tags films.
TAGGING = (
    "backbone", "weights", "vocabulary", "stream", "rate", "scan", "detector", "min_shot_s", "min_entropy_bits",
    "batch_size", "device", "precision", "hwaccel",
)  # fmt: skip


def options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Returns what gives a command these options of `OPTIONS`, in this order."""
    return lambda command: reduce(lambda made, name: OPTIONS[name](made), reversed(names), command)


def engine_of(chosen: dict[str, Any], quiet: bool) -> Engine:
    """Returns the engine of these `Settings`, and says in one line what it is, in another what would be better."""
    from tagger.pipeline import Engine

    engine = Engine(Settings(**chosen))
    if not quiet:
        process.say(engine.describe())
        if advice := engine.advice():
            process.say(advice)
    return engine


@contextmanager
def bar(quiet: bool, **look: Any) -> Iterator[Any]:
    """Gives a tqdm bar of this look, or None with -q and where stderr is no terminal."""
    if quiet or not (sys.stderr and sys.stderr.isatty()):
        yield None
        return
    from tqdm import tqdm

    with tqdm(mininterval=BAR_STEP_S, leave=False, **look) as made:
        yield made


@contextmanager
def progress_of(film: Path, quiet: bool, position: int = 0) -> Iterator[FilmProgress | None]:
    """Gives what moves a bar in seconds of film, with the speed as a multiple of real time; None as `bar` gives it."""
    name = printable(film.name)
    shown_name = name if len(name) <= BAR_LETTERS else name[: BAR_LETTERS - 1] + "…"
    with bar(quiet, desc=shown_name, total=0.0, bar_format=FILM_BAR, position=position) as shown:
        begun = time.monotonic()

        def show(time_s: float, length_s: float | None) -> None:
            shown.total = max(length_s or 0.0, time_s)
            shown.set_postfix_str(f"{time_s / (time.monotonic() - begun):.0f} x real time", refresh=False)
            shown.update(time_s - shown.n)

        yield show if shown is not None else None


@contextmanager
def stages(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Gives what moves a bar for each kind of work: its name, how much of it is done, and how much there is."""
    with bar(quiet, total=0, bar_format=STAGE_BAR) as shown:

        def show(name: str, done: int, total: int) -> None:
            if shown is None:
                return
            if done < shown.n:
                shown.reset(total)
            shown.total = total
            shown.set_description_str(name, refresh=False)
            shown.update(done - shown.n)

        yield show


@contextmanager
def errors(verbose: bool = False) -> Iterator[None]:
    """Turns an error into its one line and the exit code of its kind."""
    try:
        yield
    except MovieTagsError as error:
        fail(str(error), verbose)
        sys.exit(LOCKED if isinstance(error, OutputLocked) else MISUSED if isinstance(error, BadSettings) else FAILED)


def messages(quiet: bool, verbose: bool) -> None:
    """Sends messages of this package to stderr; those of other libraries only with -v."""
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    others = logging.WARNING if verbose else logging.CRITICAL
    logging.basicConfig(format="movietags: %(message)s", level=others)
    logging.getLogger("tagger").setLevel(level)
    if not verbose:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def refuse_to_overwrite(output: Path | None, read: Iterable[Path], what: str = "the report") -> None:
    """Refuses an output file that is stdout, a film, or one of the files that are read.

    Args:
        output: the file.
        read: these.
        what: they are called.

    Raises:
        UsageError: it is.
    """
    if output == STDOUT:
        raise click.UsageError("--output names a file: --format alone writes to stdout")
    if output is None or not os.path.lexists(output):
        return
    from tagger.batch.find import SUFFIXES

    if output.suffix.lower() in SUFFIXES:
        raise click.UsageError(f"--output {output} is a film: name another file")
    for path in read:
        with suppress(OSError):  # where one is not there they are two
            if not path.is_dir() and output.samefile(path):
                raise click.UsageError(f"--output {output} is {what} itself: name another file")


def fail(message: str, verbose: bool) -> None:
    """Says what went wrong, with -v also where."""
    if verbose:
        traceback.print_exc()
    process.say(f"error: {message}")
