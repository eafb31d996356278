"""Groups decoded side by side: in order, each picture as the whole film has it, and nothing left behind."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import media
import numpy as np
import pytest
from av.video.frame import VideoFrame

from tagger.shots.decoders import Decoder, Decoders
from tagger.video.film import Film, Frame
from tagger.video.gops import Gop
from tagger.video.observer import Observer

CORES = 2
OPEN_FILES = Path("/proc/self/fd")
X265 = "log-level=none:keyint=24:bframes=4"
KINDS: dict[str, dict[str, Any]] = {
    "b-frames.mp4": {"options": {"g": "24", "bf": "3", "b_strategy": "0", "sc_threshold": "0"}},
    "open.mkv": {"options": {"x264-params": "open-gop=1:keyint=24:bframes=5:b-pyramid=normal"}},
    "pyramid.mp4": {"codec": "libx265", "options": {"preset": "superfast", "x265-params": X265}},
    "layers.mp4": {"codec": "libx265", "options": {"preset": "superfast", "x265-params": f"{X265}:temporal-layers=3"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"cpu-used": "5", "g": "24", "lag-in-frames": "16"}},
    "mpeg2.ts": {"codec": "mpeg2video", "options": {"g": "24", "bf": "2", "b": "2000000"}},
}


def number(picture: VideoFrame) -> int:
    return media.read_number(Frame(0, 0.0, picture).pixels())


def numbers(decoder: Decoder, gop: Gop) -> list[int]:
    return [number(picture) for picture in decoder.pictures(gop.packets)]


def groups_of(path: Path) -> list[Gop]:
    with Film(path) as film:
        return list(film.gops(Observer()))


def decode_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("decode")}


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> media.Truth:
    """120 frames in groups of 12 that do not need one another."""
    path = tmp_path_factory.mktemp("decoders") / "fixed.mp4"
    return media.film(path, (120,), options={"preset": "ultrafast", "g": "12", "sc_threshold": "0", "bf": "2"})


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    files = len(list(OPEN_FILES.iterdir())) if OPEN_FILES.is_dir() else 0
    yield
    assert decode_threads() == set()
    if OPEN_FILES.is_dir():
        assert len(list(OPEN_FILES.iterdir())) <= files  # what others left may be collected meanwhile


def test_results_come_in_the_order_of_the_items(fixed: media.Truth) -> None:
    def work(_: Decoder, item: int) -> int:
        time.sleep(random.Random(item).random() / 50)
        return item

    with Decoders(fixed.path, 4) as decoders:
        assert list(decoders.map(work, range(60))) == list(range(60))
        assert list(decoders.map(work, [])) == []


def test_as_many_work_at_once_as_there_are_cores_each_with_its_decoder(fixed: media.Truth) -> None:
    together = threading.Barrier(3, timeout=20)

    def work(decoder: Decoder, _: int) -> int:
        together.wait()
        return id(decoder)

    with Decoders(fixed.path, 3) as decoders:
        found = list(decoders.map(work, range(9)))
    assert [len(set(found[at : at + 3])) for at in (0, 3, 6)] == [3, 3, 3]
    assert len(set(found)) == 3


def test_only_a_few_items_are_taken_ahead(fixed: media.Truth) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        while taken < 100:
            taken += 1
            yield taken

    with Decoders(fixed.path, CORES) as decoders:
        for count, _ in enumerate(decoders.map(lambda _, item: item, items()), 1):
            assert taken <= count + 2 * CORES
    assert taken == 100


def test_one_map_may_feed_another(fixed: media.Truth) -> None:
    """As in the fast scan; with a single thread too."""
    for count in (1, CORES):
        with Decoders(fixed.path, count) as decoders:
            first = decoders.map(lambda _, item: item + 1, range(50))
            second = decoders.map(lambda _, item: 2 * item, (item for item in first))
            assert list(decoders.map(lambda _, item: item - 1, second)) == list(range(1, 101, 2))


@pytest.mark.parametrize("count", [1, CORES, 5])
def test_groups_decode_apart(fixed: media.Truth, count: int) -> None:
    groups = groups_of(fixed.path)
    random.Random(0).shuffle(groups)
    with Decoders(fixed.path, count) as decoders:
        found = list(decoders.map(numbers, groups))
        assert not decoders.failures
    assert found == [list(range(gop.first_frame, gop.end_frame)) for gop in groups]


def test_a_group_that_was_left_in_the_middle_does_not_reach_into_the_next(fixed: media.Truth) -> None:
    first, second, *_ = groups_of(fixed.path)

    def work(decoder: Decoder, _: int) -> list[int]:
        begun = decoder.pictures(first.packets)
        assert number(next(begun)) == 0
        assert number(next(begun)) == 1
        del begun
        return numbers(decoder, second)

    with Decoders(fixed.path, 1) as decoders:
        assert list(decoders.map(work, [0])) == [list(range(12, 24))]


@pytest.mark.parametrize("name", KINDS)
def test_pictures_from_one_on_are_those_of_the_whole_film(name: str, tmp_path: Path) -> None:
    """What is left out before them is nothing that they need: they are equal in every value."""
    truth = media.film(tmp_path / name, (60,), width=160, height=90, **KINDS[name])
    with Film(truth.path) as film:
        whole = {frame.picture.pts: frame.picture.to_ndarray() for frame in film.frames()}
    groups = groups_of(truth.path)

    def from_one_on(decoder: Decoder, chosen: tuple[Gop, int]) -> bool:
        gop, first = chosen
        shown = {
            picture.pts: picture.to_ndarray()
            for picture in decoder.pictures(gop.packets, {s for s in gop.stamps if s >= first})
        }
        assert {stamp for stamp in gop.stamps if stamp >= first} <= shown.keys()
        for stamp in shown.keys() & {*gop.stamps}:
            assert np.array_equal(shown[stamp], whole[stamp]), (gop.first_frame, stamp)
        return not shown.keys() >= {*gop.stamps}

    with Decoders(truth.path, CORES) as decoders:
        spared = list(decoders.map(from_one_on, [(gop, first) for gop in groups for first in gop.stamps[::5]]))
        assert not decoders.failures
    assert len(groups) > 1
    assert any(spared) or name == "vp9.webm"  # whose pictures do not say that no other needs them


def test_an_error_of_the_work_comes_out_in_its_place(fixed: media.Truth) -> None:
    def work(_: Decoder, item: int) -> int:
        if item == 5:
            raise ZeroDivisionError(f"item {item}")
        return item

    seen: list[int] = []
    with pytest.raises(ZeroDivisionError, match="item 5"), Decoders(fixed.path, CORES) as decoders:
        seen += decoders.map(work, range(100))
    assert seen == [0, 1, 2, 3, 4]


def test_an_error_of_the_items_comes_out(fixed: media.Truth) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"), Decoders(fixed.path, CORES) as decoders:
        list(decoders.map(lambda _, item: item, items()))


def test_a_film_that_is_gone_is_an_error_of_the_caller(fixed: media.Truth, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone.mp4"), Decoders(tmp_path / "gone.mp4", CORES) as decoders:
        list(decoders.map(numbers, groups_of(fixed.path)))


def test_damaged_packets_are_counted(fixed: media.Truth, tmp_path: Path) -> None:
    """One that follows nothing is no picture; the others of its group and all other groups are there."""
    body = bytearray(fixed.path.read_bytes())
    groups = groups_of(fixed.path)
    for gop in groups[2:5]:
        place = gop.packets[-1].pos
        assert place is not None
        body[place : place + 4] = b"\xff" * 4  # says that it is longer than the file
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(body)
    with Decoders(broken, CORES) as decoders:
        found = list(decoders.map(numbers, groups_of(broken)))
        assert len(decoders.failures) == 3
    assert [len(part) for part in found] == [12, 12, 11, 11, 11, 12, 12, 12, 12, 12]
    for gop, part in zip(groups, found, strict=True):
        assert set(part) < set(range(gop.first_frame, gop.end_frame)) or len(part) == 12


def test_what_does_not_begin_with_a_key_frame_gives_nothing_and_no_error(fixed: media.Truth) -> None:
    groups = groups_of(fixed.path)
    with Decoders(fixed.path, 1) as decoders:
        ((headless, whole),) = decoders.map(
            lambda decoder, _: (list(decoder.pictures(groups[1].packets[1:])), numbers(decoder, groups[2])), [0]
        )
    assert len(headless) < 12
    assert whole == list(range(24, 36))


@pytest.mark.parametrize("leave", [lambda found: found.close(), lambda _: None], ids=["closed", "left"])
def test_leaving_in_the_middle_ends_soon(fixed: media.Truth, leave: Callable[[Any], None]) -> None:
    begun: list[int] = []

    def work(_: Decoder, item: int) -> int:
        begun.append(item)
        time.sleep(0.2)
        return item

    with Decoders(fixed.path, CORES) as decoders:
        found = decoders.map(work, range(10_000))
        assert next(found) == 0
        left = time.monotonic()
        leave(found)
    assert time.monotonic() - left < 2
    assert len(begun) <= 1 + CORES + 1  # not all that were waiting
    assert decode_threads() == set()


def test_an_error_in_the_block_ends_it_too(fixed: media.Truth) -> None:
    with pytest.raises(LookupError), Decoders(fixed.path, CORES) as decoders:
        next(decoders.map(numbers, groups_of(fixed.path)))
        raise LookupError


def test_two_films_at_once(fixed: media.Truth, tmp_path: Path) -> None:
    other = media.film(tmp_path / "other.mkv", (50,), width=160, height=90, options={"g": "10"})
    with Decoders(fixed.path, CORES) as some, Decoders(other.path, CORES) as others:
        found = zip(some.map(numbers, groups_of(fixed.path)), others.map(numbers, groups_of(other.path)), strict=False)
        for at, (one, two) in enumerate(found):
            assert one == list(range(12 * at, 12 * at + 12))
            assert two == list(range(10 * at, 10 * at + 10))
    assert at == 4


def test_blocks_may_be_nested_on_one_film(fixed: media.Truth) -> None:
    groups = groups_of(fixed.path)
    with Decoders(fixed.path, CORES) as outer:
        begun = outer.map(numbers, groups)
        assert next(begun) == list(range(12))
        with Decoders(fixed.path, CORES) as inner:
            assert list(inner.map(numbers, groups))[-1] == list(range(108, 120))
        assert next(begun) == list(range(12, 24))
