"""Clips of films as people have them: without an index, damaged, turned, with oblong pixels, at an uneven rate."""

from __future__ import annotations

import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import media
import numpy as np
import pytest
from av.video.stream import VideoStream

from tagger.video.cut import cut, suffix_of

QUARTER = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)  # of a display matrix: a quarter of a turn, clockwise


def numbers(path: Path) -> list[int]:
    with av.open(str(path)) as clip:
        return [
            media.read_number(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)) for frame in clip.decode(video=0)
        ]


def turned(path: Path) -> Path:
    """The film with a display matrix in the header of its track."""
    body = path.read_bytes()
    place = body.index(b"tkhd") + 4 + 40
    path.write_bytes(body[:place] + struct.pack(">9i", *QUARTER) + body[place + 36 :])
    return path


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(("name", "codecs"), [("x.ts", ("libx264", "aac")), ("x.mpg", ("mpeg2video", "mp2"))])
@pytest.mark.parametrize(("start_s", "first"), [(0.0, 0), (2.0, 50), (3.0, 75)])
def test_a_film_without_an_index_loses_no_picture(
    tmp_path: Path, name: str, codecs: tuple[str, str], exact: bool, start_s: float, first: int
) -> None:
    film = media.with_sound(tmp_path / name, codecs).path
    clip = tmp_path / f"clip{suffix_of(film, exact)}"
    cut(film, start_s, 4.0, clip, exact)
    shown = numbers(clip)
    assert shown[-1] == 99 and shown == [*range(shown[0], 100)]
    assert shown[0] == first if exact else shown[0] <= first


def test_an_exact_clip_stands_upright_with_the_pixels_of_its_film(tmp_path: Path) -> None:
    film = turned(media.film(tmp_path / "x.mp4", (50,), 160, 96).path)
    cut(film, 0.0, 1.0, tmp_path / "clip.mp4", exact=True)
    with av.open(str(film)) as told, av.open(str(tmp_path / "clip.mp4")) as clip:
        stored, shown = next(told.decode(video=0)), next(clip.decode(video=0))
        assert stored.rotation and (shown.width, shown.height, shown.rotation) == (96, 160, 0)
        upright = np.rot90(stored.to_ndarray(format="gray"), -1).astype(float)
        assert np.abs(upright - shown.to_ndarray(format="gray")).mean() < 4


@pytest.mark.parametrize("quarter", [False, True])
def test_an_exact_clip_keeps_oblong_pixels_and_colours(tmp_path: Path, quarter: bool) -> None:
    film = tmp_path / "x.mp4"
    with av.open(str(film), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p10le"
        context = stream.codec_context
        context.sample_aspect_ratio = Fraction(4, 3)
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 9, 9, 16
        for at in range(25):
            frame = av.VideoFrame(160, 96, "yuv420p10le")
            frame.pts, frame.time_base = at, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    cut(turned(film) if quarter else film, 0.0, 1.0, tmp_path / "clip.mp4", exact=True)
    with av.open(str(tmp_path / "clip.mp4")) as clip:
        made = clip.streams.video[0]
        assert made.sample_aspect_ratio == (Fraction(3, 4) if quarter else Fraction(4, 3))
        context = made.codec_context
        assert (context.color_range, context.colorspace, context.color_primaries, context.color_trc) == (1, 9, 9, 16)


def test_frames_that_come_unevenly_keep_their_times(tmp_path: Path) -> None:
    film = media.film(tmp_path / "x.mp4", (30,), rate=100, durations=(1, 9) * 15).path
    cut(film, 0.0, 1.5, tmp_path / "clip.mp4", exact=True)
    with av.open(str(tmp_path / "clip.mp4")) as clip:
        times = [round(100 * frame.time) for frame in clip.decode(video=0) if frame.time is not None]
    assert times == [at for pair in range(15) for at in (10 * pair, 10 * pair + 1)]


@pytest.mark.parametrize(("name", "codec"), [("x.flv", "flv"), ("x.wmv", "wmv2")])
def test_packets_of_old_containers_are_copied_into_such_a_one(tmp_path: Path, name: str, codec: str) -> None:
    film = tmp_path / name
    with av.open(str(film), "w") as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for at, picture in enumerate(media.shots((50,))):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts, frame.time_base = at, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    clip = tmp_path / f"clip{suffix_of(film, exact=False)}"
    cut(film, 1.0, 2.0, clip)
    assert clip.suffix == film.suffix and numbers(clip)[-1] == 49


def test_a_clip_of_packets_takes_no_memory_for_its_length(tmp_path: Path) -> None:
    film, side = tmp_path / "x.avi", 400
    with av.open(str(film), "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = side, side, "yuv420p"
        for at in range(600):
            frame = av.VideoFrame.from_ndarray(np.full((side * 3 // 2, side), at % 256, np.uint8), "yuv420p")
            frame.pts, frame.time_base = at, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    told = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    cutting = "from pathlib import Path; from tagger.video.cut import cut; cut(Path({!r}), 0.0, {}, Path({!r}))"
    peaks = []
    for end_s in (1.0, 24.0):
        script = f"{cutting.format(str(film), end_s, str(tmp_path / 'clip.avi'))}; {told}"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert (tmp_path / "clip.avi").stat().st_size > 600 * side**2 * 1.5
    assert peaks[1] - peaks[0] < 50_000  # KiB; the clip has 140 MiB
