"""`movietags batch --watch`: a real process beside folders in which films arrive in all the ways that they do."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import media
import psutil
import pytest
from batches import entries, inside, running, statuses
from click.testing import CliRunner

import cli
from tagger.batch import watch
from tagger.batch.find import find
from tagger.batch.ledger import DONE, FAILED
from tagger.batch.watch import Arrivals, Pace, changes, network_drive

DOCS = Path(__file__).parents[1] / "docs/batch.md"
SETTLE_S = 0.6
GAP_S = 0.05  # between two pieces of a copy that goes on
LONG_S = 60.0
WORDS = ("--watch", "--settle", str(SETTLE_S), "--backbone", "compact", "--jobs", "1", "--no-keep-features")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Six films, none like another."""
    folder = tmp_path_factory.mktemp("clips")
    return [media.film(folder / f"{n}.mp4", (15 + n, 20), 160, 90).path.read_bytes() for n in range(6)]


def copy_slowly(body: bytes, path: Path, enough: threading.Event) -> None:
    """Writes a byte at a time until it is told to write the rest."""
    with path.open("wb") as file:
        for at in range(len(body)):
            file.write(body[at : at + 1])
            file.flush()
            if enough.wait(GAP_S):
                file.write(body[at + 1 :])
                return


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG_S
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def has(output: Path, **wanted: str) -> Callable[[], bool]:
    """Whether the summary says just this of all films, which are named without their suffix."""

    def look() -> bool:
        said = statuses(output) if (output / "summary.csv").is_file() else {}
        return {name.removesuffix(".mp4"): status for name, status in said.items()} == wanted

    return look


def ends(output: Path) -> Counter[str]:
    """How often each film was done or failed."""
    return Counter(report.removesuffix(".mp4") for report, state in entries(output) if state in (DONE, FAILED))


def test_films_are_tagged_as_they_arrive(clips: list[bytes], tmp_path: Path) -> None:
    films = tmp_path / "films"
    output = films / "tags"  # in the folder that is watched
    films.mkdir()
    (films / "first.mp4").write_bytes(clips[0])
    with running(films, "-o", output, *WORDS) as process:
        until(has(output, first="ok"))

        enough = threading.Event()
        slow = threading.Thread(target=copy_slowly, args=(clips[1], films / "slow.mp4", enough), daemon=True)
        slow.start()
        (films / "loaded.mp4.part").write_bytes(clips[2])
        (films / "loaded.mp4.part").rename(films / "loaded.mp4")
        (tmp_path / "aside/deep").mkdir(parents=True)
        (tmp_path / "aside/deep/in.mp4").write_bytes(clips[3])
        (tmp_path / "aside").rename(films / "new")
        until(lambda: {"loaded", "new/deep/in"} <= {*ends(output)})
        assert slow.is_alive() and "slow" not in ends(output)
        (films / "broken.mp4").write_bytes(clips[4][:1000])
        enough.set()
        words = {"first": "ok", "loaded": "ok", "new/deep/in": "ok", "slow": "ok"}
        until(has(output, **words, broken="failed"))
        assert {*ends(output).values()} == {1}

        (films / "broken.mp4.new").write_bytes(clips[5])
        (films / "broken.mp4.new").replace(films / "broken.mp4")  # failed before, and is another now
        (films / "first.mp4").write_bytes(clips[4])  # a better version
        (films / "loaded.mp4").rename(films / "moved.mp4")
        (films / "new/deep/in.mp4").unlink()
        words["moved"], words["broken"] = words.pop("loaded"), "ok"
        until(lambda: has(output, **words)() and ends(output)["first"] == 2)
        assert ends(output) == {"first": 2, "slow": 1, "broken": 2, "loaded": 1, "moved": 1, "new/deep/in": 1}

        time.sleep(3 * SETTLE_S)  # what it wrote itself is no reason to look again
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        out, err = process.communicate(timeout=LONG_S)
        assert time.monotonic() - begun < 5 and process.returncode == 143
        assert err.splitlines()[-1] == "movietags: interrupted"
        assert out.count("summary.csv") <= 8  # no round was made of nothing
    assert not list(output.rglob("*.tmp"))


