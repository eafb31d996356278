"""`movietags library`: many films in one file, to be searched."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tagger import process
from tagger.commands.console import FAILED, STDOUT, errors, fail, messages, options, refuse_to_overwrite, stages
from tagger.text import PROGRAMS, printable

FORMATS = ("csv", "json")
TOP_MAX = 2**31 - 1  # more rows than DuckDB counts to in its questions

at_place = click.option(
    "-l", "--library", "place", type=click.Path(path_type=Path), metavar="FILE",
    help="The library.  [what MOVIETAGS_LIBRARY names, else library.duckdb in this user's data]")  # fmt: skip
of_vocabulary = click.option(
    "--vocab", "vocabulary", metavar="NAME", help="Only by tags of this vocabulary.  [all]")  # fmt: skip
in_form = click.option(
    "--format", "form", type=click.Choice(FORMATS), help="In place of the table.")  # fmt: skip


def at_most(count: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Returns the option that says how many are shown."""
    return click.option(
        "--top", type=click.IntRange(1, TOP_MAX), default=count, show_default=True, help="Rows at most."
    )


@click.group()
def library() -> None:
    """Search a whole collection: reports of films, in one DuckDB file.

    Its views films, reports, tags, shots, shot_tags and features are open to SQL: docs/library.md says what is in them.
    """


@library.command()
@click.argument("reports", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="REPORT...")
@at_place
@options("quiet", "verbose")
def add(reports: tuple[Path, ...], place: Path | None, quiet: bool, verbose: bool) -> None:
    """Add reports of films.

    REPORT is NAME.tags.json, or a folder with all reports below it; they are put right where a person did that. A film
    is known by what it holds: added again it is the same, moved it has its new path. Of each vocabulary the newest
    report counts. A report that cannot be read is a line, and the exit code 1; the others are added.
    """
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.library import adding, store

        place = place or store.usual_place()
        named = adding.reports_at(reports)
        lines: list[str] = []
        with stages(quiet) as show:
            done = adding.add(place, named, lines.append, lambda count, total: show(str(place), count, total))
        for line in lines:
            fail(line, verbose=False)
        if not quiet:
            process.put(f"{printable(str(place))}: {done.in_words()}\n")
    sys.exit(FAILED if done.failed else 0)


@library.command()
@click.argument("tag")
@click.option("--and", "more", multiple=True, metavar="TAG", help="And this one, too; may be repeated.")
@click.option("--not", "unwanted", multiple=True, metavar="TAG", help="But not this one; may be repeated.")
@click.option("--min", "least", type=float, metavar="P",
              help="Confidence of each tag at least P, 0 to 1, and of those under --not less than P (0.5 without "
                   "--min); with --shots, probability in the shot.  [any film of which a shot has it]")  # fmt: skip
