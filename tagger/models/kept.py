"""Features that are kept: those of a film's kept keyframes in a file, so that other heads can be asked later.

    manifest    JSON as uint8: format, film, network, precision, sizes
    features    (n, d) float16, or float32 where a number of theirs would overflow
    shots       (n,) int64, index of the shot of each
    frames      (n,) int64, the keyframe of that shot: features of other shots are known by it
    nudity      (n,) float32, what open_nsfw said of each; only where it was asked

It is an npz of numpy, without pickles and not packed; the same features give the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import BadFeatures, BadPath, reason
from tagger.files import is_file, regular_file
from tagger.models import arrays, nudity
from tagger.models.model import Model
from tagger.records import Floats, Ints, TagReport
from tagger.typed_json import decode
from tagger.video_info import Count

FORMAT = "movietags-features/1"
ANY_FORMAT = b'"movietags-features/'
HEAD_BYTES = 1024  # of a file: within them its format is named
MANIFEST_BYTES_MAX = 2**14
BYTES_MAX = arrays.ARRAYS_BYTES_MAX
AGAIN = "tag its film again with --keep-features"


@dataclass(frozen=True, slots=True)
class Network:
    """The network that features are of."""

    name: str
    """As people type it."""
    identity: str
    """Name and layer: what a report calls `backbone`."""
    sha256: str
    """Digest of the numbers that lead to the features."""
    feature_count: Count
    """Of each picture."""


@dataclass(frozen=True, slots=True, eq=False)
class KeptFeatures:
    """The features of a film's kept keyframes."""

    features: Floats
    """(n, d), as of `Network`."""
    shots: Ints
    """(n,), index of the shot of each."""
    frames: Ints
    """(n,), the frame of its keyframe."""
    network: Network
    film: str
    """Fingerprint of the film."""
    nudity: Floats | None = None
    """(n,), what open_nsfw said of each, 0 to 1; None: it was not asked."""

    def __repr__(self) -> str:
        """Shows the shape, not the numbers."""
        return f"KeptFeatures(float32 {self.features.shape} of {self.network.identity})"

    @classmethod
    def of(cls, model: Model, features: Floats, report: TagReport) -> KeptFeatures:
        """Returns what is to be kept of a film.

        Args:
            model: made the features.
            features: (n, d), as `Model.features` gives them.
            report: of the film.
        """
        base = model.backbone
        kept = [shot for shot in report.shots if shot.keyframe.kept]
        return cls(
            features[:, : base.feature_count],
            np.array([shot.index for shot in kept], np.int64),
            np.array([shot.keyframe.frame for shot in kept], np.int64),
            Network(base.name, base.identity, base.sha256, base.feature_count),
            report.video.fingerprint,
            features[:, -1] if model.nudity else None,
        )

    @property
    def columns(self) -> Floats:
        """The features as a `Model` takes them: with the column of open_nsfw, if that was asked."""
        return self.features if self.nudity is None else np.column_stack([self.features, self.nudity])

    def body(self) -> bytes:
        """Returns what the file holds."""
        with np.errstate(over="ignore"):
            half = self.features.astype(np.float16)
        stored: NDArray[Any] = half if np.isfinite(half).all() else self.features.astype(np.float32)
        facts = _Manifest(
            FORMAT, self.film, self.network, stored.dtype.name, len(stored), "" if self.nudity is None else nudity.NAME
        )
        members = {
            "manifest": np.frombuffer(json.dumps(asdict(facts)).encode(), np.uint8),  # first, so that it is known by it
            "features": stored,
            "shots": self.shots,
            "frames": self.frames,
        }
        if self.nudity is not None:
            members["nudity"] = self.nudity.astype(np.float32)
        packed = io.BytesIO()
        np.savez(packed, **members)  # type: ignore[arg-type]
        return packed.getvalue()


@dataclass(frozen=True, slots=True)
class _Manifest:
    format: str
    film: str
    network: Network
    precision: str
    count: Count
    nudity: str


def is_ours(path: Path) -> bool:
    """Returns whether such a file is there, whole or damaged; of whatever else lies there, False."""
    return names(path, ANY_FORMAT)


def names(path: Path, format_: bytes) -> bool:
    """Returns whether a file is there that names this format where it begins."""
    if not is_file(path):  # to open a pipe would wait for whoever writes to it
        return False
    try:
        with path.open("rb") as file:
            return format_ in file.read(HEAD_BYTES)
    except OSError:
        return False


def read(path: Path) -> KeptFeatures:
    """Returns the features that a file holds, as float32.

    Raises:
        BadFeatures: it is missing, too large, damaged, or no such file.
    """
    try:
        size = regular_file(path).stat().st_size
        if size > BYTES_MAX:
            raise BadFeatures(f"{path}: is {size} bytes, at most {BYTES_MAX} are read: {AGAIN}")
        with zipfile.ZipFile(path) as archive:
            return _unpacked(archive)
    except BadFeatures:
        raise
    except BadPath as error:
        raise BadFeatures(f"{error}: {AGAIN}") from error
    except OSError as error:
        raise BadFeatures(f"{path}: cannot be read ({reason(error)}): {AGAIN}") from error
    except Exception as error:  # zip and npy have dozens of ways to be malformed, each with its own exception
        why = str(error) if isinstance(error, arrays.BadArray) else reason(error)
        raise BadFeatures(f"{path}: holds no features that could be read ({why}): {AGAIN}") from error


def _unpacked(archive: zipfile.ZipFile) -> KeptFeatures:
    if sum(member.file_size for member in archive.infolist()) > BYTES_MAX:
        raise arrays.BadArray(f"it unpacks to more than {BYTES_MAX} bytes")
    if archive.getinfo("manifest.npy").file_size > MANIFEST_BYTES_MAX:
        raise arrays.BadArray(f"its manifest is over {MANIFEST_BYTES_MAX} bytes")
    told = decode(_Manifest, arrays.member(archive, "manifest", None, ("uint8",)).tobytes())
    if told.format != FORMAT:
        raise arrays.BadArray(f"format {told.format!r:.60}, this version reads {FORMAT!r}")
    if told.precision not in arrays.STORED_TYPES:
        raise arrays.BadArray(f"its features are {told.precision!r:.60}, not {' or '.join(arrays.STORED_TYPES)}")
    count, whole = told.count, ("int64",)
    return KeptFeatures(
        arrays.member(archive, "features", [count, told.network.feature_count], (told.precision,)).astype(np.float32),
        arrays.member(archive, "shots", [count], whole),
        arrays.member(archive, "frames", [count], whole),
        told.network,
        told.film,
        arrays.member(archive, "nudity", [count], ("float32",)) if told.nudity else None,
    )
