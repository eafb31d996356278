"""Segments of many films in every format, read back by those who are to read them; clips and pictures of them."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import batches
import media
import numpy as np
import opentimelineio
import pytest
from click.testing import CliRunner
from samples import REPORT
from test_export import empty, hostile, old

import cli
import tagger
from tagger.errors import BadSettings
from tagger.images import read_picture
from tagger.records import Keyframe, ShotTag, TaggedShot, TagReport
from tagger.reports import formats
from tagger.reports.json_report import read_report
from tagger.segments import Rule, Segments, find
from tagger.video import sequence
from tagger.video.cut import cut, suffix_of

ODD = {"usual": REPORT, "hostile": hostile(), "old": old(), "empty": empty()}


def body(report: TagReport, name: str) -> str:
    return formats.named(name, Segments).body(find(report, [], Rule())).decode()


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["csv", "json", "vtt", "ffmetadata", "otio", "edl"])
def test_every_format_has_whatever_a_report_has(odd: str, name: str) -> None:
    text = body(ODD[odd], name)
    assert text and "\r" not in text.replace("\r\n", "\n")


@pytest.mark.parametrize("name", ["otio", "edl"])
def test_a_film_without_a_rate_is_refused_in_one_line(name: str) -> None:
    report = replace(hostile(), video=replace(hostile().video, fps=0.0))
    with pytest.raises(BadSettings, match=" 0 frames a second") as caught:
        body(report, name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("odd", ["usual", "hostile"])
def test_ffmpeg_reads_its_chapters_and_mkvmerge_those_of_the_film(tmp_path: Path, odd: str) -> None:
    name = "Car chase" if odd == "usual" else '=cmd|"/c calc"!A1 <script>alert(1)</script>\\x0a../..\\x0d" --> & \\xff'
    (tmp_path / "x.ffmeta").write_text(body(ODD[odd], "ffmetadata"))
    with av.open(str(tmp_path / "x.ffmeta"), format="ffmetadata") as found:
        (chapter,) = found.chapters()
    assert (chapter["start"], chapter["end"], chapter["metadata"]) == (0, 4000, {"title": name})
    if not (shutil.which("ffmpeg") and shutil.which("mkvmerge") and shutil.which("mkvextract")):
        pytest.skip("needs ffmpeg and mkvtoolnix (apt-get install ffmpeg mkvtoolnix)")
    media.film(tmp_path / "x.mp4", (100, 100), 160, 90)
    words = ["ffmpeg", "-v", "error", "-i", "x.mp4", "-i", "x.ffmeta", "-map_metadata", "1", "-c", "copy", "x.mkv"]
    subprocess.run(words, cwd=tmp_path, check=True)
    subprocess.run(["mkvmerge", "-q", "-o", "y.mkv", "x.mkv"], cwd=tmp_path, check=True)
    done = subprocess.run(["mkvextract", "y.mkv", "chapters", "-s"], cwd=tmp_path, check=True, capture_output=True)
    lines = done.stdout.decode().splitlines()
    assert lines == ["CHAPTER01=00:00:00.000", f"CHAPTER01NAME={name}"]


@pytest.mark.parametrize("odd", ["usual", "hostile"])
def test_names_and_markers_survive_the_adapters_of_opentimelineio(odd: str) -> None:
    name = {"usual": "Car chase", "hostile": ODD["hostile"].tags[0].tag}[odd]
    found = opentimelineio.adapters.read_from_string(body(ODD[odd], "otio"), "otio_json")
    (clip,) = found.find_clips()
    (marker,) = clip.markers
    assert clip.name == marker.name and "\n" not in clip.name and (odd == "hostile" or clip.name == name)
    assert (clip.source_range.start_time.value, clip.duration().value) == (0, 100)
    if "cmx_3600" not in opentimelineio.adapters.available_adapter_names():
        pytest.skip("needs the adapter for CMX 3600 (pip install otio-cmx3600-adapter)")
    through = opentimelineio.adapters.write_to_string(found, "cmx_3600", rate=25)
    for text in (through, body(ODD[odd], "edl")):
        (again,) = opentimelineio.adapters.read_from_string(text, "cmx_3600", rate=25).find_clips()
        assert again.source_range == clip.source_range
    assert [*again.metadata["cmx_3600"]["comments"]] == [f"COMMENT: {clip.name}"]
    assert [marker.name for marker in again.markers] == [clip.name]


# Many reports


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two reports, one of another vocabulary, and one that is damaged."""
    (tmp_path / "in" / "sub").mkdir(parents=True)
    tagger.write_report(REPORT, tmp_path / "in" / "x.tags.json")
    tagger.write_report(hostile(), tmp_path / "in" / "sub" / "y.tags.json")
    (tmp_path / "in" / "z.tags.json").write_text("{}")
    return tmp_path / "in"


