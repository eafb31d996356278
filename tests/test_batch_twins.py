"""Films that were renamed, moved, copied or deleted: work goes with them, and nothing is lost that need not be."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath

import media
import pytest
from batches import LEDGER, batch, entries, statuses, summary, timeless

import tagger
from tagger.batch.find import Search, find
from tagger.batch.ledger import DONE, FAILED, FOLDER, SAMPLE_BYTES, STARTED, Ledger, LedgerEntry, mark_of, read
from tagger.batch.plan import CHANGED, NEW, Plan, Shard, Wanted, plan
from tagger.batch.prune import Departed, departed
from tagger.batch.twins import alike
from tagger.files import SAMPLE_BYTES as REPORT_BYTES
from tagger.reports.formats import report_files
from tagger.reports.json_report import read_report

ASKED = "digest of settings"
WANTED = Wanted(ASKED)


class Shelf:
    """A folder of files that are taken for films, and an output in which they are done; nothing is decoded."""

    def __init__(self, tmp_path: Path) -> None:
        self.root, self.output = tmp_path / "films", tmp_path / "out"
        (self.output / FOLDER).mkdir(parents=True)
        self.root.mkdir()

    def film(self, name: str, body: bytes, state: str = DONE) -> Path:
        """A film that ended so; without a state one that was never seen."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        if state:
            self.noted(path, name, state)
        return path

    def pictures(self, pattern: str, state: str = DONE, count: int = 30) -> Path:
        """Numbered pictures, of which no two are alike."""
        path = self.root / pattern
        path.parent.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (self.root / (pattern % number)).write_bytes(os.urandom(1000))
        if state:
            self.noted(path, pattern, state)
        return path

    def noted(self, path: Path, name: str, state: str = DONE) -> None:
        book = Ledger(self.output, "1-of-1")
        book.add(path, PurePosixPath(name), state, mark=mark_of(path), asked=ASKED)
        book.close()
        for file in report_files(self.output / name) if state == DONE else ():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("report")

    def plan(self, *roots: Path, shard: Shard = Shard()) -> Plan:  # noqa: B008
        search = find(roots or [self.root], self.output)
        return plan(search.films, read(self.output), self.output, replace(WANTED, shard=shard))

    def why(self) -> dict[str, str]:
        return {str(task.report): task.why for task in self.plan().tasks}

    def gone(self, search: Search | None = None) -> Departed:
        known = read(self.output)
        search = search or find([self.root], self.output)
        return departed(search, known, plan(search.films, known, self.output, WANTED).moved, Shard())


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


BODY = os.urandom(300_000)


# -------------------------------------------------------------------------------------------------- renamed and moved


@pytest.mark.parametrize("state", [DONE, FAILED])
@pytest.mark.parametrize("name", ["b.mp4", "new/a.mp4", "new/b.mkv"])
def test_a_film_that_was_renamed_is_known(shelf: Shelf, name: str, state: str) -> None:
    film = shelf.film("a.mp4", BODY, state)
    (shelf.root / "new").mkdir()
    film.rename(shelf.root / name)
    planned = shelf.plan()
    assert planned.tasks == ()
    (entry,) = planned.moved
    assert (entry.film, entry.report, entry.was, entry.state) == (str(shelf.root / name), name, "a.mp4", state)


def test_another_film_in_the_place_of_one_that_was_renamed_is_new(shelf: Shelf) -> None:
    shelf.film("a.mp4", BODY).rename(shelf.root / "b.mp4")
    shelf.film("a.mp4", os.urandom(1000), "")
    planned = shelf.plan()
    assert [(str(task.report), task.why) for task in planned.tasks] == [("a.mp4", NEW)]
    assert [entry.report for entry in planned.moved] == ["b.mp4"]
    # Of two shards the other may still have to take the old reports away.
    marked = [task for n in (1, 2) for task in shelf.plan(shard=Shard(n, 2)).tasks]
    assert len(marked) == 1 and marked[0].report.name.startswith("a.mp4-")


