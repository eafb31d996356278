"""`movietags compare`: agreement against hand-counted figures, what differs besides the films, tables of pairs."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import media
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger import Tagger, write_report
from tagger.commands.compare import compare as command
from tagger.compare.agreement import Agreement, Sure, compare, compare_files
from tagger.compare.charts import compared_png, pairs_png
from tagger.compare.folder import make_room, write, write_pairs
from tagger.compare.pairs import Pair, PairAgreement, PairsAgreement, compare_pair, read_pairs
from tagger.compare.tables import as_pairs_table, as_table
from tagger.errors import BadPairs, BadPath, BadReport, OutputRefused
from tagger.records import Keyframe, ModelInfo, RankedTag, Scan, TaggedShot, TagReport, Timing
from tagger.reports.json_report import as_json
from tagger.settings import Settings
from tagger.video_info import Declared, Observed, VideoInfo

PNG_START = b"\x89PNG\r\n\x1a\n"
BLUE, ORANGE, VERMILION = (0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00), (0xD5, 0x5E, 0x00)
TAGS = ("War", "Car chase", "Drama", "Horror", "Nudity")
SETTINGS: dict[str, str | int | float | None] = {"detector": "learned", "scan": "auto", "device": "auto"}


def film_of(name: str, *weights: float, untrained: tuple[str, ...] = (), tags: tuple[str, ...] = TAGS) -> TagReport:
    """A report of a film of a minute and a half in which the tags have these weights, in the order of `TAGS`."""
    highest = max(weights, default=0) or 1
    order = sorted(range(len(weights)), key=lambda place: -weights[place])
    ranked = tuple(
        RankedTag(rank, tags[i], tags[i].lower().replace(" ", "-"), weights[i] / highest, weights[i], 1, 0.1,
                  tags[i] not in untrained)
        for rank, i in enumerate(order, 1)
    )  # fmt: skip
    declared, observed = Declared(90.0, None, 25.0), Observed(90.0, 320, 180, 2250, 0)
    return TagReport(
        created="2026-01-02T03:04:05+00:00",
        version="0.1.0",
        video=VideoInfo(f"films/{name}", name, 10, "0" * 32, "h264", 25.0, declared, observed),
        model=ModelInfo("movies50", "compact/avg_pool", "a" * 64, "b" * 64),
        settings=SETTINGS,
        tags=ranked,
        shots=(TaggedShot(0, 0.0, 90.0, 0, 2250, Keyframe(1125, 45.0, 0, 7.1, True), ()),),
        status="ok",
        scan=Scan("auto", "full", "the film is short"),
        timing=Timing(2.0, 1.0, 1.5, 0.5, 4.0),
    )


TRAILER = film_of("trailer.mp4", 4.0, 3.0, 2.0, 0.0, 0.0)
FILM = film_of("film.mp4", 3.0, 4.0, 0.0, 1.0, 0.0)


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """A folder with reports of a trailer and its film, and of a film in which nothing was found."""
    found = {"trailer": TRAILER, "film": FILM, "nothing": film_of("nothing.mp4", *[0.0] * 5)}
    for name, report in found.items():
        write_report(report, tmp_path / f"{name}.tags.json")
    return tmp_path


def run(*words: str | Path) -> Result:
    done = CliRunner().invoke(command, [str(word) for word in words])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


def colour_share(path: Path, colour: tuple[int, int, int]) -> float:
    """The share of a picture's pixels that have just this colour."""
    picture = cv2.imread(str(path))
    assert picture is not None
    return float((picture == colour[::-1]).all(axis=2).mean())


def test_agreement_by_hand() -> None:
    found = compare(TRAILER, FILM)
    assert [(one.first, one.possible, one.slugs) for one in found.shared] == [
        (3, 3, ("car-chase", "war")),
        (5, 3, ("car-chase", "war")),
        (10, 3, ("car-chase", "war")),
    ]
    # Ten pairs of tags. Concordant: war and chase above nudity, war above horror, chase above drama and horror, and war
    # above drama (6); discordant: war and chase, drama and horror (2). One is tied in each film: horror and nudity,
    # drama and nudity.
    assert found.tau_b == pytest.approx((6 - 2) / (9 * 9) ** 0.5)
    assert found.ranked == 5


