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
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tagger.errors import BadPath, BadSettings
from tagger.files import write_atomically
from tagger.records import Floats
from tagger.settings import SIGMOID
from tagger.training.batches import Batches
from tagger.training.recipe import Recipe

STATE_EVERY_S = 10.0  # seconds between two writings of the state
CURVES = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
INTERRUPTED = "interrupted"
BETTER = 1e-4  # a validation loss counts as better from this much on

EpochEnds = Callable[[int, dict[str, list[float]]], None]  # epochs done, curves so far

log = logging.getLogger(__name__)


class Trainable(Protocol):
    """What can be trained: a head, or a backbone with its head."""

    @property
    def numbers(self) -> list[NDArray[Any]]:
        """All that it knows."""
        ...

    @property
    def memory(self) -> list[NDArray[Any]]:
        """What the optimiser remembers."""
        ...

    def know(self, numbers: list[NDArray[Any]], memory: list[NDArray[Any]] | None = None) -> None:
        """Takes both, of the same shapes, in place of its own."""
        ...

    def begin(self, epoch: int) -> None:
        """Is called before each epoch."""
        ...

    def step(self, seen: Floats, wanted: Floats, weight: Floats, rate: float) -> tuple[float, float]:
        """Learns from a batch; returns its mean loss, and the share of first answers that are right."""
        ...

    def logits(self, seen: Floats) -> Floats:
        """Returns (n, tags)."""
        ...


@dataclass(slots=True, eq=False)
class Run:
    """How a training went."""

    curves: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CURVES})
    best_epoch: int = -1  # from 0
    best: list[NDArray[Any]] = field(default_factory=list)  # the numbers of the network then
    seconds: float = 0.0
    ended: str = "epochs"  # or "patience", or INTERRUPTED

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.curves["loss"])


def fit(
    network: Trainable,
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

    KeyboardInterrupt ends the training as if it was over, once an epoch is done; `Run.ended` says so.

    Raises:
        BadSettings: the loss is no number any more.
        BadPath: the state is of another network.
    """
    run = _resumed(state, network) if state and state.exists() else Run()
    begun, written = time.monotonic() - run.seconds, time.monotonic()
    try:
        while run.epochs < recipe.epochs and not _patience_over(run, recipe):
            rate = recipe.rate(run.epochs)
            _epoch(network, learned, judged, recipe, run, rate)
            run.seconds = time.monotonic() - begun
            if told:
                told(run.epochs, run.curves)
            if state and time.monotonic() - written > STATE_EVERY_S:
                _keep(state, network, run)
                written = time.monotonic()
    except KeyboardInterrupt:
        if not run.epochs:
            raise  # there is nothing to keep
        run.ended = INTERRUPTED
        if state:
            log.info("interrupted after %d epochs: the best so far is kept", run.epochs)
    if run.ended != INTERRUPTED and run.epochs < recipe.epochs:
        run.ended = "patience"
    if not np.isfinite(run.curves["val_loss"][run.best_epoch]):
        raise BadSettings(f"learning_rate = {recipe.learning_rate}: is too high, the loss is no number any more")
    network.know(run.best)
    return run


def _epoch(network: Trainable, learned: Batches, judged: Batches, recipe: Recipe, run: Run, rate: float) -> None:
    sums, count = np.zeros(2), 0
    network.begin(run.epochs)
    with np.errstate(over="ignore", invalid="ignore"):  # said in words by `fit`
        for seen, chosen in learned.epoch(run.epochs):
            sums += np.array(network.step(seen, learned.wanted[chosen], learned.weight[chosen], rate)) * len(chosen)
            count += len(chosen)
        logits = logits_of(network, judged)
        row = (*sums / max(1, count), loss_of(logits, judged, recipe), accuracy_of(logits, judged.wanted), rate)
    best = run.curves["val_loss"][run.best_epoch] if run.best else np.inf
    if row[2] < best - BETTER or not run.best:
        run.best_epoch, run.best = run.epochs, [values.copy() for values in network.numbers]
    for name, value in zip(CURVES, row, strict=True):
        run.curves[name].append(float(value))


def _patience_over(run: Run, recipe: Recipe) -> bool:
    return recipe.patience > 0 and run.epochs - 1 - run.best_epoch >= recipe.patience


def logits_of(network: Trainable, examples: Batches) -> Floats:
    """Returns (n, tags) of the examples in order."""
    parts = [network.logits(seen) for seen in examples.plain()]
    return np.concatenate(parts) if parts else np.empty((0, examples.wanted.shape[1]), np.float32)


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


def _keep(state: Path, network: Trainable, run: Run) -> None:
    facts = {"curves": run.curves, "best_epoch": run.best_epoch, "seconds": run.seconds}
    arrays = {f"network{i:04d}": values for i, values in enumerate(network.numbers)}
    arrays |= {f"best{i:04d}": values for i, values in enumerate(run.best)}
    arrays |= {f"memory{i:04d}": values for i, values in enumerate(network.memory)}
    packed = io.BytesIO()
    np.savez(packed, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), **arrays)  # type: ignore[arg-type]
    write_atomically(state, packed.getvalue())


def _resumed(state: Path, network: Trainable) -> Run:
    try:
        with np.load(io.BytesIO(state.read_bytes()), allow_pickle=False) as stored:
            facts = json.loads(stored["facts"].tobytes())
            named = {kind: [stored[name] for name in sorted(stored.files) if name.startswith(kind)]
                     for kind in ("network", "best", "memory")}  # fmt: skip
        network.know(named["network"], named["memory"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BadPath(f"{state}: is no state of this training: delete it, and begin anew") from error
    return Run(facts["curves"], facts["best_epoch"], named["best"], facts["seconds"])
