"""Networks as ONNX graphs, in just the few words of that format that the embedded one needs.

OpenCV reads them from memory, so that nothing else has to be installed or imported to run it. Field numbers are
those of onnx.proto (IR version 8, operator set 13).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tagger.records import Floats

IR_VERSION, OPERATOR_SET = 8, 13
FLOAT, INTS = 1, 7  # TensorProto.FLOAT, AttributeProto.INTS
_VARINT, _BYTES = 0, 2  # protobuf's wire types


def node(kind: str, inputs: Sequence[str], output: str, **attributes: Sequence[int]) -> bytes:
    """Returns a NodeProto with one output."""
    lists = [
        _text(1, name) + b"".join(_number(8, value) for value in values) + _number(20, INTS)
        for name, values in attributes.items()
    ]
    return (
        b"".join(_text(1, name) for name in inputs) + _text(2, output) + _text(4, kind)
        + b"".join(_part(5, made) for made in lists)
    )  # fmt: skip


def model(nodes: Sequence[bytes], arrays: Mapping[str, Floats], picture: Sequence[int], output: str) -> bytes:
    """Returns a ModelProto of a graph whose input is named "picture", of the sizes given."""
    tensors = [
        b"".join(_number(1, size) for size in array.shape) + _number(2, FLOAT) + _text(8, name)
        + _part(9, np.ascontiguousarray(array, "<f4").tobytes())
        for name, array in arrays.items()
    ]  # fmt: skip
    graph = (
        b"".join(_part(1, made) for made in nodes) + _text(2, "network")
        + b"".join(_part(5, made) for made in tensors)
        + _part(11, _value("picture", picture)) + _part(12, _value(output, ()))
    )  # fmt: skip
    return _number(1, IR_VERSION) + _part(7, graph) + _part(8, _text(1, "") + _number(2, OPERATOR_SET))


def _value(name: str, sizes: Sequence[int]) -> bytes:
    """A ValueInfoProto of floats."""
    shape = b"".join(_part(1, _number(1, size)) for size in sizes)
    return _text(1, name) + _part(2, _part(1, _number(1, FLOAT) + (_part(2, shape))))


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
