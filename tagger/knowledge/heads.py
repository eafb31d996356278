"""Heads learned from what networks see in labelled pictures, and what they say about sources they have not seen."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tagger.evaluation.metrics import balanced, places
from tagger.knowledge.kept import Key, kept
from tagger.knowledge.labelled import Labelled
from tagger.knowledge.priors import prior
from tagger.knowledge.regression import FOLDS, source_folds
from tagger.models.evidence import CLASS_COUNT
from tagger.records import Bools, Doubles, Floats, Ints
from tagger.training import calibration
from tagger.training.calibration import OFFSETS, TEMPERATURES
from tagger.training.regression import fit

STEPS = 15  # Newton's: more change the third digit of no figure

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HeadRecipe:
    """How a head is learned."""

    l2: float  # weight decay, for rows of deviation 1 as a whole
    trust: float  # in the names of classes (`tagger.knowledge.priors`): what one of them says, per deviation
    power: float = 0.5  # how much less a picture counts among many of its source: `Labelled.counts`
    overlap: float = 0.5  # the share of a label that belongs to the tags its pictures are taken for: `taken_for`


RECIPES = (HeadRecipe(0.3, 0.1), HeadRecipe(0.1, 0.1))
FIRST = HeadRecipe(0.3, 0.1, overlap=0)  # of the answers that say what is taken for what


def taken_for(p: Floats, pictures: Labelled, among: Bools) -> Floats:
    """Returns (tags, tags): what pictures `among` (n,) of each tag are taken for by answers `p` (n, tags), else itself.

    Labels overlap, and a picture carries one: what looks like violence was collected as action. Rows sum to 1.
    """
    said = np.zeros((pictures.tags, pictures.tags), np.float32)
    np.add.at(said, pictures.tag[among], p[among])
    np.fill_diagonal(said, 0)
    total = said.sum(1, keepdims=True)
    own = np.eye(pictures.tags, dtype=np.float32)
    return np.where(total > 0, said / np.maximum(total, np.finfo(np.float32).tiny), own)


def learn(
    seen: Sequence[Floats], pictures: Labelled, chosen: Bools, recipe: HeadRecipe, said: Floats | None = None
) -> tuple[Floats, Floats]:
    """Returns kernel (d, tags) and bias (tags,) of a regression on all views of the pictures `chosen`.

    Args:
        seen: what each network sees in them, (n, views, d), class evidence last; all networks are learned from alike.
        pictures: n of them.
        chosen: (n,) those to learn from.
        recipe: how.
        said: (n, tags) answers that say which labels overlap; None: none do.

    Tags without a picture get zeros.
    """
    x = np.concatenate([rows[chosen].reshape(-1, rows.shape[-1]) for rows in seen])
    tag = np.concatenate([np.repeat(pictures.tag[chosen], rows.shape[1]) for rows in seen])
    present = np.unique(tag)
    mean, deviation = x.mean(0), x.std() + 1e-6
    known = np.pad(prior(pictures.slugs, recipe.trust)[:, present], ((x.shape[1] - CLASS_COUNT, 0), (0, 0)))
    each = pictures.counts(recipe.power)[chosen]
    counts = np.concatenate([np.repeat(each, rows.shape[1]) for rows in seen])
    place = np.searchsorted(present, tag)
    alike = None
    if said is not None and recipe.overlap:
        others = taken_for(said, pictures, chosen)[np.ix_(present, present)]
        alike = (1 - recipe.overlap) * np.eye(len(present), dtype=np.float32) + recipe.overlap * others
    fitted = fit((x - mean) / deviation, place, len(present), recipe.l2, known, STEPS, counts, alike)
    kernel = np.zeros((x.shape[1], pictures.tags), np.float32)
    bias = np.zeros(pictures.tags, np.float32)
    kernel[:, present] = fitted[:-1] / deviation
    bias[present] = fitted[-1] - mean @ kernel[:, present]
    return kernel, bias


def out_of_source(
    seen: Sequence[Floats],
    rows: Floats,
    pictures: Labelled,
    recipe: HeadRecipe,
    folds: Ints | None = None,
    said: Floats | None = None,
) -> Floats:
    """Returns logits (..., n, tags) of each picture by a head that saw no picture of its source; zeros: no such tag.

    Args:
        seen: what the networks learned from see, (n, views, d) each.
        rows: what the network asked sees, or several of them, (..., n, d).
        pictures: n of them.
        recipe: how the head is learned.
        folds: (n,) the fold of each picture, if not by source.
        said: as of `learn`; of each fold only the answers about the others count.
    """
    answer = np.zeros((*rows.shape[:-1], pictures.tags), np.float32)
    folds = source_folds(pictures.source) if folds is None else folds
    for fold in np.unique(folds):
        ask = folds == fold
        kernel, bias = learn(seen, pictures, ~ask & ~pictures.near[:, ask].any(1), recipe, said)
        answer[..., ask, :] = rows[..., ask, :] @ kernel + bias
    return answer


Answers = dict[HeadRecipe, Floats]  # logits (n, tags) by the recipe of the head


def answers(
    seen: Sequence[Floats],
    rows: Floats,
    pictures: Labelled,
    cache: Path | None = None,
    said: Floats | None = None,
    recipes: Sequence[HeadRecipe] = RECIPES,
) -> Answers:
    """Returns what `out_of_source` does, by every recipe; kept in `cache`."""
    logits = {}
    for recipe in recipes:
        log.info("heads on %d networks for %s, %s", len(seen), rows.shape[:-2] or "one", recipe)
        key: list[Key] = [f"{recipe} {STEPS} {pictures.slugs}", pictures.tag, pictures.source, rows, *seen]
        key += [] if said is None else [said]
        logits[recipe] = kept(
            cache,
            key,
            lambda recipe=recipe: out_of_source(seen, rows, pictures, recipe, said=said),  # type: ignore[misc]
        )
    return logits


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was best on some pictures."""

    recipe: HeadRecipe
    temperature: float
    offset: float


