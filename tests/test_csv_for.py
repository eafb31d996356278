"""CSV for those who read it: programs by default, Excel where it is asked for; what all commands write."""

from __future__ import annotations

from pathlib import Path

import media
import pandas as pd
import pytest
from click.testing import CliRunner
from samples import REPORT

from cli import cli
from tagger.batch import ledger, summary
from tagger.reports.formats import write_report
from tagger.text import DIALECTS

MARK = "\ufeff".encode()


def run(*words: object) -> None:
    done = CliRunner().invoke(cli, list(map(str, words)))
    assert done.exit_code == 0, done.output


@pytest.fixture
def report(tmp_path: Path) -> Path:
    write_report(REPORT, tmp_path / "x.tags.json")
    return tmp_path / "x.tags.json"


@pytest.mark.parametrize("csv_for", DIALECTS)
def test_every_command_writes_for_the_reader(csv_for: str, report: Path, tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    table.write_text("a,b\nx.tags.json,x.tags.json\n")
    run("compare", report, report, "-o", tmp_path / "two", "--csv-for", csv_for)
    run("compare", "--pairs", table, "-o", tmp_path / "many", "--csv-for", csv_for)
    run("segments", report, "-o", tmp_path / "segments.csv", "--csv-for", csv_for)
    run("evaluate", "ratings", report, "--blank", tmp_path / "sheet.csv", "--csv-for", csv_for)
    dialect = DIALECTS[csv_for]
    for name in ("two/compared.csv", "many/pairs.csv", "segments.csv", "sheet.csv"):
        body = (tmp_path / name).read_bytes()
        assert body.startswith(MARK) == (csv_for != "programs" or name == "sheet.csv"), name  # people fill in the sheet
        found = pd.read_csv(tmp_path / name, sep=dialect.separator, decimal=dialect.point)
        assert len(found.columns) >= 5, name
    scores = pd.read_csv(tmp_path / "two/compared.csv", sep=dialect.separator, decimal=dialect.point)["score_a"]
    assert scores.tolist() == sorted((tag.score for tag in REPORT.tags), reverse=True)


def test_reports_and_the_summary_of_a_batch_are_written_for_the_reader(film: media.Truth, tmp_path: Path) -> None:
    run("extract", film.path, "-o", tmp_path / "out", "--csv-for", "excel-semicolon")
    (path,) = (tmp_path / "out").glob("*.tags.csv")
    assert path.read_bytes().startswith(MARK + b"film;rank;tag;")
    found = pd.read_csv(path, sep=";", decimal=",")
    assert found["score"].dtype == "float64" and found["score"].max() == 1.0
    assert summary.write(tmp_path, ledger.read(tmp_path), "excel").read_bytes().startswith(MARK + b"film,status,")
    assert summary.write(tmp_path, ledger.read(tmp_path)).read_bytes().startswith(b"film,status,")


def test_other_formats_stay_as_they_are(report: Path, tmp_path: Path) -> None:
    for form in ("json", "vtt"):
        run("segments", report, "-o", tmp_path / f"a.{form}", "--csv-for", "excel")
        run("segments", report, "-o", tmp_path / f"b.{form}")
        assert (tmp_path / f"a.{form}").read_bytes() == (tmp_path / f"b.{form}").read_bytes()