def test_segments_of_a_folder_are_files_of_a_folder(folder: Path, tmp_path: Path) -> None:
    done = batches.inside("segments", folder, "--format", "otio", "--format", "ffmetadata", "-o", tmp_path / "out")
    assert done.returncode == 1 and "z.tags.json: schema None" in done.stderr
    assert sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")) == [
        "sub/y.segments.ffmeta", "sub/y.segments.otio", "x.segments.ffmeta", "x.segments.otio",
    ]  # fmt: skip
    assert done.stdout.count("1 segment, 4.000 s") == 2


def test_segments_of_a_folder_are_one_table(folder: Path, tmp_path: Path) -> None:
    done = batches.inside("segments", folder, "--tag", "car chase", "-o", tmp_path / "all.csv")
    assert done.returncode == 1 and "y.tags.json" in done.stderr and "has no such tag" in done.stderr
    assert (tmp_path / "all.csv").read_text().splitlines()[1].startswith("x.mp4,Car chase,car-chase,0.0,4.0,")
    (folder / "z.tags.json").unlink()
    done = batches.inside("segments", folder, "-q", "-o", tmp_path / "all.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "all.csv").read_text(), newline="")))
    assert done.returncode == 0 and len(rows) == 3
    assert all(not cell.startswith("=") for row in rows for cell in row)  # of the slug, too


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["in", "--format", "otio"], "name a folder for them with -o"),
        (["in", "-o", "out"], "name formats with --format"),
        (["in", "--format", "nfo", "-o", "out"], "format 'nfo': choose one of"),
        (["in", "--format", "otio", "--reel", "A", "-o", "out"], "--reel and --handles are of an EDL"),
    ],
)
def test_what_cannot_be_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], why: str) -> None:
    monkeypatch.chdir(folder.parent)
    ran = CliRunner().invoke(cli.cli, ["segments", *words])
    assert ran.exit_code == 2 and why in ran.output and not (folder.parent / "out").exists()


@pytest.mark.parametrize("words", [("segments",), ("export", "-o", "-")])
def test_a_format_that_is_named_twice_is_one(folder: Path, words: tuple[str, ...]) -> None:
    said = [str(folder / "x.tags.json"), "--format", "csv"]
    once, twice = (CliRunner().invoke(cli.cli, [*words, *said, *more]) for more in ([], ["--format", "csv"]))
    assert (twice.exit_code, twice.stdout_bytes) == (0, once.stdout_bytes), twice.output


# Clips and pictures


def frames(path: Path) -> list[int]:
    with av.open(str(path)) as clip:
        return [
            media.read_number(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)) for frame in clip.decode(video=0)
        ]


@pytest.mark.parametrize(("name", "codec"), [("x.mp4", "libx264"), ("x.mkv", "libx264"), ("x.nut", "mpeg4")])
def test_a_copy_begins_with_a_key_frame_and_an_exact_clip_with_its_first(tmp_path: Path, name: str, codec: str) -> None:
    truth = media.film(tmp_path / name, (30, 45, 25), codec=codec, options={"g": "25"})
    copied, exact = (tmp_path / f"clip{suffix_of(truth.path, one)}" for one in (False, True))
    cut(truth.path, 1.2, 3.0, copied)
    shown = frames(copied)
    assert copied.suffix == {".nut": ".mkv"}.get(truth.path.suffix, truth.path.suffix)
    assert shown[-1] == 74 and 25 <= shown[0] <= 30 and shown == [*range(shown[0], 75)]
    cut(truth.path, 1.2, 3.0, exact, exact=True)
    assert frames(exact) == [*range(30, 75)]
    cut(truth.path, 3.0, 4.0, exact, exact=True)
    assert frames(exact) == [*range(75, 100)]  # the last frame of all, too


@pytest.mark.parametrize("exact", [False, True])
def test_sound_goes_along(tmp_path: Path, exact: bool) -> None:
    media.with_sound(tmp_path / "x.mp4", ("libx264", "aac"))
    cut(tmp_path / "x.mp4", 2.0, 3.0, tmp_path / "clip.mp4", exact)
    with av.open(str(tmp_path / "clip.mp4")) as clip:
        sound, video = clip.streams.audio[0], clip.streams.video[0]
        assert sound.duration and video.duration and sound.time_base and video.time_base
        assert abs(float(sound.duration * sound.time_base) - float(video.duration * video.time_base)) < 0.1


@pytest.fixture
def tagged(tmp_path: Path) -> Iterator[tuple[Path, list[int]]]:
    """A film beside a report of it: a tag in shots 0 and 2."""
    (tmp_path / "f").mkdir()
    truth = media.film(tmp_path / "f" / "a.mp4", (30, 45, 25))
    edges = [0, 30, 75, 100]
    shots = []
    for i in range(3):
        key = Keyframe(edges[i] + 10, (edges[i] + 10) / 25, 0, 7.0, True)
        tags = (ShotTag("car-chase", 0.5),) if i != 1 else ()
        times = (edges[i] / 25, edges[i + 1] / 25, edges[i], edges[i + 1])
        shots.append(TaggedShot(i, *times, key, tags, (0.5, 0.5) if tags else (1.0, 0.0)))
    observed = replace(REPORT.video.observed, duration_s=4.0, frame_count=100)
    video = replace(
        REPORT.video, name="a.mp4", path="gone/a.mp4", fingerprint=sequence.fingerprint(truth.path), observed=observed
    )
    tagger.write_report(replace(REPORT, video=video, shots=tuple(shots)), tmp_path / "f" / "a.tags.json")
    yield tmp_path / "f" / "a.tags.json", [10, 85]