def test_what_stands_still_goes_on_and_what_moves_is_not_pruned(clips: list[bytes], tmp_path: Path) -> None:
    """A copy that pauses is done again when it went on; a film that is renamed is gone for a moment."""
    films, output = tmp_path / "films", tmp_path / "tags"
    films.mkdir()
    half = len(clips[0]) // 2
    (films / "still.mp4").write_bytes(clips[0][:half])
    (films / "a.mp4").write_bytes(clips[1])
    (films / "b.mp4").write_bytes(clips[2])
    with running(films, "-o", output, *WORDS, "--prune", "--retry-failed") as process:
        until(has(output, still="failed", a="ok", b="ok"))
        (films / "a.mp4").rename(films / "c.mp4")
        until(has(output, still="failed", b="ok", c="ok"))
        assert ends(output)["still"] == 1  # --retry-failed is of the beginning
        with (films / "still.mp4").open("ab") as file:
            file.write(clips[0][half:])
        (films / "b.mp4").unlink()
        until(has(output, still="ok", c="ok"))
        process.send_signal(signal.SIGINT)  # while it waits
        assert process.wait(LONG_S) == 130
    assert ends(output) == {"still": 2, "a": 1, "b": 1, "c": 1}  # c with the work of a
    assert not (output / "b.mp4.tags.json").exists()


# Which films are at rest


def look(folder: Path, arrivals: Arrivals) -> list[str]:
    return [film.path.name for film in arrivals.at_rest(find([folder], folder / "out")).films]


def test_a_film_is_at_rest_when_it_was_the_same_for_long_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    arrivals = Arrivals(10)
    (tmp_path / "a.mp4").write_bytes(b"1")
    assert look(tmp_path, arrivals) == [] and arrivals.due_s == 10  # however old it is by its own time
    os.utime(tmp_path / "a.mp4", (5, 5))
    now = 109.0
    (tmp_path / "b.mp4").write_bytes(b"1")
    assert look(tmp_path, arrivals) == [] and arrivals.due_s == 10  # its time is another
    now = 119.0
    assert look(tmp_path, arrivals) == ["a.mp4", "b.mp4"] and arrivals.due_s is None
    (tmp_path / "b.mp4").write_bytes(b"22")
    now = 120.0
    assert look(tmp_path, arrivals) == ["a.mp4"] and arrivals.due_s == 10
    (tmp_path / "b.mp4").unlink()
    assert look(tmp_path, arrivals) == ["a.mp4"] and arrivals.due_s is None
    (tmp_path / "b.mp4").write_bytes(b"22")
    assert look(tmp_path, arrivals) == ["a.mp4"] and arrivals.due_s == 10


def test_parts_of_a_film_rest_together(tmp_path: Path) -> None:
    from tagger.batch.kinds import arranged

    arrivals = Arrivals(0.2)

    def names() -> list[list[str]]:
        found = arrivals.at_rest(arranged(find([tmp_path], tmp_path / "out")))
        return [[path.name for path in film.files] for film in found.films]

    (tmp_path / "Film cd1.mp4").write_bytes(b"1")
    names()
    (tmp_path / "Film cd2.mp4").write_bytes(b"1")
    time.sleep(0.25)
    assert names() == []  # it is another film than before
    time.sleep(0.25)
    assert names() == [["Film cd1.mp4", "Film cd2.mp4"]]


# When it looks


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "OFTEN_S", 0.3)


def waited(folders: Sequence[Path], leave_out: Path, seconds: float, act: Callable[[], object]) -> float:
    """How long it waits when something is done meanwhile."""
    with changes(folders, leave_out) as wait:
        act()
        begun = time.monotonic()
        wait(seconds)
        return time.monotonic() - begun


def test_it_wakes_for_what_happens_below_and_not_for_its_own_reports(tmp_path: Path) -> None:
    films, out = tmp_path / "films", tmp_path / "films/out"
    (films / "sub").mkdir(parents=True)
    out.mkdir()
    (tmp_path / "out").symlink_to(out)
    assert waited([films], out, 20, lambda: (films / "sub/a.mp4").write_bytes(b"1")) < 10
    assert waited([films], out, 20, lambda: (films / "sub/a.mp4").rename(films / "b.mp4")) < 10
    assert waited([films], tmp_path / "out", 1, lambda: (out / "summary.csv").write_bytes(b"1")) >= 1
    assert waited([films], out, 1, lambda: None) >= 1
    for among in (films, tmp_path):  # reports beside films, or above them
        assert waited([films], among, 20, lambda: (films / "b.mp4").write_bytes(b"2")) < 10


