"""The training loop: epochs over batches until the validation part gets no better, from any point on.

What is kept after each epoch (numbers of the network, of the optimiser, the best so far, the curves) is all there
is to know: a run goes on from it exactly as it would have gone on by itself.
"""

from __future__ import annotations

import io
import json
import logging
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tagger.errors import BadPath
from tagger.files import write_atomically
from tagger.settings import SIGMOID
from tagger.training.batches import Batches, Floats
from tagger.training.recipe import Recipe

STATE_EVERY_S = 10.0  # seconds between two writings of the state
CURVES = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
BETTER = 1e-4  # a validation loss counts as better from this much on

EpochEnds = Callable[[int, dict[str, list[float]]], None]  # epochs done, curves so far

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Run:
    """How a training went."""

    curves: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CURVES})
    best_epoch: int = -1  # from 0
    best: list[NDArray[Any]] = field(default_factory=list)  # the numbers of the network then
    seconds: float = 0.0
    ended: str = "epochs"  # or "patience", or "interrupted"

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.curves["loss"])


def fit(
    network: keras.Model,
    learned: Batches,
    judged: Batches,
    recipe: Recipe,
    state: Path | None = None,
    told: EpochEnds | None = None,
) -> Run:
    """Trains `network` and leaves it with the numbers of its best epoch.

    Args:
        network: gives logits (n, tags).
        learned: the training part.
        judged: the validation part, whose loss says which epoch is the best.
        recipe: how.
        state: file that is written as it goes on; if it is there, training goes on from it.
        told: is called after each epoch.

    KeyboardInterrupt ends the training as if it was over; `Run.ended` says so.

    Raises:
        BadPath: the state is of another network.
    """
    optimizer = keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay)
    network.compile(optimizer, loss=_loss(recipe), metrics=[keras.metrics.CategoricalAccuracy()])
    optimizer.build(network.trainable_variables)
    run = _resumed(state, network) if state and state.exists() else Run()
    begun, written = time.monotonic() - run.seconds, time.monotonic()
    try:
        while run.epochs < recipe.epochs and not _patience_over(run, recipe):
            rate = recipe.rate(run.epochs)
            optimizer.learning_rate = rate
            _epoch(network, learned, judged, recipe, run, rate)
            run.seconds = time.monotonic() - begun
            if told:
                told(run.epochs, run.curves)
            if state and time.monotonic() - written > STATE_EVERY_S:
                _keep(state, network, run)
                written = time.monotonic()
    except KeyboardInterrupt:
        run.ended = "interrupted"
        if state and run.epochs:
            log.info("interrupted after %d epochs: the best so far is kept", run.epochs)
    if run.ended != "interrupted" and run.epochs < recipe.epochs:
        run.ended = "patience"
    if run.best:
        _set(network, run.best)
    return run


def _epoch(network: keras.Model, learned: Batches, judged: Batches, recipe: Recipe, run: Run, rate: float) -> None:
    sums, count = np.zeros(2), 0
    for seen, chosen in learned.epoch(run.epochs):
        found = network.train_on_batch(seen, learned.wanted[chosen], learned.weight[chosen])
        sums += np.asarray(found[:2]) * len(chosen)
        count += len(chosen)
    logits = logits_of(network, judged)
    row = (*sums / max(1, count), loss_of(logits, judged, recipe), accuracy_of(logits, judged.wanted), rate)
    best = run.curves["val_loss"][run.best_epoch] if run.best else np.inf
    if row[2] < best - BETTER or not run.best:
        run.best_epoch, run.best = run.epochs, _numbers(network)
    for name, value in zip(CURVES, row, strict=True):
        run.curves[name].append(float(value))


def _patience_over(run: Run, recipe: Recipe) -> bool:
    return recipe.patience > 0 and run.epochs - 1 - run.best_epoch >= recipe.patience


def logits_of(network: keras.Model, examples: Batches) -> Floats:
    """Returns (n, tags) of the examples in order."""
    parts = [np.asarray(network.predict_on_batch(seen), np.float32) for seen in examples.plain()]
    return np.concatenate(parts) if parts else np.empty((0, examples.wanted.shape[1]), np.float32)


def _loss(recipe: Recipe) -> Any:
    if recipe.activation == SIGMOID:
        return keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)


def loss_of(logits: Floats, examples: Batches, recipe: Recipe) -> float:
    """Returns the mean loss of plain answers, without label smoothing."""
    wanted, weight = examples.wanted, examples.weight
    if recipe.activation == SIGMOID:
        every = np.maximum(logits, 0) - logits * wanted + np.log1p(np.exp(-np.abs(logits)))
        return float(np.average(every.mean(1), weights=weight))
    shifted = logits - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return float(np.average(-(wanted * log_p).sum(1), weights=weight))


def accuracy_of(logits: Floats, wanted: Floats) -> float:
    """Returns the share of the examples whose first answer is one of their tags."""
    return float((wanted[np.arange(len(wanted)), logits.argmax(1)] > 0).mean())


def _numbers(network: keras.Model) -> list[NDArray[Any]]:
    return [np.array(variable.numpy()) for variable in network.variables]


def _set(network: keras.Model, numbers: list[NDArray[Any]]) -> None:
    for variable, values in zip(network.variables, numbers, strict=True):
        variable.assign(values)


def _keep(state: Path, network: keras.Model, run: Run) -> None:
    facts = {"curves": run.curves, "best_epoch": run.best_epoch, "seconds": run.seconds}
    arrays = {f"network{i:04d}": values for i, values in enumerate(_numbers(network))}
    arrays |= {f"best{i:04d}": values for i, values in enumerate(run.best)}
    arrays |= {f"optimizer{i:04d}": v.numpy() for i, v in enumerate(network.optimizer.variables)}
    packed = io.BytesIO()
    np.savez(packed, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), **arrays)  # type: ignore[arg-type]
    write_atomically(state, packed.getvalue())


def _resumed(state: Path, network: keras.Model) -> Run:
    try:
        with np.load(io.BytesIO(state.read_bytes()), allow_pickle=False) as stored:
            facts = json.loads(stored["facts"].tobytes())
            named = {kind: [stored[name] for name in sorted(stored.files) if name.startswith(kind)]
                     for kind in ("network", "best", "optimizer")}  # fmt: skip
        _set(network, named["network"])
        for variable, values in zip(network.optimizer.variables, named["optimizer"], strict=True):
            variable.assign(values)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BadPath(f"{state}: is no state of this training ({error}): delete it, and begin anew") from error
    return Run(facts["curves"], facts["best_epoch"], named["best"], facts["seconds"])
