"""Networks in the layers of Keras, without Keras: what follows what, and which arrays each layer has.

Arrays are in the order of `Layer.get_weights`, and `in_order` is that of `Model.layers`: files of weights, whichever of
Keras's formats they have, go by both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from tagger.models.onnx_bytes import Pads, same

Shape = tuple[int, ...]

# Kinds that have arrays, as `.weights.h5` names them; the others are named in no file.
CONV, DEPTHWISE, SEPARABLE = "conv2d", "depthwise_conv2d", "separable_conv2d"
NORM, DENSE = "batch_normalization", "dense"
INPUT, RELU, RELU6, PADDING, MAX, AVERAGE, ADD, JOIN, MEAN, FLAT = (
    "input", "relu", "relu6", "padding", "max", "average", "add", "join", "mean", "flat"
)  # fmt: skip
EPSILON = 1e-3  # of batch normalisation


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A layer, and what it gives: (n, size, size, channels)."""

    kind: str
    inputs: tuple[Layer, ...]
    channels: int
    size: int  # pixels, square
    arrays: tuple[Shape, ...] = ()
    side: tuple[int, int] = (1, 1)  # pixels, of a kernel or window, down and across
    stride: int = 1
    pads: Pads = (0, 0, 0, 0)
    relu: bool = False  # follows within the layer
    epsilon: float = EPSILON


def picture(size: int) -> Layer:
    """Returns where a network begins: RGB."""
    return Layer(INPUT, (), 3, size)


def conv(
    x: Layer, channels: int, side: int | tuple[int, int] = 1, stride: int = 1,
    *, valid: bool = False, bias: bool = False, relu: bool = False,
) -> Layer:  # fmt: skip
    """Returns a convolution, padded as TensorFlow pads "same", or `valid`, not at all."""
    tall, wide = sides = (side, side) if isinstance(side, int) else side
    arrays = ((tall, wide, x.channels, channels), *[(channels,)] * bias)
    pads, size = _places(x.size, sides, stride, valid)
    return Layer(CONV, (x,), channels, size, arrays, sides, stride, pads, relu)


def depthwise(x: Layer, side: int, stride: int = 1, *, valid: bool = False) -> Layer:
    """Returns a convolution of each channel by itself."""
    pads, size = _places(x.size, (side, side), stride, valid)
    return Layer(DEPTHWISE, (x,), x.channels, size, ((side, side, x.channels, 1),), (side, side), stride, pads)


def separable(x: Layer, channels: int, side: int) -> Layer:
    """Returns a depthwise convolution and one of single pixels in one layer."""
    pads, size = _places(x.size, (side, side), 1, False)
    arrays = ((side, side, x.channels, 1), (1, 1, x.channels, channels))
    return Layer(SEPARABLE, (x,), channels, size, arrays, (side, side), 1, pads)


def norm(x: Layer, *, scale: bool = True, epsilon: float = EPSILON) -> Layer:
    """Returns a batch normalisation, with or without a scale."""
    return Layer(NORM, (x,), x.channels, x.size, ((x.channels,),) * (3 + scale), epsilon=epsilon)


def max_pool(x: Layer, side: int, stride: int, *, valid: bool = False) -> Layer:
    """Returns the largest number in each window."""
    pads, size = _places(x.size, (side, side), stride, valid)
    return Layer(MAX, (x,), x.channels, size, (), (side, side), stride, pads)


def average_pool(x: Layer, side: int) -> Layer:
    """Returns the mean of each window, of the part of it that lies in the picture."""
    pads, size = _places(x.size, (side, side), 1, False)
    return Layer(AVERAGE, (x,), x.channels, size, (), (side, side), 1, pads)


def padded(x: Layer, pads: Pads) -> Layer:
    """Returns it with zeros around, as many before as behind down and across in sum."""
    return Layer(PADDING, (x,), x.channels, x.size + pads[0] + pads[2], pads=pads)


def _same(kind: str, x: Layer) -> Layer:
    return Layer(kind, (x,), x.channels, x.size)


relu, relu6 = partial(_same, RELU), partial(_same, RELU6)


def added(x: Layer, y: Layer) -> Layer:
    """Returns x + y."""
    return Layer(ADD, (x, y), x.channels, x.size)


def joined(*layers: Layer) -> Layer:
    """Returns the channels of all, one after the other."""
    return Layer(JOIN, layers, sum(layer.channels for layer in layers), layers[0].size)


def mean(x: Layer) -> Layer:
    """Returns the mean over all places."""
    return Layer(MEAN, (x,), x.channels, 1)


def flat(x: Layer) -> Layer:
    """Returns all places one after the other."""
    return Layer(FLAT, (x,), x.channels * x.size**2, 1)


def dense(x: Layer, units: int, *, relu: bool = False) -> Layer:
    """Returns a dense layer."""
    return Layer(DENSE, (x,), units, 1, ((x.channels, units), (units,)), relu=relu)


def _places(size: int, side: tuple[int, int], stride: int, valid: bool) -> tuple[Pads, int]:
    """Padding, and pixels of what comes out, square."""
    if valid:
        return (0, 0, 0, 0), (size - side[0]) // stride + 1
    return same(size, side, stride), -(-size // stride)


def in_order(last: Layer) -> list[Layer]:
    """Returns all layers up to the last one as Keras lists them.

    Those that are followed by the longest paths come first; of equals, the one that is met first on the way back from
    the end.
    """
    met: dict[Layer, int] = {}
    backwards = list(_finished(last, met))[::-1]
    behind = dict.fromkeys(backwards, 0)
    for layer in backwards:
        for before in layer.inputs:
            behind[before] = max(behind[before], behind[layer] + 1)
    return sorted(backwards, key=lambda layer: (-behind[layer], met[layer]))


def _finished(layer: Layer, met: dict[Layer, int]) -> Iterator[Layer]:
    """The layers up to this one that were not met before, each after its inputs."""
    met[layer] = len(met)
    for before in layer.inputs:
        if before not in met:
            yield from _finished(before, met)
    yield layer
