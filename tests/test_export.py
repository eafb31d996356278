"""Reports in other formats: of films tagged now, of a batch that goes on, and of reports that were made before."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import batches
import media
import opentimelineio
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from samples import REPORT, REPORTS

import cli
import tagger
from tagger.errors import BadSettings, LibraryMissing
from tagger.records import Keyframe, RankedTag, ShotTag, TaggedShot, TagReport
from tagger.reports import csv_report, csv_shots, formats, shots_table
from tagger.reports.keyframes import read as pictures_of

HOSTILE = '=cmd|"/c calc"!A1 <script>alert(1)</script>\n../..\r" --> & \udcff'
ENDINGS = {
    "csv": ["tags.csv", "shots.csv"], "json": ["tags.json"], "parquet": ["tags.parquet", "shots.parquet"],
    "otio": ["tags.otio"], "html": ["tags.html"],
}  # fmt: skip


def hostile() -> TagReport:
    """A report of a foreign vocabulary, whose every text is meant to do harm."""
    tag = RankedTag(1, HOSTILE, HOSTILE, 1.0, 0.5, 1, 0.5, True, HOSTILE, None)
    first = replace(REPORT.shots[0], tags=(ShotTag(HOSTILE, 1.0),), probabilities=(1.0,))
    video = replace(REPORT.video, name=HOSTILE, path=f"/films/{HOSTILE}")
    model = replace(REPORT.model, vocabulary=HOSTILE, backbone=HOSTILE)
    return replace(
        REPORT, video=video, model=model, tags=(tag,), slugs=(HOSTILE,), shots=(first, REPORT.shots[1]),
        warnings=(HOSTILE,), settings={HOSTILE: HOSTILE},
    )  # fmt: skip


def old() -> TagReport:
    """A report of before probabilities and confidence were kept."""
    tags = tuple(replace(tag, confidence=None, answered_by="") for tag in REPORT.tags)
    return replace(REPORT, slugs=(), tags=tags, shots=tuple(replace(shot, probabilities=()) for shot in REPORT.shots))


def empty() -> TagReport:
    """A report without shots and tags."""
    return replace(REPORT, tags=(), shots=(), slugs=())


def usual() -> TagReport:
    return REPORT


ODD = {"hostile": hostile, "old": old, "empty": empty, "usual": usual}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ENDINGS)
def test_every_format_has_whatever_a_report_has(tmp_path: Path, odd: str, name: str) -> None:
    bodies = formats.report_bodies(ODD[odd](), tmp_path / "x", [name])
    assert [path.name for path in bodies] == [f"x.{end}" for end in dict.fromkeys([*ENDINGS[name], "tags.json"])]
    formats.write_bodies(bodies)
    assert tagger.read_report(tmp_path / "x.tags.json") == ODD[odd]()


@settings(max_examples=10, deadline=None)
@given(REPORTS)
def test_any_report_is_written_in_any_format_or_refused_in_a_line(report: TagReport) -> None:
    for form in formats.known(TagReport):
        try:
            assert form.body(report)
        except (BadSettings, OverflowError) as error:  # no rate; or a number that no column holds
            assert "\n" not in str(error)


# Shots


def test_shots_have_a_row_each_with_every_probability() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_shots.as_csv(REPORT), newline="")))
    assert rows[0] == {
        "film": "x.mp4", "shot": "0", "start_s": "0.0", "end_s": "4.0", "start_frame": "0", "end_frame": "100",
        "keyframe_s": "2.0", "keyframe_frame": "50", "entropy_bits": "7.1", "kept": "true", "tags": "car-chase",
        "p_drama": "0.1", "p_car-chase": "0.9",
    }  # fmt: skip
    assert [rows[1][name] for name in ("kept", "tags", "p_drama", "p_car-chase")] == ["false", "", "", ""]
    rows = list(csv.DictReader(io.StringIO(csv_shots.as_csv(old()), newline="")))
    assert [rows[0]["p_drama"], rows[0]["p_car-chase"]] == ["", "0.9"]  # as far as it is known


def test_no_tag_is_called_as_another_column_and_no_spreadsheet_runs_one() -> None:
    tags = tuple(RankedTag(i, slug, slug, 0, 0, 0, 0, True) for i, slug in enumerate(("film", "=1+1"), 1))
    shot = replace(REPORT.shots[0], tags=(ShotTag("=1+1", 0.5),), probabilities=(0.5, 0.5))
    header, row = csv.reader(
        io.StringIO(csv_shots.as_csv(replace(REPORT, tags=tags, slugs=("film", "=1+1"), shots=(shot,))), newline="")
    )
    assert header[-2:] == ["p_film", "p_=1+1"] and len({*header}) == len(header)
    assert row[header.index("tags")] == "'=1+1"
    (cells,) = [line for line in csv_shots.as_csv(hostile()).splitlines() if "true" in line]
    assert cells.startswith("\"'=cmd") and "\\x0a" in cells


def test_numbers_of_shots_are_written_for_their_reader() -> None:
    text = csv_shots.as_csv(REPORT, "excel-semicolon")
    assert text.startswith("\ufefffilm;shot;") and ";0,1;0,9" in text


def test_the_table_of_shots_says_why_one_has_no_tags() -> None:
    lines = shots_table.as_table(REPORT).splitlines()
    assert lines[1].split() == ["0", "00:00:00.000", "00:00:04.000", "00:00:02.000", "Car", "chase", "0.90"]
    assert lines[2].endswith("dropped: 0.5 bits") and len(lines) == 3
    assert shots_table.as_table(empty()) == "no shots"
    assert "\\x0a" in shots_table.as_table(hostile()) and len(shots_table.as_table(hostile()).splitlines()) == 3


# Parquet and OpenTimelineIO


def test_parquet_has_the_tables_of_csv_typed() -> None:
    tags, shots = (
        pyarrow.parquet.read_table(io.BytesIO(form.body(REPORT))) for form in formats.all_named("parquet", TagReport)
    )
    assert tags.column_names == list(next(csv.reader(io.StringIO(csv_report.as_csv(REPORT)))))
    assert tags.to_pylist()[0]["trained"] is True and tags.to_pylist()[0]["confidence"] == 0.8125
    assert shots.to_pylist()[0]["tags"] == ["car-chase"] and shots.to_pylist()[0]["p_drama"] == 0.1
    assert shots.to_pylist()[1]["p_drama"] is None and shots.to_pylist()[1]["kept"] is False
    assert json.loads(shots.schema.metadata[b"movietags"])["video"]["fingerprint"] == REPORT.video.fingerprint


def timeline(report: TagReport) -> Any:
    return opentimelineio.adapters.read_from_string(formats.named("otio", TagReport).body(report).decode(), "otio_json")


def test_otio_has_a_clip_per_shot_and_a_marker_per_tag() -> None:
    found = timeline(REPORT)
    first, second = found.find_clips()
    assert (first.name, second.name, found.name) == ("0: Car chase", "1", "x.mp4")
    assert [marker.name for marker in first.markers] == ["Car chase"] and list(second.markers) == []
    assert first.source_range.start_time.to_seconds() == 0 and first.duration().to_seconds() == 4
    assert second.source_range.start_time.value == 100 and second.source_range.start_time.rate == 25
    assert first.media_reference.target_url == "films/x.mp4"
    assert first.metadata["movietags"]["probabilities"] == {"drama": 0.1, "car-chase": 0.9}
    assert found.metadata["movietags"]["tags"][0]["confidence"] == 0.8125


def test_otio_counts_from_the_timecode_of_the_film_and_leaves_out_what_is_in_no_shot() -> None:
    video = replace(REPORT.video, declared=replace(REPORT.video.declared, timecode="01:00:00:00"), path="/f/a b#.mp4")
    late = TaggedShot(1, 5.0, 8.0, 125, 200, Keyframe(150, 6.0, 0, 0.5, False), ())
    found = timeline(replace(REPORT, video=video, shots=(REPORT.shots[0], late)))
    first, second = found.find_clips()
    assert first.source_range.start_time.to_timecode() == "01:00:00:00"
    assert second.range_in_parent().start_time.value == 125  # a gap stands before it
    assert first.media_reference.target_url == "file:///f/a%20b%23.mp4"


@pytest.mark.parametrize("fps", [0.0, float("nan"), float("inf")])
def test_otio_of_a_film_without_a_rate_is_refused_in_a_line(fps: float) -> None:
    with pytest.raises(BadSettings, match=r"OTIO of x\.mp4: .* frames a second: take csv or json$"):
        formats.named("otio", TagReport).body(replace(REPORT, video=replace(REPORT.video, fps=fps)))


# Commands


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two films, and in `out` what a batch makes of them with its usual formats."""
    root = tmp_path_factory.mktemp("tagged")
    (root / "films").mkdir()
    media.film(root / "films" / "a.mp4", (20, 30))
    media.film(root / "films" / "b.mp4", (25,), 160, 90)
    assert batches.batch(root / "films", "-o", root / "out", "--backbone", "compact").returncode == 0
    return root


