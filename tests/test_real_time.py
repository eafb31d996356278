"""Time and length as real files have them: rates, clocks and headers that lie, and what is lost on the way."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import media
import numpy as np
import pytest

from tagger.records import Scanned, Status
from tagger.settings import Settings
from tagger.shots import scan as reading
from tagger.shots.evidence import Choice
from tagger.shots.scan import FilmReader
from tagger.video.clock import REORDERED_FRAMES, Clock, Pace
from tagger.video.streams import own_duration_s
from tagger.video.structure import is_complete, is_fragmented

QUICK = {"preset": "ultrafast"}
CODECS = {
    "mkv": ("libx264", "aac"), "webm": ("libvpx", "libopus"), "flv": ("libx264", "aac"), "nut": ("mpeg4", "aac"),
    "mp4": ("libx264", "aac"), "mov": ("libx264", "aac"), "avi": ("mpeg4", "mp2"), "ts": ("libx264", "aac"),
    "mpg": ("mpeg2video", "mp2"), "wmv": ("wmv2", "mp2"),
}  # fmt: skip


def scanned(path: Path, scan: str = "full") -> Scanned:
    with FilmReader(path, Settings(scan=scan)) as reader:
        assert all(picture.shape == (32, 32, 3) for picture in reader.pictures(32))
        return reader.scanned()


def starts_s(found: Scanned) -> list[float]:
    return [shot.start_s for shot in found.shots]


# The rate


@pytest.mark.parametrize("name", ["claims.mkv", "claims.mp4"])
def test_a_rate_that_a_header_claims_is_not_believed(name: str, tmp_path: Path) -> None:
    """The stream is announced with 1000 frames/s, and its frames come every 40 ms."""
    with av.open(str(tmp_path / name), "w") as container:
        stream: Any = container.add_stream("libx264", rate=1000, options=QUICK)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for at, picture in enumerate(media.shots((30,) * 6)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts, frame.time_base = at * 40, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    found = scanned(tmp_path / name)
    assert starts_s(found) == pytest.approx([0, 1.2, 2.4, 3.6, 4.8, 6.0], abs=1e-3)
    assert found.video.fps == pytest.approx(25.0)
    assert found.video.duration_s == pytest.approx(7.2)  # the last frame lasts as long as the others
    assert found.status == "ok"
    if name.endswith("mkv"):
        assert found.video.declared.fps == 1000.0


@pytest.mark.parametrize("rate", [Fraction(60), Fraction(50), Fraction(24000, 1001)])
@pytest.mark.parametrize(
    ("name", "codec"),
    [("raw.h264", "libx264"), ("raw.hevc", "libx265"), ("raw.m2v", "mpeg2video"), ("disc.mpg", "mpeg2video")],
)
def test_raw_streams_have_their_rate(name: str, codec: str, rate: Fraction, tmp_path: Path) -> None:
    options = {"x265-params": "log-level=none", **QUICK} if codec == "libx265" else QUICK if codec == "libx264" else {}
    whole = round(rate)
    truth = media.film(tmp_path / name, (whole, 2 * whole), rate=rate, codec=codec, options=options)
    found = scanned(truth.path)
    assert found.video.fps == pytest.approx(float(rate), rel=1e-3)
    assert found.video.declared.fps == pytest.approx(float(rate), rel=1e-3)
    assert np.diff(starts_s(found)) == pytest.approx([float(whole / rate)], abs=0.02)
    assert found.video.duration_s - starts_s(found)[0] == pytest.approx(float(3 * whole / rate), abs=0.02)


def test_the_rate_is_seen_where_times_are_rounded_or_frames_are_missing() -> None:
    film = [round(at * 1001 / 24) / 1000 for at in range(2000)]  # Matroska's milliseconds
    holes = [*film[:500], *film[600:900], *film[901:]]  # of one picture nobody can say that it is missing
    for times in (film, holes):
        pace = Pace()
        for before, after in itertools.pairwise(times):
            pace.add(after - before)
        assert pace.step_s is not None
        assert 1 / pace.step_s == pytest.approx(24000 / 1001, rel=1e-4)
    assert pace.missing_s == pytest.approx(100 * 1001 / 24000, abs=0.01)


def test_a_rate_that_varies_has_no_missing_pictures() -> None:
    pace = Pace()
    for step in [0.04] * 50 + [0.2] * 50 + [3.0]:
        pace.add(step)
    assert pace.missing_s == 0.0
    assert Pace().step_s is None
    for step in range(10_000):
        pace.add(step / 1000)
    assert len(pace._steps) == Pace.STEPS_MAX


# The clock


def joined(tmp_path: Path, ext: str, first_s: int, second_s: int) -> Path:
    """Two recordings of 4 s, one after the other in one file, each with a clock that begins at its own time."""
    parts = [tmp_path / f"{place}.{ext}" for place in (1, 2)]
    for part, offset_s in zip(parts, (first_s, second_s), strict=True):
        media.with_sound(part, CODECS[ext], offset_s=offset_s)
    whole = tmp_path / f"joined.{ext}"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    return whole


@pytest.mark.parametrize("scan", ["full", "fast"])
@pytest.mark.parametrize(("ext", "times"), [("ts", (0, 3600)), ("ts", (3600, 0)), ("mpg", (0, 3600))])
def test_joined_recordings_last_as_long_as_both(ext: str, times: tuple[int, int], scan: str, tmp_path: Path) -> None:
    found = scanned(joined(tmp_path, ext, *times), scan)
    assert found.video.duration_s == pytest.approx(8.0, abs=0.1)
    assert [s - starts_s(found)[0] for s in starts_s(found) if s % 2 < 0.5] == pytest.approx([0, 2, 4, 6], abs=0.1)
    assert found.status == "ok"
    (note,) = [note for note in found.notes if note.startswith("time:")]
    assert "recordings were joined" in note  # FFmpeg takes a step back in MPEG-TS for the clock's overflow after 26 h


@pytest.mark.parametrize("count", [20, 25, 30])
def test_short_pieces_with_clocks_of_their_own_last_as_long_as_all(count: int, tmp_path: Path) -> None:
    pieces = [media.film(tmp_path / f"{at}.ts", (count,), 160, 90, options=QUICK).path for at in range(8)]
    (tmp_path / "x.ts").write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    found = scanned(tmp_path / "x.ts")
    assert found.video.duration_s == pytest.approx(8 * count / 25, rel=0.02)
    assert found.video.fps == pytest.approx(25.0)
    assert found.status == "ok"


@pytest.mark.parametrize("scan", ["full", "fast"])
def test_pieces_that_go_on_are_whole(scan: str, tmp_path: Path) -> None:
    """FFmpeg marks a packet at each join: the numbers of the transport's packets begin anew."""
    pieces = [
        media.write(tmp_path / f"{at}.ts", media.shots((50,), 160, 90), start=50 * at, options=QUICK).path
        for at in range(6)
    ]
    (tmp_path / "x.ts").write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    found = scanned(tmp_path / "x.ts", scan)
    assert (found.status, found.notes) == ("ok", ())
    assert found.video.frame_count == 300


