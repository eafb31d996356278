"""What the numbers that a head begins with are worth: zeros, small, Glorot's and He's, plain and batch-normalised.

Zeros never learn: every unit of a layer gives 0 and is told to change by 0; only the last bias moves, so that the
answer is the same for all pictures. Batch normalisation cannot mend that, as the deviation of zeros is zero; it does
mend numbers that are too small, whose signal it scales up in each layer. After Glorot and Bengio (2010), He et al.
(2015), and Ioffe and Szegedy (2015).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from tagger.errors import BadPath, BadSettings
from tagger.evaluation.metrics import Spread
from tagger.evaluation.plots import BarSeries
from tagger.models.head import Dense
from tagger.records import Floats
from tagger.text import aligned
from tagger.training.bench import Bench, StageProgress, trained
from tagger.training.folders import listed
from tagger.training.learner import Learned
from tagger.training.recipe import INITS, Recipe
from tagger.training.result import TrainingRequest
from tagger.training.splits import split
from tagger.training.studies.comparison import Cell, Material, bars_of, cells, shown

VALIDATION_SHARE = 0.2  # twice the usual, as no other pictures are asked about
NORMS = (False, True)


@dataclass(frozen=True, slots=True)
class Begun:
    """How far a head came from some initial numbers."""

    init: str
    batch_norm: bool
    seed: int
    first_loss: float | None  # of the training part, mean of the first epoch; None if it is not finite
    val_accuracy: tuple[float, ...]  # after each epoch
    dead: float  # share of the hidden units that are 0 for every picture of the validation part, at the best epoch


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: the same initial numbers from several seeds."""

    init: str
    batch_norm: bool
    seeds: int
    first_loss: Spread | None
    final: Spread | None  # accuracy on the validation part after the last epoch
    best: Spread | None  # and at its highest
    dead: Spread | None

    @property
    def means(self) -> tuple[Spread | None, ...]:
        """In the order of the columns."""
        return self.first_loss, self.final, self.best, self.dead


@dataclass(frozen=True, slots=True)
class Initialisations:
    """Heads with hidden layers from different initial numbers."""

    material: Material
    guessing: float  # share of the validation part of its commonest tag: what saying that each time gets right
    begun: tuple[Begun, ...]
    interrupted: bool = False

    @property
    def settings(self) -> list[Setting]:
        """Those of which some seed is done."""
        settings = []
        for init, norm in product(INITS, NORMS):
            begun = [head for head in self.begun if (head.init, head.batch_norm) == (init, norm)]
            if begun:
                settings.append(Setting(
                    init, norm, len(begun), Spread.of(head.first_loss for head in begun),
                    Spread.of(head.val_accuracy[-1] for head in begun),
                    Spread.of(max(head.val_accuracy) for head in begun),
                    Spread.of(head.dead for head in begun),
                ))  # fmt: skip
        return settings

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of `rows`."""
        means = ("first_loss", "final_accuracy", "best_accuracy", "dead_units")
        return ("init", "batch_norm", "seeds", *(name for mean in means for name in (mean, f"{mean}_deviation")))

    def rows(self) -> list[tuple[Cell, ...]]:
        """Returns a row for each initialisation, without and with batch normalisation."""
        return [
            (setting.init, setting.batch_norm, setting.seeds, *(cell for mean in setting.means for cell in cells(mean)))
            for setting in self.settings
        ]

    def text(self) -> str:
        """Returns the table, and what its columns are."""
        head = ("init", "batch norm", "first loss", "final accuracy", "best accuracy", "dead units")
        lines = [
            (setting.init, "yes" if setting.batch_norm else "no", *map(shown, setting.means))
            for setting in self.settings
        ]
        recipe = self.material.recipe
        hidden = ", ".join(map(str, recipe.hidden))
        notes = (
            f"{self.material}; hidden layers: {hidden}; means over seeds and their standard deviation.",
            f"accuracy: of the validation part, after {recipe.epochs} epochs and best; guessing: {self.guessing:.3f}.",
            "first loss: of training, in the first epoch; dead units: hidden, 0 for the whole validation part.",
        )
        return "\n".join((aligned([head, *lines]), *notes))

    def chart(self) -> tuple[tuple[str, ...], tuple[BarSeries, ...]]:
        """Returns the initialisations, and bars of the final accuracy."""
        final = {(setting.init, setting.batch_norm): setting.final for setting in self.settings}
        names = ("final accuracy", "the same with batch norm")
        bars = (
            bars_of(name, [final.get((init, norm)) for init in INITS]) for name, norm in zip(names, NORMS, strict=True)
        )
        return INITS, tuple(bars)


def initialisations(request: TrainingRequest, seeds: int, watch: StageProgress) -> Initialisations:
    """Returns how heads learn that begin differently; KeyboardInterrupt ends it with those that are done.

    Args:
        request: images, backbone and recipe, whose choices are for heads with hidden layers.
        seeds: how many heads of each kind, which differ in their random numbers.
        watch: is told how far it is.

    Raises:
        BadPath: as `collect`; or no picture is left to judge by.
        BadSettings: no seed, no hidden layer, or a choice outside its range.
        BadWeights, WeightsMissing, DeviceMissing, LibraryMissing: as `tagger.models.registry.load`.
    """
    bench = Bench(request, watch)
    recipe = replace(bench.recipe(), patience=0)
    if seeds < 1 or not recipe.hidden:
        raise BadSettings(f"seeds = {seeds}, hidden = {recipe.hidden}: both are needed, one or more")
    data = bench.data()
    parts = split(data, request.seed, VALIDATION_SHARE, 0.0)
    if not len(parts.validation):
        raise BadPath(f"{listed(request.roots)}: the pictures are near copies of one another: none is left to judge by")
    base = bench.base()
    rows = bench.features(data, base)
    recipes = [
        replace(recipe, init=init, batch_norm=norm, seed=request.seed + place)
        for place, init, norm in product(range(seeds), INITS, NORMS)  # so that all have as many if it is interrupted
    ]
    begun: list[Begun] = []
    interrupted = False
    try:
        for done, tried in enumerate(recipes):
            watch("heads", done, len(recipes))
            begun.append(_begun(trained(data, rows, parts, base, tried), rows[parts.validation], tried))
    except KeyboardInterrupt:
        interrupted = True
    guessing = float(data.right[parts.validation].mean(0).max())
    return Initialisations(Material.of(request.roots, data, recipe), guessing, tuple(begun), interrupted)


def _begun(learned: Learned, validation: Floats, recipe: Recipe) -> Begun:
    curves = learned.run.curves
    loss = curves["loss"][0]
    return Begun(
        recipe.init, recipe.batch_norm, recipe.seed, loss if math.isfinite(loss) else None,
        tuple(curves["val_accuracy"]), dead_share(learned.layers[:-1], validation),
    )  # fmt: skip


def dead_share(hidden: tuple[Dense, ...], rows: Floats) -> float:
    """Returns the share of the units of these layers, ReLU after each, that are 0 for all rows (n, d)."""
    dead = []
    for layer in hidden:
        rows = np.maximum(layer(rows), 0)
        dead.append((rows == 0).all(0))
    return float(np.concatenate(dead).mean())
