"""Batches that are killed, stopped, locked out, or without a disk: nothing is lost, nothing is done twice."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jsonschema
import media
import pytest
from batches import LEDGER, entries, run, running, statuses, summary, timeless, wait_for

from tagger.batch.ledger import DONE, STARTED
from tagger.reports.json_report import SCHEMA_FILE, read_report

CLIPS = 12
KILLS, KILLS_SAMPLE = 50, 16
LATEST_KILL_S = 1.2


def reports(output: Path) -> dict[str, str]:
    """All reports below a folder, without what differs from run to run."""
    found = {}
    for path in output.rglob("*.tags.json"):
        jsonschema.validate(json.loads(path.read_text()), json.loads(SCHEMA_FILE.read_text()))
        found[str(path.relative_to(output))] = timeless(read_report(path))
    return found


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for number in range(CLIPS):
        media.film(folder / f"{number}.mp4", (15 + number, 20), 160, 90)
    return folder


@pytest.fixture(scope="module")
def whole(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a batch that nothing happened to."""
    output = tmp_path_factory.mktemp("whole") / "out"
    assert run(clips, "-o", output, "-q").returncode == 0
    return output


KILLER = """
import os, random, signal, sys, time

import tagger.batch.run, tagger.commands.bars, tagger.batch.summary  # so that those that are killed need not
from tagger.__main__ import main

if __name__ == "__main__":
    films, folder, kills, latest_s = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    rng, killed, number = random.Random(folder[-1]), 0, 0
    while killed < kills:
        child = os.fork()
        if child == 0:
            sys.argv = ["movietags", "batch", films, "-o", f"{folder}/{number}", "-q"]
            main()
        time.sleep(rng.uniform(0, latest_s))
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        killed += os.WIFSIGNALED(status)
        number += not os.WIFSIGNALED(status)  # it was done already: another batch
    print(number)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs fork beside threads")
def test_kills_lose_nothing_and_repeat_nothing(
    clips: Path, whole: Path, tmp_path: Path, campaign: Callable[[int, int], int]
) -> None:
    script = tmp_path / "killer.py"
    script.write_text(KILLER)
    lanes = [tmp_path / lane for lane in "ab"]  # two batches at a time, each with films and reports of its own
    words = [sys.executable, str(script), str(clips)]
    how = [str(campaign(KILLS_SAMPLE, KILLS) // len(lanes)), str(LATEST_KILL_S)]
    killers = [subprocess.Popen([*words, str(lane), *how], stdout=subprocess.PIPE, text=True) for lane in lanes]
    outputs = []
    for lane, killer in zip(lanes, killers, strict=True):
        number = int(killer.communicate(timeout=400)[0])
        outputs += [lane / str(done) for done in range(number + 1)]
        assert run(clips, "-o", outputs[-1], "-q").returncode == 0
    begun_again = 0
    for output in outputs:
        assert reports(output) == reports(whole)
        assert [path for path in output.rglob("*.tmp") if path.is_file()] == []
        finished: set[str] = set()
        for film, state in entries(output):
            assert state != STARTED or film not in finished, f"{film} was done and begun again"
            finished |= {film} if state == DONE else set()
        assert len(finished) == CLIPS
        begun_again += sum(state == STARTED for _, state in entries(output)) - CLIPS
        rows = Counter((row["film"], row["status"]) for row in summary(output))
        assert rows == Counter({(f"{number}.mp4", "ok"): 1 for number in range(CLIPS)})
    assert begun_again > 0, "no kill fell into the work"


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_batch_that_is_stopped_goes_on_later(
    clips: Path, whole: Path, tmp_path: Path, faults: dict[str, str], how: signal.Signals, code: int
) -> None:
    source = Path(shutil.copytree(clips, tmp_path / "films"))
    (source / "5.mp4").rename(source / "5 hang.mp4")
    output = tmp_path / "out"
    with running(source, "-o", output, "--jobs", "2", env=faults) as process:
        wait_for(process, "9.mp4: ")
        process.send_signal(how)
        begun = time.monotonic()
        _, err = process.communicate(timeout=60)
        assert time.monotonic() - begun < 5  # two on a busy machine
        assert process.returncode == code
    assert err.splitlines()[-1] == "movietags: interrupted"
    assert len(summary(output)) == CLIPS
    assert statuses(output)["5 hang.mp4"] == "pending"
    assert run(source, "-o", output, "-q").returncode == 0
    found, expected = reports(output), reports(whole)
    assert {name for name, _ in found.items()} == {*expected} - {"5.mp4.tags.json"} | {"5 hang.mp4.tags.json"}
    states = Counter(state for film, state in entries(output) if film != "5 hang.mp4")
    assert states[DONE] == CLIPS - 1


def test_two_on_one_output_are_one_too_many(clips: Path, tmp_path: Path, faults: dict[str, str]) -> None:
    source = tmp_path / "films"
    source.mkdir()
    shutil.copy(clips / "0.mp4", source / "hang.mp4")
    output = tmp_path / "out"
    with running(source, "-o", output, env=faults) as first:
        wait_for(first, "backbone")
        second = run(source, "-o", output)
        assert second.returncode == 75
        assert f"in use by process {first.pid} on " in second.stderr
        assert second.stderr.count("\n") == 1
        assert run(source, "-o", output, "--shard", "1/2").returncode == 75  # might do the same film
        assert f"at work: process {first.pid} on " in run("--status", output).stdout
        first.kill()
        first.wait()
    assert run(source, "-o", output, "-q").returncode == 0  # nothing is left of the lock of a dead process


def test_shards_work_side_by_side(clips: Path, whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with running(clips, "-o", output, "--shard", "1/2") as first:
        assert run(clips, "-o", output, "--shard", "2/2").returncode == 0
        assert first.wait(60) == 0
    assert reports(output) == reports(whole)


@pytest.mark.parametrize("where", ["file", "file/below", "sealed"])
def test_an_output_that_cannot_be_written_is_refused_before_anything_is_read(
    clips: Path, tmp_path: Path, where: str
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "sealed").mkdir()
    (tmp_path / "sealed").chmod(0o500)
    if where == "sealed" and os.access(tmp_path / "sealed", os.W_OK):
        pytest.skip("this user may write anywhere")
    done = run(clips, "-o", tmp_path / where)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "no folder to write to" in line
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("limit", [1000, 9000])
def test_a_full_disk_ends_the_batch_and_harms_nothing(clips: Path, whole: Path, tmp_path: Path, limit: int) -> None:
    """At 1000 bytes a file the ledger cannot grow, at 9000 no report can be written."""
    output = Path(shutil.copytree(whole, tmp_path / "out"))
    if limit > 1000:
        (output / LEDGER).unlink()
    before = {path: path.read_bytes() for path in output.rglob("*.tags.*")}

    def small_files_only() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = run(clips, "-o", output, "--min-entropy", "3.9", "-q", preexec_fn=small_files_only)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "File too large" in line
    assert {path: path.read_bytes() for path in output.rglob("*.tags.*")} == before
    assert [path for path in output.rglob("*.tmp") if path.is_file()] == []
    assert run(clips, "-o", output, "--min-entropy", "3.9", "-q").returncode == 0


def test_a_film_that_changes_while_it_is_read_is_not_called_done(
    clips: Path, tmp_path: Path, faults: dict[str, str]
) -> None:
    source = tmp_path / "films"
    source.mkdir()
    film = Path(shutil.copy(clips / "0.mp4", source / "slow.mp4"))
    output = tmp_path / "out"
    with running(source, "-o", output, env=faults) as process:
        end = time.monotonic() + 20
        while not (output / LEDGER).exists() or "started" not in str(entries(output)):
            assert time.monotonic() < end
            time.sleep(0.01)
        with film.open("ab") as more:
            more.write(bytes(100))
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
    assert "changed while it was read" in err
    assert run(source, "-o", output, "-q").returncode == 0