@click.option("--shots", "of_shots", is_flag=True, help="Shots that have all tags among their first three, with times.")
@of_vocabulary
@at_most(20)
@in_form
@at_place
@options("csv_for", "quiet", "verbose")
def search(
    tag: str, more: tuple[str, ...], unwanted: tuple[str, ...], least: float | None, of_shots: bool,
    vocabulary: str | None, top: int, form: str | None, place: Path | None, csv_for: str, quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Find films, or shots, by their tags.

    TAG is a name or slug, in any case. The most confident come first; of several tags that counts of which a film is
    least confident.
    """
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.library import answers, store
        from tagger.library import search as searching

        query = searching.Query((tag, *more), unwanted, least, vocabulary, top)
        with store.reading(place or store.usual_place()) as opened:
            if of_shots:
                shots = searching.shots(opened, query)
                text, rows, untrained = answers.shots_table(shots), answers.shots_rows(shots), shots.untrained
            else:
                films = searching.films(opened, query)
                text, rows, untrained = answers.films_table(films), answers.films_rows(films), films.untrained
        for name in () if quiet else untrained:
            process.say(f"{name}: nothing here was trained for it, so it is not found anywhere")
        _put(text, "shots" if of_shots else "films", rows, form, csv_for)


@library.command()
@click.argument("film")
@click.option("--by", type=click.Choice(("features", "tags")),
              help="By mean features, which see more, or by tags.  [features, where they were kept]")  # fmt: skip
@at_most(10)
@in_form
@at_place
@options("csv_for", "quiet", "verbose")
def similar(
    film: str, by: str | None, top: int, form: str | None, place: Path | None, csv_for: str, quiet: bool, verbose: bool
) -> None:
    """Find films like another.

    FILM is one of the library by name or path, a report, or a file with the content of one of the library. Alike is
    the cosine between the means of two films' features, where they were kept beside the reports (movietags batch
    does), else between the mean probabilities of their tags; 1 is the same.
    """
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.library import answers, store
        from tagger.library import similar as comparing

        with store.reading(place or store.usual_place()) as opened:
            found = comparing.similar(opened, film, by, top)
        _put(answers.similar_table(found), "films", answers.similar_rows(found), form, csv_for, by=found.by)


@library.command()
@in_form
@at_place
@options("csv_for", "verbose")
def stats(form: str | None, place: Path | None, csv_for: str, verbose: bool) -> None:
    """Show what is in the library.

    These are films, hours, shots, vocabularies, and the tags seen most.
    """
    messages(quiet=False, verbose=verbose)
    with errors(verbose):
        from tagger.library import answers, overview, store

        place = place or store.usual_place()
        with store.reading(place) as opened:
            found = overview.stats(opened, place)
        about = {
            "library": str(place), "size_bytes": found.size_bytes, "films": found.films,
            "films_with_features": found.with_features, "duration_s": found.duration_s, "shots": found.shots,
            "vocabularies": found.vocabularies,
        }  # fmt: skip
        _put(answers.stats_table(found, place), "tags", answers.stats_rows(found), form, csv_for, **about)


@library.command()
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FILE",
              help="FILE.csv, FILE.json or FILE.parquet; - writes CSV to stdout.")  # fmt: skip
@at_place
@options("csv_for", "verbose")
def export(output: Path, place: Path | None, csv_for: str, verbose: bool) -> None:
    """Write a table of all films.

    It has a row for each film and vocabulary: where the film is, its first tags, those that are sure.
    """
    messages(quiet=False, verbose=verbose)
    with errors(verbose):
        from tagger.library import exporting, store

        place = place or store.usual_place()
        with store.reading(place) as opened:
            if output == STDOUT:
                process.put(exporting.body(opened, ".csv", csv_for))
            else:
                refuse_to_overwrite(output, [place], "the library")
                exporting.write(opened, output, csv_for)


@library.command()
@click.argument("films", nargs=-1, metavar="[FILM...]")
@click.option("--gone", is_flag=True, help="Those that are not where they were; not those of a disk that is away.")
@at_place
@options("quiet", "verbose")
def forget(films: tuple[str, ...], gone: bool, place: Path | None, quiet: bool, verbose: bool) -> None:
    """Take films out of the library.

    FILM is one of the library by name or path. Its file and its reports stay where they are.
    """
    if not films and not gone:
        raise click.UsageError("name films, or --gone")
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.library import films as knowing
        from tagger.library import store

        place = place or store.usual_place()
        with store.reading(place):
            pass  # there is one
        with store.writing(place) as opened:
            count = knowing.forget(opened, films)
            lost, doubts = knowing.forget_gone(opened) if gone else (0, [])
        for doubt in doubts:
            process.say(doubt)
        if not quiet:
            process.put(f"{printable(str(place))}: {count + lost} forgotten\n")


def _put(
    table: str, name: str, rows: tuple[list[str], list[list[Any]]], form: str | None, csv_for: str = PROGRAMS,
    **about: Any,
) -> None:  # fmt: skip
    """Puts an answer on stdout, in the form that was asked for."""
    from tagger.library import answers

    if form == "csv":
        process.put(answers.as_csv(*rows, csv_for))
    elif form == "json":
        process.put(answers.as_json(name, *rows, **about))
    else:
        process.put(table + "\n")
