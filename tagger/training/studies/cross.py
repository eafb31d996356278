"""How much of a head's worth is left on pictures from elsewhere: each data set asked by heads of the others.

After Torralba and Efros, "Unbiased look at dataset bias" (2011): a table of trained on (row) and tested on (column),
whose diagonal is cross-validated within the set. Every head learns from the same number of pictures, so that the drop
from the diagonal is one of the data, not of their amount. Near copies of what a head learned from are not asked.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tagger.evaluation.figures import Figures
from tagger.evaluation.plots import BarSeries
from tagger.measured import Estimate
from tagger.models.backbone import Backbone
from tagger.records import Floats, Ints, TagScores
from tagger.text import aligned, printable
from tagger.training.bench import Bench, StageProgress, trained
from tagger.training.learner import judged
from tagger.training.recipe import Recipe
from tagger.training.result import TrainingRequest
from tagger.training.splits import VALIDATION_SHARE, Split, folds, split
from tagger.training.studies.comparison import UNKNOWN, Cell, Material
from tagger.training.studies.joint import SETS_MIN, Joint, joined


@dataclass(frozen=True, slots=True)
class Tested:
    """What heads that learned from some data sets are worth on one."""

    trained_on: tuple[str, ...]  # names of data sets
    tested_on: str  # in `trained_on` only where it was cross-validated
    figures: Figures | None  # None: all its pictures are copies
    copies: int  # pictures of it that were left out, as near copies were learned from

    @property
    def within(self) -> bool:
        """Whether this is the cross-validation within the set."""
        return self.trained_on == (self.tested_on,)


@dataclass(frozen=True, slots=True)
class Crossed:
    """Data sets, each asked by heads of its own and of the others."""

    material: Material  # of all sets together
    left_out: tuple[str, ...]  # sub-folders that not all sets have
    sets: tuple[str, ...]
    pictures: tuple[int, ...]  # of each set
    learned_from: int  # pictures, by every head; those that stop the training among them
    folds: int
    tested: tuple[Tested, ...]
    interrupted: bool = False

    def of(self, trained_on: tuple[str, ...], tested_on: str) -> Tested | None:
        """Returns the one with these names, None if it was not done."""
        keys = {(test.trained_on, test.tested_on): test for test in self.tested}
        return keys.get((trained_on, tested_on))

    def others(self, name: str) -> tuple[str, ...]:
        """Returns all sets but this."""
        return tuple(other for other in self.sets if other != name)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of `rows`."""
        figures = (f"{name}{end}" for name in ("accuracy", "macro_f1", "macro_auc") for end in ("", "_low", "_high"))
        return ("trained_on", "tested_on", "cross_validated", "pictures", "copies_left_out", *figures)

    def rows(self) -> list[tuple[Cell, ...]]:
        """Returns a row for each pair of training sets and tested set."""
        return [
            (
                " + ".join(test.trained_on), test.tested_on, test.within,
                test.figures.images if test.figures else 0, test.copies,
                *(cell for estimate in _estimates(test) for cell in _cells(estimate)),
            )
            for test in self.tested
        ]  # fmt: skip

    def text(self) -> str:
        """Returns both tables, and what they are."""
        head = ("tested on", "pictures", "copies", "measure", "within the set", "from the others", "drop")
        lines = [
            line for name, count in zip(self.sets, self.pictures, strict=True) for line in self._lines(name, count)
        ]
        left_out = f"; not in all sets: {', '.join(self.left_out)}" if self.left_out else ""
        notes = (
            f"{self.material}: {', '.join(self.material.tags)}{left_out}.",
            f"Each head learned from {self.learned_from} pictures; within the set: {self.folds} folds.",
            "In brackets 95 % intervals; copies: pictures left out, as the others have near copies of them.",
            "",
            "Accuracy, trained on (row) and tested on (column):",
        )
        matrix = [
            (printable(row), *(_short(self.of((row,), column)) for column in self.sets)) for row in self.sets
        ]  # fmt: skip
        table = aligned([("", *map(printable, self.sets)), *matrix])
        return "\n".join((aligned([head, *lines]), *map(printable, notes), table))

    def _lines(self, name: str, count: int) -> list[tuple[str, ...]]:
        """Three rows about one set."""
        within, other = self.of((name,), name), self.of(self.others(name), name)
        copies = str(other.copies) if other else UNKNOWN
        first = ((printable(name), str(count), copies), ("", "", ""), ("", "", ""))
        measures = zip(("accuracy", "macro F1", "macro AUC"), _estimates(within), _estimates(other), strict=True)
        return [
            (*start, measure, _interval(a), _interval(b), f"{a.value - b.value:.3f}" if a and b else UNKNOWN)
            for start, (measure, a, b) in zip(first, measures, strict=True)
        ]

    def chart(self) -> tuple[tuple[str, ...], tuple[BarSeries, ...]]:
        """Returns the sets, and bars of the accuracy within each and from the others."""
        within = tuple(_estimates(self.of((name,), name))[0] for name in self.sets)
        from_others = tuple(_estimates(self.of(self.others(name), name))[0] for name in self.sets)
        return self.sets, (
            BarSeries("accuracy within the set", within),
            BarSeries("trained on the others", from_others),
        )


