"""What is this film about, and where in it? Ranked high-level tags for a film and for each of its shots.

>>> import tagger
>>> report = tagger.extract("film.mp4")  # doctest: +SKIP
>>> [(tag.tag, tag.score) for tag in report.tags[:3]]  # doctest: +SKIP

`Tagger` keeps the model for many films. Importing this package imports nothing heavy: the names below
are loaded when they are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagger.errors import MovieTagsError
    from tagger.pipeline import Tagger, extract
    from tagger.records import RankedTag, TaggedShot, TagReport
    from tagger.reports.json_report import read_report, write_report
    from tagger.settings import Settings

__version__ = "0.1.0"

_HOMES = {
    "MovieTagsError": "tagger.errors",
    "RankedTag": "tagger.records",
    "Settings": "tagger.settings",
    "TagReport": "tagger.records",
    "TaggedShot": "tagger.records",
    "Tagger": "tagger.pipeline",
    "extract": "tagger.pipeline",
    "read_report": "tagger.reports.json_report",
    "write_report": "tagger.reports.json_report",
}

__all__ = [
    "MovieTagsError",
    "RankedTag",
    "Settings",
    "TagReport",
    "TaggedShot",
    "Tagger",
    "__version__",
    "extract",
    "read_report",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Returns a public name, importing its module now."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tagger' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
