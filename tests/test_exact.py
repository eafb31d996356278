"""Segments to the frame, where a film was read without some of its frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import media
import pytest
from click.testing import CliRunner

from tagger import Settings, Tagger, write_report
from tagger.commands.segments import segments
from tagger.records import Boundary, Scan, TagReport
from tagger.reports.edl import cautions
from tagger.segments import Rule, edges, find, moved
from tagger.shots.exact import exact
from tagger.video.film import Film

LENGTHS = (60, 75, 50, 90)
FIXED = {"preset": "ultrafast", "bf": "3", "sc_threshold": "0", "g": "250"}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> media.Truth:
    return media.film(tmp_path_factory.mktemp("exact") / "film.mp4", LENGTHS, options=FIXED)


@pytest.fixture(scope="module")
def report(shown: media.Truth) -> TagReport:
    """As a fast scan might have it that took key frames for cuts which come some frames late."""
    found = Tagger(Settings(backbone="compact", min_entropy_bits=0.0)).extract(shown.path)
    late = {cut: Boundary(cut + 4, (cut + 4) / 25) for cut in shown.cuts}
    return replace(moved(found, late), scan=Scan("fast", "fast", "made up", 0.4, 2, 1.0))


def test_boundaries_that_are_off_are_put_right(shown: media.Truth) -> None:
    with Film(shown.path) as film:
        found = exact(film, {cut + off for cut, off in zip(shown.cuts, (3, -4, 0), strict=True)} | {25})
    assert [found[start].frame for start in sorted(found)] == [*shown.cuts]  # at 25 nothing is
    assert [found[start].time_s for start in sorted(found)] == pytest.approx([cut / 25 for cut in shown.cuts])


def test_boundaries_of_many_groups_and_of_the_films_ends(tmp_path: Path) -> None:
    truth = media.film(tmp_path / "film.mp4", (12, 130, 80, 12), options={**FIXED, "g": "24"})
    with Film(truth.path) as film:
        found = exact(film, [cut + 2 for cut in truth.cuts])
    assert {start: one.frame for start, one in found.items()} == {cut + 2: cut for cut in truth.cuts}


def test_a_list_of_few_frames_is_cautioned_about_and_exact_is_not(
    shown: media.Truth, report: TagReport, tmp_path: Path
) -> None:
    path = tmp_path / "film.tags.json"
    write_report(report, path)
    usual, again = (CliRunner().invoke(segments, [str(path), "--format", "csv", *more]) for more in ([], ["--exact"]))
    assert (usual.exit_code, again.exit_code) == (0, 0), again.output
    answer = find(report, (), Rule())
    assert edges(answer) <= {cut + 4 for cut in shown.cuts}
    for cut in edges(answer):
        assert f",{cut}," in usual.stdout
        assert f",{cut - 4}," in again.stdout
    edl = [CliRunner().invoke(segments, [str(path), "--format", "edl", *more]).stderr for more in ([], ["--exact"])]
    assert "2 of 3 boundaries stand where the encoder put a key frame" in edl[0]
    assert "boundaries" not in edl[1]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (Scan("full", "full", "asked for", 1.0, 0), ""),
        (Scan("fast", "fast", "placed", 0.3, 0, 1.0), ""),
        (Scan("fast", "fast", "a report of before"), "some boundaries stand where"),
        (Scan("fast", "references", "not placed", 0.6, 0, 0.5), "may be a frame off"),
    ],
)
def test_what_an_editor_is_told_of_each_scan(report: TagReport, how: Scan, said: str) -> None:
    lines = [line for line in cautions(find(replace(report, scan=how), (), Rule())) if "boundaries" in line]
    assert (said in lines[0]) if said else lines == []


def test_another_film_at_that_place_is_refused_in_one_line(report: TagReport, tmp_path: Path) -> None:
    other = media.film(tmp_path / "other.mp4", (40, 40), options=FIXED)
    there = replace(report, video=replace(report.video, path=str(other.path)))
    write_report(there, tmp_path / "film.tags.json")
    found = CliRunner().invoke(segments, [str(tmp_path / "film.tags.json"), "--exact"])
    assert found.exit_code != 0
    assert "is not there, or another film now" in found.stderr
