"""What sizes of packets say, of real films: a new picture, a while in which much is new, or neither."""

from __future__ import annotations

from pathlib import Path

import cv2
import media
import numpy as np
import pytest

from tagger.settings import Settings
from tagger.shots.fast import fast_scan
from tagger.shots.full import full_scan
from tagger.shots.packets import large, risen
from tagger.video.film import Film
from tagger.video.gops import Gop
from tagger.video.observer import Observer

WIDTH, HEIGHT = 320, 180
Pictures = list[media.Picture]


def shot(seed: int, length: int, speed: float = 0.5) -> Pictures:
    """A scenery that moves so many pixels a frame."""
    still = media.scenery(seed, WIDTH + media.PAN, HEIGHT)
    return [still[:, (at := min(round(step * speed), media.PAN)) : at + WIDTH] for step in range(length)]


def dissolved(one: Pictures, two: Pictures, length: int) -> Pictures:
    shares = (np.arange(length) + 1) / (length + 1)
    both = zip(one[-length:], two[:length], shares, strict=True)
    return [*one[:-length], *((a * (1 - share) + b * share).astype(np.uint8) for a, b, share in both), *two[length:]]


def groups(path: Path) -> list[Gop]:
    with Film(path) as film:
        return list(film.gops(Observer()))


def found(path: Path, how: str) -> list[int]:
    observer, settings = Observer(), Settings()
    with Film(path) as film:
        fast = how == "fast"
        cut = fast_scan(film, settings, {250}, 2, observer, None) if fast else full_scan(film, settings, observer, None)
        return [picture.shot.start_frame for picture in cut]


LONG = {"g": "250", "keyint_min": "250", "sc_threshold": "0"}


def test_a_dissolve_makes_packets_large_for_a_while(tmp_path: Path) -> None:
    smooth = [
        np.asarray(cv2.blur(picture, (5, 5)), np.uint8) for picture in dissolved(shot(0, 80, 0), shot(1, 80, 0), 20)
    ]
    path = media.write(tmp_path / "d.mp4", iter(smooth), options=LONG).path
    assert [risen(gop) for gop in groups(path)] == [True]


def test_a_steady_pan_and_a_single_new_picture_do_not(tmp_path: Path) -> None:
    path = media.write(tmp_path / "p.mp4", iter(shot(0, 120)), options=LONG).path
    assert [(risen(gop), large(gop)) for gop in groups(path)] == [(False, [])]
    path = media.write(tmp_path / "c.mp4", iter([*shot(0, 60), *shot(1, 60)]), options=LONG).path
    ((jumped, jumps),) = [(risen(gop), large(gop)) for gop in groups(path)]
    assert not jumped
    assert {*jumps} & {*range(59, 64)}


def test_a_group_of_few_frames_says_nothing(tmp_path: Path) -> None:
    path = media.write(tmp_path / "f.mp4", iter(shot(0, 5)), options=LONG).path
    assert [risen(gop) for gop in groups(path)] == [False]


@pytest.mark.parametrize("how", ["full", "fast"])
def test_a_dissolve_in_a_group_that_a_cut_ends_is_found(tmp_path: Path, how: str) -> None:
    pictures = [*dissolved(shot(0, 80), shot(1, 80), 20), *shot(2, 80)]
    path = media.write(tmp_path / "d.mp4", iter(pictures), options={"g": "250"}).path
    first, dissolve, cut = found(path, how)
    assert (first, cut) == (0, 140)
    assert 59 <= dissolve <= 81


@pytest.mark.parametrize("how", ["full", "fast"])
def test_a_flash_that_became_a_key_frame_is_no_boundary(tmp_path: Path, how: str) -> None:
    pictures = [*shot(0, 120), *shot(1, 80)]
    pictures[60:62] = [np.full((HEIGHT, WIDTH, 3), 255, np.uint8)] * 2
    path = media.write(tmp_path / "f.mp4", iter(pictures), options={"g": "250"}).path
    assert any(gop.first_frame == 60 for gop in groups(path))
    assert found(path, how) == [0, 120]


def test_a_key_frame_some_frames_late_does_not_move_the_cut(tmp_path: Path) -> None:
    plain = [np.asarray(cv2.blur(picture, (31, 31)), np.uint8) for picture in shot(1, 80)]
    path = media.write(tmp_path / "l.mp4", iter([*shot(0, 60), *plain]), options=LONG | {"g": "64"}).path
    first, second = groups(path)[:2]
    assert large(first) == []  # the new picture is small beside the old one
    assert large(first, second)
    assert found(path, "fast") == [0, 60]
