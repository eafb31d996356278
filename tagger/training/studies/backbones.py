"""Which backbone suits one's own images: each of them on the same folds.

Heads are trained on fixed features, so that a study of many heads is a matter of minutes once the features are there.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tagger.errors import BadSettings, BadWeights, NetworkFailed, NonFiniteFeatures, WeightsMissing
from tagger.evaluation.figures import Figures
from tagger.evaluation.metrics import Spread
from tagger.evaluation.plots import BarSeries
from tagger.models import registry
from tagger.records import Ints
from tagger.text import aligned, printable
from tagger.training.bench import Bench, StageProgress, trained
from tagger.training.dataset import Dataset
from tagger.training.features import space
from tagger.training.learner import judged
from tagger.training.recipe import Recipe
from tagger.training.result import TrainingRequest
from tagger.training.splits import fold_split, folds
from tagger.training.studies.comparison import Cell, Material, bars_of, cells, shown, sign_flip_p

MILLION = 1e6
SOURCE_NOTE = """\
A study of five backbones on another, small set, 10 folds (AUC / accuracy / F-score / parameters with the classifier):
  VGG16 .963/.895/.901/138 M, VGG19 .969/.907/.913/144 M, InceptionV3 .965/.900/.906/23 M,
  ResNet50 .961/.903/.908/25 M, Xception .961/.898/.905/22 M"""


@dataclass(frozen=True, slots=True)
class Named:
    """A backbone as it is asked for."""

    name: str
    weights: Path | None = None  # in place of the published ones

    def __str__(self) -> str:
        """For people."""
        return self.name if self.weights is None else f"{self.name} ({self.weights.name})"


@dataclass(frozen=True, slots=True)
class Fold:
    """A head that was asked about the pictures of one fold, and trained on the others."""

    figures: Figures
    epochs: int
    seconds: float  # of training


@dataclass(frozen=True, slots=True)
class Compared:
    """One backbone of a study."""

    name: str
    identity: str
    sha256: str
    parameters: int  # of backbone and head
    features_s: float
    computed: int  # pictures whose features took that time; those of the others were in the store
    folds: tuple[Fold, ...]
    p: float | None = None  # of the paired test on accuracy against the best one; None: it is the best

    @property
    def accuracy(self) -> list[float]:
        """The share of first answers that are right, of each fold."""
        return [fold.figures.top1.value for fold in self.folds]

    @property
    def spreads(self) -> tuple[Spread | None, Spread | None, Spread | None]:
        """Macro AUC, accuracy and macro F-score over the folds."""
        figures = [fold.figures for fold in self.folds]
        return (
            Spread.of(fold.macro_auc.value if fold.macro_auc else None for fold in figures),
            Spread.of(self.accuracy),
            Spread.of(fold.macro_f1.value for fold in figures),
        )

    @property
    def head_s(self) -> float:
        """Mean time of training a head."""
        return float(np.mean([fold.seconds for fold in self.folds]))


@dataclass(frozen=True, slots=True)
class Backbones:
    """Several backbones on the same folds."""

    material: Material
    compared: tuple[Compared, ...]  # those of which every fold was done
    failed: tuple[str, ...] = ()  # a line for each that could not be used
    interrupted: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of `rows`."""
        means = ("macro_auc", "accuracy", "macro_f1")
        figures = (name for mean in means for name in (mean, f"{mean}_deviation"))
        return ("backbone", *figures, "parameters", "features_s", "computed", "head_s", "p")

    def rows(self) -> list[tuple[Cell, ...]]:
        """Returns a row for each backbone."""
        return [
            (
                backbone.name, *(cell for mean in backbone.spreads for cell in cells(mean)),
                backbone.parameters, backbone.features_s if backbone.computed else None, backbone.computed,
                backbone.head_s, backbone.p,
            )
            for backbone in self.compared
        ]  # fmt: skip

    def text(self) -> str:
        """Returns the table, and what its columns are."""
        head = ("backbone", "macro AUC", "accuracy", "macro F-score", "parameters", "features", "head", "p")
        lines = [
            (
                printable(backbone.name), *map(shown, backbone.spreads),
                f"{backbone.parameters / MILLION:.1f} M", self._features(backbone), f"{backbone.head_s:.1f} s",
                "best" if backbone.p is None else f"{backbone.p:.3f}",
            )
            for backbone in self.compared
        ]  # fmt: skip
        count = len(self.compared[0].folds)
        notes = (
            f"{self.material}; means over {count} folds and their standard deviation.",
            "parameters: backbone and head; features: all pictures; head: training in one fold.",
            "p: sign-flip test of the folds' accuracy against the best; optimistic, as folds share training pictures.",
        )
        return "\n".join((aligned([head, *lines]), *notes, SOURCE_NOTE))

    def chart(self) -> tuple[tuple[str, ...], tuple[BarSeries, ...]]:
        """Returns the backbones, and bars of their figures."""
        names = ("macro AUC", "accuracy", "macro F-score")
        spreads = zip(*(backbone.spreads for backbone in self.compared), strict=True)
        bars = (bars_of(name, spread) for name, spread in zip(names, spreads, strict=True))
        return tuple(backbone.name for backbone in self.compared), tuple(bars)

    def _features(self, backbone: Compared) -> str:
        if not backbone.computed:
            return "cached"
        part = "" if backbone.computed == self.material.pictures else f" ({backbone.computed} pictures)"
        return f"{backbone.features_s:.1f} s{part}"


