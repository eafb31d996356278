"""Which strategy of transfer learning suits the images, where people leave that to us.

The rule of thumb of the field: with few pictures a head on fixed features, with many that look like ImageNet some
layers of the backbone as well, and with many that do not, all of it. How much the pictures are like ImageNet is
told by how far a quick head on the features comes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tagger.records import Floats
from tagger.training.batches import Rows
from tagger.training.dataset import Dataset
from tagger.training.fit import fit
from tagger.training.heads import HeadNetwork, Standard
from tagger.training.recipe import AUGMENT, AUTO, FEATURES, FINE_TUNE, Recipe, usual
from tagger.training.splits import Split

MANY = 1000  # pictures of a tag, in the middle of the tags
NEAR = 0.7  # of the way from guessing to always right
DEEP = 60  # layers that are trained where pictures are far from ImageNet's
QUICK_EPOCHS = 20


def recipe(name: str, seed: int, choices: dict[str, Any]) -> Recipe:
    """Returns the recipe of a strategy; of `auto` that of fixed features, to check the choices with.

    Raises:
        BadSettings: no such strategy, or a choice outside its range.
    """
    return usual(FEATURES if name == AUTO else name, seed=seed, **choices)


def choose(
    name: str, seed: int, choices: dict[str, Any], data: Dataset, rows: Floats, parts: Split, trainable: bool
) -> tuple[Recipe, str]:
    """Returns the recipe, and why this strategy; the reason is empty where it was named.

    Args:
        name: of a strategy, or auto.
        seed: of everything random.
        choices: fields of `Recipe`.
        data: n pictures.
        rows: their features (n, d).
        parts: of the n pictures.
        trainable: whether the backbone can be trained itself.
    """
    if name != AUTO:
        return recipe(name, seed, choices), ""
    common = int(np.median(data.right.sum(0)))
    nearness = _nearness(data, rows, parts, seed)
    near, many = nearness >= NEAR, common >= MANY
    amount = f"{common} pictures of a tag ({'many' if many else f'few: under {MANY}'})"
    likeness = f"a quick head on fixed features goes {nearness:.0%} of the way from guessing to right"
    reason = f"{amount}; {likeness} ({'near' if near else 'far from'} ImageNet)"
    if not trainable:
        reason += "; the backbone cannot be trained itself"
    if not (many and trainable):
        chosen = FEATURES if near else AUGMENT
        return recipe(chosen, seed, choices), f"{chosen}: {reason}"
    tuned = recipe(FINE_TUNE, seed, choices)
    return tuned if near or "unfreeze" in choices else replace(tuned, unfreeze=DEEP), f"{FINE_TUNE}: {reason}"


def _nearness(data: Dataset, rows: Floats, parts: Split, seed: int) -> float:
    """How far a head on features comes on the validation part: 0 is guessing, 1 always right."""
    quick = usual(FEATURES, epochs=QUICK_EPOCHS, seed=seed)
    standard = Standard.of(rows[parts.train])

    def of(places: np.ndarray) -> Rows:
        wanted = data.right[places].astype(np.float32)
        wanted /= wanted.sum(1, keepdims=True)
        return Rows(standard(rows[places]), wanted, np.ones(len(places), np.float32), quick.batch_size, seed)

    run = fit(HeadNetwork(rows.shape[1], len(data.tags), quick), of(parts.train), of(parts.validation), quick)
    guessing = 1 / len(data.tags)
    return float(max(0.0, (max(run.curves["val_accuracy"]) - guessing) / (1 - guessing)))
