"""Another vocabulary for films that were tagged: folders of reports with features -> folders of reports.

Each film's features are read once, however many vocabularies are asked. What is made is as a batch makes it:
NAME.tags.json and NAME.tags.csv in the same folders, and a summary.csv.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from tagger.batch import summary
from tagger.batch.guard import replaces_another
from tagger.batch.ledger import DONE, FAILED, FOLDER, FOUND, LEDGERS, LedgerEntry, facts
from tagger.batch.plan import Shard, hold
from tagger.errors import BadSettings, MovieTagsError, OutputRefused, because
from tagger.files import output_folder, with_name
from tagger.records import CountProgress, TagReport
from tagger.reports.folder import reports_below
from tagger.reports.formats import report_bodies, write_bodies
from tagger.reports.json_report import SUFFIX
from tagger.reports.kept import read_features, report_of
from tagger.reports.manner import Manner
from tagger.reports.written import Written, changed
from tagger.retag import Retagger
from tagger.text import PROGRAMS


@dataclass(frozen=True, slots=True)
class Source:
    """Reports that were made before: a folder of them, or one."""

    path: Path

    @property
    def several(self) -> bool:
        """Whether it is a folder."""
        return self.path.is_dir()

    @property
    def folder(self) -> Path:
        """Below which they are."""
        return self.path if self.several else self.path.parent

    @property
    def name(self) -> str:
        """Of the folder, or of the one film."""
        return with_name(self.path).name.removesuffix(SUFFIX)

    def reports(self) -> list[Path]:
        """Returns them, in the order of their names.

        Raises:
            BadPath: there is no such folder or file, or no report below it.
        """
        return reports_below(self.path) if self.several else [self.path]

    @classmethod
    def of(cls, path: Path) -> Source:
        """Returns what a person named: features stand for the report that they lie beside."""
        return cls(report_of(path))


@dataclass(slots=True, eq=False)
class Target:
    """Where the reports of one vocabulary go, and what became of each film there."""

    folder: Path
    retagger: Retagger
    entries: dict[str, LedgerEntry] = field(default_factory=dict)

    @property
    def failures(self) -> int:
        """How many films have no report of this run."""
        return sum(entry.state == FAILED for entry in self.entries.values())

    def expect(self, name: str) -> None:
        """Notes that a film is to have a report."""
        self.entries[name] = LedgerEntry("", name, FOUND, "", "")

    def fail(self, name: str, why: str) -> None:
        """Notes that a film has no report, and why."""
        now = datetime.now(timezone.utc).isoformat()
        self.entries[name] = LedgerEntry("", name, FAILED, now, "", reason=why)

    def note(self, name: str, report: TagReport) -> None:
        """Notes that a film has a report."""
        film = report.video.path
        self.entries[name] = LedgerEntry(film, name, DONE, report.created, film, **facts(report))


def targets(source: Source, retaggers: Sequence[Retagger], output: Path | None, inside: str = "") -> list[Target]:
    """Returns where the reports of each vocabulary go.

    Args:
        source: of the reports that there are.
        retaggers: a vocabulary each.
        output: a folder for all, in which each of several vocabularies has one; None: beside the source, OUT-VOCAB.
        inside: name of a folder in each of these, where there are several sources.

    Raises:
        BadSettings: two vocabularies have one name; or a place is not apart from the source, or is that of a batch.
    """
    made: list[Target] = []
    for retagger in retaggers:
        name, beside = retagger.vocabulary.name, with_name(source.path)
        if output is None:
            folder = beside.with_name(f"{beside.name}-{name}")
        else:
            folder = output / name / inside if len(retaggers) > 1 else output / inside
        if folder in [target.folder for target in made]:
            raise BadSettings(f"two vocabularies are called {name}: ask one after the other, each with its own -o")
        _check(folder, source)
        made.append(Target(folder, retagger))
    return made


def _check(folder: Path, source: Source) -> None:
    """Refuses a place in which reports of others would be written over, or be taken for those of the source."""
    ours, theirs = folder.resolve(), source.folder.resolve()
    mixed = source.several and (theirs in ours.parents or ours in theirs.parents)
    if ours == theirs or mixed:
        raise BadSettings(f"{folder}: is where {source.path} is, in it or around it: name a folder apart with -o")
    if any((folder / FOLDER).glob(LEDGERS)):
        raise BadSettings(f"{folder}: holds the reports of a batch: name another folder with -o")


class Retagging:
    """One run over the reports of a source."""

    def __init__(self, source: Source, into: Sequence[Target], replace: bool = False, csv_for: str = PROGRAMS) -> None:
        """Takes where reports come from and where they go; nothing is read or written yet.

        Args:
            source: of the reports.
            into: targets, as `targets` gives them.
            replace: writes over reports that people changed, too.
            csv_for: who reads the CSV.
        """
        self._source, self._into, self._replace, self._csv_for = source, into, replace, csv_for
        self._written: dict[Path, Written] = {}

    def run(self, failed: Callable[[str], None], progress: CountProgress) -> None:
        """Writes the reports of all films, and of a folder of them a summary.csv into each target.

        If it is stopped, films that it did not come to are pending there.

        Args:
            failed: is told of each film that is without a report of some vocabulary, in one line.
            progress: is told after each film.

        Raises:
            BadPath: there is no such source, or no report in it.
            OutputLocked: another process writes to a target.
            OutputRefused: nothing can be written to a target, or no more; what was done stands.
        """
        folder = self._source.folder
        reports = {file.relative_to(folder).as_posix().removesuffix(SUFFIX): file for file in self._source.reports()}
        with ExitStack() as held:
            for target in self._into:
                held.enter_context(hold(target.folder, Shard()))
                self._written[target.folder] = Written(target.folder)
                for name in reports:
                    target.expect(name)
            try:
                for done, (name, file) in enumerate(reports.items(), 1):
                    self._film(name, file, failed)
                    progress(done, len(reports))
            finally:
                for target in self._into if self._source.several else ():
                    summary.write(target.folder, target.entries, self._csv_for)

    def others_in(self, target: Target) -> list[str]:
        """Returns the names of the reports in a target that are of none of these films: renamed or pruned, perhaps."""
        there = sorted(target.folder.rglob(f"*{SUFFIX}")) if self._source.several else ()
        names = (path.relative_to(target.folder).as_posix().removesuffix(SUFFIX) for path in there)
        return [name for name in names if name not in target.entries]

    def _film(self, name: str, file: Path, failed: Callable[[str], None]) -> None:
        """One film, for all vocabularies."""
        try:
            found = read_features(file)
        except (MovieTagsError, OSError) as error:
            failed(str(error))
            for target in self._into:
                target.fail(name, str(error))
            return
        for target in self._into:
            try:
                report = target.retagger.report(found.report, found.kept)
                self._write(target, name, report)
            except OutputRefused as error:
                if error.of_the_disk:
                    raise
                failed(str(error))
                target.fail(name, str(error))
            except Exception as error:  # one that is no other's fault costs this film
                why = because(file, error)
                failed(why)
                target.fail(name, why)
            else:
                target.note(name, report)

    def _write(self, target: Target, name: str, report: TagReport) -> None:
        stem, written = target.folder / name, self._written[target.folder]
        path = None if self._replace else changed(stem, written.of(name))
        if path:
            raise OutputRefused(f"{path}: was changed since it was written: --replace writes it anew")
        if not self._replace and replaces_another(stem, report):
            raise OutputRefused(f"{stem}{SUFFIX}: is there and no report of this film: --replace writes over it")
        output_folder(stem.parent)
        bodies = report_bodies(report, stem, manner=Manner(self._csv_for))
        written.note(name, bodies.values())
        write_bodies(bodies)