def test_extract_writes_the_formats_that_are_named_and_json(film: media.Truth, tmp_path: Path) -> None:
    done = batches.inside(
        "extract", film.path, "-o", tmp_path, "--format", "otio", "--format", "parquet", "--keep-features", "--shots",
        "--backbone", "compact",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ends = ["features.npz", "keyframes.zip", "shots.parquet", "tags.json", "tags.otio", "tags.parquet"]
    assert names_in(tmp_path) == [f"three shots.{end}" for end in ends]
    report = tagger.read_report(tmp_path / "three shots.tags.json")
    assert shots_table.as_table(report) in done.stdout and len(report.shots) == 3
    assert list(pictures_of(tmp_path / "three shots.keyframes.zip", report)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--format", "csv"], "--format says what files are written"),
        (["-o", "-", "--format", "csv", "--format", "json"], "-o - writes the report of one film in one format"),
        (["-o", "out", "--format", "fcpxml"], "format 'fcpxml': choose one of csv, json, "),
    ],
)
def test_what_cannot_be_written_is_refused_before_a_film_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli.cli, ["extract", "no film.mp4", *words])
    assert done.exit_code == 2 and why in done.output and "no such file" not in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "extra"), [("otio", "otio"), ("parquet", "parquet")])
def test_what_is_not_installed_is_a_line_that_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, extra: str
) -> None:
    for library in ("opentimelineio", "pyarrow"):
        monkeypatch.setitem(sys.modules, library, None)
    tagger.write_report(REPORT, tmp_path / "x.tags.json")
    with pytest.raises(LibraryMissing, match=rf"the format {name} needs .*\[{extra}\]"):
        tagger.write_report(REPORT, tmp_path / "x", format=name)
    done = batches.inside("export", tmp_path / "x.tags.json", "--format", name, "-o", tmp_path / "out")
    assert done.returncode == 1 and not (tmp_path / "out").exists()
    (line,) = done.stderr.splitlines()
    assert f"the format {name} needs " in line and f"(the extra [{extra}] of movietags)" in line


