"""What a library finds: films and shots by tags, films like a film; what is in it, and what is taken out of it."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
import pytest
from batches import inside
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import CHASE, FILMS, PATROL, QUIET, TOONS, VIEWS, added, put, put_features, report_of, rows
from test_export import HOSTILE, hostile, old

import cli
from tagger.errors import BadReport, BadSettings, PathMissing
from tagger.frames import utf8
from tagger.library import overview, search, similar, store
from tagger.library.search import FoundShot, Query
from tagger.records import RankedTag, TagReport
from tagger.text import safe_cell
from tagger.vocabulary import slug


def found(library: Path, *wanted: str, **how: Any) -> list[str]:
    """The names of the films that show these tags."""
    with store.reading(library) as opened:
        return [film.film.partition(".")[0] for film in search.films(opened, Query(wanted, **how)).first]


def printed(*words: str) -> str:
    """What a command writes to stdout, as bytes too."""
    return CliRunner().invoke(cli.cli, words, catch_exceptions=False).stdout


def alike(library: Path, film: str, **how: Any) -> similar.Similar:
    with store.reading(library) as opened:
        return similar.similar(opened, film, **how)


def names(answer: similar.Similar) -> list[str]:
    return [film.film for film in answer.films]


# Search


def test_films_are_found_by_all_of_their_tags(library: Path) -> None:
    assert found(library, "car chase") == ["chase", "toons", "patrol"]  # in quiet.mkv no shot has it, nor is it sure
    assert found(library, "Car_Chase", "car-chase") == ["chase", "toons", "patrol"]
    assert found(library, "car chase", "police") == ["toons", "chase", "patrol"]  # the least sure of both counts
    assert found(library, "car chase", unwanted=("animation",)) == ["chase", "patrol"]
    assert found(library, "car chase", least=0.4) == ["chase", "toons"]
    assert found(library, "car chase", "police", unwanted=("animation",), least=0.6) == ["chase"]
    assert found(library, "car chase", unwanted=("police",), least=0.65) == ["chase"]  # of a film that shows less of it
    assert found(library, "car chase", least=0.0) == ["chase", "toons", "patrol", "quiet"]
    assert found(library, "animation", "drama") == []
    assert found(library, "car chase", top=1) == ["chase"]


def test_what_was_found_says_how_sure_and_in_how_many_shots(library: Path) -> None:
    with store.reading(library) as opened:
        answer = search.films(opened, Query(("police", "car chase"), top=2))
    assert (answer.tags, answer.total) == (("Police", "Car chase"), 3)
    assert [(film.confidence, film.confidences, film.shots) for film in answer.first] == [
        (0.7, (0.7, 0.85), (0, 1)), (0.6, (0.6, 0.9), (2, 2))
    ]  # fmt: skip


def test_shots_are_found_by_all_of_their_tags(library: Path) -> None:
    def shots(*wanted: str, **how: Any) -> list[tuple[str, int, float]]:
        with store.reading(library) as opened:
            return [
                (shot.film[:5], shot.shot, shot.probability)
                for shot in search.shots(opened, Query(wanted, **how)).first
            ]

    assert shots("car chase") == [("chase", 0, 0.7), ("chase", 2, 0.4), ("patro", 1, 0.3), ("toons", 0, 0.15)]
    assert shots("car chase", "police") == [("chase", 0, 0.2)]
    assert shots("car chase", unwanted=("animation", "police")) == [("chase", 2, 0.4), ("patro", 1, 0.3)]
    assert shots("car chase", least=0.4) == [("chase", 0, 0.7), ("chase", 2, 0.4)]
    with store.reading(library) as opened:
        answer = search.shots(opened, Query(("car chase", "police")))
        assert answer.first == (FoundShot("chase.mkv", "films/chase.mkv", 0, 0.0, 4.0, 0.2, (0.7, 0.2)),)
        assert search.shots(opened, Query(("car chase",), top=1)).total == 4


def test_films_of_several_vocabularies_are_found_once(library: Path, tmp_path: Path) -> None:
    scenes = report_of("quiet.mkv", {"car Chase": 0.95, "Kitchen": None}, [{"Kitchen": 0.9}], vocabulary="scenes")
    added(library, put(scenes, tmp_path / "scenes"))
    assert found(library, "car chase") == ["quiet", "chase", "toons", "patrol"]
    assert found(library, "car chase", "drama") == ["quiet", "chase"]  # of two vocabularies
    assert found(library, "car chase", vocabulary="movies50") == ["chase", "toons", "patrol"]
    assert found(library, "kitchen") == ["quiet"] and found(library, "kitchen", least=0.1) == []  # nobody says how sure
    with pytest.raises(
        BadSettings, match="vocabulary 'x': no film of the library has its tags, but of movies50, scenes"
    ):
        found(library, "car chase", vocabulary="x")


NAMES = ("Police", "Car chase", "Drama", "War")


def made_up(seed: int) -> TagReport:
    """A film whose numbers are drawn, some of them missing."""
    draw = random.Random(seed)
    tags = {name: draw.choice((None, 0.0, 0.5, round(draw.random(), 4))) for name in draw.sample(NAMES, 4)}
    shots = [
        {name: round(draw.random(), 5) for name in draw.sample(NAMES, draw.randint(0, 3))}
        for _ in range(draw.randint(0, 6))
    ]
    return report_of(f"{seed}.mkv", tags, shots)


MADE_UP = tuple(map(made_up, range(30)))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A library of them."""
    folder = tmp_path_factory.mktemp("drawn")
    assert added(folder / "library.duckdb", *(put(report, folder) for report in MADE_UP))[0].added == len(MADE_UP)
    with store.reading(folder / "library.duckdb") as opened:
        yield opened


