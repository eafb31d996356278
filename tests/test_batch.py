"""Folders of films through the command: right, resumable, and no film costs another."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import media
import pandas as pd
import pytest
from batches import entries, run, statuses, timeless

import tagger
from tagger.batch import ledger
from tagger.batch.ledger import DONE, FAILED
from tagger.reports.json_report import read_report

pytestmark = pytest.mark.packages  # what a command finds, a test finds too


def reasons(output: Path) -> dict[str, str]:
    return {entry.report: entry.reason for entry in ledger.read(output).values() if entry.state == FAILED}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four films in three folders, two of one name, one without the name of a film."""
    folder = tmp_path_factory.mktemp("films")
    for name in ("a", "b/deep"):
        (folder / name).mkdir(parents=True)
    media.film(folder / "x.mp4", (30, 45))
    media.film(folder / "a/x.mp4", (25, 25, 25))
    media.film(folder / "a/x.mkv", (40,))
    media.film(folder / "b/deep/y.mp4", (20, 30)).path.rename(folder / "b/deep/y")
    (folder / "notes.txt").write_text("no film")
    return folder


@pytest.fixture(scope="module")
def tagged(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of one batch over them."""
    output = tmp_path_factory.mktemp("out") / "reports"
    done = run(films, "-o", output, "--jobs", "2")
    assert done.returncode == 0
    assert done.stdout == f"{output}/summary.csv: 4 films: {sure_of(output, 4)}\n"
    return output


def sure_of(output: Path, count: int) -> str:
    """How it is said that so many films are done, and in how many of them nothing is sure."""
    unsure = sum(not read_report(path).sure for path in output.rglob("*.tags.json"))
    return f"{count} done" + (f" (nothing sure in {unsure})" if unsure else "")


def test_every_film_has_the_reports_that_extract_gives(films: Path, tagged: Path) -> None:
    made = {str(path.relative_to(tagged)) for path in tagged.rglob("*.tags.*")}
    names = ("x.mp4", "a/x.mp4", "a/x.mkv", "b/deep/y")
    assert made == {f"{name}.tags.{kind}" for name in names for kind in ("json", "csv")}
    one = tagger.Tagger()
    for name in names:
        assert timeless(read_report(tagged / f"{name}.tags.json")) == timeless(one.extract(films / name))


def test_the_summary_has_a_row_per_film_for_pandas(tagged: Path) -> None:
    table = pd.read_csv(tagged / "summary.csv").set_index("film")
    assert table["status"].to_dict() == dict.fromkeys(("x.mp4", "a/x.mp4", "a/x.mkv", "b/deep/y"), "ok")
    assert table.loc["a/x.mp4", "shots"] == 3
    assert table.loc["x.mp4", "duration_s"] == pytest.approx(3.0)
    assert (table["realtime_factor"] > 0).all()
    report = read_report(tagged / table.loc["x.mp4", "report"])
    assert table.loc["x.mp4", "tags"].split("; ")[0] == report.tags[0].tag
    named = pd.read_csv(tagged / "summary.csv", index_col="report", keep_default_na=False)["sure"]
    sure = {name: "; ".join(tag.tag for tag in read_report(tagged / name).sure) for name in named.index}
    assert named.to_dict() == sure


def test_what_is_done_is_not_done_again(films: Path, tagged: Path, tmp_path: Path) -> None:
    output = Path(shutil.copytree(tagged, tmp_path / "out"))
    before = len(entries(output))
    done = run(films, "-o", output)
    assert (done.returncode, len(entries(output))) == (0, before)
    assert "4 films: 4 done" in done.stdout


def test_what_changed_is_done_again(films: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(films, tmp_path / "films"))
    media.film(source / "same.mp4", (30,))
    output = tmp_path / "out"
    assert run(source, "-o", output).returncode == 0
    (source / "x.mp4").write_bytes((source / "a/x.mp4").read_bytes())
    status = (source / "a/x.mp4").stat()
    os.utime(source / "a/x.mp4", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    status = (source / "a/x.mkv").stat()
    body = bytearray((source / "a/x.mkv").read_bytes())
    body[-1] ^= 1
    (source / "a/x.mkv").write_bytes(body)
    os.utime(source / "a/x.mkv", ns=(status.st_atime_ns, status.st_mtime_ns))
    (output / "b/deep/y.tags.json").unlink()
    planned = dict(line.rsplit(": ", 1) for line in run(source, "-o", output, "--dry-run").stdout.splitlines())
    changed = {f"{source}/{name}": "changed" for name in ("x.mp4", "a/x.mkv")}
    changed[f"{source}/a/x.mp4"] = "changed (the same as x.mp4)"
    assert planned == {**changed, f"{source}/b/deep/y": "its report is gone"}
    before = len(entries(output))
    assert run(source, "-o", output).returncode == 0
    again = [film for film, state in entries(output)[before:] if state == DONE]
    assert sorted(again) == ["a/x.mkv", "a/x.mp4", "b/deep/y", "x.mp4"]
    assert read_report(output / "x.mp4.tags.json").video.frame_count == 75


def test_other_settings_redo_all(films: Path, tagged: Path, tmp_path: Path) -> None:
    output = Path(shutil.copytree(tagged, tmp_path / "out"))
    shown = run(films, "-o", output, "--dry-run", "--min-entropy", "3").stdout
    assert shown.count(": other settings, model or vocabulary\n") == 4


def test_another_head_redoes_all(films: Path, tagged: Path, tmp_path: Path) -> None:
    from tagger import vocabulary
    from tagger.models import head, registry

    words = vocabulary.load("movies50")
    name = registry.choose(registry.AUTO, None, words.heads)
    own = Path(shutil.copytree(words.folder, tmp_path / "own"))
    made = head.load(words.head_path(name), words)
    replace(made, bias=made.bias + 0.25).save(own / f"heads/{name}.npz")
    output = Path(shutil.copytree(tagged, tmp_path / "out"))
    shown = run(films, "-o", output, "--vocab", own, "--dry-run").stdout
    assert shown.count("other settings, model or vocabulary") == 4
    same = Path(shutil.copytree(words.folder, tmp_path / "elsewhere"))
    assert run(films, "-o", output, "--vocab", same, "--dry-run").stdout == ""


def test_dry_run_writes_nothing(films: Path, tmp_path: Path) -> None:
    done = run(films, "-o", tmp_path / "out", "--dry-run", "--limit", "3")
    assert done.stdout.splitlines() == [f"{films}/{name}: new" for name in ("x.mp4", "a/x.mkv", "a/x.mp4")]
    assert list(tmp_path.iterdir()) == []


def test_limits_lists_and_shards_share_one_output(films: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    listed = "\0".join(str(films / name) for name in ("x.mp4", "a/x.mp4"))
    assert run("-", "-o", output, "--limit", "1", given=listed).stdout.endswith(
        f"2 films: {sure_of(output, 1)}, 1 pending\n"
    )
    assert sorted(statuses(output).values()) == ["ok", "pending"]
    for part in ("1/3", "2/3", "3/3"):
        assert run(films / "a", f"{films}/b/**/y", "-o", output, "--shard", part, "-q").returncode == 0
    assert run("--status", output).stdout == f"4 films: {sure_of(output, 4)}\n"


def test_a_film_that_cannot_be_read_costs_no_other(films: Path, tmp_path: Path) -> None:
    source = tmp_path / "films"
    shutil.copytree(films, source)
    (source / "text.mp4").write_text("no film")
    (source / "sound").write_bytes(b"OggS" + bytes(24) + b"\x80theora" + bytes(100))
    output = tmp_path / "out"
    done = run(source, tmp_path / "missing", "-o", output)
    assert done.returncode == 1
    assert "movietags: error: " in done.stderr and "missing: no such file or folder" in done.stderr
    assert statuses(output)["text.mp4"] == "failed"
    assert "text.mp4: is no video that FFmpeg can open" in reasons(output)["text.mp4"]
    count = len(entries(output))
    again = run(source, "-o", output)
    assert (again.returncode, len(entries(output))) == (0, count)  # it is known
    assert "2 failed before (--retry-failed)" in again.stderr
    assert run(source, "-o", output, "--strict").returncode == 1
    shutil.copy(films / "x.mp4", source / "text.mp4")
    os.utime(source / "text.mp4", (0, 0))
    assert run(source, "-o", output, "-q").stderr.count("\n") <= 1
    assert statuses(output)["text.mp4"] == "ok"


def test_what_failed_is_retried_when_asked(films: Path, tmp_path: Path, faults: dict[str, str]) -> None:
    source = tmp_path / "films"
    source.mkdir()
    shutil.copy(films / "x.mp4", source / "crash.mp4")
    output = tmp_path / "out"
    assert run(source, "-o", output, env=faults).returncode == 1
    assert run(source, "-o", output, env=faults).returncode == 0
    assert statuses(output) == {"crash.mp4": "failed"}
    assert run(source, "-o", output, "--retry-failed", env=faults).returncode == 1
    assert run(source, "-o", output, "--retry-failed").returncode == 0
    assert statuses(output) == {"crash.mp4": "ok"}


def test_crashing_and_greedy_decoders_cost_their_film(tmp_path: Path, faults: dict[str, str]) -> None:
    source = tmp_path / "films"
    source.mkdir()
    for count, name in enumerate(("1", "2 crash", "3", "4 greedy", "5", "6 crash", "7")):
        media.film(source / f"{name}.mp4", (10 + count,), 160, 90)
    output = tmp_path / "out"
    done = run(source, "-o", output, "--jobs", "2", "--memory-limit", "500", env=faults)
    assert done.returncode == 1
    assert [name for name, status in statuses(output).items() if status == "ok"] == [f"{n}.mp4" for n in (1, 3, 5, 7)]
    said = reasons(output)
    assert said["2 crash.mp4"].endswith("the decoder crashed (signal 11)")
    assert said["6 crash.mp4"].endswith("the decoder crashed (signal 11)")
    assert said["4 greedy.mp4"].endswith("decoding it takes more than 500 MiB of memory (--memory-limit)")
