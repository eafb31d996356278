"""How a file of a report is wanted: who reads its CSV, which pictures there are, where it will lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tagger.reports.corrections import Corrections
from tagger.text import PROGRAMS


@dataclass(frozen=True, slots=True)
class Manner:
    """What a format may heed beside what it is given; most heed nothing."""

    csv_for: str = PROGRAMS
    """Who reads CSV, of `tagger.text.DIALECTS`."""
    pictures: Mapping[int, bytes] = field(default_factory=dict)
    """Small keyframes, JPEG, by the index of their shot."""
    corrections: Corrections | None = None
    """What a person put right in the film: for pages, which show the report as it was made, and this besides."""
    folder: Path | None = None
    """In which the file will lie: what it names beside it is named from there."""


USUAL = Manner()
