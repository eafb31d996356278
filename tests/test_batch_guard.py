"""What a batch or `extract -o` never writes over without being told: what a person changed, and what is another's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePosixPath

import media
import pytest
from batches import LEDGER, batch, entries, inside, statuses, summary

from tagger import vocabulary
from tagger.batch import ledger
from tagger.batch.find import Search, find
from tagger.batch.guard import other_vocabulary
from tagger.batch.ledger import DONE, SKIPPED, LedgerEntry, read
from tagger.batch.outlook import Outlook
from tagger.batch.plan import EDITED, NEW, Plan, Wanted, plan
from tagger.batch.prune import Departed
from tagger.errors import OutputRefused
from tagger.models import head, registry
from tagger.reports.folder import Folder
from tagger.reports.formats import report_files
from tagger.reports.json_report import read_report
from tagger.reports.written import FILE, FOLDER, Written


def extract(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return inside("extract", *words)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films, one called as the report of the other would be."""
    folder = tmp_path_factory.mktemp("films")
    media.film(folder / "a.mp4", (15, 15), 160, 90)
    media.film(folder / "b.mp4", (12,), 160, 90)
    return folder


@pytest.fixture(scope="module")
def tagged(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("tagged") / "out"
    assert batch(source, "-o", output, "-q").returncode == 0
    return output


@pytest.fixture
def output(tagged: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tagged, tmp_path / "out"))


def planned(source: Path, output: Path, over: bool = False) -> Plan:
    """As with another model."""
    return plan(find([source], output).films, read(output), output, Wanted("another", replace=over))


def test_what_a_person_changed_is_kept_until_it_is_to_be_replaced(source: Path, output: Path) -> None:
    mine = output / "a.mp4.tags.json"
    mine.write_text(mine.read_text().replace('"rank"', '"rank" '))
    before = mine.read_bytes()
    done = batch(source, "-o", output, "--min-entropy", "3")
    assert done.returncode == 0
    assert f"{mine}: kept, as it was changed since it was written (--replace writes it anew)" in done.stderr
    assert "1 film to tag, 1 kept as they are (--replace)" in done.stderr
    assert mine.read_bytes() == before
    assert read_report(output / "b.mp4.tags.json").settings["min_entropy_bits"] == 3
    assert batch(source, "-o", output, "--min-entropy", "3", "--replace", "-q").returncode == 0
    assert read_report(mine).settings["min_entropy_bits"] == 3


@pytest.mark.parametrize("name", ["a.mp4.tags.json", "a.mp4.tags.csv"])
def test_what_a_person_changed_is_named_though_all_is_done(source: Path, output: Path, name: str) -> None:
    mine = output / name
    mine.write_bytes(mine.read_bytes() + b" ")
    before = mine.read_bytes()
    line = f"{mine}: kept, as it was changed since it was written (--replace writes it anew)"
    for more in ((), ("--dry-run",)):
        done = batch(source, "-o", output, *more)
        assert done.returncode == 0 and mine.read_bytes() == before
        assert line in done.stderr and "0 films to tag, 1 done before, 1 kept as they are (--replace)" in done.stderr
    assert f"{source}/a.mp4: {EDITED}\n" in batch(source, "-o", output, "--replace", "--dry-run").stdout
    assert "1 film to tag, 1 done before" in batch(source, "-o", output, "--replace").stderr
    assert mine.read_bytes() != before
    again = batch(source, "-o", output, "--replace")
    assert "0 films to tag, 2 done before" in again.stderr


def test_reports_that_were_only_touched_are_no_persons(source: Path, output: Path) -> None:
    for path in output.rglob("*.tags.*"):
        path.touch()
    assert "0 films to tag, 2 done before" in batch(source, "-o", output).stderr


def test_of_many_reports_that_are_kept_the_first_are_named(tmp_path: Path) -> None:
    outlook = Outlook(Search((), ()), Plan((), 0, 0, (), (), tuple(map(str, range(30)))), Departed((), ()))
    assert list(outlook.lines([], prune=False))[-2:] == ["9", "and 20 more: 30 kept in all"]
    assert len(list(outlook.details(prune=False))) == 30


