"""What is this film about, and where in it? Ranked high-level tags for a film and for each of its shots.

>>> import tagger
>>> report = tagger.extract("film.mp4")  # doctest: +SKIP
>>> [(tag.tag, tag.score) for tag in report.tags[:3]]  # doctest: +SKIP

`Tagger` keeps the model for many films. Importing this package imports nothing heavy: what is not here yet
is loaded when it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# Three functions are named as the packages that do their work. A package takes its name in here when it is first
# imported: that is now (they are light), so that the functions below have the last word.
import tagger.compare
import tagger.segments
import tagger.shots  # noqa: F401
from tagger import errors
from tagger.api import Tagger, compare, evaluate, extract, segments, shots
from tagger.settings import Settings
from tagger.version import __version__

if TYPE_CHECKING:
    from tagger.compare.agreement import Agreement
    from tagger.errors import MovieTagsError
    from tagger.evaluation.images import Evaluation
    from tagger.records import (
        Declared,
        Keyframe,
        ModelInfo,
        Observed,
        RankedTag,
        Scan,
        ScannedShot,
        Shot,
        ShotTag,
        TaggedShot,
        TagReport,
        Timing,
        VideoInfo,
    )
    from tagger.reports.json_report import read_report, write_report
    from tagger.segments import Segment, Segments

_HOMES = {
    "Agreement": "tagger.compare.agreement",
    "Declared": "tagger.records",
    "Evaluation": "tagger.evaluation.images",
    "Keyframe": "tagger.records",
    "ModelInfo": "tagger.records",
    "MovieTagsError": "tagger.errors",
    "Observed": "tagger.records",
    "RankedTag": "tagger.records",
    "Scan": "tagger.records",
    "ScannedShot": "tagger.records",
    "Segment": "tagger.segments",
    "Segments": "tagger.segments",
    "Shot": "tagger.records",
    "ShotTag": "tagger.records",
    "TagReport": "tagger.records",
    "TaggedShot": "tagger.records",
    "Timing": "tagger.records",
    "VideoInfo": "tagger.records",
    "read_report": "tagger.reports.json_report",
    "write_report": "tagger.reports.json_report",
}

__all__ = [
    "Agreement",
    "Declared",
    "Evaluation",
    "Keyframe",
    "ModelInfo",
    "MovieTagsError",
    "Observed",
    "RankedTag",
    "Scan",
    "ScannedShot",
    "Segment",
    "Segments",
    "Settings",
    "Shot",
    "ShotTag",
    "TagReport",
    "TaggedShot",
    "Tagger",
    "Timing",
    "VideoInfo",
    "__version__",
    "compare",
    "errors",
    "evaluate",
    "extract",
    "read_report",
    "segments",
    "shots",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Returns a public name, importing its module now."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tagger' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Returns the public names, those to come too."""
    return sorted(__all__)
