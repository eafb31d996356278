"""One table of formats serves every command, and what other packages add to it works like the rest."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from samples import REPORT

import tagger
from cli import cli
from tagger.commands.segments import segments
from tagger.errors import BadSettings, OutputRefused
from tagger.records import TagReport
from tagger.reports import csv_shots, formats
from tagger.reports.csv_report import as_csv
from tagger.reports.json_report import SUFFIX, as_json
from tagger.segments import Rule, Segments, find

CSV, JSON, SHOTS = as_csv(REPORT).encode(), as_json(REPORT).encode(), csv_shots.as_csv(REPORT).encode()
SUBJECTS = (TagReport, Segments)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_names_and_suffixes_are_each_of_one_format(subject: type[object]) -> None:
    ours = list(formats.known(subject))
    assert len({form.name for form in ours}) == len({form.suffix for form in ours})
    assert len({form.ending for form in ours}) == len(ours)
    for form in ours:
        assert form in formats.all_named(form.name, subject)
        assert formats.for_file(Path(f"a.b{form.ending.upper()}"), subject) is form
        assert formats.for_file(Path(f"a.b{form.suffix.upper()}"), subject) is formats.named(form.name, subject)


def test_every_format_of_segments_is_in_the_help() -> None:
    text = CliRunner().invoke(segments, ["--help"]).output
    assert {form.name for form in formats.known(Segments)} <= {*text.replace(",", " ").split()}


@pytest.mark.parametrize("command", ["extract", "batch", "export"])
def test_what_every_format_of_reports_is_for_is_in_the_help(command: str) -> None:
    text = CliRunner().invoke(cli, [command, "--help"]).output
    for name in {form.name for form in formats.known(TagReport)}:
        assert re.search(rf"\b{name}\s+\(\w", text), name


@pytest.mark.parametrize(
    ("name", "body"),
    [("x.json", JSON), ("x.tags.JSON", JSON), ("x.csv", CSV), ("x.tags.csv", CSV), ("x.Shots.csv", SHOTS)],
)
def test_the_ending_says_in_which_format(tmp_path: Path, name: str, body: bytes) -> None:
    tagger.write_report(REPORT, tmp_path / name)
    assert (tmp_path / name).read_bytes() == body


def test_a_named_format_goes_before_the_ending(tmp_path: Path) -> None:
    tagger.write_report(REPORT, str(tmp_path / "x.json"), "csv")
    tagger.write_report(REPORT, tmp_path / "x", format="json")
    assert (tmp_path / "x.json").read_bytes() == CSV
    assert (tmp_path / "x").read_bytes() == JSON


def test_what_is_no_format_says_which_there_are(tmp_path: Path) -> None:
    for name in ("x", "x.txt", "xcsv", "x.vtt"):
        with pytest.raises(BadSettings, match=rf"{name}: name a file that ends in .csv, .json, .* or name the format$"):
            tagger.write_report(REPORT, tmp_path / name)
    with pytest.raises(BadSettings, match="^format 'vtt': choose one of csv, json, "):
        tagger.write_report(REPORT, tmp_path / "x.json", "vtt")
    with pytest.raises(BadSettings, match="^format 'nfo': choose one of csv, json, html, parquet, otio$"):
        tagger.write_report(REPORT, tmp_path / "x.nfo", "nfo")  # which is of commands
    assert list(tmp_path.iterdir()) == []


def test_the_json_of_a_film_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(formats, "write_atomically", lambda path, body: written.append(path.name))
    for names in (formats.DEFAULTS, ("json", "csv"), ("csv",), ("csv", "json", "csv")):
        written.clear()
        formats.write_bodies(formats.report_bodies(REPORT, tmp_path / "x.mp4", names))
        assert written == ["x.mp4.tags.csv", "x.mp4.shots.csv", "x.mp4.tags.json"]
        assert [path.name for path in formats.report_files(tmp_path / "x.mp4", names)] == written
    assert formats.report_files(Path("x"), ["json"]) == (Path("x" + SUFFIX),)
    with pytest.raises(BadSettings, match="format 'vtt'"):
        formats.report_files(Path("x"), ["vtt"])


def test_without_its_csv_a_film_gets_no_json(tmp_path: Path) -> None:
    (tmp_path / "x.tags.csv").mkdir()
    with pytest.raises(OutputRefused, match=r"x.tags.csv: cannot write it"):
        formats.write_bodies(formats.report_bodies(REPORT, tmp_path / "x"))
    assert [path.name for path in tmp_path.iterdir()] == ["x.tags.csv"]


def test_segments_have_the_film_as_its_report_has_it() -> None:
    (as_segments,) = [form for form in formats.known(Segments) if form.name == "json"]
    document = json.loads(as_segments.body(find(REPORT, [], Rule())))
    assert document["video"] == json.loads(JSON)["video"]


# Other packages.

PLUGIN = """
import tagger
from tagger.segments import Segments