SOME = st.lists(st.sampled_from(NAMES), unique=True).map(tuple)
QUERIES = st.builds(Query, SOME.filter(len), SOME, st.none() | st.sampled_from((0.0, 0.3, 0.5, 1.0)), top=st.just(999))


@settings(max_examples=40)
@given(query=QUERIES)
def test_films_are_found_as_one_would_find_them_by_hand(drawn: duckdb.DuckDBPyConnection, query: Query) -> None:
    def sure(tag: RankedTag) -> bool:
        return tag.confidence is not None and tag.confidence >= (0.5 if query.least is None else query.least)

    def shows(tag: RankedTag) -> bool:
        return sure(tag) or (query.least is None and tag.frames > 0)

    expected = []
    for report in MADE_UP:
        tags = {tag.tag: tag for tag in report.tags}
        own = [tags[name] for name in query.wanted]
        if all(map(shows, own)) and not any(sure(tags[name]) for name in query.unwanted):
            said = [tag.confidence for tag in own if tag.confidence is not None]
            least = min(said) if len(said) == len(own) else None
            order = (least is None, -(least or 0.0), -sum(tag.frames for tag in own), report.video.path)
            expected.append((order, report.video.name, least))
    answer = search.films(drawn, query)
    assert [(film.film, film.confidence) for film in answer.first] == [
        (name, least) for _, name, least in sorted(expected)
    ]
    assert answer.total == len(expected)


@settings(max_examples=40)
@given(query=QUERIES)
def test_shots_are_found_as_one_would_find_them_by_hand(drawn: duckdb.DuckDBPyConnection, query: Query) -> None:
    expected = []
    for report in MADE_UP:
        for shot in report.shots:
            has = {tag.slug: tag.probability for tag in shot.tags if tag.probability >= (query.least or 0.0)}
            wanted = [has.get(slug(name)) for name in query.wanted]
            if None not in wanted and not any(slug(name) in has for name in query.unwanted):
                expected.append((-min(share for share in wanted if share is not None), report.video.name, shot.index))
    answer = search.shots(drawn, query)
    found = [(-shot.probability, shot.film, shot.shot) for shot in answer.first]
    assert sorted(found) == sorted(expected) and [share for share, *_ in found] == sorted(share for share, *_ in found)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["car chaise"], "tag 'car chaise': no film of the library has such a tag, but car-chase"),
        (["police", "--not", "\n"], r"tag '\n': no film of the library has such a tag"),
        (["police", "--min", "2"], "min = 2.0: from 0 to 1"),
        (["police", "--min", "nan"], "min = nan: from 0 to 1"),
    ],
)
def test_what_cannot_be_looked_for_is_one_line(library: Path, words: list[str], why: str) -> None:
    done = inside("library", "search", *words)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr == f"movietags: error: {why}\n"


def test_a_tag_that_nothing_knows_is_said_to_be_none(own_library: Path, tmp_path: Path) -> None:
    tags = tuple(replace(tag, trained=False, frames=0, confidence=0.0) for tag in QUIET.tags)
    added(own_library, put(replace(QUIET, tags=tags), tmp_path))
    done = inside("library", "search", "car chase")
    assert "Car chase: nothing here was trained for it" in done.stderr and done.stdout == "no film\n"


