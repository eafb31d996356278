"""How a film is read, and that reading little of it finds what reading all of it finds."""

from __future__ import annotations

import itertools
import json
import random
import re
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import media
import numpy as np
import pytest
from av.packet import Packet

from tagger import Settings, Tagger
from tagger.errors import EmptyVideo, PathMissing, VideoUnreadable
from tagger.images import Pixels, squash
from tagger.queues import RunAhead
from tagger.records import Keyframe, Scan, ScannedShot, Shot, ShotPicture, Status
from tagger.reports.json_report import as_json, read_report
from tagger.shots import scan as choice
from tagger.shots.fast import fast_scan
from tagger.shots.scan import FilmReader, Scanning, scan
from tagger.video.film import Film
from tagger.video.gops import Gop
from tagger.video.observer import Observer
from tagger.video_info import VideoInfo

LENGTHS = (40, 75, 31, 140, 52, 90, 33, 66, 120, 47, 101, 36)
FEWER = (40, 75, 31, 90, 33)
SUPERFAST = {"preset": "superfast"}  # the fastest that places key frames at cuts
FIXED = {"preset": "ultrafast", "bf": "2", "sc_threshold": "0"}
OPEN_GOP = {**SUPERFAST, "x264-params": "open-gop=1:keyint=48:bframes=3"}
X265 = {**SUPERFAST, "x265-params": "log-level=none"}
REALTIME = {"deadline": "realtime", "cpu-used": "8"}
KINDS: dict[str, dict[str, Any]] = {
    "placed.mkv": {"options": SUPERFAST},
    "placed.ts": {"options": SUPERFAST},
    "fixed.mp4": {"options": {**FIXED, "g": "48"}},
    "long.mp4": {"options": {**FIXED, "g": "250"}},
    "short.ts": {"options": {**FIXED, "g": "13"}},
    "open.mp4": {"options": OPEN_GOP},
    "ten-bit.mp4": {"pix_fmt": "yuv420p10le", "options": SUPERFAST},
    "x265.mkv": {"codec": "libx265", "options": X265},
    "vp9.webm": {"codec": "libvpx-vp9", "options": REALTIME},
    "full-chroma.mp4": {"pix_fmt": "yuv444p", "options": {**SUPERFAST, "g": "60"}},
    "mpeg2.ts": {"codec": "mpeg2video", "options": {"g": "12", "bf": "2", "b": "4000000"}},
}


@dataclass(frozen=True)
class Seen:
    """What one scan of a film gave."""

    how: Scan
    pictures: list[ShotPicture]
    info: VideoInfo
    status: Status

    @property
    def shots(self) -> list[Shot]:
        return [plain(found) for found in self.pictures]

    @property
    def keyframes(self) -> list[Keyframe]:
        return [found.shot.keyframe for found in self.pictures]

    @property
    def starts(self) -> list[int]:
        return [shot.start_frame for shot in self.shots]


def seen(path: Path, asked: str, **settings: Any) -> Seen:
    with Film(path) as film:
        scanning = scan(film, Settings(scan=asked, min_entropy_bits=0.0, **settings))
        found = list(scanning.shots)
        assert decode_threads() == []
        return Seen(scanning.how, found, film.info(scanning.observer), film.ending(scanning.observer)[0])


def plain(found: ShotPicture) -> Shot:
    """The shot without its keyframe."""
    return Shot(*(getattr(found.shot, name) for name in Shot.__dataclass_fields__))


def decode_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def frames_of(path: Path, indexes: set[int]) -> dict[int, tuple[float, Pixels]]:
    """Time and picture of some frames, as decoding everything gives them."""
    with Film(path) as film:
        return {f.index: (f.time_s, f.pixels()) for f in film.frames() if f.index in indexes}


