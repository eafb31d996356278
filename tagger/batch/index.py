"""The batch as a page: a row per film, with links to their pages; to be searched and sorted."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tagger.batch.ledger import LedgerEntry
from tagger.batch.summary import counted, in_order, status_of
from tagger.errors import OutputRefused
from tagger.files import is_file, with_name, write_atomically
from tagger.records import TagReport
from tagger.reports.formats import PAGE, file_of, named
from tagger.reports.html_index import IndexRow, as_index
from tagger.reports.page import GENERATOR

FILE = "index.html"
HEAD_BYTES = 4096  # of a page: within them it says who made it


def check(output: Path) -> None:
    """Refuses a folder in which another's page is, where ours is to be.

    Raises:
        OutputRefused: that is so.
    """
    path = output / FILE
    if is_file(path) and not _is_ours(path):
        raise OutputRefused(f"{path}: is there and not of movietags: move it away, or name another folder with -o")


def write(output: Path, known: Mapping[str, LedgerEntry], wanted: bool) -> None:
    """Puts index.html into the output folder: where it is wanted, or there already.

    Raises:
        OutputRefused: it cannot be written, or another's page is there.
        LibraryMissing: Jinja2 is not installed.
    """
    path = output / FILE
    if not (wanted or _is_ours(path)):
        return
    check(output)
    form = named(PAGE, TagReport)
    rows = []
    for entry in in_order(known.values()):
        page = file_of(output / entry.report, form)
        place = page.relative_to(output).as_posix() if is_file(page) else ""
        about = (status_of(entry), entry.tags, entry.sure or (), entry.duration_s, entry.shots, entry.reason, place)
        rows.append(IndexRow(entry.report, *about))
    text = as_index(f"{with_name(output).name}: films", counted(known), rows)
    write_atomically(path, text.encode("utf-8", "backslashreplace"))


def _is_ours(path: Path) -> bool:
    with suppress(OSError):
        if is_file(path):
            with path.open("rb") as file:
                return GENERATOR.encode() in file.read(HEAD_BYTES)
    return False
