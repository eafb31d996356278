"""Formats that films lack which were done before: written from the JSON that is there, without reading a film again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tagger.batch.guard import report_at
from tagger.batch.ledger import Ledger, LedgerEntry
from tagger.errors import OutputRefused, because
from tagger.reports.formats import json_file, missing_bodies, write_bodies
from tagger.reports.kept import pictures_at
from tagger.reports.manner import Manner
from tagger.reports.written import digest


def complete(
    output: Path, book: Ledger, entries: Iterable[LedgerEntry], names: Sequence[str], csv_for: str
) -> Iterator[tuple[LedgerEntry, str]]:
    """Writes what is missing of these formats.

    Args:
        output: folder of the reports.
        book: the ledger, in which it is noted how they are written.
        entries: of the films.
        names: of the formats.
        csv_for: who reads CSV.

    Yields:
        Each entry, and why its formats cannot be written; nothing if they are.

    Raises:
        OutputRefused: the disk takes no more; what was done stands.
    """
    for entry in entries:
        try:
            _write(output / entry.report, book, entry, names, csv_for)
        except OutputRefused as error:
            if error.of_the_disk:
                raise
            yield entry, str(error)
        except Exception as error:  # of a report that holds what a format cannot say
            yield entry, because(entry.report, error)
        else:
            yield entry, ""


def _write(stem: Path, book: Ledger, entry: LedgerEntry, names: Sequence[str], csv_for: str) -> None:
    report = report_at(stem)
    if report is None:
        raise OutputRefused(f"{json_file(stem)}: cannot be read: tag its film again with --replace")
    bodies = missing_bodies(report, stem, names, Manner(csv_for, pictures_at(stem, report)))
    if entry.wrote:  # first: after a power cut now, they would be taken for changed
        book.put(replace(entry, wrote=(*entry.wrote, *map(digest, bodies.values()))))
    write_bodies(bodies)
