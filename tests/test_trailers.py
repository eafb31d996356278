"""Made-up trailers say the truth about themselves, and rankings are judged against it as defined."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tagger import ranking
from tagger.images import Pixels
from tagger.knowledge import labelled, trailers
from tagger.knowledge.regression import source_folds
from tagger.knowledge.trailers import NOTHING, Formula, Trailer
from tagger.records import Keyframe, ScannedShot, ShotPicture, TagScores
from tagger.settings import MIN_ENTROPY_BITS, Settings

SLUGS = tuple(f"tag-{number:02}" for number in range(12))
COPIED, COPY = 0, 4  # every picture of the one tag stands, recompressed, under the other too
USED = 6  # tags with pictures
SOURCES = 4
EACH = 4
SEED = 4  # of its first two trailers one has bars

MakeScores = Callable[[int, list[Pixels]], TagScores]


def painting(seed: int) -> Pixels:
    """A still of large patches in all colours, so that every cut between two is a cut to the detector."""
    rng = np.random.default_rng(seed)
    patches = cv2.resize(rng.integers(0, 256, (4, 5, 3), np.uint8), (400, 300), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(patches + rng.integers(-15, 16, (300, 400, 1)), 0, 255), np.uint8)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> labelled.Labelled:
    """Pictures of six tags of twelve, from four sources that have every tag."""
    folder = tmp_path_factory.mktemp("labelled")
    for tag in range(USED):
        (folder / SLUGS[tag]).mkdir()
        for number in range(SOURCES * EACH):
            seed = 100 * (COPIED if tag == COPY else tag) + number
            name = folder / SLUGS[tag] / f"source{number % SOURCES}__{number:05}.jpg"
            cv2.imwrite(str(name), painting(seed), [cv2.IMWRITE_JPEG_QUALITY, 95 - tag])
    return labelled.collect(folder, SLUGS)


@pytest.fixture(scope="module")
def made(pictures: labelled.Labelled, tmp_path_factory: pytest.TempPathFactory) -> list[Trailer]:
    return trailers.make(pictures, tmp_path_factory.mktemp("trailers"), 2, SEED)


@pytest.fixture(scope="module")
def seen(made: list[Trailer]) -> list[list[ShotPicture]]:
    return [trailers.keyframes(one, Settings()) for one in made]


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shots of a fifth of a second, for tests of what is made and not of what is found in it."""
    monkeypatch.setattr(trailers, "SHOT_S", (0.2, 0.2))


def shown(trailer: Trailer) -> list[int]:
    return [shot for shot in trailer.shots if shot != NOTHING]


def barred(trailer: Trailer) -> bool:
    with av.open(str(trailer.path)) as film:
        return all(int(frame.to_ndarray(format="gray")[:16].max()) < 40 for frame in film.decode(video=0))


def test_the_film_is_what_its_constants_say(made: list[Trailer]) -> None:
    for trailer in made:
        with av.open(str(trailer.path)) as film:
            stream = film.streams.video[0]
            assert stream.codec_context.name == "h264"
            assert (stream.codec_context.width, stream.codec_context.height) == (640, 360)
            assert stream.average_rate == 24
            frames = sum(1 for _ in film.decode(video=0))
        shortest, longest = (24 * seconds * len(trailer.shots) for seconds in trailers.SHOT_S)
        assert shortest <= frames <= longest


