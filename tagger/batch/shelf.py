"""Reports that are there already, under the name of another film: of one that was renamed, or that holds the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tagger.batch.find import FilmFile
from tagger.batch.guard import report_at
from tagger.batch.ledger import DONE, STARTED, LedgerEntry, ends_of
from tagger.errors import OutputRefused, reason
from tagger.files import SAMPLE_BYTES, is_file, output_folder
from tagger.records import TagReport
from tagger.reports.corrections import corrections_file
from tagger.reports.film_file import SEVERAL
from tagger.reports.formats import json_file, lying_files, lying_names, report_bodies, write_bodies
from tagger.reports.kept import Kept, bodies_at, lying, pictures_at, put
from tagger.reports.manner import Manner
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
    return replace(called_as(report, film), warnings=(*report.warnings, f"{len(film.files)}{SEVERAL}{files}"))


def take_over(output: Path, moved: Sequence[LedgerEntry]) -> Iterator[tuple[LedgerEntry, tuple[Path, ...]]]:
    """Puts the reports of films that moved under their new names; what people changed in them is kept as it is.

    Names may go round, as when episodes are numbered anew: what lies under a name that another film gets is read first.

    Yields:
        Each entry as it is to be noted, and the files to be removed once it is.

    Raises:
        OutputRefused: they cannot be written.
    """
    new_names = {entry.report for entry in moved if entry.was}
    read_first = {entry.was: _lying(output, entry) for entry in moved if entry.was in new_names}
    for entry in moved:
        # A name that is another's now is that in the ledger, too.
        noted = replace(entry, was="") if entry.was in new_names else entry
        if entry.state != DONE or not entry.was:
            yield noted, ()
            continue
        bodies = read_first.get(entry.was) or _lying(output, entry)
        if not bodies:  # somebody took it away, or put another film's there
            yield replace(noted, state=STARTED, wrote=()), ()
            continue
        new = output / entry.report
        output_folder(new.parent)
        put(new, bodies.kept)
        write_bodies({new.with_name(new.name + ending): body for ending, body in bodies.files.items()})
        old = output / noted.was
        yield replace(noted, wrote=bodies.wrote), (*files_of(old), *_put_right(old)) if noted.was else ()


def files_of(stem: Path) -> tuple[Path, ...]:
    """Returns all files of a film's report of this name, its features too."""
    return (*lying_files(stem), *lying(stem))


def _put_right(stem: Path) -> tuple[Path, ...]:
    """What a person put right in the film of this name: theirs, so that it goes along and is never pruned."""
    path = corrections_file(json_file(stem))
    return (path,) if is_file(path) else ()


@dataclass(frozen=True, slots=True)
class _Bodies:
    """What the reports of a film are to hold under its new name."""

    files: dict[str, bytes]  # by how their names end; JSON comes last
    wrote: tuple[str, ...]
    kept: Kept


def _lying(output: Path, entry: LedgerEntry) -> _Bodies | None:
    """What lies under the old name of a film, with its new path; None if that is not its report."""
    old, (path, *more) = output / entry.was, entry.files
    report = report_at(old)
    try:
        if report is None or report.video.fingerprint != ends_of(path, more, SAMPLE_BYTES):
            return None
        kept = bodies_at(old)
        theirs = {path.name[len(old.name) :]: path.read_bytes() for path in _put_right(old)}
        if changed(old, entry.wrote):
            files = {file.name[len(old.name) :]: file.read_bytes() for file in lying_files(old)}
            return _Bodies(theirs | files, entry.wrote, kept)
    except OSError:
        return None
    given, new = Path(entry.path), output / entry.report
    name = PurePosixPath(entry.report).name if more else given.name
    moved = named(report, given, name)
    bodies = report_bodies(moved, new, lying_names(old), Manner(pictures=pictures_at(old, report)))
    files = {path.name[len(new.name) :]: body for path, body in bodies.items()}
    return _Bodies(theirs | files, tuple(map(digest, files.values())), kept)


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
