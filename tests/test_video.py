"""Every frame, once, in order, with its true time."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from shutil import which
from types import SimpleNamespace
from typing import Any

import av
import media
import numpy as np
import pytest

from tagger.errors import BadPath, EmptyVideo, NoVideoStream, VideoUnreadable
from tagger.settings import Opening
from tagger.video import film as module
from tagger.video.clock import Clock
from tagger.video.container import open_video
from tagger.video.film import Film
from tagger.video.observer import Observer
from tagger.video.pictures import KEYFRAME_SHORT_SIDE
from tagger.video_info import Declared, Observed, VideoInfo


def read(path: Path) -> tuple[list[int], list[float], VideoInfo]:
    observer = Observer()
    with Film(path) as film:
        seen = [(media.read_number(frame.pixels()), frame.time_s) for frame in film.frames(observer)]
        return [number for number, _ in seen], [time_s for _, time_s in seen], film.info(observer)


def rounded(observed: Observed) -> Observed:
    return replace(observed, duration_s=round(observed.duration_s, 6))


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("b-frames.mp4", {"options": {"bf": "3", "b_strategy": "0"}}),
        ("open-gop.mkv", {"options": {"x264-params": "open-gop=1:keyint=12:bframes=3"}}),
        ("ten-bit.mkv", {"codec": "libx265", "pix_fmt": "yuv420p10le", "options": {"x265-params": "log-level=none"}}),
        ("full-chroma.mp4", {"pix_fmt": "yuv444p"}),
        ("vp9.webm", {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}),
        ("mpeg4.avi", {"codec": "mpeg4", "options": {"bf": "2", "q": "3"}}),
        ("stream.ts", {}),
    ],
)
def test_each_frame_once_in_order_with_its_time(tmp_path: Path, name: str, how: dict[str, Any]) -> None:
    truth = media.film(tmp_path / name, (20, 30), **how)
    numbers, times_s, info = read(truth.path)
    assert numbers == list(range(50))
    assert np.diff(times_s) == pytest.approx(np.full(49, 0.04), abs=2e-3)
    assert info.frame_count == truth.frame_count
    assert (info.width, info.height) == (320, 180)
    assert info.duration_s - times_s[0] == pytest.approx(2.0, abs=0.05)


def test_variable_frame_rate_times_come_from_the_frames(tmp_path: Path) -> None:
    durations = (1, 1, 60, 30, 2, 5, 1, 1, 25, 10)
    truth = media.write(tmp_path / "vfr.mkv", media.shots((10,)), rate=60, durations=durations)
    numbers, times_s, _ = read(truth.path)
    assert numbers == list(range(10))
    assert times_s == pytest.approx(truth.times_s, abs=1e-3)  # Matroska counts milliseconds


def test_clock_starts_at_zero_when_the_stream_starts_late(tmp_path: Path) -> None:
    truth = media.write(tmp_path / "late.ts", media.shots((25,)), start=90)
    _, times_s, info = read(truth.path)
    assert times_s[0] == pytest.approx(0.0, abs=1e-6)
    assert info.duration_s == pytest.approx(1.0, abs=0.05)


def test_joined_streams_are_one_film_in_time(tmp_path: Path) -> None:
    """The clock of the second part starts again from the beginning."""
    part = media.film(tmp_path / "part.ts", (50,))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.path.read_bytes() * 2)
    _, times_s, info = read(joined)
    assert len(times_s) == 100
    assert np.diff(times_s) == pytest.approx(np.full(99, 0.04), abs=0.05)
    assert info.duration_s == pytest.approx(4.0, abs=0.2)


def test_a_late_frame_of_the_part_before_does_not_shift_the_clock() -> None:
    clock = Clock(1_400_000, Fraction(1, 1000), 0.04)
    stamps = [*range(1400, 11_400, 40), 1400, 11_400, *range(1440, 3400, 40)]
    times_s = [clock.read(stamp) for stamp in stamps]
    assert times_s == sorted(set(times_s))
    assert times_s[-1] == pytest.approx(len(stamps) * 0.04, abs=0.2)


def test_a_film_deleted_while_it_is_read_is_known_by_what_it_was(tmp_path: Path) -> None:
    truth = media.film(tmp_path / "gone.mp4", (50,))
    size = truth.path.stat().st_size
    with Film(truth.path) as film:
        frames = film.frames()
        next(frames)
        truth.path.unlink()
        assert 1 + sum(1 for _ in frames) == 50
        assert film.info(Observer()).size_bytes == size


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("a.mp4", Declared(2.0, 50, 25.0)),
        ("b.mkv", Declared(2.0, None, 25.0)),
        ("c.h264", Declared(None, None, 25.0)),
    ],
)
def test_what_a_file_declares_stands_beside_what_was_seen(name: str, declared: Declared, tmp_path: Path) -> None:
    truth = media.film(tmp_path / name, (20, 30))
    _, _, info = read(truth.path)
    assert info.declared == declared
    assert rounded(info.observed) == Observed(2.0, 320, 180, 50, 0)
    seen = info.observed
    assert (info.duration_s, info.frame_count) == (seen.duration_s, seen.frame_count)
    assert (info.width, info.height) == (seen.width, seen.height)
    assert info.fps == pytest.approx(declared.fps)


def test_a_film_that_was_cut_off_declares_what_it_was(tmp_path: Path) -> None:
    whole = media.film(tmp_path / "whole.mkv", (50,), options={"g": "10"})
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.path.read_bytes()[: whole.path.stat().st_size // 2])
    _, times_s, info = read(cut)
    assert info.declared.duration_s == 2.0
    assert info.observed.frame_count == len(times_s) < 50
    assert info.observed.duration_s == pytest.approx(times_s[-1] + 0.04)


def test_where_no_rate_is_declared_a_usual_one_stands_in(film: media.Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    def bare(path: Path, opened: ExitStack, opening: Opening) -> tuple[Any, Any]:
        container, stream = open_video(path, opened)
        nothing = {"index": 0, "average_rate": None, "guessed_rate": None, "frames": 0, "duration": None}
        return container, SimpleNamespace(codec_context=stream.codec_context, metadata={}, start_time=None, **nothing)

    monkeypatch.setattr(module, "open_video", bare)
    with Film(film.path) as opened:
        assert opened.declared == Declared(4.0, None, None)
        assert opened.info(Observer()).fps == 25.0


def test_an_observer_knows_what_went_by_so_far(film: media.Truth) -> None:
    one, other = Observer(), Observer()
    assert not one.has_picture
    assert one.observed() == Observed(0.0, 0, 0, 0, 0)
    with Film(film.path) as opened, Film(film.path) as again:
        frames = opened.frames(one)
        for _ in range(3):
            next(frames)
        assert one.has_picture
        assert rounded(one.observed()) == Observed(0.12, 320, 180, 2, 0)  # two are done with
        assert other.observed() == Observed(0.0, 0, 0, 0, 0)
        assert sum(1 for _ in again.frames(other)) == 100
    assert rounded(other.observed()) == Observed(4.0, 320, 180, 100, 0)


def test_packets_that_fail_are_counted(tmp_path: Path) -> None:
    how: dict[str, Any] = {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}
    truth = media.film(tmp_path / "film.webm", (30,), **how)
    with av.open(str(truth.path)) as opened:
        packets = [bytes(packet) for packet in opened.demux(video=0) if packet.size]
    body = truth.path.read_bytes()
    truth.path.write_bytes(body.replace(packets[20], packets[20][:1] + b"\xff" * 9 + packets[20][10:]))
    _, times_s, info = read(truth.path)
    assert 0 < info.observed.decode_failures < 10
    assert 20 <= len(times_s) == info.observed.frame_count < 30


def test_rotation_is_undone(shared: Path) -> None:
    for name in ("mp4parse__video_rotation_90.mp4", "decord__video_90.mov"):
        observer = Observer()
        with Film(shared / "videos/odd" / name) as film:
            frame = next(film.frames(observer))
            assert frame.picture.width > frame.picture.height
            height, width, _ = frame.pixels().shape
            assert height > width
            info = film.info(observer)
            assert (info.width, info.height) == (frame.picture.height, frame.picture.width)


def test_odd_sizes_give_pictures(tmp_path: Path) -> None:
    truth = media.write(tmp_path / "odd.mkv", media.shots((5,), width=321, height=241), pix_fmt="yuv444p")
    with Film(truth.path) as film:
        shapes = {frame.pixels().shape for frame in film.frames()}
    assert shapes == {(241, 321, 3)}


def test_large_frames_are_bounded(tmp_path: Path) -> None:
    truth = media.write(
        tmp_path / "large.mp4", media.shots((2,), width=2560, height=1440), options={"preset": "ultrafast"}
    )
    with Film(truth.path) as film:
        assert next(film.frames()).pixels().shape == (KEYFRAME_SHORT_SIDE, round(512 * 2560 / 1440), 3)


def test_ten_bit_pixels_equal_their_eight_bit_twin(tmp_path: Path) -> None:
    pictures = [media.scenery(seed, 320, 180) for seed in range(3)]
    quality = {"x265-params": "log-level=none:crf=4"}
    films = [
        media.write(tmp_path / f"{depth}.mkv", iter(pictures), codec="libx265", pix_fmt=depth, options=quality)
        for depth in ("yuv420p", "yuv420p10le")
    ]
    means = []
    for truth in films:
        with Film(truth.path) as film:
            means.append([frame.pixels().astype(float) for frame in film.frames()])
    assert np.abs(np.array(means[0]) - np.array(means[1])).mean() < 3


def test_cut_off_file_gives_what_is_left(tmp_path: Path) -> None:
    whole = media.film(tmp_path / "whole.mkv", (50,), options={"bf": "2", "g": "10"})
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.path.read_bytes()[: whole.path.stat().st_size // 2])
    numbers, times_s, _ = read(cut)
    assert 15 <= len(numbers) < 50
    assert times_s == sorted(set(times_s))


def test_cover_art_is_no_film(tmp_path: Path) -> None:
    path = tmp_path / "song.mkv"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        frame.rate, frame.pts = 48000, 0
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    with pytest.raises(NoVideoStream, match="song.mkv: holds no video stream \\(audio\\)"):
        Film(path)


def test_metadata_in_an_old_encoding_is_no_obstacle(tmp_path: Path) -> None:
    truth = media.film(tmp_path / "named.avi", (20,), codec="mpeg4", title="Fellini ++++")
    latin = truth.path.read_bytes().replace(b"Fellini ++++", "Fellini \u00e8\u00e9\u00e0\u00f9".encode("latin-1"))
    assert latin != truth.path.read_bytes()
    truth.path.write_bytes(latin)
    numbers, _, _ = read(truth.path)
    assert numbers == list(range(20))


def test_playlists_open_nothing_else(tmp_path: Path, film: media.Truth) -> None:
    script = tmp_path / "trick.mp4"
    script.write_text(f"ffconcat version 1.0\nfile {film.path}\n")
    with pytest.raises(VideoUnreadable):
        Film(script)


@pytest.mark.parametrize("body", [b"", b"hello", bytes(range(256)) * 400], ids=["empty", "text", "noise"])
def test_what_is_no_video_says_so_in_one_line(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "no.mp4"
    path.write_bytes(body)
    with pytest.raises(VideoUnreadable) as caught:
        Film(path)
    assert "no.mp4" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(BadPath, match="no such file"):
        Film(tmp_path / "missing.mp4")
    with pytest.raises(BadPath, match="is a folder"):
        Film(tmp_path)
    with pytest.raises(BadPath, match="no regular file"):
        Film(Path("/dev/null"))


@pytest.mark.parametrize(
    "name",
    [
        "=cmd().mp4",
        "100% Wolf %03d.mp4",
        "a ! b.mp4",
        "concat:x.mp4",
        "-dash.mp4",
        "tab\there.mp4",
        "new\nline.mp4",
        "e\u0301.mp4",
    ],
)
def test_any_name_opens(tmp_path: Path, film: media.Truth, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_bytes(film.path.read_bytes())
    monkeypatch.chdir(tmp_path)
    with Film(Path(name)) as odd:
        assert sum(1 for _ in odd.frames()) == film.frame_count


def test_a_name_that_is_no_utf8_opens(tmp_path: Path, film: media.Truth) -> None:
    path = Path(str(tmp_path) + "/bad\udcff\udcfe.mp4")
    try:
        path.write_bytes(film.path.read_bytes())
    except (OSError, UnicodeError):
        pytest.skip("this file system has UTF-8 names only")
    with Film(path) as odd:
        assert sum(1 for _ in odd.frames()) == film.frame_count


@pytest.mark.skipif(
    int(av.__version__.split(".")[0]) < 18, reason="PyAV before 18 drops frames decoded beside a bad one"
)
def test_real_clips_show_every_frame_that_ffprobe_counts(shared: Path) -> None:
    if which("ffprobe") is None:
        pytest.skip("needs ffprobe to count against")
    differ = {}
    for path in sorted((shared / "videos").rglob("*.*")):
        found = 0
        try:
            with Film(path) as film:
                stream = film._stream.index
                found = sum(1 for _ in film.frames())
        except EmptyVideo:
            pass
        except VideoUnreadable:
            continue
        ask = ["ffprobe", "-v", "quiet", "-count_frames", "-select_streams", str(stream)]
        ask += ["-show_entries", "stream=nb_read_frames", "-of", "json", str(path)]
        answer = json.loads(subprocess.run(ask, capture_output=True, check=False).stdout)
        counted = int(answer["streams"][0].get("nb_read_frames", 0))
        if counted != found:
            differ[path.name] = (found, counted)
    assert differ == {}