@pytest.mark.parametrize("change", ["head", "tail", "size", "time"])
def test_what_is_not_what_is_gone_is_new(shelf: Shelf, change: str) -> None:
    """A time that is another is no difference where a report has the same ends; here is none that can be read."""
    film = shelf.film("a.mp4", BODY)
    times = film.stat().st_atime_ns, film.stat().st_mtime_ns
    film.unlink()
    body = {"head": b"x" + BODY[1:], "tail": BODY[:-1] + b"x", "size": BODY + b"x", "time": BODY}[change]
    other = shelf.film("b.mp4", body, "")
    os.utime(other, ns=(times[0], times[1] + (change == "time")))
    assert shelf.why() == {"b.mp4": NEW}


def test_a_film_is_known_in_one_place_only(shelf: Shelf) -> None:
    film = shelf.film("a.mp4", BODY)
    for name in ("b.mp4", "c.mp4"):
        shutil.copy2(film, shelf.root / name)
    film.unlink()
    planned = shelf.plan()
    assert [entry.report for entry in planned.moved] == ["b.mp4"]
    assert [(str(task.report), task.same_as) for task in planned.tasks] == [("c.mp4", PurePosixPath("b.mp4"))]


def test_a_link_left_where_a_film_was_makes_it_no_other(shelf: Shelf) -> None:
    film = shelf.film("a.mp4", BODY)
    target = shelf.root / "archive/a.mp4"
    target.parent.mkdir()
    film.rename(target)
    film.symlink_to(target)
    planned = shelf.plan()
    assert (planned.tasks, [entry.report for entry in planned.moved]) == ((), ["archive/a.mp4"])


def test_a_film_before_1970_is_not_done_for_ever(shelf: Shelf) -> None:
    film = shelf.film("a.mp4", BODY, "")
    os.utime(film, (-1000, -1000))
    shelf.noted(film, "a.mp4")
    assert shelf.why() == {}
    os.utime(film, (-999, -999))
    assert shelf.why() == {"a.mp4": CHANGED}


# ---------------------------------------------------------------------------------------------------------- the same


def test_files_that_hold_the_same_are_seen_before_they_are_tagged(shelf: Shelf) -> None:
    shelf.film("done.mp4", BODY)
    shelf.film("a.mp4", BODY, "")
    other = os.urandom(300_000)
    for name in ("b.mp4", "c.mp4", "d/e.mp4"):
        shelf.film(name, other, "")
    shelf.film("empty 1.mp4", b"", "")
    shelf.film("empty 2.mp4", b"", "")
    same = {str(task.report): task.same_as and str(task.same_as) for task in shelf.plan().tasks}
    assert same == {
        "a.mp4": "done.mp4", "b.mp4": None, "c.mp4": "b.mp4", "d/e.mp4": "b.mp4", "empty 1.mp4": None,
        "empty 2.mp4": None,
    }  # fmt: skip
    shelf.film("done.mp4", b"changed", "")
    assert shelf.plan().tasks[0].same_as is None


def test_the_same_ends_are_no_proof(shelf: Shelf) -> None:
    """As of a download that has its place on the disk already, and its last piece."""
    whole = os.urandom(2 * REPORT_BYTES + 3 * SAMPLE_BYTES)
    hole = whole[:REPORT_BYTES] + bytes(2 * SAMPLE_BYTES) + whole[REPORT_BYTES + 2 * SAMPLE_BYTES :]
    shelf.film("a.mp4", whole)
    shelf.film("b.mp4", hole, "")
    shelf.film("c.mp4", whole, "")
    assert {str(task.report): task.same_as and str(task.same_as) for task in shelf.plan().tasks} == {
        "b.mp4": None, "c.mp4": "a.mp4",
    }  # fmt: skip