def _estimates(test: Tested | None) -> tuple[Estimate | None, Estimate | None, Estimate | None]:
    """Accuracy, macro F1 and macro AUC."""
    if test is None or test.figures is None:
        return None, None, None
    return test.figures.top1, test.figures.macro_f1, test.figures.macro_auc


def _cells(estimate: Estimate | None) -> tuple[float | None, float | None, float | None]:
    return (estimate.value, estimate.low, estimate.high) if estimate else (None, None, None)


def _interval(estimate: Estimate | None) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.2f} to {estimate.high:.2f})" if estimate else UNKNOWN


def _short(test: Tested | None) -> str:
    accuracy = _estimates(test)[0]
    return f"{accuracy.value:.3f}" if accuracy else UNKNOWN


def cross(request: TrainingRequest, watch: StageProgress) -> Crossed:
    """Returns what heads are worth within and across data sets; KeyboardInterrupt ends it with what is done.

    Args:
        request: its roots are the data sets; with backbone, folds and recipe.
        watch: is told how far it is.

    Raises:
        BadPath: as `collect`; the sets have fewer than two tags in common, or one has too few pictures of a tag.
        BadSettings: fewer than two sets; more folds than pictures; a choice outside its range.
        BadWeights, WeightsMissing, DeviceMissing, LibraryMissing: as `tagger.models.registry.load`.
    """
    bench = Bench(request, watch)
    recipe = bench.recipe()
    joint = joined(
        request.roots, limit_per_tag=request.limit_per_tag, seed=request.seed, known=bench.fingerprints(),
        progress=bench.read,
    )  # fmt: skip
    count = len(joint.names)
    own = [np.flatnonzero(of) for of in joint.member.T]
    fold = [folds(joint.data.among(places), request.folds, request.seed) for places in own]
    size = min(int((one != number).sum()) for one in fold for number in range(request.folds))
    base = bench.base()
    rows = bench.features(joint.data, base)
    done, total = itertools.count(), count * (request.folds + 1 + (count > SETS_MIN))
    heads = _Heads(joint, rows, base, recipe, size, lambda: watch("heads", next(done), total))
    tested: list[Tested] = []
    interrupted = False
    try:
        for place in range(count):
            others = tuple(other for other in range(count) if other != place)
            tested.append(heads.within(place, fold[place]))
            tested += heads.across((place,), others)
            if count > SETS_MIN:
                tested += heads.across(others, (place,))
    except KeyboardInterrupt:
        interrupted = True
    return Crossed(
        Material.of(request.roots, joint.data, recipe), joint.data.left_out, joint.names, tuple(map(len, own)), size,
        request.folds, tuple(tested), interrupted,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Heads:
    """Heads that are trained on some of the pictures and asked about others."""

    joint: Joint
    rows: Floats  # features (n, d)
    base: Backbone
    recipe: Recipe
    size: int  # pictures that each of them learns from
    begins: Callable[[], None]  # is called before each of them

    def within(self, place: int, fold: Ints) -> Tested:
        """Cross-validates in a set, of whose pictures each has its fold."""
        data, name = self.joint.data, self.joint.names[place]
        own = np.flatnonzero(self.joint.member[:, place])
        scores = TagScores(*(np.zeros((2, len(own), len(data.tags)), np.float32)))
        for number in range(fold.max() + 1):
            mine = fold == number
            answers = self._answers(own[~mine], own[mine])
            scores.probabilities[mine], scores.evidence[mine] = answers.probabilities, answers.evidence
        return Tested((name,), name, judged(data, own, scores, self.recipe), 0)

    def across(self, trained_on: Sequence[int], tested_on: Sequence[int]) -> list[Tested]:
        """Trains one head on some sets and asks it about each of some others."""
        data, member, names = self.joint.data, self.joint.member, self.joint.names
        learned = member[:, list(trained_on)].any(1)
        new = np.flatnonzero(~np.isin(data.family, data.family[learned]))
        scores = self._answers(np.flatnonzero(learned), new)
        tested = []
        for place in tested_on:
            mine = member[new, place]
            some = TagScores(scores.probabilities[mine], scores.evidence[mine])
            figures = judged(data, new[mine], some, self.recipe) if mine.any() else None
            copies = int(member[:, place].sum() - mine.sum())
            tested.append(Tested(tuple(names[other] for other in trained_on), names[place], figures, copies))
        return tested

    def _answers(self, places: Ints, new: Ints) -> TagScores:
        """What a head that learns from some of the pictures at `places` says of those at `new`."""
        self.begins()
        data, seed = self.joint.data, self.recipe.seed
        chosen = places[drawn(data.tag[places], self.size, seed)]
        inner = split(data.among(chosen), seed, VALIDATION_SHARE, 0.0)
        parts = Split(chosen[inner.train], chosen[inner.validation], new)
        return trained(data, self.rows, parts, self.base, self.recipe).test


def drawn(tag: Ints, count: int, seed: int) -> Ints:
    """Returns `count` places, ascending, at random: each tag (n,) has one at least and then its share, as they go."""
    order = np.random.default_rng(seed).permutation(len(tag))
    share = np.empty(len(tag))  # of its tag's pictures that come before
    for label in np.unique(tag):
        pictures = order[tag[order] == label]
        share[pictures] = np.arange(len(pictures)) / len(pictures)
    return np.sort(order[np.argsort(share[order], kind="stable")[:count]])
