"""The numbers of frames: by an independent count, and as films of many kinds carry them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import media
import numpy as np
import pytest
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st

from tagger import Settings
from tagger.shots.scan import scan
from tagger.timecode import Numbering, base_of, numbering, spelled
from tagger.video.film import Film

PAL, NTSC = Fraction(25), Fraction(30000, 1001)


MINUTES = 21  # two times ten, and one more


def labels(base: int, drop: bool) -> Iterator[str]:
    """The first timecodes as ST 12-1 says it: count all, leave out 00 and 01 of each minute but every tenth."""
    left_out = base // 15 if drop else 0
    for minute, second, frame in itertools.product(range(MINUTES), range(60), range(base)):
        if minute % 10 == 0 or second > 0 or frame >= left_out:
            yield f"00:{minute:02}:{second:02}{';' if drop else ':'}{frame:02}"


@pytest.mark.parametrize(("base", "drop"), [(30, True), (60, True), (25, False)])
def test_numbers_are_those_of_the_standard(base: int, drop: bool) -> None:
    numbers = Numbering(base, drop)
    expected = list(labels(base, drop))
    assert [numbers.code(frame) for frame in range(len(expected))] == expected
    assert [numbers.frame(label) for label in expected] == list(range(len(expected)))
    assert numbers.day == 144 * (expected.index(f"00:10:00{';' if drop else ':'}00"))
    assert numbers.code(numbers.day) == expected[0]
    assert numbers.code(-1) == f"23:59:59{';' if drop else ':'}{base - 1}"


@pytest.mark.parametrize(
    ("base", "drop", "frame", "code"),
    [
        (30, True, 1799, "00:00:59;29"), (30, True, 1800, "00:01:00;02"), (30, True, 17_981, "00:09:59;29"),
        (30, True, 17_982, "00:10:00;00"), (30, True, 107_892, "01:00:00;00"), (60, True, 3600, "00:01:00;04"),
        (24, False, 86_400, "01:00:00:00"), (25, False, 1500, "00:01:00:00"),
    ],
)  # fmt: skip
def test_known_numbers(base: int, drop: bool, frame: int, code: str) -> None:
    assert Numbering(base, drop).code(frame) == code
    assert Numbering(base, drop).frame(code) == frame


@given(st.sampled_from([1, 3, 24, 25, 30, 50, 60, 100]), st.integers(0, 10**6), st.booleans())
def test_each_timecode_names_one_frame(base: int, frame: int, drop: bool) -> None:
    numbers = Numbering(base, drop and base in (30, 60))
    assert numbers.frame(numbers.code(frame)) == frame % numbers.day


@pytest.mark.parametrize("code", ["00:01:00;00", "00:01:00;01", "00:00:00;30", "24:00:00;00", "1:00:00;00", ""])
def test_what_no_frame_has(code: str) -> None:
    assert Numbering(30, drop=True).frame(code) is None


@pytest.mark.parametrize(
    ("fps", "base"),
    [(23.9761, 24), (23.976, 24), (24.01, 24), (24.9, 25), (29.9698, 30), (29.97, 30), (47.95, 48), (49.9, 50),
     (59.4, 60), (59.9397, 60), (100.0, 100), (99.98, 100), (24.5, 24), (20.0, 20), (12.6, 13), (0.4, 1)],
)  # fmt: skip
def test_a_rate_that_was_measured_counts_as_the_one_it_is_near_to(fps: float, base: int) -> None:
    assert base_of(fps) == base


def test_numbers_are_dropped_where_the_film_says_so_and_the_rate_has_it() -> None:
    assert numbering(29.9698, "01:00:00;00") == numbering(29.97, "01:00:00;00") == Numbering(30, drop=True)
    assert numbering(59.939, "01:00:00;00") == Numbering(60, drop=True)
    assert numbering(29.97, "01:00:00:00") == numbering(29.97, None) == Numbering(30)
    assert numbering(25.0, "01:00:00;00") == Numbering(25)
    assert [spelled(f"01:00:00{point}02", 29.97) for point in ":;.,"] == ["01:00:00:02", *["01:00:00;02"] * 3]
    assert spelled(" 01:00:00;02\n", 25.0) == "01:00:00:02"
    assert [spelled(code, 25.0) for code in ("", "25:00:00:00", "00:60:00:00", "00:00:60:00", "1 h", "\udcff")] == [
        None
    ] * 6


# Films.


def make(path: Path, rate: Fraction, codec: str, code: str = "", reel: str = "", **how: Any) -> Path:
    """A second of noise in a container whose tags are these."""
    (width, height), pix_fmt = how.pop("size", (320, 180)), how.pop("pix_fmt", "yuv420p")
    with av.open(str(path), "w") as new:
        stream = new.add_stream(codec, rate=rate, options=how)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        # FFmpeg's muxers look at the tags of the one or of the other.
        tags = stream.metadata if path.suffix in (".mov", ".mp4", ".mkv") else new.metadata
        tags.update({name: text for name, text in (("timecode", code), ("reel_name", reel)) if text})
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(media.numbered(media.scenery(3, width, height), number), "rgb24")
            frame.pts, frame.time_base = number, 1 / rate
            new.mux(stream.encode(frame))
        new.mux(stream.encode(None))
    return path


def said(path: Path) -> tuple[str | None, str | None]:
    with Film(path) as film:
        return film.declared.timecode, film.declared.reel


DV_PAL, DV_NTSC = {"size": (720, 576)}, {"size": (720, 480), "pix_fmt": "yuv411p"}


@pytest.mark.parametrize(
    ("name", "rate", "codec", "code", "how"),
    [
        ("a.mov", NTSC, "libx264", "00:59:59;28", {}),
        ("b.mov", NTSC, "libx264", "00:59:59:28", {}),
        ("c.mov", 2 * NTSC, "libx264", "01:00:00;04", {}),
        ("d.mp4", PAL, "libx264", "10:00:00:24", {}),
        ("e.mxf", PAL, "mpeg2video", "10:00:00:24", {}),
        ("f.mxf", NTSC, "mpeg2video", "23:59:59;29", {}),
        ("g.gxf", PAL, "mpeg2video", "10:00:00:24", {"size": (720, 576)}),
        ("h.mkv", PAL, "libx264", "09:58:30:00", {}),
        ("i.avi", PAL, "mpeg4", "10:00:00:05", {}),
        ("j.dv", PAL, "dvvideo", "10:11:12:13", DV_PAL),
        ("k.dv", NTSC, "dvvideo", "10:11:12;13", DV_NTSC),
        ("l.mpg", PAL, "mpeg2video", "", {"gop_timecode": "10:00:00:05"}),
        ("m.m2v", NTSC, "mpeg2video", "", {"gop_timecode": "10:00:00;05"}),
        ("n.ts", NTSC, "mpeg2video", "", {"gop_timecode": "10:00:00;05", "bf": "2"}),
        ("o.mpg", PAL, "mpeg1video", "", {"gop_timecode": "10:00:00:05"}),
        ("p.mp4", PAL, "libx264", "", {}),
        ("q.mkv", PAL, "libx264", "25:61:00:00", {}),
    ],
)  # fmt: skip
def test_films_of_all_kinds_say_where_they_begin(
    tmp_path: Path, name: str, rate: Fraction, codec: str, code: str, how: dict[str, Any]
) -> None:
    expected = how.get("gop_timecode", code) if name[0] not in "pq" else None
    assert said(make(tmp_path / name, rate, codec, code, **dict(how))) == (expected, None)


@pytest.mark.parametrize("name", ["a.mov", "b.mxf", "c.mkv"])
def test_the_reel_is_the_one_that_the_timecode_is_of(tmp_path: Path, name: str) -> None:
    path = make(tmp_path / name, NTSC, "mpeg2video", "01:00:00;02", "A001_C002")
    assert said(path) == ("01:00:00;02", "A001_C002")


def copied(old: Path, new: Path, first: int = 0) -> Path:
    """The packets of a film from one on, as they are, in another container without its tags."""
    with av.open(str(old)) as film, av.open(str(new), "w") as copy:
        stream = copy.add_stream_from_template(film.streams.video[0])
        for packet in list(film.demux(video=0))[first:]:
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return new


@pytest.mark.parametrize(("rate", "code", "how"), [(PAL, "10:11:12:13", DV_PAL), (NTSC, "00:01:00;02", DV_NTSC)])
def test_dv_in_another_container_keeps_its_timecode(
    tmp_path: Path, rate: Fraction, code: str, how: dict[str, Any]
) -> None:
    tape = make(tmp_path / "tape.dv", rate, "dvvideo", code, **dict(how))
    assert said(copied(tape, tmp_path / "tape.avi")) == (code, None)
    seventh = {PAL: "10:11:12:20", NTSC: "00:01:00;09"}[rate]
    assert said(copied(tape, tmp_path / "tape.mov", 7)) == (seventh, None)


def test_of_an_open_group_the_first_picture_that_decodes_counts(tmp_path: Path) -> None:
    how = {"gop_timecode": "00:00:59;25", "bf": "2", "g": "9", "sc_threshold": "1000000000"}
    whole = make(tmp_path / "whole.mpg", NTSC, "mpeg2video", **how)
    with av.open(str(whole)) as film:
        keys = [at for at, packet in enumerate(film.demux(video=0)) if packet.is_keyframe]
    cut = copied(whole, tmp_path / "cut.ts", keys[1])
    with av.open(str(cut)) as film:
        first = media.read_number(np.asarray(next(film.decode(video=0)).to_ndarray(format="rgb24"), np.uint8))
    count = Numbering(30, drop=True)
    assert first > 5  # of the second group, and in the next minute of timecode
    assert said(cut) == (count.code((count.frame("00:00:59;25") or 0) + first), None)


def bits(*fields: tuple[int, int]) -> bytes:
    """Values and their widths, with the stop bit and zeros up to a whole byte."""
    text = "".join(f"{value:0{width}b}" for value, width in fields) + "1"
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def sei(head: bytes, kind: int, body: bytes) -> bytes:
    """A unit that stands before a picture; none of these holds two zero bytes before a small one."""
    return b"\0\0\0\1" + head + bytes([kind, len(body)]) + body + b"\x80"


CLOCK = (4, 5), (1, 1), (0, 1), (1, 1)  # drops two numbers, full time stamp, no discontinuity, dropped
OF_HEVC = sei(b"\x4e\x01", 136, bits((1, 2), (1, 1), (0, 1), *CLOCK, (2, 9), (3, 6), (1, 6), (10, 5), (0, 5)))
OF_AVC = sei(b"\x06", 1, bits((0, 4), (1, 1), (0, 2), (1, 1), *CLOCK, (2, 8), (3, 6), (1, 6), (10, 5), (1, 24)))


@pytest.mark.skipif(int(av.__version__.split(".")[0]) < 18, reason="PyAV before 18 has no metadata of frames")
@pytest.mark.parametrize(
    ("name", "codec", "how", "message", "starts"),
    [
        ("a.hevc", "libx265", {"x265-params": "log-level=none"}, OF_HEVC, (b"\0\0\1\x26", b"\0\0\1\x28")),
        ("b.h264", "libx264", {"x264-params": "pic-struct=1"}, OF_AVC, (b"\0\0\1\x65",)),
    ],
)
def test_timecode_beside_a_picture(
    tmp_path: Path, name: str, codec: str, how: dict[str, str], message: bytes, starts: tuple[bytes, ...]
) -> None:
    raw = make(tmp_path / name, NTSC, codec, **how)
    data = raw.read_bytes()
    first = min(at for at in map(data.find, starts) if at >= 0)
    raw.write_bytes(data[:first] + message[1:] + data[first:])
    assert said(raw) == ("10:01:03;02", None)


def test_a_fast_and_a_full_scan_report_it(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mov", NTSC, "libx264", "01:00:00;02", "TAPE7", g="5")
    for how in ("full", "fast"):
        with Film(path) as film:
            scanning = scan(film, Settings(scan=how, min_entropy_bits=0.0))
            list(scanning.shots)
            declared = film.info(scanning.observer.observed()).declared
        assert (declared.timecode, declared.reel) == ("01:00:00;02", "TAPE7")
