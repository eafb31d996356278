"""Reports that were made before, written in other formats: no film is read and no network asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from tagger.batch import ledger
from tagger.batch.plan import Shard, hold
from tagger.batch.retag import Source
from tagger.errors import BadSettings, MovieTagsError, OutputRefused, because
from tagger.files import is_file, output_folder
from tagger.records import CountProgress, TagReport
from tagger.reports.formats import all_named, file_of, write_bodies
from tagger.reports.json_report import SUFFIX, read_report
from tagger.reports.kept import pictures_at
from tagger.reports.manner import Manner
from tagger.reports.written import Written, digest
from tagger.text import PROGRAMS


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


def body(file: Path, name: str, csv_for: str = PROGRAMS) -> bytes:
    """Returns a report in a format.

    Raises:
        BadPath, BadReport: it cannot be read.
        BadSettings: there is no such format.
        LibraryMissing: the format needs a library that is not installed.
    """
    report = read_report(file)
    return all_named(name, TagReport)[0].body(report, _manner(file, report, file.parent, csv_for))


class Exporting:
    """One run over reports."""

    def __init__(self, folder: Path, names: Sequence[str], replace: bool = False, csv_for: str = PROGRAMS) -> None:
        """Takes where files go and in which formats; nothing is read or written yet.

        Args:
            folder: for the files.
            names: of formats.
            replace: writes over files that people changed, or of which nobody knows who wrote them, too.
            csv_for: who reads CSV.
        """
        self._folder, self._names, self._replace, self._csv_for = folder, names, replace, csv_for

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
        report, stem = read_report(file), self._folder / name
        manner = _manner(file, report, stem.parent, self._csv_for)
        forms = [form for one in self._names for form in all_named(one, TagReport)]
        bodies = {file_of(stem, form): form.body(report, manner) for form in forms}
        wrote = {*self._written.of(name), *self._batch.get(name, ())}
        bodies = {path: one for path, one in bodies.items() if self._differs(path, one, wrote)}
        output_folder(stem.parent)
        self._written.note(name, bodies.values())
        write_bodies(bodies)

    def _differs(self, path: Path, body: bytes, wrote: Collection[str]) -> bool:
        """Whether a file is to be written: not where it holds just that."""
        there = digest(path.read_bytes()) if is_file(path) else None
        if there in (None, digest(body)):
            return there is None
        if there not in wrote and not self._replace:
            raise OutputRefused(f"{path}: is there, and was changed or made by others: --replace writes over it")
        return True


def _manner(file: Path, report: TagReport, folder: Path, csv_for: str) -> Manner:
    stem = file.with_name(file.name.removesuffix(SUFFIX))
    return Manner(csv_for, pictures_at(stem, report), folder)