def test_time_passes_while_nothing_but_reports_is_written(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(0.02):
            (tmp_path / "out/x").write_bytes(b"1")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert 1 <= waited([tmp_path], tmp_path / "out", 1, lambda: None) < 10
    finally:
        ended.set()
        writer.join()


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no UTF-8")
def test_a_name_that_is_no_utf8_ends_no_watch(tmp_path: Path, quick: None) -> None:
    odd = Path(os.fsdecode(b"a\xff.mp4"))
    assert waited([tmp_path], tmp_path / "out", 20, lambda: (tmp_path / odd).write_bytes(b"1")) < 10
    folder = tmp_path / os.fsdecode(b"films\xff")
    folder.mkdir()
    assert (
        0.3 <= waited([folder], tmp_path / "out", 20, lambda: None) < 10
    )  # nothing is reported of it: it is looked at


def test_a_folder_that_is_gone_is_looked_for(tmp_path: Path, quick: None) -> None:
    films = tmp_path / "films"
    assert waited([films], tmp_path / "out", 20, lambda: None) < 10
    films.mkdir()
    assert waited([films], tmp_path / "out", 20, films.rmdir) < 10
    films.mkdir()
    assert waited([films], tmp_path / "out", 20, lambda: (films / "a.mp4").write_bytes(b"")) < 10


def test_looks_are_apart_and_leave_nothing_behind(tmp_path: Path) -> None:
    """Of twenty looks no thread, no descriptor and no memory of films that are gone is left."""
    arrivals: list[Arrivals] = []
    times: list[float] = []
    mine = psutil.Process()
    counts: list[tuple[int, int]] = []

    def see(seen: Arrivals) -> None:
        seen.at_rest(find([tmp_path], tmp_path / "out"))
        (tmp_path / f"{len(times)}.mp4").write_bytes(b"1")
        if len(times) > 2:
            (tmp_path / f"{len(times) - 3}.mp4").unlink()
        arrivals.append(seen)
        times.append(time.monotonic())
        counts.append((mine.num_fds(), mine.num_threads()))
        if len(times) == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch.watch([tmp_path], tmp_path / "out", Pace(0.01, 0.1), see)
    assert counts[-1] <= counts[3]
    assert len(arrivals[-1]._since) <= 4
    assert min(b - a for a, b in pairwise(times)) >= 0.01


@dataclass
class Disk:
    mountpoint: str
    fstype: str
    opts: str = "rw"


@pytest.mark.parametrize(
    ("disks", "kind"),
    [
        ([("/", "ext4")], ""),
        ([("/", "ext4"), ("FILMS", "nfs4")], "nfs4"),
        ([("/", "nfs4"), ("FILMS", "ext4")], ""),
        ([("/", "ext4"), ("FILMS/nas", "CIFS")], "cifs"),
        ([("/", "ext4"), ("FILMS-other", "cifs")], ""),
        ([("/", "ext4"), ("FILMS", "fuse.sshfs")], "fuse.sshfs"),
        ([("/", "ext4"), ("FILMS", "fuseblk")], ""),
        ([("/", "overlay"), ("FILMS", "9p")], "9p"),
        ([("/", "", "rw,remote")], "network"),
        ([], ""),
    ],
)
def test_network_drives_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disks: list[tuple[str, ...]], kind: str
) -> None:
    found = [Disk(disk[0].replace("FILMS", str(tmp_path)), *disk[1:]) for disk in disks]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: found)
    assert network_drive([tmp_path]) == kind
    assert Pace().every_s(network_drive([tmp_path])) == (30 if kind else 600)
    assert Pace(10, 5).every_s(kind) == 5


def test_this_machine_s_disks_are_looked_at_as_they_are(tmp_path: Path) -> None:
    assert isinstance(network_drive([tmp_path, Path("/"), tmp_path / "none"]), str)


