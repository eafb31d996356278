"""Groups of packets: together every frame once, with the time that decoding gives it, and each decodes alone."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import media
import numpy as np
import pytest
from av.packet import Packet
from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import EmptyVideo, VideoUnreadable
from tagger.shots.decoders import Decoder, Decoders
from tagger.video.clock import Clock
from tagger.video.container import WHOLE_FRAMES
from tagger.video.film import Film, Frame
from tagger.video.gops import Gop, gops
from tagger.video.observer import Observer
from tagger.video_info import VideoInfo

Seen = list[tuple[int, float]]  # number in the picture, time

FAST = {"preset": "ultrafast"}
OPEN_GOP = {"options": {"x264-params": "open-gop=1:keyint=12:bframes=3"}}
X265 = {"codec": "libx265", "options": {**FAST, "x265-params": "log-level=none:keyint=12:bframes=3"}}
PYRAMID = {
    "codec": "libx265",
    "options": {"preset": "superfast", "x265-params": "log-level=none:keyint=24:b-pyramid=1"},
}
FIXED = {"options": {**FAST, "g": "12", "sc_threshold": "0"}}
B_FRAMES = {"options": {**FAST, "bf": "3", "b_strategy": "0", "g": "12"}}
VP9 = {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8", "g": "12"}}
HIDDEN = {"codec": "libvpx-vp9", "options": {"cpu-used": "5", "g": "12", "auto-alt-ref": "1", "lag-in-frames": "16"}}
MPEG2 = {"codec": "mpeg2video", "options": {"g": "12", "bf": "2", "b": "2000000"}}
KINDS: dict[str, dict[str, Any]] = {
    "one-group.mp4": {"options": {**FAST, "bf": "3"}},
    "b-frames.mp4": B_FRAMES,
    "b-frames.mkv": B_FRAMES,
    "fixed.mp4": FIXED,
    "fixed.ts": FIXED,
    "open.mp4": OPEN_GOP,
    "open.ts": OPEN_GOP,
    "x265.mkv": X265,
    "x265-ten-bit.mp4": {**X265, "pix_fmt": "yuv420p10le"},
    "x265-pyramid.mp4": PYRAMID,
    "vp9.webm": VP9,
    "vp9-hidden.webm": HIDDEN,
    "mpeg2.ts": MPEG2,
}
OPEN = ("open", "x265", "mpeg2")  # begins the names of those whose key frames lead pictures


def number(picture: VideoFrame) -> int:
    return media.read_number(Frame(0, 0.0, picture).pixels())


def decoded_whole(path: Path) -> tuple[Seen, VideoInfo]:
    observer = Observer()
    with Film(path) as film:
        seen = [(number(frame.picture), frame.time_s) for frame in film.frames(observer)]
        return seen, film.info(observer)


def shown(decoder: Decoder, gop: Gop) -> list[tuple[int, int]]:
    """Place in the film and number of each picture of a group."""
    places = {stamp: place for place, stamp in enumerate(gop.stamps)}
    pictures = [(picture.pts, number(picture)) for picture in decoder.pictures(gop.packets)]
    return [(gop.first_frame + places[pts], found) for pts, found in pictures if pts in places]


def in_groups(path: Path) -> tuple[list[Gop], Seen, VideoInfo]:
    """The groups, and what they give when each is decoded without the others, last first."""
    observer = Observer()
    with Film(path) as film, Decoders(path, 2) as decoders:
        groups = list(film.gops(observer))
        times_s = [time_s for gop in groups for time_s in gop.times_s]
        parts = [*decoders.map(shown, reversed(groups))][::-1]
        assert not decoders.failures
        info = film.info(observer)
    assert [place for part in parts for place, _ in part] == list(range(len(times_s)))
    return groups, [(found, times_s[place]) for part in parts for place, found in part], info


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, media.Truth]:
    folder = tmp_path_factory.mktemp("gops")
    return {name: media.film(folder / name, (20, 30), **how) for name, how in KINDS.items()}


@pytest.mark.parametrize("name", KINDS)
def test_groups_decoded_alone_give_what_the_whole_film_gives(films: dict[str, media.Truth], name: str) -> None:
    groups, seen, info = in_groups(films[name].path)
    whole, whole_info = decoded_whole(films[name].path)
    assert [found for found, _ in seen] == list(range(50))
    assert seen == whole
    observed = replace(whole_info.observed, width=0, height=0)  # which packets do not show
    assert info == replace(whole_info, observed=observed)
    assert all(gop.packets[0].is_keyframe for gop in groups)
    assert (len(groups) == 1) == (name == "one-group.mp4")
    borrowing = [gop for gop in groups if len(gop.packets) > len(gop.stamps)]
    assert bool(borrowing) == name.startswith(OPEN)
    for gop in borrowing:  # pictures that the next key frame leads belong to the group before
        key = next(packet for packet in gop.packets[1:] if packet.is_keyframe)
        assert key.pts is not None
        assert key.pts > gop.stamps[-1]


def test_groups_follow_each_other_without_gaps(films: dict[str, media.Truth]) -> None:
    groups, _, _ = in_groups(films["fixed.mp4"].path)
    assert [gop.first_frame for gop in groups] == [0, 12, 24, 36, 48]
    assert [gop.end_frame for gop in groups] == [12, 24, 36, 48, 50]
    assert [gop.end_s for gop in groups] == pytest.approx([0.48, 0.96, 1.44, 1.92, 2.0])
    assert all(len(gop.times_s) == len(gop.stamps) for gop in groups)
    with av.open(str(films["fixed.mp4"].path)) as container:
        assert sum(gop.nbytes for gop in groups) == sum(packet.size for packet in container.demux(video=0))


@pytest.mark.parametrize("name", ["open.ts", "x265.mkv"])
def test_a_film_that_begins_with_pictures_which_need_what_is_not_there(
    films: dict[str, media.Truth], name: str, tmp_path: Path
) -> None:
    """As a recording does that begins with an open group: what its key frame leads cannot be shown."""
    headless = tmp_path / name
    with av.open(str(films[name].path)) as old, av.open(str(headless), "w") as new:
        stream, keys = new.add_stream_from_template(old.streams.video[0]), 0
        for packet in old.demux(video=0):
            keys += packet.is_keyframe
            if packet.dts is not None and keys > 1:
                packet.stream = stream
                new.mux(packet)
    _, seen, _ = in_groups(headless)
    assert seen == decoded_whole(headless)[0]
    first = seen[0][0]
    assert 0 < first <= 24
    assert [found for found, _ in seen] == list(range(first, 50))


@pytest.mark.parametrize("hidden", [5, 12, 13])
@pytest.mark.parametrize("name", ["b-frames.mp4", "open.mp4"])
def test_frames_that_an_edit_list_hides_are_in_no_group(
    films: dict[str, media.Truth], name: str, hidden: int, tmp_path: Path
) -> None:
    trimmed = tmp_path / name
    body = bytearray(films[name].path.read_bytes())
    edit = body.index(b"elst") + 16  # its first entry: where in the media showing begins
    with av.open(str(films[name].path)) as container:
        base = container.streams.video[0].time_base or Fraction(1)
    struct.pack_into(">i", body, edit, struct.unpack_from(">i", body, edit)[0] + int(hidden / 25 / base))
    trimmed.write_bytes(body)
    _, seen, _ = in_groups(trimmed)
    assert [found for found, _ in seen] == list(range(hidden, 50))
    assert seen == decoded_whole(trimmed)[0]


def test_times_of_a_variable_rate(tmp_path: Path) -> None:
    durations = (1, 1, 60, 30, 2, 5, 1, 1, 25, 10) * 3
    how: dict[str, Any] = {"rate": 60, "durations": durations, **B_FRAMES}
    truth = media.write(tmp_path / "vfr.mkv", media.shots((30,)), **how)
    groups, seen, _ = in_groups(truth.path)
    assert [time_s for _, time_s in seen] == pytest.approx(truth.times_s, abs=1e-3)  # Matroska counts milliseconds
    assert seen == decoded_whole(truth.path)[0]
    assert len(groups) == 3


def test_a_clock_that_starts_late_and_is_set_anew(films: dict[str, media.Truth], tmp_path: Path) -> None:
    joined = tmp_path / "joined.ts"
    joined.write_bytes(films["fixed.ts"].path.read_bytes() * 2)
    observer = Observer()
    with Film(joined) as film:
        groups = list(film.gops(observer))
        times_s = [time_s for gop in groups for time_s in gop.times_s]
        assert film.info(observer).frame_count == 100
    assert np.diff(times_s) == pytest.approx(np.full(99, 0.04), abs=0.05)
    assert [gop.first_frame for gop in groups] == [0, 12, 24, 36, 48, 50, 62, 74, 86, 98]


def test_of_a_film_that_was_cut_off_the_packets_that_are_left(films: dict[str, media.Truth], tmp_path: Path) -> None:
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(films["b-frames.mkv"].path.read_bytes()[: films["b-frames.mkv"].path.stat().st_size // 2])
    observer = Observer()
    with Film(cut) as film:
        stamps = [stamp for gop in film.gops(observer) for stamp in gop.stamps]
        counted = film.info(observer).frame_count
    assert 10 <= counted == len(stamps) < 50
    assert stamps == sorted(set(stamps))


def test_an_abandoned_film_gives_no_further_group(films: dict[str, media.Truth]) -> None:
    observer = Observer()
    with Film(films["fixed.mp4"].path) as film:
        groups = film.gops(observer)
        next(groups)
        film.abandon()
        assert list(groups) == []
        assert observer.frame_count == 12


def packet(stamp: int, key: bool = False) -> Packet[Any]:
    made: Packet[Any] = Packet(1)
    made.pts, made.duration, made.is_keyframe = stamp, 1, key
    return made


Order = tuple[int, int, list[int], list[int]]
ORDERS: st.SearchStrategy[list[Order]] = st.lists(
    # frames of a group; how many of them come after the next key frame; two orders of decoding
    st.integers(1, 9).flatmap(
        lambda length: st.tuples(
            st.just(length), st.integers(0, length - 1), st.permutations(range(10)), st.permutations(range(10))
        )
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(ORDERS, st.integers(0, 4), st.integers(0, 4))
def test_any_order_of_decoding_gives_the_order_of_showing(groups: list[Order], lost: int, leading: int) -> None:
    """Frames in any order within their group, the last of it perhaps after the next key frame."""
    packets = [packet(stamp) for stamp in range(lost)]  # before the first key frame
    late = [packet(lost + at) for at in range(leading)]  # led by it
    expected, key = [], lost + leading
    for place, (length, after, order, late_order) in enumerate(groups):
        after = after if place + 1 < len(groups) else 0
        own = [packet(key + 1 + at) for at in order if at < length - 1 - after]
        packets += [packet(key, key=True), *late, *own]
        late = [packet(key + length - after + at) for at in late_order if at < after]
        expected.append((tuple(range(key, key + length)), length + (1 if after else 0)))
        key += length
    found = list(gops(packets, Clock(0, Fraction(1, 25), 0.04)))
    assert [(gop.stamps, len(gop.packets)) for gop in found] == expected
    assert [gop.packets[0].pts for gop in found] == [stamps[0] for stamps, _ in expected]
    firsts = np.cumsum([0, *(len(stamps) for stamps, _ in expected)])
    assert [gop.first_frame for gop in found] == firsts[:-1].tolist()


def test_without_a_key_frame_there_is_no_group() -> None:
    clock = Clock(0, Fraction(1, 25), 0.04)
    assert list(gops([packet(stamp) for stamp in range(9)], clock)) == []
    assert list(gops([], clock)) == []


def test_real_clips_have_as_many_frames_in_groups_as_decoded(shared: Path) -> None:
    tried, differ = 0, {}
    for path in sorted(path for name in ("clips", "openmovie") for path in (shared / "videos" / name).iterdir()):
        with Film(path) as film:
            if film.info(Observer()).codec not in WHOLE_FRAMES:
                continue
            whole = [frame.time_s for frame in film.frames()]
        with Film(path) as film:
            groups = [time_s for gop in film.gops(Observer()) for time_s in gop.times_s]
        tried += 1
        if whole != groups:
            differ[path.name] = (len(whole), len(groups))
    assert differ == {}
    assert tried >= 10


def test_odd_files_never_show_a_frame_that_no_group_holds(shared: Path) -> None:
    """Damaged ones give fewer pictures than they have packets, and the groups know the time of each that is there."""
    for path in sorted((shared / "videos/odd").iterdir()):
        try:
            with Film(path) as film:
                whole = {frame.picture.pts for frame in film.frames()}
                if film.info(Observer()).codec not in WHOLE_FRAMES:
                    continue
        except (VideoUnreadable, EmptyVideo):
            continue
        with Film(path) as film:
            assert whole <= {stamp for gop in film.gops(Observer()) for stamp in gop.stamps}, path.name
