"""The embedded backbone: a small residual network of dense 3x3 convolutions, fast on a processor.

Dense convolutions keep a processor's vector units busy where depthwise ones wait for memory, most of all in
training. The network exists in two forms with the same layer names: `trainable` with batch normalisation after
each convolution, and `build`, where `fold` has moved the normalisation into the convolutions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import keras
import numpy as np
from numpy.typing import NDArray

ARCHITECTURE = "resnet-32-64-128-256"
# Pixels, square. Larger than the pictures of its training, in which things are enlarged by cropping: at the size
# trained with they look smaller than they were learned (Touvron et al., 2019). Top-3 of the card, without any training:
# 0.61 at 128, 0.62 at 144, 0.64 at 160, 0.62 at 192.
INPUT_SIZE = 160
CLASSIFIER = "classifier"  # the layer that turns features into the classes of ImageNet
FEATURE_COUNT = 768

_PATCH = 4  # pixels, square: the stem looks at patches, because wide pictures of few channels wait for memory
_STAGES = ((32, 1), (64, 2), (128, 3), (256, 2))  # channels and blocks; each stage after the first halves

# (input, channels, kernel side, stride, name) -> output, without activation
_Convolution = Callable[[keras.KerasTensor, int, int, int, str], keras.KerasTensor]


def preprocess(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns `pixels` (n, s, s, 3), RGB 0 to 255, as float32 -1 to 1."""
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)


def build(size: int = INPUT_SIZE) -> keras.Model:
    """Returns the network for inference: float32 (n, size, size, 3), -1 to 1, to float32 (n, 768), not negative."""

    def convolution(x: keras.KerasTensor, channels: int, side: int, stride: int, name: str) -> keras.KerasTensor:
        return keras.layers.Conv2D(channels, side, stride, "same", name=name)(x)

    return _network(size, convolution)


def trainable() -> keras.Model:
    """Returns the network for training, at any picture size: batch normalisation in place of biases."""

    def convolution(x: keras.KerasTensor, channels: int, side: int, stride: int, name: str) -> keras.KerasTensor:
        x = keras.layers.Conv2D(
            channels, side, stride, "same", use_bias=False, kernel_initializer="he_normal", name=name
        )(x)
        # A residual branch that starts at zero lets the first steps see a shallow network.
        scale = "zeros" if name.endswith("second") else "ones"
        return keras.layers.BatchNormalization(gamma_initializer=scale, name=f"{name}_norm")(x)

    return _network(None, convolution)


def fold(trained: keras.Model) -> dict[str, NDArray[np.float16]]:
    """Returns the arrays of `build` that do what `trained` (of `trainable`) does in inference.

    A dense layer named "classifier" behind the features is taken along.
    """
    arrays: dict[str, NDArray[np.float16]] = {}
    for layer in trained.layers:
        if isinstance(layer, keras.layers.Conv2D):
            norm = trained.get_layer(f"{layer.name}_norm")
            scale_offset_mean_variance = [np.asarray(w, np.float64) for w in norm.get_weights()]
            scale, offset, mean, variance = scale_offset_mean_variance
            factor = scale / np.sqrt(variance + norm.epsilon)
            kernel = np.asarray(layer.get_weights()[0], np.float64)
            arrays[f"{layer.name}.kernel"] = (kernel * factor).astype(np.float16)
            arrays[f"{layer.name}.bias"] = (offset - mean * factor).astype(np.float16)
        elif layer.name == CLASSIFIER:
            kernel, bias = layer.get_weights()
            arrays |= {f"{CLASSIFIER}.kernel": kernel.astype(np.float16), f"{CLASSIFIER}.bias": bias.astype(np.float16)}
    return arrays


def assign(network: keras.Model, arrays: Mapping[str, NDArray[np.floating]]) -> None:
    """Gives `network` (of `build`) its `arrays`: per convolution NAME.kernel (h, w, in, out) and NAME.bias (out,).

    Raises:
        KeyError: an array is missing.
        ValueError: an array has another shape.
    """
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kinds = ("kernel", "bias")
            layer.set_weights([np.asarray(arrays[f"{layer.name}.{kind}"], np.float32) for kind in kinds])


def _network(size: int | None, convolution: _Convolution) -> keras.Model:
    def activation(x: keras.KerasTensor) -> keras.KerasTensor:
        return keras.layers.ReLU()(x)

    picture = keras.Input((size, size, 3), name="picture")
    x = activation(convolution(picture, _STAGES[0][0], _PATCH, _PATCH, "stem"))
    for stage, (channels, blocks) in enumerate(_STAGES):
        for block in range(blocks):
            name, stride = f"stage{stage}_block{block}", 2 if stage and not block else 1
            y = activation(convolution(x, channels, 3, stride, f"{name}_first"))
            y = convolution(y, channels, 3, 1, f"{name}_second")
            shortcut = convolution(x, channels, 2, 2, f"{name}_shortcut") if stride == 2 else x
            x = activation(keras.layers.Add()([shortcut, y]))
    x = activation(convolution(x, FEATURE_COUNT, 1, 1, "widen"))
    return keras.Model(picture, keras.layers.GlobalAveragePooling2D(name="avg_pool")(x), name="compact")
