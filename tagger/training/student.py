"""The embedded backbone in Keras, with batch normalisation after each convolution: as it is trained."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from tagger.models import compact


def trainable() -> keras.Model:
    """Returns the network, at any picture size: float32 (n, s, s, 3), -1 to 1, to float32 (n, 768), not negative."""

    def convolution(x: keras.KerasTensor, channels: int, side: int, stride: int, name: str) -> keras.KerasTensor:
        x = keras.layers.Conv2D(
            channels, side, stride, "same", use_bias=False, kernel_initializer="he_normal", name=name
        )(x)
        # A residual branch that starts at zero lets the first steps see a shallow network.
        scale = "zeros" if name.endswith("second") else "ones"
        return keras.layers.BatchNormalization(gamma_initializer=scale, name=f"{name}_norm")(x)

    picture = keras.Input((None, None, 3), name="picture")
    last = compact.connect(
        picture, convolution, lambda x: keras.layers.ReLU()(x), lambda x, y: keras.layers.Add()([x, y])
    )
    return keras.Model(picture, keras.layers.GlobalAveragePooling2D(name="avg_pool")(last), name="compact")


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
        elif layer.name == compact.CLASSIFIER:
            kernel, bias = layer.get_weights()
            arrays[f"{layer.name}.kernel"] = kernel.astype(np.float16)
            arrays[f"{layer.name}.bias"] = bias.astype(np.float16)
    return arrays
