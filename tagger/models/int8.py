"""A network in whole numbers of eight bits: a graph -> the same with all sums of its convolutions in integers.

    q = round(x / s) + z        what a layer gives, 0 to 255: s and z so that its least and its largest fit
    k = round(w / s_k)          weights, -63 to 63: s_k for each channel of its own

Jacob et al., 2018 (arXiv:1712.05877). Weights have seven bits: of eight, processors that lack instructions for such
sums (x86 before VNNI) let the sum of two products overflow unseen, and answers would depend on the processor. What the
layers give least and most is measured on pictures of overlapping discs and boxes, whose statistics are close to those
of photographs ("dead leaves": Lee, Mumford and Huang, 2001), so that nobody needs photographs and answers repeat.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tagger.models.onnx_bytes import PICTURE, Graph, Node
from tagger.models.runtime import Network
from tagger.records import Floats

WEIGHT_MAX = 63
STEPS = 255  # of what layers give
PICTURES = 8
LEAVES = 300  # to a picture
WHOLE = ("Conv", "Gemm")  # have weights
SQUEEZING = ("Relu", "Clip")  # are one with the convolution before them
AS_BEFORE = "MaxPool"  # gives none but numbers that it was given

Scale = tuple[Floats, NDArray[np.uint8]]  # s and z


def leaves(count: int, size: int, seed: int = 0) -> NDArray[np.uint8]:
    """Returns pictures (count, size, size, 3) of discs and boxes that cover one another, of all sizes alike."""
    rng = np.random.default_rng(seed)
    pictures = np.empty((count, size, size, 3), np.uint8)
    for picture in pictures:
        picture[:] = rng.integers(0, 256, 3)
        for _ in range(LEAVES):
            half = max(1, int(size * min(0.5, 0.01 + 0.01 * rng.pareto(2))))
            x, y = (int(place) for place in rng.integers(0, size, 2))
            shape = np.zeros((size, size), np.uint8)
            if rng.random() < 0.5:
                cv2.circle(shape, (x, y), half, 1, cv2.FILLED)
            else:
                far = (int(half * side) for side in rng.uniform(0.5, 3, 2))
                cv2.rectangle(shape, (x, y), (x + next(far), y + next(far)), 1, cv2.FILLED)
            covered = shape.astype(bool)
            grain = rng.normal(0, rng.uniform(0, 25), (int(covered.sum()), 1))
            picture[covered] = np.clip(rng.integers(0, 256, 3) + grain, 0, 255)
    return pictures


def quantised(made: Graph, pictures: Floats) -> Graph:
    """Returns a network in integers; its last layer is float32 as before.

    Args:
        made: the network, finished.
        pictures: (n, 3, size, size), as it takes them: what its layers give to these is what they may give.
    """
    return _Writer(made, _ranges(made, pictures)).written()


def _ranges(made: Graph, pictures: Floats) -> dict[str, tuple[float, float]]:
    """The least and the largest that the picture and each layer hold."""
    names = [node.gives for node in made.nodes if node.gives != made.last.name]
    network = Network(made.body(*names))
    lows, highs = [], []
    for picture in pictures:  # one by one: all layers of many would fill the memory
        seen = [picture, *network.layers(picture[None])[1:]]
        lows.append([float(values.min()) for values in seen])
        highs.append([float(values.max()) for values in seen])
    ends = zip(np.min(lows, 0).tolist(), np.max(highs, 0).tolist(), strict=True)
    return dict(zip([PICTURE, *names], ends, strict=True))


class _Writer:
    """Writes each step of a graph anew, between numbers that are made whole and taken back.

    What runs it, ONNX Runtime, makes one step in integers of a step of floats between these two.
    """

    def __init__(self, made: Graph, ranges: dict[str, tuple[float, float]]) -> None:
        self._made, self._ranges = made, ranges
        self._new = Graph(made.picture.size)
        self._scales: dict[str, Scale] = {}
        self._whole: dict[str, str] = {}  # a layer -> its name behind the way into whole numbers and back
        self._asked = Counter(name for node in made.nodes for name in node.inputs)
        self._next = {name: node for node in made.nodes for name in node.inputs[:1]}

    def written(self) -> Graph:
        self._make_whole(PICTURE, self._scale(*self._ranges[PICTURE]))
        for node in self._made.nodes:
            self._write(node)
        return self._new.ending_in(self._made.last)

    def _write(self, node: Node) -> None:
        layers = [self._whole.get(name, name) for name in node.inputs if name not in self._made.arrays]
        arrays = [self._made.arrays[name] for name in node.inputs if name in self._made.arrays]
        given = [*layers, *(self._weights(node, *arrays) if node.kind in WHOLE else map(self._add, arrays))]
        self._new.nodes.append(Node(node.kind, tuple(given), node.gives, node.attributes))
        if node.gives == self._made.last.name:
            return
        after = self._next.get(node.gives)
        if node.kind in WHOLE and after and after.kind in SQUEEZING and self._asked[node.gives] == 1:
            return
        before = self._scales.get(node.inputs[0])
        same = before if node.kind == AS_BEFORE else None
        self._make_whole(node.gives, same or self._scale(*self._ranges[node.gives]))

    def _weights(self, node: Node, kernel: Floats, bias: Floats) -> tuple[str, str]:
        """Names of weights and bias, made whole and taken back."""
        channel = 0 if node.kind == "Conv" else 1
        others = tuple(axis for axis in range(kernel.ndim) if axis != channel)
        largest = np.maximum(np.abs(kernel).max(others), np.finfo(np.float32).tiny * WEIGHT_MAX)
        scale = np.asarray(largest / WEIGHT_MAX, np.float32)
        across = scale.reshape([-1 if axis == channel else 1 for axis in range(kernel.ndim)])
        whole = np.rint(kernel / across).astype(np.int8)
        sums = scale * self._scales[node.inputs[0]][0]  # a bias is added to sums of products
        limits = np.iinfo(np.int32)
        added = np.clip(np.rint(bias / sums.astype(np.float64)), limits.min, limits.max).astype(np.int32)
        kernels = self._back(whole, scale, np.zeros(len(scale), np.int8), channel)
        return kernels, self._back(added, np.asarray(sums, np.float32), np.zeros(len(scale), np.int32), 0)

    def _back(self, whole: NDArray[np.signedinteger], scale: Floats, zero: NDArray[np.signedinteger], axis: int) -> str:
        """The name of whole numbers taken back."""
        names = (self._add(whole), self._add(scale), self._add(zero))
        self._new.nodes.append(Node("DequantizeLinear", names, f"{names[0]}_back", {"axis": axis}))
        return f"{names[0]}_back"

    def _make_whole(self, layer: str, scale: Scale) -> None:
        names = (self._add(scale[0]), self._add(scale[1]))
        self._new.nodes.append(Node("QuantizeLinear", (layer, *names), f"{layer}_whole"))
        self._new.nodes.append(Node("DequantizeLinear", (f"{layer}_whole", *names), f"{layer}_back"))
        self._scales[layer], self._whole[layer] = scale, f"{layer}_back"

    def _scale(self, low: float, high: float) -> Scale:
        """s and z; zero is always one of the numbers, for it pads."""
        low, high = min(low, 0.0), max(high, 0.0)
        step = (high - low) / STEPS or 1.0
        return np.array(step, np.float32), np.array(round(-low / step), np.uint8)

    def _add(self, values: NDArray[Any]) -> str:
        name = f"array{len(self._new.arrays)}"
        self._new.arrays[name] = np.asarray(values)
        return name
