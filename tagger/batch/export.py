"""Reports that were made before, written in other formats: no film is read and no network asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagger.batch import ledger
from tagger.batch.plan import Shard, hold
from tagger.batch.retag import Source
from tagger.errors import BadSettings, MovieTagsError, OutputRefused, because
from tagger.files import is_file, output_folder
from tagger.records import CountProgress, TagReport
from tagger.reports.corrections import OF_ANOTHER, Corrections, put_right, read_corrections
from tagger.reports.formats import PAGE, Format, all_named, file_of, named, write_bodies
from tagger.reports.json_report import SUFFIX, read_report, stem_of
from tagger.reports.kept import pictures_at
from tagger.reports.manner import Manner
from tagger.reports.written import Written, digest
from tagger.text import PROGRAMS

log = logging.getLogger(__name__)


def named_reports(paths: Iterable[Path]) -> dict[str, Path]:
    """Returns reports by the names that they will have: those of files, and of folders their places below these.

    Raises:
        BadPath: there is no such file or folder, or no report below it.
        BadSettings: two have one name.
    """
    found: dict[str, Path] = {}
    for source in map(Source.of, paths):
        for file in source.reports():
            name = file.relative_to(source.folder).as_posix().removesuffix(SUFFIX)
            if name in found and found[name] != file:
                raise BadSettings(
                    f"{found[name]} and {file}: have one name: export one after the other, each with its own -o"
                )
            found[name] = file
    return found


def body(file: Path, name: str, csv_for: str = PROGRAMS, corrected: bool = True) -> bytes:
    """Returns a report in a format, put right where a person did that.

    Raises:
        BadPath, BadReport: it cannot be read.
        BadSettings: there is no such format.
        LibraryMissing: the format needs a library that is not installed.
    """
    form, read = named(name, TagReport), _read(file, corrected)
    return form.body(_subject(form, read), _manner(file, read, file.parent, csv_for))


class Exporting:
    """One run over reports."""

    def __init__(
        self, folder: Path, names: Sequence[str], replace: bool = False, csv_for: str = PROGRAMS, corrected: bool = True
    ) -> None:
        """Takes where files go and in which formats; nothing is read or written yet.

        Args:
            folder: for the files.
            names: of formats.
            replace: writes over files that people changed, or of which nobody knows who wrote them, too.
            csv_for: who reads CSV.
            corrected: heeds what a person put right.
        """
        self._folder, self._names, self._replace, self._csv_for = folder, names, replace, csv_for
        self._corrected, self.put_right = corrected, 0

    def run(self, reports: dict[str, Path], failed: Callable[[str], None], progress: CountProgress) -> int:
        """Writes all reports, and returns how many cannot be.

        Args:
            reports: by name, as `named_reports` gives them.
            failed: is told of each that cannot be written, in one line.
            progress: is told after each.

        Raises:
            OutputLocked: another process writes to the folder.
            OutputRefused: nothing can be written to it, or no more; what was done stands.
        """
        failures = 0
        with hold(self._folder, Shard()):
            self._written, entries = Written(self._folder), ledger.read(self._folder).values()
            self._batch = {entry.report: entry.wrote for entry in entries}
            for done, (name, file) in enumerate(reports.items(), 1):
                try:
                    self._write(name, file)
                except OutputRefused as error:
                    if error.of_the_disk:
                        raise
                    failures += 1
                    failed(str(error))
                except Exception as error:  # of one report, which may hold what a format cannot say
                    failures += 1
                    failed(str(error) if isinstance(error, MovieTagsError) else because(file, error))
                progress(done, len(reports))
        return failures

    def _write(self, name: str, file: Path) -> None:
        stem, read = self._folder / name, _read(file, self._corrected)
        manner = _manner(file, read, stem.parent, self._csv_for)
        forms = [form for one in self._names for form in all_named(one, TagReport)]
        bodies = {file_of(stem, form): form.body(_subject(form, read), manner) for form in forms}
        wrote = {*self._written.of(name), *self._batch.get(name, ())}
        bodies = {
            path: one for path, one in bodies.items()
            if path.resolve() != file.resolve() and self._differs(path, one, wrote)  # the report itself stays as it is
        }  # fmt: skip
        if bodies:
            output_folder(stem.parent)
            self._written.note(name, bodies.values())
            write_bodies(bodies)
        self.put_right += read.is_put_right

    def _differs(self, path: Path, body: bytes, wrote: Collection[str]) -> bool:
        """Whether a file is to be written: not where it holds just that."""
        there = digest(path.read_bytes()) if is_file(path) else None
        if there in (None, digest(body)):
            return there is None
        if there not in wrote and not self._replace:
            raise OutputRefused(f"{path}: is there, and was changed or made by others: --replace writes over it")
        return True


@dataclass(frozen=True, slots=True)
class _Read:
    """A report as it was made, and what a person put right in it."""

    report: TagReport
    corrections: Corrections | None

    @property
    def is_put_right(self) -> bool:
        """Whether there are corrections, and of this film."""
        return self.corrections is not None and self.corrections.film == self.report.video.fingerprint


def _read(file: Path, corrected: bool) -> _Read:
    read = _Read(read_report(file), read_corrections(file) if corrected else None)
    if read.corrections is not None and not read.is_put_right:
        log.warning("%s: %s", file, OF_ANOTHER)
    return read


def _subject(form: Format[TagReport], read: _Read) -> TagReport:
    """What a format is given: a page shows by itself what was put right, so that it can be taken back there."""
    right = read.corrections
    return read.report if right is None or form.name == PAGE else put_right(read.report, right)


def _manner(file: Path, read: _Read, folder: Path, csv_for: str) -> Manner:
    return Manner(csv_for, pictures_at(stem_of(file), read.report), read.corrections, folder)