def test_every_shot_is_found_and_shows_its_picture(
    pictures: labelled.Labelled, made: list[Trailer], seen: list[list[ShotPicture]]
) -> None:
    def outline(picture: Pixels) -> Any:
        grey = cv2.cvtColor(cv2.resize(picture, (16, 8), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        return (grey - grey.mean()).ravel() / grey.std()

    for trailer, frames in zip(made, seen, strict=True):
        assert len(frames) == len(trailer.shots)
        height = frames[0].pixels.shape[0]
        stills = [trailers.cover(labelled.read(path), 640, height) for path in pictures.paths]
        known = np.array([outline(still) for still in stills])
        for shot, frame in zip(trailer.shots, frames, strict=True):
            if shot != NOTHING:
                assert pictures.near[shot, (known @ outline(frame.pixels)).argmax()]


def test_bars_are_taken_off(made: list[Trailer], seen: list[list[ShotPicture]]) -> None:
    assert sorted(map(barred, made)) == [False, True]
    for trailer, frames in zip(made, seen, strict=True):
        heights = [f.pixels.shape[0] for f, shot in zip(frames, trailer.shots, strict=True) if shot != NOTHING]
        assert all(abs(height - (320 if barred(trailer) else 360)) <= 4 for height in heights)


def test_frames_of_nothing_are_dropped_and_no_others(made: list[Trailer], seen: list[list[ShotPicture]]) -> None:
    for trailer, frames in zip(made, seen, strict=True):
        assert NOTHING in trailer.shots
        dropped = [frame.shot.keyframe.entropy_bits < MIN_ENTROPY_BITS for frame in frames]
        assert dropped == [shot == NOTHING for shot in trailer.shots]
        assert all(frame.shot.keyframe.kept and frame.pixels.size for frame in frames)


@pytest.mark.usefixtures("brief")
def test_the_grade_is_the_trailers_and_the_movement_the_shots(
    pictures: labelled.Labelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    def frames(seed: int) -> Any:
        return np.array(list(trailers._frames((7, NOTHING, 7), pictures, np.random.default_rng(seed))))

    moving = frames(0)
    assert len(moving) == 15
    assert (moving[0] != moving[4]).any() and (moving[0] != moving[10]).any()
    monkeypatch.setattr(trailers, "ROOM", 1.0)  # none to move in
    still = frames(0)
    assert (still[0] == still[[*range(5), *range(10, 15)]]).all()
    assert (still[0] != frames(1)[0]).any()


@pytest.mark.usefixtures("brief")
def test_pictures_are_of_one_fold_each_once_and_tell_the_truth(pictures: labelled.Labelled, tmp_path: Path) -> None:
    folds = source_folds(pictures.source)
    found = trailers.make(pictures, tmp_path, 8, 0)
    assert {trailer.fold for trailer in found} == set(folds.tolist())
    for trailer in found:
        used = shown(trailer)
        assert (folds[used] == trailer.fold).all()
        assert pictures.near[np.ix_(used, used)].sum() == len(used)
        tags = set(pictures.tag[used].tolist())
        assert trailer.truth == tags | ({COPIED, COPY} if tags & {COPIED, COPY} else set())
        assert 2 <= len(trailer.truth) <= 5
        assert 1 <= trailer.shots.count(NOTHING) <= 3
    assert any({COPIED, COPY} <= trailer.truth for trailer in found)
    assert any(not {COPIED, COPY} & trailer.truth for trailer in found)


@pytest.mark.usefixtures("brief")
def test_one_seed_makes_one_film(pictures: labelled.Labelled, tmp_path: Path) -> None:
    (one,) = trailers.make(pictures, tmp_path / "one", 1, 5)
    (same,) = trailers.make(pictures, tmp_path / "same", 1, 5)
    (other,) = trailers.make(pictures, tmp_path / "other", 1, 6)
    assert (one.shots, one.truth) == (same.shots, same.truth)
    assert one.shots != other.shots
    assert one.path.read_bytes() == same.path.read_bytes()


@pytest.mark.usefixtures("brief")
def test_what_is_complete_is_not_made_again(pictures: labelled.Labelled, tmp_path: Path) -> None:
    (one,) = trailers.make(pictures, tmp_path, 1, 5)
    whole, beside = one.path.read_bytes(), one.path.with_suffix(".json")
    assert json.loads(beside.read_text())["truth"] == sorted(one.truth)
    one.path.write_bytes(b"as it is")
    trailers.make(pictures, tmp_path, 1, 5)
    assert one.path.read_bytes() == b"as it is"
    beside.unlink()  # as if stopped before the end
    trailers.make(pictures, tmp_path, 1, 5)
    assert one.path.read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == [beside.name, one.path.name]


def test_too_few_pictures_are_refused(pictures: labelled.Labelled, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no fold has 3 tags with 4 pictures"):
        trailers.make(pictures.among(pictures.tag < 2), tmp_path, 1, 0)


def keyframe(index: int, length_s: float, entropy_bits: float = 7.0) -> ShotPicture:
    found = Keyframe(index, 10.0 * index, 0, entropy_bits, True)
    shot = ScannedShot(index, 10.0 * index, 10.0 * index + length_s, index, index + 1, found)
    return ShotPicture(shot, np.zeros((1, 1, 3), np.uint8))


def scored(evidence: Any) -> TagScores:
    evidence = np.asarray(evidence, np.float32)
    grown = np.exp(evidence)
    return TagScores(grown / grown.sum(1, keepdims=True), evidence)


def test_the_published_formula_is_that_of_the_ranking() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        evidence = np.maximum(rng.normal(size=(9, 12)).round(1), 0)  # with ties and with nothing
        frames = [keyframe(i, rng.uniform(1, 3), rng.uniform(2, 8)) for i in range(9)]
        kept = [frame.shot.keyframe.entropy_bits >= MIN_ENTROPY_BITS for frame in frames]
        assert 0 < sum(kept) < 9
        expected = ranking.weights(scored(evidence[kept]))
        assert Formula().weights(scored(evidence), frames) == pytest.approx(expected, abs=1e-6)


def test_variants_by_hand() -> None:
    frames = [keyframe(0, 1.0, 7.0), keyframe(1, 3.0, 4.5), keyframe(2, 2.0, 1.0)]
    shares = np.array([[0.6, 0.3, 0.1, 0.0], [0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 0.0, 1.0]], np.float32)
    scores = TagScores(shares, np.array([[4, 3, 2, 0], [1, 2, 3, 4], [0, 0, 0, 9]], np.float32))

    def weights(**how: Any) -> list[float]:
        return [round(float(w), 5) for w in Formula(**how).weights(scores, frames)]

    assert weights() == [0.35, 0.5, 0.4, 0.2]  # votes 1/2, 1, 1, 1/2
    assert weights(top=1) == [0.35, 0, 0, 0.2]
    assert weights(top=None) == [0.7, 0.5, 0.4, 0.4]
    assert weights(by_duration=True) == [0.1125, 0.45, 0.5, 0.45]  # votes 1/4, 1, 1, 3/4
    assert weights(min_entropy_bits=0) == pytest.approx([0.23333, 0.33333, 0.26667, 0.93333])
    assert weights(min_entropy_bits=5) == [0.6, 0.3, 0.1, 0]
    assert weights(min_entropy_bits=7.5) == weights(min_entropy_bits=7.5, by_duration=True) == [0, 0, 0, 0]


def test_chance_is_the_mean_over_all_rankings() -> None:
    weights = np.arange(12.0, 0, -1)
    for size in (1, 3):
        truth = np.array([np.isin(np.arange(12), right) for right in combinations(range(12), size)])
        every = trailers.hits(np.tile(weights, (len(truth), 1)), truth)
        assert trailers.by_chance(truth) == pytest.approx(every.mean(0))


@pytest.fixture
def films() -> tuple[list[Trailer], list[list[ShotPicture]]]:
    """Twelve trailers, in words only, of two to four tags, with six shots each."""
    found = [Trailer(Path(f"{n}.mp4"), n % 3, frozenset(range(2 + n % 3)), (NOTHING,) * 7) for n in range(12)]
    return found, [[keyframe(shot, 1.0 + shot) for shot in range(6)] for _ in found]


def saying(found: list[Trailer], tag_of: Callable[[Trailer, int], int]) -> MakeScores:
    """A scorer that is asked about the trailers in turn and says one tag of each keyframe."""
    asked = iter(found)

    def scores(fold: int, pixels: list[Pixels]) -> TagScores:
        trailer = next(asked)
        assert trailer.fold == fold
        return scored([8.0 * (np.arange(12) == tag_of(trailer, place)) for place in range(len(pixels))])

    return scores


def right_in_turn(trailer: Trailer, place: int) -> int:
    return sorted(trailer.truth)[place % len(trailer.truth)]


def test_who_knows_all_gets_all_that_can_be_had(films: tuple[list[Trailer], list[list[ShotPicture]]]) -> None:
    found, frames = films
    told = trailers.measure(found, frames, saying(found, right_in_turn))
    sizes = np.array([len(trailer.truth) for trailer in found])
    for k in (3, 5, 10):
        assert told["published"][f"map_at_{k}"]["value"] == pytest.approx((np.minimum(k, sizes) / k).mean())
        assert told["published"][f"mar_at_{k}"]["value"] == pytest.approx((np.minimum(k, sizes) / sizes).mean())
    assert told["published"]["mar_at_5"]["interval"] == [1.0, 1.0]
    assert told["published"]["average_precision"]["value"] == 1
    assert told["perfect"] == pytest.approx({key: row["value"] for key, row in told["published"].items()})
    precision, recall = (told["published"][key]["value"] for key in ("map_at_5", "mar_at_5"))
    assert told["published"]["f1_at_5"]["value"] == pytest.approx(2 * precision * recall / (precision + recall))


def test_who_says_the_wrong_tag_gets_nothing(films: tuple[list[Trailer], list[list[ShotPicture]]]) -> None:
    found, frames = films
    told = trailers.measure(found, frames, saying(found, lambda trailer, place: 11))["published"]
    assert {told[f"{what}_at_{k}"]["value"] for what in ("map", "mar", "f1") for k in (3, 5, 10)} == {0.0}
    assert 0 < told["average_precision"]["value"] < 0.35


def test_a_tag_without_weight_is_not_found(films: tuple[list[Trailer], list[list[ShotPicture]]]) -> None:
    """The first tags are right, and first in the order of those that nothing speaks for."""
    found, frames = films
    told = trailers.measure(found, frames, lambda fold, pixels: scored(np.zeros((len(pixels), 12))))
    assert told["published"]["map_at_3"]["value"] == 0


def test_what_is_told(films: tuple[list[Trailer], list[list[ShotPicture]]]) -> None:
    found, frames = films
    rng = np.random.default_rng(0)
    told = trailers.measure(found, frames, lambda fold, pixels: scored(np.maximum(rng.normal(size=(6, 12)), 0)))
    assert json.loads(json.dumps(told)) == told
    assert "not the source's experiment" in told["synthetic"]
    assert (told["trailers"], told["tags"], told["right_tags"]) == (12, 12, 3)
    assert (told["shots_made"], told["shots_found"]) == (7, 6)
    assert told["random"]["map_at_3"] == told["random"]["map_at_10"] == pytest.approx(3 / 12)
    for row in told["published"].values():
        low, high = row["interval"]
        assert low < row["value"] < high
    for name, rows in told["variants"].items():
        assert set(rows) == {"f1_at_3", "f1_at_5", "average_precision"}, name
        for key, row in rows.items():
            assert row["gain"]["value"] == pytest.approx(row["value"] - told["published"][key]["value"])


def test_gains_are_paired(films: tuple[list[Trailer], list[list[ShotPicture]]]) -> None:
    """Where the other formula says the same of every trailer, no drawing of trailers makes a difference."""
    found, frames = films
    rng = np.random.default_rng(0)
    told = trailers.measure(found, frames, lambda fold, pixels: scored(np.maximum(rng.normal(size=(6, 12)), 0)))
    row = told["variants"]["top 3, from 3 bits"]["f1_at_3"]
    assert row["gain"]["interval"] == [0, 0]
    assert row["interval"][0] < row["interval"][1]
    assert told["variants"]["top 1"]["f1_at_5"]["gain"]["interval"] != [0, 0]


def test_made_trailers_can_be_measured(made: list[Trailer], seen: list[list[ShotPicture]]) -> None:
    told = trailers.measure(made, seen, saying(made, right_in_turn))
    assert told["shots_found"] == told["shots_made"] == np.mean([len(trailer.shots) for trailer in made])
    assert told["published"]["mar_at_10"]["value"] == 1