def test_rows_are_strongest_first_with_ranks_scores_and_difference() -> None:
    found = compare(TRAILER, FILM)
    rows = [(tag.slug, tag.rank_a, tag.rank_b, tag.score_a, tag.score_b, tag.difference) for tag in found.tags]
    assert rows == [
        ("car-chase", 2, 1, 0.75, 1.0, 0.25),
        ("war", 1, 2, 1.0, 0.75, -0.25),
        ("drama", 3, 4, 0.5, 0.0, -0.5),
        ("horror", 4, 3, 0.0, 0.25, 0.25),
        ("nudity", 5, 5, 0.0, 0.0, 0.0),
    ]


def test_a_tag_without_weight_is_no_top_tag_whatever_its_rank() -> None:
    found = compare(film_of("a", 1.0, 0.0, 0.0, 0.0, 0.0), film_of("b", 3.0, 2.0, 1.0, 0.0, 0.0))
    assert [(one.possible, one.slugs) for one in found.shared] == [(1, ("war",))] * 3
    assert [tag.slug for tag in found.top(5)] == ["war", "car-chase", "drama"]


def test_a_film_agrees_with_itself() -> None:
    found = compare(TRAILER, TRAILER)
    assert found.tau_b == 1
    assert found.shared[0].slugs == ("war", "car-chase", "drama")
    assert {tag.difference for tag in found.tags} == {0}


WEIGHTS = st.lists(st.integers(0, 4), min_size=5, max_size=5)


@given(WEIGHTS, WEIGHTS)
@settings(deadline=None)
def test_agreement_is_the_same_from_both_sides(some: list[int], others: list[int]) -> None:
    a, b = film_of("a", *map(float, some)), film_of("b", *map(float, others))
    there, back = compare(a, b), compare(b, a)
    assert there.tau_b == back.tau_b
    assert (there.tau_b is None) == (len({*some}) == 1 or len({*others}) == 1)
    assert [set(one.slugs) for one in there.shared] == [set(one.slugs) for one in back.shared]
    assert {tag.slug: tag.difference for tag in there.tags} == {tag.slug: -tag.difference for tag in back.tags}


def test_tags_that_one_film_was_not_asked_for_do_not_count_in_tau_b() -> None:
    a = film_of("a", 4.0, 3.0, 2.0, 0.0, 0.0)
    b = film_of("b", 4.0, 3.0, 0.0, 0.0, 0.0, untrained=("Drama", "Nudity"))
    found = compare(a, b)
    assert found.ranked == 3
    assert found.tau_b == 1  # drama, which only a could have, would lower it
    assert [tag.slug for tag in found.tags if not tag.trained] == ["drama", "nudity"]
    everything = compare(a, film_of("b", 4.0, 3.0, 0.0, 0.0, 0.0)).tau_b
    assert everything is not None
    assert everything < 1
    nobody = film_of("b", 4.0, 3.0, 0.0, 0.0, 0.0, untrained=TAGS)
    assert compare(a, nobody).tau_b is None


def test_reports_of_other_tags_are_refused_in_one_line() -> None:
    other = film_of("other.mp4", 1.0, 0.5, 0.0, 0.0, 0.0, tags=("War", "Car chase", "Drama", "Horror", "Romance"))
    message = "films/trailer.mp4 and films/other.mp4 are of different tags .* in only one of them: 2, such as nudity"
    with pytest.raises(BadReport, match=message) as caught:
        compare(TRAILER, other)
    assert "\n" not in str(caught.value)


def test_what_differs_besides_the_films_is_named() -> None:
    assert compare(TRAILER, FILM).differs == ()
    here = replace(FILM, settings=SETTINGS | {"device": "gpu", "batch_size": 64, "scan": "full"})
    assert compare(TRAILER, here).differs == ()  # where the work was done, and what was asked but not what was used
    other = replace(
        FILM,
        settings=SETTINGS | {"detector": "hash", "min_shot_s": 2.0},
        scan=Scan("auto", "fast", "the film is long"),
        model=replace(FILM.model, head_sha256="c" * 64),
        status="truncated",
    )
    assert [str(one) for one in compare(TRAILER, other).differs] == [
        f"head_sha256 {'a' * 28} and {'c' * 28}",
        "scan full and fast",
        "status ok and truncated",
        "detector learned and hash",
        "min_shot_s unknown and 2.0",
    ]