def backbones(request: TrainingRequest, named: Sequence[Named], watch: StageProgress) -> Backbones:
    """Returns what each backbone is worth on the same folds; KeyboardInterrupt ends it with those that are done.

    Args:
        request: images, folds and recipe; its own backbone does not matter.
        named: the backbones.
        watch: is told how far it is.

    Raises:
        BadPath: as `collect`.
        BadSettings: no backbone, one twice or of no such name; a choice outside its range.
        DeviceMissing, LibraryMissing: as `tagger.models.registry.load`.
    """
    bench = Bench(request, watch)
    recipe = bench.recipe()
    if not named or len(set(named)) < len(named):
        raise BadSettings(f"backbones {', '.join(map(str, named)) or 'none'}: name some, each once")
    for backbone in named:
        registry.entry(backbone.name)
    data = bench.data()
    fold = folds(data, request.folds, request.seed)
    done: list[Compared] = []
    failed: list[str] = []
    interrupted = False
    for backbone in named:
        try:
            done.append(_compared(backbone, bench, data, fold, recipe))
        except (BadWeights, WeightsMissing, NonFiniteFeatures, NetworkFailed) as error:
            failed.append(str(error))
        except KeyboardInterrupt:
            interrupted = True
            break
        finally:
            registry.forget()
            gc.collect()
    return Backbones(Material.of(request.roots, data, recipe), tested(done), tuple(failed), interrupted)


def _compared(backbone: Named, bench: Bench, data: Dataset, fold: Ints, recipe: Recipe) -> Compared:
    base = bench.loaded(backbone.name, backbone.weights)
    computed = len(data.sha256) - len(bench.store(space(base)).get(data.sha256))
    begun = time.monotonic()
    rows = bench.features(data, base)
    features_s = time.monotonic() - begun
    count, seed, done = bench.request.folds, bench.request.seed, []
    for number in range(count):
        bench.watch(f"{backbone}: folds", number, count)
        parts = fold_split(data, fold, number, seed)
        learned = trained(data, rows, parts, base, recipe)
        figures = judged(data, parts.test, learned.test, recipe)
        done.append(Fold(figures, learned.run.epochs, learned.run.seconds))
    parameters = base.parameters + sum(layer.kernel.size + layer.bias.size for layer in learned.layers)
    return Compared(str(backbone), base.identity, base.sha256, parameters, features_s, computed, tuple(done))


def tested(done: Sequence[Compared]) -> tuple[Compared, ...]:
    """Returns the backbones with p of each but the best, which is that of the highest mean accuracy."""
    if not done:
        return ()
    best = max(done, key=lambda backbone: float(np.mean(backbone.accuracy)))
    return tuple(
        backbone if backbone is best
        else replace(backbone, p=sign_flip_p([b - a for a, b in zip(backbone.accuracy, best.accuracy, strict=True)]))
        for backbone in done
    )  # fmt: skip
