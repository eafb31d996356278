"""`movietags segments`: where in a film a tag is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagger import process
from tagger.commands.console import STDOUT, errors, messages, options
from tagger.errors import BadSettings, BadVocabulary

if TYPE_CHECKING:
    from tagger.records import TagReport
    from tagger.reports.formats import Format
    from tagger.segments import Segments
    from tagger.vocabulary import Group


@click.command()
@click.argument("report", metavar="REPORT", type=click.Path(path_type=Path))
@click.option("--tag", "names", multiple=True, metavar="TAG",
              help="Name or slug of a tag; can be given several times.  [every tag that a shot carries]")  # fmt: skip
@click.option("--group", "group_names", multiple=True, metavar="GROUP",
              help="A group of tags of the vocabulary (groups.txt in its folder); may be repeated.")  # fmt: skip
@click.option("--threshold", type=float, metavar="P",
              help="A shot carries every tag that is at least so probable, 0 to 1.  [its first three]")  # fmt: skip
@click.option("--max-gap", "max_gap_s", type=float, default=0.0, show_default=True, metavar="SECONDS",
              help="Segments no farther apart are joined.")  # fmt: skip
@click.option("--min-duration", "min_duration_s", type=float, default=0.0, show_default=True, metavar="SECONDS",
              help="Shorter segments are dropped, after joining.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="File for the segments; its ending says in which format.")  # fmt: skip
@click.option("--format", "form_name", metavar="FORMAT",
              help="Format of FILE, whatever its ending; without FILE, of stdout in place of the table.")  # fmt: skip
@click.option("--reel", metavar="NAME",
              help="EDL: the tape or roll that events are from, up to 8 letters and digits.  "
                   "[what the film names, else AX]")  # fmt: skip
@click.option("--handles", type=click.IntRange(min=0), default=0, show_default=True, metavar="FRAMES",
              help="EDL: so many frames more on both sides of each segment, as far as the film goes.")  # fmt: skip
@click.option("--exact", "exactly", is_flag=True,
              help="Look again at every frame around the ends of segments, where the film was read without some: "
                   "needs the film where the report says it is.")  # fmt: skip
@options("csv_for", "quiet", "verbose")
def segments(report: Path, names: tuple[str, ...], group_names: tuple[str, ...], threshold: float | None,
             max_gap_s: float, min_duration_s: float, output: Path | None, form_name: str | None, reel: str | None,
             handles: int, exactly: bool, csv_for: str, quiet: bool, verbose: bool) -> None:  # fmt: skip
    """Show the time ranges of a film that carry a tag: runs of neighbouring shots, from its REPORT, NAME.tags.json.

    Formats, with those of other packages that are installed:

    \b
    csv, json  all that is known of each segment
    vtt        WebVTT chapters for players; where several tags hold, a chapter names them all
    edl        CMX 3600 for editing programs: timecodes count the film's frames, at its rate rounded to a whole number,
               from the timecode that its file names (a tape's, a camera's) or from 00:00:00:00
    """
    _refuse_to_overwrite(report, output)
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.files import output_folder, write_atomically
        from tagger.reports import formats
        from tagger.reports.json_report import read_report
        from tagger.reports.segments_table import as_table
        from tagger.segments import Rule, Segments, find

        form = formats.named(form_name, Segments) if form_name else None
        if output:
            form = form or formats.for_file(output, Segments)
            output_folder(output.parent)
        if reel is not None or handles:
            form = _with_choices(form, reel, handles)
        rule = Rule(threshold, max_gap_s, min_duration_s)
        film = read_report(report)
        groups = _groups(report, film, group_names)
        answer = find(film, names, rule, groups)
        if exactly and film.scan.used != "full":
            answer = find(_exact(answer), names, rule, groups)
        body = formats.written_for(form, csv_for).body(answer) if form else b""
        if not quiet:
            _caution(answer, form)
        if output:
            write_atomically(output, body)
        process.put(body if form and not output else as_table(answer) + "\n")


def _refuse_to_overwrite(report: Path, output: Path | None) -> None:
    if output == STDOUT:
        raise click.UsageError("--output names a file: --format alone writes to stdout")
    with suppress(OSError):  # where one is not there they are two
        if output and output.samefile(report):
            raise click.UsageError(f"--output {output} is the report itself: name another file")


def _groups(report: Path, film: TagReport, names: tuple[str, ...]) -> list[Group]:
    """The groups of these names in the vocabulary that the report is of."""
    if not names:
        return []
    from tagger import vocabulary

    named = str(film.settings.get("vocabulary", film.model.vocabulary))
    try:
        words = vocabulary.load(named)
    except BadVocabulary as error:
        raise BadSettings(
            f"--group: {report} was tagged with {named}, whose groups.txt says what groups are, and that is not found "
            f"from here ({error}): start where it is, or name tags with --tag"
        ) from error
    groups = {vocabulary.slug(group.name): group for group in words.groups}
    for name in names:
        if vocabulary.slug(name) not in groups:
            have = ", ".join(groups) or "none"
            raise BadSettings(f"group {name!r}: the vocabulary {words.name} has {have} (groups.txt in {words.folder})")
    return [groups[vocabulary.slug(name)] for name in names]


def _exact(answer: Segments) -> TagReport:
    """The report with the ends of its segments where the film has them, and its scan as good as full there."""
    from tagger.segments import edges, moved
    from tagger.settings import Opening
    from tagger.shots.exact import exact
    from tagger.video.film import Film
    from tagger.video.observer import Observer

    report, path = answer.report, Path(answer.report.video.path)
    with Film(path, Opening(stream=report.video.stream)) as film:
        if film.info(Observer()).fingerprint != report.video.fingerprint:
            raise BadSettings(f"--exact: {path} is another film than that of the report: extract it again")
        again = moved(report, exact(film, edges(answer)))
    return replace(again, scan=replace(again.scan, used="full", reason="its segments' ends were looked at again"))


def _with_choices(form: Format[Segments] | None, reel: str | None, handles: int) -> Format[Segments]:
    """The format with the choices that only an EDL has."""
    from tagger.reports import edl, formats

    if form is not formats.EDL:
        raise BadSettings("--reel and --handles are of an EDL: add -o FILE.edl or --format edl")
    render = partial(edl.as_edl, reel=reel, handles=handles)
    return replace(form, render=render, cautions=partial(edl.cautions, reel=reel, handles=handles))


def _caution(answer: Segments, form: Format[Segments] | None) -> None:
    """Says which tags cannot be found, and what a file of this format cannot say."""
    from tagger.segments import notes

    for tag in answer.tags:
        if not tag.trained:
            process.say(f"{tag.tag}: never trained in {answer.report.model.vocabulary}, so it is not found anywhere")
    for caution in (*notes(answer), *(form.cautions(answer) if form else ())):
        process.say(caution)