def test_table_for_people() -> None:
    assert as_table(compare(TRAILER, FILM), 2).splitlines() == [
        "A trailer.mp4 (01:30), B film.mp4 (01:30)",
        "shared of the first 2 or fewer: 2 of 2: car-chase, war",
        "shared of the first 3 or fewer: 2 of 3: car-chase, war",
        "shared of the first 5 or fewer: 2 of 3: car-chase, war",
        "shared of the first 10 or fewer: 2 of 3: car-chase, war",
        "Kendall's tau-b over 5 trained tags: 0.44",
        "tag        rank A  score A  rank B  score B  B - A",
        "Car chase       2     0.75       1     1.00  +0.25",
        "War             1     1.00       2     0.75  -0.25",
    ]
    rows = as_table(compare(TRAILER, FILM), 10).splitlines()
    assert rows[8].split() == ["Drama", "3", "0.50", "-", "0.00", "-0.50"]  # not found in B: no rank
    assert len(rows) == 10


def as_sure(report: TagReport, *told: float | None) -> TagReport:
    """The report with this confidence, in the order of `TAGS`."""
    of = dict(zip(TAGS, told, strict=True))
    return replace(report, tags=tuple(replace(tag, confidence=of[tag.tag]) for tag in report.tags))


SURE_TRAILER, SURE_FILM = as_sure(TRAILER, 0.9, 0.5, 0.8, 0.1, 0.0), as_sure(FILM, 0.7, 0.95, 0.499, 0.6, 0.0)


def test_what_both_films_are_sure_of_is_named_and_what_one_is() -> None:
    found = compare(SURE_TRAILER, SURE_FILM)
    assert found.sure == Sure(("war", "car-chase"), ("drama",), ("horror",))
    back = compare(SURE_FILM, SURE_TRAILER).sure
    assert back == Sure(("war", "car-chase"), ("horror",), ("drama",))
    assert list(found.notes()) == []
    shown = as_table(found, 10).splitlines()
    assert shown[4:9] == [
        "sure in both: 2: war, car-chase",
        "sure in A alone: 1: drama",
        "sure in B alone: 1: horror",
        "Kendall's tau-b over 5 trained tags: 0.44",
        "tag        rank A  score A  rank B  score B  B - A  confidence A  confidence B",
    ]
    assert shown[11].split() == ["Drama", "3", "0.50", "-", "0.00", "-0.50", "0.80", "0.49"]  # and not 0.50
    nothing = as_table(compare(as_sure(TRAILER, *[0.1] * 5), SURE_FILM), 2)
    assert "sure in both: 0\nsure in A alone: 0\nsure in B alone: 3: car-chase, war, horror\n" in nothing


def test_a_report_that_does_not_say_it_is_compared_and_named(places: Path) -> None:
    found = compare(SURE_TRAILER, FILM)
    assert found.sure is None
    (note,) = found.notes()
    assert note.startswith("film.mp4: its report does not say how sure its tags are")
    shown = as_table(found, 10)
    assert "sure in" not in shown
    assert shown.splitlines()[6].split() == ["Car", "chase", "2", "0.75", "1", "1.00", "+0.25", "0.50", "-"]
    write_report(SURE_TRAILER, places / "told.tags.json")
    (places / "pairs.csv").write_text("a,b\ntold.tags.json,film.tags.json\nfilm.tags.json,film.tags.json\n")
    one, many = run(places / "told.tags.json", places / "film.tags.json"), run("--pairs", places / "pairs.csv")
    assert (one.exit_code, one.stderr) == (0, f"movietags: {note}\n")
    assert many.stderr == f"movietags: {places / 'pairs.csv'}: row 2: {note}\n"
    assert run(places / "told.tags.json", places / "film.tags.json", "-q").stderr == ""
    neither = compare(TRAILER, FILM)  # as it was before there was confidence
    assert (neither.sure, list(neither.notes())) == (None, [])
    assert "confidence" not in as_table(neither, 10)


def test_tags_of_which_one_report_does_not_say_it_are_sure_nowhere() -> None:
    half = as_sure(FILM, None, 0.9, None, 0.8, None)
    assert compare(SURE_TRAILER, half).sure == Sure(("car-chase",), (), ("horror",))  # war: who knows
    apart = compare(as_sure(TRAILER, 0.9, None, None, None, None), as_sure(FILM, None, 0.9, None, None, None))
    assert (apart.sure, list(apart.notes())) == (None, [])


