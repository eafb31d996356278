"""Networks as ONNX graphs, in just the few words of that format that ours need.

Field numbers are those of onnx.proto (IR version 8, operator set 13).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.records import Floats

IR_VERSION, OPERATOR_SET = 8, 13
FLOAT, INT, INTS = 1, 2, 7  # TensorProto.FLOAT, AttributeProto.INT, AttributeProto.INTS
TYPES = {"float32": FLOAT, "uint8": 2, "int8": 3, "int32": 6}  # of TensorProto
Pads = tuple[int, int, int, int]  # pixels above, to the left, below and to the right
PICTURE = "picture"  # the name of a graph's input
_VARINT, _BYTES = 0, 2  # protobuf's wire types


@dataclass(frozen=True, slots=True)
class Layer:
    """What a layer of a graph gives: planes (n, channels, size, size)."""

    name: str
    channels: int
    size: int  # pixels, square


@dataclass(frozen=True, slots=True)
class Node:
    """A step of a graph."""

    kind: str  # as ONNX calls it: Conv, Relu, ...
    inputs: tuple[str, ...]  # names of layers and arrays
    gives: str
    attributes: Mapping[str, int | Sequence[int]] = field(default_factory=dict)


class Graph:
    """A network of convolutions, written layer by layer."""

    def __init__(self, input_size: int) -> None:
        """Begins with a picture, RGB; `input_size` is its side in pixels."""
        self.picture = self.last = Layer(PICTURE, 3, input_size)
        self.nodes: list[Node] = []
        self.arrays: dict[str, NDArray[Any]] = {}

    def convolution(
        self, x: Layer, kernel: Floats, bias: Floats, stride: int = 1, groups: int = 1, pads: Pads | None = None
    ) -> Layer:
        """Returns a convolution.

        Args:
            x: what it looks at.
            kernel: (out, in / groups, down, across).
            bias: (out,).
            stride: down and across.
            groups: of channels, which do not see one another.
            pads: None: as TensorFlow pads what it calls "same": what is odd goes to the far side.

        Raises:
            ValueError: kernel and bias do not fit the layer.
        """
        out, seen, *side = kernel.shape
        if seen * groups != x.channels or bias.shape != (out,):
            raise ValueError(f"a kernel {kernel.shape} and bias {bias.shape} cannot follow {x.channels} channels")
        given = [x.name, self._array(kernel), self._array(bias)]
        return self._window("Conv", given, x, out, side, stride, pads or same(x.size, side, stride), group=groups)

    def max_pool(self, x: Layer, side: int, stride: int, pads: Pads) -> Layer:
        """Returns the largest number in each window of so many pixels."""
        return self._window("MaxPool", [x.name], x, x.channels, [side] * 2, stride, pads)

    def average_pool(self, x: Layer, side: int, pads: Pads) -> Layer:
        """Returns the mean of what of each window is no padding."""
        return self._window("AveragePool", [x.name], x, x.channels, [side] * 2, 1, pads)

    def dense(self, x: Layer, kernel: Floats, bias: Floats) -> Layer:
        """Returns a dense layer over all of x, channel by channel; kernel (in, out), bias (out,)."""
        flat = self._layer("Flatten", [x.name], x.channels * x.size**2, 1)
        given = [flat.name, self._array(kernel), self._array(bias)]
        return self._layer("Gemm", given, len(bias), 1)

    def relu(self, x: Layer) -> Layer:
        """Returns max(x, 0)."""
        return self._layer("Relu", [x.name], x.channels, x.size)

    def relu6(self, x: Layer) -> Layer:
        """Returns min(max(x, 0), 6)."""
        ends = [self._array(np.array(end, np.float32)) for end in (0, 6)]
        return self._layer("Clip", [x.name, *ends], x.channels, x.size)

    def added(self, x: Layer, y: Layer) -> Layer:
        """Returns x + y."""
        return self._layer("Add", [x.name, y.name], x.channels, x.size)

    def joined(self, *layers: Layer) -> Layer:
        """Returns the channels of all, one after the other."""
        channels = sum(layer.channels for layer in layers)
        return self._layer("Concat", [layer.name for layer in layers], channels, layers[0].size, axis=1)

    def mean(self, x: Layer) -> Layer:
        """Returns the mean over all places, (n, channels, 1, 1)."""
        return self._layer("GlobalAveragePool", [x.name], x.channels, 1)

    def ending_in(self, x: Layer) -> Graph:
        """Returns itself, which gives x."""
        self.last = x
        return self

    def ending_in_mean_of(self, x: Layer) -> Graph:
        """Returns itself, which gives the mean over all places of x, (n, channels, 1, 1)."""
        return self.ending_in(self.mean(x))

    def body(self, *more: str) -> bytes:
        """Returns the graph as a ModelProto that gives its last layer, and `more` of them behind it."""
        size = self.picture.size
        rest = (
            b"".join(map(_node, self.nodes)) + _text(2, "network") + _part(11, _value(PICTURE, ("n", 3, size, size)))
            + b"".join(_part(12, _value(name, None)) for name in (self.last.name, *more))
        )  # fmt: skip
        arrays = [part for name, values in self.arrays.items() for part in _tensor(name, values)]
        length = len(rest) + sum(len(part) for part in arrays)
        head = _number(1, IR_VERSION) + _part(8, _text(1, "") + _number(2, OPERATOR_SET)) + _begun(7, length)
        return b"".join([head, rest, *arrays])  # arrays are large: this copies them once

    def _window(
        self,
        kind: str,
        inputs: list[str],
        x: Layer,
        channels: int,
        side: list[int],
        stride: int,
        pads: Pads,
        **more: int,
    ) -> Layer:
        size = (x.size + pads[0] + pads[2] - side[0]) // stride + 1
        lists = {"kernel_shape": side, "strides": [stride] * 2, "pads": [*pads]}
        return self._layer(kind, inputs, channels, size, **lists, **more)

    def _layer(self, kind: str, inputs: list[str], channels: int, size: int, **attributes: int | list[int]) -> Layer:
        name = f"layer{len(self.nodes)}"
        self.nodes.append(Node(kind, tuple(inputs), name, attributes))
        return Layer(name, channels, size)

    def _array(self, values: Floats) -> str:
        """The name of an array that the graph holds from now on."""
        name = f"array{len(self.arrays)}"
        self.arrays[name] = np.asarray(values, np.float32)
        return name


def same(size: int, side: Sequence[int], stride: int) -> Pads:
    """Returns what TensorFlow calls "same": what is odd goes to the far side.

    Args:
        size: pixels, of what is looked at.
        side: pixels down and across, of what looks.
        stride: down and across.
    """
    out = -(-size // stride)
    tall, wide = (max((out - 1) * stride + one - size, 0) for one in side)
    return tall // 2, wide // 2, tall - tall // 2, wide - wide // 2


def _node(one: Node) -> bytes:
    """A NodeProto as a graph holds it."""
    return _part(
        1,
        b"".join(_text(1, given) for given in one.inputs) + _text(2, one.gives) + _text(4, one.kind)
        + b"".join(_part(5, _attribute(*pair)) for pair in one.attributes.items()),
    )  # fmt: skip


def _tensor(name: str, values: NDArray[Any]) -> tuple[bytes, memoryview]:
    """A TensorProto as a graph holds it: what stands before its numbers, and these."""
    kind = TYPES[values.dtype.name]
    raw = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data
    facts = b"".join(_number(1, size) for size in values.shape) + _number(2, kind) + _text(8, name)
    facts += _begun(9, len(raw))
    return _begun(5, len(facts) + len(raw)) + facts, raw


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    """An AttributeProto."""
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, INT)
    return _text(1, name) + b"".join(_number(8, one) for one in value) + _number(20, INTS)


def _value(name: str, sizes: Sequence[int | str] | None) -> bytes:
    """A ValueInfoProto of floats; a size with a name is any, None: any shape."""
    if sizes is None:
        return _text(1, name) + _part(2, _part(1, _number(1, FLOAT)))
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


def _begun(field: int, length: int) -> bytes:
    """What stands before so many bytes."""
    return _varint(field << 3 | _BYTES) + _varint(length)


def _part(field: int, body: bytes) -> bytes:
    return _begun(field, len(body)) + body


def _text(field: int, text: str) -> bytes:
    return _part(field, text.encode())
