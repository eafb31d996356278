"""Stage 3: pictures -> features.

A backbone is a network together with its preprocessing, its input size and its identity: whoever holds
one cannot feed it the wrong way, and a head can refuse features that are not the ones it was trained
on. The embedded network runs in OpenCV; those of ImageNet run on Keras 3, on whichever backend it is set to.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger import vocabulary
from tagger.errors import BadHead, BadWeights, LibraryMissing, NonFiniteFeatures, reason
from tagger.images import Pixels, squash
from tagger.models import architectures, arrays, devices, weights
from tagger.models.architectures import EMBEDDED, Architecture
from tagger.models.devices import PROCESSOR, Device
from tagger.models.evidence import CLASSES, Classifier, class_evidence

log = logging.getLogger(__name__)

EMBEDDED_SOURCE = "embedded"
EMBEDDED_ARRAYS = vocabulary.SHIPPED / "movies50" / "compact.npz"


@dataclass(frozen=True, slots=True, eq=False)
class Backbone:
    """A network that turns square RGB pictures into features."""

    name: str  # as typed: compact, inceptionv3, ...
    identity: str  # what its features are: name and layer
    sha256: str  # of the numbers that lead to the features
    source: str  # for people: embedded, or the file the numbers came from
    input_size: int  # pixels, square
    feature_count: int
    batch_size: int
    network: Any  # `predict_on_batch` of (n, size, size, 3) gives (n, features): a Keras model, or the embedded one
    preprocess: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    classifier: Classifier | None = None  # where the weights came with it
    device: Device = PROCESSOR
    alone: Lock = field(default_factory=Lock, repr=False)  # held during a call: networks serve one thread at a time

    @property
    def whole_sha256(self) -> str:
        """Digest of the numbers that lead to the class evidence."""
        last = arrays.digest([self.classifier.kernel, self.classifier.bias]) if self.classifier else ""
        return hashlib.sha256(f"{self.sha256} {last}".encode()).hexdigest()

    @property
    def rehearsal(self) -> int:
        """Pictures of a call before the first, so that what most calls need is compiled by then."""
        return 1 if self.name == EMBEDDED else min(self.batch_size, self.device.batch_size)

    def features(self, pictures: Sequence[Pixels]) -> NDArray[np.float32]:
        """Returns float32 (n, features) of pictures without bars, each uint8 RGB of any size.

        Raises:
            NonFiniteFeatures: the network answered NaN or infinity for a picture.
        """
        answer = np.empty((len(pictures), self.feature_count), np.float32)
        for start in range(0, len(pictures), self.batch_size):
            part = pictures[start : start + self.batch_size]
            batch = np.zeros((self._rows(len(part)), self.input_size, self.input_size, 3), np.uint8)
            for row, picture in enumerate(part):
                batch[row] = squash(picture, self.input_size)
            with self.alone, self.device.scope():
                found = np.asarray(self.network.predict_on_batch(self.preprocess(batch)), np.float32)
            answer[start : start + len(part)] = found.reshape(len(batch), -1)[: len(part)]
        if not np.isfinite(answer).all():
            row = int(np.flatnonzero(~np.isfinite(answer).all(axis=1))[0])
            hint = " in half precision: use --device cpu" if self.device.is_gpu else ""
            raise NonFiniteFeatures(f"{self.identity} gave NaN or infinity for picture {row} of {len(pictures)}{hint}")
        return answer

    def _rows(self, count: int) -> int:
        """The pictures of a call for `count`, the rest black: Keras compiles each length, so there are few."""
        if self.name == EMBEDDED:
            return count
        return min(self.batch_size, max(self.device.least, 1 << (count - 1).bit_length()))

    def class_evidence(self, pictures: Sequence[Pixels]) -> NDArray[np.float32]:
        """Returns float32 (n, 1000), the class evidence (`models.evidence`) of pictures as `features` takes them.

        Raises:
            BadWeights: the weights came without the classifier.
            NonFiniteFeatures: as `features`.
        """
        return self.evidence_of(self.features(pictures))

    def evidence_of(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the class evidence (n, 1000) of features (n, features).

        Raises:
            BadWeights: the weights came without the classifier.
        """
        if self.classifier is None:
            raise BadWeights(
                f"{self.source}: has no classifier, which the portable head builds on: "
                f"`movietags models fetch {self.name}` gets the weights that have, or use --backbone {EMBEDDED}"
            )
        return class_evidence(self.classifier.logits(features))