def test_files_hold_how_sure_both_are(tmp_path: Path) -> None:
    found = compare(SURE_TRAILER, as_sure(FILM, 0.7, 0.95, None, 0.6, 0.0))
    write(found, 10, tmp_path)
    document = json.loads((tmp_path / "compared.json").read_text())
    assert document["sure"] == {"both": ["war", "car-chase"], "only_a": [], "only_b": ["horror"]}
    assert [document[side]["says_confidence"] for side in "ab"] == [True, True]
    assert list(document["tags"][0])[-2:] == ["confidence_a", "confidence_b"]
    rows = list(csv.reader(io.StringIO((tmp_path / "compared.csv").read_text())))
    assert [row[-2:] for row in rows[:4]] == [
        ["confidence_a", "confidence_b"], ["0.5", "0.95"], ["0.9", "0.7"], ["0.8", ""],
    ]  # fmt: skip


def test_a_difference_of_nothing_has_no_sign_of_its_own() -> None:
    near = replace(FILM, tags=tuple(replace(tag, score=max(0.0, tag.score - 1e-9)) for tag in FILM.tags))
    assert "-0.00" not in as_table(compare(FILM, near), 10)


def test_pairs_count_what_is_sure_where_any_says_it(tmp_path: Path) -> None:
    pairs = named(compare(SURE_TRAILER, SURE_FILM), compare(TRAILER, FILM), compare(SURE_FILM, SURE_FILM))
    assert [average.what for average in pairs.averages[-2:]] == ["sure in both", "tau-b"]
    assert (pairs.averages[-2].pairs, pairs.averages[-2].mean) == (2, 2.5)
    _, header, *rows = as_pairs_table(pairs).splitlines()
    assert header.split()[-4:] == ["sure", "in", "both", "tau-b"]
    assert [row.split()[-2:] for row in rows[:-1]] == [["2", "0.44"], ["-", "0.44"], ["3", "1.00"]]
    write_pairs(pairs, tmp_path)
    table = list(csv.DictReader(io.StringIO((tmp_path / "pairs.csv").read_text())))
    assert [[row[name] for name in ("sure_both", "sure_a", "sure_b")] for row in table] == [
        ["2", "1", "1"], ["", "", ""], ["3", "0", "0"],
    ]  # fmt: skip
    assert json.loads((tmp_path / "pairs.json").read_text())["pairs"][1]["agreement"]["sure"] is None


def test_where_nothing_was_found_tau_b_is_undefined(tmp_path: Path) -> None:
    nothing = film_of("two\nlines.mp4", *[0.0] * 5)
    shown = as_table(compare(nothing, nothing), 10).splitlines()
    assert shown[0] == "A two\\x0alines.mp4 (01:30), B two\\x0alines.mp4 (01:30)"
    assert shown[-2:] == ["Kendall's tau-b over 5 trained tags: -", "no tag has any weight"]
    write(compare(nothing, FILM), 10, tmp_path)
    assert json.loads((tmp_path / "compared.json").read_text())["tau_b"] is None
    assert (tmp_path / "compared.png").read_bytes().startswith(PNG_START)


def test_files_hold_all_there_is_to_know(tmp_path: Path) -> None:
    unsafe = replace(TRAILER, tags=tuple(replace(tag, tag=f"={tag.tag}") for tag in TRAILER.tags))
    found = compare(unsafe, FILM)
    write(found, 10, tmp_path)
    document = json.loads((tmp_path / "compared.json").read_text())
    assert document["tau_b"] == found.tau_b
    assert [document[side]["name"] for side in "ab"] == ["trailer.mp4", "film.mp4"]
    assert document["shared"][0] == {"first": 3, "possible": 3, "slugs": ["car-chase", "war"]}
    assert [tag["slug"] for tag in document["tags"]] == [tag.slug for tag in found.tags]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "compared.csv").read_text())))
    assert [row["tag"] for row in rows] == ["'=Car chase", "'=War", "'=Drama", "'=Horror", "'=Nudity"]
    assert rows[2] == {
        "tag": "'=Drama", "slug": "drama", "rank_a": "3", "rank_b": "", "score_a": "0.5", "score_b": "0.0",
        "difference": "-0.5", "weight_a": "2.0", "weight_b": "0.0", "trained": "true",
        "confidence_a": "", "confidence_b": "",
    }  # fmt: skip


