"""A network described in layers of Keras -> the same as an ONNX graph, batch normalisation folded into convolutions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tagger.models import keras_layers as kinds
from tagger.models import onnx_bytes
from tagger.models.keras_layers import Layer, in_order
from tagger.models.onnx_bytes import Graph, Pads
from tagger.records import Floats


def graph(last: Layer, numbers: list[Floats]) -> Graph:
    """Returns the network up to its last layer as an ONNX model.

    Args:
        last: which is a mean, or dense.
        numbers: of all layers, as `Keras.Model.get_weights` gives them; is emptied, for they are as large as the model.
    """
    layers = in_order(last)
    rest = iter(numbers)
    made = _Writer(layers[0].size, {layer: [next(rest) for _ in layer.arrays] for layer in layers})
    del rest
    numbers.clear()
    return made.graph.ending_in(made.layer(last))


class _Writer:
    """Writes each layer when the first that needs it is written."""

    def __init__(self, size: int, numbers: dict[Layer, list[Floats]]) -> None:
        self.graph = Graph(size)
        self._numbers = numbers
        self._written: dict[Layer, onnx_bytes.Layer] = {}

    def layer(self, one: Layer) -> onnx_bytes.Layer:
        """What a layer gives in the graph."""
        if one not in self._written:
            self._written[one] = self._new(one)
        return self._written[one]

    def _new(self, one: Layer) -> onnx_bytes.Layer:
        graph, kind = self.graph, one.kind
        if kind == kinds.INPUT:
            return graph.picture
        if kind == kinds.NORM:
            return self._convolved(one.inputs[0], one)
        if kind in (kinds.CONV, kinds.DEPTHWISE, kinds.SEPARABLE):
            return self._convolved(one)
        if kind == kinds.DENSE:
            return self._dense(one)
        if kind == kinds.MAX:
            before, pads = _pads(one)  # zeros and nothing are alike behind ReLU
            return graph.max_pool(self.layer(before), one.side[0], one.stride, pads)
        given = [self.layer(before) for before in one.inputs]
        if kind == kinds.AVERAGE:
            return graph.average_pool(given[0], one.side[0], one.pads)
        write: dict[str, Callable[..., onnx_bytes.Layer]] = {
            kinds.RELU: graph.relu, kinds.RELU6: graph.relu6, kinds.ADD: graph.added, kinds.JOIN: graph.joined,
            kinds.MEAN: graph.mean,
        }  # fmt: skip
        return write[kind](*given)

    def _convolved(self, one: Layer, norm: Layer | None = None) -> onnx_bytes.Layer:
        """A convolution, and the normalisation that follows it."""
        numbers = self._numbers.pop(one)
        *kernels, last = [array for array in numbers if array.ndim > 1]
        kernel, bias = self._folded(one, last, [array for array in numbers if array.ndim == 1], norm)
        before, pads = _pads(one)
        if before.kind == kinds.AVERAGE and one.side == (1, 1):
            # Means of a convolution of single pixels are that of the means, and fewer.
            looked = self._one(self.layer(before.inputs[0]), kernel, bias, one, pads)
            return self.graph.average_pool(looked, before.side[0], before.pads)
        x = self.layer(before)
        for depthwise in kernels:  # of a separable one
            x = self._one(x, depthwise.transpose(2, 3, 0, 1), np.zeros(len(depthwise[0, 0]), np.float32), one, pads)
            pads = (0, 0, 0, 0)
        x = self._one(x, kernel, bias, one, pads)
        return self.graph.relu(x) if one.relu else x

    def _one(self, x: onnx_bytes.Layer, kernel: Floats, bias: Floats, one: Layer, pads: Pads) -> onnx_bytes.Layer:
        groups = x.channels // kernel.shape[1]
        return self.graph.convolution(x, kernel, bias, one.stride, groups, pads)

    def _folded(self, one: Layer, kernel: Floats, biases: list[Floats], norm: Layer | None) -> tuple[Floats, Floats]:
        """Kernel (out, in, down, across) and bias of a convolution and what follows."""
        depthwise = one.kind == kinds.DEPTHWISE
        planes: NDArray[np.floating] = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(3, 2, 0, 1)
        bias: NDArray[np.floating] = biases[0] if biases else np.zeros(len(planes), np.float32)
        if norm:
            *scale, offset, mean, variance = (array.astype(np.float64) for array in self._numbers.pop(norm))
            factor = (scale[0] if scale else 1) / np.sqrt(variance + norm.epsilon)
            planes, bias = planes * factor[:, None, None, None], offset + (bias - mean) * factor
        return np.asarray(planes, np.float32), np.asarray(bias, np.float32)

    def _dense(self, one: Layer) -> onnx_bytes.Layer:
        kernel, bias = self._numbers.pop(one)
        (before,) = one.inputs
        if before.kind == kinds.FLAT:  # Keras counts channels fastest, a graph slowest
            (before,) = before.inputs
            size = before.size
            kernel = kernel.reshape(size, size, before.channels, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
        x = self.graph.dense(self.layer(before), kernel, bias)
        return self.graph.relu(x) if one.relu else x


def _pads(one: Layer) -> tuple[Layer, Pads]:
    """What a layer looks at, and all padding around it."""
    (before,) = one.inputs
    return (before.inputs[0], before.pads) if before.kind == kinds.PADDING else (before, one.pads)
