"""The recipe of the shot detector's networks, on two small films; and the reels it makes, whose truth must be true."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import media
import numpy as np
import pytest
from numpy.typing import NDArray

from tagger.evaluation.shots import Gradual, Truth
from tagger.knowledge import boundaries as transitions
from tagger.knowledge import incidents, joins, reels, sights
from tagger.knowledge.joins import BLACK, GREY, WHITE, Reel, Values, dissolved, faded, plain, wiped
from tagger.knowledge.reels import Kind, Maker, Shares
from tagger.knowledge.sights import framed, held, lit, retimed, sparse, telecined
from tagger.shots.learned import LearnedDetector
from tagger.shots.networks import (
    AHEAD,
    COLUMNS,
    CUT_COLUMNS,
    CUT_WINDOW,
    GRADUAL_WINDOW,
    LOOK_S,
    NETWORKS,
    SmallNetwork,
    cut_inputs,
    networks,
)
from tagger.shots.thumbnails import LUMA, PAIR_COUNT, VALUES, WIDTH, described

LENGTHS = (30, 25, 40), (45, 20, 35)  # frames of the shots of two films
SEQUENCES = 6
KINDS = "cut", "gradual", "pair"
PARTS = "hidden", "hidden_bias", "out", "out_bias"


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films with their truths, one of them in a folder of its own."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "more").mkdir()
    for name, lengths in zip(("one.mp4", "more/two.mp4"), LENGTHS, strict=True):
        film = media.film(folder / name, lengths)
        film.path.with_suffix(".truth.json").write_text(json.dumps({"cuts": film.cuts, "shots": len(lengths)}))
    media.film(folder / "without truth.mp4", (20,))
    return folder


@pytest.fixture(scope="module")
def read(films: Path) -> list[Reel]:
    return [joins.read(films / name) for name in ("one.mp4", "more/two.mp4")]


def trained(films: Path, out: Path, seed: int = 0) -> bytes:
    """The file that the command writes."""
    command = ["transitions", str(films), str(out), "--sequences", str(SEQUENCES), "--seed", str(seed)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", command)
        patch.setattr(transitions, "BATCH", 64)
        transitions.main()
    return out.read_bytes()


@pytest.fixture(scope="module")
def learned(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("learned") / "networks.npz"
    trained(films, out)
    return out


def test_the_file_has_the_arrays_of_the_shipped_one(learned: Path) -> None:
    with np.load(learned) as stored, np.load(NETWORKS) as shipped:
        shapes = {name: (stored[name].shape, stored[name].dtype) for name in stored.files}
        assert shapes == {name: (shipped[name].shape, shipped[name].dtype) for name in shipped.files}
    assert {*shapes} == {f"{kind}_{part}" for kind in KINDS for part in PARTS}


def test_the_file_loads_as_networks(learned: Path) -> None:
    inputs = [len(CUT_WINDOW) * len(CUT_COLUMNS), len(GRADUAL_WINDOW) * COLUMNS, PAIR_COUNT]
    found = networks(learned)
    assert [network.hidden.shape for network in found] == [
        (count, transitions.UNITS[kind]) for count, kind in zip(inputs, KINDS, strict=True)
    ]
    assert all(np.isfinite(network.hidden).all() and network.hidden.any() for network in found)


def test_the_seed_says_what_is_learned(films: Path, learned: Path, tmp_path: Path) -> None:
    assert trained(films, tmp_path / "again.npz") == learned.read_bytes()
    assert trained(films, tmp_path / "other.npz", seed=1) != learned.read_bytes()


def test_the_cuts_of_its_own_films_are_known(read: list[Reel], learned: Path) -> None:
    cut, *_ = networks(learned)
    for film in read:
        seen, gaps_s, truth = transitions.looked(film)
        p = cut.probabilities(cut_inputs(transitions.rows(seen, gaps_s), 0, len(seen)))
        others = np.delete(p, truth.cuts)
        assert p[[*truth.cuts]].min() > others.max()


def test_a_film_is_read_with_its_truth(read: list[Reel]) -> None:
    assert [film.truth.cuts for film in read] == [(30, 55), (45, 65)]
    assert [film.values.shape for film in read] == [(95, VALUES), (100, VALUES)]
    assert [len(shot) for film in read for shot in film.shots()] == [*LENGTHS[0], *LENGTHS[1]]


def test_shots_end_where_a_change_begins() -> None:
    values = np.arange(60, dtype=np.uint8)[:, None].repeat(VALUES, 1)
    shots = Reel(values, Truth((10, 50), (Gradual(20, 35), Gradual(36, 50)))).shots()
    assert [(int(shot[0, 0]), int(shot[-1, 0])) for shot in shots] == [(0, 9), (10, 19), (35, 35), (50, 59)]


@pytest.mark.parametrize("together", [16, 500])
def test_frames_are_seen_as_in_use(read: list[Reel], together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is learned from is what the detector computes, however many frames are taken at once."""
    seen: list[NDArray[np.float32]] = []

    def watched(network: SmallNetwork, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(inputs)
        return np.zeros(len(inputs), np.float32)

    monkeypatch.setattr(SmallNetwork, "probabilities", watched)
    detector, reel = LearnedDetector(), held(read[0], np.random.default_rng(0))
    for frame, values in enumerate(reel.values):
        detector.feed(frame, frame * reel.step_s, described(values))
    detector.finish()
    used = np.concatenate([part for part in seen if part.shape[1] == len(CUT_WINDOW) * len(CUT_COLUMNS)])
    monkeypatch.setattr(transitions, "TOGETHER", together)
    looks, gaps_s, _ = transitions.looked(reel)
    rows = transitions.rows(looks, gaps_s)
    assert len(rows) == len(looks) + AHEAD < len(reel.values)
    last = len(looks) - CUT_WINDOW[-1]  # behind the last look the detector looks at the last frame, whatever it is
    assert cut_inputs(rows, 0, last) == pytest.approx(used[:last], abs=1e-4)


def test_what_is_wanted_of_each_frame() -> None:
    cut, gradual = transitions.wanted(Truth((3,), (Gradual(5, 8),)), 10)
    assert cut.tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert gradual.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 0, 0]