def assert_alike(path: Path, cuts: tuple[int, ...], **settings: Any) -> Seen:
    """A fast scan and a full one find the same, which is the truth; returns what the fast one gave."""
    full, fast = seen(path, "full", **settings), seen(path, "fast", **settings)
    assert (full.how.used, fast.how.used) == ("full", "fast")
    assert full.starts == [0, *cuts]
    assert fast.shots == full.shots
    assert fast.keyframes == full.keyframes
    assert fast.info == full.info
    whole = frames_of(path, {keyframe.frame for keyframe in fast.keyframes})
    for found in fast.pictures:
        keyframe = found.shot.keyframe
        assert found.shot.start_frame <= keyframe.frame < found.shot.end_frame
        assert keyframe.time_s == whole[keyframe.frame][0]
        assert np.array_equal(found.pixels, whole[keyframe.frame][1])
    return fast


def assert_whole(found: Seen) -> None:
    """The shots follow each other from the first frame to the last."""
    assert [0, *(shot.end_frame for shot in found.shots)] == [*found.starts, found.info.frame_count]
    assert [shot.index for shot in found.shots] == list(range(len(found.shots)))
    assert found.shots[-1].end_s == found.info.duration_s
    pairs = zip(found.shots, found.keyframes, strict=True)
    assert all(shot.start_frame <= keyframe.frame < shot.end_frame for shot, keyframe in pairs)


def groups_of(path: Path) -> list[Gop]:
    with Film(path) as film:
        return list(film.gops(Observer()))


def without(path: Path, broken: Path, packets: list[Packet[Any]]) -> Path:
    """The film (VP9) with these key frames made unreadable, and so what follows them up to the next."""
    body = bytearray(path.read_bytes())
    for packet in packets:
        place = body.index(bytes(packet))
        body[place + 1 : place + 4] = b"\0\0\0"  # three bytes that every key frame has
    broken.write_bytes(body)
    return broken


def repeated(source: Path, target: Path, times: int) -> Path:
    """A film one after the other with itself, without encoding."""
    with av.open(str(source)) as old:
        stream = old.streams.video[0]
        packets = [packet for packet in old.demux(stream) if packet.size]
        last = max(packets, key=lambda packet: packet.pts or 0)
        length = (last.pts or 0) + (last.duration or 0)
        with av.open(str(target), "w") as new:
            written = new.add_stream_from_template(stream)
            for _ in range(times):
                for packet in packets:
                    packet.stream = written
                    new.mux(packet)
                    packet.pts, packet.dts = (packet.pts or 0) + length, (packet.dts or 0) + length
    return target


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> media.Truth:
    """Twelve shots of 31 to 140 frames, as x264 encodes them if nobody asks for anything."""
    return media.film(tmp_path_factory.mktemp("twelve") / "shots.mp4", LENGTHS)


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> media.Truth:
    """Three shots in groups of 24 frames, wherever the cuts are."""
    return media.film(tmp_path_factory.mktemp("fixed") / "fixed.mp4", (60, 70, 62), options={**FIXED, "g": "24"})