def test_pulldown_has_the_rate_of_its_film(tmp_path: Path) -> None:
    durations = (3, 2) * 59 + (3, 3)
    path = media.write(tmp_path / "x.ts", media.shots((60, 60), 160, 90), rate=60, durations=durations, options=QUICK)
    found = scanned(path.path)
    assert found.video.fps == pytest.approx(24.0, rel=2e-3)
    assert found.status == "ok"


def test_a_picture_that_comes_long_after_the_sound_has_its_time(tmp_path: Path) -> None:
    """Sound of 14 s, and pictures for its last two seconds."""
    path = tmp_path / "x.ts"
    media.with_sound(path, CODECS["ts"], 2, 14, late_s=12)
    found = scanned(path)
    assert starts_s(found)[0] == pytest.approx(12.0, abs=0.1)
    assert found.video.duration_s == pytest.approx(14.0, abs=0.1)


def test_a_pause_in_a_format_of_tables_is_a_pause(tmp_path: Path) -> None:
    durations = (1,) * 49 + (25 * 20,) + (1,) * 50
    truth = media.write(tmp_path / "pause.mkv", media.shots((50, 50)), durations=durations)
    found = scanned(truth.path)
    assert found.video.duration_s == pytest.approx(23.96, abs=0.01)
    assert found.status == "ok"
    assert found.notes == ("time: 1 times no new picture comes for over 10 s, at the longest for 20.0 s at 00:01",)


def test_late_pictures_behind_damage_do_not_set_the_clock() -> None:
    clock = Clock(0, Fraction(1, 25), 0.04)
    stamps = [*range(100), *range(200, 203), 100, 101, *range(203, 300)]
    times_s = [clock.read(stamp, 1) for stamp in stamps]
    assert times_s == sorted(set(times_s))
    assert times_s[-1] == pytest.approx(299 / 25)
    assert [*clock.notes()] == [] and clock.leapt_s == 0.0