def levels(join: joins.Join) -> list[int]:
    return [int(level) for level in join.values[:, 0]]


def test_a_dissolve_goes_from_one_shot_to_the_other() -> None:
    join = dissolved(plain(50, 20), plain(200, 20), 9, smooth=False)
    assert levels(join) == [65, 80, 95, 110, 125, 140, 155, 170, 185]
    assert (join.out, join.into, join.cuts, join.gradual) == (9, 9, (), (Gradual(0, 9),))
    smooth = levels(dissolved(plain(50, 20), plain(200, 20), 9, smooth=True))
    assert smooth[0] < 65 < 125 == smooth[4] < 185 < smooth[-1]


@pytest.mark.parametrize(
    ("out", "into", "cuts", "change"),
    [(4, 3, (), Gradual(0, 12)), (4, 0, (9,), Gradual(0, 9)), (0, 3, (0,), Gradual(1, 8))],
)
def test_a_fade_is_cut_where_a_side_does_not_fade(out: int, into: int, cuts: tuple[int, ...], change: Gradual) -> None:
    join = faded(plain(116, 20), plain(216, 20), BLACK, out, 5, into)
    assert levels(join) == [96, 76, 56, 36][:out] + [BLACK] * 5 + [66, 116, 166][:into]
    assert (join.out, join.into, join.cuts, join.gradual) == (out, into, cuts, (change,))


def test_light_is_relative_to_black_and_stays_where_it_is_put() -> None:
    half = np.arange(LUMA) % WIDTH < WIDTH // 2
    luma = lit(plain(BLACK + 40, 2), np.array([1.0, 3.0]), half.astype(float))[:, :LUMA]
    assert {*luma[0].tolist()} == {BLACK + 40}
    assert {*luma[1][half].tolist()} == {BLACK + 120}
    assert {*luma[1][~half].tolist()} == {BLACK + 40}