def load(name: str, weights_file: Path | None, batch_size: int | None = None, device: str = "auto") -> Backbone:
    """Returns a backbone that is ready to run.

    Args:
        name: `compact` (embedded) or a name of `tagger.models.architectures`.
        weights_file: in place of the published weights.
        batch_size: pictures per call of the network; None: what pays on the device.
        device: `auto`, `cpu`, `gpu` or `gpu:N`; the embedded network runs on the processor in any case.

    Raises:
        BadSettings: no such name.
        DeviceMissing: there is no such GPU.
        BadWeights: the file does not fit the network.
        WeightsMissing: nothing in the cache and nothing to be fetched.
        LibraryMissing: the Keras backend that the environment or keras.json names is not installed.
    """
    if name == EMBEDDED:
        if device.startswith(devices.GPU):
            log.info("%s runs on the processor: --device %s is for the networks of Keras", name, device)
        return _embedded(weights_file or EMBEDDED_ARRAYS, batch_size or PROCESSOR.batch_size)
    _start_keras()
    architecture = architectures.named(name)
    place = devices.choose(device, () if device == "cpu" else devices.keras_devices())
    file = weights_file or _published(architecture)
    with place.scope():
        network, classifier = _network(architecture, file)
    if place.is_gpu:
        log.info("%s runs on a GPU, in %s", name, place.precision)
        for layer in network.layers:
            layer.dtype_policy = place.precision
    module = importlib.import_module(f"keras.applications.{architecture.module}")
    return Backbone(
        name,
        f"{name}/{architecture.feature_layer}",
        arrays.digest(network.get_weights()),
        str(file),
        architecture.input_size,
        architecture.feature_count,
        batch_size or place.batch_size,
        network,
        module.preprocess_input,
        classifier,
        place,
    )


def _start_keras() -> None:
    """Imports Keras and undoes what this user's keras.json may say about the layout of arrays."""
    try:
        import keras
    except (ImportError, ValueError) as error:
        raise LibraryMissing(f"Keras cannot start its backend ({error}): set KERAS_BACKEND=tensorflow") from error
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")


def _embedded(file: Path, batch_size: int) -> Backbone:
    from tagger.models import compact

    try:
        found = arrays.load(file)
        network = compact.Network(found)
        names = [f"{compact.CLASSIFIER}.{kind}" for kind in ("kernel", "bias")]
        classifier = Classifier(*(found[name] for name in names)) if names[0] in found else None
    except (BadHead, KeyError, ValueError) as error:
        raise BadWeights(f"{file}: holds no arrays of the compact network ({error})") from error
    source = EMBEDDED_SOURCE if file == EMBEDDED_ARRAYS else str(file)
    return Backbone(
        EMBEDDED, f"{EMBEDDED}/avg_pool", arrays.digest(found), source, compact.INPUT_SIZE,
        compact.FEATURE_COUNT, batch_size, network, compact.preprocess, classifier,
    )  # fmt: skip


def _published(architecture: Architecture) -> Path:
    """The cached file if there is one, else the download."""
    cached = [file for file in architecture.files if file.path.is_file()]
    return cached[0].path if cached else weights.fetch(architecture.files[0], architecture.name)


def _network(architecture: Architecture, file: Path) -> tuple[Any, Classifier | None]:
    """The network up to its features, filled from a file with or without the classifier, and that."""
    import keras

    if not file.is_file():
        raise BadWeights(f"{file}: no such weights file")
    if file.suffix == ".npz":
        return _tuned(architecture, file), None
    reasons = []
    for include_top in (True, False):
        network = _made(architecture, include_top)
        try:
            network.load_weights(str(file))
        except Exception as error:  # each format of weights file raises its own kind
            reasons.append(reason(error))
            continue
        return _features_of(keras, network, architecture, include_top), _classifier(network) if include_top else None
    raise BadWeights(f"{file}: does not fit {architecture.name}, with or without its classifier ({reasons[-1]})")


def _made(architecture: Architecture, include_top: bool) -> Any:
    module = importlib.import_module(f"keras.applications.{architecture.module}")
    size = {"input_shape": (architecture.input_size, architecture.input_size, 3)}
    width = {} if architecture.width is None else {"alpha": architecture.width}
    return getattr(module, architecture.function)(weights=None, include_top=include_top, **size, **width)


def _tuned(architecture: Architecture, file: Path) -> Any:
    """The network up to its features, with the arrays of `Keras.Model.get_weights` in order."""
    network = untrained(architecture)
    found = list(arrays.load(file).values())
    if [array.shape for array in found] != [array.shape for array in network.get_weights()]:
        raise BadWeights(f"{file}: does not hold the arrays of {architecture.name}")
    network.set_weights(found)
    return network


def untrained(architecture: Architecture) -> Any:
    """Returns the network up to its features as a Keras model, with random numbers."""
    import keras

    include_top = architecture.feature_layer != "avg_pool"
    return _features_of(keras, _made(architecture, include_top), architecture, include_top)


def _classifier(network: Any) -> Classifier:
    """The last layer with weights: dense, or (MobileNet) a convolution of one pixel."""
    kernel, bias = [layer for layer in network.layers if layer.get_weights()][-1].get_weights()
    return Classifier(kernel.reshape(-1, CLASSES), bias)


def _features_of(keras: Any, network: Any, architecture: Architecture, include_top: bool) -> Any:
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
