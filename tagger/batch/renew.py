"""Tags in the sidecars of films: renewed where they are others than those that are wanted.

They are in each sidecar of a film that is there. None is made: Kodi would take it for all there is to know of the film,
and look nowhere else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tagger.batch import ledger
from tagger.batch.find import FilmFile
from tagger.batch.guard import changed_since
from tagger.batch.sidecars import film_files, sidecars
from tagger.errors import BadSidecar, MovieTagsError, OutputRefused, because, reason
from tagger.files import written_whole
from tagger.records import TagReport
from tagger.reports.corrections import corrections_file, read_report
from tagger.reports.formats import json_file
from tagger.reports.nfo import merged
from tagger.reports.nfo_parts import BYTES_MAX

BACKUP = ".movietags-backup"  # behind the name of a sidecar: no program takes that for one
WRITABLE = 0o222


def wanted(report: TagReport, min_score: float | None = None) -> list[str] | None:
    """Returns the tags for the sidecars of a film, the surest first: those that are sure; None if nothing says which.

    Args:
        report: of the film.
        min_score: those of at least this score in their place, the best first; also where nothing says what is sure.
    """
    if min_score is None:
        return [tag.tag for tag in report.sure] if report.says_confidence else None
    return [tag.tag for tag in report.tags if tag.weight > 0 and tag.score >= min_score]


@dataclass(slots=True)
class Sidecars:
    """One run over the sidecars of films."""

    min_score: float | None = None
    remove: bool = False  # our tags, in place of putting them in
    corrected: bool = True  # heeds what a person put right
    written: int = 0
    stood: int = 0  # sidecars that stay as they were
    without: int = 0  # films that have none
    unsure: int = 0  # films without a sure tag
    faults: list[str] = field(default_factory=list)  # a line each
    _seen: set[Path] = field(default_factory=set)  # reports

    def renew(self, file: Path, files: Sequence[Path] | None = None) -> None:
        """Renews the sidecars of the film of a report, of each report once.

        Args:
            file: path of the report.
            files: of its film. None: it is looked for.
        """
        if file in self._seen:
            return
        self._seen.add(file)
        try:
            report = read_report(file, self.corrected)
            self.put(report, files or film_files(file, report))
        except Exception as error:  # a defect costs these sidecars, not those of others
            self.faults.append(str(error) if isinstance(error, MovieTagsError) else because(file, error))

    def renew_all(self, output: Path, films: Iterable[FilmFile]) -> None:
        """Renews the sidecars of films that a batch has tagged into a folder, by its ledger where that says enough."""
        known = ledger.read(output)
        for film in films:
            entry = known.get(ledger.key_of(film.path))
            if entry is None or entry.state != ledger.DONE:
                continue
            file, there = json_file(output / entry.report), sidecars(film.files)
            if file in self._seen:
                continue
            if there and not (self.min_score is None and _is_as_noted(output, entry)):
                self.renew(file, film.files)
                continue
            self._seen.add(file)
            self._put(entry.sure, there)

    def put(self, report: TagReport, files: Sequence[Path]) -> None:
        """Renews the sidecars of a film."""
        self._put([] if self.remove else wanted(report, self.min_score), sidecars(files))

    def _put(self, tags: Sequence[str] | None, there: Sequence[Path]) -> None:
        self.without += not there
        if there and not (tags or self.remove or self.min_score is not None):
            self.unsure += 1
        if tags is None:  # what is there may be right
            return
        for path in there:
            try:
                renewed = _renew(path, tags)
            except OutputRefused as error:
                self.faults.append(str(error))
            except (BadSidecar, OSError) as error:
                self.faults.append(f"{path}: {reason(error)}")
            else:
                self.written += renewed
                self.stood += not renewed

    def lines(self) -> Iterator[str]:
        """Yields what was done, and why tags are missing where somebody may look for them."""
        yield f"sidecars: {self.written} written, {self.stood} as they were"
        if self.without:
            have = "1 film has" if self.without == 1 else f"{self.without} films have"
            yield (
                f"{have} no sidecar (NAME.nfo, movie.nfo), and none is made: Kodi would take it for all there is to "
                "know. Kodi (export library) and Jellyfin (metadata savers: Nfo) make them"
            )
        if self.unsure:
            have = "1 film has" if self.unsure == 1 else f"{self.unsure} films have"
            yield f"{have} no tag that is sure: --min-score takes tags by their score"


def _is_as_noted(output: Path, entry: ledger.LedgerEntry) -> bool:
    """Whether the sure tags of a film are those of its entry: no person changed its report, or put it right."""
    stem = output / entry.report
    return not (os.path.lexists(corrections_file(json_file(stem))) or changed_since(stem, entry))


def _renew(path: Path, tags: Sequence[str]) -> bool:
    """Renews our tags in a sidecar, of which there is a copy from the first time on; whether it was written."""
    path = Path(os.path.realpath(path))  # a link stays one
    with path.open("rb") as file:
        body = file.read(BYTES_MAX + 1)
    new, bare = merged(body, tags), merged(body, ())
    if new == body:
        return False
    if not path.stat().st_mode & WRITABLE:
        raise OutputRefused(f"{path}: is read-only, and stays as it is")
    backup = path.with_name(path.name + BACKUP)
    if not os.path.lexists(backup):
        _write_like(backup, bare, path)
    _write_like(path, new, path, body)
    with suppress(OSError):
        if new == bare == backup.read_bytes():  # as it was before
            backup.unlink()
    return True


def _write_like(path: Path, body: bytes, other: Path, was: bytes | None = None) -> None:
    """Writes a file whole or not at all, with the mode of another, and its owner where that may be.

    Raises:
        OutputRefused: it cannot be written, or is no longer what it was: what a media centre or a person wrote
            meanwhile stays.
    """
    with written_whole(path) as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())  # which may take a while
        if was is not None and path.read_bytes() != was:
            raise OutputRefused(f"{path}: was written by another program meanwhile, and stays so: run it again")
        shutil.copymode(other, file.name)
        with suppress(OSError, AttributeError):  # Windows has no such call
            os.chown(file.name, other.stat().st_uid, other.stat().st_gid)
