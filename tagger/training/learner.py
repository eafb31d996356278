"""One training: a data set, a split and a recipe in, a head (and perhaps a tuned backbone) out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tagger import libraries
from tagger.errors import BadSettings
from tagger.evaluation.figures import Figures, measure
from tagger.images import Pixels
from tagger.models.backbone import Backbone, Tunable, tunable
from tagger.models.head import Dense, answers
from tagger.records import Bools, Floats, Ints, TagScores
from tagger.settings import SIGMOID
from tagger.training import calibration
from tagger.training.batches import Batches, Pictures, Rows
from tagger.training.dataset import Dataset
from tagger.training.fit import INTERRUPTED, EpochEnds, Run, Trainable, fit, logits_of
from tagger.training.heads import HeadNetwork, Standard
from tagger.training.recipe import AUGMENT, BACKBONE_TOO, FEATURES, SCRATCH, Recipe, usual
from tagger.training.splits import Split
from tagger.vocabulary import slug

if TYPE_CHECKING:
    from tagger.training.networks import WholeNetwork


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What a training gave."""

    layers: tuple[Dense, ...]  # of the head, over plain features; the last one gives evidence
    temperature: float  # both are in the last layer already
    offset: float
    backbone: dict[str, NDArray[np.floating]] | None  # its numbers, if they were trained
    run: Run
    test: TagScores  # of the test part, in its order
    class_weight: Floats  # (tags,) of each tag in the loss


def learn(
    data: Dataset,
    rows: Floats,
    split: Split,
    base: Backbone,
    recipe: Recipe,
    state: Path | None = None,
    told: EpochEnds | None = None,
) -> Learned:
    """Returns what is learned from the training part of a split.

    Args:
        data: n pictures.
        rows: features of `base` in them, (n, d).
        split: of the n pictures.
        base: the backbone.
        recipe: how.
        state: as `tagger.training.fit.fit`.
        told: is called after each epoch.

    Raises:
        BadSettings: nothing to validate with; or the training diverged.
    """
    if not len(split.validation):
        raise BadSettings("too few pictures for a validation part: a tag needs 3 that are no copies")
    scratch = recipe.strategy == SCRATCH
    tuned = tunable(base) if recipe.strategy in BACKBONE_TOO else None
    standard = Standard.none(rows.shape[1]) if scratch else Standard.of(rows[split.train])
    head = HeadNetwork(rows.shape[1], len(data.tags), recipe)
    class_weight = _class_weight(data, split.train, recipe)
    of_rows = _rows(data, rows, base, recipe, standard, class_weight)
    whole: WholeNetwork | None = None
    if tuned:
        with libraries.needed(f"strategy {recipe.strategy}"):
            from tagger.training.networks import WholeNetwork  # which starts Keras

        if not scratch:  # a head that knows nothing would spoil what the backbone knows
            first = usual(FEATURES, seed=recipe.seed, activation=recipe.activation)
            if fit(head, of_rows(split.train, True), of_rows(split.validation, False), first).ended == INTERRUPTED:
                raise KeyboardInterrupt
        whole = WholeNetwork(tuned, standard, head, recipe)
    network: Trainable = whole or head
    of = _pictures(data, tuned, recipe, class_weight) if tuned else of_rows
    judged = of(split.validation, False)
    run = fit(network, of(split.train, True), judged, recipe, state, told)
    z = _centred(logits_of(network, judged), recipe)
    temperature, offset = _scale(z, data.right[split.validation], judged.weight, recipe)
    z = _centred(logits_of(network, of(split.test, False)), recipe) / np.float32(temperature) + np.float32(offset)
    if whole:
        whole.done()
    *hidden, last = head.layers(standard)
    kernel, bias = (_centred(part, recipe) / np.float32(temperature) for part in (last.kernel, last.bias))
    scaled = Dense(kernel, bias + np.float32(offset))
    return Learned(
        (*hidden, scaled),
        temperature,
        offset,
        whole.backbone_arrays() if whole else None,
        run,
        answers(z, recipe.activation),
        class_weight,
    )


def judged(data: Dataset, places: Ints, scores: TagScores, recipe: Recipe) -> Figures:
    """Returns what the answers to the pictures at `places`, at least one, are worth."""
    slugs = [slug(tag) for tag in data.tags]
    return measure(
        scores.evidence, scores.probabilities, data.right[places], slugs, data.family[places],
        independent=recipe.activation == SIGMOID,
    )  # fmt: skip


Examples = Callable[[Ints, bool], Batches]  # places in the data set, and whether they are learned from


def _rows(
    data: Dataset, rows: Floats, base: Backbone, recipe: Recipe, standard: Standard, class_weight: Floats
) -> Examples:
    """What a head is trained on: features, of pictures as they are or changed anew in each epoch."""

    def seen(pictures: Pixels) -> Floats:
        return standard(base.features(list(pictures)))

    def examples(places: Ints, learning: bool) -> Batches:
        wanted, weight = _wanted(data, places, recipe), class_weight[data.tag[places]]
        if not (learning and recipe.strategy == AUGMENT):
            return Rows(standard(rows[places]), wanted, weight, recipe.batch_size, recipe.seed)
        paths = [data.paths[place] for place in places]
        return Pictures(paths, base.input_size, seen, wanted, weight, recipe.batch_size, recipe.augment, recipe.seed)

    return examples


def _pictures(data: Dataset, base: Tunable, recipe: Recipe, class_weight: Floats) -> Examples:
    """What a backbone is trained on."""

    def examples(places: Ints, learning: bool) -> Batches:
        return Pictures(
            [data.paths[place] for place in places],
            base.input_size,
            base.preprocess,
            _wanted(data, places, recipe),
            class_weight[data.tag[places]],
            recipe.batch_size,
            recipe.augment if learning else (),
            recipe.seed,
        )

    return examples


def _wanted(data: Dataset, places: Ints, recipe: Recipe) -> Floats:
    """What is to be said of each picture: all its tags; with softmax they share one."""
    right = data.right[places].astype(np.float32)
    return right if recipe.activation == SIGMOID else np.asarray(right / right.sum(1, keepdims=True), np.float32)


def _class_weight(data: Dataset, train: Ints, recipe: Recipe) -> Floats:
    """The weight of each tag's pictures: such that every tag counts the same, and a picture 1 on average."""
    count = np.bincount(data.tag[train], minlength=len(data.tags))
    if not recipe.class_weights:
        return np.ones(len(count), np.float32)
    return np.asarray(len(train) / (np.count_nonzero(count) * np.maximum(count, 1)), np.float32)


def _centred(z: Floats, recipe: Recipe) -> Floats:
    """Logits (..., tags), or the numbers that give them, with mean 0 over the tags: nothing else is the softmax told.

    So the first answer has evidence, whatever level the training left the logits at.
    """
    return z if recipe.activation == SIGMOID else np.asarray(z - z.mean(-1, keepdims=True), np.float32)


def _scale(z: Floats, right: Bools, weight: Floats, recipe: Recipe) -> tuple[float, float]:
    """Temperature and offset by the validation part; none where it is empty."""
    if not len(z):
        return 1.0, 0.0
    if recipe.activation == SIGMOID:
        return calibration.for_sigmoid(z, right, weight), 0.0
    return calibration.for_softmax(z, right, weight)
