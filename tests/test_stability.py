"""The benchmark of stability: real films, encoded again, tagged and compared."""

from __future__ import annotations

import sys
from pathlib import Path

import media
import numpy as np
import pytest

from tagger import Tagger
from tagger.shots import scan as reading
from tagger.shots.evidence import Choice
from tagger.video.film import Film

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import stability
from stability import Encoding

LENGTHS = (20, 20)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.film(tmp_path_factory.mktemp("stability") / "film.mp4", LENGTHS).path


@pytest.fixture(scope="module")
def taggers() -> dict[str, Tagger]:
    return {how: Tagger(scan=how, backbone="compact") for how in ("full", "fast")}


def pictures(path: Path) -> tuple[list[float], list[media.Picture]]:
    with Film(path) as opened:
        frames = list(opened.frames())
        return [frame.time_s for frame in frames], [frame.pixels() for frame in frames]


@pytest.mark.parametrize(
    ("how", "size"), [(Encoding(20), (180, 320)), (Encoding(35, 160), (90, 160)), (Encoding(23, 431), (242, 430))]
)
def test_encodes_every_frame_at_its_time_in_the_size_asked_for(
    film: Path, tmp_path: Path, how: Encoding, size: tuple[int, int]
) -> None:
    times_s, before = pictures(film)
    again_s, after = pictures(stability.encoded(film, tmp_path / "again.mkv", how))
    assert again_s == pytest.approx(times_s, abs=0.001)
    assert {picture.shape[:2] for picture in after} == {size}
    assert len(after) == len(before) == sum(LENGTHS)


def test_mirrors(film: Path, tmp_path: Path) -> None:
    _, before = pictures(film)
    _, after = pictures(stability.encoded(film, tmp_path / "mirrored.mkv", Encoding(18, mirrored=True)))

    def apart(a: media.Picture, b: media.Picture) -> float:
        return float(np.abs(a.astype(int) - b).mean())

    assert apart(after[5], before[5][:, ::-1]) < 8 < apart(after[5], before[5])


def test_variable_rates_stay_variable(tmp_path: Path) -> None:
    durations = (1, 3) * 10
    truth = media.write(tmp_path / "vfr.mp4", media.shots((20,)), durations=durations)
    again_s, _ = pictures(stability.encoded(truth.path, tmp_path / "again.mkv", Encoding(23)))
    assert again_s == pytest.approx(truth.times_s, abs=0.001)


def test_first_tags_of_all_variants(
    film: Path, taggers: dict[str, Tagger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {"full": Choice("full", "asked for"), "fast": Choice("fast", "told to", {250})}  # the film is short
    monkeypatch.setattr(reading, "choose", lambda _, settings: how[settings.scan])
    few = {"crf 28": Encoding(28)}
    monkeypatch.setattr(stability, "ENCODINGS", few)
    monkeypatch.setattr(stability, "QUALITIES", few)
    first = stability.first_tags(taggers, film, tmp_path)
    assert first is not None
    assert list(first)[:2] == [stability.ITSELF, "crf 28"]
    assert "crf 28" + stability.FAST in first
    assert {len(tags) for tags in first.values()} == {stability.FIRST}
    assert first[stability.ITSELF] == {tag.slug for tag in taggers["full"].extract(film).tags[:5]}


def test_a_film_of_one_keyframe_does_not_count(taggers: dict[str, Tagger], tmp_path: Path) -> None:
    one = media.film(tmp_path / "one.mp4", (20,)).path
    assert stability.first_tags(taggers, one, tmp_path) is None


def test_shares() -> None:
    first = {stability.ITSELF: frozenset("abcde"), "crf 20": frozenset("abcdx"), "crf 20 fast": frozenset("abxyz")}
    assert stability.over_pairs(first) == pytest.approx((4 + 2 + 3) / 3)
    assert stability.with_itself(first) == {"crf 20": 4, "crf 20 fast": 2}