def test_a_batch_writes_what_is_missing_without_reading_a_film(tagged: Path) -> None:
    films, out = tagged / "films", tagged / "out"
    words = (films, "-o", out, "--backbone", "compact", "--format", "otio", "--format", "csv")
    (out / "a.mp4.tags.csv").unlink()
    done = batches.batch(*words, "--dry-run")
    assert "2 of them lack a format" in done.stderr and not list(out.glob("*.otio"))
    done = batches.batch(*words)
    assert done.returncode == 0, done.stderr
    assert "0 films to tag, 2 done before, 2 of them lack a format" in done.stderr
    assert names_in(out) == sorted(
        ["summary.csv"]
        + [
            f"{name}.{end}"
            for name in ("a.mp4", "b.mp4")
            for end in ("features.npz", "keyframes.zip", "shots.csv", "tags.csv", "tags.json", "tags.otio")
        ]
    )
    done = batches.batch(*words)
    assert "lack" not in done.stderr and "kept as they are" not in done.stderr


def test_what_is_written_besides_is_not_taken_for_changed_by_hand(tagged: Path, tmp_path: Path) -> None:
    """And goes where its film goes, is made anew with it, and taken away with it."""
    films, out = tmp_path / "films", tmp_path / "out"
    shutil.copytree(tagged / "films", films)
    words = (films, "-o", out, "--backbone", "compact")
    assert batches.batch(*words).returncode == 0
    done = batches.inside("export", out, "--format", "parquet", "-o", out)
    assert done.returncode == 0 and "2 of 2 reports written" in done.stdout
    made = (out / "a.mp4.tags.parquet").read_bytes()
    (films / "a.mp4").rename(films / "c.mp4")
    done = batches.batch(*words)
    assert "kept as they are" not in done.stderr and not list(out.glob("a.mp4.*"))
    assert (out / "c.mp4.tags.parquet").read_bytes() != made and (out / "c.mp4.keyframes.zip").exists()
    assert pyarrow.parquet.read_table(out / "c.mp4.tags.parquet")["film"][0].as_py() == "c.mp4"
    made = (out / "c.mp4.shots.parquet").read_bytes()
    assert "kept as they are" not in batches.batch(*words, "--min-shot", "3").stderr  # tagged anew
    assert (out / "c.mp4.shots.parquet").read_bytes() != made
    (films / "c.mp4").unlink()
    assert batches.batch(*words, "--min-shot", "3", "--prune").returncode == 0
    assert not list(out.glob("c.mp4.*")) and list(out.glob("b.mp4.*"))