class Tuner:
    """Chooses recipe, temperature and offset of a head by its answers about sources that it had not seen."""

    def __init__(self, answers: Answers, pictures: Labelled) -> None:
        """Takes the answers by each recipe."""
        self._answers, self._pictures = answers, pictures
        self._right, self._fair = pictures.right, pictures.fair[pictures.tag]
        self._place = {recipe: places(z, self._right) for recipe, z in answers.items()}
        self._surprise: dict[HeadRecipe, Doubles] = {}

    def tune(self, among: Bools) -> Tuned:
        """Returns what is best on the pictures `among` (n,), of fair tags."""
        judged = among & self._fair
        tag = self._pictures.tag[judged]
        best = max(self._answers, key=lambda recipe: balanced(self._place[recipe][judged] < 3, tag))
        if best not in self._surprise:
            self._surprise[best] = surprises(self._answers[best], self._right)
        return Tuned(best, *calibrate(self._surprise[best], self._pictures, judged))

    def probabilities(self) -> tuple[Floats, Floats]:
        """Returns logits and published probabilities (n, tags), each fold's by what was best on the others."""
        z = np.zeros_like(next(iter(self._answers.values())))
        p = np.zeros_like(z)
        folds = source_folds(self._pictures.source)
        for fold in range(FOLDS):
            ask, tuned = folds == fold, self.tune(folds != fold)
            z[ask] = self._answers[tuned.recipe][ask]
            p[ask] = published(z[ask], tuned.temperature, tuned.offset)
        return z, p


def agreed(tuned: Sequence[Tuned]) -> Tuned:
    """Returns what suits several networks: the most common recipe, and the middle of the others."""
    recipes = [choice.recipe for choice in tuned]
    temperature = np.exp(np.median(np.log([choice.temperature for choice in tuned])))
    return Tuned(
        max(RECIPES, key=recipes.count), float(temperature), float(np.median([choice.offset for choice in tuned]))
    )


def evidence(z: Floats, tuned: Tuned) -> Floats:
    """Returns y (n, tags) = ReLU(z / temperature + offset), as the shipped head gives it; 0 without a head."""
    return _evidence(z, tuned.temperature, tuned.offset)


def _evidence(z: Floats, temperature: float, offset: float) -> Floats:
    return np.where(z == 0, np.float32(0), calibration.evidence(z, temperature, offset))


def published(z: Floats, temperature: float, offset: float) -> Floats:
    """Returns p (n, tags) = softmax(ReLU(z / temperature + offset))."""
    return calibration.softmax(_evidence(z, temperature, offset))


def surprises(z: Floats, right: Bools) -> Doubles:
    """Returns -log of the probability of the right tags, (temperatures, offsets, n)."""
    return np.array([[-np.log((published(z, t, c) * right).sum(1) + 1e-12) for c in OFFSETS] for t in TEMPERATURES])


def calibrate(surprise: Doubles, pictures: Labelled, among: Bools) -> tuple[float, float]:
    """Returns the temperature and offset under which the answers `among` (n,) are the least surprising.

    Every tag counts the same, however many pictures it has.
    """
    tag: Ints = pictures.tag[among]
    weight = 1.0 / np.bincount(tag, minlength=pictures.tags)[tag]
    return calibration.best(surprise[..., among] @ weight)
