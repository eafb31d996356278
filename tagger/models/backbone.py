"""Stage 3: pictures -> features. What every backbone is, and what all of them share.

A backbone is a network together with its preprocessing, its input size and its identity: whoever holds one cannot
feed it the wrong way, and a head can refuse features that are not the ones it was trained on. Each family of networks
has a file of its own; `tagger.models.registry` knows them by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tagger.errors import BadSettings, MovieTagsError, NetworkFailed, NonFiniteFeatures, reason
from tagger.images import Pixels, squash
from tagger.models import arrays
from tagger.models.devices import PROCESSOR, Device
from tagger.models.evidence import Classifier
from tagger.records import Floats


class Backbone(Protocol):
    """A network that turns pictures into features; several threads may use it at once."""

    @property
    def name(self) -> str:
        """As people type it: compact, inceptionv3, ..."""

    @property
    def identity(self) -> str:
        """What its features are: name and layer."""

    @property
    def sha256(self) -> str:
        """Digest of the numbers that lead to the features."""

    @property
    def source(self) -> str:
        """Where these come from, for people: embedded, or a file."""

    @property
    def input_size(self) -> int:
        """Pixels, of the squares that it looks at."""

    @property
    def feature_count(self) -> int:
        """Numbers that it gives for each picture."""

    @property
    def parameters(self) -> int:
        """Numbers that lead to the features."""

    @property
    def batch_size(self) -> int:
        """Pictures per call of the network."""

    @property
    def rehearsal(self) -> int:
        """Pictures of a call before the first, so that what most calls need is compiled by then."""

    @property
    def device(self) -> Device:
        """Where it runs, and how precisely."""

    @property
    def classifier(self) -> Classifier | None:
        """What tells the classes of ImageNet from its features; None: it does not know them, or came without."""

    def features(self, pictures: Sequence[Pixels]) -> Floats:
        """Returns float32 (n, features) of pictures without bars, each uint8 RGB of any size.

        Raises:
            NonFiniteFeatures: the network answered NaN or infinity for a picture.
            NetworkFailed: the network could not be run.
        """


@runtime_checkable
class Tunable(Backbone, Protocol):
    """A backbone that Keras can train, as a Keras model of prepared pictures (n, s, s, 3) that gives (n, features)."""

    def preprocess(self, pixels: NDArray[np.uint8]) -> Floats:
        """Returns squares (n, s, s, 3), RGB 0 to 255, as the network takes them."""

    def body(self) -> Any:
        """Returns the model with the numbers that the backbone has, which keeps its own."""

    def untrained(self) -> Any:
        """Returns the model with random numbers."""

    def stored(self, trained: Any) -> dict[str, NDArray[np.floating]]:
        """Returns the numbers of such a model, trained, as `tagger.models.registry.load` reads them from a file."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Facts:
    """What is known of a loaded backbone but its network; what the fields mean says `Backbone`."""

    name: str
    identity: str
    sha256: str
    source: str
    input_size: int
    feature_count: int
    parameters: int
    batch_size: int
    device: Device = PROCESSOR
    classifier: Classifier | None = None

    @property
    def rehearsal(self) -> int:
        """One picture, for a network that compiles nothing."""
        return 1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WithoutNetwork(Facts):
    """A backbone that can travel to another process, where all has been looked at."""

    @classmethod
    def of(cls, base: Backbone) -> WithoutNetwork:
        """Returns what is known of a backbone."""
        return cls(**{field.name: getattr(base, field.name) for field in fields(cls)})

    def features(self, pictures: Sequence[Pixels]) -> Floats:
        """Raises NetworkFailed."""
        raise NetworkFailed(f"{self.identity}: its network is in another process")


def tunable(base: Backbone) -> Tunable:
    """Returns the backbone itself, which Keras can train.

    Raises:
        BadSettings: it cannot.
    """
    if not isinstance(base, Tunable):
        raise BadSettings(f"backbone {base.name} cannot be trained itself: use --strategy features or augment")
    return base


def whole_sha256(base: Backbone) -> str:
    """Returns a digest of the numbers that lead to the class evidence."""
    last = arrays.digest([base.classifier.kernel, base.classifier.bias]) if base.classifier else ""
    return hashlib.sha256(f"{base.sha256} {last}".encode()).hexdigest()


def in_batches(
    base: Backbone, pictures: Sequence[Pixels], answers: Callable[[NDArray[np.uint8]], NDArray[Any]]
) -> Floats:
    """Returns float32 (n, features): what the network says of pictures of any size, batch by batch.

    Args:
        base: whose network it is.
        pictures: n, uint8 RGB, without bars.
        answers: squares (m, s, s, 3) uint8 -> features (m, ...), m at most `base.batch_size`.

    Raises:
        NonFiniteFeatures, NetworkFailed: as `Backbone.features`.
    """
    rows = np.empty((len(pictures), base.feature_count), np.float32)
    for start in range(0, len(pictures), base.batch_size):
        squares = np.stack([squash(picture, base.input_size) for picture in pictures[start : start + base.batch_size]])
        try:
            rows[start : start + len(squares)] = np.reshape(answers(squares), (len(squares), -1))
        except MovieTagsError:
            raise
        except Exception as error:  # each library of networks has its own kinds
            hint = "try a smaller --batch-size, or --device cpu" if base.device.is_gpu else "try a smaller --batch-size"
            raise NetworkFailed(
                f"{base.identity} could not be computed for {len(squares)} pictures ({reason(error)}): {hint}"
            ) from error
    if not np.isfinite(rows).all():
        row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        hint = " in half precision: use --device cpu" if base.device.is_gpu else ""
        raise NonFiniteFeatures(f"{base.identity} gave NaN or infinity for picture {row} of {len(pictures)}{hint}")
    return rows
