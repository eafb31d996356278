"""Features beside the reports of their films: NAME.features.npz beside NAME.tags.json."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tagger import libraries
from tagger.errors import BadFeatures, OutputRefused, reason
from tagger.files import write_atomically
from tagger.frames import utf8
from tagger.models import kept
from tagger.models.kept import AGAIN, KeptFeatures
from tagger.records import Floats, TaggedShot, TagReport
from tagger.reports.json_report import SUFFIX as REPORT_SUFFIX
from tagger.reports.json_report import read_report

if TYPE_CHECKING:
    from pandas import DataFrame

SUFFIX = ".features.npz"


@dataclass(frozen=True, slots=True, eq=False)
class FilmFeatures:
    """A film's report, and the features of its kept keyframes."""

    report: TagReport
    kept: KeptFeatures

    @property
    def values(self) -> Floats:
        """The features, float32 (n, d): a row for each shot whose keyframe is kept, in their order."""
        return self.kept.features

    @property
    def shots(self) -> tuple[TaggedShot, ...]:
        """The shots that these rows are of."""
        return tuple(shot for shot in self.report.shots if shot.keyframe.kept)

    def to_frame(self) -> DataFrame:
        """Returns a pandas table with a row per kept keyframe: `film`, `shot`, `start_s`, `end_s` and `keyframe_s`, and
        the features in columns `f0`, `f1`, ...

        Raises:
            LibraryMissing: pandas is not installed.
        """
        with libraries.needed("a table of features"):
            import pandas
        names = [f"f{at}" for at in range(self.values.shape[1])]
        about = pandas.DataFrame.from_records(list(rows(self)), columns=list(COLUMNS))
        return pandas.concat([about, pandas.DataFrame(self.values, columns=names)], axis=1)


COLUMNS = ("film", "shot", "start_s", "end_s", "keyframe_s")


def rows(found: FilmFeatures) -> Iterator[tuple[str, int, float, float, float]]:
    """Yields what is known of the shot of each row of features, as `COLUMNS` names it."""
    film = utf8(found.report.video.name)
    for shot in found.shots:
        yield film, shot.index, shot.start_s, shot.end_s, shot.keyframe.time_s


def features_file(stem: Path) -> Path:
    """Returns where the features of a film are.

    Args:
        stem: NAME, of NAME.tags.json.
    """
    return stem.with_name(f"{stem.name}{SUFFIX}")


def lying(stem: Path) -> tuple[Path, ...]:
    """Returns the features of this name, if there are any; another's file of that name is none."""
    path = features_file(stem)
    return (path,) if kept.is_ours(path) else ()


def body_at(stem: Path) -> bytes | None:
    """Returns what the file of the features of this name holds; None: there is none.

    Raises:
        OSError: it cannot be read.
    """
    return next((path.read_bytes() for path in lying(stem)), None)


def put(stem: Path, body: bytes | None) -> None:
    """Puts features beside the report to come, or takes away those of the one before.

    Raises:
        OutputRefused: they cannot be written or taken away, or another's file is there.
    """
    path = features_file(stem)
    ours = kept.is_ours(path)
    if body is not None:
        if os.path.lexists(path) and not ours:
            raise OutputRefused(f"{path}: is there and holds no features of movietags: move it away")
        write_atomically(path, body)
    elif ours:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputRefused(f"{path}: cannot be removed ({reason(error)})") from error


def report_of(path: Path) -> Path:
    """Returns the path of a report: of features, that beside which they lie; of anything else itself."""
    name = path.name
    return path.with_name(f"{name.removesuffix(SUFFIX)}{REPORT_SUFFIX}") if name.endswith(SUFFIX) else path


def read_features(report: Path | str) -> FilmFeatures:
    """Returns the features that were kept of a film, with its report.

    Args:
        report: path of the report, NAME.tags.json, beside which NAME.features.npz is; or of the latter.

    Raises:
        BadPath, BadReport: the report cannot be read.
        BadFeatures: its features were not kept, cannot be read, or are of another film, network or shots.
    """
    place = report_of(Path(report))
    told = read_report(place)
    path = features_file(place.with_name(place.name.removesuffix(REPORT_SUFFIX)))
    if not os.path.lexists(path):
        raise BadFeatures(
            f"{place}: its features were not kept ({path.name} is not beside it): {AGAIN}, as "
            f"`movietags batch FILMS -o OUT --keep-features` does with all that lack them"
        )
    found = FilmFeatures(told, kept.read(path))
    if found.kept.film != told.video.fingerprint:
        raise BadFeatures(f"{path}: is of another film than {place.name}: {AGAIN}")
    if found.kept.network.identity != told.model.backbone:
        raise BadFeatures(
            f"{path}: is of {found.kept.network.identity}, {place.name} of {told.model.backbone}: {AGAIN}"
        )
    expected = np.array([(shot.index, shot.keyframe.frame) for shot in found.shots], np.int64).reshape(-1, 2)
    if not np.array_equal(np.column_stack([found.kept.shots, found.kept.frames]), expected):
        raise BadFeatures(f"{path}: is of other shots than {place.name}: {AGAIN}")
    return found