NFO = tagger.Format("nfo", ".nfo", tagger.TagReport, lambda report: f"<tag>{report.tags[0].tag}</tag>\\n")
RAW = tagger.Format("raw", ".raw", Segments, lambda found: bytes([255, len(found.segments)]), lambda _: ["mind"])
CSV = tagger.Format("csv", ".csv", tagger.TagReport, lambda _: "theirs")
print("imported")
"""
POINTS = """[movietags.reports]
nfo = added_formats:NFO
raw = added_formats:RAW
none = added_formats:PATH
wrong = os:sep
alias = added_formats:NFO
csv = added_formats:CSV
"""


@pytest.fixture
def plugin(tmp_path: Path) -> dict[str, str]:
    """The environment of a program for which a package with two formats, and two that are none, is installed."""
    site = tmp_path / "site"
    info = site / "added_formats-1.2.dist-info"
    info.mkdir(parents=True)
    (site / "added_formats.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: added-formats\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(POINTS)
    tagger.write_report(REPORT, tmp_path / "x.tags.json")
    path = os.pathsep.join([str(site), str(Path(tagger.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path}


def python(code: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=folder, env=env, check=False)


def movietags(*words: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    words = (sys.executable, "-m", "tagger", "segments", "x.tags.json", *words)
    return subprocess.run(words, capture_output=True, cwd=folder, env=env, check=False)


def test_a_report_is_written_in_a_format_of_another_package(tmp_path: Path, plugin: dict[str, str]) -> None:
    code = (
        "import tagger\nreport = tagger.read_report('x.tags.json')\n"
        "tagger.write_report(report, 'y.json')\nprint('ours')\n"
        "tagger.write_report(report, 'y.nfo')\ntagger.write_report(report, 'y', format='nfo')\n"
        "tagger.write_report(report, 'y.csv')"
    )
    done = python(code, tmp_path, plugin)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [b"ours", b"imported"]  # which is not before it is needed
    assert (tmp_path / "y.nfo").read_text() == (tmp_path / "y").read_text() == "<tag>Car chase</tag>\n"
    assert (tmp_path / "y.csv").read_text().startswith("film,rank,")  # ours is not replaced


def test_segments_are_written_in_a_format_of_another_package(tmp_path: Path, plugin: dict[str, str]) -> None:
    done = movietags("--format", "raw", folder=tmp_path, env=plugin)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"imported\n\xff\x01"  # bytes as they are
    assert b"mind" in done.stderr
    done = movietags("-o", "y.raw", "-q", folder=tmp_path, env=plugin)
    assert (done.returncode, (tmp_path / "y.raw").read_bytes()) == (0, b"\xff\x01")


def test_what_cannot_be_used_of_another_package_costs_a_line_each(tmp_path: Path, plugin: dict[str, str]) -> None:
    done = movietags("--format", "rows", folder=tmp_path, env=plugin)
    *warnings, error = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert error.endswith("error: format 'rows': choose one of csv, json, vtt, ffmetadata, otio, kodi-edl, edl, raw")
    assert sum("none" in line and "added-formats 1.2" in line for line in warnings) == 1
    assert sum("plugin wrong: leads to '/', which is no tagger.Format" in line for line in warnings) == 1
    assert sum("plugin alias: leads to Format(name='nfo'" in line for line in warnings) == 1
    assert len(warnings) == 3


@pytest.mark.parametrize("suffix", ["nfo", "", ".", "../x", ".a/b", ". "])
def test_a_suffix_that_is_none_is_refused_where_it_is_written(suffix: str) -> None:
    with pytest.raises(ValueError, match="format nfo: its suffix is"):
        tagger.Format("nfo", suffix, tagger.TagReport, lambda _: "")


def test_a_name_goes_into_a_file_whatever_its_bytes(tmp_path: Path) -> None:
    odd = replace(REPORT, video=replace(REPORT.video, name="bad\udcff.mp4"))
    tagger.write_report(odd, tmp_path / "x.csv")
    assert b"bad\\udcff.mp4" in (tmp_path / "x.csv").read_bytes()
    tagger.write_report(odd, tmp_path / "x.json")
    assert tagger.read_report(tmp_path / "x.json") == odd
