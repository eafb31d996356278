"""What is to be trained, and all there is to know of it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tagger.errors import BadSettings
from tagger.evaluation.figures import Figures
from tagger.models.backbone import Backbone
from tagger.models.registry import AUTO
from tagger.training import strategy
from tagger.training.certain import Certainty
from tagger.training.dataset import Dataset
from tagger.training.learner import Learned
from tagger.training.recipe import Recipe
from tagger.training.splits import PARTS, Split


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What is to be trained, from what, and where to.

    Raises:
        BadSettings: as `Recipe`.
    """

    name: str
    roots: tuple[Path, ...]
    out: Path
    strategy: str = "features"  # or auto
    choices: tuple[tuple[str, object], ...] = ()  # fields of `Recipe` that are not to be the strategy's usual ones
    backbone: str = AUTO
    weights: Path | None = None
    device: str = "auto"
    limit_per_tag: int | None = None
    seed: int = 0
    folds: int = 0  # of a cross-validation besides; 0: none
    tests: tuple[Path, ...] = ()  # folders of other images, to be asked about only
    cache: Path | None = None  # folder; None: this user's
    resume: bool = False

    def __post_init__(self) -> None:
        """Checks name and recipe before anything is read."""
        if not self.name.strip() or not self.name.isprintable() or {"/", "\\"} & {*self.name}:
            raise BadSettings(f"name {self.name!r}: take letters and digits; -o names the folder")
        strategy.recipe(self.strategy, self.seed, dict(self.choices))


@dataclass(frozen=True, slots=True, eq=False)
class CrossTest:
    """What a head is worth on other images."""

    folder: str
    figures: Figures
    copies: int  # pictures that were left out because the head had learned from a copy
    others: int = 0  # pictures in folders that are none of the tags


@dataclass(frozen=True, slots=True, eq=False)
class TrainingResult:
    """All there is to know of a training."""

    request: TrainingRequest
    data: Dataset
    split: Split
    base: Backbone
    recipe: Recipe
    why: str  # this strategy; empty if it was named
    learned: Learned
    figures: Figures | None  # of the test part; None if it is empty
    folded: Figures | None = None  # of the cross-validation
    crossed: tuple[CrossTest, ...] = ()
    certainty: Certainty | None = None  # None: too few pictures were held out, or the backbone was trained too
    interrupted: bool = False

    def pictures_of(self, tag: int) -> dict[str, int]:
        """Returns how many pictures a tag has, in all and in each part."""
        right = self.data.right[:, tag]
        parts = {part: int(right[getattr(self.split, part)].sum()) for part in PARTS}
        return {"pictures": int(right.sum()), **parts}
