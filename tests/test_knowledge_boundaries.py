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
from tagger.knowledge import joins
from tagger.knowledge.joins import BLACK, WHITE, Maker, Reel, Values, dissolved, faded, framed, lit, plain
from tagger.shots.learned import (
    AHEAD,
    CUT_COLUMNS,
    CUT_WINDOW,
    GRADUAL_WINDOW,
    NETWORKS,
    SmallNetwork,
    Transitions,
    cut_inputs,
    networks,
)
from tagger.shots.thumbnails import COUNT, LUMA, VALUES, WIDTH, described

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
    inputs = [len(CUT_WINDOW) * len(CUT_COLUMNS), len(GRADUAL_WINDOW) * COUNT, 6]
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
        p = cut.probabilities(cut_inputs(transitions.rows(film.values), 0, len(film.values)))
        others = np.delete(p, film.truth.cuts)
        assert p[[*film.truth.cuts]].min() > others.max()


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
    detector = Transitions()
    for values in read[0].values:
        detector.feed(described(values))
    detector.finish()
    used = np.concatenate([part for part in seen if part.shape[1] == len(CUT_WINDOW) * len(CUT_COLUMNS)])
    monkeypatch.setattr(transitions, "TOGETHER", together)
    rows = transitions.rows(read[0].values)
    assert len(rows) == 95 + AHEAD
    assert cut_inputs(rows, 0, 95) == pytest.approx(used[:95], abs=1e-5)


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


@pytest.mark.parametrize("kind", joins.Kind)
def test_a_reel_changes_where_its_truth_says(kind: joins.Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of stills in full light, without plain shots, titles and noise of more than two levels."""
    monkeypatch.setattr(joins, "OFTEN", tuple(1e3 if kind is each else 1e-3 for each in joins.Kind))
    for share in ("PLAIN", "RELIT", "CLOSE", "SAME"):
        monkeypatch.setattr(joins, share, 0.0)
    stills = [shrunk.repeat(150, 0) for shrunk in map(still, range(6))]
    reel = Maker(stills, np.random.default_rng(int(kind))).reel()
    changed = {frame for frame in range(1, len(reel.values)) if apart(reel.values, frame - 1, frame) > 3}
    cuts, gradual = {*reel.truth.cuts}, reel.truth.gradual
    inside = cuts.union(*(range(change.start, change.end + 1) for change in gradual))
    assert len(cuts | {change.start for change in gradual}) >= joins.SHOTS - 1
    assert bool(gradual) == (kind is not joins.Kind.CUT)
    assert changed <= inside
    assert max(inside) <= len(reel.values)
    assert kind is joins.Kind.HALF_FADE or cuts <= changed  # one may follow a fade to all but black
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