@pytest.fixture(scope="module")
def vp9(tmp_path_factory: pytest.TempPathFactory) -> media.Truth:
    """Three shots in groups of 24 frames."""
    path = tmp_path_factory.mktemp("vp9") / "fixed.webm"
    return media.film(path, (60, 110, 50), codec="libvpx-vp9", options={**REALTIME, "g": "24", "keyint_min": "24"})


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of 36,000 frames, which nobody wants to read to its end."""
    folder = tmp_path_factory.mktemp("hour")
    truth = media.film(folder / "part.mp4", (60, 200, 100), width=160, height=90, options={**SUPERFAST, "g": "48"})
    return repeated(truth.path, folder / "hour.mp4", 100)


@pytest.mark.parametrize(
    ("name", "how", "asked", "used", "reason"),
    [
        ("a.mp4", {}, {"scan": "full"}, "full", "^asked for$"),
        ("a.mp4", {}, {"scan": "fast"}, "fast", "^the encoder placed key frames, at most [0-9]+ frames apart$"),
        ("b.mp4", {"options": {"g": "12"}}, {"scan": "fast"}, "fast", "at most 12 frames apart"),
        ("a.mp4", {}, {}, "full", "^the film is shorter than 5 minutes$"),
        ("a.mp4", {}, {"scan": "fast", "detector": "adaptive"}, "full", "^the adaptive detector needs every frame$"),
        (
            "c.avi",
            {"codec": "mpeg4", "options": {"b": "2000000"}},
            {"scan": "fast"},
            "full",
            "^packets of mpeg4 are not frames, one each$",
        ),
        ("d.webm", {"codec": "libvpx", "options": REALTIME}, {"scan": "fast"}, "full", "packets of vp8"),
        ("e.mp4", {"options": {"g": "1"}}, {"scan": "fast"}, "full", "^every frame is a key frame$"),
        ("f.h264", {}, {"scan": "fast"}, "full", "^its packets have no time stamps, or some have the same$"),
        ("g.mkv", {"codec": "ffv1"}, {"scan": "fast"}, "full", "packets of ffv1"),
    ],
)
def test_how_a_film_is_read_and_why(
    tmp_path: Path, name: str, how: dict[str, Any], asked: dict[str, Any], used: str, reason: str
) -> None:
    truth = media.film(tmp_path / name, (40, 25), width=160, height=90, **how)
    with Film(truth.path) as film:
        scanning = scan(film, Settings(**asked))
        assert (scanning.how.asked, scanning.how.used) == (asked.get("scan", "auto"), used)
        assert re.search(reason, scanning.how.reason)
        assert [found.shot.start_frame for found in scanning.shots] == [0, 40]
        assert scanning.observer.frame_count == 65


def test_a_long_film_is_read_fast_without_being_asked(twelve: media.Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "LONG_S", 30.0)
    found = seen(twelve.path, "auto")
    assert (found.how.asked, found.how.used) == ("auto", "fast")
    assert found.starts == [0, *twelve.cuts]
    monkeypatch.setattr(choice, "LONGEST_GOP", 50)
    with Film(twelve.path) as film:
        how = scan(film, Settings()).how
    assert how == Scan("auto", "full", "its key frames are 140 frames apart")


def test_joined_streams_and_missing_beginnings_are_read_whole(fixed: media.Truth, tmp_path: Path) -> None:
    part = media.film(tmp_path / "part.ts", (30,), width=160, height=90)
    (tmp_path / "joined.ts").write_bytes(part.path.read_bytes() * 2)
    with Film(tmp_path / "joined.ts") as film:
        assert scan(film, Settings(scan="fast")).how.reason.endswith("or some have the same")
    with av.open(str(fixed.path)) as old, av.open(str(tmp_path / "headless.mkv"), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in [packet for packet in old.demux(video=0) if packet.size][5:]:
            packet.stream = stream
            new.mux(packet)
    with Film(tmp_path / "headless.mkv") as film:
        assert scan(film, Settings(scan="fast")).how.reason == "it does not begin with a key frame"


def test_the_report_says_how_the_film_was_read(twelve: media.Truth, tmp_path: Path) -> None:
    report = Tagger(Settings(scan="fast")).extract(twelve.path)
    assert (report.scan.asked, report.scan.used) == ("fast", "fast")
    assert report.scan.reason.startswith("the encoder placed key frames")
    assert report.settings["scan"] == "fast"
    assert (report.status, report.video.frame_count) == ("ok", twelve.frame_count)
    assert [shot.start_frame for shot in report.shots] == [0, *twelve.cuts]
    document = json.loads(as_json(report))
    assert document["scan"] == {"asked": "fast", "used": "fast", "reason": report.scan.reason}
    (tmp_path / "report.json").write_text(as_json(report))
    assert read_report(tmp_path / "report.json").scan == report.scan


@pytest.mark.parametrize("asked", ["full", "fast"])
def test_a_scan_tells_how_far_it_is(twelve: media.Truth, asked: str) -> None:
    told: list[tuple[float, float | None]] = []
    with Film(twelve.path) as film:
        assert len(list(scan(film, Settings(scan=asked), lambda *at: told.append(at)).shots)) == len(LENGTHS)
    times_s = [time_s for time_s, _ in told]
    assert times_s == sorted(times_s)
    assert times_s[-1] == pytest.approx(twelve.frame_count / 25, abs=0.05)
    assert all(declared == pytest.approx(twelve.frame_count / 25, abs=0.05) for _, declared in told)


def test_a_film_as_x264_makes_it(twelve: media.Truth) -> None:
    found = assert_alike(twelve.path, twelve.cuts)
    assert [media.read_number(picture.pixels) for picture in found.pictures] == [f.frame for f in found.keyframes]
    assert [found.info.width, found.info.height] == [320, 180]
    assert found.info.observed.decode_failures == 0


@pytest.mark.parametrize("name", KINDS)
def test_the_same_of_every_kind(name: str, tmp_path: Path) -> None:
    truth = media.film(tmp_path / name, FEWER, **KINDS[name])
    found = assert_alike(truth.path, truth.cuts)
    assert [media.read_number(picture.pixels) for picture in found.pictures] == [f.frame for f in found.keyframes]


def test_a_film_that_stands_on_its_side(twelve: media.Truth, tmp_path: Path) -> None:
    body = bytearray(twelve.path.read_bytes())
    matrix = body.index(b"tkhd") + 44
    struct.pack_into(">9i", body, matrix, 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    (tmp_path / "turned.mp4").write_bytes(body)
    found = assert_alike(tmp_path / "turned.mp4", twelve.cuts)
    assert (found.info.width, found.info.height) == (180, 320)
    assert {picture.pixels.shape for picture in found.pictures} == {(320, 180, 3)}


@pytest.mark.parametrize(("rate", "g", "length"), [(25, 24, 25), (50, 31, 32), (60, 47, 48)])
def test_a_cut_anywhere_in_a_group_is_found(
    rate: int, g: int, length: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups and shots of lengths one apart: the cuts lie on each frame of a group, the first and the last too."""
    monkeypatch.setattr(choice, "BUSY", 1.0)  # or the film would be read whole: see the next test
    options = {**FIXED, "g": str(g)}
    shown = media.shots((length,) * (g + 1), width=160, height=90)
    cuts = tuple(length * at for at in range(1, g + 1))
    truth = media.write(tmp_path / "phases.mp4", shown, cuts=cuts, rate=rate, options=options)
    assert_alike(truth.path, truth.cuts, min_shot_s=0.3)


