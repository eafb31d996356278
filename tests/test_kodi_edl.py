"""Skip files, read again by Kodi's rules."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import batches
import centres
import click
import media
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import REPORT

import tagger
from tagger.commands.segments import segments
from tagger.errors import BadSettings
from tagger.files import fingerprint
from tagger.records import ShotTag
from tagger.reports.edl import as_edl
from tagger.reports.formats import write_report
from tagger.reports.kodi_edl import ACTIONS, as_kodi_edl
from tagger.segments import Rule, Segment, Segments, find

TAGS = ("car-chase", "drama")


def asked(*spans: tuple[float, float, str]) -> Segments:
    """These segments of a film."""
    found = tuple(Segment(tag, tag, start, end, 0, 1, 1, 0.9, 0.9) for start, end, tag in spans)
    return replace(find(REPORT, TAGS, Rule()), segments=found)


@st.composite
def spans(draw: st.DrawFn) -> list[tuple[float, float, str]]:
    """Segments of two tags, which may touch, overlap, surround one another or last no time."""
    found = []
    for tag in TAGS:
        marks = draw(st.lists(st.integers(0, 9000), unique=True, min_size=2, max_size=12).map(sorted))
        found += [
            (start / 1000, end / 1000, tag) for start, end in list(pairwise(marks))[:: draw(st.sampled_from([1, 2]))]
        ]
    return found


@settings(max_examples=150)
@given(spans(), st.sampled_from(["skip", "mute"]), st.booleans())
def test_kodi_takes_every_line_and_all_of_the_time(
    made: list[tuple[float, float, str]], action: str, newer: bool
) -> None:
    read = centres.kodi_edits(as_kodi_edl(asked(*made), action), newer)
    assert read.refused == [] and {edit[2] for edit in read.edits} == {{"skip": 0, "mute": 1}[action]}
    inside = {ms for start, end, _ in made for ms in range(round(start * 1000), round(end * 1000) + 1)}
    assert {ms for start, end, _ in read.edits for ms in range(start, end + 1)} == inside
    assert all(later[0] > earlier[1] for earlier, later in pairwise(read.edits))


@settings(max_examples=50)
@given(spans())
def test_marks_are_where_segments_begin(made: list[tuple[float, float, str]]) -> None:
    answer = asked(*made)
    read = centres.kodi_edits(as_kodi_edl(answer, "mark"))
    assert read.refused == [] == read.edits
    assert read.marks == sorted({round(one.start_s * 1000) for one in answer.segments})


def test_a_skip_file_has_seconds_and_its_own_first_line() -> None:
    text = as_kodi_edl(asked((1.001, 4.35, "drama"), (4.35, 62.0, "car-chase"), (62.001, 3700, "drama")))
    assert text == "## movietags\n1.0012 62.0002 0\n62.0012 3700.0002 0\n"
    for newer in (False, True):
        assert centres.kodi_edits(text, newer).edits == [(1001, 62000, 0), (62001, 3700000, 0)]
    assert centres.kodi_edits("1.001 62.000 0\n").edits == [(1000, 62000, 0)]  # why there is a digit more
    assert centres.kodi_edits(as_kodi_edl(asked())) == centres.Edits()
    (choice,) = (one for one in segments.params if one.name == "action")
    assert isinstance(choice.type, click.Choice) and tuple(choice.type.choices) == tuple(ACTIONS)
    with pytest.raises(BadSettings, match="action 'cut': choose one of skip, mute, mark"):
        as_kodi_edl(asked(), "cut")


def test_kodi_finds_no_edit_in_a_list_for_editing_programs() -> None:
    """As the caution says: some lines are refused, others are nothing to it."""
    text = as_edl(asked((1.0, 4.0, "drama"), (5.0, 9.0, "car-chase")))
    for newer in (False, True):
        assert centres.kodi_edits(text, newer).edits == [] == centres.kodi_edits(text, newer).marks


# -------------------------------------------------------------------------------------------------------- on the disk


@pytest.fixture
def place(tmp_path: Path, film: media.Truth) -> Path:
    """A folder with a film, and one with its report."""
    for name in ("films", "tags"):
        (tmp_path / name).mkdir()
    path = tmp_path / "films/Film (2010).mkv"
    os.link(film.path, path)
    video = replace(REPORT.video, path=str(path), name=path.name, fingerprint=fingerprint(path))
    shots = tuple(
        replace(shot, start_s=start, end_s=end, tags=(ShotTag(tag, 0.9),), probabilities=())
        for shot, start, end, tag in zip(REPORT.shots, (0.0, 1.2), (1.2, 3.0), ("drama", "car-chase"), strict=True)
    )
    report = replace(REPORT, video=video, warnings=(), shots=shots, slugs=())
    write_report(report, tmp_path / "tags/Film (2010).mkv.tags.json")
    return tmp_path


def test_a_skip_file_is_put_beside_its_film(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    words = ("segments", place / "tags", "--tag", "drama", "--format", "kodi-edl", "--beside")
    path = place / "films/Film (2010).edl"
    done = batches.inside(*words)
    assert (done.returncode, path.read_text()) == (0, "## movietags\n0.0002 1.2002 0\n")
    assert done.stderr.endswith(f"movietags: wrote {path}\n")
    assert batches.inside(*words, "--action", "mute").returncode == 0  # ours is written over
    assert path.read_text().endswith(" 1\n")
    done = batches.inside(*words, "--min-duration", "2")
    assert (done.returncode, path.exists()) == (0, False)  # of a film without these tags there is none
    assert batches.inside(*words, "--min-duration", "2").returncode == 0
    assert caplog.messages == [f"{path}: taken away, as its film has none of these tags"]  # once
    path.write_text("0 5 0\n")
    done = batches.inside(*words)
    assert done.returncode == 1 and path.read_text() == "0 5 0\n"
    assert f"{path}: is there and was not made here" in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_what_is_no_file_is_not_opened_and_stays(place: Path) -> None:
    path = place / "films/Film (2010).edl"
    words = ("segments", place / "tags", "--tag", "drama", "--format", "kodi-edl", "--beside")
    os.mkfifo(path)
    done = subprocess.run(
        [sys.executable, "-m", "tagger", *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1 and f"{path}: is there and was not made here" in done.stderr
    path.unlink()
    path.mkdir()
    assert f"{path}: is there and was not made here" in batches.inside(*words).stderr


def test_other_files_that_kodi_reads_are_named(place: Path) -> None:
    films = place / "films"
    (films / "Film (2010).Vprj").write_text("<Version>2\n")
    (films / "Film (2010).txt").write_text("FILE PROCESSING COMPLETE  100 FRAMES AT  2500\n")
    report = place / "tags/Film (2010).mkv.tags.json"
    done = batches.inside("segments", report, "--tag", "drama", "--format", "kodi-edl", "-o", films / "Film (2010).edl")
    assert done.returncode == 0
    assert f"{films}/Film (2010).Vprj: is read by Kodi before Film (2010).edl" in done.stderr
    assert f"{films}/Film (2010).txt: was read by Kodi until now" in done.stderr
    quiet = batches.inside("segments", "-q", report, "--tag", "drama", "--format", "kodi-edl", "--beside")
    assert quiet.stderr == ""


def test_a_list_for_editing_beside_the_film_is_a_caution(place: Path) -> None:
    report = place / "tags/Film (2010).mkv.tags.json"
    path = place / "films/Film (2010).edl"
    said = f"{path}: is what Kodi takes for the skip file of Film (2010).mkv"
    assert said in batches.inside("segments", report, "--tag", "drama", "-o", path).stderr
    other = batches.inside("segments", report, "--tag", "drama", "-o", path.with_name("selects.edl"))
    assert "Kodi" not in other.stderr
    done = batches.inside("segments", report, "--tag", "drama", "-o", path.with_name("x.kodi.edl"))
    assert done.returncode == 0 and path.with_name("x.kodi.edl").read_text().startswith("## movietags")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--action", "mute"), "--action and --beside are of a skip file"),
        (("--beside", "--format", "vtt"), "--action and --beside are of a skip file"),
        (("--reel", "A", "--format", "kodi-edl"), "--reel and --handles are of an EDL"),
    ],
)
def test_choices_that_the_format_has_not_are_refused(place: Path, words: tuple[str, ...], why: str) -> None:
    done = batches.inside("segments", place / "tags/Film (2010).mkv.tags.json", "--tag", "drama", *words)
    assert done.returncode == 2 and why in done.stderr
    assert list((place / "films").iterdir()) == [place / "films/Film (2010).mkv"]


def test_a_film_in_several_files_or_elsewhere_is_a_line(place: Path) -> None:
    file = place / "tags/Film (2010).mkv.tags.json"
    words = ("segments", file, "--tag", "drama", "--format", "kodi-edl")
    report = tagger.read_report(file)
    write_report(replace(report, warnings=("2 files as one film: a from 0.000 s, b from 2.000 s",)), file)
    done = batches.inside(*words, "--beside")
    assert done.returncode == 0 and "Film (2010).mkv: is in several files" in done.stderr
    assert list((place / "films").iterdir()) == [place / "films/Film (2010).mkv"]
    alone = batches.inside(*words, "-o", place / "x.edl")  # a person may know better
    assert alone.returncode == 0 and "x.mp4" not in alone.stderr and "is in several files" in alone.stderr
    write_report(report, file)
    (place / "films/Film (2010).mkv").unlink()
    done = batches.inside(*words, "--beside")
    assert done.returncode == 1 and "is not there, or another film now" in done.stderr
