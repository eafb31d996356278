"""The embedded backbone: a small residual network of dense 3x3 convolutions, fast on a processor.

Dense convolutions keep a processor's vector units busy where depthwise ones wait for memory, most of all in
training. Here it is run by OpenCV, which the tool needs anyway and which starts at once; `tagger.training.student`
is the same network in Keras, with batch normalisation, from which these arrays come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from tagger.models import onnx_bytes

ARCHITECTURE = "resnet-32-64-128-256"
# Pixels, square. Larger than the pictures of its training, in which things are enlarged by cropping: at the size
# trained with they look smaller than they were learned (Touvron et al., 2019).
INPUT_SIZE = 160
CLASSIFIER = "classifier"  # the layer that turns features into the classes of ImageNet
FEATURE_COUNT = 768

_PATCH = 4  # pixels, square: the stem looks at patches, because wide pictures of few channels wait for memory
_STAGES = ((32, 1), (64, 2), (128, 3), (256, 2))  # channels and blocks; each stage after the first halves

Layer = TypeVar("Layer")
# (input, channels, kernel side, stride, name) -> output, without activation
Convolution = Callable[[Layer, int, int, int, str], Layer]


def preprocess(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns `pixels` (n, s, s, 3), RGB 0 to 255, as float32 -1 to 1."""
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)


def connect(
    picture: Layer,
    convolution: Convolution[Layer],
    rectified: Callable[[Layer], Layer],
    added: Callable[[Layer, Layer], Layer],
) -> Layer:
    """Returns the last feature map (n, s / 32, s / 32, 768) of a picture, in the layers of whoever asks."""
    x = rectified(convolution(picture, _STAGES[0][0], _PATCH, _PATCH, "stem"))
    for stage, (channels, blocks) in enumerate(_STAGES):
        for block in range(blocks):
            name, stride = f"stage{stage}_block{block}", 2 if stage and not block else 1
            y = rectified(convolution(x, channels, 3, stride, f"{name}_first"))
            y = convolution(y, channels, 3, 1, f"{name}_second")
            shortcut = convolution(x, channels, 2, 2, f"{name}_shortcut") if stride == 2 else x
            x = rectified(added(shortcut, y))
    return rectified(convolution(x, FEATURE_COUNT, 1, 1, "widen"))


class Network:
    """The network with its numbers, ready to run."""

    def __init__(self, arrays: Mapping[str, NDArray[np.floating]]) -> None:
        """Takes per convolution NAME.kernel (h, w, in, out) and NAME.bias (out,).

        Raises:
            KeyError: an array is missing.
            ValueError: an array has another shape.
        """
        body = np.frombuffer(_graph(arrays), np.uint8)
        self._network = cv2.dnn.readNetFromONNX(body)

    def predict_on_batch(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the features (n, 768), not negative, of pictures (n, 160, 160, 3), -1 to 1."""
        self._network.setInput(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
        return np.asarray(self._network.forward(), np.float32).reshape(len(pictures), FEATURE_COUNT)


def _graph(arrays: Mapping[str, NDArray[np.floating]]) -> bytes:
    """The network as an ONNX model."""
    nodes: list[bytes] = []
    tensors: dict[str, NDArray[np.float32]] = {}
    channels_of = {"picture": 3}

    def out(kind: str, inputs: list[str], channels: int, **attributes: list[int]) -> str:
        name = f"layer{len(nodes)}"
        nodes.append(onnx_bytes.node(kind, inputs, name, **attributes))
        channels_of[name] = channels
        return name

    def convolution(x: str, channels: int, side: int, stride: int, name: str) -> str:
        kernel, bias = (np.asarray(arrays[f"{name}.{kind}"], np.float32) for kind in ("kernel", "bias"))
        expected = (side, side, channels_of[x], channels)
        if kernel.shape != expected or bias.shape != (channels,):
            raise ValueError(f"{name} is {kernel.shape} and {bias.shape}, expected {expected} and ({channels},)")
        tensors[f"{name}.kernel"], tensors[f"{name}.bias"] = kernel.transpose(3, 2, 0, 1), bias
        # As TensorFlow pads what it calls "same": what is odd goes to the far side.
        rest = max(side - stride, 0)
        pads = [rest // 2] * 2 + [rest - rest // 2] * 2
        inputs = [x, f"{name}.kernel", f"{name}.bias"]
        return out("Conv", inputs, channels, kernel_shape=[side] * 2, strides=[stride] * 2, pads=pads)

    last = connect(
        "picture",
        convolution,
        lambda x: out("Relu", [x], channels_of[x]),
        lambda x, y: out("Add", [x, y], channels_of[x]),
    )
    pooled = out("GlobalAveragePool", [last], FEATURE_COUNT)
    return onnx_bytes.model(nodes, tensors, (1, 3, INPUT_SIZE, INPUT_SIZE), pooled)