@pytest.mark.parametrize("state", [DONE, SKIPPED])
@pytest.mark.parametrize("asked", ["the same", "others"])
def test_a_film_that_cannot_be_read_for_a_moment_keeps_its_row(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, asked: str
) -> None:
    film, output = Path(shutil.copy(source / "a.mp4", tmp_path / "a.mp4")), tmp_path / "out"
    (output / FOLDER).mkdir(parents=True)
    with closing(ledger.Ledger(output, "1-of-1")) as book:
        book.add(film, PurePosixPath("a.mp4"), state, mark=ledger.mark_of(film), asked="the same")
    for path in report_files(output / "a.mp4"):
        path.write_text("report")

    def refuse(*_: object) -> str:
        raise PermissionError(13, "Permission denied")

    film.chmod(0)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "fingerprint", refuse)  # as for all but root
        found = plan(find([film], output).films, read(output), output, Wanted(asked))
        assert (found.tasks, found.unread) == ((), (f"{film}: cannot be read now: what was done before stays",))
        os.utime(film, (1, 1))  # now it is another
        assert len(plan(find([film], output).films, read(output), output, Wanted(asked)).tasks) == 1


@pytest.mark.parametrize("name", ["a.mp4.tags.json", "a.mp4.tags.csv"])
@pytest.mark.parametrize("gone", [False, True])
def test_either_file_of_a_report_is_a_persons(source: Path, output: Path, name: str, gone: bool) -> None:
    """Also where the other is gone, so that the film would be done again."""
    (output / name).write_text("mine")
    if gone:
        (output / {"json": "a.mp4.tags.csv", ".csv": "a.mp4.tags.json"}[name[-4:]]).unlink()
    (line,) = planned(source, output).kept
    assert line.startswith(f"{output / name}: kept, ")
    assert [str(task.report) for task in planned(source, output).tasks] == ["b.mp4"]
    assert len(planned(source, output, over=True).tasks) == 2


def test_another_version_or_model_is_no_person(source: Path, output: Path) -> None:
    assert planned(source, output).kept == ()
    assert batch(source, "-o", output, "--min-entropy", "3", "-q").returncode == 0
    assert planned(source, output).kept == () and len(planned(source, output).tasks) == 2


def test_reports_of_ledgers_that_noted_no_digest_count_as_unchanged(source: Path, output: Path) -> None:
    lines = [json.loads(line) for line in (output / LEDGER).read_bytes().splitlines()]
    old = ["wrote", "disk", "more", "same_as", "was"]
    (output / LEDGER).write_text("".join(
        json.dumps({name: value for name, value in line.items() if name not in old}) + "\n" for line in lines
    ))  # fmt: skip
    (output / "a.mp4.tags.json").write_text("mine, but who knows")
    assert planned(source, output).kept == () and len(planned(source, output).tasks) == 2


def test_a_run_that_is_killed_while_it_writes_takes_no_report_for_a_persons(source: Path, output: Path) -> None:
    """One of the two files is new, and the ledger does not say that the film is done."""
    other = output.parent / "other"
    assert batch(source, "-o", other, "--min-entropy", "3", "-q").returncode == 0
    (first, second) = (book.read_bytes() for book in (output / LEDGER, other / LEDGER))
    digests = [entry.wrote for entry in (*read(output).values(), *read(other).values()) if entry.report == "a.mp4"]
    started = json.loads(next(line for line in second.splitlines() if b'"started"' in line and b"a.mp4" in line))
    shutil.copy(other / "a.mp4.tags.csv", output / "a.mp4.tags.csv")
    (output / LEDGER).write_bytes(first + json.dumps({**started, "wrote": digests[0] + digests[1]}).encode() + b"\n")
    assert planned(source, output).kept == ()
    assert batch(source, "-o", output, "--min-entropy", "3", "-q").returncode == 0
    # And that is what a run does note, before it writes.
    again = [json.loads(line) for line in (output / LEDGER).read_bytes().splitlines()[-8:]]
    notes = [set(line["wrote"]) for line in again if line["state"] == "started" and line["report"] == "b.mp4"]
    assert len(notes) == 2 and notes[0] < notes[1]
    assert set(read(output)[str(source / "b.mp4")].wrote) < notes[1]


# ------------------------------------------------------------------------------------------------- another vocabulary