def test_a_clock_that_is_set_anew_keeps_the_steps_between_frames() -> None:
    steps = [0, 1, 3, 4, 6] * 20
    clock = Clock(0, Fraction(1, 25), 0.04, restarts=True)
    second = [90_000 + 10 * (at // 5) + step for at, step in enumerate(steps)]
    times_s = [clock.read(stamp, 1) for stamp in (*range(100), *second)]
    assert times_s[:100] == pytest.approx([at / 25 for at in range(100)])
    assert times_s[100:] == pytest.approx([4.0 + (stamp - 90_000) / 25 for stamp in second])
    assert clock.leapt_s == pytest.approx(3600 - 4.0)
    assert len(second) > REORDERED_FRAMES


def test_in_avi_a_film_begins_at_its_first_picture(tmp_path: Path) -> None:
    """FFmpeg gives its frames decoding times: one late with B-frames; those of H.264 are out of order as well."""
    for codec, options in (
        ("mpeg4", {"bf": "2"}),
        ("libx264", {"bf": "3", "b_strategy": "0"}),
        ("libx264", {"bf": "0"}),
    ):
        truth = media.film(tmp_path / f"{codec}.avi", (30, 45, 25), codec=codec, options=options)
        found = scanned(truth.path, "fast")
        assert found.scan.used == "full"
        assert starts_s(found) == pytest.approx([0.0, 1.2, 3.0])
        assert [shot.start_frame for shot in found.shots] == [0, 30, 75]
        assert [shot.keyframe.time_s for shot in found.shots] == pytest.approx([0.6, 2.08, 3.48])
        assert found.video.duration_s == pytest.approx(4.0)
        assert found.video.fps == pytest.approx(25.0)


# The length


@pytest.mark.parametrize("ext", CODECS)
def test_sound_that_is_longer_than_the_picture_cuts_nothing_off(ext: str, tmp_path: Path) -> None:
    found = scanned(media.with_sound(tmp_path / f"x.{ext}", CODECS[ext], 4, 10).path)
    assert (found.status, found.video.frame_count) == ("ok", 100)
    assert all(
        note.startswith("length: the picture ends at 00:04, and the file goes on to 00:1") for note in found.notes
    )
    if ext in ("mkv", "webm", "mp4", "mov"):  # which say how long the picture is
        assert found.video.declared.duration_s == pytest.approx(4.0, abs=0.01)
        assert found.notes == ()


@pytest.mark.parametrize("ext", CODECS)
def test_a_clock_that_starts_late_cuts_nothing_off(ext: str, tmp_path: Path) -> None:
    found = scanned(media.with_sound(tmp_path / f"x.{ext}", CODECS[ext], offset_s=100).path)
    assert found.status == "ok"
    if ext != "avi":  # which fills up the time before with frames that hold nothing
        assert found.video.duration_s == pytest.approx(4.0, abs=0.1)
        assert found.video.declared.duration_s == pytest.approx(4.0, abs=0.2)


def test_a_short_flv_with_b_frames_is_whole(tmp_path: Path) -> None:
    truth = media.film(tmp_path / "x.flv", (40, 35), options={"bf": "3", "b_strategy": "0"})
    assert scanned(truth.path).status == "ok"


def avi_of_hours(body: bytearray) -> None:
    """Its headers say 10 hours."""
    frames = struct.pack("<I", 25 * 36_000)
    main, stream = body.index(b"avih"), body.index(b"strh")
    body[main + 8 + 16 : main + 8 + 20] = frames
    body[stream + 8 + 32 : stream + 8 + 36] = frames


def flv_of_hours(body: bytearray) -> None:
    place = body.index(b"duration") + len("duration") + 1
    body[place : place + 8] = struct.pack(">d", 36_000.0)


def matroska_of_hours(body: bytearray) -> None:
    """The length is in milliseconds, as a double; the tag of the stream, where there is one, says the same."""
    place = body.index(b"\x44\x89\x88") + 3
    body[place : place + 8] = struct.pack(">d", 36_000_000.0)
    tag = body.find(b"00:00:04.000000000")
    if tag >= 0:
        body[tag : tag + 18] = b"10:00:00.000000000"


@pytest.mark.parametrize(
    ("name", "codec", "change"),
    [("x.avi", "mpeg4", avi_of_hours), ("x.flv", "libx264", flv_of_hours), ("x.mkv", "libx264", matroska_of_hours)],
)
def test_a_header_that_is_wrong_cuts_nothing_off_and_a_missing_end_does(
    name: str, codec: str, change: Callable[[bytearray], None], tmp_path: Path
) -> None:
    path = tmp_path / name
    media.film(path, (50, 50), codec=codec)
    body = bytearray(path.read_bytes())
    change(body)
    path.write_bytes(body)
    found = scanned(path)
    assert found.video.declared.duration_s == pytest.approx(36_000)
    assert (found.status, found.notes) == ("ok", ("length: the file says 10:00:00, and is complete at 00:04",))
    path.write_bytes(body[: len(body) * 7 // 10])
    assert scanned(path).status == "truncated"
    path.write_bytes(body[: len(body) // 2] + bytes(len(body) - len(body) // 2))  # a download of full size
    assert scanned(path).status in ("truncated", "damaged")


def test_what_is_complete_is_read_from_the_file_itself(tmp_path: Path) -> None:
    for name, codec, form in (("x.avi", "mpeg4", "avi"), ("x.flv", "flv1", "flv"), ("x.mkv", "mpeg4", "matroska,webm")):
        body = media.film(tmp_path / name, (20,), codec=codec).path.read_bytes()
        assert is_complete(tmp_path / name, form)
        assert not is_complete(tmp_path / name, "mpegts")
        for cut in (0, 1, 3, 11, 40, len(body) // 2, len(body) - 20):
            (tmp_path / "cut").write_bytes(body[:cut])
            assert not is_complete(tmp_path / "cut", form), (name, cut)
    assert not is_complete(tmp_path / "missing", "avi")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("00:00:03.800000000", 3.8), ("10:00:00", 36_000.0), ("soon", None), ("1:2:3", None), (" 00:01:00.5 ", 60.5)],
)
def test_lengths_of_tags(text: str, expected: float | None) -> None:
    for key in ("DURATION", "DURATION-eng"):
        stream: Any = SimpleNamespace(duration=None, time_base=None, metadata={"language": "00:00:09.0", key: text})
        assert own_duration_s(stream) == expected


@pytest.mark.parametrize("seconds", [4, 320])
def test_a_film_that_does_not_say_how_long_it_is_is_measured(seconds: int, tmp_path: Path) -> None:
    """Written as live, Matroska has no length; and frames that last 4 s make a long film quickly."""
    lengths = (seconds * 25 // 2,) * 2 if seconds < 10 else (20,) * 4
    path = tmp_path / "live.mkv"
    with av.open(str(path), "w", options={"live": "1"}) as container:
        stream: Any = container.add_stream(
            "libx264", rate=25, options={**QUICK, "sc_threshold": "40", "scenecut": "40"}
        )
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for at, picture in enumerate(media.shots(lengths)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts, frame.time_base = at * (1 if seconds < 10 else 100), Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    found = scanned(path, "auto")
    assert found.video.declared.duration_s is None
    assert (found.scan.reason == "the film is shorter than 5 minutes") == (seconds == 4)


# What is lost


@dataclass(frozen=True)
class Damage:
    """What was made of some packets of a film of ten shots."""

    name: str
    codec: str
    kind: str
    status: Status


def spoil(path: Path, kind: str, first: int, last: int) -> None:
    body = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    if path.suffix == ".mpg":  # FFmpeg does not say where its packets lie
        body[len(body) // 3 : len(body) // 2] = bytes(len(body) // 2 - len(body) // 3)
        path.write_bytes(body)
        return
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        for packet in packets[first:last]:
            assert packet.pos is not None
            begin = packet.pos + (packet.size // 2 if kind == "halves" else 0)
            count = packet.pos + packet.size - begin
            body[begin : begin + count] = bytes(count) if kind == "zeros" else rng.bytes(count)
    path.write_bytes(body)


@pytest.mark.parametrize(
    "damage",
    [
        Damage("x.mp4", "libx264", "nothing", "ok"),
        Damage("x.mp4", "libx264", "zeros", "damaged"),
        Damage("x.mp4", "libx264", "halves", "damaged"),
        Damage("x.mkv", "libx264", "zeros", "damaged"),  # the demuxer passes over it: no packet fails
        Damage("x.ts", "libx264", "zeros", "damaged"),
        Damage("x.ts", "libx264", "halves", "damaged"),
        Damage("x.flv", "libx264", "zeros", "damaged"),
        Damage("x.mp4", "libx265", "zeros", "damaged"),
        Damage("x.mpg", "mpeg2video", "zeros", "damaged"),
    ],
    ids=lambda damage: f"{damage.name}-{damage.codec}-{damage.kind}",
)
def test_lost_pictures_are_said_by_both_scans(damage: Damage, tmp_path: Path) -> None:
    options = {"g": "50", **({"x265-params": "log-level=none"} if damage.codec == "libx265" else {})}
    if damage.codec.startswith("libx"):
        options |= {"preset": "veryfast"}
    path = media.film(tmp_path / damage.name, (40,) * 10, 160, 90, codec=damage.codec, options=options).path
    if damage.kind != "nothing":
        spoil(path, damage.kind, 130, 184)
    full, fast = scanned(path), scanned(path, "fast")
    assert (full.status, fast.status) == (damage.status, damage.status)
    for found in (full, fast):
        assert any(note.startswith("damaged:") for note in found.notes) == (damage.status == "damaged")
        assert not any("joined" in note for note in found.notes)
        assert found.video.duration_s == pytest.approx(16.0, abs=0.1)


def test_pictures_that_stand_are_no_lost_ones(tmp_path: Path) -> None:
    """Stills of 2 s among 25 frames a second, in a stream in which nothing is lost."""
    durations = ((1,) * 60 + (50,)) * 4
    path = media.write(tmp_path / "x.ts", media.shots((61,) * 4), durations=durations, options=QUICK).path
    found = scanned(path)
    assert (found.status, found.notes) == ("ok", ())


def test_a_few_lost_pictures_are_a_note(tmp_path: Path) -> None:
    path = media.film(tmp_path / "x.mp4", (100, 100), 160, 90, options={"g": "25", **QUICK}).path
    spoil(path, "zeros", 60, 62)
    found = scanned(path)
    assert found.status == "ok"
    assert any(note.startswith("damaged: ") for note in found.notes)


def test_a_raw_stream_that_begins_within_a_group_is_whole(tmp_path: Path) -> None:
    options = {"x264-params": "open-gop=1:keyint=15:bframes=5:b-pyramid=2"}
    body = media.film(tmp_path / "x.h264", (75,), 160, 90, options=options).path.read_bytes()
    (tmp_path / "x.h264").write_bytes(body[len(body) // 3 :])
    found = scanned(tmp_path / "x.h264")
    assert (found.status, *found.notes) == (
        "ok",
        "time: its pictures have no times: taken at 25 a second (--rate says otherwise)",
    )


def test_fragments_that_are_missing_are_missed(tmp_path: Path) -> None:
    """Its index lists the samples of the first fragment alone."""
    path = tmp_path / "x.mp4"
    with av.open(str(path), "w", options={"movflags": "frag_keyframe"}) as container:
        stream: Any = container.add_stream("libx264", rate=25, options={**QUICK, "g": "25"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for picture in media.shots((50, 50), 160, 90):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")))
        container.mux(stream.encode(None))
    body = path.read_bytes()
    assert is_fragmented(path) and not is_fragmented(tmp_path / "none.mp4")
    assert scanned(path).status == "ok"
    for share in (0.45, 0.6, 0.8):
        path.write_bytes(body[: int(share * len(body))])
        found = scanned(path)
        claimed = found.video.declared.duration_s or 0.0
        assert found.status == "truncated" or claimed <= found.video.duration_s + 0.3, (share, found.notes)


@pytest.mark.parametrize("how", ["references", "fast"])
def test_av1_loses_no_picture_in_a_fast_scan(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """dav1d goes on leaving out what it was told to leave out when it was opened."""
    options = {"preset": "12", "svtav1-params": "keyint=400:scd=0"}
    path = media.film(tmp_path / "x.mkv", (65, 70, 65), 160, 90, codec="libsvtav1", options=options).path
    monkeypatch.setattr(reading, "choose", lambda *_: Choice(how, "told to", {400}))
    for _ in range(3):
        found = scanned(path, "fast")
        assert (found.scan.used, found.status, found.notes) == (how, "ok", ())
        assert np.abs(np.subtract([shot.start_frame for shot in found.shots], [0, 65, 135])).max() <= (how != "fast")


def test_fields_in_two_packets_are_no_lost_pictures(tmp_path: Path) -> None:
    options = {"x264-params": "interlaced=1", **QUICK}
    path = media.film(tmp_path / "x.ts", (40, 40), 160, 96, options=options).path
    found = scanned(path)
    assert (found.status, found.notes) == ("ok", ())
