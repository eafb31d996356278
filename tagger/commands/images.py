"""`movietags images`: pictures to train with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger import process
from tagger.commands.console import FAILED, STDOUT, bar, errors, messages, options
from tagger.text import some_lines

if TYPE_CHECKING:
    from tagger.openimages.download import Outcome
    from tagger.records import CountProgress
    from tagger.web import Told

PER_TAG = 700  # as the published training set has
JOBS, JOBS_MAX = 16, 64
NAMED_MAX = 10  # lines about pictures that could not be had
FETCH_BAR = "{percentage:3.0f}%|{bar:20}| {n_fmt} of {total_fmt} pictures, {elapsed}<{remaining}, {rate_fmt}"


@click.group()
def images() -> None:
    """Pictures to train with."""


@images.command()
@options("vocabulary")
@click.option("--per-tag", type=click.IntRange(min=1), default=PER_TAG, show_default=True, help="Pictures of each tag.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Folder to put them in.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, JOBS_MAX), default=JOBS, show_default=True,
              help="Pictures asked for at once.")  # fmt: skip
@options("quiet", "verbose")
def fetch(vocabulary: str, per_tag: int, output: Path, jobs: int, quiet: bool, verbose: bool) -> None:
    """Make a training folder from Open Images V7: DIR/SLUG/IMAGEID.jpg.

    What classes are a tag is said by `openimages.tsv` in the vocabulary. A picture that also shows a class of another
    tag is left out. Up to 3.4 GB of lists are read for the choice, once: it is kept in DIR. A picture is about 0.3 MB,
    so 700 for each of 50 tags are 10 GB. What is in DIR is not fetched again: the same command goes on where it
    was stopped.

    The annotations are CC BY 4.0. The pictures are listed as CC BY 2.0, which is for you to verify:
    DIR/sources.csv names the author, page and licence of each.

    Mirrors are named by MOVIETAGS_OPENIMAGES_URL (lists) and MOVIETAGS_OPENIMAGES_PICTURES_URL.
    """
    if output == STDOUT:
        raise click.UsageError("--output names a folder")
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.openimages import download, plan, tagmap
        from tagger.openimages.folder import PictureFolder
        from tagger.vocabulary import load

        words = load(vocabulary)
        tags = tagmap.read_map(words)
        folder = PictureFolder(output)  # refused now, before any table is read
        if not quiet and (unmapped := [slug for slug in words.slugs if slug not in tags.slugs]):
            process.say(f"no class of Open Images is known for {', '.join(unmapped)}")
        with bar(quiet, unit="B", unit_scale=True) as shown:
            pictures = plan.plan(tags, per_tag, output, _reading(shown))
        with bar(quiet, total=0, unit="", bar_format=FETCH_BAR) as shown:
            outcome = download.download(pictures, tags.slugs, per_tag, folder, jobs, _fetching(shown))
        _name_the_rest(outcome, quiet)
        process.put(download.as_table(outcome) + "\n")
    if outcome.gone or not all(tag.fetched for tag in outcome.tags):
        sys.exit(FAILED)


def _reading(shown: Any) -> Told | None:
    """What moves a bar in bytes of the table that is being read; None without a bar."""

    def show(url: str, done: int, size: int | None) -> None:
        if done < shown.n:  # the next table
            shown.reset()
        shown.total = size
        shown.set_description_str(url.rpartition("/")[2], refresh=False)
        shown.update(done - shown.n)

    return show if shown is not None else None


def _fetching(shown: Any) -> CountProgress | None:
    """What moves a bar in pictures; None without a bar."""

    def show(done: int, pictures: int) -> None:
        shown.total = pictures
        shown.update(done - shown.n)

    return show if shown is not None else None


def _name_the_rest(outcome: Outcome, quiet: bool) -> None:
    """What was not had: pictures, whole tags, the server."""
    if outcome.gone:
        process.say(f"error: given up, the same command goes on later: {outcome.gone}")
    if quiet:
        return
    for line in some_lines(outcome.failures, NAMED_MAX, "failed"):
        process.say(line)
    if short := [f"{tag.slug} {tag.fetched}" for tag in outcome.tags if tag.fetched < tag.wanted]:
        process.say(f"fewer than {outcome.tags[0].wanted}: {', '.join(short)}")
