"""All that a report, or segments of one, can be written as: one table, which every command reads.

A new format is a file of this package and a row of `FORMATS`. A package of its own adds one by an entry point that
has the format's name and leads to its `Format`:

    [project.entry-points."movietags.reports"]
    fcpxml = "movietags_fcpxml:FORMAT"

Those are looked for when a name or an ending is asked for that is none of these.
"""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from tagger import libraries, plugins
from tagger.errors import BadReport, BadSettings
from tagger.files import is_file, write_atomically
from tagger.records import TagReport
from tagger.reports import (
    csv_report,
    csv_segments,
    csv_shots,
    edl,
    ffmetadata,
    html_report,
    json_report,
    json_segments,
    kodi_edl,
    nfo,
    otio_report,
    otio_segments,
    parquet_report,
    vtt,
)
from tagger.reports.corrections import read_corrections
from tagger.reports.manner import USUAL, Manner
from tagger.segments import Segments

S = TypeVar("S")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Format(Generic[S]):
    """A way to write a report or segments."""

    name: str
    """What people choose it by."""
    suffix: str
    """How its files end, with the dot; in any case."""
    subject: type[S]
    """What it is a format of: `TagReport` or `Segments`."""
    render: Callable[[S], str | bytes]
    """Gives the whole file. Text is written as UTF-8."""
    cautions: Callable[[S], Iterable[str]] = lambda _: ()
    """Gives what may go wrong when such a file is read, a line for each."""
    part: str = ".tags"
    """What stands before the suffix where all files of a film's report lie together: NAME.tags.json."""
    needs: tuple[str, ...] = ()
    """Libraries that it cannot do without, as they are imported."""
    mannered: Callable[[S, Manner], str | bytes] | None = None
    """Gives the whole file as it is wanted, where that makes a difference."""

    def __post_init__(self) -> None:
        """Checks what files of it are known by."""
        for said, what in ((self.suffix, "suffix"), (self.part, "part")):
            if not re.fullmatch(r"(\.\w+)+", said):
                raise ValueError(f"format {self.name}: its {what} is {said!r}, not like '.json'")

    @property
    def ending(self) -> str:
        """How its files end where all of a film's report lie together."""
        return self.part + self.suffix

    def body(self, subject: S, manner: Manner = USUAL) -> bytes:
        """Returns what its file holds; of a name that is no UTF-8, the bytes that are none are escaped.

        Raises:
            LibraryMissing: it needs a library that is not installed.
        """
        with libraries.needed(f"the format {self.name}"):
            rendered = self.mannered(subject, manner) if self.mannered else self.render(subject)
        return rendered.encode("utf-8", "backslashreplace") if isinstance(rendered, str) else rendered


def _csv(subject: type[Any], render: Callable[..., str], part: str = ".tags") -> Format[Any]:
    return Format("csv", ".csv", subject, render, part=part, mannered=lambda one, how: render(one, how.csv_for))


JSON = Format("json", ".json", TagReport, json_report.as_json)  # the one that is read again
SEGMENTS = ".segments"  # NAME.segments.csv
# Those with choices of their own.
EDL = Format("edl", ".edl", Segments, edl.as_edl, edl.cautions, SEGMENTS)
KODI_EDL = Format("kodi-edl", ".kodi.edl", Segments, kodi_edl.as_kodi_edl, kodi_edl.cautions, SEGMENTS)
PAGE = "html"  # the one that shows what was put right beside what was said
PARQUET, OTIO = ("pyarrow",), ("opentimelineio",)
FORMATS: tuple[Format[Any], ...] = (
    _csv(TagReport, csv_report.as_csv),
    _csv(TagReport, csv_shots.as_csv, ".shots"),
    JSON,
    Format(PAGE, ".html", TagReport, html_report.as_html, needs=("jinja2",), mannered=html_report.as_html),
    Format("parquet", ".parquet", TagReport, parquet_report.tags, needs=PARQUET),
    Format("parquet", ".parquet", TagReport, parquet_report.shots, part=".shots", needs=PARQUET),
    Format("otio", ".otio", TagReport, otio_report.as_otio, needs=OTIO),
    _csv(Segments, csv_segments.as_csv, SEGMENTS),
    Format("json", ".json", Segments, json_segments.as_json, part=SEGMENTS),
    Format("vtt", ".vtt", Segments, vtt.as_vtt, part=SEGMENTS),
    Format("ffmetadata", ".ffmeta", Segments, ffmetadata.as_ffmetadata, part=SEGMENTS),
    Format("otio", ".otio", Segments, otio_segments.as_otio, part=SEGMENTS, needs=OTIO),
    KODI_EDL,
    EDL,
)
PLAIN = frozenset(("csv", "json", "parquet", "otio"))  # names of those of reports that show no keyframes
DEFAULTS = ("csv", "json")  # names of those that a film's report is written in


def known(subject: type[S], name: str | None = None) -> Iterator[Format[S]]:
    """Yields the formats of reports or of segments: those above, then those that other packages add.

    Args:
        subject: `TagReport` or `Segments`.
        name: of other packages' formats only the one of this name is imported.
    """
    ours = [form for form in FORMATS if form.subject is subject]
    yield from ours
    if name in [form.name for form in ours]:
        return
    for point, added in plugins.load(plugins.REPORTS, name):
        if not isinstance(added, Format) or added.name != point:
            log.warning("plugin %s: leads to %.60r, which is no tagger.Format of this name", point, added)
        elif added.subject is subject and point not in [form.name for form in ours]:
            yield added