def test_the_chart_has_a_bar_for_each_film(tmp_path: Path) -> None:
    odd = replace(TRAILER, video=replace(TRAILER.video, name="_$\\frac{a}$ \u6620\u753b.mp4"))
    compared_png(compare(odd, FILM), 10, tmp_path / "both.png")
    compared_png(compare(odd, film_of("nothing.mp4", *[0.0] * 5)), 10, tmp_path / "one.png")
    blue, orange = (colour_share(tmp_path / "both.png", colour) for colour in (BLUE, ORANGE))
    assert blue > 0.05
    assert orange > 0.05
    assert colour_share(tmp_path / "one.png", ORANGE) < orange / 5  # no more than what says so below


def test_a_chart_of_a_thousand_tags_stays_a_picture(tmp_path: Path) -> None:
    tags = tuple(f"tag {number}" for number in range(1000))
    many = film_of("many.mp4", *(float(number) for number in range(1000, 0, -1)), tags=tags)
    compared_png(compare(many, many), 1000, tmp_path / "many.png")
    picture = cv2.imread(str(tmp_path / "many.png"))
    assert picture is not None
    assert picture.shape[0] < 2500


def named(*found: Agreement) -> PairsAgreement:
    return PairsAgreement.of([PairAgreement(row, f"pair {row}", one) for row, one in enumerate(found, 2)])


def test_means_over_pairs_leave_out_what_is_undefined() -> None:
    nothing = film_of("nothing.mp4", *[0.0] * 5)
    pairs = named(compare(TRAILER, FILM), compare(TRAILER, TRAILER), compare(nothing, FILM))
    three, *_, tau_b = pairs.averages
    assert (three.what, three.pairs) == ("first 3", 3)
    assert three.mean == pytest.approx(5 / 3)
    assert three.deviation == pytest.approx(np.std([2, 3, 0], ddof=1))
    assert (tau_b.what, tau_b.pairs) == ("tau-b", 2)
    assert tau_b.mean == pytest.approx((4 / 9 + 1) / 2)
    assert [line.split() for line in as_pairs_table(pairs).splitlines()[1:]] == [
        ["pair", "first", "3", "first", "5", "first", "10", "tau-b"],
        ["pair", "2", "2", "2", "2", "0.44"],
        ["pair", "3", "3", "3", "3", "1.00"],
        ["pair", "4", "0", "0", "0", "-"],
        ["mean", "±", "deviation", *["1.67", "±", "1.53"] * 3, "0.72", "±", "0.39"],
    ]


def test_one_pair_has_no_deviation() -> None:
    nothing = film_of("nothing.mp4", *[0.0] * 5)
    pairs = named(compare(nothing, FILM))
    assert pairs.averages[0].deviation is None
    assert pairs.averages[-1].mean is None
    assert as_pairs_table(pairs).splitlines()[-1].split() == ["mean", "±", "deviation", "0.00", "0.00", "0.00", "-"]


def test_files_of_pairs(tmp_path: Path) -> None:
    pairs = named(compare(TRAILER, FILM), compare(film_of("=nothing.mp4", *[0.0] * 5), FILM))
    write_pairs(pairs, tmp_path)
    document = json.loads((tmp_path / "pairs.json").read_text())
    assert [pair["agreement"]["tau_b"] for pair in document["pairs"]] == [pytest.approx(4 / 9), None]
    assert document["averages"][0] == {"what": "first 3", "pairs": 2, "mean": 1.0, "deviation": pytest.approx(2**0.5)}
    rows = list(csv.DictReader(io.StringIO((tmp_path / "pairs.csv").read_text())))
    assert [(row["row"], row["film_a"], row["shared_3"], row["tau_b"][:5]) for row in rows] == [
        ("2", "trailer.mp4", "2", "0.444"),
        ("3", "'=nothing.mp4", "0", ""),
    ]
    assert colour_share(tmp_path / "pairs.png", VERMILION) > 0.01


def test_a_chart_of_many_pairs_shows_the_first(tmp_path: Path) -> None:
    upside_down = film_of("b", 0.0, 0.0, 1.0, 2.0, 3.0)
    pairs_png(named(*[compare(TRAILER, upside_down)] * 300), tmp_path / "many.png")
    picture = cv2.imread(str(tmp_path / "many.png"))
    assert picture is not None
    assert picture.shape[0] < 2500


