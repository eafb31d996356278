"""Reports as files of a folder: under names that no two films ever share, and as one table."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.errors import BadPath, BadReport, MovieTagsError, OutputRefused, PathMissing
from tagger.files import MARK_LETTERS, distinct_name, output_folder
from tagger.frames import frame
from tagger.records import RankedTag, TagReport
from tagger.reports import corrections
from tagger.reports.formats import DEFAULTS, report_bodies, write_bodies
from tagger.reports.json_report import SUFFIX, read_report
from tagger.reports.kept import NOTHING, Kept, lying, put
from tagger.reports.manner import USUAL, Manner
from tagger.reports.written import Written, changed
from tagger.video import sequence

if TYPE_CHECKING:
    from pandas import DataFrame

log = logging.getLogger(__name__)


class Folder:
    """Takes reports: as NAME.* for the first film of a name, as NAME-1a2b3c4d.* for any other."""

    def __init__(self, folder: Path, replace: bool = False, names: Sequence[str] = DEFAULTS) -> None:
        """Makes the folder if it is missing.

        Args:
            folder: of the reports.
            replace: writes over reports that were changed since they were written, too.
            names: of the formats in which they are written.

        Raises:
            OutputRefused: nothing can be written in it.
        """
        self._folder, self._replace, self._names = output_folder(folder), replace, names
        self._written = Written(self._folder)
        self._film_of: dict[str, Path] = {}  # names handed out; case folded, as some file systems do

    def stem(self, film: Path, fingerprint: str) -> Path:
        """Returns where the reports of a film go, without their suffixes: the same for the same film.

        Raises:
            OutputRefused: every name it could have is another film's.
        """
        for letters in (0, MARK_LETTERS, 2 * MARK_LETTERS, 8 * MARK_LETTERS):
            name = distinct_name(film, SUFFIX, letters)
            free = self._film_of.get(name.casefold(), film.absolute()) == film.absolute()
            if free and not _of_another(self._folder / name, film, fingerprint):
                self._film_of[name.casefold()] = film.absolute()
                return self._folder / name.removesuffix(SUFFIX)
        raise OutputRefused(f"{self._folder}: every name for a report of {film} is taken: name another folder")

    def check(self, film: Path) -> None:
        """Refuses a film whose report was changed since it was written; of a film that cannot be read, nothing is said.

        Raises:
            OutputRefused: that is so, and it is not to be replaced.
        """
        try:
            fingerprint = sequence.fingerprint(film)
        except (MovieTagsError, OSError, ValueError):
            return
        self._refuse_changed(self.stem(film, fingerprint))

    def write(self, film: Path, report: TagReport, kept: Kept = NOTHING, manner: Manner = USUAL) -> tuple[Path, ...]:
        """Writes the report of a film, NAME.tags.json and so on, and returns where.

        Args:
            film: its path.
            report: of it.
            kept: what is to lie beside it.
            manner: how its files are wanted.

        Raises:
            OutputRefused: one cannot be written, or was changed since; an earlier one of its name is untouched.
        """
        stem = self.stem(film, report.video.fingerprint)
        bodies = report_bodies(report, stem, self._names, manner)
        self._refuse_changed(stem)
        self._written.note(stem.name, bodies.values())
        put(stem, kept)
        write_bodies(bodies)
        return (*lying(stem), *bodies)

    def _refuse_changed(self, stem: Path) -> None:
        path = None if self._replace else changed(stem, self._written.of(stem.name))
        if path:
            raise OutputRefused(f"{path}: was changed since it was written: --replace writes it anew")


def _of_another(report: Path, film: Path, fingerprint: str) -> bool:
    """Whether something is there that is not an earlier report of this very film.

    A relative path in a report says little, as nobody knows relative to what; then the content must be the same.
    """
    if not os.path.lexists(report):
        return False
    try:
        video = read_report(report).video
    except (BadPath, BadReport):
        return True
    certain = Path(video.path).is_absolute() or video.fingerprint == fingerprint
    return not certain or Path(video.path).absolute() != film.absolute()


def reports_below(folder: Path) -> list[Path]:
    """Returns all reports below a folder, NAME.tags.json, in the order of their names; follows no links to folders.

    Raises:
        BadPath: there is no such folder, or no report below it.
    """
    if not os.path.exists(folder):  # noqa: PTH110  # also of what can be no name
        raise PathMissing(f"{folder}: no such folder")
    walk = os.walk(folder)
    below = sorted(Path(place, file) for place, _, files in walk for file in files if file.endswith(SUFFIX))
    if not below:
        raise BadPath(
            f"{folder}: no report below it: name the folder to which `movietags extract -o` or `batch -o` wrote "
            f"NAME{SUFFIX}"
        )
    return below


def read_reports(folder: Path | str) -> DataFrame:
    """Returns all reports below a folder as one pandas table, with a row per film and tag: best first, film by film.

    Its columns are `report`, its path below the folder (as summary.csv of a batch has it), `film`, `path`, `duration_s`
    and `status` of the film, and the fields of `RankedTag`. A report that cannot be read is left out, and a warning is
    logged that says why.

    Raises:
        BadPath: there is no such folder, or no report below it.
        BadReport: not one of them can be read.
        LibraryMissing: pandas is not installed.
    """
    tables = []
    for file in reports_below(Path(folder)):
        try:
            report = corrections.read_report(file)
        except (BadPath, BadReport) as error:
            log.warning("left out: %s", error)
            continue
        video, place = report.video, file.relative_to(folder).as_posix()
        film = {"film": video.name, "path": video.path, "duration_s": video.duration_s, "status": report.status}
        tables.append((report.tags, {"report": place, **film}))
    if not tables:
        raise BadReport(f"{folder}: none of the reports below it can be read: extract the films again")
    frames = [frame(RankedTag, tags, **film) for tags, film in tables]
    import pandas

    # Without rows a table has no kinds of columns, and would take them from the others.
    return pandas.concat([table for table in frames if len(table)] or frames[:1], ignore_index=True)