def named(name: str, subject: type[S]) -> Format[S]:
    """Returns the format of this name; where it has several files, that of the first.

    Raises:
        BadSettings: there is none; says which there are.
    """
    return all_named(name, subject)[0]


def all_named(name: str, subject: type[S], more: Sequence[str] = ()) -> tuple[Format[S], ...]:
    """Returns a format for each file that one of this name has.

    Raises:
        BadSettings: there is none; says which there are, and `more` that can be asked for in its place.
    """
    if found := tuple(form for form in known(subject, name) if form.name == name):
        return found
    names = [*dict.fromkeys(form.name for form in known(subject)), *more]
    raise BadSettings(f"format {name!r}: choose one of {', '.join(names)}")


def usable(names: Sequence[str], subject: type[Any] = TagReport) -> tuple[str, ...]:
    """Returns the names of formats, each once, when there are such and what they need is installed.

    Raises:
        BadSettings: there is no such format.
        LibraryMissing: one needs a library that is not installed.
    """
    more = (nfo.FORMAT,) if subject is TagReport else ()
    for form in (form for name in names for form in all_named(name, subject, more)):
        with libraries.needed(f"the format {form.name}"):
            for library in form.needs:
                importlib.import_module(library)
    return tuple(dict.fromkeys(names))


def show_pictures(names: Iterable[str]) -> bool:
    """Returns whether one of these formats may show keyframes; of other packages' nobody knows."""
    return not {*names} <= PLAIN


def for_file(path: Path, subject: type[S]) -> Format[S]:
    """Returns the format that the name of a file stands for: NAME.shots.csv has shots, any other .csv tags.

    Raises:
        BadSettings: no format's files end so; says how they do.
    """
    name = path.name.lower()
    for form in (form for form in FORMATS if form.subject is subject):
        if name.endswith(form.ending.lower()):
            return form
    endings = {}
    for form in known(subject):
        if name.endswith(form.suffix.lower()):
            return form
        endings[form.suffix] = form
    raise BadSettings(f"{path}: name a file that ends in {', '.join(endings)}, or name the format")


def write_report(report: TagReport, path: Path | str, format: str | None = None) -> None:
    """Puts a report at `path`, whole or not at all.

    Args:
        report: any.
        path: its ending says in which format: ".json", ".csv", or one that another package adds.
        format: the name of a format, whatever the ending.

    Raises:
        BadSettings: there is no such format.
        OutputRefused: the place cannot be written; what stood there before still stands.
        ValueError: a number in it is NaN or infinite.
    """
    place = Path(path)
    form = named(format, TagReport) if format else for_file(place, TagReport)
    write_atomically(place, form.body(report, Manner(folder=place.parent)))


def report_files(stem: Path, names: Sequence[str] = DEFAULTS) -> tuple[Path, ...]:
    """Returns where the report of a film is in each of these formats and in JSON, which comes last.

    Args:
        stem: NAME, of NAME.tags.json.
        names: of formats.

    Raises:
        BadSettings: there is no such format.
    """
    return tuple(file_of(stem, form) for form in _json_last(names))


def json_file(stem: Path) -> Path:
    """Returns where the JSON of a film's report is."""
    return file_of(stem, JSON)


def lying_files(stem: Path) -> tuple[Path, ...]:
    """Returns the files of a film's report that are there, in any of our formats; JSON comes last."""
    return tuple(path for form in _json_last(OURS) if is_file(path := file_of(stem, form)))


def lying_names(stem: Path) -> tuple[str, ...]:
    """Returns the names of our formats of which a film's report has a file."""
    return tuple(dict.fromkeys(form.name for form in _json_last(OURS) if is_file(file_of(stem, form))))


def report_bodies(
    report: TagReport, stem: Path, names: Sequence[str] = DEFAULTS, manner: Manner = USUAL
) -> dict[Path, bytes]:
    """Returns what each file of a film's report holds, as it is wanted, by path, in the order of `report_files`.

    Formats of which there are files are written too, as these would be of an earlier report.

    Raises:
        BadSettings: there is no such format.
        LibraryMissing: one needs a library that is not installed.
    """
    forms = _json_last((*names, *lying_names(stem)))
    how = _beside(manner, stem)
    return {file_of(stem, form): form.body(report, how) for form in forms}


def missing_bodies(
    report: TagReport, stem: Path, names: Sequence[str] = DEFAULTS, manner: Manner = USUAL
) -> dict[Path, bytes]:
    """Returns what those files of a film's report hold that are not there; errors are those of `report_bodies`."""
    how = _beside(manner, stem)
    return {path: form.body(report, how) for form in _json_last(names) if not is_file(path := file_of(stem, form))}


def write_bodies(bodies: Mapping[Path, bytes]) -> None:
    """Writes the files of a film's report, and at last JSON: where that is, all are.

    Raises:
        OutputRefused: as `write_report`.
    """
    for path, body in bodies.items():
        write_atomically(path, body)


OURS = tuple(dict.fromkeys(form.name for form in FORMATS if form.subject is TagReport))


def file_of(stem: Path, form: Format[Any]) -> Path:
    """Returns where the file of a format is among those of a film's report."""
    return stem.with_name(stem.name + form.ending)


def _beside(manner: Manner, stem: Path) -> Manner:
    """How the files of a film's report are wanted, with what lies beside them; corrections that are none show none."""
    found = None
    with suppress(BadReport):
        found = read_corrections(json_file(stem))
    return replace(manner, folder=stem.parent, corrections=found)


def _json_last(names: Sequence[str]) -> tuple[Format[TagReport], ...]:
    others = (form for name in dict.fromkeys(names) if name != JSON.name for form in all_named(name, TagReport))
    return (*others, JSON)
