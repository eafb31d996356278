"""A backbone with its head, as Keras trains them: from the numbers it has (fine-tuning), or from random ones.

What comes out are arrays (`tagger.models.arrays`), which `tagger.models.registry.load` reads from the vocabulary.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tagger.models.backbone import Tunable
from tagger.records import Floats
from tagger.settings import SIGMOID
from tagger.training.heads import MOMENTUM, NORM_EPSILON, HeadNetwork, Standard
from tagger.training.recipe import SCRATCH, Recipe


class WholeNetwork:
    """A backbone and its head, from prepared pictures (n, s, s, 3) to logits (n, tags).

    Fine-tuning trains the last `Recipe.unfreeze` layers with weights, batch normalisation as it stands left out;
    from scratch everything starts at random and is trained.
    """

    def __init__(self, base: Tunable, standard: Standard, head: HeadNetwork, recipe: Recipe) -> None:
        """Puts them together; the head starts with the numbers that `head` has, and `done` gives them back."""
        self._base, self._head = base, head
        scratch = recipe.strategy == SCRATCH
        if scratch:
            keras.utils.set_random_seed(recipe.seed)
        self.body = base.untrained() if scratch else base.body()
        if not scratch:
            _freeze(self.body, recipe.unfreeze)
        picture = keras.Input((base.input_size, base.input_size, 3))
        features = keras.layers.Flatten()(self.body(picture) if scratch else self.body(picture, training=False))
        plain = keras.layers.Normalization(mean=standard.mean, variance=standard.deviation**2)(features)
        self._top = _keras_head(head)
        self._network = keras.Model(picture, self._top(plain))
        optimizer = keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay)
        loss = keras.losses.BinaryCrossentropy if recipe.activation == SIGMOID else keras.losses.CategoricalCrossentropy
        self._network.compile(
            optimizer,
            loss=loss(from_logits=True, label_smoothing=recipe.label_smoothing),
            metrics=[keras.metrics.MeanMetricWrapper(_right)],
        )
        optimizer.build(self._network.trainable_variables)

    @property
    def numbers(self) -> list[NDArray[Any]]:
        """All that it knows."""
        return [np.array(variable.numpy()) for variable in self._network.variables]

    @property
    def memory(self) -> list[NDArray[Any]]:
        """What the optimiser remembers."""
        return [np.array(variable.numpy()) for variable in self._network.optimizer.variables]

    def know(self, numbers: list[NDArray[Any]], memory: list[NDArray[Any]] | None = None) -> None:
        """Takes both, of the same shapes, in place of its own.

        Raises:
            ValueError: other shapes.
        """
        for variable, values in zip(self._network.variables, numbers, strict=True):
            variable.assign(values)
        if memory is not None:
            for variable, values in zip(self._network.optimizer.variables, memory, strict=True):
                variable.assign(values)

    def begin(self, epoch: int) -> None:
        """Needs nothing: what is random in it is among its numbers."""

    def step(self, seen: Floats, wanted: Floats, weight: Floats, rate: float) -> tuple[float, float]:
        """Learns from a batch; returns its mean loss, and the share of first answers that are right."""
        self._network.optimizer.learning_rate = rate
        self._network.reset_metrics()  # Keras sums over calls until it is told
        loss, right = self._network.train_on_batch(seen, wanted, weight)
        return float(loss), float(right)

    def logits(self, seen: Floats) -> Floats:
        """Returns (n, tags)."""
        return np.asarray(self._network.predict_on_batch(seen), np.float32)

    def done(self) -> None:
        """Gives the head its numbers back."""
        dense = [layer.get_weights() for layer in self._top.layers if isinstance(layer, keras.layers.Dense)]
        norms = [x.get_weights() for x in self._top.layers if isinstance(x, keras.layers.BatchNormalization)]
        parts = [*zip(*dense, strict=True), *zip(*norms, strict=True)]
        self._head.know([values for part in parts for values in part])

    def backbone_arrays(self) -> dict[str, NDArray[np.floating]]:
        """Returns the numbers of the backbone as `tagger.models.registry.load` reads them from a vocabulary."""
        return self._base.stored(self.body)


def _right(wanted: Any, logits: Any) -> Any:
    """Of each picture whether the first answer is one of its tags."""
    answer = keras.ops.argmax(logits, axis=-1)[:, None]
    return keras.ops.cast(keras.ops.take_along_axis(wanted, answer, axis=-1)[:, 0] > 0, "float32")


def _keras_head(head: HeadNetwork) -> keras.Sequential:
    recipe = head.recipe
    layers: list[Any] = [keras.Input(head.kernels[0].shape[:1])]
    for place, bias in enumerate(head.biases):
        layers += [keras.layers.Dropout(recipe.dropout, seed=recipe.seed + place), keras.layers.Dense(len(bias))]
        if place < len(recipe.hidden):
            norm = keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=NORM_EPSILON)
            layers += [norm] if recipe.batch_norm else []
            layers += [keras.layers.ReLU()]
    top = keras.Sequential(layers)
    dense = zip(head.kernels, head.biases, strict=True)
    norms = zip(head.scales, head.offsets, head.means, head.variances, strict=True)
    for layer in top.layers:
        if isinstance(layer, keras.layers.Dense):
            layer.set_weights(list(next(dense)))
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights(list(next(norms)))
    return top


def _freeze(body: keras.Model, unfreeze: int) -> None:
    """Leaves the last so many layers with weights trainable, not counting batch normalisation, which stays as it is."""
    body.trainable = True
    weighty = [layer for layer in body.layers if layer.weights]
    for layer in weighty:
        layer.trainable = False
    for layer in [x for x in weighty if not isinstance(x, keras.layers.BatchNormalization)][-unfreeze:]:
        layer.trainable = True
