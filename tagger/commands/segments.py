"""`movietags segments`: where in films a tag is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagger import process
from tagger.commands import complete
from tagger.commands.choices import Choices, cautions_of_place
from tagger.commands.console import FAILED, errors, fail, messages, options, refuse_to_overwrite
from tagger.errors import BadSettings, BadVocabulary, OutputRefused

if TYPE_CHECKING:
    from tagger.records import TagReport
    from tagger.reports.formats import Format
    from tagger.segments import Rule, Segments
    from tagger.vocabulary import Group

HERE = Path()


@click.command()
@click.argument("reports", nargs=-1, required=True, metavar="REPORT...", type=click.Path(path_type=Path))
@click.option("--tag", "names", multiple=True, metavar="TAG", shell_complete=complete.tags,
              help="Name or slug of a tag; can be given several times.  [every tag that a shot carries]")  # fmt: skip
@click.option("--group", "group_names", multiple=True, metavar="GROUP", shell_complete=complete.groups,
              help="A group of tags of the vocabulary (groups.txt in its folder); may be repeated.")  # fmt: skip
@click.option("--threshold", type=float, metavar="P",
              help="A shot carries every tag that is at least so probable, 0 to 1.  [its first three]")  # fmt: skip
@click.option("--max-gap", "max_gap_s", type=float, default=0.0, show_default=True, metavar="SECONDS",
              help="Segments no farther apart are joined.")  # fmt: skip
@click.option("--min-duration", "min_duration_s", type=float, default=0.0, show_default=True, metavar="SECONDS",
              help="Shorter segments are dropped, after joining.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
              help="File for the segments; its ending says in which format. Of several reports or formats, a folder "
                   "for NAME.segments.FORMAT; or FILE.csv, one table of all.")  # fmt: skip
@click.option("--format", "form_names", multiple=True, metavar="FORMAT", shell_complete=complete.formats,
              help="Format of FILE, whatever its ending; without FILE, of stdout in place of the table. May be "
                   "repeated where FILE is a folder.")  # fmt: skip
@click.option("--reel", metavar="NAME",
              help="EDL: the tape or roll that events are from, up to 8 letters and digits.  "
                   "[what the film names, else AX]")  # fmt: skip
@click.option("--handles", type=click.IntRange(min=0), default=0, show_default=True, metavar="FRAMES",
              help="EDL: so many frames more on both sides of each segment, as far as the film goes.")  # fmt: skip
@click.option("--action", type=click.Choice(("skip", "mute", "mark")),
              help="kodi-edl: what Kodi does with the segments.  [skip]")  # fmt: skip
@click.option("--beside", is_flag=True,
              help="kodi-edl: FILM.edl beside each film, where Kodi looks for it.")  # fmt: skip
@click.option(
    "--clips",
    "clips_to",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Cut each segment out of the film, NAME.TAG.001.mp4: packets are copied, from the key frame before it.",
)
@click.option(
    "--exact",
    is_flag=True,
    help="To the frame: looks again at every frame around the ends of segments, where the film was read without some; "
    "clips are encoded anew.",
)
@click.option(
    "--thumbnails",
    "thumbnails_to",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="A picture of each segment out of the film, NAME.TAG.001.jpg: the keyframe that shows its tag best.",
)
@options("csv_for", "quiet", "verbose")
def segments(
    reports: tuple[Path, ...], names: tuple[str, ...], group_names: tuple[str, ...], threshold: float | None,
    max_gap_s: float, min_duration_s: float, output: Path | None, form_names: tuple[str, ...], reel: str | None,
    handles: int, action: str | None, beside: bool, clips_to: Path | None, exact: bool, thumbnails_to: Path | None,
    csv_for: str, quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Show the time ranges of films that carry a tag: runs of neighbouring shots, from a REPORT, NAME.tags.json.

    REPORT may also be a folder of reports. Formats, with those of other packages that are installed:

    \b
    csv, json  all that is known of each segment
    vtt        WebVTT chapters for players; where several tags hold, a chapter names them all
    ffmetadata the same chapters for FFmpeg, which puts them into the film (-map_metadata 1)
    edl        CMX 3600 for editing programs: timecodes count the film's frames, at its rate rounded to a whole number,
               from the timecode that its file names (a tape's, a camera's) or from 00:00:00:00
    otio       OpenTimelineIO for editing programs: a clip for each segment
    kodi-edl   what Kodi is to leave out, mute or mark (--action): the film's name with .edl, beside it (--beside)
    """
    refuse_to_overwrite(output, reports)
    messages(quiet, verbose)
    with errors(verbose):
        from tagger.reports.formats import usable
        from tagger.segments import Rule, Segments

        form_names = usable(form_names, Segments)  # each once
        rule = Rule(threshold, max_gap_s, min_duration_s)
        asked = _Asked(names, group_names, rule, exact, Choices(reel, handles, action, beside), csv_for, quiet)
        media = _Media(clips_to, exact, thumbnails_to, quiet)
        if len(reports) == 1 and not reports[0].is_dir() and len(form_names) < 2 and not beside:
            _one(reports[0], asked, output, next(iter(form_names), None), media)
            return
        failed = _many(reports, asked, output, form_names, media)
    sys.exit(FAILED if failed else 0)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of each report."""

    names: tuple[str, ...]
    groups: tuple[str, ...]
    rule: Rule
    exact: bool
    choices: Choices
    csv_for: str
    quiet: bool

    def answer(self, file: Path) -> Segments:
        """The segments of a film."""
        from tagger.reports.corrections import read_report
        from tagger.segments import find

        film = read_report(file)
        groups = _groups(file, film, self.groups)
        found = find(film, self.names, self.rule, groups)
        if self.exact and film.scan.used != "full":
            from tagger.reports.exact_ends import exact_ends

            return find(exact_ends(file, found), self.names, self.rule, groups)
        return found


@dataclass(frozen=True, slots=True)
class _Media:
    """What is cut out of each film."""

    clips: Path | None
    exact: bool
    thumbnails: Path | None
    quiet: bool

    def write(self, file: Path, answer: Segments, below: Path = HERE) -> None:
        """Cuts it out, into the folders or these below them, and says where it is."""
        from tagger.reports import clips

        wanted = [clips.clips(file, answer, self.clips / below, self.exact)] if self.clips else []
        wanted += [clips.thumbnails(file, answer, self.thumbnails / below)] if self.thumbnails else []
        for path in (path for made in wanted for path in made):
            if not self.quiet:
                process.say(f"wrote {path}")


def _one(file: Path, asked: _Asked, output: Path | None, form_name: str | None, media: _Media) -> None:
    """The segments of one film: a table, or a file."""
    from tagger.files import output_folder, write_atomically
    from tagger.reports import formats
    from tagger.reports.manner import Manner
    from tagger.reports.segments_table import as_table
    from tagger.segments import Segments

    form = formats.named(form_name, Segments) if form_name else None
    if output:
        form = form or formats.for_file(output, Segments)
        output_folder(output.parent)
    form = next(iter(asked.choices.made([form] if form else [])), None)
    answer = asked.answer(file)
    body = form.body(answer, Manner(asked.csv_for)) if form else b""
    if not asked.quiet:
        _caution(answer, {form: output} if form else {})
    if output:
        write_atomically(output, body)
    process.put(body if form and not output else as_table(answer) + "\n")
    media.write(file, answer)


def _many(
    reports: tuple[Path, ...], asked: _Asked, output: Path | None, form_names: tuple[str, ...], media: _Media
) -> int:
    """The segments of several films: tables, a file each in a folder, or one table; how many failed."""
    from tagger.batch.export import named_reports
    from tagger.errors import MovieTagsError
    from tagger.files import output_folder, write_atomically
    from tagger.reports import csv_segments, formats
    from tagger.reports.manner import Manner
    from tagger.reports.segments_table import as_table
    from tagger.segments import Segments

    table = output if output and output.suffix.lower() == ".csv" and {*form_names} <= {"csv"} else None
    if output is None and form_names and not (asked.choices.beside and len(form_names) == 1):
        raise click.UsageError("--format of several reports, or several formats: name a folder for them with -o")
    if output and not table and not form_names:
        raise click.UsageError("-o of several reports: name formats with --format, or FILE.csv for one table")
    forms = asked.choices.made([] if table else [formats.named(name, Segments) for name in form_names])
    found, answers, failed = named_reports(reports), [], 0
    for name, file in found.items():
        try:
            answer = asked.answer(file)
            bodies = {form: form.body(answer, Manner(asked.csv_for)) for form in forms}
            stem = (output or HERE) / name
            places = {
                form: asked.choices.write(file, answer, form, formats.file_of(stem, form), body)
                for form, body in bodies.items()
            }
            if not asked.quiet:
                _caution(answer, places)
                for path in filter(None, places.values() if asked.choices.beside else ()):
                    process.say(f"wrote {path}")
            media.write(file, answer, Path(name).parent)
        except MovieTagsError as error:
            if isinstance(error, OutputRefused) and error.of_the_disk:
                raise
            fail(f"{file}: {error}" if str(file) not in str(error) else str(error), verbose=False)
            failed += 1
            continue
        if table:
            answers.append(answer)
        process.put(as_table(answer) + "\n\n")
    if table:
        output_folder(table.parent)
        write_atomically(table, csv_segments.of_all(answers, asked.csv_for).encode("utf-8", "backslashreplace"))
    return failed


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


def _caution(answer: Segments, forms: Mapping[Format[Segments], Path | None]) -> None:
    """Says which tags cannot be found, and what files of these formats, at these places, cannot say."""
    from tagger.segments import notes

    for tag in answer.tags:
        if not tag.trained:
            process.say(f"{tag.tag}: never trained in {answer.report.model.vocabulary}, so it is not found anywhere")
    for caution in notes(answer):
        process.say(caution)
    for form, path in forms.items():
        for caution in (*form.cautions(answer), *(cautions_of_place(path, form, answer) if path else ())):
            process.say(caution)
