"""Reports as files in a folder, under names that no two films ever share."""

from __future__ import annotations

import os
from pathlib import Path

from tagger.errors import BadPath, BadReport, OutputRefused
from tagger.files import MARK_LETTERS, distinct_name, output_folder, regular_file
from tagger.records import TagReport
from tagger.reports import csv_report, json_report


class Folder:
    """Takes reports: as NAME.* for the first film of a name, as NAME-1a2b3c4d.* for any other."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder if it is missing.

        Raises:
            OutputRefused: nothing can be written in it.
        """
        self._folder = output_folder(folder)
        self._film_of: dict[str, Path] = {}  # names handed out; case folded, as some file systems do

    def paths(self, film: Path, fingerprint: str) -> tuple[Path, Path]:
        """Returns where the JSON and the CSV report of a film go: the same for the same film.

        Raises:
            OutputRefused: every name it could have is another film's.
        """
        for letters in (0, MARK_LETTERS, 2 * MARK_LETTERS, 8 * MARK_LETTERS):
            name = distinct_name(film, json_report.SUFFIX, letters)
            first = self._film_of.get(name.casefold(), film.absolute()) == film.absolute()
            if first and not _of_another(self._folder / name, film, fingerprint):
                self._film_of[name.casefold()] = film.absolute()
                stem = name.removesuffix(json_report.SUFFIX)
                return self._folder / name, self._folder / (stem + csv_report.SUFFIX)
        raise OutputRefused(f"{self._folder}: every name for a report of {film} is taken: name another folder")

    def write(self, film: Path, report: TagReport) -> None:
        """Writes NAME.tags.csv and NAME.tags.json, the JSON last: where it is, both are.

        Raises:
            OutputRefused: one cannot be written; an earlier one of its name is untouched.
        """
        to_json, to_csv = self.paths(film, report.video.fingerprint)
        csv_report.write_csv(report, to_csv)
        json_report.write_report(report, to_json)


def _of_another(report: Path, film: Path, fingerprint: str) -> bool:
    """Whether something is there that is not an earlier report of this very film.

    A relative path in a report says little, as nobody knows relative to what; then the content must be the same.
    """
    if not os.path.lexists(report):
        return False
    try:
        video = json_report.read_report(regular_file(report)).video
    except (BadPath, BadReport):
        return True
    known = Path(video.path).is_absolute() or video.fingerprint == fingerprint
    return not known or Path(video.path).absolute() != film.absolute()
