"""The `movietags` command: parse -> Settings -> call -> echo. The only file for click, tqdm and exit codes."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger import __version__, process
from tagger.errors import (
    BadSettings,
    BadVocabulary,
    BadWeights,
    LibraryMissing,
    MovieTagsError,
    StdoutGone,
    WeightsMissing,
)
from tagger.settings import (
    BATCH_SIZE,
    DEFAULT_BACKBONE,
    DEFAULT_VOCABULARY,
    DETECTORS,
    MIN_ENTROPY_BITS,
    MIN_SHOT_S,
    Settings,
)

if TYPE_CHECKING:
    from tagger.pipeline import Progress, Tagger
    from tagger.records import TagReport

FAILED, MISUSED = 1, 2  # exit codes
# After one of these no other film can do better.
HOPELESS = (BadVocabulary, BadWeights, WeightsMissing, LibraryMissing, StdoutGone)
STDOUT = Path("-")
BAR = "{desc}: {percentage:3.0f}%|{bar:20}| {n:.0f} of {total:.0f} s of film, {elapsed}<{remaining}{postfix}"
BAR_STEP_S = 0.1  # tqdm redraws at most this often


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="movietags")
def cli() -> None:
    """What is this film about, and where in it? Ranked tags for films and trailers, offline."""


def main() -> None:
    """Runs the command; a missing system library is one line, not a traceback."""
    if not any(re.fullmatch(r"--verbose|-\w*v\w*", word) for word in sys.argv):
        process.silence_native_code()
    try:
        cli(prog_name="movietags")
    except SystemExit as done:
        process.leave(done.code if isinstance(done.code, int) else FAILED)
    except ImportError as error:
        if ".so" not in str(error) and "DLL" not in str(error):
            raise
        process.say(
            f"error: a system library is missing ({error}). On Debian or Ubuntu: apt-get install libgl1 libglib2.0-0"
        )
        process.leave(FAILED)


# The options of every command that tags films, in one place.
TAGGING = (
    click.option("--backbone", default=DEFAULT_BACKBONE, show_default=True,
                 help="compact (embedded), inceptionv3, ...: see `movietags models list`."),
    click.option("--weights", type=click.Path(path_type=Path), help="File of weights for the backbone."),
    click.option("--vocab", default=DEFAULT_VOCABULARY, show_default=True,
                 help="Name of a shipped vocabulary, or a vocabulary folder."),
    click.option("--detector", type=click.Choice(DETECTORS), default="adaptive", show_default=True,
                 help="How shot boundaries are found."),
    click.option("--min-shot", type=float, default=MIN_SHOT_S, show_default=True, metavar="SECONDS",
                 help="Shorter shots are not split off."),
    click.option("--min-entropy", type=float, default=MIN_ENTROPY_BITS, show_default=True, metavar="BITS",
                 help="Keyframes with less in them (black, titles) do not vote; 0 keeps all."),
    click.option("--batch-size", type=int, default=BATCH_SIZE, show_default=True,
                 help="Pictures per call of the network."),
)  # fmt: skip


def tagging_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options of `TAGGING`, in their order."""
    return reduce(lambda made, option: option(made), reversed(TAGGING), command)


@cli.command()
@click.argument("films", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILM...")
@click.option("-o", "--output", type=click.Path(path_type=Path),
              help="Folder for NAME.tags.json and NAME.tags.csv; - writes the JSON of one film to stdout.")  # fmt: skip
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True, help="Rows of the table.")
@tagging_options
@click.option("-q", "--quiet", is_flag=True, help="No progress and no messages, only results and errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more, with tracebacks.")
def extract(films: tuple[Path, ...], output: Path | None, top: int, quiet: bool, verbose: bool, **options: Any) -> None:
    """Rank the tags of each FILM: a table on stdout, files with -o."""
    begun: float | None = process.began()
    if output == STDOUT and len(films) > 1:
        raise click.UsageError("-o - writes the report of one film: name one, or a folder")
    _logging(quiet, verbose)
    with _errors(verbose):
        write = _writer(output, top)
        tagger = _tagger(options, quiet)
    failed = 0
    for film in films:
        try:
            with _progress(film, quiet) as progress:
                report = tagger.extract(film, progress=progress, since=begun)
            for warning in () if quiet else report.warnings:
                process.say(f"{film}: {warning}")
            write(film, report)
        except (
            BadVocabulary,
            BadWeights,
            WeightsMissing,
            LibraryMissing,
            StdoutGone,
        ) as error:  # no film can do better
            _fail(str(error), verbose)
            sys.exit(FAILED)
        except MovieTagsError as error:
            _fail(str(error), verbose)
            failed += 1
        except Exception as error:  # the one broad net: a defect costs this film, not the others
            _fail(f"{film}: {type(error).__name__}: {error} (a defect of movietags: -v shows where)", verbose)
            failed += 1
        begun = None
    sys.exit(FAILED if failed else 0)


