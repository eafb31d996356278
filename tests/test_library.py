"""Reports into a library: each film once, whatever it is called and wherever it went."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import CHASE, FILMS, PATROL, QUIET, added, everything, put, put_features, report_of, rows
from samples import REPORTS, correct

from tagger.library import search, store
from tagger.library.search import Query
from tagger.library.writing import Added
from tagger.records import TagReport
from tagger.reports.json_report import as_json, read_report


def test_what_a_report_says_is_in_the_views(library: Path) -> None:
    ((film,),) = rows(library, "SELECT film FROM films WHERE name = 'chase.mkv'")
    said = "SELECT path, duration_s, fps, width, height, codec, fingerprint FROM films WHERE film = ?"
    assert rows(library, said, film) == [
        ("films/chase.mkv", 8.0, 25.0, 320, 180, "h264", CHASE.video.fingerprint)
    ]  # fmt: skip
    assert rows(library, "SELECT vocabulary, backbone, created::VARCHAR, status, shots, shots_tagged FROM reports") == [
        ("movies50", "compact/avg_pool", "2026-01-02 03:04:05", "ok", *[len(report.shots)] * 2) for report in FILMS
    ]  # fmt: skip
    said = "SELECT tag, slug, rank, score, confidence, frames, trained FROM tags WHERE film = ?"
    assert rows(library, said, film) == [
        (tag.tag, tag.slug, tag.rank, tag.score, tag.confidence, tag.frames, True) for tag in CHASE.tags
    ]  # fmt: skip
    said = "SELECT shot, start_s, end_s, start_frame, keyframe_s, kept FROM shots WHERE film = ?"
    assert rows(library, said, film) == [
        (0, 0.0, 4.0, 0, 2.0, True), (1, 4.0, 8.0, 100, 6.0, True), (2, 8.0, 12.0, 200, 10.0, True)
    ]  # fmt: skip
    asked = "SELECT shot, start_s, tag, probability FROM shot_tags WHERE film = ? ORDER BY shot, probability DESC"
    assert rows(library, asked, film) == [
        (0, 0.0, "Car chase", 0.7), (0, 0.0, "Police", 0.2), (1, 4.0, "Police", 0.5), (1, 4.0, "Drama", 0.1),
        (2, 8.0, "Car chase", 0.4),
    ]  # fmt: skip


def test_added_twice_nothing_changes(library: Path, tmp_path: Path) -> None:
    before = library.read_bytes()
    assert added(library, tmp_path / "tags") == (Added(same=4), [])
    assert added(library, tmp_path / "tags", tmp_path / "tags/chase.mkv.tags.json")[0].same == 4
    assert library.read_bytes() == before


def test_of_each_vocabulary_the_newest_report_counts(library: Path, tmp_path: Path) -> None:
    newer = report_of("chase.mkv", {"Drama": 0.8}, [{"Drama": 0.5}])
    newer = replace(newer, created="2026-02-02T03:04:05+02:00")
    file = put(newer, tmp_path / "again")
    assert added(library, file)[0] == Added(renewed=1)
    assert rows(library, "SELECT tag FROM tags JOIN films USING (film) WHERE name = 'chase.mkv'") == [("Drama",)]
    assert rows(library, "SELECT count(*) FROM shots JOIN films USING (film) WHERE name = 'chase.mkv'") == [(1,)]
    assert added(library, tmp_path)[0] == Added(same=5)  # the older one does not come back
    scenes = put(replace(CHASE, model=replace(CHASE.model, vocabulary="scenes")), tmp_path / "scenes")
    assert added(library, scenes)[0] == Added(added=1)
    assert rows(library, "SELECT count(*) FROM films") == [(4,)]
    older = put(replace(newer, created="2020-01-01", tags=(), shots=()), tmp_path / "again")  # the same file
    assert added(library, older)[0] == Added(renewed=1)
    assert added(library, older)[0] == Added(same=1)


def test_what_a_person_put_right_counts(library: Path, tmp_path: Path) -> None:
    correct(tmp_path / "tags/chase.mkv.tags.json", struck=["police"], added=["Wedding"])
    assert added(library, tmp_path / "tags")[0] == Added(renewed=1, same=3)
    asked = "SELECT tag, confidence FROM tags JOIN films USING (film) WHERE name = 'chase.mkv' ORDER BY rank"
    assert rows(library, asked) == [("Wedding", 1.0), ("Car chase", 0.9), ("Drama", 0.1), ("Police", 0.0)]
    with store.reading(library) as opened:
        (film,) = search.films(opened, Query(("wedding",))).first
    assert (film.film, film.shots) == ("chase.mkv", (0,))


def test_a_film_that_moved_is_known_and_a_copy_is_not_taken_for_it(library: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "one/chase.mkv", tmp_path / "two/other.mkv"
    for path in (first, second):
        path.parent.mkdir()
        path.write_bytes(bytes(CHASE.video.size_bytes))

    def tagged(path: Path) -> Path:
        video = replace(CHASE.video, path=str(path), name=path.name)
        return put(replace(CHASE, video=video), tmp_path / "reports", path.name)

    def now() -> str:
        ((name, path),) = rows(library, "SELECT name, path FROM films WHERE fingerprint = ?", CHASE.video.fingerprint)
        assert name == Path(path).name
        return str(path)

    assert added(library, tagged(first))[0] == Added(moved=1, same=1)
    assert now() == str(first)
    assert added(library, tagged(second))[0] == Added(same=1)  # both are there
    assert now() == str(first)
    newer = replace(read_report(tagged(second)), created="2026-06-01")
    assert added(library, put(newer, tmp_path / "newer"))[0] == Added(renewed=1)
    assert now() == str(first)
    first.unlink()
    assert added(library, tagged(second))[0] == Added(moved=1, same=1)
    assert now() == str(second)
    assert added(library, tmp_path / "reports")[0].moved == 0  # the report of the other place is still there
    assert now() == str(second)


def test_reports_that_were_moved_stay_known(library: Path, tmp_path: Path) -> None:
    (tmp_path / "tags").rename(tmp_path / "archive")
    assert added(library, tmp_path / "archive")[0] == Added(same=4)
    ((file,),) = rows(library, "SELECT file FROM reports JOIN films USING (film) WHERE name = 'chase.mkv'")
    assert file == str(tmp_path / "archive/chase.mkv.tags.json")


def test_a_film_beside_its_report_is_found(tmp_path: Path, own_library: Path) -> None:
    film = tmp_path / "out/chase.mkv"
    added(own_library, put(CHASE, tmp_path / "out"))
    film.write_bytes(bytes(CHASE.video.size_bytes))
    assert added(own_library, tmp_path / "out")[0].moved == 1
    assert rows(own_library, "SELECT path FROM films") == [(str(film),)]


BROKEN: dict[str, bytes] = {
    "no json": b"{", "other schema": b'{"schema": "movietags/9"}', "cut off": as_json(CHASE).encode()[:-50],
    "too large": as_json(CHASE).replace('"size_bytes": 10,', '"size_bytes": 99999999999999999999,').encode(),
}  # fmt: skip


@pytest.mark.parametrize("processes", [False, True])
def test_a_broken_report_costs_a_line(
    tmp_path: Path, own_library: Path, monkeypatch: pytest.MonkeyPatch, processes: bool
) -> None:
    monkeypatch.setattr("tagger.library.adding.ALONE", 0 if processes else 99)
    monkeypatch.setattr("tagger.library.adding.TOGETHER", 2)
    for report in FILMS:
        put(report, tmp_path / "tags")
    for name, body in BROKEN.items():
        (tmp_path / f"tags/{name}.tags.json").write_bytes(body)
    (tmp_path / "tags/pipe.tags.json").mkdir()
    shutil.copy(put(PATROL, tmp_path), tmp_path / "tags/right.tags.json")
    (tmp_path / "tags/right.corrections.json").write_text("[]")
    done, lines = added(own_library, tmp_path / "tags")
    assert (done.added, done.failed, done.same) == (4, len(BROKEN) + 1, 0)
    assert [Path(line.partition(": ")[0]).name for line in lines] == [
        *(f"{name}.tags.json" for name in sorted(BROKEN)[:2]), "other schema.tags.json", "right.corrections.json",
        "too large.tags.json",
    ]  # fmt: skip
    assert not any("\n" in line for line in lines)
    assert rows(own_library, "SELECT count(*) FROM films") == [(4,)]


def test_features_that_cannot_be_used_cost_a_line_and_no_film(tmp_path: Path, own_library: Path) -> None:
    put(QUIET, tmp_path)
    (tmp_path / "quiet.mkv.features.npz").write_bytes(b'"movietags-features/1"')
    done, (line,) = added(own_library, tmp_path)
    assert (done.added, done.failed) == (1, 1)
    assert "holds no features that could be read" in line and line.endswith("(the film was added without them)")
    put_features(QUIET, tmp_path / "quiet.mkv.tags.json", [[1.0, 2.0]])
    assert added(own_library, tmp_path) == (Added(renewed=1), [])
    assert rows(own_library, "SELECT network, mean FROM features") == [("compact/avg_pool", [1.0, 2.0])]


@settings(max_examples=5)
@given(reports=st.lists(REPORTS, min_size=1, max_size=2))
def test_any_reports_are_added_once_or_refused_in_a_line(
    tmp_path_factory: pytest.TempPathFactory, reports: list[TagReport]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    library, there = folder / "l.duckdb", [put(report, folder, str(i)) for i, report in enumerate(reports)]
    done, lines = added(library, *there)
    assert done.failed == len(lines) and not any("\n" in line for line in lines)
    assert done.added + done.renewed + done.same + done.failed == len(reports)
    before = everything(library) if library.exists() else None  # of none that could be added
    again, lines = added(library, *there)
    assert (again.added, again.moved, again.failed) == (0, 0, len(lines))
    assert before is None or everything(library) == before