def test_pairs_are_read_as_people_write_them(tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    rows = [
        "\ufeffB, Name ,A,note",
        "film.tags.json,first,/far/trailer.tags.json,x",
        ",,,",
        "",
        "b.json,,sub/a.tags.json",
    ]
    table.write_text("\r\n".join([*rows, "only.json"]), newline="")
    found = read_pairs(table)
    assert [(pair.row, pair.name, pair.a, pair.b) for pair in found] == [
        (2, "first", Path("/far/trailer.tags.json"), tmp_path / "film.tags.json"),
        (5, "a", tmp_path / "sub/a.tags.json", tmp_path / "b.json"),
        (6, "", None, tmp_path / "only.json"),
    ]
    with pytest.raises(BadPairs, match="column a is empty"):
        compare_pair(found[-1])


@pytest.mark.parametrize(("separator", "encoding"), [(";", "utf-8-sig"), ("\t", "utf-16")])
def test_pairs_are_read_as_spreadsheets_save_them(tmp_path: Path, separator: str, encoding: str) -> None:
    table = tmp_path / "pairs.csv"
    rows = [("name", "a", "b"), ("Été", "été.json", "b.json")]
    table.write_text("".join(separator.join(row) + "\r\n" for row in rows), encoding=encoding, newline="")
    assert read_pairs(table) == (Pair(2, "Été", tmp_path / "été.json", tmp_path / "b.json"),)


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"", "its header is ''"), (b"x;y\n", "its header is 'x,y'"), (b"a,b\n , \n", "it has no rows"),
     (b"a,b\n\xff,x\n", "line 2 is not UTF-8 text"), (b'a,b\n"' + b"x" * 200_000, "field larger than")],
)  # fmt: skip
def test_what_is_no_table_of_pairs_says_so(tmp_path: Path, body: bytes, message: str) -> None:
    (tmp_path / "pairs.csv").write_bytes(body)
    with pytest.raises(BadPairs, match=f"pairs.csv: no table of pairs .*{message}.*: write a header `a,b`") as caught:
        read_pairs(tmp_path / "pairs.csv")
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for reading in (read_pairs, lambda path: compare_files(path, path)):
        with pytest.raises(BadPath, match="pipe: is no regular file"):
            reading(tmp_path / "pipe")


def test_the_command_prints_a_table_and_writes_files(places: Path) -> None:
    done = run(places / "trailer.tags.json", places / "film.tags.json", "--top", "1", "-o", places / "new/out")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == as_table(compare(TRAILER, FILM), 1) + "\n"
    assert sorted(path.name for path in (places / "new/out").iterdir()) == [
        "compared.csv",
        "compared.json",
        "compared.png",
    ]


def test_a_file_may_be_compared_with_itself(places: Path) -> None:
    done = run(places / "film.tags.json", places / "film.tags.json")
    assert done.exit_code == 0
    assert "tau-b over 5 trained tags: 1.00\n" in done.stdout


def test_reports_made_differently_are_compared_with_a_warning(places: Path) -> None:
    write_report(replace(FILM, scan=Scan("auto", "fast", "long")), places / "fast.tags.json")
    words = (places / "trailer.tags.json", places / "fast.tags.json")
    done = run(*words)
    assert (done.exit_code, done.stderr) == (0, "movietags: the reports were made differently: scan full and fast\n")
    assert run(*words, "-q").stderr == ""


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "name two reports, or --pairs"),
        (["trailer.tags.json"], 2, "name two reports, or --pairs"),
        (["trailer.tags.json"] * 3, 2, "name two reports, or --pairs"),
        (["trailer.tags.json", "film.tags.json", "--pairs", "pairs.csv"], 2, "name two reports, or --pairs"),
        (["--pairs", "pairs.csv", "--top", "3"], 2, "no --top"),
        (["trailer.tags.json", "film.tags.json", "--top", "0"], 2, "0 is not in the range"),
        (["trailer.tags.json", "film.tags.json", "-o", "-"], 2, "--output names a folder"),
        (["trailer.tags.json", "gone.json"], 1, "error: gone.json: no such file"),
        (["trailer.tags.json", "."], 1, "is a folder"),
        (["trailer.tags.json", "text.json"], 1, "text.json: is not JSON"),
        (["--pairs", "gone.csv"], 1, "error: gone.csv: no such file"),
        (["--pairs", "text.json"], 1, "text.json: no table of pairs"),
    ],
)
def test_mistakes_are_one_line_and_an_exit_code(
    places: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, message: str
) -> None:
    (places / "text.json").write_text("no report")
    monkeypatch.chdir(places)
    done = run(*words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr
    assert code == 2 or len(done.stderr.splitlines()) == 1


def test_pairs_that_cannot_be_compared_are_named_and_the_others_done(places: Path) -> None:
    table = places / "pairs.csv"
    table.write_text("name,a,b\nmine,trailer.tags.json,film.tags.json\ngone,gone.json,film.tags.json\n"
                     "half,trailer.tags.json,\n,nothing.tags.json,film.tags.json\n")  # fmt: skip
    done = run("--pairs", table, "-o", places / "out")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        f"movietags: error: {table}: row 3: {places / 'gone.json'}: no such file",
        f"movietags: error: {table}: row 4: column b is empty: name a report",
    ]
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["2", "pair", "mine", "nothing", "mean"]
    assert sorted(path.name for path in (places / "out").iterdir()) == ["pairs.csv", "pairs.json", "pairs.png"]


