"""The networks of `keras.applications` as backbones: from Keras's files, run without Keras but on a GPU."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import BadSettings
from tagger.images import Pixels
from tagger.models import architectures, arrays, keras_files, keras_graph, keras_models
from tagger.models.architectures import CHOICES as CHOICES  # for people who typed another
from tagger.models.architectures import Architecture
from tagger.models.backbone import Facts, in_batches
from tagger.models.devices import Device
from tagger.models.entry import Entry
from tagger.models.keras_families import described, prepared
from tagger.models.precision import ready
from tagger.records import Floats
from tagger.settings import INT8

log = logging.getLogger(__name__)

FULL = re.compile(
    r"ResourceExhausted|RESOURCE_EXHAUSTED|OutOfMemory|out of memory", re.IGNORECASE
)  # TensorFlow, JAX, torch
BATCH = 8  # pictures per call on the processor: more of these large networks are no faster, and take memory


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AppBackbone(Facts):
    """A network up to its features, on the processor; Keras can train it."""

    architecture: Architecture
    file: Path  # of its numbers
    network: Callable[[Floats], Floats]  # planes (n, 3, s, s), prepared -> (n, features)

    def features(self, pictures: Sequence[Pixels]) -> Floats:
        """Returns float32 (n, features)."""
        return in_batches(self, pictures, lambda squares: self.network(_planes(self.architecture, squares)))

    def preprocess(self, pixels: NDArray[np.uint8]) -> Floats:
        """Returns squares (n, s, s, 3) as the network takes them."""
        return prepared(self.architecture, pixels)

    def body(self) -> Any:
        """Returns the network in Keras, with its numbers."""
        return keras_models.filled(self.architecture, keras_files.read(self.architecture, self.file).arrays)

    def untrained(self) -> Any:
        """Returns the network in Keras, with random numbers."""
        return keras_models.untrained(self.architecture)

    def stored(self, trained: Any) -> dict[str, NDArray[np.floating]]:
        """Returns the arrays of `Keras.Model.get_weights`, numbered."""
        return {f"{place:04d}": values for place, values in enumerate(trained.get_weights())}


@dataclass(slots=True)
class Room:
    """What a GPU's memory holds."""

    pictures: int  # at most, in a call


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class KerasBackbone(AppBackbone):
    """The same in Keras, on a GPU."""

    network: Any  # a Keras model, or what has its `predict_on_batch`: prepared (n, s, s, 3) -> (n, ...)
    room: Room

    @property
    def rehearsal(self) -> int:
        """As many pictures as pay: each length of a call is compiled."""
        return min(self.batch_size, self.device.batch_size)

    def features(self, pictures: Sequence[Pixels]) -> Floats:
        """Returns float32 (n, features), in whichever precision they were computed."""
        return in_batches(self, pictures, self._answers)

    def _answers(self, squares: NDArray[np.uint8]) -> NDArray[Any]:
        """What the network says of squares, of half as many at once where the memory does not hold all."""
        count = len(squares)
        rows = min(self.room.pictures, max(self.device.batch_size, 1 << (count - 1).bit_length()))
        try:
            return np.concatenate([self._called(squares[at : at + rows], rows) for at in range(0, count, rows)])
        except Exception as error:  # each backend of Keras has its own kinds
            if rows == 1 or not FULL.search(f"{type(error).__name__} {error}"):
                raise
        log.info("%s: the memory of the GPU does not hold %d pictures: %d at once", self.name, rows, rows // 2)
        self.room.pictures = rows // 2
        return self._answers(squares)

    def _called(self, squares: NDArray[np.uint8], rows: int) -> NDArray[Any]:
        """What it says of squares, with black ones behind them: so few lengths have to be compiled."""
        filled = np.zeros((rows, *squares.shape[1:]), np.uint8)
        filled[: len(squares)] = squares
        with keras_models.turn, self.device.scope():
            return np.asarray(self.network.predict_on_batch(self.preprocess(filled)), np.float32)[: len(squares)]


def entry(name: str) -> Entry:
    """Returns the row of one of these networks.

    Raises:
        KeyError: there is none of this name, width or size.
    """
    made = architectures.named(name)
    opener = partial(load, made)
    size, count = made.input_size, made.feature_count
    return Entry(name, size, count, opener, "ImageNet weights", None, made.files, made.module, tunable=True)


def entries() -> tuple[Entry, ...]:
    """Returns the rows of those that people look for."""
    return tuple(entry(made.name) for made in architectures.common())


def load(
    architecture: Architecture, file: Path | None, batch_size: int | None, device: str, precision: str
) -> AppBackbone:
    """Returns a network with its published weights, or those in `file`.

    Raises:
        DeviceMissing, BadSettings, BadWeights, WeightsMissing, LibraryMissing: as `tagger.models.registry.load`.
    """
    place = replace(keras_models.place(device), asked=precision)
    if place.is_gpu and precision == INT8:
        raise BadSettings(
            f"--precision {precision}: {architecture.name} computes so on the processor alone: --device cpu"
        )
    path = file or _published(architecture)
    stored = keras_files.read(architecture, path)
    sha256, parameters = arrays.digest(stored.arrays), sum(array.size for array in stored.arrays)
    pictures = batch_size or (place.batch_size if place.is_gpu else BATCH)
    kind: Callable[..., AppBackbone] = AppBackbone
    network: Any
    if place.is_gpu:
        kind, network = partial(KerasBackbone, room=Room(pictures)), _on(place, architecture, stored.arrays)
    else:
        made = keras_graph.graph(described(architecture).features, stored.arrays)
        planes = partial(_planes, architecture)
        network = ready(made, planes, precision, large=True)
    return kind(
        name=architecture.name,
        identity=f"{architecture.name}/{architecture.feature_layer}",
        sha256=sha256,
        source=str(path),
        input_size=architecture.input_size,
        feature_count=architecture.feature_count,
        parameters=parameters,
        batch_size=pictures,
        device=place,
        classifier=stored.classifier,
        architecture=architecture,
        file=path,
        network=network,
    )


def _planes(architecture: Architecture, squares: NDArray[np.uint8]) -> Floats:
    """Squares (n, s, s, 3) as the network takes them, planes first."""
    return prepared(architecture, squares).transpose(0, 3, 1, 2)


def _on(place: Device, architecture: Architecture, numbers: Sequence[Floats]) -> Any:
    """The network in Keras on a GPU, in the precision of the place."""
    with keras_models.turn, place.scope():
        network = keras_models.filled(architecture, numbers)
    log.info("%s runs on a GPU, in %s", architecture.name, place.precision)
    for layer in network.layers:
        layer.dtype_policy = place.precision
    return network


def _published(architecture: Architecture) -> Path:
    """The cached file if there is one, else the download."""
    cached = [path for file in architecture.files if (path := file.here)]
    return cached[0] if cached else architecture.files[0].fetch(architecture.name)