def test_the_command_shows_a_table_csv_or_json(library: Path) -> None:
    words = ("library", "search", "car chase", "--and", "police", "--top", "2")
    assert inside(*words).stdout.splitlines() == [
        "film             Car chase  shots  Police  shots  length",
        "films/toons.mkv       0.85      1    0.70      0   00:08",
        "films/chase.mkv       0.90      2    0.60      2   00:08",
        "2 of 3 films, sure in 2 of these",
    ]
    assert inside(*words, "--shots").stdout.splitlines() == [
        "film              from     to  Car chase  Police", "films/chase.mkv  00:00  00:04       0.70    0.20", "1 shot"
    ]  # fmt: skip
    (row, _) = csv.DictReader(io.StringIO(inside(*words, "--format", "csv").stdout))
    assert row == {
        "film": "toons.mkv", "path": "films/toons.mkv", "duration_s": "8.0", "confidence": "0.7",
        "confidence_car-chase": "0.85", "shots_car-chase": "1", "confidence_police": "0.7", "shots_police": "0",
    }  # fmt: skip
    (shot,) = json.loads(inside(*words, "--shots", "--format", "json").stdout)["shots"]
    assert shot == {
        "film": "chase.mkv", "path": "films/chase.mkv", "shot": 0, "start_s": 0.0, "end_s": 4.0, "probability": 0.2,
        "probability_car-chase": 0.7, "probability_police": 0.2,
    }  # fmt: skip


@pytest.mark.parametrize("odd", [hostile, old])
def test_what_a_report_says_is_data(own_library: Path, tmp_path: Path, odd: Callable[[], TagReport]) -> None:
    report = odd()
    assert added(own_library, put(report, tmp_path, "x"))[1] == []
    tag = report.tags[0].slug
    for words in (["search", tag], ["search", tag, "--shots"], ["stats"], ["similar", str(tmp_path / "x.tags.json")]):
        done = inside("library", *words)
        assert done.returncode == 0 and "\r" not in done.stdout + done.stderr and "\udcff" not in done.stdout
        for form in ("csv", "json"):
            text = inside("library", *words, "--format", form).stdout
            cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row] if form == "csv" else []
            assert not any(cell.startswith(("=", "@")) or "\n" in cell for cell in cells)
            assert form == "csv" or json.loads(text)["tool"]
    (row,) = csv.DictReader(io.StringIO(printed("library", "export", "-o", "-"), newline=""))
    assert row["film"] == ("x.mp4" if odd is old else safe_cell(utf8(HOSTILE)))
    inside("library", "forget", report.video.name)
    with store.reading(own_library) as opened:
        assert overview.stats(opened, own_library).films == 0