def test_where_no_pair_can_be_compared_nothing_is_written(places: Path) -> None:
    (places / "pairs.csv").write_text("a,b\ngone.json,film.tags.json\n")
    done = run("--pairs", places / "pairs.csv", "-o", places / "out")
    assert (done.exit_code, done.stdout) == (1, "")
    assert list((places / "out").iterdir()) == []


def test_pairs_that_all_can_be_compared_end_well(places: Path) -> None:
    (places / "pairs.csv").write_text("a,b\ntrailer.tags.json,film.tags.json\n")
    done = run("--pairs", places / "pairs.csv")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("1 pair: ")


def test_no_output_replaces_an_input(places: Path) -> None:
    (places / "pairs.csv").write_text("a,b\ntrailer.tags.json,film.tags.json\n")
    (places / "others.csv").write_text("a,b\nfilm.tags.json,pairs.json\n")
    for name in ("pairs.json", "compared.json"):
        (places / name).write_text(as_json(TRAILER))
    before = {path.name: path.read_bytes() for path in places.iterdir()}
    for name, *words in (
        ("pairs.csv", "--pairs", places / "pairs.csv"),
        ("pairs.json", "--pairs", places / "others.csv"),
        ("compared.json", places / "film.tags.json", places / "compared.json"),
    ):
        done = run(*words, "-o", places)
        assert done.exit_code == 1
        assert f"{name}: is read, and would be replaced: name another folder with -o" in done.stderr
    assert {path.name: path.read_bytes() for path in places.iterdir()} == before


def test_an_input_by_another_name_is_not_replaced_either(places: Path) -> None:
    (places / "compared.csv").hardlink_to(places / "film.tags.json")
    with pytest.raises(OutputRefused, match="compared.csv: is read"):
        make_room(places, ("compared.csv",), (places / "gone\0.json", places / "film.tags.json"))


def test_an_output_that_cannot_be_written_is_refused_first(places: Path) -> None:
    done = run(places / "gone.json", places / "film.tags.json", "-o", places / "film.tags.json/out")
    assert done.exit_code == 1
    assert "no folder to write to" in done.stderr


def test_real_reports_of_a_film_and_of_its_beginning(film: media.Truth, tmp_path: Path) -> None:
    beginning = media.film(tmp_path / "beginning.mp4", (30, 45))
    made: Any = Tagger(Settings(backbone="compact"))
    for path in (film.path, beginning.path):
        write_report(made.extract(path), tmp_path / f"{path.stem}.tags.json")
    (tmp_path / "pairs.csv").write_text("a,b\nbeginning.tags.json,three shots.tags.json\n")
    done = run(tmp_path / "beginning.tags.json", tmp_path / "three shots.tags.json")
    assert (done.exit_code, done.stderr) == (0, "")
    title, *_, tau_b = done.stdout.partition("\ntag ")[0].splitlines()
    assert title == "A beginning.mp4 (00:03), B three shots.mp4 (00:04)"
    assert tau_b.startswith("Kendall's tau-b over 48 trained tags: ")
    assert float(tau_b.split()[-1]) > 0.2  # two of three shots are the same
    done = run("--pairs", tmp_path / "pairs.csv", "-o", tmp_path / "out")
    assert done.exit_code == 0
    (row,) = csv.DictReader(io.StringIO((tmp_path / "out/pairs.csv").read_text()))
    assert row["film_b"] == "three shots.mp4"
    assert f"{float(row['tau_b']):.2f}" == tau_b.split()[-1]
