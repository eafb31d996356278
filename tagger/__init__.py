"""What is this film about, and where in it? Ranked high-level tags for a film and for each of its shots.

>>> import tagger
>>> report = tagger.extract("film.mp4")  # doctest: +SKIP
>>> [(tag.tag, tag.score) for tag in report.tags[:3]]  # doctest: +SKIP

`Tagger` keeps the model for many films. Importing this package imports next to nothing: what is not here yet is
loaded when it is used, and a command hears Ctrl-C before that. Its files, each importing only those above it:

errors       everything that can go wrong, as one tree
version      of this package
signals      Ctrl-C and SIGTERM, and the exit codes that they come to
typed_json   JSON -> records, every field checked
files        writing whole files, locks, names, fingerprints
queues       work that runs ahead, in threads or processes
plugins      what other packages add
libraries    what a slim installation does not have
web          asking servers
bars         where a picture is within its bars
partial      pictures whose files were cut off
text         lines, cells, tables, CSV and JSON texts
timecode     the numbers that frames have on a tape
frames       records -> pandas tables
orientation  how pictures want to be turned
process      this process: cores, messages, its end
images       pictures: decoding, bars, entropy, the network's square
vocabulary   the tags of a folder
video_info   what is known of a film
settings     every choice of a run
records      what passes between the stages
confidence   how probable it is that a film shows a tag
video        stage 0: a file -> frames or packets
shots        stages 1 and 2: frames -> shots -> keyframes
models       stages 3 and 4: pictures -> features -> scores
ranking      stage 5: scores -> ranked tags
segments     where in a film a tag is
measured     how good tags were measured to be
advisory     what parents ask of a film, by rules beside the vocabulary
pipeline     THE MAIN PATH: one film -> its report
retag        another vocabulary, asked about features that were kept
reports      stage 6: reports and segments as files
evaluation   how good tags and shots are
compare      how far the tags of two films agree
batch        many films
training     a vocabulary of one's own
openimages   pictures to train with
library      reports of a whole collection in one file, to be searched
api          the public functions, and `Tagger`
knowledge    how the shipped knowledge was made
commands     the commands of `movietags`; cli.py puts them together
alias        what is installed as `movietags`
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tagger import errors
from tagger.version import __version__

if TYPE_CHECKING:
    from tagger.advisory.notes import Advisory, Note, NoteTag
    from tagger.api import Tagger, advisory, compare, evaluate, extract, features, retag, segments, shots
    from tagger.compare.agreement import Agreement
    from tagger.errors import MovieTagsError
    from tagger.evaluation.images import Evaluation
    from tagger.models.kept import KeptFeatures, Network
    from tagger.records import (
        Keyframe,
        ModelInfo,
        RankedTag,
        Scan,
        ScannedShot,
        Shot,
        ShotTag,
        TaggedShot,
        TagReport,
        Timing,
    )
    from tagger.reports.corrections import read_report
    from tagger.reports.folder import read_reports
    from tagger.reports.formats import Format, write_report
    from tagger.reports.kept import FilmFeatures
    from tagger.reports.parquet import write_features
    from tagger.segments import Segment, Segments, Subject
    from tagger.settings import Settings
    from tagger.video_info import Declared, Observed, VideoInfo
    from tagger.vocabulary import Group

_HOMES = {
    "Advisory": "tagger.advisory.notes",
    "Agreement": "tagger.compare.agreement",
    "Declared": "tagger.video_info",
    "Evaluation": "tagger.evaluation.images",
    "FilmFeatures": "tagger.reports.kept",
    "Format": "tagger.reports.formats",
    "Group": "tagger.vocabulary",
    "KeptFeatures": "tagger.models.kept",
    "Keyframe": "tagger.records",
    "ModelInfo": "tagger.records",
    "MovieTagsError": "tagger.errors",
    "Network": "tagger.models.kept",
    "Note": "tagger.advisory.notes",
    "NoteTag": "tagger.advisory.notes",
    "Observed": "tagger.video_info",
    "RankedTag": "tagger.records",
    "Scan": "tagger.records",
    "ScannedShot": "tagger.records",
    "Segment": "tagger.segments",
    "Segments": "tagger.segments",
    "Settings": "tagger.settings",
    "Shot": "tagger.records",
    "ShotTag": "tagger.records",
    "Subject": "tagger.segments",
    "TagReport": "tagger.records",
    "TaggedShot": "tagger.records",
    "Tagger": "tagger.api",
    "Timing": "tagger.records",
    "VideoInfo": "tagger.video_info",
    "advisory": "tagger.api",
    "compare": "tagger.api",
    "evaluate": "tagger.api",
    "extract": "tagger.api",
    "features": "tagger.api",
    "read_report": "tagger.reports.corrections",
    "read_reports": "tagger.reports.folder",
    "retag": "tagger.api",
    "segments": "tagger.api",
    "shots": "tagger.api",
    "write_features": "tagger.reports.parquet",
    "write_report": "tagger.reports.formats",
}

__all__ = [
    "Advisory",
    "Agreement",
    "Declared",
    "Evaluation",
    "FilmFeatures",
    "Format",
    "Group",
    "KeptFeatures",
    "Keyframe",
    "ModelInfo",
    "MovieTagsError",
    "Network",
    "Note",
    "NoteTag",
    "Observed",
    "RankedTag",
    "Scan",
    "ScannedShot",
    "Segment",
    "Segments",
    "Settings",
    "Shot",
    "ShotTag",
    "Subject",
    "TagReport",
    "TaggedShot",
    "Tagger",
    "Timing",
    "VideoInfo",
    "__version__",
    "advisory",
    "compare",
    "errors",
    "evaluate",
    "extract",
    "features",
    "read_report",
    "read_reports",
    "retag",
    "segments",
    "shots",
    "write_features",
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


class _Package(ModuleType):
    """This module. Four of its functions are named as the packages that do their work, and keep their names."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):  # which every import of such a package would set
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