def test_clips_and_thumbnails_are_made_of_the_film(tagged: tuple[Path, list[int]], tmp_path: Path) -> None:
    report, keys = tagged
    words = (
        "segments",
        report,
        "--tag",
        "car chase",
        "--clips",
        tmp_path / "clips",
        "--exact",
        "--thumbnails",
        tmp_path / "p",
    )
    done = batches.inside(*words)
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "clips").iterdir())
    assert names == ["a.car-chase.001.mp4", "a.car-chase.002.mp4"]
    assert [frames(tmp_path / "clips" / name)[0] for name in names] == [0, 75]
    pictures = [tmp_path / "p" / f"a.car-chase.{n:03}.jpg" for n in (1, 2)]
    assert [media.read_number(read_picture(path)) for path in pictures] == keys
    assert done.stderr.count("wrote ") == 4
    (report.parent / "a.mp4").unlink()
    for option in ("--thumbnails", "--clips"):  # no folder is made for nothing
        done = batches.inside("segments", report, "--tag", "car chase", option, tmp_path / "none")
        assert done.returncode == 1 and not (tmp_path / "none").exists()
    assert "gone/a.mp4: is not there, or another film now: a.tags.json was made of it" in done.stderr
    assert "; looked for from the folder you are in, and beside its report\n" in done.stderr


def test_names_of_tags_are_no_paths(tagged: tuple[Path, list[int]], tmp_path: Path) -> None:
    report, _ = tagged
    made: dict[str, Any] = json.loads(report.read_text())
    text = json.dumps(made).replace("car-chase", "../../../evil")
    report.write_text(text)
    assert read_report(report).tags[0].slug == "../../../evil"
    done = batches.inside("segments", report, "--thumbnails", tmp_path / "p")
    assert done.returncode == 0 and sorted(path.name for path in (tmp_path / "p").iterdir()) == [
        "a.evil.001.jpg", "a.evil.002.jpg",
    ]  # fmt: skip


def test_clips_of_films_of_one_name_in_two_folders_are_in_two_folders(
    tagged: tuple[Path, list[int]], tmp_path: Path
) -> None:
    report, _ = tagged
    (report.parent / "sub").mkdir()
    for name in ("a.mp4", "a.tags.json"):
        shutil.copy(report.parent / name, report.parent / "sub" / name)
    words = ("--tag", "car chase", "--clips", tmp_path / "c", "--thumbnails", tmp_path / "p")
    assert batches.inside("segments", report.parent, *words).returncode == 0
    names = ["a.car-chase.001", "a.car-chase.002", "sub/a.car-chase.001", "sub/a.car-chase.002"]
    for folder, ending in (("c", "mp4"), ("p", "jpg")):
        made = sorted(str(path.relative_to(tmp_path / folder)) for path in (tmp_path / folder).rglob(f"*.{ending}"))
        assert made == [f"{name}.{ending}" for name in names]


@pytest.mark.parametrize("letter", ["x", "é", "漢", "\udcff"])
def test_long_names_that_begin_alike_stay_apart_in_the_names_of_clips(
    tagged: tuple[Path, list[int]], tmp_path: Path, letter: str
) -> None:
    report, _ = tagged
    long = letter * (230 // len(os.fsencode(letter)))
    tag = long[:100].replace("\udcff", "y")
    text = report.read_text().replace("car-chase", f"{tag}1").replace("drama", f"{tag}2")
    made: dict[str, Any] = json.loads(text)
    made["shots"][2]["tags"] = [{"slug": f"{tag}2", "probability": 0.5}]
    for end in "12":
        report.with_name(f"{long}{end}.tags.json").write_text(json.dumps(made))
    report.unlink()
    done = batches.inside("segments", report.parent, "--thumbnails", tmp_path / "p")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "p").iterdir())) == 4


def test_a_clip_that_cannot_be_written_asks_for_no_option_that_is_another(
    tagged: tuple[Path, list[int]], tmp_path: Path
) -> None:
    report, _ = tagged
    (tmp_path / "c" / "a.car-chase.001.mp4").mkdir(parents=True)
    done = batches.inside("segments", report, "--tag", "car chase", "--clips", tmp_path / "c")
    assert done.returncode == 1 and done.stderr.count("error:") == 1
    assert done.stderr.endswith(
        "a.car-chase.001.mp4: cannot write it (Is a directory): free space, or name another place\n"
    )
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["a.car-chase.001.mp4"]  # nothing aside
