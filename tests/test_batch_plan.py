"""Which films are to be done and why, who does them, and what their reports are called."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.batch import ledger
from tagger.batch.find import FilmFile, find
from tagger.batch.ledger import DONE, FAILED, FOLDER, FOUND, SKIPPED, STARTED, Ledger, LedgerEntry, mark_of, read
from tagger.batch.plan import (
    AGAIN,
    CHANGED,
    INTERRUPTED,
    LOST,
    NEW,
    OTHERWISE,
    WAITING,
    Plan,
    Shard,
    Wanted,
    hold,
    plan,
)
from tagger.errors import BadSettings, OutputLocked
from tagger.files import NAME_BYTES_MAX, Lock
from tagger.reports.formats import report_files

ASKED = "digest of settings"
OUTPUT = Path("/nowhere/reports")
WANTED = Wanted(ASKED)
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "caf\u00e9") for form in ("NFC", "NFD"))


# ----------------------------------------------------------------------------------------------- names of reports


def film(path: str, place: str | None = None) -> FilmFile:
    """One that need not exist."""
    whole = Path("/films") / path
    return FilmFile(whole, PurePosixPath(place or path), 1, 1, True)


def entries(planned: Plan) -> dict[str, LedgerEntry]:
    """The ledger after films were begun."""
    return {
        str(task.film.path): LedgerEntry(
            str(task.film.path), str(task.report), STARTED, "2026", str(task.film.path), "1-1-1-0"
        )
        for task in (*planned.tasks, *planned.later)
    }


def reports(films: Iterable[FilmFile], known: dict[str, LedgerEntry] | None = None) -> dict[Path, str]:
    """What the report of each film is called."""
    tasks = plan(sorted(films, key=lambda one: one.path), known or {}, OUTPUT, WANTED).tasks
    return {task.film.path: str(task.report) for task in tasks}


def seen(report: str) -> str:
    """As Unicode tells names apart regardless of case and of how accents are written (canonical caseless match)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", report).casefold())


STEMS = st.sampled_from((
    "x", "X", "x.mp4", "y", COMPOSED, DECOMPOSED, COMPOSED.upper(), "stra\u00dfe", "STRASSE", "bad\udcff", "a" * 176,
    "long" * 45, "LONG" * 45, "\u00e9" * 120, "e\u0301" * 80, "two\nlines", "=x", ".x", "x.",
))  # fmt: skip
NAMES = st.builds("".join, st.tuples(STEMS, st.sampled_from(["", ".mp4", ".mkv", ".MP4", ".mp4-0123abcd"])))
FOLDERS = st.lists(st.sampled_from(["a", "A", "b.mp4", COMPOSED, DECOMPOSED]), max_size=2)
PLACES = st.builds(lambda folders, name: "/".join([*folders, name]), FOLDERS, NAMES)
# Of two roots: films of both may have one place.
FILMS = st.sets(
    st.builds(lambda root, place: film(f"{root}/{place}", place), st.sampled_from("12"), PLACES), max_size=15
)


@settings(deadline=None, max_examples=60)
@given(FILMS)
def test_no_two_films_share_a_report(films: set[FilmFile]) -> None:
    named = reports(films)
    assert len(named) == len(films)
    assert len({seen(report) for report in named.values()}) == len(films)
    for one in films:
        report = PurePosixPath(named[one.path])
        assert report.parent == one.place.parent
        for path in report_files(OUTPUT / report):
            assert len(os.fsencode(path.name)) <= NAME_BYTES_MAX


@settings(deadline=None, max_examples=60)
@given(FILMS, FILMS, FILMS)
def test_a_film_keeps_its_report_when_others_come_and_go(
    stay: set[FilmFile], go: set[FilmFile], come: set[FilmFile]
) -> None:
    known = entries(plan(list(stay | go), {}, OUTPUT, WANTED))
    later = reports(stay | come, known)
    assert all(later[one.path] == known[str(one.path)].report for one in stay)
    of_others = {path: entry.report for path, entry in known.items() if Path(path) not in later}
    assert len({seen(report) for report in (*later.values(), *of_others.values())}) == len(later) + len(of_others)


