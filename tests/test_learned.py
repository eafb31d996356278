"""Cuts at their frame, one boundary inside of each gradual change, none at a flash; however fast the film is."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import av
import media
import numpy as np
import pytest
from av.video.frame import VideoFrame

from tagger.records import Boundary
from tagger.shots import learned as transitions
from tagger.shots.detector import ShotDetector
from tagger.shots.inside import MAYBE, SURE
from tagger.shots.learned import LATENESS_LOOKS, LearnedDetector, Looks, Transitions
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
    difference,
    gradual_inputs,
    networks,
    rows_of,
)
from tagger.shots.picker import AROUND, LONGEST, NEAR_S, PEAK_S, SHORTEST_S, SMOOTH_S, Picker
from tagger.shots.thumbnails import PAIR_COUNT, Shrinker, Thumbnail

WIDTH, HEIGHT = 320, 180
BLACK = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
WHITE = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)

Pictures = list[media.Picture]


def shot(seed: int, length: int, speed: float = 1.0) -> Pictures:
    """A scenery that moves so many pixels a frame."""
    still = media.scenery(seed, WIDTH + media.PAN, HEIGHT)
    shifts = (min(round(step * speed), media.PAN) for step in range(length))
    return [still[:, shift : shift + WIDTH] for shift in shifts]


def mixed(some: Pictures, others: Pictures) -> Pictures:
    """The one goes over into the other."""
    shares = (np.arange(len(some)) + 1) / (len(some) + 1)
    pairs = zip(some, others, shares, strict=True)
    return [np.round(a * (1 - share) + b * share).astype(np.uint8) for a, b, share in pairs]


def dissolved(one: Pictures, two: Pictures, length: int) -> Pictures:
    """Two shots that overlap in so many frames."""
    return [*one[:-length], *mixed(one[-length:], two[:length]), *two[length:]]


def faded(one: Pictures, two: Pictures, length: int, hold: int = 0) -> Pictures:
    """The one goes over into black, which stays for a while, and black into the other."""
    black = [BLACK] * length
    out, back = mixed(one[-length:], black), mixed(black, two[:length])
    return [*one[:-length], *out, *[BLACK] * hold, *back, *two[length:]]


def small(pictures: Pictures) -> list[Thumbnail]:
    shrink = Shrinker()
    return [shrink(VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")) for picture in pictures]


def named(thumbnails: list[Thumbnail], rate: float = 25) -> list[Boundary]:
    """What the detector finds in a film of this rate."""
    finder = LearnedDetector()
    found = [new for frame, small in enumerate(thumbnails) for new in finder.feed(frame, frame / rate, small)]
    return found + finder.finish()


def boundaries(thumbnails: list[Thumbnail], rate: float = 25) -> list[int]:
    return [boundary.frame for boundary in named(thumbnails, rate)]


def looks(thumbnails: list[Thumbnail]) -> list[tuple[int, float]]:
    """What is found where every frame is looked at."""
    finder = Transitions()
    found = [new for look, small in enumerate(thumbnails) for new in finder.feed(small, look * LOOK_S)]
    return found + finder.finish()


@pytest.fixture(scope="module")
def mixture() -> list[Thumbnail]:
    """Cuts at 50, 90, 107; then a dissolve, a fade, a dissolve of four seconds; 600 frames."""
    cuts = [*shot(0, 50), *shot(1, 40), *shot(2, 17)]
    changes = dissolved(faded(dissolved(shot(3, 110), shot(4, 110), 20), shot(5, 110), 12), shot(6, 250), 100)
    return small([*cuts, *changes])


@pytest.mark.parametrize("length", [20, 33, 47])
def test_a_cut_is_at_its_first_new_frame(length: int) -> None:
    pictures = [picture for seed in range(12) for picture in shot(seed, length)]
    assert boundaries(small(pictures)) == [length * at for at in range(1, 12)]


def test_a_cut_near_the_ends_of_a_film_is_found() -> None:
    pictures = [*shot(0, 8), *shot(1, 60), *shot(2, 8)]
    assert boundaries(small(pictures)) == [8, 68]


@pytest.mark.parametrize("length", [8, 16, 24, 40])
@pytest.mark.parametrize("seed", [0, 4])
def test_a_dissolve_is_one_boundary_inside(seed: int, length: int) -> None:
    (found,) = boundaries(small(dissolved(shot(seed, 100, 0.5), shot(seed + 1, 100, 0.5), length)))
    assert 100 - length <= found <= 100


@pytest.mark.parametrize("hold", [0, 10])
@pytest.mark.parametrize("length", [8, 16, 24])
def test_a_fade_through_black_is_one_boundary_inside(length: int, hold: int) -> None:
    (found,) = boundaries(small(faded(shot(1, 100, 0.5), shot(3, 100, 0.5), length, hold)))
    assert 100 - length <= found <= 100 + length + hold


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("seed", [0, 2, 4])
def test_a_flash_is_no_boundary(seed: int, frames: int) -> None:
    pictures = shot(seed, 120, 0.5)
    pictures[60 : 60 + frames] = [WHITE] * frames
    assert boundaries(small(pictures)) == []


@pytest.mark.parametrize("speed", [0.0, 0.5, 1.0, 3.0])
def test_movement_is_no_boundary(speed: float) -> None:
    assert boundaries(small(shot(0, 150, speed))) == []


def test_plain_pictures_have_no_boundary() -> None:
    assert boundaries(small([BLACK] * 100)) == []
    assert boundaries(small([WHITE])) == []
    assert boundaries([]) == []


@pytest.mark.parametrize("step", [3, 64, 1000])
def test_how_many_frames_are_looked_at_together_changes_nothing(
    mixture: list[Thumbnail], step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = looks(mixture)
    assert [look for look, _ in usual[:3]] == [50, 90, 107]
    monkeypatch.setattr(transitions, "STEP", step)
    again = looks(mixture)
    assert [look for look, _ in again] == [look for look, _ in usual]
    assert [sure for _, sure in again] == pytest.approx([sure for _, sure in usual], abs=1e-4)


def test_frame_by_frame_is_as_all_at_once(mixture: list[Thumbnail]) -> None:
    longer = [*mixture, *mixture[-1:] * AHEAD]  # the last frame stands for those behind it
    rows = rows_of(longer, [LOOK_S] * len(longer))
    cut, gradual, _ = networks()
    probable = zip(
        cut.probabilities(cut_inputs(rows, 0, len(rows))),
        gradual.probabilities(gradual_inputs(rows, 0, len(rows))),
        strict=True,
    )
    found = picked([(float(one), float(other)) for one, other in probable])
    assert [look for look, _ in looks(mixture)] == [look for look in found if look < len(mixture)]


def test_a_boundary_is_announced_in_time(mixture: list[Thumbnail]) -> None:
    finder, late = Transitions(), []
    for look, thumbnail in enumerate(mixture):
        late += [look - found for found, _ in finder.feed(thumbnail, look * LOOK_S)]
    assert len(late) >= 4
    assert min(late) > 0
    assert max(late) <= LATENESS_LOOKS


def test_what_was_decided_is_forgotten(mixture: list[Thumbnail]) -> None:
    finder = Transitions()
    held = []
    for look, thumbnail in enumerate(mixture * 3):
        finder.feed(thumbnail, look * LOOK_S)
        held.append(len(finder._thumbnails) + len(finder._rows) + len(finder._times_s) + finder._picker.held)
    assert max(held[len(mixture) :]) == max(held[: len(mixture)]) < 250


def picked(both: list[tuple[float, float]], step_s: float = LOOK_S) -> list[int]:
    picker = Picker()
    found = [new for look, (cut, gradual) in enumerate(both) for new in picker.feed(cut, gradual, look * step_s)]
    return [look for look, _ in found + picker.finish()]


def of(cut: list[float], gradual: list[float], step_s: float = LOOK_S) -> list[int]:
    return picked(list(zip(cut, gradual, strict=True)), step_s)


def around(length: int, *spans: tuple[int, int], level: float = 1.0) -> list[float]:
    """Probabilities that are `level` in some spans of frames, else 0."""
    return [level * any(first <= at < last for first, last in spans) for at in range(length)]


def test_the_peak_is_the_cut() -> None:
    cut = around(100)
    cut[40:44] = [0.6, 0.9, 0.8, 0.6]
    cut[60] = 0.5
    assert of(cut, around(100)) == [41]
    assert of(around(9, (0, 1)), around(9)) == []  # a film begins with a shot, not with a cut
    assert of(around(9, (8, 9)), around(9)) == [8]


def test_a_gradual_change_has_its_boundary_in_the_middle() -> None:
    none = around(200)
    assert of(none, around(200, (50, 70))) == [60]
    assert of(none, around(200, (50, 70), (100, 120))) == [60, 110]
    assert of(none, around(200, (50, 60), (62, 70))) == [60]  # a gap of two frames is none
    assert of(none, around(200, (50, 50 + int(SHORTEST_S / LOOK_S)))) == []
    assert of(none, around(200, (180, 200))) == [190]  # the film ends within it
    (early,) = of(none, around(200, (50, 180)))  # one boundary, however long it is
    assert early == pytest.approx(50 + LONGEST // 2, abs=2)


@pytest.mark.parametrize("at", [48, 55, 65, 72])
def test_a_gradual_change_with_a_cut_is_that_cut(at: int) -> None:
    assert of(around(200, (at, at + 1)), around(200, (50, 70))) == [at]


def test_a_cut_far_from_a_gradual_change_is_another() -> None:
    cuts = around(200, (30, 31), (90, 91))
    assert of(cuts, around(200, (50, 70))) == [30, 60, 90]


def test_of_few_pictures_a_second_neighbours_may_both_be_cuts() -> None:
    cut = around(20, (5, 8))
    assert of(cut, around(20), 0.5) == [5, 6, 7]
    assert of([0.0, 0.0, 0.6, 0.9, 0.7, 0.0], around(6), 1.0) == [2, 3, 4]
    assert of([0.0, 0.0, 0.6, 0.9, 0.7, 0.0], around(6)) == [3]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_probable_boundaries_grow_and_come_in_time(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, smooth = 3000, np.ones(9) / 9
    cut = np.where(rng.random(count) < 0.03, rng.random(count), 0.0)
    gradual = np.clip(4 * np.convolve(rng.random(count), smooth, "same") - 1.5, 0, 1)
    times = np.cumsum(rng.choice([LOOK_S * 0.7, LOOK_S, LOOK_S * 5], count, p=[0.3, 0.6, 0.1]))
    picker, found, late = Picker(), list[int](), list[int]()
    for look in range(count):
        new = [at for at, _ in picker.feed(float(cut[look]), float(gradual[look]), float(times[look]))]
        found += new
        late += [look - at for at in new]
    found += [at for at, _ in picker.finish()]
    assert len(found) > 30
    assert all(0 < before < after for before, after in itertools.pairwise(found))
    assert max(late) <= AROUND + 1 + LONGEST // 2
    near = [np.flatnonzero(np.abs(times - times[at]) <= PEAK_S) for at in range(count)]
    peaks = [at for at in range(1, count) if cut[at] > 0.5 and cut[at] == cut[near[at]].max()]
    assert {*peaks} <= {*found}


def test_so_many_looks_reach_as_far_as_is_looked_around() -> None:
    """The nearest that two looks are: the frames of a film of which just not every second one is left out."""
    nearest_s = LOOK_S * 2 / 3
    assert nearest_s * AROUND >= NEAR_S + SMOOTH_S
    assert nearest_s * AROUND >= PEAK_S


EACH = {12.0: 1, 23.976: 1, 25.0: 1, 30.0: 1, 50.0: 2, 59.94: 2, 100.0: 4, 120.0: 5}  # frames to a look, by rate


@pytest.mark.parametrize(("fps", "expected"), EACH.items())
def test_of_fast_films_some_frames_are_looked_at(fps: float, expected: int) -> None:
    pictures = small([BLACK, WHITE])
    choice = Looks()
    for frame in range(expected * 20 + 1):
        time_s = round(frame / fps, 3)  # as Matroska stores it
        assert choice.wants(time_s, pictures[frame // expected % 2]) == (frame % expected == 0)


@pytest.mark.parametrize("rate", [24, 30, 50, 60, 100])
def test_the_cut_is_exact_at_any_rate(rate: int) -> None:
    """Shots of 1.2 s and some frames, so that the cuts lie on every frame between two that are looked at."""
    lengths = [rate * 12 // 10 + extra for extra in range(8)]
    pictures = [picture for seed, length in enumerate(lengths) for picture in shot(seed, length, 25 / rate)]
    detector = ShotDetector("learned", 0.6)
    found, unsettled = [], []
    for frame, thumbnail in enumerate(small(pictures)):
        settled = detector.settled
        new = detector.feed(frame, frame / rate, thumbnail)
        found += new
        unsettled += [frame - settled]
        assert all(shot.end_frame >= settled for shot in new)
    found += detector.finish(len(pictures), len(pictures) / rate)
    assert [shot.start_frame for shot in found] == [0, *itertools.accumulate(lengths[:-1])]
    assert [shot.start_s for shot in found] == pytest.approx([shot.start_frame / rate for shot in found])
    waits = 0.6 * rate + 3  # for a surer boundary
    assert max(unsettled) <= (LATENESS_LOOKS + 2) * max(1, round(rate / 25)) + waits


def test_a_dissolve_of_a_fast_film_is_one_boundary_inside() -> None:
    pictures = dissolved(shot(0, 200, 0.25), shot(1, 200, 0.25), 48)
    finder = LearnedDetector()
    found: list[Boundary] = []
    for frame, thumbnail in enumerate(small(pictures)):
        found += finder.feed(frame, frame / 50, thumbnail)
    ((frame, time_s, _),) = [*found, *finder.finish()]
    assert 152 <= frame <= 200
    assert time_s == pytest.approx(frame / 50)


def test_shots_differ_and_frames_of_a_shot_do_not() -> None:
    scenes = [small([pictures[0], pictures[30], pictures[-1]]) for pictures in (shot(seed, 60) for seed in range(8))]
    apart = [difference(one[-1], two[0]) for one, two in itertools.pairwise(scenes)]
    near = [difference(one, two) for scene in scenes for one, two in itertools.product(scene, repeat=2)]
    assert min(apart) > SURE
    assert max(near) < SURE  # or a cut would be made unseen
    assert sorted(near)[len(near) // 2] < MAYBE


def test_black_and_a_picture_differ_and_black_and_black_do_not() -> None:
    black, white, picture = small([BLACK, WHITE, media.scenery(1, WIDTH, HEIGHT)])
    assert difference(black, picture) > 0.5
    assert difference(picture, black) > 0.5
    assert difference(black, black) < 0.5
    assert difference(white, white) < 0.5


def test_the_networks_take_what_they_are_given() -> None:
    sizes = [len(CUT_WINDOW) * len(CUT_COLUMNS), len(GRADUAL_WINDOW) * COLUMNS, PAIR_COUNT]
    for network, inputs in zip(networks(), sizes, strict=True):
        assert len(network.hidden) == inputs
        assert network.hidden.shape[1:] == network.hidden_bias.shape == network.out.shape
        assert all(np.all(np.isfinite(part)) for part in (network.hidden, network.hidden_bias, network.out))
        assert np.isfinite(network.out_bias)
        assert network.probabilities(np.zeros((3, inputs), np.float32)).shape == (3,)
    rows = np.zeros((50, COLUMNS), np.float32)
    assert cut_inputs(rows, 10, 20).shape == (10, sizes[0])
    assert gradual_inputs(rows, 10, 20).shape == (10, sizes[1])


def test_a_window_reaches_over_the_ends_as_if_the_first_and_last_frame_stood_still() -> None:
    rows = np.arange(40, dtype=np.float32)[:, None].repeat(COLUMNS, 1)
    before, after = -CUT_WINDOW[0], CUT_WINDOW[-1]
    padded = np.concatenate([rows[:1].repeat(before, 0), rows, rows[-1:].repeat(after, 0)])
    assert np.array_equal(cut_inputs(rows, 0, 40), cut_inputs(padded, before, before + 40))


def test_a_network_is_one_hidden_layer() -> None:
    out = np.array([1.0, -2.0], np.float32)
    network = SmallNetwork(np.eye(2, dtype=np.float32), np.zeros(2, np.float32), out, 0.5)
    rows = np.array([[0, 0], [1, -9], [0, 1]], np.float32)
    assert network.probabilities(rows) == pytest.approx([1 / (1 + np.exp(-x)) for x in (0.5, 1.5, -1.5)])


def test_a_file_of_networks_that_lacks_an_array_is_refused(tmp_path: Path) -> None:
    with np.load(NETWORKS) as stored:
        arrays = {name: stored[name] for name in stored.files if name != "pair_out"}
    np.savez(tmp_path / "less.npz", **arrays)
    with pytest.raises(KeyError, match="pair_out"):
        networks(tmp_path / "less.npz")


def test_the_film_of_all_tests_has_its_cuts(film: media.Truth) -> None:
    shrink = Shrinker()
    with av.open(str(film.path)) as container:
        assert boundaries([shrink(picture) for picture in container.decode(video=0)]) == [*film.cuts]


def test_networks_are_read_without_pythons_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that parse at the same time end in a SystemError now and then, in CPython 3.11.7 for one."""
    with np.load(NETWORKS) as stored:
        arrays = {name: stored[name] for name in stored.files}
    monkeypatch.setattr(ast, "parse", lambda *_, **__: pytest.fail("parsed"))
    for kind, network in zip(("cut", "gradual", "pair"), networks.__wrapped__(), strict=True):
        assert np.array_equal(network.hidden, arrays[f"{kind}_hidden"])
        assert np.array_equal(network.out, arrays[f"{kind}_out"])
        assert network.out_bias == float(arrays[f"{kind}_out_bias"])
