"""Reports as files in a folder, under names that no two films ever share."""

from __future__ import annotations

from pathlib import Path

from tagger.errors import BadReport
from tagger.files import distinct_name, output_folder
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

    def paths(self, film: Path) -> tuple[Path, Path]:
        """Returns where the JSON and the CSV report of a film go; the same film gets the same names again."""
        plain = distinct_name(film, json_report.SUFFIX, plain=True)
        mine = self._film_of.setdefault(plain.casefold(), film.absolute()) == film.absolute()
        own = mine and not self._of_another(self._folder / plain, film)
        name = plain if own else distinct_name(film, json_report.SUFFIX, plain=False)
        stem = name.removesuffix(json_report.SUFFIX)
        return self._folder / name, self._folder / (stem + csv_report.SUFFIX)

    def write(self, film: Path, report: TagReport) -> None:
        """Writes NAME.tags.csv and NAME.tags.json, the JSON last: where it is, both are.

        Raises:
            OutputRefused: one cannot be written; an earlier one of its name is untouched.
        """
        to_json, to_csv = self.paths(film)
        csv_report.write_csv(report, to_csv)
        json_report.write_report(report, to_json)

    @staticmethod
    def _of_another(report: Path, film: Path) -> bool:
        """Whether a file is there that is not an earlier report of this very film."""
        if not report.exists():
            return False
        try:
            return Path(json_report.read_report(report).video.path).absolute() != film.absolute()
        except BadReport:
            return True
