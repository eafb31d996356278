"""The embedded backbone in Keras: as it is trained from random numbers, and as it is tuned."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from tagger.models import residual
from tagger.models.arrays import Arrays


def trainable() -> keras.Model:
    """Returns the network, at any picture size: float32 (n, s, s, 3), -1 to 1, to float32 (n, 768), not negative.

    It has random numbers, and batch normalisation after each convolution.
    """

    def convolution(x: keras.KerasTensor, channels: int, side: int, stride: int, name: str) -> keras.KerasTensor:
        x = keras.layers.Conv2D(
            channels, side, stride, "same", use_bias=False, kernel_initializer="he_normal", name=name
        )(x)
        # A residual branch that starts at zero lets the first steps see a shallow network.
        scale = "zeros" if name.endswith("second") else "ones"
        return keras.layers.BatchNormalization(gamma_initializer=scale, name=f"{name}_norm")(x)

    picture = keras.Input((None, None, 3), name="picture")
    last = residual.connect(
        picture, convolution, lambda x: keras.layers.ReLU()(x), lambda x, y: keras.layers.Add()([x, y])
    )
    return keras.Model(picture, keras.layers.GlobalAveragePooling2D(name="avg_pool")(last), name=residual.NAME)


def tunable(numbers: Arrays) -> keras.Model:
    """Returns the network with these arrays of `tagger.models.compact`, for pictures of its own size."""
    picture = keras.Input((residual.INPUT_SIZE, residual.INPUT_SIZE, 3))

    def convolution(x: keras.KerasTensor, channels: int, side: int, stride: int, name: str) -> keras.KerasTensor:
        layer = keras.layers.Conv2D(channels, side, stride, "same", name=name)
        y = layer(x)
        layer.set_weights([numbers[f"{name}.kernel"], numbers[f"{name}.bias"]])
        return y

    last = residual.connect(
        picture, convolution, lambda x: keras.layers.ReLU()(x), lambda x, y: keras.layers.Add()([x, y])
    )
    return keras.Model(picture, keras.layers.GlobalAveragePooling2D()(last), name=residual.NAME)


def stored(trained: keras.Model) -> dict[str, NDArray[np.floating]]:
    """Returns the arrays of `tagger.models.compact` that do what `trained`, made by either of these, does."""
    if any(isinstance(layer, keras.layers.BatchNormalization) for layer in trained.layers):
        return dict(fold(trained))
    return {
        f"{layer.name}.{part}": values
        for layer in trained.layers
        if isinstance(layer, keras.layers.Conv2D)
        for part, values in zip(("kernel", "bias"), layer.get_weights(), strict=True)
    }


def fold(trained: keras.Model) -> dict[str, NDArray[np.float16]]:
    """Returns the arrays of `tagger.models.compact` that do what `trained` (of `trainable`) does in inference.

    A dense layer named "classifier" behind the features is taken along.
    """
    arrays: dict[str, NDArray[np.float16]] = {}
    for layer in trained.layers:
        if isinstance(layer, keras.layers.Conv2D):
            norm = trained.get_layer(f"{layer.name}_norm")
            scale, offset, mean, variance = (np.asarray(w, np.float64) for w in norm.get_weights())
            factor = scale / np.sqrt(variance + norm.epsilon)
            kernel = np.asarray(layer.get_weights()[0], np.float64)
            arrays[f"{layer.name}.kernel"] = (kernel * factor).astype(np.float16)
            arrays[f"{layer.name}.bias"] = (offset - mean * factor).astype(np.float16)
        elif layer.name == residual.CLASSIFIER:
            kernel, bias = layer.get_weights()
            arrays[f"{layer.name}.kernel"] = kernel.astype(np.float16)
            arrays[f"{layer.name}.bias"] = bias.astype(np.float16)
    return arrays
