"""What a batch must not write over: reports that people changed, those of other films, those of another vocabulary."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from tagger.batch.find import FilmFile
from tagger.batch.ledger import DONE, LedgerEntry, ends_of, key_of
from tagger.errors import BadPath, BadReport
from tagger.files import SAMPLE_BYTES
from tagger.records import TagReport
from tagger.reports.formats import json_file, lying_files
from tagger.reports.json_report import read_report
from tagger.reports.written import changed


def report_at(stem: Path) -> TagReport | None:
    """Returns the report of this name, if there is one that can be read."""
    with suppress(BadPath, BadReport):
        return read_report(json_file(stem))
    return None


def changed_since(stem: Path, entry: LedgerEntry) -> Path | None:
    """Returns the report of a film that is done which was changed since; only those touched since then are read."""
    try:
        done_s = datetime.fromisoformat(entry.at).timestamp()
        times = [path.stat() for path in lying_files(stem)]
    except (OSError, ValueError):
        return changed(stem, entry.wrote)
    touched = any(max(time.st_mtime, time.st_ctime) > done_s for time in times)
    return changed(stem, entry.wrote) if touched else None


def of_another(stem: Path, film: FilmFile) -> bool:
    """Returns whether a report of this name is there that is another film's, or that cannot be read.

    It is this film's if it has its path, or its name and its fingerprint.
    """
    if not lying_files(stem):
        return False
    report = report_at(stem)
    if report is None:
        return True
    path = Path(report.video.path)
    if path == film.path or (path.is_absolute() and key_of(path) == key_of(film.path)):
        return False
    try:
        here = ends_of(film.path, film.more, SAMPLE_BYTES)
    except OSError:
        return True
    return (report.video.name, report.video.fingerprint) != (film.place.name, here)


def replaces_another(stem: Path, report: TagReport) -> bool:
    """Returns whether there is a file where a report is to be written, which is not one of the same film.

    It is the same if it has its path, or its fingerprint.
    """
    if not os.path.lexists(json_file(stem)):
        return False
    there = report_at(stem)
    return there is None or (
        there.video.path != report.video.path and there.video.fingerprint != report.video.fingerprint
    )


def other_vocabulary(
    known: Mapping[str, LedgerEntry], redone: Iterable[str], asked: str, slugs: Collection[str], output: Path
) -> str:
    """Returns the vocabulary of which an output folder holds reports that a run would mix with its own; "" if none.

    A vocabulary is another if its tags are others; what it learned since is no matter.

    Args:
        known: the last entry of each film.
        redone: names of the reports that would be written over.
        asked: digest of the run's settings, model and vocabulary.
        slugs: its tags.
        output: the folder.
    """
    finished = [entry for entry in known.values() if entry.state == DONE]
    names = list(redone)
    if not any(entry.asked == asked for entry in finished):
        names += [entry.report for entry in finished]
    for name in names:
        if report := report_at(output / name):
            tags = {tag.slug for tag in report.tags}
            return report.model.vocabulary if tags != set(slugs) else ""
    return ""
