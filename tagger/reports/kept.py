"""What is kept beside the reports of films: NAME.features.npz and NAME.keyframes.zip beside NAME.tags.json."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
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
from tagger.reports import keyframes
from tagger.reports.json_report import SUFFIX as REPORT_SUFFIX
from tagger.reports.json_report import read_report, stem_of

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


@dataclass(frozen=True, slots=True)
class Kept:
    """What the files beside a report are to hold; None: there is to be none."""

    features: bytes | None = None
    keyframes: bytes | None = None


NOTHING = Kept()


def features_file(stem: Path) -> Path:
    """Returns where the features of a film are.

    Args:
        stem: NAME, of NAME.tags.json.
    """
    return stem.with_name(f"{stem.name}{SUFFIX}")


def keyframes_file(stem: Path) -> Path:
    """Returns where the small keyframes of a film are."""
    return stem.with_name(f"{stem.name}{keyframes.SUFFIX}")


def lying(stem: Path) -> tuple[Path, ...]:
    """Returns what is kept under this name, if anything is; another's file of such a name is none of it."""
    return tuple(path for path, is_ours in _files(stem) if is_ours(path))


def whole(stem: Path) -> bool:
    """Returns whether all is kept under this name that can be."""
    return len(lying(stem)) == len(_files(stem))


def bodies_at(stem: Path) -> Kept:
    """Returns what the files hold that are kept under this name.

    Raises:
        OSError: one cannot be read.
    """
    there = lying(stem)
    return Kept(*(path.read_bytes() if path in there else None for path, _ in _files(stem)))


def pictures_at(stem: Path, report: TagReport) -> dict[int, bytes]:
    """Returns the small keyframes of a film that are kept under this name, by shot; none where none are kept."""
    return keyframes.read(keyframes_file(stem), report)


def put(stem: Path, wanted: Kept) -> None:
    """Puts what is kept beside the report to come, and takes away what was of the one before.

    Raises:
        OutputRefused: it cannot be written or taken away, or another's file is there.
    """
    for (path, is_ours), body in zip(_files(stem), (wanted.features, wanted.keyframes), strict=True):
        ours = is_ours(path)
        if body is not None:
            if os.path.lexists(path) and not ours:
                raise OutputRefused(f"{path}: is there and not of movietags: move it away")
            write_atomically(path, body)
        elif ours:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise OutputRefused(f"{path}: cannot be removed ({reason(error)})") from error


def _files(stem: Path) -> tuple[tuple[Path, Callable[[Path], bool]], ...]:
    """Each file, and what says whether it is ours; in the order of `Kept`."""
    return (features_file(stem), kept.is_ours), (keyframes_file(stem), keyframes.is_ours)


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
    return FilmFeatures(told, features_beside(place, told))


def features_beside(place: Path, told: TagReport) -> KeptFeatures:
    """Returns the features that were kept beside a report.

    Args:
        place: path of the report, NAME.tags.json.
        told: what it holds.

    Raises:
        BadFeatures: as `read_features`.
    """
    path = features_file(stem_of(place))
    if not os.path.lexists(path):
        raise BadFeatures(
            f"{place}: its features were not kept ({path.name} is not beside it): {AGAIN}, as "
            f"`movietags batch FILMS -o OUT --keep-features` does with all that lack them"
        )
    found = kept.read(path)
    if found.film != told.video.fingerprint:
        raise BadFeatures(f"{path}: is of another film than {place.name}: {AGAIN}")
    if found.network.identity != told.model.backbone:
        raise BadFeatures(f"{path}: is of {found.network.identity}, {place.name} of {told.model.backbone}: {AGAIN}")
    shots = FilmFeatures(told, found).shots
    expected = np.array([(shot.index, shot.keyframe.frame) for shot in shots], np.int64).reshape(-1, 2)
    if not np.array_equal(np.column_stack([found.shots, found.frames]), expected):
        raise BadFeatures(f"{path}: is of other shots than {place.name}: {AGAIN}")
    return found
