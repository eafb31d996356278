"""Splits and folds: every picture once, families whole, shares kept, for any data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import BadSettings
from tagger.records import Ints
from tagger.training.dataset import Dataset
from tagger.training.splits import Split, fold_split, folds, split, untested


def dataset(tag: list[int], family: list[int]) -> Dataset:
    """Pictures of these tags and families."""
    count = max(tag) + 1
    return Dataset(
        tuple(f"Tag {place}" for place in range(count)),
        tuple(Path(f"{place}.jpg") for place in range(len(tag))),
        tuple(place.to_bytes(32, "big") for place in range(len(tag))),
        np.eye(count, dtype=bool)[tag], np.array(family), (), (),
    )  # fmt: skip


def singles(*counts: int) -> Dataset:
    """So many pictures of each tag, none a copy."""
    tag = np.repeat(np.arange(len(counts)), counts).tolist()
    return dataset(tag, list(range(len(tag))))


@st.composite
def datasets(draw: st.DrawFn, shared: bool = False) -> Dataset:
    """Up to five tags with families of one to six pictures, which may be of several tags where `shared`."""
    tag: list[int] = []
    family: list[int] = []
    for own in range(draw(st.integers(1, 5))):
        for size in draw(st.lists(st.integers(1, 6), min_size=1, max_size=25)):
            number = draw(st.sampled_from(family)) if shared and family and draw(st.booleans()) else len(tag)
            tag += [own] * size
            family += [number] * size
    order = draw(st.permutations(range(len(tag))))
    return dataset([tag[place] for place in order], [family[place] for place in order])


shares = st.sampled_from([(0.1, 0.1), (0.2, 0.3), (0.0, 0.25), (0.15, 0.0), (0.45, 0.45)])
seeds = st.integers(0, 2**32)


def parts(found: Split) -> tuple[Ints, Ints, Ints]:
    return found.train, found.validation, found.test


def sizes(found: Split) -> list[int]:
    return [len(part) for part in parts(found)]


@settings(deadline=None)
@given(datasets(shared=True), seeds, shares)
def test_each_picture_is_in_one_part_and_no_family_in_two(data: Dataset, seed: int, share: tuple[float, float]) -> None:
    found = split(data, seed, *share)
    assert sorted(np.concatenate(parts(found)).tolist()) == list(range(len(data.paths)))
    families = [set(data.family[part].tolist()) for part in parts(found)]
    assert sum(map(len, families)) == len(set().union(*families))
    assert all((np.diff(part) > 0).all() for part in parts(found))
    assert set(data.tag[found.train].tolist()) == set(data.tag.tolist())  # no tag without a picture to learn from


@settings(deadline=None)
@given(datasets(), seeds, shares)
def test_each_tag_is_split_as_asked_within_one_family(data: Dataset, seed: int, share: tuple[float, float]) -> None:
    found = split(data, seed, *share)
    wanted = (1 - sum(share), *share)
    for tag in set(data.tag.tolist()):
        own = data.tag == tag
        largest = np.bincount(data.family[own]).max()
        asked = np.array(wanted) * own.sum()
        got = np.array([own[part].sum() for part in parts(found)])
        enough = min(each for each in asked if each) >= largest  # no part has to be filled by force
        assert (np.abs(got - asked) < (largest if enough else 2 * largest) + 1e-9).all()
        assert not got[asked == 0].any()
        if len(set(data.family[own].tolist())) >= 3:
            assert got[asked > 0].all()


@settings(deadline=None)
@given(datasets(shared=True), seeds, st.integers(2, 6))
def test_folds_keep_families_whole(data: Dataset, seed: int, count: int) -> None:
    families = len(set(data.family.tolist()))
    if families < count:
        with pytest.raises(BadSettings, match=f"{count} folds of {families} pictures that are no copies"):
            folds(data, count, seed)
        return
    found = folds(data, count, seed)
    assert found.shape == (len(data.paths),)
    assert set(found.tolist()) <= set(range(count))
    assert all(len(set(found[data.family == family].tolist())) == 1 for family in set(data.family.tolist()))


@settings(deadline=None)
@given(datasets(), seeds)
def test_each_tag_is_spread_over_the_folds_within_one_family(data: Dataset, seed: int) -> None:
    if len(set(data.family.tolist())) < 3:
        return
    found = folds(data, 3, seed)
    missing = []
    for tag, name in enumerate(data.tags):
        own = data.tag == tag
        got = np.bincount(found[own], minlength=3)
        assert got.max() - got.min() <= np.bincount(data.family[own]).max()
        if len(set(data.family[own].tolist())) >= 3:
            assert got.all()
        if not got.all():
            missing.append(name)
    assert untested(data, found) == tuple(missing)


@settings(deadline=None)
@given(datasets(shared=True), seeds, st.integers(0, 2))
def test_a_fold_is_asked_about_and_the_others_are_split(data: Dataset, seed: int, fold: int) -> None:
    if len(set(data.family.tolist())) < 3:
        return
    found = folds(data, 3, seed)
    made = fold_split(data, found, fold, seed)
    assert made.test.tolist() == np.flatnonzero(found == fold).tolist()
    assert sorted(np.concatenate(parts(made)).tolist()) == list(range(len(data.paths)))
    families = [set(data.family[part].tolist()) for part in parts(made)]
    assert sum(map(len, families)) == len(set().union(*families))


def test_the_seed_makes_the_split() -> None:
    data = singles(50, 30)
    one, same, other = (split(data, seed).test.tolist() for seed in (1, 1, 2))
    assert one == same != other
    one, same, other = (folds(data, 5, seed).tolist() for seed in (1, 1, 2))
    assert one == same != other


def test_eighty_ten_ten_by_default() -> None:
    found = split(singles(700, 20), 0)
    assert sizes(found) == [576, 72, 72]
    assert [(part < 700).sum() for part in parts(found)] == [560, 70, 70]


@pytest.mark.parametrize(("pictures", "expected"), [(3, [1, 1, 1]), (4, [2, 1, 1]), (5, [3, 1, 1]), (12, [10, 1, 1])])
def test_of_few_pictures_one_each_is_held_back(pictures: int, expected: list[int]) -> None:
    assert sizes(split(singles(pictures), 0)) == expected


def test_of_two_pictures_one_is_learned_from() -> None:
    found = split(singles(2, 2, 2, 2), 0)
    assert sizes(found) == [4, 2, 2]  # what is left goes to the part that has fewer


def test_odd_pictures_of_many_tags_even_out() -> None:
    assert sizes(split(singles(*[14] * 20), 0)) == [220, 30, 30]
    assert np.bincount(folds(singles(*[7] * 10), 5, 0)).tolist() == [14] * 5


def test_a_family_of_two_tags_counts_for_the_thin_one() -> None:
    """Else both families of the thin tag could be dealt out with those of the thick one, to one part."""
    tag = [0] * 40 + [1] * 2
    data = dataset(tag, [*range(38), 100, 101, 100, 101])
    for seed in range(20):
        found = folds(data, 2, seed)
        assert sorted(found[data.tag == 1].tolist()) == [0, 1]


def test_a_tag_whose_pictures_all_stand_under_another_is_learned_too() -> None:
    data = singles(30, 3)
    data.right[:3, 1] = True  # pictures that stand under both
    only = data.among(data.tag == 0)
    for seed in range(20):
        found = split(only, seed, 0.4, 0.4)
        assert only.right[found.train, 1].any()


def test_tags_that_are_not_in_every_fold_are_named() -> None:
    data = singles(10, 3, 4)
    assert untested(data, folds(data, 4, 0)) == ("Tag 1",)
    assert untested(data, folds(data, 3, 0)) == ()


@pytest.mark.parametrize(("validation", "test"), [(-0.1, 0.1), (0.1, -0.1), (0.5, 0.5), (1.0, 0.0), (float("nan"), 0)])
def test_shares_that_leave_nothing_are_refused(validation: float, test: float) -> None:
    with pytest.raises(BadSettings, match="some is left for training"):
        split(singles(10), 0, validation, test)


def test_one_fold_is_none() -> None:
    with pytest.raises(BadSettings, match="1 folds of 10 pictures that are no copies: take 2 to 10"):
        folds(singles(10), 1, 0)