@pytest.mark.parametrize("seed", range(12))
def test_a_wipe_goes_from_one_shot_to_the_other(seed: int) -> None:
    """Each picture of it holds more of the new shot than the one before, and nothing but both."""
    join = wiped(plain(50, 20), plain(200, 20), 9, np.random.default_rng(seed))
    means = join.values[:, :LUMA].mean(1)
    assert (join.out, join.into, join.cuts, join.gradual) == (9, 9, (), (Gradual(0, 9),))
    assert np.all(np.diff(means) > 0)
    assert 50 < means[0] < 90
    assert 160 < means[-1] < 200
    assert np.mean((join.values[:, :LUMA] > 55) & (join.values[:, :LUMA] < 195)) < 0.4


RAMP = Reel(np.arange(60, dtype=np.uint8)[:, None].repeat(VALUES, 1), Truth((10, 50), (Gradual(20, 35),)))


def test_the_truth_goes_with_the_frames_that_are_left() -> None:
    made = retimed(RAMP, np.arange(0, 60, 4), 4 * LOOK_S)
    assert made.values[:, 0].tolist() == [*range(0, 60, 4)]
    assert made.truth == Truth((3, 13), (Gradual(5, 9),))  # frames 12, 52; 20 and 36 are the first after each change
    assert retimed(RAMP, np.array([0, 19, 40, 59]), 1.0).truth.cuts == (
        1,
        2,
        3,
    )  # a change between two of them is a cut
    assert retimed(RAMP, np.array([0, 5, 9]), 1.0).truth == Truth(())


def test_held_pictures_come_again_and_cuts_with_new_ones() -> None:
    made = held(RAMP, np.random.default_rng(3))
    levels = np.rint(made.values.mean(1)).astype(int)
    assert len(levels) == 60
    assert 10 < len({*levels}) < 32
    assert all(levels[cut] > levels[cut - 1] for cut in made.truth.cuts)
    looks, gaps_s, truth = transitions.looked(made)
    assert len(looks) == len({*levels})
    assert len(truth.cuts) == 2
    assert sum(gaps_s) == pytest.approx(len(levels) * LOOK_S, abs=5 * LOOK_S)


def test_telecine_mixes_two_of_five() -> None:
    made = telecined(RAMP)
    assert len(made.values) == 75
    assert made.values[:10, 0].tolist() == [0, 1, 2, 3, 3, 4, 5, 6, 7, 7]  # rounded up: 1 and 2 mixed are 2
    assert [int(made.values[cut, 0]) for cut in made.truth.cuts] == [10, 50]
    assert made.step_s == pytest.approx(0.8 * LOOK_S)
    few = sparse(RAMP, np.random.default_rng(0))
    assert len(few.values) * few.step_s == pytest.approx(60 * LOOK_S, abs=few.step_s)


@pytest.mark.parametrize(
    "sight", [sights.aged, sights.dimmed, sights.staged, sights.strobed, sights.barred, sights.relit]
)
def test_what_frames_look_like_is_no_boundary(sight: object) -> None:
    values = np.repeat(still(1), 90, 0)
    made = sight(values, np.random.default_rng(5))  # type: ignore[operator]
    assert (made.shape, made.dtype) == (values.shape, values.dtype)
    assert not np.array_equal(made, values)
    aged = sights.aged(values, np.random.default_rng(5))[:, LUMA:].astype(int) - GREY
    assert np.ptp(aged, axis=0).max() <= 1  # one tone for the whole film


def test_boxes_hold_other_films() -> None:
    values, other = np.repeat(plain(60, 1), 200, 0), plain(220, 90)
    made = sights.boxed(values, [other], np.random.default_rng(1))
    assert 0.02 < np.mean(made[:, :LUMA] > 100) < 0.7
    assert np.any(np.all(made == values, 1)) or len({*made[:, :LUMA].mean(1)}) > 2


