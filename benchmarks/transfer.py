"""What transfer learning gains on a small data set, and what a wide head loses on a larger one.

    python benchmarks/transfer.py SMALL LARGE [--backbone compact] [--weights FILE] [--folds 3] [--epochs 40]

SMALL and LARGE are folders with one sub-folder of pictures per tag. On SMALL, in folds of which each is asked about by
a network that did not learn from it: the whole network from scratch, the same with changed pictures, a head on fixed
features, head and last layers tuned. On LARGE: heads with no, with narrow and with wide hidden layers, without dropout.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from measure import keep, machine

from tagger.evaluation.figures import Figures, measure
from tagger.models import registry
from tagger.models.backbone import Backbone
from tagger.records import TagScores
from tagger.training.dataset import Dataset, collect
from tagger.training.features import features, space
from tagger.training.learner import learn
from tagger.training.recipe import MILD, Recipe, usual
from tagger.training.splits import fold_split, folds, split
from tagger.training.store import Store, default_folder

HEADS: tuple[tuple[int, ...], ...] = ((), (256,), (2048, 2048))


def main() -> None:
    """Measures, prints and writes results/transfer-BACKBONE.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("small", type=Path)
    parser.add_argument("large", type=Path)
    parser.add_argument("--backbone", default="compact")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=40, help="from scratch")
    asked = parser.parse_args()
    base = registry.load(asked.backbone, asked.weights)
    small, rows = seen(asked.small, base)
    ways = {
        "scratch": usual("scratch", epochs=asked.epochs),
        "scratch, changed pictures": usual("scratch", epochs=asked.epochs, augment=MILD),
        "fixed features": usual("features"),
        "fixed features, changed pictures": usual("augment"),
        "fine-tuning": usual("fine-tune"),
    }
    result: dict[str, Any] = {"machine": machine(), "backbone": asked.backbone, "folds": asked.folds}
    result["small"] = {"folder": asked.small.name, "pictures": len(small.paths), "tags": len(small.tags)}
    for name, recipe in ways.items():
        result["small"][name] = folded(small, rows, base, recipe, asked.folds)
        keep(f"transfer-{asked.backbone}", result)
    large, rows = seen(asked.large, base)
    result["large"] = {"folder": asked.large.name, "pictures": len(large.paths), "tags": len(large.tags)}
    for hidden in HEADS:
        result["large"][f"hidden {hidden or 'none'}"] = headed(large, rows, base, hidden)
    keep(f"transfer-{asked.backbone}", result)


def seen(folder: Path, base: Backbone) -> tuple[Dataset, np.ndarray]:
    """The pictures of a folder, and their features."""
    data = collect([folder])
    return data, features(data, base, Store(default_folder(), space(base)))


def folded(data: Dataset, rows: np.ndarray, base: Backbone, recipe: Recipe, count: int) -> dict[str, Any]:
    """Figures over all pictures, each asked about by a network that did not learn from its fold."""
    fold = folds(data, count, 0)
    scores = TagScores(*np.zeros((2, *data.right.shape), np.float32))
    begun = time.monotonic()
    for number in range(count):
        parts = fold_split(data, fold, number, 0)
        test = learn(data, rows, parts, base, recipe).test
        scores.probabilities[parts.test], scores.evidence[parts.test] = test.probabilities, test.evidence
    seconds = time.monotonic() - begun
    found = measure(scores.evidence, scores.probabilities, data.right, data.tags, data.family)
    return {**short(found), "seconds": round(seconds, 1)}


def headed(data: Dataset, rows: np.ndarray, base: Backbone, hidden: tuple[int, ...]) -> dict[str, Any]:
    """What a head of this shape has by heart, and what it knows, at its best epoch and at its last."""
    recipe = replace(usual("features"), hidden=hidden, dropout=0.0, weight_decay=0.0, epochs=100, patience=0, init="he")
    parts = split(data, 0)
    found = learn(data, rows, parts, base, recipe)
    curves = found.run.curves
    test = measure(
        found.test.evidence, found.test.probabilities, data.right[parts.test], data.tags, data.family[parts.test]
    )
    return {
        "parameters": sum(layer.kernel.size + layer.bias.size for layer in found.layers),
        "best_epoch": found.run.best_epoch + 1,
        "training_accuracy_at_the_end": round(curves["accuracy"][-1], 3),
        "val_loss_at_the_best": round(curves["val_loss"][found.run.best_epoch], 3),
        "val_loss_at_the_end": round(curves["val_loss"][-1], 3),
        "val_accuracy_at_the_end": round(curves["val_accuracy"][-1], 3),
        "test": short(test),
    }


def short(found: Figures) -> dict[str, Any]:
    """The accuracy with its interval, and the area under the curve."""
    top = found.top1
    return {
        "accuracy": round(top.value, 3),
        "interval": [round(top.low, 3), round(top.high, 3)],
        "macro_auc": round(found.macro_auc.value, 3) if found.macro_auc else None,
    }


if __name__ == "__main__":
    main()
