"""What is in the ledger comes back out of it, whatever stopped the machine and whoever else wrote there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import REPORT

from tagger.batch.ledger import (
    DONE,
    FAILED,
    FOLDER,
    FOUND,
    SKIPPED,
    STARTED,
    Ledger,
    LedgerEntry,
    facts,
    key_of,
    mark_of,
    read,
    same,
)
from tagger.errors import OutputRefused

X, Y = Path("/films/x.mp4"), Path("/films/y.mp4")
BAD = os.fsdecode(b"/films/bad\xff\xfe \n \xf0\x9f\x8e\xac.mp4")
EVERYTHING: dict[str, Any] = {
    "mark": "1-2-3", "asked": "abc", "reason": f"{BAD}: \u2028 \0 \"'\\", "seconds": 1.25, "status": "truncated",
    "tags": ("kiss", "Z\u00fcrich"), "shots": 0, "kept": 0, "duration_s": 0.0, "scan": "fast", "warnings": ("a", "b\n"),
    "more": ("cd2.mp4",), "wrote": ("0123",), "same_as": "y.mp4", "was": "w.mp4", "sure": ("Z\u00fcrich",),
}  # fmt: skip


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / FOLDER).mkdir()
    return tmp_path


def noted(output: Path, film: Path, state: str, name: str = "1-of-1", **known: Any) -> None:
    """Adds one line as a process of its own would."""
    book = Ledger(output, name)
    book.add(film, PurePosixPath(film.name), state, **known)
    book.close()


def written(output: Path, name: str = "1-of-1") -> Path:
    return output / FOLDER / f"ledger-{name}.jsonl"


def states(output: Path) -> dict[str, str]:
    return {Path(path).name: entry.state for path, entry in read(output).items()}


# ------------------------------------------------------------------------------------------------------ round trip


def test_every_field_comes_back(output: Path) -> None:
    book = Ledger(output, "1-of-1")
    book.add(Path(BAD), PurePosixPath("a/\udcff.mp4"), DONE, **EVERYTHING)
    book.close()
    assert written(output).read_bytes().count(b"\n") == 1
    (path, entry), *more = read(output).items()
    assert (path, more) == (BAD, [])
    assert asdict(entry) == EVERYTHING | {
        "film": BAD, "report": "a/\udcff.mp4", "state": DONE, "at": entry.at, "path": BAD, "disk": "/",
        "was": "",
    }  # fmt: skip
    assert entry.at.endswith("+00:00")


def test_paths_are_kept_as_given_and_known_by_where_they_lead(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(output)
    noted(output, Path("x.mp4"), STARTED)
    noted(output, output / "x.mp4", DONE)
    assert {path: (entry.state, entry.path) for path, entry in read(output).items()} == {
        str(output / "x.mp4"): (DONE, str(output / "x.mp4"))
    }
    noted(output, Path("y.mp4"), FOUND)
    assert read(output)[str(output / "y.mp4")].path == "y.mp4"


def test_a_path_leads_elsewhere_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = []
    for folder in ("here", "there"):
        (tmp_path / folder / "films").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / folder)
        known.append(key_of(Path("films/a.mp4")))
    assert known == [str(tmp_path / folder / "films/a.mp4") for folder in ("here", "there")]


TEXT = st.text(st.characters(exclude_characters="/\0"), min_size=1).filter(lambda text: text not in (".", ".."))


@settings(deadline=None, max_examples=60)
@given(name=TEXT, why=st.text(st.characters()), tags=st.lists(st.text(), max_size=3), seconds=st.floats(0, 1e12))
def test_any_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, name: str, why: str, tags: list[str], seconds: float
) -> None:
    output = tmp_path_factory.mktemp("any")
    (output / FOLDER).mkdir()
    film = Path("/films") / name
    noted(output, film, FAILED, reason=why, tags=tuple(tags), seconds=seconds)
    entry = read(output)[str(film)]
    assert (entry.reason, entry.tags, entry.seconds, entry.path) == (why, tuple(tags), seconds, str(film))


def test_the_last_line_about_a_film_counts(output: Path) -> None:
    assert read(output) == {} == read(output / "missing")
    for film, state in ((X, FOUND), (Y, FOUND), (X, STARTED), (X, FAILED), (Y, STARTED), (X, STARTED), (X, DONE)):
        noted(output, film, state)
    assert states(output) == {"x.mp4": DONE, "y.mp4": STARTED}
    assert written(output).read_bytes().count(b"\n") == 7  # nothing is ever changed


def test_several_ledgers_are_merged_by_time(output: Path) -> None:
    noted(output, X, DONE, "2-of-2")
    noted(output, Y, FAILED, "1-of-2")
    noted(output, X, STARTED, "1-of-1")  # later, in a file whose name comes first
    assert states(output) == {"x.mp4": STARTED, "y.mp4": FAILED}
    noted(output, X, SKIPPED, "2-of-2")
    assert states(output) == {"x.mp4": SKIPPED, "y.mp4": FAILED}


def line(film: Path, state: str, at: str) -> bytes:
    return json.dumps(asdict(LedgerEntry(str(film), film.name, state, at, str(film)))).encode() + b"\n"


def test_times_are_ordered_to_the_second_and_its_parts(output: Path) -> None:
    written(output, "1-of-2").write_bytes(line(X, DONE, "2026-11-22T10:00:00.000001+00:00"))
    written(output, "2-of-2").write_bytes(line(X, STARTED, "2026-11-22T10:00:00+00:00"))  # as written at its start
    assert states(output) == {"x.mp4": DONE}


def test_a_clock_that_is_put_back_does_not_undo_what_is_done(output: Path) -> None:
    lines = [line(X, FOUND, "2026-11-22T12:00:00+00:00"), line(X, DONE, "2026-11-22T11:00:00+00:00")]
    written(output).write_bytes(b"".join(lines))
    assert states(output) == {"x.mp4": DONE}


# ------------------------------------------------------------------------------------------------- torn and damaged


def test_a_line_torn_anywhere_costs_only_itself(output: Path) -> None:
    noted(output, Y, DONE, **EVERYTHING)
    noted(output, Path(BAD), STARTED, mark="m")
    first = written(output).stat().st_size
    noted(output, Path(BAD), DONE, **EVERYTHING)
    whole = written(output).read_bytes()
    before = {**read(output), BAD: None}
    for end in range(first, len(whole)):
        written(output).write_bytes(whole[:end])
        after = read(output)
        assert after[str(Y)] == before[str(Y)]
        # Without its line end alone a line is whole.
        assert after[BAD].state == (DONE if end == len(whole) - 1 else STARTED)
        noted(output, X, FAILED)
        assert read(output) == {**after, str(X): read(output)[str(X)]}
        assert written(output).read_bytes().startswith(whole[:end])


@pytest.mark.parametrize(
    "garbage",
    [
        b"", b"garbage", b"{", b"null", b"true", b"5", b"NaN", b'"film report state at path"', b"[]", b"{}",
        b'["film", "report", "state", "at", "path"]', b'{"film": "/films/x.mp4"}', bytes(4096), bytes(5), b"\xff\xfe\0",
        b"\xef\xbb\xbf{}", b"[[1], {}]", b"\r", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000,
        b'{"film": 1, "report": 2, "state": 3, "at": 4, "path": 5}',
        b'{"film": "/films/x.mp4", "report": null, "state": "done", "at": "9", "path": "x"}',
    ],
    ids=lambda garbage: ascii(garbage[:24]),
)  # fmt: skip
def test_what_is_no_line_of_ours_is_passed_over(output: Path, garbage: bytes) -> None:
    noted(output, X, STARTED)
    ours = written(output).read_bytes()
    for ends in (b"\n", b"\r\n", b""):
        written(output).write_bytes(garbage + b"\n" + ours + garbage + ends)
        assert states(output) == {"x.mp4": STARTED}
        noted(output, X, DONE)
        noted(output, Y, FAILED)
        assert states(output) == {"x.mp4": DONE, "y.mp4": FAILED}


@pytest.mark.parametrize("field", ["mark", "tags", "duration_s"])
def test_fields_of_other_kinds_do_no_harm(output: Path, field: str) -> None:
    from tagger.batch import summary

    entry = asdict(LedgerEntry(str(X), X.name, DONE, "2026", str(X), "1-2-3", "a", seconds=1.0, tags=("kiss",)))
    wrong = "a lot" if field == "duration_s" else 5
    written(output).write_bytes(json.dumps(entry | {field: wrong}).encode() + b"\n")
    known = read(output)
    for each in known.values():
        same(each.mark, output)
    summary.in_words(output, known)
    summary.write(output, known)


@pytest.mark.parametrize("sure", [("kiss", "war"), (), None])
def test_nothing_sure_is_not_the_same_as_not_known(output: Path, sure: tuple[str, ...] | None) -> None:
    noted(output, X, DONE, sure=sure)
    assert read(output)[str(X)].sure == sure
    assert ("sure" in json.loads(written(output).read_bytes())) == (sure is not None)


def test_lines_of_before_confidence_say_nothing_of_it(output: Path) -> None:
    noted(output, X, DONE, tags=("kiss",), sure=("kiss",))
    values = json.loads(written(output).read_bytes())
    del values["sure"]
    written(output).write_bytes(json.dumps(values).encode() + b"\n")
    assert (read(output)[str(X)].tags, read(output)[str(X)].sure) == (("kiss",), None)


@pytest.mark.parametrize("told", [(0.6, 0.9), (0.2, 0.1), (None, None), (None, 0.7), (0.3, None)])
def test_a_report_gives_its_sure_tags_most_confident_first(told: tuple[float | None, float | None]) -> None:
    tags = tuple(replace(tag, confidence=c) for tag, c in zip(REPORT.tags, told, strict=True))
    known = facts(replace(REPORT, tags=tags))
    assert known["tags"] == ("Car chase",)  # the other has no weight
    expected = {(0.6, 0.9): ("Drama", "Car chase"), (None, 0.7): ("Drama",), (None, None): None}
    assert known["sure"] == expected.get(told, ())


def test_fields_of_later_versions_are_passed_over(output: Path) -> None:
    noted(output, X, DONE, shots=3)
    values = json.loads(written(output).read_bytes())
    written(output).write_bytes(json.dumps(values | {"mood": ["dark"]}).encode() + b"\n")
    assert read(output)[str(X)].shots == 3


# -------------------------------------------------------------------------------------------------- a disk that fails

FULL = """
import resource, signal, sys
from pathlib import Path, PurePosixPath
from tagger.batch.ledger import Ledger
from tagger.errors import OutputRefused
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
output, limit = Path(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
n = 0
try:
    book = Ledger(output, "1-of-1")
    for n in range(100):
        book.add(Path(f"/films/{n}.mp4"), PurePosixPath(f"{n}.mp4"), "done")
except OutputRefused as error:
    print(error, n, sep="\\n")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
@pytest.mark.parametrize("limit", [0, 1000, 1001, 1130])
def test_a_full_disk_is_one_line_and_what_was_noted_stands(output: Path, limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, output, str(limit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    said, count = done.stdout.splitlines()
    assert said == f"{written(output)}: cannot be written (File too large): free space or use -o"
    before = states(output)
    assert len(before) == written(output).read_bytes().count(b"\n") == int(count)  # each that was not refused
    assert written(output).stat().st_size == limit
    noted(output, X, DONE)  # space was freed
    assert states(output) == {**before, "x.mp4": DONE}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_device_without_space_is_refused_in_one_line(output: Path) -> None:
    written(output).symlink_to("/dev/full")
    with pytest.raises(OutputRefused, match=r"^[^\n]*jsonl: cannot be written .No space left on device.[^\n]*$"):
        noted(output, X, FOUND)


def test_a_disk_that_fails_late_is_refused_in_one_line(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")  # as network file systems say it

    monkeypatch.setattr(os, "fsync", full)
    try:
        noted(output, X, DONE)
    except OutputRefused as error:
        assert "No space left on device" in str(error)


def test_what_ends_a_film_is_on_the_disk_at_once(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: sizes.append(os.fstat(file).st_size))
    for state in (FOUND, STARTED, DONE, FAILED, SKIPPED):
        noted(output, X, state)
    lines = written(output).read_bytes().splitlines(keepends=True)
    assert sizes == [sum(map(len, lines[:n])) for n in (3, 4, 5)]


def test_a_ledger_that_is_none_is_refused_in_one_line(output: Path) -> None:
    written(output).mkdir()
    for use in (lambda: read(output), lambda: Ledger(output, "1-of-1")):
        with pytest.raises(OutputRefused, match=r"^[^\n]*jsonl: cannot be (read|written) .Is a directory.[^\n]*$"):
            use()


KILLED = """
import sys
from pathlib import Path, PurePosixPath
from tagger.batch.ledger import Ledger
book = Ledger(Path(sys.argv[1]), "1-of-1")
for n in range(10**9):
    book.add(Path(f"/films/{n}.mp4"), PurePosixPath(f"{n}.mp4"), "started")
    print(n, flush=True)
"""


def test_what_was_noted_before_a_kill_stands(output: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, output], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(50):
        process.stdout.readline()
    process.kill()
    rest, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(read(output)) >= 50 + rest.count("\n")


# ------------------------------------------------------------------------------------------------------------ marks


def test_marks_tell_changed_films_and_those_that_are_gone(tmp_path: Path) -> None:
    film = tmp_path / "x.mp4"
    whole = os.urandom(200_000)
    film.write_bytes(whole)
    os.utime(film, ns=(1, 1_700_000_000_123_456_789))
    mark = mark_of(film)
    assert mark.startswith("200000-1700000000123456789-")
    assert same(mark, film)
    assert not same("", film)
    os.utime(film, ns=(1, 1_700_000_000_123_456_788))
    assert not same(mark, film)
    for end in (0, -1):
        body = bytearray(whole)
        body[end] ^= 1
        film.write_bytes(body)
        os.utime(film, ns=(1, 1_700_000_000_123_456_789))
        assert not same(mark, film)
    film.unlink()
    assert not same(mark, film)
    with pytest.raises(OSError, match="No such file"):
        mark_of(film)
