"""All that a report, or segments of one, can be written as: one table, which every command reads.

A new format is a file of this package and a row of `FORMATS`. A package of its own adds one by an entry point that
has the format's name and leads to its `Format`:

    [project.entry-points."movietags.reports"]
    fcpxml = "movietags_fcpxml:FORMAT"

Those are looked for when a name or an ending is asked for that is none of these.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from tagger import plugins
from tagger.errors import BadSettings
from tagger.files import write_atomically
from tagger.records import TagReport
from tagger.reports import csv_report, csv_segments, edl, json_report, json_segments, vtt
from tagger.segments import Segments
from tagger.text import PROGRAMS

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

    def __post_init__(self) -> None:
        """Checks what files of it are known by."""
        if not re.fullmatch(r"(\.\w+)+", self.suffix):
            raise ValueError(f"format {self.name}: its suffix is {self.suffix!r}, not like '.json'")

    def body(self, subject: S) -> bytes:
        """Returns what its file holds; of a name that is no UTF-8, the bytes that are none are escaped."""
        rendered = self.render(subject)
        return rendered.encode("utf-8", "backslashreplace") if isinstance(rendered, str) else rendered


JSON = Format("json", ".json", TagReport, json_report.as_json)  # the one that is read again
EDL = Format("edl", ".edl", Segments, edl.as_edl, edl.cautions)  # the one with choices of its own
FORMATS: tuple[Format[Any], ...] = (
    Format("csv", ".csv", TagReport, csv_report.as_csv),
    JSON,
    Format("csv", ".csv", Segments, csv_segments.as_csv),
    Format("json", ".json", Segments, json_segments.as_json),
    Format("vtt", ".vtt", Segments, vtt.as_vtt),
    EDL,
)
CSV: dict[type[Any], Callable[[Any, str], str]] = {TagReport: csv_report.as_csv, Segments: csv_segments.as_csv}
DEFAULTS = ("csv", "json")  # names of those that a film's report is written in
TAGS = ".tags"  # stands before the suffix where all formats of a film's report lie together: NAME.tags.json


def known(subject: type[S], name: str | None = None) -> Iterator[Format[S]]:
    """Yields the formats of reports or of segments: those above, then those that other packages add.

    Args:
        subject: `TagReport` or `Segments`.
        name: of other packages' formats only the one of this name is imported.
    """
    ours = [form for form in FORMATS if form.subject is subject]
    yield from ours
    for point, added in plugins.load(plugins.REPORTS, name):
        if not isinstance(added, Format) or added.name != point:
            log.warning("plugin %s: leads to %.60r, which is no tagger.Format of this name", point, added)
        elif added.subject is subject and point not in [form.name for form in ours]:
            yield added


def named(name: str, subject: type[S]) -> Format[S]:
    """Returns the format of this name.

    Raises:
        BadSettings: there is none; says which there are.
    """
    for form in known(subject, name):
        if form.name == name:
            return form
    raise BadSettings(f"format {name!r}: choose one of {', '.join(form.name for form in known(subject))}")


def for_file(path: Path, subject: type[S]) -> Format[S]:
    """Returns the format that the name of a file stands for.

    Raises:
        BadSettings: no format's files end so; says how they do.
    """
    endings = []
    for form in known(subject):
        if path.name.lower().endswith(form.suffix.lower()):
            return form
        endings.append(form.suffix)
    raise BadSettings(f"{path}: name a file that ends in {', '.join(endings)}, or name the format")


def written_for(form: Format[S], csv_for: str) -> Format[S]:
    """Returns the format as a reader wants it: our CSV in one of `tagger.text.DIALECTS`, all others as they are."""
    if form not in FORMATS or form.name != "csv":
        return form
    return replace(form, render=lambda subject: CSV[form.subject](subject, csv_for))


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
    write_atomically(place, form.body(report))


def report_files(stem: Path, names: Sequence[str] = DEFAULTS) -> tuple[Path, ...]:
    """Returns where the report of a film is in each of these formats and in JSON, which comes last.

    Args:
        stem: NAME, of NAME.tags.json.
        names: of formats.

    Raises:
        BadSettings: there is no such format.
    """
    return tuple(stem.with_name(f"{stem.name}{TAGS}{form.suffix}") for form in _json_last(names))


def report_bodies(
    report: TagReport, stem: Path, names: Sequence[str] = DEFAULTS, csv_for: str = PROGRAMS
) -> dict[Path, bytes]:
    """Returns what each file of a film's report holds, CSV for that reader, by path, in the order of `report_files`.

    Raises:
        BadSettings: there is no such format.
    """
    forms = zip(report_files(stem, names), _json_last(names), strict=True)
    return {path: written_for(form, csv_for).body(report) for path, form in forms}


def write_bodies(bodies: Mapping[Path, bytes]) -> None:
    """Writes the files of a film's report, and at last JSON: where that is, all are.

    Raises:
        OutputRefused: as `write_report`.
    """
    for path, body in bodies.items():
        write_atomically(path, body)


def _json_last(names: Sequence[str]) -> tuple[Format[TagReport], ...]:
    others = (named(name, TagReport) for name in dict.fromkeys(names) if name != JSON.name)
    return (*others, JSON)