def test_a_file_that_a_person_changed_is_kept(tagged: Path, tmp_path: Path) -> None:
    shutil.copytree(tagged / "out", tmp_path / "out")
    words = ("export", tmp_path / "out", "--format", "parquet", "--format", "csv", "-o", tmp_path / "new")
    assert batches.inside(*words).returncode == 0
    theirs = tmp_path / "new" / "a.mp4.shots.parquet"
    theirs.write_bytes(b"mine")
    done = batches.inside(*words)
    assert done.returncode == 1 and "1 of 2 reports written" in done.stdout
    assert "a.mp4.shots.parquet: is there, and was changed or made by others: --replace" in done.stderr
    assert theirs.read_bytes() == b"mine"
    assert batches.inside(*words, "--replace").returncode == 0 and theirs.read_bytes() != b"mine"


def test_export_says_what_cannot_be_read_and_does_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    tagger.write_report(REPORT, tmp_path / "in" / "sub" / "x.tags.json")
    (tmp_path / "in" / "bad.tags.json").write_text("{}")
    done = batches.inside("export", tmp_path / "in", "--format", "csv", "-o", tmp_path / "out")
    assert done.returncode == 1 and "1 of 2 reports written" in done.stdout
    assert [line for line in done.stderr.splitlines() if "error" in line] == [
        f"movietags: error: {tmp_path / 'in' / 'bad.tags.json'}: schema None, this version reads 'movietags/1'"
    ]
    assert names_in(tmp_path / "out" / "sub") == ["x.shots.csv", "x.tags.csv"]
    for words, code, why in (
        (["none", "--format", "csv", "-o", "out"], 1, "no such file"),
        (["in", "--format", "csv", "-o", "-"], 2, "-o - writes one report in one format"),
        (["in", "-o", "out"], 2, "name what to write with --format"),
        (["in/sub/x.tags.json", "in/sub", "--format", "vtt", "-o", "out2"], 2, "format 'vtt': choose one of"),
    ):
        monkeypatch.chdir(tmp_path)
        ran = CliRunner().invoke(cli.cli, ["export", *words])
        assert ran.exit_code == code and why in ran.output, ran.output


def test_two_reports_of_one_name_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        tagger.write_report(REPORT, tmp_path / place / "x.tags.json")
    done = batches.inside("export", tmp_path / "a", tmp_path / "b", "--format", "csv", "-o", tmp_path / "out")
    assert done.returncode == 2 and "have one name" in done.stderr and not (tmp_path / "out").exists()
    ran = CliRunner().invoke(cli.cli, ["export", str(tmp_path / "a" / "x.tags.json"), "--format", "csv", "-o", "-"])
    assert ran.exit_code == 0 and ran.stdout.startswith("film,rank,")
