"""What all trainings and studies work with: the pictures of a request, its backbone, what that sees in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tagger.images import DECODING
from tagger.models import registry
from tagger.models.backbone import Backbone
from tagger.records import Floats
from tagger.training.dataset import Dataset, collect
from tagger.training.features import features, space
from tagger.training.fit import INTERRUPTED
from tagger.training.learner import Learned, learn
from tagger.training.recipe import BACKBONE_TOO, FEATURES, Recipe, usual
from tagger.training.result import TrainingRequest
from tagger.training.splits import Split
from tagger.training.store import Store, default_folder

StageProgress = Callable[[str, int, int], None]  # what is being done, how much of it is done, and how much there is
FINGERPRINTS = f"fingerprints {DECODING}"  # the space of the store


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the pictures of a request are worked on; what was computed of them stays in its store."""

    request: TrainingRequest
    watch: StageProgress  # is told how far it is

    def data(self) -> Dataset:
        """Returns the pictures of the request.

        Raises:
            BadPath, BadSettings: as `tagger.training.dataset.collect`.
        """
        request = self.request
        return collect(
            request.roots, limit_per_tag=request.limit_per_tag, seed=request.seed, known=self.fingerprints(),
            progress=self.read,
        )  # fmt: skip

    def read(self, done: int, files: int) -> None:
        """Tells how many files have been read."""
        self.watch("reading", done, files)

    def base(self) -> Backbone:
        """Returns the backbone that is asked for; `auto` is the first that is here and that the strategy can train.

        Raises:
            BadWeights, WeightsMissing, DeviceMissing, LibraryMissing: as `tagger.models.registry.load`.
        """
        request = self.request
        tunable = request.strategy in BACKBONE_TOO
        return self.loaded(registry.choose(request.backbone, request.weights, tunable=tunable), request.weights)

    def loaded(self, name: str, weights: Path | None) -> Backbone:
        """Returns the backbone of a name on the device that is asked for; raises as `base`."""
        return registry.load(name, weights, device=self.request.device)

    def features(self, data: Dataset, base: Backbone) -> Floats:
        """Returns what the backbone sees in the pictures, (n, d), from the store where it is there.

        Raises:
            BadPath, NonFiniteFeatures: as `tagger.training.features.features`.
        """
        return features(
            data, base, self.store(space(base)), lambda done, total: self.watch(f"{base.name}: looking", done, total)
        )

    def store(self, name: str) -> Store:
        """Returns a space of the store."""
        return Store(self.request.cache or default_folder(), name)

    def fingerprints(self) -> Store:
        """Returns the space of fingerprints of pictures."""
        return self.store(FINGERPRINTS)

    def recipe(self) -> Recipe:
        """Returns the recipe of a head on fixed features, with the request's choices.

        Raises:
            BadSettings: a choice outside its range.
        """
        return usual(FEATURES, seed=self.request.seed, **dict(self.request.choices))


def trained(data: Dataset, rows: Floats, parts: Split, base: Backbone, recipe: Recipe) -> Learned:
    """Returns what is learned from the training part of a split; arguments as `tagger.training.learner.learn`.

    Raises:
        KeyboardInterrupt: it was interrupted: what it had learned by then is no fair figure.
    """
    learned = learn(data, rows, parts, base, recipe)
    if learned.run.ended == INTERRUPTED:
        raise KeyboardInterrupt
    return learned