def test_no_two_films_share_a_report_in_greek() -> None:
    films = [film("\u0390.mp4"), film("\u03aa\u0301.mp4")]  # lower and upper case of one letter
    assert len({seen(report) for report in reports(films).values()}) == 2


def test_reports_are_called_after_their_films() -> None:
    names = ["x.mp4", "x.mkv", "a/x.mp4", "a/b/x", "X.mkv", ".y.mp4", "z..mp4"]
    named = {str(path.relative_to("/films")): report for path, report in reports(map(film, names)).items()}
    marked = named.pop("x.mkv")  # X.mkv came first
    assert named == {name: name for name in names if name != "x.mkv"}
    assert marked.startswith("x.mkv-") and len(marked) == len("x.mkv-01234567")
    files = ["x.mp4.tags.csv", "x.mp4.shots.csv", "x.mp4.tags.json"]
    assert report_files(OUTPUT / "a/x.mp4") == tuple(OUTPUT / "a" / name for name in files)


def test_a_film_that_is_called_as_the_report_of_another_takes_nothing_from_it() -> None:
    twins = [film("1/x.mp4", "x.mp4"), film("2/x.mp4", "x.mp4")]
    marked = reports(twins)[twins[1].path]
    named = reports([film(f"0/{marked}", marked), *twins])
    assert len({seen(report) for report in named.values()}) == 3


# --------------------------------------------------------------------------------------------------------- shards


@settings(deadline=None, max_examples=60)
@given(st.lists(PLACES, min_size=1, unique=True), st.integers(1, 40))
def test_every_film_is_in_one_shard_whatever_others_there_are(names: list[str], count: int) -> None:
    films = [film(name) for name in names]
    parts = [plan(films, {}, OUTPUT, replace(WANTED, shard=Shard(n + 1, count))).tasks for n in range(count)]
    assert sorted(task.film.path for part in parts for task in part) == sorted(one.path for one in films)
    for number, part in enumerate(parts, start=1):
        for task in part:
            assert len(plan([task.film], {}, OUTPUT, replace(WANTED, shard=Shard(number, count))).tasks) == 1


@pytest.mark.parametrize("told", [False, True])
def test_shards_agree_on_the_names_of_reports(told: bool) -> None:
    twins = [film(f"{kind} {n}.mp4") for n in range(30) for kind in ("film", "FILM")]
    films = [*twins, *(film(f"{root}/{n}.mp4", f"{n}.mp4") for root in "abc" for n in range(9))]
    whole = {task.film.path: task.report for task in plan(films, {}, OUTPUT, WANTED).tasks}
    known: dict[str, LedgerEntry] = {}
    parts: dict[Path, PurePosixPath] = {}
    for number in (3, 1, 4, 2):  # all begin at once, or each is told what those before it have found
        part = plan(films, known, OUTPUT, replace(WANTED, shard=Shard(number, 4)))
        parts |= {task.film.path: task.report for task in part.tasks}
        known |= entries(part) if told else {}
    assert parts == whole


def test_shards_are_of_about_one_size() -> None:
    films = [film(f"season {s}/episode {e}.mkv") for s in range(20) for e in range(50)]
    sizes = [len(plan(films, {}, OUTPUT, replace(WANTED, shard=Shard(n, 4))).tasks) for n in range(1, 5)]
    assert all(200 < size < 300 for size in sizes)


def test_shards_are_the_same_on_every_machine() -> None:
    films = [film(f"{n}.mp4") for n in range(12)]
    parts = [plan(films, {}, OUTPUT, replace(WANTED, shard=Shard(n, 3))).tasks for n in (1, 2, 3)]
    assert [[int(task.film.path.stem) for task in part] for part in parts] == [
        [4, 7],
        [1, 5, 9, 10],
        [0, 2, 3, 6, 8, 11],
    ]