@cli.command()
def info() -> None:
    """Versions, processor, decoders, weights: what to paste into a bug report."""
    from tagger.diagnosis import facts

    for name, value in facts():
        click.echo(f"{name:<14} {value}")


@cli.group()
def vocab() -> None:
    """The vocabularies that come with movietags."""


@vocab.command("list")
def vocab_list() -> None:
    """Each vocabulary, its number of tags and the backbones it has heads for."""
    from tagger.diagnosis import vocabularies

    with _errors():
        click.echo("\n".join(vocabularies()))


@vocab.command("show")
@click.argument("name", default=DEFAULT_VOCABULARY)
def vocab_show(name: str) -> None:
    """The tags of a vocabulary (a name or a folder), and which of them its heads were trained on."""
    from tagger.diagnosis import tags

    with _errors():
        click.echo("\n".join(tags(name)))


@cli.group()
def models() -> None:
    """The networks that can look at frames, and their weights."""


@models.command("list")
def models_list() -> None:
    """Each backbone: input size, features, weights, and whether they are here."""
    from tagger.diagnosis import networks

    with _errors():
        click.echo("\n".join(networks()))


@models.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def models_fetch(names: tuple[str, ...]) -> None:
    """Download weights into Keras's cache (set MOVIETAGS_WEIGHTS_URL for a mirror)."""
    from tagger import weights
    from tagger.architectures import EMBEDDED, named

    _logging(quiet=False, verbose=False)
    with _errors():
        for name in names:
            click.echo(f"{name}: embedded" if name == EMBEDDED else weights.fetch(named(name).with_top, name))


@models.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME...]")
def models_verify(names: tuple[str, ...]) -> None:
    """Check weights against their published checksums: those named, or all that are here."""
    from tagger import arrays, weights
    from tagger.architectures import EMBEDDED, common, named
    from tagger.backbone import EMBEDDED_ARRAYS

    with _errors():
        if not names or EMBEDDED in names:
            arrays.load(EMBEDDED_ARRAYS)
            click.echo(f"{EMBEDDED}: ok")
        for made in [named(name) for name in names if name != EMBEDDED] or ([] if names else common()):
            here = [file for file in made.files if file.path.is_file()]
            for file in here or (made.files[:1] if names else ()):
                click.echo(f"{made.name}: {weights.verify(file)} ({file.path})")


def _tagger(options: dict[str, Any], quiet: bool) -> Tagger:
    """The tagger that the options ask for, and one line that says what it is."""
    from tagger.pipeline import Tagger

    tagger = Tagger(
        Settings(
            backbone=options["backbone"],
            weights=options["weights"],
            vocabulary=options["vocab"],
            detector=options["detector"],
            min_shot_s=options["min_shot"],
            min_entropy_bits=options["min_entropy"],
            batch_size=options["batch_size"],
        )
    )
    if not quiet:
        process.say(tagger.describe())
    return tagger


def _writer(output: Path | None, top: int) -> Callable[[Path, TagReport], None]:
    """What to do with a report; a folder that cannot be written is refused now, before any decoding."""
    from tagger.reports.folder import Folder
    from tagger.reports.json_report import as_json
    from tagger.reports.table import as_table

    if output == STDOUT:
        return lambda film, report: process.put(as_json(report))
    folder = Folder(output) if output else None

    def write(film: Path, report: TagReport) -> None:
        if folder:
            folder.write(film, report)
        process.put(as_table(report, top) + "\n")

    return write


@contextmanager
def _progress(film: Path, quiet: bool) -> Iterator[Progress | None]:
    """A bar in seconds of film with the speed as a multiple of real time; on a terminal only."""
    if quiet or not (sys.stderr and sys.stderr.isatty()):
        yield None
        return
    from tqdm import tqdm

    bar = tqdm(desc=process.printable(film.name), total=0.0, bar_format=BAR, mininterval=BAR_STEP_S, leave=False)
    begun = time.monotonic()

    def show(time_s: float, length_s: float | None) -> None:
        bar.total = max(length_s or 0.0, time_s)
        bar.set_postfix_str(f"{time_s / (time.monotonic() - begun):.0f} x real time", refresh=False)
        bar.update(time_s - bar.n)

    with bar:
        yield show


@contextmanager
def _errors(verbose: bool = False) -> Iterator[None]:
    """Turns an error into its one line and the exit code of its kind."""
    try:
        yield
    except MovieTagsError as error:
        _fail(str(error), verbose)
        sys.exit(MISUSED if isinstance(error, BadSettings) else FAILED)


def _logging(quiet: bool, verbose: bool) -> None:
    """Messages of the library go to stderr; TensorFlow's chatter only with -v."""
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    logging.basicConfig(format="movietags: %(message)s", level=logging.WARNING)
    logging.getLogger("tagger").setLevel(level)
    if not verbose:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _fail(message: str, verbose: bool) -> None:
    if verbose:
        traceback.print_exc()
    process.say(f"error: {message}")
