"""Heads as they are trained: dropout, dense layers, ReLU and batch normalisation, with AdamW, in numpy.

A head is small and its data is in memory: what a framework spends on a step is several times what the step takes
(benchmarks/training.py). Standardised features go in, logits come out.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.random import SFC64, Generator

from tagger.models.head import Dense
from tagger.records import Floats
from tagger.settings import SIGMOID
from tagger.training.calibration import softmax
from tagger.training.recipe import Recipe

SMALL = 0.01  # deviation of "small" numbers
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7  # of AdamW (Loshchilov and Hutter 2019)
MOMENTUM, NORM_EPSILON = 0.9, 1e-3  # of batch normalisation (Ioffe and Szegedy 2015); small sets have few steps
BYTE = 256


class Standard:
    """Mean and deviation of features over the training part, so that the head sees numbers of one size."""

    def __init__(self, mean: Floats, deviation: Floats) -> None:
        """Takes both, (d,)."""
        self.mean, self.deviation = mean, deviation

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


class HeadNetwork:
    """A head with all that its training needs."""

    def __init__(self, inputs: int, tags: int, recipe: Recipe) -> None:
        """Starts with random numbers, as the recipe says."""
        self.recipe = recipe
        self._random = Generator(SFC64(recipe.seed))
        sizes = (inputs, *recipe.hidden, tags)
        self.kernels = [_start(recipe.init, a, b, self._random) for a, b in pairwise(sizes)]
        self.biases = [np.zeros(size, np.float32) for size in sizes[1:]]
        normed = recipe.hidden if recipe.batch_norm else ()
        self.scales = [np.ones(size, np.float32) for size in normed]
        self.offsets = [np.zeros(size, np.float32) for size in normed]
        self.means = [np.zeros(size, np.float32) for size in normed]
        self.variances = [np.ones(size, np.float32) for size in normed]
        self._drop = round(recipe.dropout * BYTE)  # bytes below this leave an input out
        self._louder = np.float32(BYTE / (BYTE - self._drop))
        self._rooms: dict[int, Floats] = {}  # inputs of layers, by place
        self._steps = np.zeros(1, np.float32)
        self._moments = [[np.zeros_like(values) for values in self._trained] for _ in range(2)]

    @property
    def _trained(self) -> list[Floats]:
        return [*self.kernels, *self.biases, *self.scales, *self.offsets]

    @property
    def numbers(self) -> list[Floats]:
        """All that it knows."""
        return [*self._trained, *self.means, *self.variances]

    @property
    def memory(self) -> list[Floats]:
        """What the optimiser remembers."""
        return [self._steps, *self._moments[0], *self._moments[1]]

    def know(self, numbers: list[Floats], memory: list[Floats] | None = None) -> None:
        """Takes numbers, and what the optimiser remembers, of the same shapes in place of its own.

        Raises:
            ValueError: other shapes.
        """
        for mine, other in (self.numbers, numbers), (self.memory, memory or self.memory):
            if [values.shape for values in mine] != [values.shape for values in other]:
                raise ValueError(f"shapes {[v.shape for v in other]} for {[v.shape for v in mine]}")
            for values, taken in zip(mine, other, strict=True):
                values[...] = taken

    def begin(self, epoch: int) -> None:
        """Makes what is left out at random follow from seed and epoch alone."""
        self._random = Generator(SFC64((self.recipe.seed, epoch, 1)))  # the fastest; half of a step is chance

    def logits(self, seen: Floats) -> Floats:
        """Returns (n, tags) of rows (n, inputs)."""
        x = seen
        for layer in self.layers()[:-1]:
            x = np.maximum(layer(x), 0)
        return self.layers()[-1](x)

    def layers(self, standard: Standard | None = None) -> list[Dense]:
        """Returns dense layers that do the same, batch normalisation folded in; with `standard` on plain features."""
        layers = [Dense(kernel, bias) for kernel, bias in zip(self.kernels, self.biases, strict=True)]
        for place in range(len(self.scales)):
            factor = self.scales[place] / np.sqrt(self.variances[place] + NORM_EPSILON)
            bias = (layers[place].bias - self.means[place]) * factor + self.offsets[place]
            layers[place] = Dense(layers[place].kernel * factor, bias)
        if standard:
            kernel = layers[0].kernel / standard.deviation[:, None]
            layers[0] = Dense(kernel, layers[0].bias - standard.mean @ kernel)
        return layers

    def step(self, seen: Floats, wanted: Floats, weight: Floats, rate: float) -> tuple[float, float]:
        """Learns from a batch; returns its mean loss, and the share of first answers that are right."""
        inputs, normed = [], []
        x = seen
        for place, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            x = self._dropped(x, place)
            inputs.append(x)
            x = x @ kernel * self._louder + bias
            if place < len(self.recipe.hidden):
                if self.scales:
                    x, around = self._normalised(x, place)
                    normed.append(around)
                x = np.maximum(x, 0)
        loss, slope = self._loss(x, wanted, weight)
        right = float((wanted[np.arange(len(x)), x.argmax(1)] > 0).mean())
        self._learn(self._slopes(slope, inputs, normed), rate)
        return loss, right

    def _dropped(self, x: Floats, place: int) -> Floats:
        """The inputs of a layer with some of them 0; what is left counts more (`_louder`), so that their sum stays."""
        if not self._drop:
            return x
        drawn = self._random.integers(2**64, size=-(-x.size // 8), dtype=np.uint64).view(np.uint8)[: x.size]
        if self._rooms.get(place, x[:0]).shape != x.shape:  # fresh memory would cost more than the product
            self._rooms[place] = np.empty_like(x)
        return np.multiply(x, drawn.reshape(x.shape) >= self._drop, out=self._rooms[place])

    def _normalised(self, x: Floats, place: int) -> tuple[Floats, tuple[Floats, Floats]]:
        mean, variance = x.mean(0), x.var(0)
        self.means[place] += (1 - MOMENTUM) * (mean - self.means[place])
        self.variances[place] += (1 - MOMENTUM) * (variance - self.variances[place])
        inverse = 1 / np.sqrt(variance + NORM_EPSILON)
        plain = (x - mean) * inverse
        return plain * self.scales[place] + self.offsets[place], (plain, inverse)

    def _loss(self, logits: Floats, wanted: Floats, weight: Floats) -> tuple[float, Floats]:
        """Cross entropy, and its slope in the logits."""
        count, tags = logits.shape
        smooth = np.float32(self.recipe.label_smoothing)
        if self.recipe.activation == SIGMOID:
            aim = wanted * (1 - smooth) + smooth / 2
            each = (np.maximum(logits, 0) - logits * aim + np.log1p(np.exp(-np.abs(logits)))).mean(1)
            slope = (0.5 * (1 + np.tanh(0.5 * logits)) - aim) / tags
        else:
            aim = wanted * (1 - smooth) + smooth / tags
            p = softmax(logits)
            each = -(aim * np.log(p + np.float32(1e-30))).sum(1)
            slope = p - aim
        return float(each @ weight) / count, np.asarray(slope * (weight / np.float32(count))[:, None], np.float32)

    def _slopes(
        self,
        slope: Floats,
        inputs: list[Floats],
        normed: list[tuple[Floats, Floats]],
    ) -> list[Floats]:
        """The slope of the loss in each of `_trained`, from the last layer to the first."""
        kernels: list[Floats] = []
        biases: list[Floats] = []
        scales: list[Floats] = []
        offsets: list[Floats] = []
        for place in reversed(range(len(self.kernels))):
            kernels.insert(0, inputs[place].T @ slope * self._louder)
            biases.insert(0, slope.sum(0))
            if not place:
                break
            slope = slope @ self.kernels[place].T * self._louder
            slope *= inputs[place] > 0  # 0 where ReLU or dropout made it so
            if normed:
                plain, inverse = normed[place - 1]
                scales.insert(0, (slope * plain).sum(0))
                offsets.insert(0, slope.sum(0))
                slope = slope * self.scales[place - 1]
                slope = inverse * (slope - slope.mean(0) - plain * (slope * plain).mean(0))
        return [*kernels, *biases, *scales, *offsets]

    def _learn(self, slopes: list[Floats], rate: float) -> None:
        """One step of AdamW; weight decay is for kernels."""
        self._steps += 1
        step = float(self._steps[0])
        size = np.float32(rate * np.sqrt(1 - BETA2**step) / (1 - BETA1**step))
        for place, (values, slope) in enumerate(zip(self._trained, slopes, strict=True)):
            first, second = self._moments[0][place], self._moments[1][place]
            first += np.float32(1 - BETA1) * (slope - first)
            second += np.float32(1 - BETA2) * (slope * slope - second)
            if place < len(self.kernels):
                values *= np.float32(1 - rate * self.recipe.weight_decay)
            values -= size * first / (np.sqrt(second) + np.float32(EPSILON))


def _start(kind: str, inputs: int, units: int, random: Generator) -> Floats:
    """A kernel as it is before training."""
    if kind == "glorot":  # Glorot and Bengio 2010
        bound = np.sqrt(6 / (inputs + units))
        return random.uniform(-bound, bound, (inputs, units)).astype(np.float32)
    deviation = {"zeros": 0.0, "small": SMALL, "he": np.sqrt(2 / inputs)}[kind]  # He et al. 2015
    return random.normal(0, deviation, (inputs, units)).astype(np.float32)
