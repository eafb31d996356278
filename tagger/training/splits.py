"""Which pictures are learned from, which stop the training, and which are asked about at the end.

Families of near copies stay whole, or a network would be praised for what it has by heart. Each tag is dealt out by
itself, its families in a random order, the largest first: each goes to the part that lacks most of its share. So every
part comes within one family of its share of each tag, and the small families even it out.

A picture counts for its first tag, and a family of several tags for the one with the fewest pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tagger.errors import BadSettings
from tagger.records import Doubles, Ints
from tagger.training.dataset import Dataset

VALIDATION_SHARE = 0.1  # of the pictures, and of those that a fold leaves
TEST_SHARE = 0.1
PARTS = ("train", "validation", "test")  # of a split


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Places in a dataset, ascending; each picture is in one part."""

    train: Ints
    validation: Ints
    test: Ints


def split(data: Dataset, seed: int, validation: float = VALIDATION_SHARE, test: float = TEST_SHARE) -> Split:
    """Returns a split of all pictures, the same for the same seed.

    A tag with three families or more has pictures in each part, unless it shares its families with others; every tag
    has some in the training part.

    Args:
        data: n pictures.
        seed: of the order in which families are dealt out.
        validation: share of each tag's pictures, 0 for none.
        test: likewise.

    Raises:
        BadSettings: a share below 0, or nothing left to train with.
    """
    if not (validation >= 0 and test >= 0 and validation + test < 1):
        raise BadSettings(
            f"shares of validation {validation} and test {test}: each is 0 or more, and some is left for training"
        )
    part = _deal(data, (1 - validation - test, validation, test), seed)
    _learn_every_tag(data, part)
    return Split(*(np.flatnonzero(part == number) for number in range(3)))


def folds(data: Dataset, count: int, seed: int) -> Ints:
    """Returns the fold (n,) of each picture, 0 to `count` - 1; those of a tag differ by at most one family.

    A tag with fewer families than folds is missing in some: `untested` names these tags.

    Raises:
        BadSettings: fewer than two folds, or more than families.
    """
    families = len(np.unique(data.family))
    if not 2 <= count <= families:
        raise BadSettings(f"{count} folds of {families} pictures that are no copies: take 2 to {families}")
    return _deal(data, [1 / count] * count, seed)


def untested(data: Dataset, fold: Ints) -> tuple[str, ...]:
    """Returns the tags without a picture in some of the folds: their figures stand on the other folds."""
    tested = np.all([data.right[fold == number].any(0) for number in range(fold.max() + 1)], axis=0)
    return tuple(tag for tag, everywhere in zip(data.tags, tested.tolist(), strict=True) if not everywhere)


def fold_split(data: Dataset, folds: Ints, fold: int, seed: int) -> Split:
    """Returns the pictures of one of the `folds` (n,) as test, and a split of the others into train and validation."""
    rest = np.flatnonzero(folds != fold)
    inner = split(data.among(rest), seed, VALIDATION_SHARE, 0.0)
    return Split(rest[inner.train], rest[inner.validation], np.flatnonzero(folds == fold))


def _deal(data: Dataset, shares: Sequence[float], seed: int) -> Ints:
    """The part (n,) of each picture; a part without a share gets none."""
    family = np.unique(data.family, return_inverse=True)[1]
    sizes = np.bincount(family)
    tag_of = _tag_of(data, family)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    part = np.zeros(len(sizes), np.int64)
    load = np.zeros(len(shares))
    for tag in np.unique(tag_of):
        of_tag = order[tag_of[order] == tag]
        part[of_tag] = _parts(sizes[of_tag], shares, load)
        load += np.bincount(part[of_tag], sizes[of_tag], len(shares))
    return part[family]


def _tag_of(data: Dataset, family: Ints) -> Ints:
    """The tag for which each family counts: of those of its pictures, the one with the fewest pictures."""
    tag = data.tag
    rarest_first = np.argsort(np.bincount(tag, minlength=len(data.tags)), kind="stable")
    rank = np.argsort(rarest_first)
    best = np.full(family.max(initial=-1) + 1, len(data.tags))
    np.minimum.at(best, family, rank[tag])
    return rarest_first[best]


def _parts(sizes: Ints, shares: Sequence[float], load: Doubles) -> list[int]:
    """The part of each family of a tag: the one that lacks most, and of equal ones the one with the least `load`.

    The last families go to parts that are still empty.
    """
    lacks = {part: share * sizes.sum() for part, share in enumerate(shares) if share > 0}
    empty = set(lacks)
    chosen = []
    for left, size in zip(range(len(sizes), 0, -1), sizes.tolist(), strict=True):
        part = max(empty if left <= len(empty) else lacks, key=lambda part: (lacks[part], -load[part], -part))
        lacks[part] -= size
        empty.discard(part)
        chosen.append(part)
    return chosen


def _learn_every_tag(data: Dataset, part: Ints) -> None:
    """Moves a family to the training part, in place, for each tag that has none there."""
    for of_tag in data.right.T:
        if of_tag.any() and part[of_tag].all():
            part[data.family == data.family[of_tag][0]] = 0
