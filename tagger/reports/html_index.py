"""A page of many films: each with its first tags and a link to its own page; to be searched and sorted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from tagger.reports.page import page
from tagger.text import moment

COLUMNS = (("film", ""), ("status", ""), ("sure", ""), ("first tags", ""), ("length", "number"), ("shots", "number"))


@dataclass(frozen=True, slots=True)
class IndexRow:
    """What is shown of a film."""

    film: str
    status: str
    tags: tuple[str, ...] = ()
    sure: tuple[str, ...] = ()
    duration_s: float | None = None
    shots: int | None = None
    note: str = ""
    """Why it failed or was skipped."""
    page: str = ""
    """Where its page is, from where this one will lie, with "/"; none where it has none."""

    @property
    def link(self) -> str:
        """Its page as a browser takes it."""
        return quote(os.fsencode(self.page))


def as_index(title: str, counted: str, rows: Sequence[IndexRow]) -> str:
    """Returns the page.

    Args:
        title: of the page.
        counted: how many films there are, for people.
        rows: in the order in which they are shown first, that of names.

    Raises:
        LibraryMissing: Jinja2 is not installed.
    """
    return page("index", title, {}, counted=counted, rows=rows, columns=COLUMNS, moment=moment)