def test_another_vocabulary_goes_elsewhere(source: Path, output: Path, tmp_path: Path) -> None:
    known = read(output)
    slugs = vocabulary.load("movies50").slugs
    assert other_vocabulary(known, ["a.mp4"], "others", slugs, output) == ""
    assert other_vocabulary(known, ["a.mp4"], "others", slugs[1:], output) == "movies50"
    assert other_vocabulary(known, [], "others", slugs[1:], output) == "movies50"  # of other films: no mixture
    assert other_vocabulary(known, [], known[str(source / "a.mp4")].asked, slugs[1:], output) == ""
    assert other_vocabulary({}, [], "others", slugs[1:], output) == ""
    own = other_tags(tmp_path / "own")
    before = {path: path.read_bytes() for path in output.rglob("*.tags.*")}
    for more in ((), ("--dry-run",)):
        done = batch(source, "-o", output, "--vocab", own, *more)
        assert done.returncode == 2
        (_, line) = done.stderr.splitlines()
        assert line == (
            f"movietags: error: {output}: holds reports of the vocabulary movies50: name another folder with -o, "
            "or --replace to write over them"
        )
    assert {path: path.read_bytes() for path in before} == before
    assert batch(source, "-o", output, "--vocab", own, "--replace", "-q").returncode == 0
    assert read_report(output / "a.mp4.tags.json").model.vocabulary == "own"


def other_tags(folder: Path) -> Path:
    """A vocabulary that knows as much as the one that is shipped, and calls it otherwise."""
    words = vocabulary.load("movies50")
    name = registry.choose(registry.AUTO, None, words.heads)
    (folder / "heads").mkdir(parents=True)
    (folder / "labels.txt").write_text("\n".join(f"{tag} 2" for tag in words.tags) + "\n")
    made = head.load(words.head_path(name), words)
    sha256 = vocabulary.load(str(folder)).sha256
    replace(made, vocabulary_sha256=sha256).save(folder / f"heads/{name}.npz")
    return folder


# --------------------------------------------------------------------------------------------------------- with extract


def test_a_batch_leaves_what_extract_wrote_of_another_film(source: Path, tmp_path: Path) -> None:
    odd, output = tmp_path / "clip.mp4.mp4", tmp_path / "out"
    shutil.copy(source / "a.mp4", odd)
    assert extract(odd, "-o", output, "-q").returncode == 0
    theirs = (output / "clip.mp4.tags.json").read_bytes()
    films = tmp_path / "films"
    films.mkdir()
    shutil.copy(source / "b.mp4", films / "clip.mp4")
    assert batch(films, "-o", output, "-q").returncode == 0
    assert (output / "clip.mp4.tags.json").read_bytes() == theirs
    (row,) = summary(output)
    assert row["film"].startswith("clip.mp4-") and (output / row["report"]).is_file()


def test_the_report_that_extract_wrote_of_this_film_is_its_own(source: Path, tmp_path: Path) -> None:
    film, output = tmp_path / "films/clip", tmp_path / "out"  # without an ending both call it alike
    film.parent.mkdir()
    shutil.copy(source / "a.mp4", film)
    assert extract(film, "-o", output, "-q").returncode == 0
    assert [(str(task.report), task.why) for task in planned(film.parent, output).tasks] == [("clip", NEW)]
    (output / "clip.tags.csv").write_text("mine")
    assert planned(film.parent, output).tasks == () and len(planned(film.parent, output).kept) == 1


@pytest.mark.parametrize(("disc", "named"), [("VIDEO_TS", ""), ("BDMV", ""), ("VIDEO_TS", "VIDEO_TS"), ("", "")])
def test_extract_of_a_disc_says_who_reads_it(tmp_path: Path, disc: str, named: str) -> None:
    folder = tmp_path / "My DVD (1999)"
    (folder / disc).mkdir(parents=True)
    said = f"a disc, which is read as one film by `movietags batch '{folder}' -o OUT`"
    (line,) = (line for line in extract(folder / named).stderr.splitlines() if " error: " in line)
    assert line == f"movietags: error: {folder / named}: is {said if disc else 'a folder: name the films in it'}"