def test_a_name_cannot_leave_its_place_in_sql(own_library: Path, tmp_path: Path) -> None:
    name = "'); DROP TABLE store.films; --"
    added(own_library, put(report_of(name, {name: 0.9}, [{name: 0.5}]), tmp_path, "x"))
    assert inside("library", "search", name).stdout.startswith("film")
    assert inside("library", "similar", name).stdout == "by tags of movies50, of 0 other films\n"
    inside("library", "export", "-o", tmp_path / "it's.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "it's.parquet").to_pylist()[0]["film"] == name
    assert inside("library", "forget", name).stdout.endswith("1 forgotten\n")
    assert rows(own_library, "FROM films") == []


# Similar


def test_films_are_alike_by_their_tags(library: Path) -> None:
    answer = alike(library, "chase.mkv")
    assert (answer.by, answer.compared) == ("tags of movies50", 3)
    assert names(answer) == ["patrol.mkv", "quiet.mkv", "toons.mkv"]
    # Mean probabilities by rank: chase (1/2, 1/4, 1/6) and patrol (1/4, 1/2), of Car chase, Police, Drama.
    expected = (1 / 2 * 1 / 4 + 1 / 4 * 1 / 2) / ((1 / 4 + 1 / 16 + 1 / 36) ** 0.5 * (1 / 16 + 1 / 4) ** 0.5)
    assert answer.films[0].likeness == pytest.approx(expected)
    assert answer.films[0].tags == ("Police", "Car chase")
    assert names(alike(library, "CHASE", top=1)) == ["patrol.mkv"]


@pytest.fixture
def with_features(tmp_path: Path, library: Path) -> Path:
    """Chase, toons and patrol have features; by these chase is like toons."""
    for report, values in ((CHASE, [[2, 0], [4, 0], [0, 0]]), (TOONS, [[2, 0.1]]), (PATROL, [[0, 1], [1, 1]])):
        put_features(report, tmp_path / f"tags/{report.video.name}.tags.json", values)
    assert added(library, tmp_path / "tags")[0].renewed == 3
    return library


def test_films_are_alike_by_features_where_they_were_kept(with_features: Path) -> None:
    answer = alike(with_features, "chase.mkv")
    assert (answer.by, answer.compared, names(answer)) == (
        "features of compact/avg_pool",
        2,
        ["toons.mkv", "patrol.mkv"],
    )
    assert answer.films[1].likeness == pytest.approx(0.5 / (0.25 + 1) ** 0.5)
    assert names(alike(with_features, "chase.mkv", by="tags"))[0] == "patrol.mkv"
    assert alike(with_features, "quiet.mkv").by == "tags of movies50"
    with pytest.raises(BadSettings, match="quiet.mkv: no features of it are in the library: .*--keep-features"):
        alike(with_features, "quiet.mkv", by="features")
    done = inside("library", "similar", "chase.mkv", "--top", "1").stdout.splitlines()
    assert done[1].split(None, 2) == ["films/toons.mkv", "1.00", "Animation, Car chase, Police"]
    assert done[-1] == "by features of compact/avg_pool, of 2 other films"


def test_a_film_is_known_by_name_path_report_and_content(with_features: Path, tmp_path: Path) -> None:
    expected = names(alike(with_features, "chase.mkv"))
    for asked in ("films/chase.mkv", "chase", str(tmp_path / "tags/chase.mkv.tags.json")):
        assert names(alike(with_features, asked)) == expected
    other = put(replace(report_of("new.mkv", {"Police": 0.9}, [{"Police": 1.0}])), tmp_path / "new")
    assert names(alike(with_features, str(other), by="tags"))[0] == "patrol.mkv"  # which is not in the library
    put_features(report_of("new.mkv", {}, [{}]), other, [[1, 0]])
    assert names(alike(with_features, str(other)))[0] == "chase.mkv"
    from tagger.files import fingerprint

    film = tmp_path / "renamed.mp4"
    film.write_bytes(b"a film")
    video = replace(QUIET.video, fingerprint=fingerprint(film), name="other.mkv", path="gone/other.mkv")
    added(with_features, put(replace(QUIET, video=video), tmp_path / "other"))
    assert names(alike(with_features, str(film)))[0] == "quiet.mkv"


def test_a_film_that_is_not_known_is_one_line(library: Path, tmp_path: Path) -> None:
    with pytest.raises(PathMissing, match="chase.mk: no film of this name, path or content .*, but chase.mkv"):
        alike(library, "chase.mk")
    with pytest.raises(PathMissing, match="HASE.: no film of this name, path or content .*, but chase.mkv$"):
        alike(library, "HASE.")
    with pytest.raises(PathMissing, match="nothing: no film of this name, path or content is in the library$"):
        alike(library, "nothing")
    video = replace(QUIET.video, fingerprint="1" * 32, name="chase.avi", path="elsewhere/chase.mkv")
    added(library, put(replace(QUIET, video=replace(video, name="chase.mkv")), tmp_path / "second"))
    with pytest.raises(BadSettings, match="2 films are called so: .*: elsewhere/chase.mkv, films/chase.mkv"):
        alike(library, "chase")
    broken = tmp_path / "x.tags.json"
    broken.write_text("{}")
    with pytest.raises(BadReport, match="schema None"):
        alike(library, str(broken))


# What is in it


def test_stats_say_what_is_in_it(with_features: Path) -> None:
    done = inside("library", "stats").stdout.splitlines()
    assert [line.split()[1:] for line in done[1:5]] == [
        ["4", "(3", "with", "features)"],
        ["0.0"],
        ["7"],
        ["movies50", "4"],
    ]
    assert [line.split() for line in done[6:]] == [
        ["tags", "of", "movies50", "sure", "films", "shots"], ["Police", "3", "2", "3"],
        ["Car", "chase", "2", "3", "4"],
        ["Drama", "1", "2", "2"], ["Animation", "1", "1", "1"],
    ]  # fmt: skip
    told = json.loads(inside("library", "stats", "--format", "json").stdout)
    assert (told["films"], told["shots"], told["duration_s"]) == (4, 7, 32.0)
    assert told["tags"][0] == {"vocabulary": "movies50", "tag": "Police", "sure": 3, "films": 2, "shots": 3}


def test_an_empty_library_answers_too(library: Path) -> None:
    inside("library", "forget", *(report.video.name for report in FILMS))
    assert inside("library", "stats").stdout.splitlines()[1] == "films         0 (0 with features)"
    assert inside("library", "search", "police").stdout == "no film\n"
    assert len(printed("library", "export", "-o", "-").splitlines()) == 1


def test_the_table_of_films_is_the_same_in_all_formats(library: Path, tmp_path: Path) -> None:
    for ending in ("csv", "json", "parquet"):
        assert inside("library", "export", "-o", tmp_path / f"films.{ending}").returncode == 0
    table = pyarrow.parquet.read_table(tmp_path / "films.parquet").to_pylist()
    told = json.loads((tmp_path / "films.json").read_text())["films"]
    with (tmp_path / "films.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert list(cells[0]) == list(told[0]) == list(table[0])
    assert [row["film"] for row in table] == sorted(report.video.name for report in FILMS)
    assert table[0]["tags"] == told[0]["tags"] == ["Car chase", "Police", "Drama"]
    assert table[0]["sure"] == told[0]["sure"] == cells[0]["sure"].split("; ") == ["Car chase", "Police"]
    assert table[0]["created"].isoformat() == told[0]["created"] == cells[0]["created"]
    assert cells == list(csv.DictReader(io.StringIO(printed("library", "export", "-o", "-"), newline="")))


@pytest.mark.parametrize(
    ("name", "code", "why"), [("x.xlsx", 2, "ends in none of .csv, .json"), ("no/x.csv", 1, "no such folder")]
)
def test_a_table_that_cannot_be_written_is_one_line(
    library: Path, tmp_path: Path, name: str, code: int, why: str
) -> None:
    done = inside("library", "export", "-o", tmp_path / name)
    assert done.returncode == code and why in done.stderr and len(done.stderr.splitlines()) == 1


def test_no_table_is_written_over_the_library(own_library: Path, tmp_path: Path) -> None:
    place, link = tmp_path / "films.csv", tmp_path / "link.json"
    added(place, put(CHASE, tmp_path / "tags"))
    link.symlink_to(place)
    before = place.read_bytes()
    for output in (place, link):
        done = CliRunner().invoke(cli.cli, ["library", "export", "-l", str(place), "-o", str(output)])
        assert done.exit_code == 2 and f"--output {output} is the library itself" in done.output
    assert place.read_bytes() == before


def test_more_than_can_be_counted_is_refused(library: Path) -> None:
    for words in (["search", "police"], ["search", "police", "--shots"], ["similar", "chase"]):
        done = CliRunner().invoke(cli.cli, ["library", *words, "--top", str(10**30)])
        assert done.exit_code == 2 and "is not in the range" in done.output
        assert inside("library", *words, "--top", str(2**31 - 1)).returncode == 0


def test_what_is_forgotten_is_in_no_view(library: Path, tmp_path: Path) -> None:
    assert inside("library", "forget", "chase", "films/toons.mkv").stdout.endswith(": 2 forgotten\n")
    assert [rows(library, f"SELECT count(DISTINCT film) FROM {view}")[0][0] for view in VIEWS] == [2, 2, 2, 2, 2, 0]
    done = inside("library", "forget", "patrol", "nobody")
    assert done.returncode == 1 and found(library, "police") == ["patrol"]  # all or none
    assert CliRunner().invoke(cli.cli, ["library", "forget"]).exit_code == 2
    assert added(library, tmp_path / "tags")[0].added == 2


def test_films_that_are_gone_are_forgotten_but_not_those_of_a_disk_that_is_away(library: Path, tmp_path: Path) -> None:
    assert inside("library", "forget", "--gone").stdout.endswith(": 0 forgotten\n")  # nobody knows where they were
    for report in (CHASE, PATROL, QUIET):
        (tmp_path / "tags" / report.video.name).write_bytes(bytes(report.video.size_bytes))
    assert added(library, tmp_path / "tags")[0].moved == 3
    (tmp_path / "tags/chase.mkv").unlink()
    assert inside("library", "forget", "--gone").stdout.endswith(": 1 forgotten\n")
    assert found(library, "police") == ["patrol", "toons"]
    for name in ("patrol.mkv", "quiet.mkv"):
        (tmp_path / "tags" / name).unlink()
    done = inside("library", "forget", "--gone")
    assert done.stdout.endswith(": 0 forgotten\n")
    assert "no film of it is there, as if its disk were not mounted: 2 films" in done.stderr
    with store.writing(library) as opened:
        opened.execute("UPDATE store.films SET disk = '/no such disk' WHERE disk != ''")
    assert "/no such disk: is not mounted: 2 films" in inside("library", "forget", "--gone").stderr
