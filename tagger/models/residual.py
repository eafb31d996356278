"""The layers of the embedded network: a small residual network of dense 3x3 convolutions, fast on a processor.

Dense convolutions keep a processor's vector units busy where depthwise ones wait for memory, most of all in
training. `tagger.models.compact` runs it, `tagger.models.student` trains it in Keras.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tagger.records import Floats

NAME = "compact"
ARCHITECTURE = "resnet-32-64-128-256"
# Pixels, square. Larger than the pictures of its training, in which things are enlarged by cropping: at the size
# trained with they look smaller than they were learned (Touvron et al., 2019).
INPUT_SIZE = 160
FEATURE_COUNT = 768
CLASSIFIER = "classifier"  # the layer that turns features into the classes of ImageNet

_PATCH = 4  # pixels, square: the stem looks at patches, because wide pictures of few channels wait for memory
_STAGES = ((32, 1), (64, 2), (128, 3), (256, 2))  # channels and blocks; each stage after the first halves

Layer = TypeVar("Layer")
# (input, channels, kernel side, stride, name) -> output, without activation
Convolution = Callable[[Layer, int, int, int, str], Layer]


def preprocess(pixels: NDArray[np.uint8]) -> Floats:
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
