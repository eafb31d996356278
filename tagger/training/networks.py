"""The networks that are trained: heads over features, and a backbone with its head, all in Keras.

Keras trains; what comes out are arrays (`tagger.head`, `tagger.arrays`), which need no Keras to be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tagger import architectures, arrays, backbone, compact
from tagger.architectures import EMBEDDED
from tagger.backbone import EMBEDDED_ARRAYS, EMBEDDED_SOURCE, Backbone
from tagger.head import Dense
from tagger.training.recipe import SCRATCH, Recipe
from tagger.training.student import fold, trainable

Floats = NDArray[np.float32]

SMALL = 0.01  # deviation of "small" numbers


@dataclass(frozen=True, slots=True, eq=False)
class Standard:
    """Mean and deviation of features over the training part, so that the head sees numbers of one size."""

    mean: Floats  # (d,)
    deviation: Floats  # (d,)

    @classmethod
    def of(cls, rows: Floats) -> Standard:
        """Returns those of the rows (n, d); where nothing differs the deviation is 1."""
        deviation = rows.std(0)
        return cls(rows.mean(0), np.where(deviation > 1e-6, deviation, 1).astype(np.float32))

    @classmethod
    def none(cls, count: int) -> Standard:
        """Returns what changes nothing."""
        return cls(np.zeros(count, np.float32), np.ones(count, np.float32))

    def __call__(self, rows: Floats) -> Floats:
        """Returns the rows with mean 0 and deviation 1 on the training part."""
        return np.asarray((rows - self.mean) / self.deviation, np.float32)


def head(inputs: int, tags: int, recipe: Recipe) -> keras.Sequential:
    """Returns a head from standardised features (n, inputs) to logits (n, tags)."""

    def dense(units: int) -> keras.layers.Dense:
        start = {
            "zeros": "zeros",
            "small": keras.initializers.RandomNormal(stddev=SMALL, seed=recipe.seed),
            "glorot": keras.initializers.GlorotUniform(seed=recipe.seed),
            "he": keras.initializers.HeNormal(seed=recipe.seed),
        }[recipe.init]
        return keras.layers.Dense(units, kernel_initializer=start)

    layers: list[Any] = [keras.Input((inputs,))]
    for place, units in enumerate((*recipe.hidden, tags)):
        layers += [keras.layers.Dropout(recipe.dropout, seed=recipe.seed + place), dense(units)]
        if place < len(recipe.hidden):
            layers += [keras.layers.BatchNormalization()] if recipe.batch_norm else []
            layers += [keras.layers.ReLU()]
    return keras.Sequential(layers)


def dense_layers(trained: keras.Sequential, standard: Standard) -> list[Dense]:
    """Returns the dense layers of a head that do on plain features what `trained` does on standardised ones."""
    found: list[Dense] = []
    for layer in trained.layers:
        if isinstance(layer, keras.layers.Dense):
            found.append(Dense(*(np.asarray(part, np.float32) for part in layer.get_weights())))
        elif isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            factor = gamma / np.sqrt(variance + layer.epsilon)
            found[-1] = Dense(found[-1].kernel * factor, (found[-1].bias - mean) * factor + beta)
    first = found[0]
    kernel = first.kernel / standard.deviation[:, None]
    return [Dense(kernel, first.bias - standard.mean @ kernel), *found[1:]]


def whole(base: Backbone, standard: Standard, top: keras.Sequential, recipe: Recipe) -> tuple[keras.Model, keras.Model]:
    """Returns a network from prepared pictures (n, s, s, 3) to logits (n, tags), and its part up to the features.

    Fine-tuning trains the last `recipe.unfreeze` layers with weights, batch normalisation as it stands left out;
    from scratch everything starts at random and is trained.
    """
    scratch = recipe.strategy == SCRATCH
    body = _scratch(base.name, recipe.seed) if scratch else _with_numbers(base)
    if not scratch:
        body.trainable = True
        weighty = [layer for layer in body.layers if layer.weights]
        for layer in weighty:
            layer.trainable = False
        convolutions = [x for x in weighty if not isinstance(x, keras.layers.BatchNormalization)]
        for layer in convolutions[-recipe.unfreeze :]:
            layer.trainable = True
    picture = keras.Input((base.input_size, base.input_size, 3))
    features = keras.layers.Flatten()(body(picture) if scratch else body(picture, training=False))
    if not scratch:
        features = keras.layers.Normalization(mean=standard.mean, variance=standard.deviation**2)(features)
    return keras.Model(picture, top(features)), body


def _scratch(name: str, seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return trainable() if name == EMBEDDED else backbone.untrained(architectures.named(name))


def _with_numbers(base: Backbone) -> keras.Model:
    """The backbone as a Keras model; the embedded one, which OpenCV runs, is built from its arrays."""
    if base.name != EMBEDDED:
        network: keras.Model = base.network
        return network
    stored = arrays.load(EMBEDDED_ARRAYS if base.source == EMBEDDED_SOURCE else Path(base.source))
    picture = keras.Input((base.input_size, base.input_size, 3))

    def convolution(x: Any, channels: int, side: int, stride: int, name: str) -> Any:
        layer = keras.layers.Conv2D(channels, side, stride, "same", name=name)
        y = layer(x)
        layer.set_weights([stored[f"{name}.kernel"], stored[f"{name}.bias"]])
        return y

    last = compact.connect(
        picture, convolution, lambda x: keras.layers.ReLU()(x), lambda x, y: keras.layers.Add()([x, y])
    )
    return keras.Model(picture, keras.layers.GlobalAveragePooling2D()(last), name=EMBEDDED)


def backbone_arrays(name: str, body: keras.Model) -> dict[str, NDArray[np.floating]]:
    """Returns the numbers of a trained backbone as `tagger.backbone.load` reads them from a vocabulary."""
    if name != EMBEDDED:
        return {f"{place:04d}": values for place, values in enumerate(body.get_weights())}
    if any(isinstance(layer, keras.layers.BatchNormalization) for layer in body.layers):
        return dict(fold(body))
    return {
        f"{layer.name}.{part}": values
        for layer in body.layers
        if isinstance(layer, keras.layers.Conv2D)
        for part, values in zip(("kernel", "bias"), layer.get_weights(), strict=True)
    }