@pytest.mark.parametrize("seed", range(8))
def test_half_of_a_split_screen_stands(seed: int) -> None:
    values = np.repeat(plain(60, 1), 3, 0)
    values[1] = plain(200, 1)
    one, two, again = sights.halved(values, plain(128, 2), np.random.default_rng(seed))
    changed = (one != two)[:LUMA].reshape(-1, WIDTH)
    assert 0.3 < changed.mean() < 0.7
    assert changed.any(0).all() != changed.any(1).all()  # either all columns or all rows
    assert np.array_equal(one, again)


@pytest.mark.parametrize("seed", range(8))
def test_incidents_are_over_before_the_shot_is(seed: int) -> None:
    rng, values = np.random.default_rng(seed), np.repeat(still(1), 80, 0)
    jolted = incidents.jolted(values, rng)
    touched = np.flatnonzero((jolted != values).any(1))
    assert len(touched) <= 2 * (incidents.LASTS[1] - 1)
    assert np.array_equal(jolted[[0, 1, -2, -1]], values[[0, 1, -2, -1]])
    passed = incidents.passed(values, still(2), rng)
    covered = (passed != values)[:, :LUMA].mean(1)
    assert covered.max() > 0.1
    assert max(covered[0], covered[-1]) < 0.5
    assert passed.dtype == np.uint8


def stripes() -> Values:
    """One frame that grows brighter to the right."""
    values = plain(0, 1)
    values[0, :LUMA] = np.tile(np.arange(WIDTH), LUMA // WIDTH)
    return values


def test_a_part_of_a_frame_is_seen() -> None:
    left, right = (framed(stripes(), 0.5, np.array([[x, 0.0]]), False)[0, :WIDTH] for x in (0.0, 1.0))
    assert (left[0], left[-1], right[0]) == (0, pytest.approx(32, abs=1), 32)
    assert framed(stripes(), 1.0, np.zeros((1, 2)), True)[0, :WIDTH].tolist() == [*range(WIDTH)][::-1]
    assert np.array_equal(framed(stripes(), 1.0, np.zeros((1, 2)), False), stripes())


@pytest.mark.parametrize("kind", Kind)
def test_a_reel_changes_where_its_truth_says(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of stills in full light, without plain shots, titles and noise of more than two levels."""
    monkeypatch.setattr(reels, "OFTEN", tuple(1e3 if kind is each else 1e-3 for each in Kind))
    sights_of_reels = (
        "AGED",
        "DIMMED",
        "STAGED",
        "STROBED",
        "BARRED",
        "BOXED",
        "HALVED",
        "HELD",
        "SPARSE",
        "TELECINED",
    )
    for share in ("PLAIN", "RELIT", "CLOSE", "SAME", "WHIPPED", *sights_of_reels):
        monkeypatch.setattr(reels, share, 0.0)
    stills = [shrunk.repeat(150, 0) for shrunk in map(still, range(6))]
    reel = Maker(stills, np.random.default_rng(int(kind)), Shares(0, 0, 0, 0)).reel()
    changed = {frame for frame in range(1, len(reel.values)) if apart(reel.values, frame - 1, frame) > 3}
    cuts, gradual = {*reel.truth.cuts}, reel.truth.gradual
    inside = cuts.union(*(range(change.start, change.end + 1) for change in gradual))
    assert len(cuts | {change.start for change in gradual}) >= reels.SHOTS - 1
    assert bool(gradual) == (kind is not Kind.CUT)
    assert changed <= inside
    assert max(inside) <= len(reel.values)
    assert kind is Kind.HALF_FADE or cuts <= changed  # one may follow a fade to all but black
    for change in gradual:
        assert max(apart(reel.values, change.start - 1, frame) for frame in range(change.start, change.end)) > 3


def still(seed: int) -> Values:
    """A frame of luma between BLACK and WHITE, much brighter or darker than its neighbour."""
    picture = media.scenery(seed, WIDTH, LUMA // WIDTH).mean(2)
    values = plain(0, 1)
    values[0, :LUMA] = picture.clip(BLACK, WHITE).astype(np.uint8).ravel()
    return values


def apart(values: Values, one: int, other: int) -> float:
    """How far two frames are from each other, in levels of luma."""
    return float(np.abs(values[one, :LUMA].astype(int) - values[other, :LUMA]).mean())
