"""Which backbone suits one's own images: each of them on the same folds. And what the other studies need too.

Heads are trained on fixed features, so that a study of many heads is a matter of minutes once the features are there.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tagger.errors import BadSettings, BadWeights, NonFiniteFeatures, WeightsMissing
from tagger.evaluation.figures import Figures
from tagger.evaluation.metrics import Spread
from tagger.evaluation.plots import BarSeries
from tagger.models import architectures, arrays, compact
from tagger.models.architectures import EMBEDDED
from tagger.models.backbone import EMBEDDED_ARRAYS, EMBEDDED_SOURCE, Backbone
from tagger.records import Floats, Ints
from tagger.text import aligned, printable
from tagger.training.dataset import Dataset, collect
from tagger.training.features import features, space
from tagger.training.fit import INTERRUPTED
from tagger.training.learner import Learned, judged, learn
from tagger.training.recipe import FEATURES, Recipe, usual
from tagger.training.result import TrainingRequest
from tagger.training.run import FINGERPRINTS, Watch, load_backbone
from tagger.training.splits import Split, fold_split, folds
from tagger.training.store import Store, default_folder
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
        found = [fold.figures for fold in self.folds]
        return (
            Spread.of(one.macro_auc.value if one.macro_auc else None for one in found),
            Spread.of(self.accuracy),
            Spread.of(one.macro_f1.value for one in found),
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
                one.name, *(cell for mean in one.spreads for cell in cells(mean)),
                one.parameters, one.features_s if one.computed else None, one.computed, one.head_s, one.p,
            )
            for one in self.compared
        ]  # fmt: skip

    def text(self) -> str:
        """Returns the table, and what its columns are."""
        head = ("backbone", "macro AUC", "accuracy", "macro F-score", "parameters", "features", "head", "p")
        lines = [
            (
                printable(one.name), *map(shown, one.spreads),
                f"{one.parameters / MILLION:.1f} M", self._features(one), f"{one.head_s:.1f} s",
                "best" if one.p is None else f"{one.p:.3f}",
            )
            for one in self.compared
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
        bars = (bars_of(name, [one.spreads[place] for one in self.compared]) for place, name in enumerate(names))
        return tuple(one.name for one in self.compared), tuple(bars)

    def _features(self, one: Compared) -> str:
        if not one.computed:
            return "cached"
        part = "" if one.computed == self.material.pictures else f" ({one.computed} pictures)"
        return f"{one.features_s:.1f} s{part}"


def backbones(request: TrainingRequest, named: Sequence[Named], watch: Watch) -> Backbones:
    """Returns what each backbone is worth on the same folds; KeyboardInterrupt ends it with those that are done.

    Args:
        request: images, folds and recipe; its own backbone does not matter.
        named: the backbones.
        watch: is told how far it is.

    Raises:
        BadPath: as `collect`.
        BadSettings: no backbone, one twice or of no such name; a choice outside its range.
        DeviceMissing, LibraryMissing: as `tagger.models.backbone.load`.
    """
    recipe = recipe_of(request)
    if not named or len(set(named)) < len(named):
        raise BadSettings(f"backbones {', '.join(map(str, named)) or 'none'}: name some, each once")
    for one in named:
        if one.name != EMBEDDED:
            architectures.named(one.name)
    data = collected(request, watch)
    fold = folds(data, request.folds, request.seed)
    done: list[Compared] = []
    failed: list[str] = []
    interrupted = False
    for one in named:
        try:
            done.append(_compared(one, request, data, fold, recipe, watch))
        except (BadWeights, WeightsMissing, NonFiniteFeatures) as error:
            failed.append(str(error))
        except KeyboardInterrupt:
            interrupted = True
            break
        finally:
            _forget(one)
    return Backbones(Material.of(request.roots, data, recipe), tested(done), tuple(failed), interrupted)


def _compared(
    one: Named, request: TrainingRequest, data: Dataset, fold: Ints, recipe: Recipe, watch: Watch
) -> Compared:
    base = load_backbone(replace(request, backbone=one.name, weights=one.weights))
    store = Store(request.cache or default_folder(), space(base))
    computed = len(data.sha256) - len(store.get(data.sha256))
    begun = time.monotonic()
    rows = seen(data, base, request, watch)
    features_s = time.monotonic() - begun
    found = []
    for number in range(request.folds):
        watch(f"{one}: folds", number, request.folds)
        parts = fold_split(data, fold, number, request.seed)
        learned = trained(data, rows, parts, base, recipe)
        figures = judged(data, parts.test, learned.test, recipe)
        found.append(Fold(figures, learned.run.epochs, learned.run.seconds))
    parameters = _parameters(base) + sum(layer.kernel.size + layer.bias.size for layer in learned.layers)
    return Compared(str(one), base.identity, base.sha256, parameters, features_s, computed, tuple(found))


def _forget(one: Named) -> None:
    """Frees a network that nobody uses any more: Keras would keep those of all backbones."""
    if one.name != EMBEDDED:
        import keras

        keras.utils.clear_session()
    gc.collect()


def _parameters(base: Backbone) -> int:
    """Numbers that lead to the features."""
    if base.name != EMBEDDED:
        return int(base.network.count_params())
    file = EMBEDDED_ARRAYS if base.source == EMBEDDED_SOURCE else Path(base.source)
    return sum(part.size for name, part in arrays.load(file).items() if not name.startswith(compact.CLASSIFIER))


def tested(done: Sequence[Compared]) -> tuple[Compared, ...]:
    """Returns the backbones with p of each but the best, which is that of the highest mean accuracy."""
    if not done:
        return ()
    best = max(done, key=lambda one: float(np.mean(one.accuracy)))
    return tuple(
        one if one is best
        else replace(one, p=sign_flip_p([b - a for a, b in zip(one.accuracy, best.accuracy, strict=True)]))
        for one in done
    )  # fmt: skip


def recipe_of(request: TrainingRequest) -> Recipe:
    """Returns the recipe of a head on fixed features, with the request's choices."""
    return usual(FEATURES, seed=request.seed, **dict(request.choices))


def collected(request: TrainingRequest, watch: Watch) -> Dataset:
    """Returns the pictures of the request, as `train` takes them."""
    return collect(
        request.roots, limit_per_tag=request.limit_per_tag, seed=request.seed, known=fingerprints(request),
        progress=lambda done, total: watch("reading", done, total),
    )  # fmt: skip


def fingerprints(request: TrainingRequest) -> Store:
    """Returns the store of fingerprints."""
    return Store(request.cache or default_folder(), FINGERPRINTS)


def seen(data: Dataset, base: Backbone, request: TrainingRequest, watch: Watch) -> Floats:
    """Returns the features (n, d) of the pictures, from the store where they are there."""
    store = Store(request.cache or default_folder(), space(base))
    return features(data, base, store, lambda done, total: watch(f"{base.name}: looking", done, total))


def trained(data: Dataset, rows: Floats, parts: Split, base: Backbone, recipe: Recipe) -> Learned:
    """Returns what is learned from the training part of a split.

    Raises:
        KeyboardInterrupt: it was interrupted: what it had learned by then is no fair figure.
    """
    learned = learn(data, rows, parts, base, recipe)
    if learned.run.ended == INTERRUPTED:
        raise KeyboardInterrupt
    return learned
