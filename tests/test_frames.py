"""Reports as pandas tables: as their CSV, shot by shot, and a folder of them at once."""

from __future__ import annotations

import builtins
import io
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from samples import REPORT

import tagger
from tagger.errors import BadPath, BadReport, LibraryMissing, PathMissing
from tagger.reports.csv_report import as_csv
from tagger.reports.folder import Folder


def test_a_row_per_tag_is_the_csv() -> None:
    pd.testing.assert_frame_equal(REPORT.to_frame(), pd.read_csv(io.StringIO(as_csv(REPORT)), keep_default_na=False))


def test_a_row_per_shot_has_its_keyframe_and_tags() -> None:
    shots = REPORT.shots_frame()
    assert list(shots.columns) == [
        "film", "index", "start_s", "end_s", "start_frame", "end_frame", "keyframe_frame", "keyframe_time_s",
        "keyframe_off_middle_frames", "keyframe_entropy_bits", "keyframe_kept", "tags_slug", "tags_probability",
        "probabilities",
    ]  # fmt: skip
    first, second = shots.to_dict("records")
    assert (first["end_s"], first["keyframe_frame"], first["tags_slug"]) == (4.0, 50, ("car-chase",))
    assert (second["index"], second["keyframe_kept"], second["tags_probability"]) == (1, False, ())
    apart = shots.explode(["tags_slug", "tags_probability"])
    assert apart["tags_slug"].dropna().tolist() == ["car-chase"]
    assert shots[shots.keyframe_kept]["end_s"].sum() == 4.0


def test_a_row_per_shot_has_the_probability_of_every_tag() -> None:
    table = REPORT.probabilities_frame()
    assert list(table.columns) == ["index", "start_s", "end_s", "drama", "car-chase"]
    assert table.to_dict("records") == [{"index": 0, "start_s": 0.0, "end_s": 4.0, "drama": 0.1, "car-chase": 0.9}]
    assert table["car-chase"].idxmax() == 0  # of the shot that was dropped there is no row


def test_a_report_of_before_probabilities_has_no_row_of_them() -> None:
    old = replace(REPORT, slugs=(), shots=tuple(replace(shot, probabilities=()) for shot in REPORT.shots))
    table = old.probabilities_frame()
    assert (list(table.columns), len(table)) == (["index", "start_s", "end_s"], 0)


def test_the_sure_tags_are_the_most_confident_first() -> None:
    told = (0.5, 0.9, 0.4999, None, 0.9)
    tags = tuple(replace(REPORT.tags[0], rank=rank, slug=f"t{rank}", confidence=c) for rank, c in enumerate(told, 1))
    report = replace(REPORT, tags=tags)
    assert [tag.slug for tag in report.sure] == ["t2", "t5", "t1"]
    assert [tag.sure for tag in tags] == [True, True, False, False, True]
    assert report.says_confidence
    silent = replace(REPORT, tags=tuple(replace(tag, confidence=None) for tag in tags))
    assert (silent.sure, silent.says_confidence) == ((), False)


def test_tables_without_rows_have_their_columns() -> None:
    nothing = replace(REPORT, tags=(), shots=())
    assert list(nothing.to_frame().columns) == list(REPORT.to_frame().columns)
    assert list(nothing.shots_frame().columns) == list(REPORT.shots_frame().columns)


def test_a_report_without_tags_changes_no_column_of_a_folder(tmp_path: Path) -> None:
    for name, report in (("a.mp4", replace(REPORT, tags=(), slugs=(), shots=())), ("b.mp4", REPORT)):
        Folder(tmp_path).write(tmp_path / name, report)
    table = tagger.read_reports(tmp_path)
    assert table["rank"].dtype == REPORT.to_frame()["rank"].dtype
    assert len(table) == len(REPORT.tags)
    (tmp_path / "b.tags.json").unlink()
    assert list(tagger.read_reports(tmp_path).columns) == list(table.columns)


def test_a_name_that_is_no_utf8_is_written_as_in_the_csv() -> None:
    odd = replace(REPORT, video=replace(REPORT.video, name="bad\udcff.mp4"))
    assert set(odd.to_frame()["film"]) == {"bad\\udcff.mp4"}


def test_a_folder_is_one_table(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("b.mp4", "a.mp4"):
        film = tmp_path / name
        Folder(tmp_path / "out" / film.stem).write(film, replace(REPORT, video=replace(REPORT.video, path=str(film))))
    (tmp_path / "out/a/torn.tags.json").write_text("{")
    (tmp_path / "out/notes.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        table = tagger.read_reports(tmp_path / "out")
    assert list(table.columns) == [
        "report", "film", "path", "duration_s", "status",
        "rank", "tag", "slug", "score", "weight", "frames", "mean_probability", "trained", "answered_by",
        "confidence",
    ]  # fmt: skip
    assert table["report"].tolist() == ["a/a.tags.json"] * 2 + ["b/b.tags.json"] * 2
    assert table.index.tolist() == [0, 1, 2, 3]
    assert table[table["rank"] == 1]["slug"].tolist() == ["car-chase"] * 2
    (line,) = caplog.messages
    assert re.fullmatch(r"left out: [^\n]*torn.tags.json: is not JSON[^\n]*", line)


def test_confidence_is_a_column_of_numbers_whatever_reports_say_of_it(tmp_path: Path) -> None:
    first, second = REPORT.tags
    old, half = ((replace(first, confidence=None), replace(second, confidence=c)) for c in (None, 0.75))
    for name, tags in (("a", old), ("b", half), ("c", REPORT.tags)):
        tagger.write_report(replace(REPORT, tags=tags), tmp_path / f"{name}.tags.json")
    table = tagger.read_reports(tmp_path)
    assert table["confidence"].dtype == "float64"
    assert table.query("confidence >= 0.5")["report"].tolist() == ["b.tags.json", "c.tags.json"]
    assert table["confidence"].isna().sum() == 3
    alone = replace(REPORT, tags=old)
    read = pd.read_csv(io.StringIO(as_csv(alone)), keep_default_na=False, na_values={"confidence": ""})
    pd.testing.assert_frame_equal(alone.to_frame(), read)


def test_a_folder_without_reports_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PathMissing, match="no such folder"):
        tagger.read_reports(tmp_path / "none")
    with pytest.raises(
        BadPath, match="no report below it: name the folder to which `movietags extract -o` or `batch -o` wrote"
    ):
        tagger.read_reports(str(tmp_path))
    (tmp_path / "x.tags.json").write_text("{")
    with pytest.raises(BadReport, match="none of the reports below it can be read"):
        tagger.read_reports(tmp_path)


def test_without_pandas_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    there = builtins.__import__

    def without(name: str, *how: Any) -> Any:
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name="pandas")
        return there(name, *how)

    monkeypatch.setattr(builtins, "__import__", without)
    for table in (REPORT.to_frame, REPORT.shots_frame, REPORT.probabilities_frame):
        with pytest.raises(LibraryMissing, match="pip install pandas"):
            table()