@pytest.mark.parametrize("words", [("extract", "none.mp4"), ("batch", "films", "--vocab", "none")])
def test_what_comes_to_nothing_leaves_no_folder(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert inside(*words, "-o", tmp_path / "new/out").returncode > 0
    assert not (tmp_path / "new").exists()


def test_extract_says_what_it_wrote_and_keeps_what_a_person_changed(source: Path, tmp_path: Path) -> None:
    film, output = source / "a.mp4", tmp_path / "out"
    files = [output / f"a.{kind}" for kind in ("tags.csv", "shots.csv", "tags.json")]
    done = extract(film, "-o", output)
    assert done.returncode == 0
    assert [line for line in done.stderr.splitlines() if "wrote" in line] == [
        f"movietags: wrote {path}" for path in files
    ]
    quiet = extract(film, "-o", output, "--min-entropy", "3", "-q")
    assert (quiet.returncode, quiet.stderr) == (0, "")  # its own work it writes anew
    files[0].write_text("mine")
    refused = extract(film, "-o", output)
    assert refused.returncode == 1
    assert f"movietags: error: {files[0]}: was changed since it was written: --replace writes it anew" in refused.stderr
    assert files[0].read_text() == "mine"
    assert extract(film, "-o", output, "--replace", "-q").returncode == 0
    assert files[0].read_text() != "mine"


def test_notes_of_what_was_written_may_be_torn(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    Written(tmp_path).note("a", [b"1", b"2"])
    whole = (tmp_path / FOLDER / FILE).read_bytes()
    for torn in (whole[:-3], b"{}\n[]\n5\n", b'{"report": "a", "wrote": 5}\n', b"\xff\n"):
        (tmp_path / FOLDER / FILE).write_bytes(torn)
        Written(tmp_path).note("b", [b"3"])
        assert len(Written(tmp_path).of("b")) == 1
    assert Written(tmp_path).of("a") == set() == Written(tmp_path / "missing").of("a")


@pytest.mark.skipif(os.name != "posix", reason="folders that are no folders")
def test_notes_that_cannot_be_written_are_one_line(source: Path, tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file")
    with pytest.raises(OutputRefused, match=r"^[^\n]*written.jsonl: cannot be written [^\n]*$"):
        Written(tmp_path).note("a", [b"1"])
    Folder(tmp_path / "new").check(tmp_path / "no film")  # of what cannot be read it says nothing


# ------------------------------------------------------------------------------------------------- failures and strict


def test_what_is_no_film_after_all_is_passed_over_and_what_failed_fails_once(source: Path, tmp_path: Path) -> None:
    films, output = tmp_path / "films", tmp_path / "out"
    films.mkdir()
    shutil.copy(source / "b.mp4", films / "whole.mp4")
    sound(films / "sound.mp4")
    (films / "empty.mp4").touch()
    done = batch(films, "-o", output)
    assert done.returncode == 1
    assert statuses(output) == {"empty.mp4": "failed", "sound.mp4": "skipped", "whole.mp4": "ok"}
    (row,) = (row for row in summary(output) if row["film"] == "sound.mp4")
    assert row["reason"] == f"{films}/sound.mp4: holds no video stream (audio)"
    assert f"no film: {films}/sound.mp4: holds no video stream (audio)" in done.stderr
    again = batch(films, "-o", output)
    assert again.returncode == 0
    assert "0 films to tag, 2 done before, 1 failed before (--retry-failed)" in again.stderr
    assert batch(films, "-o", output, "--strict", "-q").returncode == 1
    shutil.copy(source / "a.mp4", films / "empty.mp4")
    assert batch(films, "-o", output, "--strict", "-q").returncode == 0
    assert statuses(output)["empty.mp4"] == "ok"


def sound(path: Path) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_a_film_that_may_not_be_read_fails_once(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = Path(shutil.copy(source / "a.mp4", tmp_path / "a.mp4"))

    def refuse(*_: object) -> str:
        raise PermissionError(13, "Permission denied")

    for reader in ("fingerprint", "looked_at"):
        monkeypatch.setattr(ledger, reader, refuse)
    mark = ledger.mark_of(film)
    assert ledger.same(mark, film)
    monkeypatch.undo()
    film.chmod(0o600)  # it may be read now: the time of its entry says so
    assert not ledger.same(mark, film)


def test_a_film_that_is_cut_off_fails_where_it_is_asked_to(source: Path, tmp_path: Path) -> None:
    films, output = tmp_path / "films", tmp_path / "out"
    films.mkdir()
    whole = media.film(films / "a.mkv", (25,) * 6, 160, 90).path
    body = whole.read_bytes()
    whole.write_bytes(body[: len(body) // 2])
    assert [batch(films, "-o", output, "-q", *more).returncode for more in (("--strict",), ())] == [1, 0]
    assert batch(films, "-o", output, "--dry-run", "-q", "--strict").returncode == 1  # also as it was done before
    assert statuses(output) == {"a.mkv": "truncated"}
    assert [extract(whole, "-q", *more).returncode for more in ((), ("--strict",))] == [0, 1]


def test_entries_that_are_done_stay_done(source: Path, output: Path) -> None:
    (entry,) = (entry for entry in read(output).values() if entry.report == "a.mp4")
    assert isinstance(entry, LedgerEntry) and entry.state == DONE and len(entry.wrote) == 3
    before = len(entries(output))
    assert batch(source, "-o", output, "-q").returncode == 0
    assert len(entries(output)) == before
