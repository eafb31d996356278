"""What a person puts right: on a page, in a file beside the report, and for everything that reads reports."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import batches
import cv2
import media
import numpy as np
import pytest
from browser import Tab, browser
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import REPORT, REPORTS, TEXT
from test_browser import many, written
from test_export import empty, hostile, old

import tagger
from tagger.errors import BadPath, BadReport
from tagger.images import read_picture
from tagger.records import TagReport
from tagger.reports import formats
from tagger.reports.corrections import BYTES_MAX, SCHEMA, Corrections, ShotCorrection, corrections_file, put_right
from tagger.reports.html_report import as_html
from tagger.reports.json_report import as_json
from tagger.reports.json_report import read_report as as_made
from tagger.reports.manner import Manner
from tagger.training.corrected import gather
from tagger.video.stills import stills

FILM = REPORT.video.fingerprint
RIGHT = Corrections(
    SCHEMA, FILM, ("drama",), ("Wedding",),
    (ShotCorrection(50, ("car-chase",), ("Drama", "War")), ShotCorrection(150, (), ("War",))),
)  # fmt: skip


def beside(report: Path, right: Corrections = RIGHT) -> Path:
    corrections_file(report).write_text(json.dumps(asdict(right)))
    return report


def test_struck_and_added_tags_are_in_the_report() -> None:
    right = put_right(REPORT, RIGHT)
    first, second = right.shots
    assert [(tag.slug, tag.probability) for tag in first.tags] == [("drama", 1.0), ("war", 1.0)]
    assert dict(zip(right.slugs, first.probabilities, strict=True)) == {
        "drama": 1,
        "car-chase": 0,
        "wedding": 0,
        "war": 1,
    }
    assert [tag.slug for tag in second.tags] == ["war"] and second.probabilities == ()  # it was dropped
    by_slug = {tag.slug: tag for tag in right.tags}
    assert [tag.slug for tag in right.tags] == ["war", "wedding", "car-chase", "drama"]
    assert (by_slug["war"].confidence, by_slug["war"].frames, by_slug["war"].weight) == (1.0, 2, 2.0)
    assert by_slug["wedding"].sure and by_slug["wedding"].answered_by == "person" and by_slug["wedding"].score == 1.0
    assert (by_slug["drama"].weight, by_slug["drama"].confidence) == (
        0.0,
        0.0,
    )  # struck in the film, whatever a shot says
    assert by_slug["car-chase"].frames == 0 and by_slug["car-chase"].confidence == REPORT.tags[0].confidence
    assert right.warnings[-1] == "put right by hand: 1 tags added to the film, 1 struck, 2 shots"


@pytest.mark.parametrize("make", [old, empty, hostile])
def test_whatever_a_report_has_it_is_a_report_when_put_right(tmp_path: Path, make: Any) -> None:
    right = put_right(make(), replace(RIGHT, struck=("none", "", "!"), added=("<b>", "=1+1", "", "!", "../x")))
    tagger.write_report(right, tmp_path / "x.tags.json")
    assert as_made(tmp_path / "x.tags.json") == right
    assert {"b", "1-1", "x"} <= {tag.slug for tag in right.tags} and "" not in {tag.slug for tag in right.tags}
    for name in ("csv", "parquet", "otio", "html"):
        assert formats.report_bodies(right, tmp_path / "y", [name])


@settings(max_examples=25, deadline=None)
@given(REPORTS, st.lists(TEXT, max_size=3), st.lists(TEXT, max_size=3), st.integers(0, 600))
def test_any_report_can_be_put_right(report: TagReport, struck: list[str], added: list[str], frame: int) -> None:
    of_shot = ShotCorrection(frame, tuple(added), tuple(struck))
    found = Corrections(SCHEMA, report.video.fingerprint, tuple(struck), tuple(added), (of_shot,))
    right = put_right(report, found)
    tags = json.loads(as_json(right))["tags"]
    assert all(0 <= tag["score"] <= 1 and 0 <= tag["mean_probability"] <= 1 for tag in tags)
    assert {tag.slug for tag in report.tags} <= {tag.slug for tag in right.tags}
    assert [tag.rank for tag in right.tags] == [*range(1, len(right.tags) + 1)]


def test_nothing_put_right_changes_no_number() -> None:
    right = put_right(REPORT, Corrections(SCHEMA, FILM))
    assert (right.tags, right.shots) == (REPORT.tags, REPORT.shots)


def test_corrections_of_shots_are_known_by_their_frame() -> None:
    moved = tuple(
        replace(shot, start_frame=shot.start_frame + 60, end_frame=shot.end_frame + 60) for shot in REPORT.shots
    )
    right = put_right(replace(REPORT, shots=moved), replace(RIGHT, shots=(ShotCorrection(150, (), ("War",)),)))
    assert [tag.slug for tag in right.shots[0].tags] == ["war", "car-chase"] and right.shots[1].tags == ()
    right = put_right(REPORT, replace(RIGHT, shots=(ShotCorrection(5000, (), ("War",)),)))
    assert right.warnings[-1].endswith("1 corrections are of no shot, or of one that has another")


def test_corrections_of_another_film_are_not_heeded() -> None:
    right = put_right(REPORT, replace(RIGHT, film="1" * 32))
    assert right.tags == REPORT.tags and right.warnings[-1] == "corrections are there, but of another film: not heeded"


def test_an_export_says_that_they_are_of_another_film_and_counts_them_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tagger.write_report(REPORT, tmp_path / "x.tags.json")
    beside(tmp_path / "x.tags.json", replace(RIGHT, film="1" * 32))
    done = batches.inside("export", tmp_path, "--format", "csv", "-o", tmp_path)
    assert done.returncode == 0 and done.stdout.endswith("1 of 1 reports written\n")
    (said,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said.endswith("x.tags.json: corrections are there, but of another film: not heeded")


def test_very_many_tags_cost_no_more_than_their_number() -> None:
    names = tuple(f"t{number}" for number in range(20_000))
    begun = time.process_time()
    right = put_right(REPORT, replace(RIGHT, added=names))
    assert len(right.tags) > 20_000 and time.process_time() - begun < 4  # in steps of their square 20


def test_what_no_corrections_can_be_is_a_line_that_says_what_to_do(tmp_path: Path) -> None:
    report = tmp_path / "x.tags.json"
    tagger.write_report(REPORT, report)
    corrections_file(report).mkdir()
    with pytest.raises(BadReport, match=r"are no corrections \(no regular file\): save them anew from .*, or take"):
        tagger.read_report(report)
    corrections_file(report).rmdir()
    with corrections_file(report).open("wb") as file:
        file.truncate(BYTES_MAX + 1)
    with pytest.raises(BadReport, match=r"are no corrections \(over 64 MiB\): save them anew from .*, or take"):
        tagger.read_report(report)
    beside(report, replace(RIGHT, schema="movietags-corrections/2"))
    with pytest.raises(BadReport, match=r"this version reads 'movietags-corrections/1': save them anew"):
        tagger.read_report(report)


def test_whoever_reads_a_report_heeds_them_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tagger")
    report = tmp_path / "x.tags.json"
    tagger.write_report(REPORT, report)
    plain = batches.inside("segments", report, "--tag", "drama")
    beside(report)
    assert tagger.read_report(report).tags[0].slug == "war" and tagger.read_report(report, False) == REPORT
    done = batches.inside("segments", report, "--tag", "drama")
    assert "Drama: 0 segments" in plain.stdout and "Drama: 1 segment, 4.000 s" in done.stdout
    assert [record.message.partition(": ")[2] for record in caplog.records if record.levelno == logging.INFO] == [
        put_right(REPORT, RIGHT).warnings[-1]
    ] * 2  # by `read_report`, and by the command, whose messages go to stderr
    assert tagger.read_reports(tmp_path)["slug"].tolist() == ["war", "wedding", "car-chase", "drama"]
    assert tagger.segments(report, "war").segments[0].shots == 2


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '{"schema": "movietags-corrections/2", "film": ""}', json.dumps({**asdict(RIGHT), "added": "War"}),
     json.dumps({**asdict(RIGHT), "shots": [{"frame": -1}]})],
)  # fmt: skip
def test_what_are_no_corrections_is_a_line(tmp_path: Path, content: str) -> None:
    tagger.write_report(REPORT, tmp_path / "x.tags.json")
    (tmp_path / "x.corrections.json").write_text(content)
    with pytest.raises(BadReport, match=r"x\.corrections\.json: ") as caught:
        tagger.read_report(tmp_path / "x.tags.json")
    assert "\n" not in str(caught.value)
    done = batches.inside("segments", tmp_path / "x.tags.json")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1


def test_export_writes_what_was_put_right_and_leaves_the_report_as_it_is(tmp_path: Path) -> None:
    report = tmp_path / "x.tags.json"
    tagger.write_report(REPORT, report)
    beside(report)
    words = ("export", tmp_path, "--format", "json", "--format", "csv", "--format", "html", "-o")
    done = batches.inside(*words, tmp_path)
    assert done.returncode == 0 and "1 of 1 reports written, 1 of them put right by hand" in done.stdout
    assert as_made(report) == REPORT
    assert "x.mp4,1,War,war," in (tmp_path / "x.tags.csv").read_text()
    page = (tmp_path / "x.tags.html").read_text()
    assert '"added": ["Wedding"]' in page and "put right by hand" in page
    assert batches.inside(*words, tmp_path / "new", "--no-corrections").returncode == 0
    assert as_made(tmp_path / "new" / "x.tags.json") == REPORT
    assert batches.inside(*words, tmp_path / "right").returncode == 0
    assert as_made(tmp_path / "right" / "x.tags.json") == put_right(REPORT, RIGHT)


def test_they_go_where_their_film_goes_and_are_never_pruned(tmp_path: Path) -> None:
    films, out = tmp_path / "films", tmp_path / "out"
    films.mkdir()
    media.film(films / "a.mp4", (20,), 160, 90)
    media.film(films / "b.mp4", (25,), 160, 90)
    assert batches.batch(films, "-o", out).returncode == 0
    beside(out / "a.mp4.tags.json", replace(RIGHT, film=as_made(out / "a.mp4.tags.json").video.fingerprint))
    (films / "a.mp4").rename(films / "c.mp4")
    assert batches.batch(films, "-o", out).returncode == 0
    assert not list(out.glob("a.mp4*")) and "Wedding" in (out / "c.mp4.corrections.json").read_text()
    (films / "c.mp4").unlink()
    assert batches.batch(films, "-o", out, "--prune").returncode == 0
    assert [path.name for path in out.glob("c.mp4*")] == ["c.mp4.corrections.json"]


# The page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


def saved(tab: Tab, folder: Path) -> dict[str, Any]:
    with tab.page.expect_download() as found:
        tab.page.click("#save")
    found.value.save_as(folder / found.value.suggested_filename)
    return dict(json.loads((folder / found.value.suggested_filename).read_bytes()))


def test_a_page_saves_what_is_struck_and_added(chromium: Any, tmp_path: Path) -> None:
    report = many(6)
    tagger.write_report(report, tmp_path / "x.tags.json")
    tab = Tab(chromium, written(tmp_path, report))
    tab.page.click("#mode")
    tab.page.click("#ranking tr[data-tag='1'] .strike")
    for where, tag in (("#add", "<Wedding>"), ("#s1 input", "car chase"), ("#s2 input", "Zoo")):
        tab.page.fill(where, tag)
        tab.page.press(where, "Enter")
    tab.page.click("#s0 li .strike")
    tab.page.click("#s3 li .strike")
    tab.page.click("#s3 li .strike")  # and back
    assert tab.page.inner_text("#s2 ul").split("\n")[-2:] == ["Zoo (by hand)", "\u2715"]
    found = saved(tab, tmp_path)
    assert found == {
        "schema": SCHEMA, "film": FILM, "struck": ["drama"], "added": ["<Wedding>"],
        "shots": [
            {"frame": 50, "struck": ["car-chase"], "added": []},
            {"frame": 150, "struck": [], "added": ["car-chase"]},
            {"frame": 250, "struck": [], "added": ["Zoo"]},
        ],
    }  # fmt: skip
    right = tagger.read_report(tmp_path / "x.tags.json")
    assert [tag.slug for tag in right.tags][:2] == ["car-chase", "zoo"] and right.shots[0].tags == ()
    found_there = Corrections(**{**found, "shots": tuple(ShotCorrection(**one) for one in found["shots"])})
    (tmp_path / "y.tags.html").write_text(as_html(report, Manner(corrections=found_there)))
    again = Tab(chromium, tmp_path / "y.tags.html")  # it goes on where it stopped
    again.page.select_option("#tag", "0")
    again.until("document.getElementById('count').textContent === '2 of 6 shots'")  # 1 was added, 0 struck
    again.page.click("#mode")
    assert saved(again, tmp_path) == found
    assert (tab.said, again.said) == ([], [])


# Training


def test_stills_are_the_frames_that_are_shown(tmp_path: Path) -> None:
    truth = media.film(tmp_path / "x.mp4", (30, 45, 25))
    times = [truth.times_s[at] for at in (70, 0, 31)] + [truth.times_s[50] + 0.03, 99.0]
    found = {time_s: media.read_number(pixels) for time_s, pixels in stills(truth.path, times)}
    assert [found[time_s] for time_s in times] == [70, 0, 31, 50, 99]
    assert list(stills(truth.path, [])) == []


def put_right_film(folder: Path, added: str, every: bool) -> tuple[Path, TagReport]:
    """A film that was tagged, and of which two of three shots were put right; of the second `every` tag is struck."""
    truth = media.film(folder / "a.mp4", (30, 45, 25))
    assert batches.inside("extract", truth.path, "-o", folder / "out", "-q", "--backbone", "compact").returncode == 0
    report = as_made(folder / "out" / "a.tags.json")
    first, second, _ = (shot.keyframe.frame for shot in report.shots)
    wrong = [tuple(tag.slug for tag in shot.tags) for shot in report.shots]
    shots = (ShotCorrection(first, wrong[0], ("Beach/Sea",)), ShotCorrection(second, wrong[1] * every, (added,)))
    beside(folder / "out" / "a.tags.json", Corrections(SCHEMA, report.video.fingerprint, shots=shots))
    return folder / "out", report


def test_keyframes_of_films_that_were_put_right_become_a_training_folder(tmp_path: Path) -> None:
    out, report = put_right_film(tmp_path, "../evil", every=False)
    said: list[str] = []
    assert gather([out], tmp_path / "images", said.append) == 2 and said == []
    (sea,) = (tmp_path / "images" / "beach-sea").iterdir()
    assert sea.name == f"{report.video.fingerprint[:12]}__{report.shots[0].keyframe.frame:08}.jpg"
    assert media.read_number(read_picture(sea)) == report.shots[0].keyframe.frame
    (evil,) = (tmp_path / "images" / "evil").iterdir()  # a name is no path
    assert not (tmp_path / "evil").exists()
    others = {path.parent.name for path in (tmp_path / "images").glob(f"*/{evil.name}")} - {"evil"}
    assert others == {tag.slug for tag in report.shots[1].tags[:2]}  # what was left standing
    beside(
        out / "a.tags.json", Corrections(SCHEMA, report.video.fingerprint, shots=(ShotCorrection(15, (), ("War",)),))
    )
    assert gather([out], tmp_path / "images", said.append) == 1
    assert not list((tmp_path / "images" / "evil").iterdir())  # what is not so any more
    (tmp_path / "a.mp4").unlink()
    with pytest.raises(BadPath, match="no shot below it was put right"):
        gather([out], tmp_path / "images", said.append)
    assert len(said) == 1 and "is not there, or another film now" in said[0]


@pytest.mark.parametrize("added", ["", "x" * 300])
def test_where_no_picture_can_be_had_nothing_is_made(tmp_path: Path, added: str) -> None:
    out, report = put_right_film(tmp_path, "War", every=False)
    made = Corrections(SCHEMA, report.video.fingerprint, shots=(ShotCorrection(15, (), ("War", added)),) * bool(added))
    beside(out / "a.tags.json", made)
    said: list[str] = []
    with pytest.raises(BadPath, match="no shot below it was put right"):
        gather([out], tmp_path / "images", said.append)
    assert not (tmp_path / "images").exists()
    wrong = (
        f"a.corrections.json: the tag '{'x' * 40}' is too long for the name of a folder: shorten it on the film's page"
    )
    assert [line.rpartition("/")[2] for line in said] == [wrong] * bool(added)


def test_train_takes_them(tmp_path: Path) -> None:
    out, _ = put_right_film(tmp_path, "War", every=True)
    for tag, seed in (("beach-sea", 0), ("war", 50)):
        (tmp_path / "images" / tag).mkdir(parents=True)
        for at in range(6):
            pixels = np.ascontiguousarray(media.scenery(seed + at, 96, 96))
            cv2.imwrite(str(tmp_path / "images" / tag / f"{at}.png"), pixels)
    done = batches.inside(
        "train", tmp_path / "images", "--from-corrections", out, "--name", "own", "-o", tmp_path / "own", "--backbone",
        "compact", "--epochs", "2", "--cache", tmp_path / "cache",
    )  # fmt: skip
    assert "2 keyframes of films that were put right" in done.stderr
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "own" / "labels.txt").read_text().split() == ["beach-sea", "war"]
    assert len(list((tmp_path / "images").glob("*/*__*.jpg"))) == 2
