"""Reports that are there already, under the name of another film: of one that was renamed, or that holds the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tagger.batch.find import FilmFile
from tagger.batch.guard import report_at
from tagger.batch.ledger import DONE, LedgerEntry
from tagger.errors import OutputRefused, reason
from tagger.files import output_folder, write_atomically
from tagger.records import TagReport
from tagger.reports.formats import report_bodies, report_files
from tagger.reports.written import changed, digest


def named(report: TagReport, path: Path, name: str) -> TagReport:
    """Returns a report as that of a film of this path and name."""
    return replace(report, video=replace(report.video, path=str(path), name=name))


def called_as(report: TagReport, film: FilmFile) -> TagReport:
    """Returns a report as that of a film; one in several files is called as they are together."""
    return named(report, film.path, film.place.name if film.more else film.path.name)


def as_one(report: TagReport, film: FilmFile, starts_s: Sequence[float]) -> TagReport:
    """Returns a report with what a film in several files is called, and when each of them begins."""
    if not film.more:
        return report
    parts = zip(film.files, starts_s, strict=True)
    files = ", ".join(f"{path.name} from {start_s:.3f} s" for path, start_s in parts)
    return replace(
        called_as(report, film), warnings=(*report.warnings, f"{len(film.files)} files as one film: {files}")
    )


def take_over(output: Path, entry: LedgerEntry) -> tuple[LedgerEntry, tuple[Path, ...]]:
    """Puts the reports of a film that moved under their new name; what people changed in them is kept as it is.

    Returns:
        The entry to be noted, and the files to be removed once it is.

    Raises:
        OutputRefused: they cannot be written.
    """
    old, new = output / (entry.was or entry.report), output / entry.report
    report = report_at(old) if entry.state == DONE and entry.was else None
    if report is None:
        return entry, ()
    output_folder(new.parent)
    if changed(old, entry.wrote):
        for path, target in zip(report_files(old), report_files(new), strict=True):
            try:
                with suppress(FileNotFoundError):
                    path.replace(target)
            except OSError as error:
                raise OutputRefused(f"{target}: cannot be written ({reason(error)})") from error
        return entry, ()
    path = Path(entry.path)
    bodies = report_bodies(named(report, path, new.name if entry.more else path.name), new)
    for target, body in bodies.items():
        write_atomically(target, body)
    wrote = tuple(map(digest, bodies.values()))
    return replace(entry, wrote=wrote), tuple(path for path in report_files(old) if path not in bodies)


def remove(files: Iterable[Path], output: Path) -> None:
    """Removes reports, and folders of the output that are empty then.

    Raises:
        OutputRefused: one cannot be removed.
    """
    for path in files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputRefused(f"{path}: cannot be removed ({reason(error)})") from error
        with suppress(OSError):  # not empty
            for folder in path.parents:
                if folder == output or output not in folder.parents:
                    break
                folder.rmdir()
