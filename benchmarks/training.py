"""How long a head trains, beside the same training in Keras: 28,000 rows of 2048 numbers, 50 tags, batches of 512.

    python benchmarks/training.py [--epochs 500] [--compared 20]

The rows are made (clouds that overlap), as many as 80 % of 700 pictures of each of 50 tags. Keras trains the same head
with the same recipe for the epochs that are compared; early stopping is off.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from measure import keep, machine

from tagger.training.batches import Rows
from tagger.training.fit import Run, fit
from tagger.training.heads import HeadNetwork, Standard
from tagger.training.recipe import Recipe

TAGS, FEATURES, LEARNED, JUDGED = 50, 2048, 28_000, 3_500
APART = 0.09  # of the clouds' centres, where the rows of a cloud deviate by 1


def main() -> None:
    """Measures, prints and writes results/training.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--compared", type=int, default=20)
    asked = parser.parse_args()
    learned, judged = made()
    recipe = Recipe(epochs=asked.epochs, patience=0)
    long = fit(HeadNetwork(FEATURES, TAGS, recipe), learned, judged, recipe)
    short = replace(recipe, epochs=asked.compared)
    keep(
        "training",
        {
            "machine": machine(),
            "ours": {"epochs": asked.epochs, **figures(long)},
            "ours_short": figures(fit(HeadNetwork(FEATURES, TAGS, short), learned, judged, short)),
            "keras_short": {"epochs": asked.compared, **in_keras(learned, judged, short)},
        },
    )


def made() -> tuple[Rows, Rows]:
    """The rows to learn from and to judge by."""
    rng = np.random.default_rng(0)
    tag = rng.integers(TAGS, size=LEARNED + JUDGED)
    rows = rng.normal(0, 1, (len(tag), FEATURES)).astype(np.float32)
    rows += rng.normal(0, APART, (TAGS, FEATURES)).astype(np.float32)[tag]
    np.maximum(rows, 0, out=rows)  # as features behind ReLU
    rows = Standard.of(rows[:LEARNED])(rows)
    wanted, weight = np.eye(TAGS, dtype=np.float32)[tag], np.ones(len(tag), np.float32)
    parts = slice(LEARNED), slice(LEARNED, None)
    learned, judged = (Rows(rows[part], wanted[part], weight[part], Recipe().batch_size, 0) for part in parts)
    return learned, judged


def figures(run: Run) -> dict[str, float]:
    """Seconds, and what the validation part says of the best epoch."""
    return {
        "seconds": round(run.seconds, 1),
        "val_accuracy": round(run.curves["val_accuracy"][run.best_epoch], 4),
        "val_loss": round(run.curves["val_loss"][run.best_epoch], 4),
    }


def in_keras(learned: Rows, judged: Rows, recipe: Recipe) -> dict[str, float]:
    """The same by `keras.Model.fit`, its start left out."""
    import keras

    keras.utils.set_random_seed(0)
    head = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dropout(recipe.dropout), keras.layers.Dense(TAGS)])
    optimizer = keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    head.compile(optimizer, loss=loss, metrics=[keras.metrics.CategoricalAccuracy()], jit_compile=False)
    few = slice(recipe.batch_size)
    head.train_on_batch(learned.rows[few], learned.wanted[few] / TAGS)  # compiles
    begun = time.monotonic()
    told = head.fit(
        learned.rows, learned.wanted, recipe.batch_size, recipe.epochs, verbose=0,
        validation_data=(judged.rows, judged.wanted), validation_batch_size=recipe.batch_size,
    ).history  # fmt: skip
    best = int(np.argmin(told["val_loss"]))
    return {
        "seconds": round(time.monotonic() - begun, 1),
        "val_accuracy": round(told["val_categorical_accuracy"][best], 4),
        "val_loss": round(told["val_loss"][best], 4),
    }


if __name__ == "__main__":
    main()