@pytest.mark.parametrize(("length", "used"), [(25, "full"), (100, "fast")])
def test_where_most_groups_hold_a_boundary_nothing_is_skipped(length: int, used: str, tmp_path: Path) -> None:
    options = {**FIXED, "g": "24"}
    shown = media.shots((length,) * (400 // length), width=160, height=90)
    path = media.write(tmp_path / "busy.mp4", shown, options=options).path
    assert seen(path, "fast").how.used == used


def test_a_cut_shortly_after_a_key_frame_is_found_by_its_packet(tmp_path: Path) -> None:
    """x264 sets key frames no nearer than 25 frames to each other: every second cut of these has none."""
    truth = media.film(tmp_path / "quick.mp4", (60, *(20,) * 11, 60))
    keys = {gop.first_frame for gop in groups_of(truth.path)}
    assert len(set(truth.cuts) - keys) > 3
    assert_alike(truth.path, truth.cuts)


def test_cuts_under_a_variable_rate_have_the_time_of_their_frame(tmp_path: Path) -> None:
    lengths = (30, 42, 30)
    durations = (1,) * 30 + (10,) * 42 + (1,) * 30
    pictures = media.shots(lengths)
    how: dict[str, Any] = {"durations": durations, "options": {**SUPERFAST, "g": "20"}}
    truth = media.write(tmp_path / "vfr.mkv", pictures, cuts=(30, 72), rate=50, **how)
    found = assert_alike(truth.path, truth.cuts, min_shot_s=0.3)
    assert [shot.start_s for shot in found.shots] == pytest.approx([0.0, 0.6, 9.0], abs=1e-3)
    times_s = [truth.times_s[keyframe.frame] for keyframe in found.keyframes]
    assert [keyframe.time_s for keyframe in found.keyframes] == pytest.approx(times_s, abs=1e-3)


def test_frames_that_an_edit_list_hides_count_nowhere(tmp_path: Path) -> None:
    """Trimmed without encoding: the first key frame is there, but not shown, and the first cut follows soon."""
    truth = media.film(tmp_path / "whole.mp4", (40, 60, 50), options=SUPERFAST)
    body = bytearray(truth.path.read_bytes())
    edit = body.index(b"elst") + 16
    struct.pack_into(">i", body, edit, struct.unpack_from(">i", body, edit)[0] + 15 * 512)
    (tmp_path / "trimmed.mp4").write_bytes(body)
    found = assert_alike(tmp_path / "trimmed.mp4", (25, 85))
    assert found.info.frame_count == 135


@pytest.mark.parametrize("g", [24, 250])
def test_a_dissolve_has_its_boundary_inside(g: int, tmp_path: Path) -> None:
    """Between two key frames, and in the only group of a film."""
    one, two = (list(media.shots((120,), number=False)), [media.scenery(1, 320, 180)] * 120)
    shares = np.arange(1, 17) / 17
    middle = [np.round(a * (1 - s) + b * s).astype(np.uint8) for a, b, s in zip(one[-16:], two, shares, strict=False)]
    pictures = iter([*one[:-16], *middle, *two[16:]])
    truth = media.write(tmp_path / "dissolve.mp4", pictures, options={**FIXED, "g": str(g)})
    for asked in ("full", "fast"):
        found = seen(truth.path, asked)
        assert len(found.shots) == 2
        assert 104 <= found.starts[1] <= 120
        assert_whole(found)


def test_a_group_of_full_length_is_looked_into_though_it_is_the_only_one(tmp_path: Path) -> None:
    """The second of four groups is full, and holds a dissolve; the others end with a cut."""
    scenes = [[media.scenery(seed, 320, 180)] * 100 for seed in range(4)]
    shares = np.arange(1, 25) / 25
    middle = [np.round(scenes[1][0] * (1 - s) + scenes[2][0] * s).astype(np.uint8) for s in shares]
    pictures = iter([*scenes[0][:40], *scenes[1][:60], *middle, *scenes[2][:76], *scenes[3][:50]])
    truth = media.write(tmp_path / "once.mp4", pictures, options={**SUPERFAST, "g": "120"})
    assert [gop.first_frame for gop in groups_of(truth.path)] == [0, 40, 160, 200]
    found = seen(truth.path, "fast")
    assert len(found.shots) == 4
    assert 100 <= found.starts[2] <= 124


@pytest.mark.parametrize(("g", "length"), [(48, 400), (250, 240), (250, 600)])
def test_of_a_shot_of_whatever_groups_its_middle(g: int, length: int, tmp_path: Path) -> None:
    options = {**FIXED, "g": str(g)}
    truth = media.film(tmp_path / "one.mp4", (length,), width=160, height=90, options=options)
    found = assert_alike(truth.path, ())
    (keyframe,) = found.keyframes
    assert (keyframe.frame, keyframe.off_middle_frames) == (length // 2, 0)


@pytest.mark.parametrize("groups", [18, 19, 20, 21])
def test_little_memory_for_packets_costs_nearness_alone(groups: int, tmp_path: Path) -> None:
    options = {**FIXED, "g": "12"}
    truth = media.film(tmp_path / "long.mp4", (12 * groups,), width=160, height=90, options=options)
    most = max(gop.nbytes for gop in groups_of(truth.path))
    off = []
    for held in (0, 2.5, 3.5, 4.5, 6.5, 100):
        found = seen(truth.path, "fast", reservoir_bytes=int(held * most))
        assert len(found.shots) == 1
        assert_whole(found)
        off.append(found.keyframes[0].off_middle_frames)
    assert off[-1] == 0


def test_one_frame_is_one_shot(tmp_path: Path) -> None:
    truth = media.film(tmp_path / "frame.mp4", (1,))
    assert seen(truth.path, "fast").how.used == "full"
    with Film(truth.path) as film:
        observer = Observer()
        (found,) = fast_scan(film, Settings(scan="fast"), {1}, 2, observer, None)
        assert (found.shot.start_frame, found.shot.end_frame, found.shot.keyframe.frame) == (0, 1, 0)
        assert film.info(observer).duration_s == pytest.approx(0.04)


def test_the_number_of_cores_changes_nothing(twelve: media.Truth) -> None:
    runs = []
    for cores in (1, 7):
        with Film(twelve.path) as film:
            found = fast_scan(film, Settings(), {140}, cores, Observer(), None)
            runs.append([(picture.shot, picture.pixels.tobytes()) for picture in found])
    assert runs[0] == runs[1]


@pytest.mark.parametrize("frame", [72, 96, 192])
def test_a_damaged_key_frame_costs_its_group_and_no_shot(vp9: media.Truth, frame: int, tmp_path: Path) -> None:
    """The first follows a group with a cut; in the second the keyframe would be; the third begins the last but one."""
    groups = {gop.first_frame: gop for gop in groups_of(vp9.path)}
    assert [*groups] == [*range(0, 220, 24)]
    found = seen(without(vp9.path, tmp_path / "broken.webm", [groups[frame].packets[0]]), "fast")
    assert found.how.used == "fast"
    assert found.info.observed.decode_failures > 0
    assert found.starts == [0, *vp9.cuts]
    assert_whole(found)
    assert not any(frame <= keyframe.frame < frame + 24 for keyframe in found.keyframes)


def test_a_film_of_which_nothing_can_be_decoded_is_an_error(vp9: media.Truth, tmp_path: Path) -> None:
    broken = without(vp9.path, tmp_path / "noise.webm", [gop.packets[0] for gop in groups_of(vp9.path)])
    with Film(broken) as film:
        assert scan(film, Settings(scan="fast")).how.used == "fast"
    for asked in ("full", "fast"):
        with pytest.raises(EmptyVideo, match="gave no picture"):
            seen(broken, asked)


@pytest.mark.parametrize("name", ["placed.mkv", "placed.ts", "vp9.webm"])
def test_a_damaged_file_gives_what_is_left(name: str, tmp_path: Path) -> None:
    truth = media.film(tmp_path / name, (40, 50, 30), width=160, height=90, **KINDS[name])
    body, damaged, used = truth.path.read_bytes(), tmp_path / f"damaged {name}", 0
    for attempt in range(9):
        rng, changed = random.Random(attempt), bytearray(body)
        for _ in range((1, 5, 60)[attempt % 3]):
            changed[rng.randrange(2000, len(body))] = rng.randrange(256)
        damaged.write_bytes(changed)
        begun = time.monotonic()
        with suppress(VideoUnreadable):
            found = seen(damaged, "fast")
            used += found.how.used == "fast"
            assert 60 <= found.info.frame_count <= 120
            assert_whole(found)
        assert time.monotonic() - begun < 10, f"attempt {attempt} hung"
    assert used >= 4


@pytest.mark.parametrize("name", ["placed.mkv", "placed.ts"])
def test_a_cut_off_film_is_read_to_where_it_ends(name: str, tmp_path: Path) -> None:
    truth = media.film(tmp_path / name, FEWER, width=160, height=90, **KINDS[name])
    cut = tmp_path / f"cut {name}"
    cut.write_bytes(truth.path.read_bytes()[: truth.path.stat().st_size * 6 // 10])
    full, fast = seen(cut, "full"), seen(cut, "fast")
    assert fast.how.used == "fast"
    assert abs(fast.info.frame_count - full.info.frame_count) <= 2
    assert 100 < fast.info.frame_count < truth.frame_count
    whole = full.info.frame_count - 3  # the end is broken
    assert [start for start in fast.starts if start < whole] == full.starts
    assert_whole(fast)
    if fast.info.declared.duration_s == pytest.approx(truth.frame_count / 25, abs=0.1):
        assert fast.status == "truncated"


def test_a_cut_off_film_with_its_index_first_says_so(twelve: media.Truth, tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    with av.open(str(twelve.path)) as old, av.open(str(whole), "w", options={"movflags": "+faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    full, fast = seen(whole, "full"), seen(whole, "fast")
    assert fast.how.used == "fast"
    assert fast.starts == full.starts
    assert abs(fast.info.frame_count - full.info.frame_count) <= 2
    assert fast.status == "truncated"
    assert_whole(fast)


def test_a_film_deleted_while_it_is_read(fixed: media.Truth, tmp_path: Path) -> None:
    gone = tmp_path / "gone.mp4"
    gone.write_bytes(fixed.path.read_bytes())
    with Film(gone) as film:
        found = scan(film, Settings(scan="fast")).shots
        gone.unlink()
        with suppress(VideoUnreadable):
            assert [picture.shot.start_frame for picture in found] == [0, *fixed.cuts]


def test_leaving_in_the_middle_ends_soon(hour: Path) -> None:
    with Film(hour) as film:
        scanning = scan(film, Settings(scan="fast"))
        assert scanning.how.used == "fast"
        assert next(scanning.shots).shot.index == 0
        left = time.monotonic()
        scanning.shots.close()
        assert time.monotonic() - left < 2
        assert scanning.observer.frame_count < 6000
    assert decode_threads() == []


def test_a_runner_that_needs_no_more_stops_it_soon(hour: Path) -> None:
    """As the pipeline does when the network fails."""
    with Film(hour) as film:
        scanning = scan(film, Settings(scan="fast"))
        with RunAhead(scanning.shots, 2, film.abandon) as ahead:
            assert next(iter(ahead)).shot.index == 0
            left = time.monotonic()
        assert time.monotonic() - left < 3
        assert scanning.observer.frame_count < 9000
    assert decode_threads() == []


# The one loop that reads films


def opened_files() -> list[str]:
    return [str(link.readlink()) for link in Path("/proc/self/fd").glob("*") if link.is_symlink()]


def test_a_reader_gives_pictures_and_then_the_film(twelve: media.Truth) -> None:
    with FilmReader(twelve.path, Settings(scan="fast")) as reader:
        found = list(reader.pictures(32))
        scanned = reader.scanned()
    assert {(picture.shape, picture.dtype) for picture in found} == {((32, 32, 3), np.dtype(np.uint8))}
    whole = seen(twelve.path, "fast")
    assert list(scanned.shots) == [picture.shot for picture in whole.pictures]
    assert (scanned.video, scanned.scan, scanned.status) == (whole.info, whole.how, whole.status)
    assert len(found) == sum(shot.keyframe.kept for shot in scanned.shots) == len(LENGTHS)
    assert all(np.array_equal(one, squash(two.pixels, 32)) for one, two in zip(found, whole.pictures, strict=True))


def test_of_what_is_dropped_there_is_a_shot_and_no_picture(twelve: media.Truth) -> None:
    with FilmReader(twelve.path, Settings(min_entropy_bits=8.0)) as reader:
        assert list(reader.pictures(32)) == []
        assert [shot.keyframe.kept for shot in reader.scanned().shots] == [False] * len(LENGTHS)


def test_a_reader_begins_at_once_and_runs_ahead_so_far(film: media.Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though nobody has taken a picture; and holds no more of them, however long the film is."""
    made: list[int] = []

    def shots() -> Generator[ShotPicture, None, None]:
        for at in range(100):
            made.append(at)
            shot = ScannedShot(at, at, at + 1, at, at + 1, Keyframe(at, at, 0, 7.0, True))
            yield ShotPicture(shot, np.zeros((9, 9, 3), np.uint8))

    monkeypatch.setattr(choice, "scan", lambda *_: Scanning(Scan("full", "full", "made up"), shots(), Observer()))
    monkeypatch.setattr(choice, "KEYFRAMES_AHEAD", 5)
    with FilmReader(film.path, Settings()) as reader:
        shown = reader.pictures(9)
        for taken in (0, 20):
            deadline = time.monotonic() + 10
            while len(made) < taken + 6 and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.05)
            assert len(made) == taken + 6  # five wait, and one is in hand
            assert len(list(itertools.islice(shown, 20))) == 20
        assert len(list(shown)) == 60
        assert len(reader.scanned().shots) == len(made) == 100


def test_a_slow_taker_does_not_lengthen_the_scan(twelve: media.Truth) -> None:
    with FilmReader(twelve.path, Settings()) as reader:
        shown = reader.pictures(32)
        next(shown)
        time.sleep(3.0)
        assert len(list(shown)) == len(LENGTHS) - 1
        assert 0 < reader.scanned().scan_s < 3.0


@pytest.mark.parametrize("asked", ["full", "fast"])
def test_a_reader_that_is_left_by_an_error_leaves_nothing_behind(asked: str, hour: Path) -> None:
    before, files, since = set(threading.enumerate()), opened_files(), time.monotonic()
    with pytest.raises(ZeroDivisionError), FilmReader(hour, Settings(scan=asked)) as reader:
        next(reader.pictures(32))
        raise ZeroDivisionError
    assert time.monotonic() - since < 10
    assert set(threading.enumerate()) <= before
    assert str(hour) not in opened_files()
    assert len(opened_files()) <= len(files)


def test_what_cannot_be_read_is_said_where_it_is_entered_or_read(vp9: media.Truth, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    gone = FilmReader(tmp_path / "gone.mp4", Settings())
    with pytest.raises(PathMissing, match="gone.mp4: no such file"), gone:
        pytest.fail("nothing was there to be opened")
    broken = without(vp9.path, tmp_path / "noise.webm", [gop.packets[0] for gop in groups_of(vp9.path)])
    with FilmReader(broken, Settings()) as reader, pytest.raises(EmptyVideo):
        list(reader.pictures(32))
    assert set(threading.enumerate()) <= before


# Not ru_maxrss, which Linux hands on from the parent.
PEAK = """
import re, sys
from pathlib import Path
from tagger.shots.scan import FilmReader, Scanning, scan
from tagger.settings import Settings
from tagger.video.film import Film
from tagger.video.observer import Observer
with Film(Path(sys.argv[1])) as film:
    found = scan(film, Settings(scan="fast"))
    count = sum(1 for _ in found.shots)
print(found.how.used, count, *re.findall(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text()))
"""


def test_memory_does_not_grow_with_the_film(tmp_path: Path) -> None:
    """The same shots ten and sixty times: at most 10 % apart (the bounds are full after ten rounds)."""
    lengths = (60, 200, 90)
    once = media.film(tmp_path / "once.mp4", lengths, width=480, height=270, options={**SUPERFAST, "g": "48"})
    peaks = []
    for times in (10, 60):
        path, shots = repeated(once.path, tmp_path / f"{times}.mp4", times), 3 * times
        done = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
        used, found, peak = done.stdout.split()
        assert (used, int(found)) == ("fast", shots)
        peaks.append(int(peak))
    assert peaks[1] <= 1.1 * peaks[0], peaks


def test_real_clips_are_read_alike(shared: Path) -> None:
    """What a fast scan finds beyond or short of a full one is little, and it knows the film as well."""
    names = ("clips/srs_avatar.flv", "openmovie/sintel_trailer.mp4", "openmovie/sintel_vp9.webm")
    near = total = 0
    for name in names:
        full, fast = (seen(shared / "videos" / name, asked) for asked in ("full", "fast"))
        assert fast.how.used == "fast"
        assert_whole(fast)
        assert fast.info == full.info
        for some, others in ((full.starts, fast.starts), (fast.starts, full.starts)):
            near += sum(min(abs(start - other) for other in others) <= 16 for start in some)
            total += len(some)
    # Of a fade the one names the middle, the other perhaps the key frame at its end; some need every frame.
    assert near > 0.7 * total


def test_odd_files_give_frames_or_one_clear_line(shared: Path) -> None:
    read = 0
    for path in sorted((shared / "videos/odd").iterdir()):
        try:
            with Film(path) as film:
                how = scan(film, Settings(scan="fast")).how
            if how.used == "fast":
                assert_whole(seen(path, "fast"))
                read += 1
        except VideoUnreadable as error:
            assert "\n" not in str(error)
    assert read > 10


def test_key_frames_that_do_not_decode_alone_are_none(tmp_path: Path) -> None:
    """H.264 with intra refresh: FFmpeg flags its recovery points, at which most of a picture is yet to come."""
    truth = media.film(
        tmp_path / "film.mp4", (60, 60, 60), options={"x264-params": "intra-refresh=1:keyint=40", "preset": "fast"}
    )
    with Film(truth.path) as film:
        scanning = scan(film, Settings(scan="fast"))
        shots = [picture.shot for picture in scanning.shots]
    assert scanning.how.used == "full"
    assert "do not decode alone" in scanning.how.reason
    assert [shot.start_frame for shot in shots] == [0, 60, 120]
    assert shots[-1].end_frame == 180