# Rounds


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["films", "-o", "out", "--watch", "--dry-run"], "leave out --dry-run, --limit"),
        (["films", "-o", "out", "--watch", "--limit", "3"], "leave out --dry-run, --limit"),
        (["-", "-o", "out", "--watch"], "- is no folder"),
        (["films/*.mkv", "-o", "out", "--watch"], "films/*.mkv is no folder"),
        (["films", "none", "-o", "out", "--watch"], "none is no folder"),
        (["films", "-o", "out", "--settle", "3"], "are of --watch"),
        (["films", "-o", "out", "--look-every", "3"], "are of --watch"),
        (["films", "-o", "out", "--watch", "--settle", "-1"], "settle -1.0: seconds, from 0"),
        (["films", "-o", "out", "--watch", "--look-every", "0"], "look every 0.0: seconds, above 0"),
        (["films", "-o", "out", "--watch", "--settle", "nan"], "settle nan: seconds, from 0"),
        (["films", "-o", "out", "--watch", "--look-every", "inf"], "look every inf: seconds, above 0"),
        (["--status", "films", "--watch"], "leave out --dry-run, --limit and --status"),
        (["films", "--watch"], "with -o one for the reports"),
    ],
)
def test_what_cannot_be_watched_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films").mkdir()
    result = CliRunner().invoke(cli.cli, ["batch", *words])
    assert result.exit_code == 2 and said in result.output, result.output
    assert not (tmp_path / "out").exists()


def test_without_watchfiles_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    (tmp_path / "films").mkdir()
    ended = inside("batch", tmp_path / "films", "-o", tmp_path / "out", "--watch")
    assert ended.returncode == 1 and ended.stderr == (  # before it says that it watches
        "movietags: error: --watch needs watchfiles, which is not installed: "
        "pip install watchfiles (the extra [watch] of movietags)\n"
    )
    assert not (tmp_path / "out").exists()


def test_the_commands_of_the_document_begin_to_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(folders: Sequence[Path], leave_out: Path, pace: Pace, look: Callable[[Arrivals], None]) -> None:
        look(Arrivals(0))
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(watch, "watch", interrupted)
    (tmp_path / "incoming").mkdir()
    (tmp_path / "nas").mkdir()
    commands = re.findall(r"^    movietags (batch .*--watch.*)$", DOCS.read_text(), re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        done = CliRunner().invoke(cli.cli, command.replace("/mnt/nas/films", "nas").split())
        assert done.exit_code == 130 and "watching incoming" in done.output, done.output
        assert (tmp_path / "tags/summary.csv").is_file()


def test_what_a_batch_does_is_in_the_library(clips: list[bytes], tmp_path: Path) -> None:
    films, output, library = tmp_path / "films", tmp_path / "tags", tmp_path / "all.duckdb"
    films.mkdir()
    words = ("batch", films, "-o", output, "--backbone", "compact", "--jobs", "1", "--library", library)
    assert inside(*words).returncode == 0 and not library.exists()  # there is nothing yet
    (films / "a.mp4").write_bytes(clips[0])
    assert f"{library}: 1 added, 0 renewed, 0 moved, 0 as before" in inside(*words).stderr
    (films / "a.mp4").rename(films / "b.mp4")
    (films / "c.mp4").write_bytes(clips[1])
    assert inside(*words).returncode == 0
    assert f"{library}: 0 added, 0 renewed, 0 moved, 2 as before" in inside(*words).stderr


def test_a_library_that_cannot_be_used_is_said_before_a_film_is_read(
    clips: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films, output, library = tmp_path / "films", tmp_path / "tags", tmp_path / "table.csv"
    films.mkdir()
    (films / "a.mp4").write_bytes(clips[0])
    library.write_text("film,path\n")
    words = ("batch", films, "-o", output, "--backbone", "compact", "--library")
    done = inside(*words, library)
    assert done.returncode == 1 and not output.exists()
    assert done.stderr == f"movietags: error: {library}: is no file of DuckDB: name another with --library\n"
    monkeypatch.setitem(sys.modules, "duckdb", None)
    done = inside(*words, tmp_path / "new.duckdb")
    assert done.returncode == 1 and not output.exists() and len(done.stderr.splitlines()) == 1
    assert "the extra [library] of movietags" in done.stderr
