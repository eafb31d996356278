"""EDLs of films that have a timecode, read again by a small reader of CMX 3600."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import media
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import REPORT

from tagger import Settings, Tagger, write_report
from tagger.commands.segments import segments
from tagger.errors import BadSettings
from tagger.records import ShotTag, TaggedShot, TagReport
from tagger.reports.edl import as_edl, cautions
from tagger.segments import Rule, Segments, find
from tagger.video_info import Declared

CHASE = "car-chase"
NTSC = 30000 / 1001
EVENT = r"(\d{3,})  ([A-Z0-9]{1,8}) +V     C        (\S{11}) (\S{11}) (\S{11}) (\S{11})"
CODE = r"(\d\d):(\d\d):(\d\d)([:;])(\d\d)"


@dataclass(frozen=True)
class Event:
    """A line of an EDL, in frames after 00:00:00:00."""

    reel: str
    source: tuple[int, int]
    record: tuple[int, int]


def count(code: str, base: int, drop: bool) -> int:
    """The place of a timecode: all numbers before it, without those of minutes gone by that were left out."""
    parts = re.fullmatch(CODE, code)
    assert parts and (parts[4] == ";") == drop, code
    hours, minutes, seconds, frames = (int(parts[at]) for at in (1, 2, 3, 5))
    assert hours < 24 and max(minutes, seconds) < 60 and frames < base
    gone = range(1, 60 * hours + minutes + 1)
    left_out = sum(base // 15 for minute in gone if minute % 10) if drop else 0
    assert not (drop and minutes % 10 and seconds == 0 and frames < base // 15), f"{code}: no frame has it"
    return ((hours * 60 + minutes) * 60 + seconds) * base + frames - left_out


def read(text: str, base: int) -> list[Event]:
    """The events of an EDL; fails where a line is none that CMX 3600 knows."""
    title, mode, *lines = text.splitlines()
    assert title.startswith("TITLE: ") and mode in ("FCM: DROP FRAME", "FCM: NON-DROP FRAME")
    found = []
    for line in lines[::4]:
        event = re.fullmatch(EVENT, line)
        assert event and line[14] == "V", line
        at = [count(code, base, mode == "FCM: DROP FRAME") for code in event.groups()[2:]]
        found.append(Event(event[2], (at[0], at[1]), (at[2], at[3])))
    return found


def asked(
    *spans: tuple[int, int], fps: float, code: str | None, reel: str | None = None, length: int = 5000
) -> Segments:
    """The chase, in these frames of a film of so many."""
    marks = sorted({0, length, *(mark for span in spans for mark in span)})
    shots = tuple(
        TaggedShot(place, start / fps, end / fps, start, end, REPORT.shots[0].keyframe,
                   (ShotTag(CHASE, 0.9),) if (start, end) in spans else ())
        for place, (start, end) in enumerate(pairwise(marks))
    )  # fmt: skip
    observed = replace(REPORT.video.observed, duration_s=length / fps, frame_count=length)
    declared = Declared(None, None, fps, code, reel)
    video = replace(REPORT.video, fps=fps, declared=declared, observed=observed)
    return find(replace(REPORT, video=video, shots=shots, slugs=()), [CHASE], Rule())


@pytest.mark.parametrize(
    ("fps", "code", "base", "first", "mode"),
    [
        (NTSC, "01:00:00;00", 30, 107_892, "DROP FRAME"),
        (29.9698, "00:59:58;28", 30, 107_860, "DROP FRAME"),
        (29.97, "01:00:00:00", 30, 108_000, "NON-DROP FRAME"),
        (60000 / 1001, "01:00:00;00", 60, 215_784, "DROP FRAME"),
        (59.938, "00:00:59;58", 60, 3598, "DROP FRAME"),
        (23.9761, "01:00:00:00", 24, 86_400, "NON-DROP FRAME"),
        (24.002, "01:00:00:00", 24, 86_400, "NON-DROP FRAME"),
        (47.95, "00:00:01:47", 48, 95, "NON-DROP FRAME"),
        (25.0, "10:00:00:00", 25, 900_000, "NON-DROP FRAME"),
        (25.0, "10:00:00;00", 25, 900_000, "NON-DROP FRAME"),
        (100.0, "00:00:00:99", 100, 99, "NON-DROP FRAME"),
        (25.0, None, 25, 0, "NON-DROP FRAME"),
    ],
)
def test_an_edl_counts_from_the_film_s_timecode(fps: float, code: str | None, base: int, first: int, mode: str) -> None:
    text = as_edl(asked((10, 1900), (2000, 4007), fps=fps, code=code))
    assert text.splitlines()[1] == f"FCM: {mode}"
    assert read(text, base) == [
        Event("AX", (first + 10, first + 1900), (0, 1890)),
        Event("AX", (first + 2000, first + 4007), (1890, 3897)),
    ]


@given(st.sampled_from([(NTSC, 30), (60000 / 1001, 60)]), st.integers(0, 23), st.integers(0, 59), st.integers(0, 4000))
def test_dropped_numbers_name_the_right_frames(rate: tuple[float, int], hours: int, minutes: int, start: int) -> None:
    fps, base = rate
    code = f"{hours:02}:{minutes:02}:00;{base // 15:02}"
    (event,) = read(as_edl(asked((start, 5000), fps=fps, code=code)), base)
    first, day = count(code, base, True), 144 * (600 * base - 9 * base // 15)
    assert event.source == ((first + start) % day, (first + 5000) % day)


def test_a_tape_that_begins_before_midnight_goes_on_from_zero_with_a_caution() -> None:
    across = asked((100, 2000), (2100, 2200), fps=25.0, code="23:59:00:00", length=3000)
    day = 24 * 3600 * 25
    assert [event.source for event in read(as_edl(across), 25)] == [(day - 1400, 500), (600, 700)]
    assert list(cautions(across)) == [
        "x.mp4: begins at 23:59:00:00, and an event ends past midnight, before it begins: some programs refuse that"
    ]
    assert list(cautions(asked((100, 1400), (1600, 1700), fps=25.0, code="23:59:00:00"))) == []
    assert list(cautions(asked((100, 1400), fps=25.0, code="23:59:00:00"), handles=100)) != []


def test_a_timecode_that_no_frame_has_is_a_caution_and_counts_from_zero() -> None:
    for fps, code in ((25.0, "01:00:00:29"), (NTSC, "00:01:00;00"), (25.0, "nonsense")):
        wrong = asked((10, 20), fps=fps, code=code)
        (event,) = read(as_edl(wrong), round(fps)) if ";" not in code else (Event("AX", (10, 20), (0, 10)),)
        assert event.source == (10, 20)
        assert list(cautions(wrong)) == [
            f"x.mp4: begins at {code}, it says, which no frame has at {fps:g} a second: the EDL counts from 0"
        ]


@pytest.mark.parametrize(
    ("fps", "right"), [(29.97, True), (29.9698, True), (59.93, True), (30.0, False), (60.0, False)]
)
def test_numbers_dropped_at_a_whole_rate_are_a_caution(fps: float, right: bool) -> None:
    found = asked((10, 20), fps=fps, code="01:00:00;00")
    assert as_edl(found).splitlines()[1] == "FCM: DROP FRAME"  # as the film has it
    lines = list(cautions(found))
    said = f"x.mp4: begins at 01:00:00;00, which drops numbers, and has {fps:g} frames a second"
    assert [line[: len(said)] for line in lines] == ([] if right else [said])


@pytest.mark.parametrize(
    ("own", "given", "reel"),
    [
        (None, None, "AX"), (None, "tape7", "TAPE7"), ("A001", None, "A001"), ("A001", "B2", "B2"),
        ("A001_C002_1015", None, "A001C002"), ("__", None, "AX"), ("bl", None, "AX"), ("M\u00fcll 3", None, "MLL3"),
    ],
)  # fmt: skip
def test_the_reel_is_the_one_asked_for_or_the_film_s(own: str | None, given: str | None, reel: str) -> None:
    found = asked((10, 20), fps=25.0, code=None, reel=own)
    assert [event.reel for event in read(as_edl(found, given), 25)] == [reel]
    lines = list(cautions(found, given))
    assert len(lines) == (own is not None and given is None and own != reel)
    assert all(line.startswith(f"x.mp4: its reel {own!r} is {reel} in the EDL") for line in lines)


@pytest.mark.parametrize("reel", ["", "A001_C02", "NINELETTS", "BL", "bl", "M\u00fcll", "A 1"])
def test_reels_that_cmx_3600_has_not_are_refused(reel: str) -> None:
    with pytest.raises(BadSettings, match="takes 1 to 8 letters and digits, and not BL, black"):
        as_edl(asked((10, 20), fps=25.0, code=None), reel)


def test_handles_go_as_far_as_the_film() -> None:
    found = asked((10, 20), (30, 40), (190, 200), fps=25.0, code="00:00:01:00", length=200)
    events = read(as_edl(found, handles=12), 25)
    assert [event.source for event in events] == [(25, 57), (43, 77), (203, 225)]
    assert [event.record for event in events] == [(0, 32), (32, 66), (66, 88)]
    marks = [count(code, 25, False) for code in re.findall(r"LOC: (\S+)", as_edl(found, handles=12))]
    assert marks == [10, 44, 78]  # where each segment begins
    with pytest.raises(BadSettings, match="handles = -1: frames, from 0"):
        as_edl(found, handles=-1)


# The command.


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as done:
        segments(words, prog_name="movietags segments")
    said = capsys.readouterr()
    return int(done.value.code or 0), said.out, said.err


def test_the_command_takes_reel_and_handles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked((10, 20), fps=25.0, code=None, reel="A001_C002_1015")
    path = tmp_path / "x.tags.json"
    write_report(found.report, path)
    words = str(path), "--tag", CHASE
    code, out, err = ask(capsys, *words, "--format", "edl", "--reel", "b2", "--handles", "5")
    assert (code, out, err) == (0, as_edl(found, "B2", 5), "")
    code, out, err = ask(capsys, *words, "--format", "edl")
    assert (code, out) == (0, as_edl(found)) and "its reel 'A001_C002_1015' is A001C002 in the EDL" in err
    assert ask(capsys, *words, "--handles", "5", "-o", str(tmp_path / "x.edl"))[0] == 0
    assert (tmp_path / "x.edl").read_text() == as_edl(found, handles=5)
    for rest in (
        ["--reel", "B2"],
        ["--handles", "5", "--format", "vtt"],
        ["--reel", "B2", "-o", str(tmp_path / "x.csv")],
    ):
        code, out, err = ask(capsys, *words, *rest)
        assert (code, out) == (2, "") and "--reel and --handles are of an EDL: add -o FILE.edl" in err
    code, _, err = ask(capsys, *words, "--format", "edl", "--reel", "far too long")
    assert code == 2 and err.count("\n") == 1


# A film.


def test_from_a_camera_s_film_to_an_edl(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = media.film(tmp_path / "plain.mp4", (30, 45, 26), rate=Fraction(30000, 1001))
    path = tmp_path / "camera.mov"
    with av.open(str(plain.path)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        stream.metadata.update({"timecode": "00:00:58;29", "reel_name": "A001"})
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    report: TagReport = Tagger(Settings()).extract(path)
    assert (report.video.declared.timecode, report.video.declared.reel) == ("00:00:58;29", "A001")
    chase = replace(report.shots[1], tags=(ShotTag("war", 0.5),))
    report = replace(report, shots=(replace(report.shots[0], tags=()), chase, replace(report.shots[2], tags=())))
    write_report(report, tmp_path / "camera.tags.json")
    code, out, err = ask(capsys, str(tmp_path / "camera.tags.json"), "--tag", "war", "--format", "edl")
    assert (code, err) == (0, "")
    assert "001  A001     V     C        00:00:59;29 00:01:01;16 00:00:00;00 00:00:01;15\n" in out
    (event,) = read(out, 30)
    assert event == Event("A001", (1769 + 30, 1769 + 75), (0, 45))
