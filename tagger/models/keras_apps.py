"""The networks of `keras.applications` as backbones, on whichever backend Keras is set to.

They are imported, built and called here alone, and only when one is loaded.
"""

from __future__ import annotations

import importlib
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger import libraries
from tagger.errors import BadHead, BadWeights, LibraryMissing, reason
from tagger.images import Pixels
from tagger.models import architectures, arrays, devices
from tagger.models.architectures import CHOICES as CHOICES  # for people who typed another
from tagger.models.architectures import Architecture
from tagger.models.backbone import Facts, in_batches
from tagger.models.entry import Entry
from tagger.models.evidence import CLASS_COUNT, Classifier
from tagger.records import Floats

log = logging.getLogger(__name__)

_turn = threading.Lock()  # threads take turns: Keras keeps names, devices and compiled functions for the whole process


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class KerasBackbone(Facts):
    """A network of Keras up to its features, which Keras can train."""

    architecture: Architecture
    network: Any  # a Keras model, or what has its `predict_on_batch`: prepared (n, s, s, 3) -> (n, ...)
    preprocess: Callable[[NDArray[np.uint8]], Floats]  # of its module

    @property
    def rehearsal(self) -> int:
        """As many pictures as pay: each length of a call is compiled."""
        return min(self.batch_size, self.device.batch_size)

    def features(self, pictures: Sequence[Pixels]) -> Floats:
        """Returns float32 (n, features), in whichever precision they were computed."""
        return in_batches(self, pictures, self._answers)

    def _answers(self, squares: NDArray[np.uint8]) -> NDArray[Any]:
        """What the network says of squares and of black ones behind them: so few lengths have to be compiled."""
        count = len(squares)
        rows = min(self.batch_size, max(self.device.least, 1 << (count - 1).bit_length()))
        filled = np.zeros((rows, *squares.shape[1:]), np.uint8)
        filled[:count] = squares
        with _turn, self.device.scope():
            return np.asarray(self.network.predict_on_batch(self.preprocess(filled)), np.float32)[:count]

    def body(self) -> Any:
        """Returns a copy of the network."""
        network = _untrained(self.architecture)
        network.set_weights(self.network.get_weights())
        return network

    def untrained(self) -> Any:
        """Returns the network with random numbers."""
        return _untrained(self.architecture)

    def stored(self, trained: Any) -> dict[str, NDArray[np.floating]]:
        """Returns the arrays of `Keras.Model.get_weights`, numbered."""
        return {f"{place:04d}": values for place, values in enumerate(trained.get_weights())}


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


def load(architecture: Architecture, file: Path | None, batch_size: int | None, device: str) -> KerasBackbone:
    """Returns a network of Keras with its published weights, or those in `file`.

    Raises:
        DeviceMissing, BadWeights, WeightsMissing, LibraryMissing: as `tagger.models.registry.load`.
    """
    with _turn:
        _start()
        place = devices.choose(device, () if device == "cpu" else devices.keras_devices())
        path = file or _published(architecture)
        with place.scope():
            network, classifier = _network(architecture, path)
        if place.is_gpu:
            log.info("%s runs on a GPU, in %s", architecture.name, place.precision)
            for layer in network.layers:
                layer.dtype_policy = place.precision
    return KerasBackbone(
        name=architecture.name,
        identity=f"{architecture.name}/{architecture.feature_layer}",
        sha256=arrays.digest(network.get_weights()),
        source=str(path),
        input_size=architecture.input_size,
        feature_count=architecture.feature_count,
        parameters=int(network.count_params()),
        batch_size=batch_size or place.batch_size,
        device=place,
        classifier=classifier,
        architecture=architecture,
        network=network,
        preprocess=_module(architecture).preprocess_input,
    )


def _start() -> None:
    """Imports Keras and undoes what this user's keras.json may say about the layout of arrays."""
    try:
        with libraries.needed("a network of Keras"):
            import keras
    except LibraryMissing:
        raise
    except (ImportError, ValueError) as error:
        raise LibraryMissing(f"Keras cannot start its backend ({error}): set KERAS_BACKEND=tensorflow") from error
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")


def forget() -> None:
    """Frees the networks of Keras that nobody uses any more: it would keep all that were built."""
    if "keras" in sys.modules:
        import keras

        keras.utils.clear_session()


def _published(architecture: Architecture) -> Path:
    """The cached file if there is one, else the download."""
    cached = [path for file in architecture.files if (path := file.here)]
    return cached[0] if cached else architecture.files[0].fetch(architecture.name)


def _network(architecture: Architecture, file: Path) -> tuple[Any, Classifier | None]:
    """The network up to its features, filled from a file with or without the classifier, and that."""
    if file.suffix == ".npz":
        return _tuned(architecture, file), None
    reasons = []
    for include_top in (True, False):
        network = _made(architecture, include_top)
        try:
            with warnings.catch_warnings():  # of each layer that it does not find, before it raises
                warnings.simplefilter("ignore")
                network.load_weights(str(file))
        except Exception as error:  # each format of weights file raises its own kind
            reasons.append(reason(error).partition(" Example error")[0].rstrip("."))
            continue
        return features_of(network, architecture, include_top), classifier_of(network) if include_top else None
    raise BadWeights(f"{file}: does not fit {architecture.name}, with or without its classifier ({reasons[-1]})")


def _module(architecture: Architecture) -> Any:
    return importlib.import_module(f"keras.applications.{architecture.module}")


def _made(architecture: Architecture, include_top: bool) -> Any:
    size = {"input_shape": (architecture.input_size, architecture.input_size, 3)}
    width = {} if architecture.width is None else {"alpha": architecture.width}
    function = getattr(_module(architecture), architecture.function)
    return function(weights=None, include_top=include_top, **size, **width)


def _tuned(architecture: Architecture, file: Path) -> Any:
    """The network up to its features, with the arrays of `Keras.Model.get_weights` in order."""
    network = _untrained(architecture)
    try:
        numbers = list(arrays.load(file).values())
    except BadHead as error:
        raise BadWeights(str(error)) from error
    if [array.shape for array in numbers] != [array.shape for array in network.get_weights()]:
        raise BadWeights(f"{file}: does not hold the arrays of {architecture.name}")
    network.set_weights(numbers)
    return network


def _untrained(architecture: Architecture) -> Any:
    """The network up to its features, with random numbers."""
    include_top = architecture.feature_layer != "avg_pool"
    return features_of(_made(architecture, include_top), architecture, include_top)


def classifier_of(network: Any) -> Classifier:
    """Returns the last layer with weights: dense, or (MobileNet) a convolution of one pixel."""
    kernel, bias = [layer for layer in network.layers if layer.get_weights()][-1].get_weights()
    return Classifier(kernel.reshape(-1, CLASS_COUNT), bias)


def features_of(network: Any, architecture: Architecture, include_top: bool) -> Any:
    """Returns the network up to its features.

    Raises:
        BadWeights: they are a layer that it lacks.
    """
    import keras

    if architecture.feature_layer != "avg_pool":
        if not include_top:
            raise BadWeights(
                f"{architecture.name}: its features are {architecture.feature_layer}, "
                f"which a file without the classifier does not hold: use {architecture.with_top.name}"
            )
        return keras.Model(network.input, network.get_layer(architecture.feature_layer).output)
    pools = [layer for layer in network.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)]
    end = pools[-1].output if include_top else keras.layers.GlobalAveragePooling2D()(network.output)
    return keras.Model(network.input, end)
