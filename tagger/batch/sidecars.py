"""The sidecars of a film, in which media centres keep what is known of it: which these are, and our tags in them.

    Film (2010)/Film (2010).mkv  Film (2010).nfo  movie.nfo

Jellyfin takes `movie.nfo` before NAME.nfo where a folder holds one film; Kodi does where its source is set to a folder
for each film, and takes NAME.nfo else. So our tags are in each of those that are there. None is made: Kodi would take
it for all that is to be known of the film, and look nowhere else.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tagger.batch import ledger
from tagger.batch.find import SUFFIXES, FilmFile, find
from tagger.batch.guard import changed_since
from tagger.batch.kinds import DISC_FOLDER, arranged, called, without_part
from tagger.errors import BadSidecar, MovieTagsError, OutputRefused, PathMissing, reason
from tagger.files import SAMPLE_BYTES, is_file, written_whole
from tagger.records import TagReport
from tagger.reports.corrections import corrections_file, read_report
from tagger.reports.film_file import film_of
from tagger.reports.formats import json_file
from tagger.reports.nfo import merged
from tagger.reports.nfo_parts import BYTES_MAX

SUFFIX = ".nfo"
SHARED = f"movie{SUFFIX}"  # of its folder's film
BACKUP = ".movietags-backup"  # behind the name of a sidecar: no program takes that for one
VIDEO_TS, BDMV, STREAM = "VIDEO_TS", "BDMV", "STREAM"
# What may stand behind the name of the folder in that of a version of its film: "Film (2010) - 1080p", "Film [4K]".
VERSION = re.compile(r"\s*([-_.\[{].*)?")
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


def film_files(file: Path, report: TagReport) -> tuple[Path, ...]:
    """Returns the files of the film of a report: one, those of a disc, or its parts.

    Args:
        file: path of the report.
        report: what it holds.

    Raises:
        PathMissing: they are not there, or others now.
    """
    try:
        return (film_of(file, report),)
    except PathMissing:
        first = Path(report.video.path)
        home = _home([first])
        for folder in (home, home.parent) if is_file(first) else ():
            for film in _films(folder) if folder == home or DISC_FOLDER.fullmatch(home.name) else ():
                if film.path == first and _is_of(film, report):
                    return film.files
        raise


def _is_of(film: FilmFile, report: TagReport) -> bool:
    """Whether a film in several files is that of a report."""
    try:
        return ledger.ends_of(film.path, film.more, SAMPLE_BYTES) == report.video.fingerprint
    except OSError:
        return False


def sidecars(files: Sequence[Path]) -> list[Path]:
    """Returns the sidecars of a film that are there, by the names that Kodi and Jellyfin look for."""
    return [path for path in dict.fromkeys(_candidates(files)) if is_file(path)]


@dataclass(slots=True)
class Sidecars:
    """One run over the sidecars of films."""

    min_score: float | None = None
    remove: bool = False  # our tags, in place of putting them in
    corrected: bool = True  # heeds what a person put right
    written: int = 0
    stood: int = 0  # sidecars that had these tags
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
        except MovieTagsError as error:
            self.faults.append(str(error))

    def renew_all(self, output: Path, films: Iterable[FilmFile]) -> None:
        """Renews the sidecars of films that a batch has tagged into a folder, by its ledger where that says enough."""
        known = ledger.read(output)
        for film in films:
            entry = known.get(ledger.key_of(film.path))
            if entry is None or entry.state != ledger.DONE:
                continue
            file = json_file(output / entry.report)
            if self.min_score is None and file not in self._seen and _is_as_noted(output, entry):
                self._seen.add(file)
                self._put(entry.sure, film.files)
            else:
                self.renew(file, film.files)

    def put(self, report: TagReport, files: Sequence[Path]) -> None:
        """Renews the sidecars of a film."""
        self._put([] if self.remove else wanted(report, self.min_score), files)

    def _put(self, tags: Sequence[str] | None, files: Sequence[Path]) -> None:
        there = sidecars(files)
        self.without += not there
        self.unsure += not (tags or self.remove or self.min_score is not None)
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
        yield f"sidecars: {self.written} written, {self.stood} had these tags already"
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
    _write_like(path, new, path)
    with suppress(OSError):
        if new == bare == backup.read_bytes():  # as it was before
            backup.unlink()
    return True


def _write_like(path: Path, body: bytes, other: Path) -> None:
    """Writes a file whole or not at all, with the mode of another, and its owner where that may be."""
    with written_whole(path) as file:
        file.write(body)
        shutil.copymode(other, file.name)
        with suppress(OSError, AttributeError):  # Windows has no such call
            os.chown(file.name, other.stat().st_uid, other.stat().st_gid)


def _candidates(files: Sequence[Path]) -> Iterator[Path]:
    """Where the sidecars of a film may be."""
    first, home, folder = files[0], _home(files), files[0].parent
    if folder.name.upper() == VIDEO_TS:
        yield folder / f"{VIDEO_TS}{SUFFIX}"
    elif folder != home and folder.parent.name.upper() == BDMV:
        yield folder.parent / f"index{SUFFIX}"
    elif _is_first_of_its_name(first):
        yield first.with_suffix(SUFFIX)
    if len(files) > 1:  # parts: without what says which one it is, and in the folder above CD1
        yield from (home / f"{name}{SUFFIX}" for name in (without_part(first.stem), first.stem) if name)
    if folder != home:
        yield home / f"{called(home)}{SUFFIX}"
    if is_file(home / SHARED) and _owns(home, files):
        yield home / SHARED


def _home(files: Sequence[Path]) -> Path:
    """The folder of a film: that of its file, or above those of a disc, or of its parts."""
    folder = files[0].parent
    if folder.name.upper() == VIDEO_TS:
        folder = folder.parent
    elif folder.name.upper() == STREAM and folder.parent.name.upper() == BDMV:
        folder = folder.parent.parent
    apart = any(folder not in path.parents for path in files)
    return folder.parent if apart and DISC_FOLDER.fullmatch(folder.name) else folder


def _is_first_of_its_name(film: Path) -> bool:
    """Whether no other film has this name and comes before it: of Film.avi and Film.mkv, the first has Film.nfo."""
    return not any(suffix < film.suffix.lower() and is_file(film.with_suffix(suffix)) for suffix in SUFFIXES)


def _owns(home: Path, files: Sequence[Path]) -> bool:
    """Whether a film is that of its folder: the only one, or of versions that which is called as the folder is.

    Without such a one, it is the first; other versions are known by their own sidecars alone.
    """
    films = [film for film in _films(home) if _home(film.files) == home]
    name = called(home).casefold()
    names = {film.path: film.place.name.removesuffix(film.path.suffix).casefold() for film in films}
    are_versions = all(one.startswith(name) and VERSION.fullmatch(one[len(name) :]) for one in names.values())
    if len(films) > 1 and not are_versions:
        return False
    return files[0] == min(names, key=lambda path: (names[path] != name, names[path], path), default=None)


def _films(folder: Path) -> Sequence[FilmFile]:
    """The films below a folder, as a batch takes them."""
    return arranged(find([folder], folder)).films
