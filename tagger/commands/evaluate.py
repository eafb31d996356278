"""`movietags evaluate`: how good tags and shots are where the truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger import process
from tagger.commands import complete
from tagger.commands.console import STDOUT, bar, engine_of, errors, messages, options, progress_of
from tagger.settings import Settings
from tagger.text import printable, some_lines

if TYPE_CHECKING:
    from tagger.evaluation.images import Evaluation
    from tagger.evaluation.shots import Truth
    from tagger.records import FilmProgress, Shot

NAMED_MAX = 10  # lines about files that could not be used
BAR = "{desc}: {percentage:3.0f}%|{bar:20}| {n_fmt} of {total_fmt} pictures, {elapsed}<{remaining}, {rate_fmt}"
TOLERANCE_MAX = 1000  # frames; half a minute is farther than any two boundaries can be of one change


@click.group()
def evaluate() -> None:
    """How good tags and shots are, where the truth is known."""


@evaluate.command("images")
@click.argument("vocabulary", metavar="VOCAB", shell_complete=complete.vocabulary)
@click.argument("folder", metavar="IMAGES", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.json",
              help="File for all figures, as JSON.")  # fmt: skip
@options("backbone", "weights", "batch_size", "device", "quiet", "verbose")
def evaluate_images(folder: Path, output: Path | None, quiet: bool, verbose: bool, **chosen: Any) -> None:
    """Measure the tags of VOCAB (a name or a folder) on IMAGES, a folder with one sub-folder of pictures per tag.

    The sub-folders are named as the tags are (`movietags vocab show`), in any case; pictures may be nested below. A
    picture whose very bytes stand under two tags counts once under each, and either tag is right.
    """
    if output == STDOUT:
        raise click.UsageError("--output names a file: what goes to stdout is the table")
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.evaluation import images
        from tagger.files import output_folder, write_atomically

        if output:
            output_folder(output.parent)  # refused now, before any picture is looked at
        engine = engine_of(chosen, quiet)
        with bar(quiet, desc=printable(folder.name), total=0, unit="", bar_format=BAR) as shown:

            def show(done: int, files: int) -> None:
                shown.total = files
                shown.update(done - shown.n)

            found = images.evaluate(engine, folder, show if shown is not None else None)
        if not quiet:
            _name_the_rest(found)
        if output:
            write_atomically(output, images.as_json(found).encode())
        process.put(images.as_table(found) + "\n")


def _name_the_rest(found: Evaluation) -> None:
    """What was not measured: folders that are no tags, and files that are no pictures."""
    if found.left_out:
        process.say(f"left out, no tags of {found.model.vocabulary}: {', '.join(found.left_out)}")
    for line in some_lines([f"{file.path}: {file.reason}" for file in found.skipped], NAMED_MAX, "skipped"):
        process.say(line)


@evaluate.command("shots")
@click.argument("film", metavar="FILM", type=click.Path(path_type=Path))
@click.argument("truth", metavar="TRUTH", type=click.Path(path_type=Path))
@click.option("--tolerance", type=click.IntRange(0, TOLERANCE_MAX), default=1, show_default=True, metavar="FRAMES",
              help="How far a boundary may lie from the true one.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.json",
              help="File for all figures and the frames that were missed or false, as JSON.")  # fmt: skip
@options("stream", "rate", "scan", "detector", "min_shot_s", "hwaccel", "quiet", "verbose")
def evaluate_shots(
    film: Path, truth: Path, tolerance: int, output: Path | None, quiet: bool, verbose: bool, **chosen: Any
) -> None:
    """Measure the shot boundaries found in FILM on TRUTH, a file that says in which frames its shots begin.

    \b
    truth.json   {"cuts": [250, 391], "gradual": [[500, 524]]}
    truth.csv    a column `frame` (cuts), or `start,end` (gradual; a cut where end is empty or equals start)

    Frames count from 0. A cut is the first frame of the new shot; a gradual change goes from its first mixed frame
    to the first that is wholly of the new shot, and is found by a boundary anywhere in between.

    FILM may also be a report, NAME.tags.json: its shots are measured as they are, with no regard to --scan, --detector
    and --min-shot.
    """
    if output in (STDOUT, film, truth):
        raise click.UsageError("--output names a file of its own: what goes to stdout is the table")
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.evaluation.shots import as_json, as_table, read_truth, score
        from tagger.files import output_folder, write_atomically

        if output:
            output_folder(output.parent)  # refused now, before anything is decoded
        settings, known = Settings(**chosen), read_truth(truth)
        with progress_of(film, quiet) as progress:
            shots = _shots(film, settings, progress)
        if not quiet:
            _name_those_behind(shots, known, truth)
        found = score([shot.start_frame for shot in shots[1:]], known, tolerance)
        if output:
            write_atomically(output, as_json(found).encode())
        process.put(as_table(found) + "\n")


def _shots(film: Path, settings: Settings, progress: FilmProgress | None) -> list[Shot]:
    """The shots of a film, or those that its report names."""
    from tagger.reports.json_report import read_report
    from tagger.shots.scan import scan
    from tagger.video.film import Film

    if film.suffix.lower() == ".json":
        return list(read_report(film).shots)
    with Film(film, settings.opening) as opened:
        return [picture.shot for picture in scan(opened, settings, progress).shots]


def _name_those_behind(shots: list[Shot], known: Truth, truth: Path) -> None:
    """What can only be missed: changes in frames that the film does not have."""
    frames = shots[-1].end_frame if shots else 0
    behind = sum(first >= frames for first in (*known.cuts, *(change.start for change in known.gradual)))
    if behind:
        process.say(f"{truth}: changes behind the last of the film's {frames} frames: {behind}; is it of this film?")
