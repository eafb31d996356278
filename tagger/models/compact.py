"""The embedded backbone, which needs nothing but this package and starts at once.

`tagger.models.student` is the same network in Keras, with batch normalisation, from which its arrays come.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger import vocabulary
from tagger.errors import BadHead, BadWeights, reason
from tagger.images import Pixels
from tagger.models import arrays, devices
from tagger.models.backbone import Facts, in_batches
from tagger.models.devices import PROCESSOR, Device
from tagger.models.entry import Entry
from tagger.models.evidence import CLASS_COUNT, Classifier
from tagger.models.onnx_bytes import Graph, Layer
from tagger.models.precision import ready
from tagger.models.residual import CLASSIFIER, FEATURE_COUNT, INPUT_SIZE, NAME, connect, preprocess
from tagger.records import Floats

log = logging.getLogger(__name__)

ORIGIN = "embedded"  # where the shipped arrays are, for people
ARRAYS = vocabulary.SHIPPED / "movies50" / "compact.npz"
CHOICES = NAME  # for people who typed another


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CompactBackbone(Facts):
    """The embedded network as a backbone that Keras can train."""

    network: Callable[[Floats], Floats]
    file: Path  # of its arrays

    def features(self, pictures: Sequence[Pixels]) -> Floats:
        """Returns float32 (n, 768), not negative."""
        return in_batches(self, pictures, lambda squares: self.network(planes(squares)))

    def preprocess(self, pixels: NDArray[np.uint8]) -> Floats:
        """Returns squares (n, s, s, 3) as float32 -1 to 1."""
        return preprocess(pixels)

    def body(self) -> Any:
        """Returns the network in Keras, without batch normalisation, which is in its numbers."""
        from tagger.models import student

        return student.tunable(arrays.load(self.file))

    def untrained(self) -> Any:
        """Returns the network in Keras, with batch normalisation."""
        from tagger.models import student

        return student.trainable()

    def stored(self, trained: Any) -> dict[str, NDArray[np.floating]]:
        """Returns the arrays of either, as `graph` takes them."""
        from tagger.models import student

        return student.stored(trained)


def planes(squares: NDArray[np.uint8]) -> Floats:
    """Returns squares (n, s, s, 3) as the network takes them: (n, 3, s, s), -1 to 1."""
    return preprocess(squares).transpose(0, 3, 1, 2)


def entry(name: str) -> Entry:
    """Returns the row of the embedded backbone.

    Raises:
        KeyError: that is not its name.
    """
    return {NAME: _ENTRY}[name]


def entries() -> tuple[Entry, ...]:
    """Returns its row alone."""
    return (_ENTRY,)


def load(file: Path | None, batch_size: int | None, device: str, precision: str) -> CompactBackbone:
    """Returns the embedded backbone; it runs on the processor, whatever the device.

    Raises:
        BadWeights: the file holds other arrays.
        BadSettings: as `tagger.models.precision.ready`.
    """
    if device.startswith(devices.GPU):
        log.info("%s runs on the processor: --device %s is for the networks of Keras", NAME, device)
    path = file or ARRAYS
    try:
        numbers = arrays.load(path)
        made, classifier = graph(numbers), _classifier(numbers)
    except (BadHead, KeyError, ValueError) as error:
        raise BadWeights(f"{path}: holds no arrays of the compact network ({reason(error)})") from error
    return CompactBackbone(
        name=NAME,
        identity=f"{NAME}/avg_pool",
        sha256=arrays.digest(numbers),
        source=ORIGIN if path == ARRAYS else str(path),
        input_size=INPUT_SIZE,
        feature_count=FEATURE_COUNT,
        parameters=sum(part.size for name, part in numbers.items() if not name.startswith(CLASSIFIER)),
        batch_size=batch_size or PROCESSOR.batch_size,
        device=Device(asked=precision),
        classifier=classifier,
        network=ready(made, planes, precision),
        file=path,
    )


_ENTRY = Entry(NAME, INPUT_SIZE, FEATURE_COUNT, load, ORIGIN, ARRAYS, tunable=True)


def _classifier(numbers: arrays.Arrays) -> Classifier | None:
    """The layer behind the features; a tuned network comes without."""
    if f"{CLASSIFIER}.kernel" not in numbers:
        return None
    kernel, bias = (numbers[f"{CLASSIFIER}.{part}"] for part in ("kernel", "bias"))
    if kernel.shape != (FEATURE_COUNT, CLASS_COUNT) or bias.shape != (CLASS_COUNT,):
        raise ValueError(f"{CLASSIFIER} is {kernel.shape} and {bias.shape}")
    return Classifier(kernel, bias)


def graph(numbers: Mapping[str, NDArray[np.floating]]) -> Graph:
    """Returns the network as an ONNX model.

    Args:
        numbers: per convolution NAME.kernel (h, w, in, out) and NAME.bias (out,).

    Raises:
        KeyError: an array is missing.
        ValueError: an array has another shape.
    """
    made = Graph(INPUT_SIZE)

    def convolution(x: Layer, channels: int, side: int, stride: int, name: str) -> Layer:
        kernel, bias = (np.asarray(numbers[f"{name}.{part}"], np.float32) for part in ("kernel", "bias"))
        expected = (side, side, x.channels, channels)
        if kernel.shape != expected or bias.shape != (channels,):
            raise ValueError(f"{name} is {kernel.shape} and {bias.shape}, expected {expected} and ({channels},)")
        return made.convolution(x, kernel.transpose(3, 2, 0, 1), bias, stride)

    return made.ending_in_mean_of(connect(made.picture, convolution, made.relu, made.added))