def test_small_files_are_compared_to_the_last_byte(tmp_path: Path) -> None:
    one, other = tmp_path / "1", tmp_path / "2"
    body = os.urandom(3 * REPORT_BYTES)
    one.write_bytes(body)
    for place in (0, len(body) // 2, len(body) - 1, REPORT_BYTES, REPORT_BYTES + 1):
        other.write_bytes(body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
        assert not alike([one], [other])
    other.write_bytes(body)
    assert alike([one], [other]) and alike([one, other], [other, one]) and not alike([one], [other, one])
    assert not alike([one], [tmp_path / "gone"])


def test_a_copy_beside_the_original_is_not_done_again(shelf: Shelf, tmp_path: Path) -> None:
    shelf.film("a.mp4", BODY)
    copy = Path(shutil.copytree(shelf.root, tmp_path / "copy"))
    os.utime(copy / "a.mp4", (1, 1))
    (task,) = shelf.plan(copy).tasks
    assert task.same_as == PurePosixPath("a.mp4") and task.report.name.startswith("a.mp4-")
    (shelf.output / "a.mp4.tags.json").unlink()
    assert shelf.plan(copy).tasks[0].same_as is None  # there is nothing to copy


# ------------------------------------------------------------------------------------------------- numbered pictures


@pytest.mark.parametrize("state", [DONE, FAILED])
def test_a_folder_of_pictures_that_was_renamed_is_known(shelf: Shelf, state: str) -> None:
    pattern = shelf.pictures("reel 1/f%04d.png", state)
    pattern.parent.rename(shelf.root / "reel 2")
    planned = shelf.plan()
    assert planned.tasks == ()
    (entry,) = planned.moved
    assert (entry.report, entry.was) == ("reel 2/f%04d.png", "reel 1/f%04d.png")
    os.utime(shelf.root / "reel 2/f0003.png", (2**31, 2**31))  # another time, and no report that has its ends
    assert shelf.plan().moved == ()


def test_a_copy_of_pictures_takes_nothing_from_the_original(shelf: Shelf, tmp_path: Path) -> None:
    """At the same place below another root: the original is still there, or what is left of it."""
    pattern = shelf.pictures("reel/f%04d.png")
    copy = Path(shutil.copytree(shelf.root, tmp_path / "copy"))
    planned = shelf.plan(copy)
    assert planned.moved == ()
    (task,) = planned.tasks
    assert task.same_as == PurePosixPath("reel/f%04d.png") and task.report.name.startswith("f%04d.png-")
    (pattern.parent / "f0007.png").unlink()
    planned = shelf.plan(copy)
    assert planned.moved == () and [task.same_as for task in planned.tasks] == [None]
    shutil.rmtree(shelf.root)
    assert [entry.report for entry in shelf.plan(copy).moved] == ["reel/f%04d.png"]  # a disk at another place


def test_copies_of_pictures_are_done_once(shelf: Shelf) -> None:
    pattern = shelf.pictures("a/f%04d.png", "", 200)
    for name in ("b", "c"):
        shutil.copytree(pattern.parent, shelf.root / name)
    (shelf.root / "c/f0199.png").write_bytes(os.urandom(1000))
    planned = {str(task.report): task.same_as and str(task.same_as) for task in shelf.plan().tasks}
    assert planned == {"a/f%04d.png": None, "b/f%04d.png": "a/f%04d.png", "c/f%04d.png": None}


def test_pictures_are_compared_by_names_sizes_and_many_of_them(shelf: Shelf) -> None:
    one = shelf.pictures("a/f%04d.png", "")
    other = Path(shutil.copytree(one.parent, shelf.root / "b")) / one.name
    assert alike([one], [other]) and alike([one.parent], [other])
    assert not alike([one], [shelf.film("file", b"x", "")]) and not alike([one], [shelf.root / "none/f%04d.png"])
    for number in (0, 1, 15, 29):
        changed = other.parent / (other.name % number)
        body = changed.read_bytes()
        for another in (body[:500] + bytes([body[500] ^ 1]) + body[501:], body + b"x"):
            changed.write_bytes(another)
            assert not alike([one], [other])
        changed.write_bytes(body)
    assert alike([one], [other])
    (other.parent / "f0030.png").write_bytes(b"")
    assert not alike([one], [other])
    (other.parent / "f0030.png").unlink()
    (other.parent / "f0003.png").unlink()
    assert not alike([one], [other])


def test_pictures_are_gone_when_none_is_left(shelf: Shelf) -> None:
    pattern = shelf.pictures("reel/f%04d.png")
    shelf.film("a.mp4", BODY)
    assert shelf.gone() == Departed((), ())
    (pattern.parent / "f0007.png").unlink()
    assert shelf.gone() == Departed((), ())
    shutil.rmtree(pattern.parent)
    assert [entry.report for entry in shelf.gone().gone] == ["reel/f%04d.png"]
    (shelf.root / "a.mp4").unlink()
    shelf.pictures("reel/f%04d.png", "")  # is what shows that the disk is there
    assert [entry.report for entry in shelf.gone().gone] == ["a.mp4"]


# --------------------------------------------------------------------------------------------------------- with films


def test_renamed_copied_and_deleted_films_in_the_command(tmp_path: Path) -> None:
    source, output = tmp_path / "films", tmp_path / "out"
    source.mkdir()
    for count, name in enumerate("abc"):
        media.film(source / f"{name}.mp4", (12 + count, 15), 160, 90)
    shutil.copy(source / "a.mp4", source / "a copy.mp4")
    done = batch(source, "-o", output)
    assert done.returncode == 0
    assert "4 films to tag (1 of them the same as others)" in done.stderr
    assert "a.mp4: " in done.stderr and "(the same as a copy.mp4)" in done.stderr
    rows = {row["film"]: row for row in summary(output)}
    assert {name: row["same_as"] for name, row in rows.items() if row["same_as"]} == {"a.mp4": "a copy.mp4"}
    assert rows["a.mp4"]["tags"] == rows["a copy.mp4"]["tags"] and rows["a.mp4"]["seconds"] == ""
    expected = timeless(tagger.Tagger().extract(source / "a.mp4"))
    assert timeless(read_report(output / "a.mp4.tags.json")) == expected

    (source / "new").mkdir()
    (source / "b.mp4").rename(source / "new/B.mp4")
    os.utime(source / "new/B.mp4", (1, 1))  # as when it was copied; its report has the same ends
    (source / "c.mp4").unlink()
    before = len(entries(output))
    shown = batch(source, "-o", output, "--dry-run", "--prune")
    assert shown.stdout.splitlines() == [
        f"{source}/new/B.mp4: known from another place, where it was b.mp4",
        f"{source}/c.mp4: gone: its reports will be taken away",
    ]
    assert "1 film is gone" in shown.stderr
    again = batch(source, "-o", output)
    assert "0 films to tag, 3 done before, 1 known from another place" in again.stderr
    assert "1 film is gone (--prune)" in again.stderr
    assert entries(output)[before:] == [("new/B.mp4", DONE)]
    assert sorted(statuses(output)) == ["a copy.mp4", "a.mp4", "c.mp4", "new/B.mp4"]
    assert not (output / "b.mp4.tags.json").exists() and not (output / "b.mp4.tags.csv").exists()
    expected = timeless(tagger.Tagger().extract(source / "new/B.mp4"))
    assert timeless(read_report(output / "new/B.mp4.tags.json")) == expected
    assert "B.mp4" in (output / "new/B.mp4.tags.csv").read_text()

    before = len(entries(output))
    assert batch(source, "-o", output, "--prune", "-q").returncode == 0
    assert entries(output)[before:] == [("c.mp4", "gone")]
    assert sorted(statuses(output)) == ["a copy.mp4", "a.mp4", "new/B.mp4"]
    assert not list(output.glob("c.mp4.*"))
    assert batch(source, "-o", output, "--dry-run", "--prune").stdout == ""


def test_what_holds_the_same_as_a_film_that_fails_fails_with_it(
    tmp_path: Path, faults: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = tmp_path / "films", tmp_path / "out"
    source.mkdir()
    media.film(source / "a crash.mp4", (12,), 160, 90)
    shutil.copy(source / "a crash.mp4", source / "b crash.mp4")
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", faults["PYTHONPATH"])  # for the decoders
        done = batch(source, "-o", output)
        assert done.returncode == 1 and "holds the same as a crash.mp4: " in done.stderr
        assert [state for film, state in entries(output) if film == "b crash.mp4"] == ["found", "started", "failed"]
        assert batch(source, "-o", output).returncode == 0  # known by now
    assert batch(source, "-o", output, "--retry-failed", "-q").returncode == 0
    assert set(statuses(output).values()) == {"ok"}


# -------------------------------------------------------------------------------------------------------------- gone


def test_what_is_gone_is_gone_only_where_others_are_still_there(shelf: Shelf) -> None:
    for number in range(3):
        shelf.film(f"{number}/{number}.mp4", BODY[number:])
    assert shelf.gone() == Departed((), ())
    shutil.rmtree(shelf.root / "1")
    (entry,) = shelf.gone().gone
    assert entry.report == "1/1.mp4"
    shutil.rmtree(shelf.root / "0")
    shutil.rmtree(shelf.root / "2")
    shelf.film("new.mp4", BODY, "")  # another disk in its place
    assert shelf.gone().gone == ()
    (line,) = shelf.gone().doubtful
    assert line == (
        f"{shelf.root}: no film is there that was before, as if its disk were not mounted: nothing is pruned of 3 "
        "films that are not there"
    )
    shelf.root.rename(shelf.root.with_name("unplugged"))
    assert shelf.gone() == Departed((), ())
    shelf.root.mkdir()  # a mount point without its disk
    assert shelf.gone().gone == ()


def test_of_a_disk_that_is_not_mounted_nothing_is_gone(shelf: Shelf) -> None:
    """Also below a root in which other disks still are."""
    shelf.film("here/a.mp4", BODY)
    film = shelf.film("usb/b.mp4", BODY[1:], "")
    shelf.noted(film, "usb/b.mp4")
    entry = next(entry for entry in read(shelf.output).values() if entry.report == "usb/b.mp4")
    assert os.path.ismount(entry.disk)
    book = Ledger(shelf.output, "1-of-1")
    book.put(replace(entry, disk=str(shelf.root / "usb")))
    book.close()
    shutil.rmtree(shelf.root / "usb")
    assert shelf.gone().gone == ()
    assert shelf.gone().doubtful == (
        f"{shelf.root}/usb: is not mounted: nothing is pruned of 1 films that are not there",
    )


def test_of_films_whose_disk_was_never_noted_it_must_be_plain(shelf: Shelf) -> None:
    """As in ledgers of earlier versions."""
    for name in ("a.mp4", "b.mp4", "deep/c.mp4"):
        shelf.film(name, os.urandom(1000))
    old = [replace(entry, disk="") for entry in read(shelf.output).values()]
    book = Ledger(shelf.output, "1-of-1")
    for entry in old:
        book.put(entry)
    book.close()
    (shelf.root / "a.mp4").unlink()
    shutil.rmtree(shelf.root / "deep")
    assert [entry.report for entry in shelf.gone().gone] == ["a.mp4"]
    assert len(shelf.gone().doubtful) == 1


@pytest.mark.skipif(os.name != "posix", reason="folders that are no folders")
def test_what_cannot_be_looked_at_is_not_gone(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network that does not answer."""
    for name in ("a.mp4", "deep/b.mp4"):
        shelf.film(name, os.urandom(1000))
    search = find([shelf.root], shelf.output)
    shutil.rmtree(shelf.root / "deep")
    real = os.lstat

    def stale(path: str) -> os.stat_result:
        if "deep" in str(path):
            raise OSError(116, "Stale file handle")
        return real(path)

    assert len(shelf.gone(search).gone) == 1
    monkeypatch.setattr(os, "lstat", stale)
    assert shelf.gone(search) == Departed((), ())


def test_only_films_below_the_folders_that_were_named_are_gone(shelf: Shelf, tmp_path: Path) -> None:
    shelf.film("a.mp4", BODY)
    other = tmp_path / "films 2"
    other.mkdir()
    shutil.copy(shelf.root / "a.mp4", other / "b.mp4")
    shelf.noted(other / "b.mp4", "b.mp4")
    (other / "b.mp4").unlink()
    assert shelf.gone() == Departed((), ())


def test_pruning_keeps_what_a_person_changed(tmp_path: Path) -> None:
    source, output = tmp_path / "films", tmp_path / "out"
    (source / "deep").mkdir(parents=True)
    for count, name in enumerate(("a", "deep/b", "deep/c")):
        media.film(source / f"{name}.mp4", (12 + count,), 160, 90)
    assert batch(source, "-o", output, "-q").returncode == 0
    mine = output / "deep/c.mp4.tags.csv"
    mine.write_text(mine.read_text() + "mine\n")
    shutil.rmtree(source / "deep")
    done = batch(source, "-o", output, "--prune")
    assert f"{mine}: kept, as it was changed since it was written" in done.stderr
    assert sorted(path.name for path in (output / "deep").iterdir()) == [
        "c.mp4.features.npz", "c.mp4.keyframes.zip", "c.mp4.shots.csv", "c.mp4.tags.csv", "c.mp4.tags.json",
    ]  # fmt: skip
    assert list(statuses(output)) == ["a.mp4"]
    mine.unlink()


def test_entries_of_ledgers_of_before_are_read(shelf: Shelf) -> None:
    """Without the fields that came later."""
    film = shelf.film("a.mp4", BODY)
    path = shelf.output / FOLDER / "ledger-1-of-1.jsonl"
    path.write_text(
        f'{{"film": "{film}", "report": "a.mp4", "state": "done", "at": "2026-11-22T03:22:28+00:00", "path": "{film}", '
        f'"mark": "{mark_of(film)}", "asked": "{ASKED}", "seconds": 1.2, "status": "ok", "tags": ["Drama"]}}\n'
    )
    (entry,) = read(shelf.output).values()
    assert entry == LedgerEntry(
        str(film), "a.mp4", DONE, "2026-11-22T03:22:28+00:00", str(film), mark_of(film), ASKED, seconds=1.2,
        status="ok", tags=("Drama",),
    )  # fmt: skip
    assert shelf.plan() == Plan((), 1, 0, (), ())
    film.rename(shelf.root / "b.mp4")
    assert [entry.was for entry in shelf.plan().moved] == ["a.mp4"]


def test_films_that_change_their_names_among_themselves_keep_their_work(tmp_path: Path) -> None:
    """As when episodes are numbered anew, or two films are swapped; a report that a person changed goes along."""
    source, output = tmp_path / "films", tmp_path / "out"
    source.mkdir()
    for count in range(4):
        media.film(source / f"{count}.mp4", (12 + count,), 160, 90)
    assert batch(source, "-o", output, "-q").returncode == 0
    mine = (output / "1.mp4.tags.csv").read_text() + "mine\n"
    (output / "1.mp4.tags.csv").write_text(mine)
    for old, new in (("3", "4"), ("2", "3"), ("1", "2"), ("0", "x")):
        (source / f"{old}.mp4").rename(source / f"{new}.mp4")
    (source / "3.mp4").rename(source / "1.mp4")
    (source / "2.mp4").rename(source / "3.mp4")
    before = len(entries(output))  # now 2 is called 1, 1 is 3, 3 is 4, and 0 is x
    assert batch(source, "-o", output, "-q").returncode == 0
    assert sorted(entries(output)[before:]) == [(f"{name}.mp4", DONE) for name in "134x"]
    frames = {path.name: read_report(path).video.frame_count for path in output.glob("*.json")}
    assert frames == {"1.mp4.tags.json": 14, "3.mp4.tags.json": 13, "4.mp4.tags.json": 15, "x.mp4.tags.json": 12}
    assert (output / "3.mp4.tags.csv").read_text() == mine
    assert sorted(path.name for path in output.glob("*.tags.csv")) == [
        "1.mp4.tags.csv", "3.mp4.tags.csv", "4.mp4.tags.csv", "x.mp4.tags.csv",
    ]  # fmt: skip
    assert batch(source, "-o", output, "--dry-run").stdout == ""


def test_a_film_that_moved_and_is_done_again_takes_nothing_for_a_persons(tmp_path: Path) -> None:
    """What its reports are known by is that of the moved ones, if the run is killed before it writes others."""
    source, output = tmp_path / "films", tmp_path / "out"
    source.mkdir()
    film = media.film(source / "a.mp4", (12,), 160, 90).path
    assert batch(source, "-o", output, "-q").returncode == 0
    film.rename(source / "b.mp4")
    before = len(entries(output))
    assert batch(source, "-o", output, "--min-entropy", "3", "-q").returncode == 0
    lines = [json.loads(line) for line in (output / LEDGER).read_bytes().splitlines()[before:]]
    moved, begun, writing, done = lines
    assert [line["state"] for line in lines] == [DONE, STARTED, STARTED, DONE]
    assert begun["wrote"] == moved["wrote"] and writing["wrote"] == moved["wrote"] + done["wrote"]
    assert sorted(path.name for path in output.glob("*.tags.*")) == ["b.mp4.tags.csv", "b.mp4.tags.json"]
