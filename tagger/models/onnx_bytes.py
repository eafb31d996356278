"""Networks as ONNX graphs, in just the few words of that format that ours need.

Field numbers are those of onnx.proto (IR version 8, operator set 13).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tagger.records import Floats

IR_VERSION, OPERATOR_SET = 8, 13
FLOAT, INT, INTS = 1, 2, 7  # TensorProto.FLOAT, AttributeProto.INT, AttributeProto.INTS
PICTURE = "picture"  # the name of a graph's input
_VARINT, _BYTES = 0, 2  # protobuf's wire types


@dataclass(frozen=True, slots=True)
class Layer:
    """What a layer of a graph gives: planes (n, channels, size, size)."""

    name: str
    channels: int
    size: int  # pixels, square


class Graph:
    """A network of convolutions, written layer by layer."""

    def __init__(self, input_size: int) -> None:
        """Begins with a picture, RGB; `input_size` is its side in pixels."""
        self.picture = Layer(PICTURE, 3, input_size)
        self._nodes: list[bytes] = []
        self._tensors: list[bytes] = []

    def convolution(self, x: Layer, kernel: Floats, bias: Floats, stride: int = 1, groups: int = 1) -> Layer:
        """Returns a convolution, padded as TensorFlow pads what it calls "same": what is odd goes to the far side.

        Args:
            x: what it looks at.
            kernel: (out, in / groups, side, side).
            bias: (out,).
            stride: down and across.
            groups: of channels, which do not see one another.

        Raises:
            ValueError: kernel and bias do not fit the layer.
        """
        out, seen, side, _ = kernel.shape
        if seen * groups != x.channels or bias.shape != (out,) or kernel.shape[3] != side:
            raise ValueError(f"a kernel {kernel.shape} and bias {bias.shape} cannot follow {x.channels} channels")
        size = -(-x.size // stride)
        rest = max((size - 1) * stride + side - x.size, 0)
        pads = [rest // 2] * 2 + [rest - rest // 2] * 2
        lists = {"kernel_shape": [side] * 2, "strides": [stride] * 2, "pads": pads}
        return self._layer("Conv", [x.name, self._tensor(kernel), self._tensor(bias)], out, size, group=groups, **lists)

    def relu(self, x: Layer) -> Layer:
        """Returns max(x, 0)."""
        return self._layer("Relu", [x.name], x.channels, x.size)

    def relu6(self, x: Layer) -> Layer:
        """Returns min(max(x, 0), 6)."""
        ends = [self._tensor(np.array(end, np.float32)) for end in (0, 6)]
        return self._layer("Clip", [x.name, *ends], x.channels, x.size)

    def added(self, x: Layer, y: Layer) -> Layer:
        """Returns x + y."""
        return self._layer("Add", [x.name, y.name], x.channels, x.size)

    def ending_in_mean_of(self, x: Layer) -> bytes:
        """Returns the finished graph as a ModelProto that gives the mean over all places of x, (n, channels, 1, 1)."""
        last = self._layer("GlobalAveragePool", [x.name], x.channels, 1)
        size = self.picture.size
        graph = (
            b"".join(_part(1, made) for made in self._nodes) + _text(2, "network")
            + b"".join(_part(5, made) for made in self._tensors)
            + _part(11, _value(PICTURE, ("n", 3, size, size))) + _part(12, _value(last.name, ("n", x.channels, 1, 1)))
        )  # fmt: skip
        return _number(1, IR_VERSION) + _part(7, graph) + _part(8, _text(1, "") + _number(2, OPERATOR_SET))

    def _layer(self, kind: str, inputs: list[str], channels: int, size: int, **attributes: int | list[int]) -> Layer:
        name = f"layer{len(self._nodes)}"
        self._nodes.append(
            b"".join(_text(1, given) for given in inputs) + _text(2, name) + _text(4, kind)
            + b"".join(_part(5, _attribute(*pair)) for pair in attributes.items())
        )  # fmt: skip
        return Layer(name, channels, size)

    def _tensor(self, values: Floats) -> str:
        """The name of an array that the graph holds from now on."""
        name = f"array{len(self._tensors)}"
        self._tensors.append(
            b"".join(_number(1, size) for size in values.shape) + _number(2, FLOAT) + _text(8, name)
            + _part(9, np.ascontiguousarray(values, "<f4").tobytes())
        )  # fmt: skip
        return name


def _attribute(name: str, value: int | list[int]) -> bytes:
    """An AttributeProto."""
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, INT)
    return _text(1, name) + b"".join(_number(8, one) for one in value) + _number(20, INTS)


def _value(name: str, sizes: Sequence[int | str]) -> bytes:
    """A ValueInfoProto of floats; a size with a name is any."""
    shape = b"".join(_part(1, _text(2, size) if isinstance(size, str) else _number(1, size)) for size in sizes)
    return _text(1, name) + _part(2, _part(1, _number(1, FLOAT) + _part(2, shape)))


def _varint(value: int) -> bytes:
    head = bytearray()
    while value > 0x7F:
        head.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*head, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _part(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(body)) + body


def _text(field: int, text: str) -> bytes:
    return _part(field, text.encode())