def test_shards_are_written_as_fractions() -> None:
    assert Shard.parse("2/4") == Shard(2, 4)
    assert str(Shard(2, 4)) == "2-of-4"
    for text in ("", "2", "0/4", "5/4", "1/0", "-1/4", "2/4/8", "a/b", "1.0/2", " 1/2", "\u00b2/4"):
        with pytest.raises(BadSettings, match="shard"):
            Shard.parse(text)


def test_shards_of_one_number_are_held_side_by_side_and_of_two_are_not(tmp_path: Path) -> None:
    with hold(tmp_path, Shard(1, 2)), hold(tmp_path, Shard(2, 2)):
        for other in (Shard(1, 2), Shard(1, 1), Shard(3, 3), Shard(1, 12)):
            with pytest.raises(OutputLocked, match=f"in use by process {os.getpid()} on "), hold(tmp_path, other):
                pass
    with hold(tmp_path, Shard(1, 12)), pytest.raises(OutputLocked), hold(tmp_path, Shard(1, 2)):
        pass  # those who were refused hold nothing
    Lock(tmp_path / FOLDER / "lock-2-of-2").close()


# ------------------------------------------------------------------------------------------------------------ why


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of one film."""
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "x.mp4").write_bytes(os.urandom(300_000))
    return folder


def judged(root: Path, wanted: Wanted = WANTED) -> Plan:
    output = root.parent / "out"
    return plan(find([root], output).films, read(output), output, wanted)


def why(root: Path, wanted: Wanted = WANTED) -> list[str]:
    return [task.why for task in judged(root, wanted).tasks]


def noted(root: Path, *states: str, written: bool = True, marked: bool = True, asked: str = ASKED) -> None:
    """Puts into the ledger what happened to the film, and its reports where they belong."""
    output = root.parent / "out"
    (output / FOLDER).mkdir(parents=True, exist_ok=True)
    book = Ledger(output, "1-of-1")
    for state in states:
        mark = {"mark": mark_of(root / "x.mp4") if marked else "", "asked": asked} if state != FOUND else {}
        book.add(root / "x.mp4", PurePosixPath("x.mp4"), state, **mark)
    book.close()
    for path in report_files(output / "x.mp4") if written else ():
        path.write_text("report")


def test_what_is_not_done_is_to_be_done(root: Path) -> None:
    assert why(root) == [NEW]
    noted(root, FOUND, written=False)
    assert why(root) == [WAITING]
    noted(root, STARTED, written=False)
    assert why(root) == [INTERRUPTED]
    noted(root, DONE)
    assert judged(root) == Plan((), 1, 0, (), ())
    noted(root, STARTED)  # once more, though its old reports are still there
    assert why(root) == [INTERRUPTED]


@pytest.mark.parametrize("state", [DONE, FAILED, SKIPPED])
@pytest.mark.parametrize("change", ["size", "time", "earlier", "head", "tail"])
def test_a_film_that_changed_is_to_be_done_whatever_became_of_it(root: Path, state: str, change: str) -> None:
    noted(root, FOUND, STARTED, state)
    assert why(root) == []
    path, body = root / "x.mp4", bytearray((root / "x.mp4").read_bytes())
    status = path.stat()
    if change == "size":
        path.write_bytes(body + b"\0")
    elif change in ("head", "tail"):
        body[0 if change == "head" else -1] ^= 1
        path.write_bytes(body)
    shift = {"time": 1, "earlier": -(10**9)}.get(change, 0)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + shift))
    assert why(root) == [CHANGED]
    assert judged(root).tasks[0].report == PurePosixPath("x.mp4")


@pytest.mark.parametrize("state", [DONE, FAILED, SKIPPED])
def test_other_settings_ask_for_everything_again(root: Path, state: str) -> None:
    noted(root, STARTED, state, asked="others")
    assert why(root) == [OTHERWISE]


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_film_without_its_json_is_to_be_done_and_one_without_its_csv_lacks_that(root: Path, gone: int) -> None:
    noted(root, STARTED, DONE)
    path = report_files(root.parent / "out" / "x.mp4")[gone]
    for remove in (path.unlink, path.mkdir):
        remove()
        found = judged(root)
        assert ([task.why for task in found.tasks], len(found.lacking)) == (([LOST], 0) if gone == 2 else ([], 1))
    assert ("1 of them lack a format" in str(found)) == (gone < 2)


def test_what_failed_is_left_alone_until_asked(root: Path) -> None:
    noted(root, STARTED, FAILED, written=False)
    assert judged(root) == Plan((), 0, 1, (), ())
    assert why(root, replace(WANTED, retry_failed=True)) == [AGAIN]
    noted(root, STARTED, DONE)
    assert judged(root, replace(WANTED, retry_failed=True)) == Plan((), 1, 0, (), ())


def test_what_is_no_film_is_not_looked_at_again(root: Path) -> None:
    noted(root, STARTED, SKIPPED, written=False)
    assert judged(root, replace(WANTED, retry_failed=True)) == Plan((), 1, 0, (), ())


def test_a_film_that_could_not_even_be_marked_is_tried_again(root: Path) -> None:
    noted(root, FAILED, written=False, marked=False)
    assert len(why(root)) == 1


def test_a_film_that_is_gone_is_no_task(root: Path) -> None:
    noted(root, STARTED, DONE)
    (root / "x.mp4").unlink()
    assert judged(root) == Plan((), 0, 0, (), ())


def test_a_film_is_the_same_by_another_way_to_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted(root, STARTED, DONE)
    monkeypatch.chdir(root)
    assert why(Path("../films").absolute()) == []
    search = find([Path("../films")], root.parent / "out")
    assert plan(search.films, read(root.parent / "out"), root.parent / "out", WANTED).tasks == ()


# --------------------------------------------------------------------------------------------- limit and newer than


def test_a_limit_leaves_the_rest_for_later(root: Path) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (root / name).touch()
    noted(root, STARTED, DONE)
    for limit, now, later in ((1, ["a"], ["b", "c"]), (3, ["a", "b", "c"], []), (9, ["a", "b", "c"], [])):
        planned = judged(root, replace(WANTED, limit=limit))
        assert [task.film.path.stem for task in planned.tasks] == now
        assert [task.film.path.stem for task in planned.later] == later
        assert planned.done == 1  # what is done takes nobody's place


def test_only_films_newer_than_a_moment(root: Path) -> None:
    (root / "new.mp4").touch()
    os.utime(root / "x.mp4", ns=(1000, 1000))
    os.utime(root / "new.mp4", ns=(1001, 1001))
    named = [
        [t.film.path.stem for t in judged(root, replace(WANTED, newer_than_ns=n)).tasks] for n in (999, 1000, 1001)
    ]
    assert named == [["new", "x"], ["new"], []]


def test_what_is_done_and_unchanged_is_not_even_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted(root, STARTED, DONE)

    def read_again(film: Path, sample_bytes: int) -> str:
        raise AssertionError(f"{film} was read")

    monkeypatch.setattr(ledger, "fingerprint", read_again)
    assert judged(root).done == 1


def test_an_archive_that_moved_is_known(root: Path) -> None:
    noted(root, STARTED, DONE)
    known = read(root.parent / "out")
    moved = root.rename(root.parent / "elsewhere")
    found = find([moved], root.parent / "out")
    planned = plan(found.films, known, root.parent / "out", WANTED)
    assert (planned.tasks, planned.done) == ((), 1)
    (entry,) = planned.moved
    assert (entry.film, entry.report, entry.state) == (str(moved / "x.mp4"), "x.mp4", DONE)
    book = Ledger(root.parent / "out", "1-of-1")
    book.put(entry)
    book.close()
    assert list(read(root.parent / "out")) == [str(moved / "x.mp4")]


def test_another_film_at_the_place_of_one_that_is_gone_is_new(root: Path) -> None:
    noted(root, STARTED, DONE)
    known = read(root.parent / "out")
    moved = root.rename(root.parent / "elsewhere")
    (moved / "x.mp4").write_bytes(b"another film")
    (task,) = plan(find([moved], root.parent / "out").films, known, root.parent / "out", WANTED).tasks
    assert task.why == NEW
    assert task.report.name.startswith("x.mp4-")
