"""What people say of tags: figures worked out by hand, intervals that hold what they promise, every bad row named."""

from __future__ import annotations

import csv
import json
import math
import re
import tempfile
import time
import unicodedata
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import media
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from cli import cli
from tagger import read_report, write_report
from tagger.commands.ratings import ratings as command
from tagger.errors import BadPath, BadRatings, BadReport, BadSettings, OutputRefused
from tagger.evaluation.ratings.figures import Opinions, Panel, Rated, measure
from tagger.evaluation.ratings.table import RatedFilm, Rating, Ratings, read_films, read_ratings
from tagger.evaluation.ratings.written import as_json, as_table, notes, write, write_blank
from tagger.measured import Estimate
from tagger.records import ModelInfo, RankedTag

MODEL = ModelInfo("words", "colours/mean", "h", "b")
TAGS = ("Car chase", "Beach/Sea", "War", "Drama")
SLUGS = ("car-chase", "beach-sea", "war", "drama")
HEADER = "film,rater,tag,kind,value"


def ranked(*scores: float) -> tuple[RankedTag, ...]:
    """The tags above in their order, of these strengths; the weights are half of them."""
    return tuple(
        RankedTag(place + 1, TAGS[place], SLUGS[place], score, score / 2, 1, 0.1, True)
        for place, score in enumerate(scores)
    )


CHASE = RatedFilm(Path("out/chase.tags.json"), "chase.mp4", MODEL, ranked(1, 0.5, 0.25, 0))
QUIET = RatedFilm(Path("out/quiet.tags.json"), "quiet.mkv", MODEL, ranked(1, 0.2, 0, 0))
FILMS = (CHASE, QUIET)


def said(text: str) -> Ratings:
    """Of FILMS: "film rater kind: value of each tag in order, or - for none", a line each."""
    raters: dict[str, int] = {}
    rows = []
    for line in text.strip().splitlines():
        (film, rater, kind), values = (part.split() for part in line.split(":"))
        number = raters.setdefault(rater, len(raters))
        places = {"chase": 0, "quiet": 1}
        rows += [Rating(places[film], number, tag, kind, float(v)) for tag, v in enumerate(values) if v != "-"]
    return Ratings(FILMS, tuple(raters), tuple(rows))


def value(estimate: Estimate | None) -> float:
    assert estimate is not None
    return estimate.value


# Figures by hand.


def test_opinions_by_hand() -> None:
    found = measure(said("""
        chase anna opinion: 1 0   1 -
        chase ben  opinion: 1 0.5 0 -
        quiet anna opinion: 0 1   - -
    """), 3)  # fmt: skip
    chase, quiet = found.per_film
    assert (chase.extracted, quiet.extracted) == (SLUGS[:3], SLUGS[:2])  # without weight it is not extracted
    assert (chase.mean_opinion, quiet.mean_opinion) == pytest.approx(((2 / 3 + 1 / 2) / 2, 1 / 2))
    anna, ben = (1 * 1 + 0.25 * 1) / 1.75, (1 * 1 + 0.5 * 0.5) / 1.75
    assert chase.weighted_opinion == pytest.approx((anna + ben) / 2)
    assert quiet.weighted_opinion == pytest.approx(0.2 / 1.2)
    assert value(found.mean_opinion) == pytest.approx((7 / 12 + 1 / 2) / 2)  # each film counts the same
    assert value(found.weighted_opinion) == pytest.approx(((anna + ben) / 2 + 0.2 / 1.2) / 2)
    assert (chase.judges, quiet.judges, chase.choosers) == (2, 1, 0)
    assert found.opinions == Panel(2, 2, 1 / 3)  # both call the first tag right; nobody else saw the other film
    assert (found.map, found.mar, found.f1, found.ranked_ap, found.tags_chosen) == (None,) * 5
    assert found.choices == Panel(0, 0, None)


def test_choices_by_hand() -> None:
    found = measure(said("""
        chase anna chosen: 1 - - 1
        chase ben  chosen: 1 1 - -
        quiet anna chosen: - - 1 1
        quiet ben  chosen: 0 1 0 0
    """), 3)  # fmt: skip
    chase, quiet = found.per_film
    assert chase.precision == pytest.approx((1 / 3 + 2 / 3) / 2)
    assert chase.recall == pytest.approx((1 / 2 + 2 / 2) / 2)
    assert chase.f1 == pytest.approx(2 * 0.5 * 0.75 / 1.25)
    assert (quiet.precision, quiet.recall) == pytest.approx(((0 + 1 / 2) / 2, (0 + 1) / 2))
    assert value(found.map) == pytest.approx((0.5 + 0.25) / 2)
    assert value(found.mar) == pytest.approx((0.75 + 0.5) / 2)
    assert value(found.f1) == pytest.approx(2 * 0.375 * 0.625 / 1)  # of MAP and MAR, no mean of F1
    # Precision at each tag that is found, in the order of all four; tags of the same weight share a place.
    assert chase.ranked_ap == pytest.approx(((1 / 1 + 2 / 4) / 2 + (1 / 1 + 2 / 2) / 2) / 2)
    assert quiet.ranked_ap == pytest.approx((2 / 4 + 1 / 2) / 2)
    assert found.tags_chosen == pytest.approx((2 + 2 + 2 + 1) / 4)
    assert found.choices == Panel(2, 2, ((2 * 1 / 4) + (2 * 0 / 3)) / 2)
    assert (found.mean_opinion, found.weighted_opinion, found.opinions) == (None, None, Panel(0, 0, None))


def test_the_figures_of_the_source_fit_its_definitions() -> None:
    facts = json.loads(as_json(measure(said("chase anna chosen: 1 - - -"), 1)))["source"]
    assert 2 * facts["map"] * facts["mar"] / (facts["map"] + facts["mar"]) == pytest.approx(facts["f1"], abs=0.005)


def test_opinions_of_other_tags_are_left_out_and_counted() -> None:
    found = measure(said("chase anna opinion: 1 0 0 0\nquiet ben opinion: - 1 1 -\nquiet anna opinion: - - 1 -"), 2)
    assert value(found.mean_opinion) == pytest.approx((1 / 2 + 1) / 2)
    assert (found.left_out, found.missing) == (4, 1)
    assert found.per_film[1].judges == 1
    assert notes(found)[:2] == [
        "opinions of tags that are not among the first 2 of their film, no part of experiments 1 and 2: 4",
        "opinions that are missing, of raters who judged other tags of the film: 1",
    ]


def as_sure(film: RatedFilm, *told: float | None) -> RatedFilm:
    """The film, whose first tags have this confidence, and the others none."""
    more = (None,) * (len(film.tags) - len(told))
    tags = tuple(replace(tag, confidence=c) for tag, c in zip(film.tags, (*told, *more), strict=True))
    return replace(film, tags=tags)


def test_opinions_of_sure_tags_stand_beside_those_of_the_others() -> None:
    heard = said("""
        chase anna opinion: 1 1   0 1
        chase ben  opinion: 1 0.5 0 -
        quiet anna opinion: 0 1   - -
    """)
    films = (as_sure(CHASE, 0.5, 0.9, 0.49), as_sure(QUIET, 0.2))  # nobody says how sure the second of quiet is
    found = measure(replace(heard, films=films), 3)
    assert found.sure is not None
    assert found.unsure is not None
    assert (found.sure.opinions, found.unsure.opinions) == (4, 3)  # not of what is not extracted
    assert value(found.sure.mean) == pytest.approx((2 / 2 + 1.5 / 2) / 2)  # of one film
    assert value(found.unsure.mean) == pytest.approx((0 + 0) / 2)
    plain = measure(heard, 3)
    assert replace(found, sure=None, unsure=None) == plain  # all else is as without it
    lines = as_table(found).splitlines()
    assert [line.split() for line in lines[3:5]] == [
        ["of", "the", "sure", "tags,", "4", "opinions", "87.5%", "-", "-"],
        ["of", "those", "not", "sure,", "3", "opinions", "0.0%", *_between(found.unsure), "-"],
    ]
    facts = json.loads(as_json(found))
    assert facts["sure"] == {"opinions": 4, "mean": {"value": 0.875, "low": None, "high": None}}


def _between(opinions: Opinions) -> list[str]:
    assert opinions.mean is not None
    return [f"{opinions.mean.low:.1%}", "to", f"{opinions.mean.high:.1%}"]


def test_where_nobody_says_what_is_sure_nothing_is_said_of_it() -> None:
    found = measure(said("chase anna opinion: 1 0 - -"), 2)
    assert (found.sure, found.unsure) == (None, None)
    assert "sure" not in as_table(found)
    facts = json.loads(as_json(found))
    assert (facts["sure"], facts["unsure"]) == (None, None)


def test_where_nothing_is_sure_all_opinions_are_of_the_others() -> None:
    heard = said("chase anna opinion: 1 0 - -\nchase ben opinion: 1 1 - -\nquiet anna opinion: 1 0 - -")
    found = measure(replace(heard, films=(as_sure(CHASE, 0.4, 0.1), as_sure(QUIET, 0.0, 0.0))), 2)
    assert found.sure == Opinions(0, None)
    assert found.unsure == Opinions(6, found.mean_opinion)
    assert "of the sure tags, 0 opinions" in as_table(found)
    mute = as_sure(replace(CHASE, tags=ranked(0, 0, 0, 0)), 0.9)  # nothing is extracted
    nothing = measure(Ratings((mute,), ("anna",), (Rating(0, 0, 0, "opinion", 1),)), 2)
    assert (nothing.sure, nothing.unsure) == (None, None)


def test_tags_of_no_strength_weigh_the_same() -> None:
    level = replace(CHASE, tags=tuple(replace(tag, score=0.0, weight=0.3) for tag in CHASE.tags))
    heard = Ratings((level,), ("anna",), tuple(Rating(0, 0, tag, "opinion", float(tag < 1)) for tag in range(3)))
    assert value(measure(heard, 3).weighted_opinion) == pytest.approx(1 / 3)


def test_whoever_chose_nothing_says_so_with_zeros() -> None:
    found = measure(said("chase anna chosen: 0 - - 0\nchase ben chosen: 1 - - -"), 2)
    (film,) = found.per_film
    assert (film.choosers, film.precision, film.recall) == (2, (0 + 1 / 2) / 2, 1.0)
    assert found.tags_chosen == 1 / 2
    nothing = measure(said("chase anna chosen: 0 - - -"), 2)
    assert (value(nothing.map), nothing.mar, nothing.f1, nothing.ranked_ap) == (0, None, None, None)


def test_a_film_from_which_nothing_is_extracted_hits_nothing() -> None:
    mute = replace(CHASE, tags=ranked(0, 0, 0, 0))
    found = measure(Ratings((mute,), ("anna",), (Rating(0, 0, 0, "chosen", 1), Rating(0, 0, 1, "opinion", 1))), 3)
    assert (value(found.map), value(found.mar), value(found.f1)) == (0, 0, 0)
    assert (found.mean_opinion, found.left_out) == (None, 1)


# Properties.


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_if_all_is_right_both_scores_are_one(data: st.DataObject) -> None:
    raters = data.draw(st.integers(1, 3))
    cells = [(film, rater, tag) for film in (0, 1) for rater in range(raters) for tag in (0, 1)]
    some = data.draw(st.sets(st.sampled_from(cells), min_size=1))
    rows = tuple(Rating(*cell, "opinion", 1.0) for cell in sorted(some))
    found = measure(Ratings(FILMS, ("a", "b", "c")[:raters], rows), 2, resamples=20)
    assert (value(found.mean_opinion), value(found.weighted_opinion)) == pytest.approx((1, 1))
    assert found.opinions.agreement in (None, 1)


@given(st.lists(st.lists(st.sets(st.integers(0, 3), min_size=1), min_size=2, max_size=2), min_size=1, max_size=4),
       st.integers(1, 4))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_choices_are_compared_as_sets(chosen: list[list[set[int]]], top: int) -> None:
    """`chosen` by each rater for each of both films."""
    rows = tuple(
        Rating(film, rater, tag, "chosen", 1.0)
        for rater, of_films in enumerate(chosen)
        for film, tags in enumerate(of_films)
        for tag in sorted(tags)
    )
    found = measure(Ratings(FILMS, ("a", "b", "c", "d")[: len(chosen)], rows), top, resamples=20)
    own = [set(range(min(top, strong))) for strong in (3, 2)]
    pairs = [(own[film], tags) for of_films in chosen for film, tags in enumerate(of_films)]
    precision = float(np.mean([len(mine & tags) / len(mine) for mine, tags in pairs]))
    recall = float(np.mean([len(mine & tags) / len(tags) for mine, tags in pairs]))
    assert (value(found.map), value(found.mar)) == pytest.approx((precision, recall))
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    assert value(found.f1) == pytest.approx(f1)
    assert value(found.map) <= 1
    both = [2 * len(a[f] & b[f]) / (len(a[f]) + len(b[f])) for f in (0, 1) for a, b in combinations(chosen, 2)]
    assert found.choices.agreement == (pytest.approx(float(np.mean(both))) if both else None)


# Intervals.


def simulated(seed: int, films: int, raters: int, spread: tuple[float, float, float]) -> Ratings:
    """One tag for each film, whose opinion is 0.5 and what film, rater and chance add to it."""
    rng = np.random.default_rng(seed)
    of_film, of_rater, of_both = (
        scale * rng.standard_normal(shape)
        for scale, shape in zip(spread, ((films, 1), (1, raters), (films, raters)), strict=True)
    )
    values = 0.5 + of_film + of_rater + of_both
    rows = tuple(Rating(f, r, 0, "opinion", float(values[f, r])) for f in range(films) for r in range(raters))
    return Ratings((CHASE,) * films, tuple(map(str, range(raters))), rows)


def width(estimate: Estimate | None) -> float:
    assert estimate is not None
    return estimate.high - estimate.low


def test_intervals_hold_the_truth_about_as_often_as_they_promise() -> None:
    held = 0
    for seed in range(150):
        found = measure(simulated(seed, 12, 10, (0.1, 0.1, 0.2)), 1, resamples=300).mean_opinion
        assert found is not None
        assert found.low <= found.value <= found.high
        held += found.low <= 0.5 <= found.high
    assert 0.9 <= held / 150 <= 1


def test_intervals_shrink_with_films_and_with_raters() -> None:
    few, films, raters = (
        np.mean([width(measure(simulated(seed, *size, (0.1, 0.1, 0.1)), 1).mean_opinion) for seed in range(5)])
        for size in ((5, 5), (40, 5), (5, 40))
    )
    assert films < 0.9 * few
    assert raters < 0.9 * few


@pytest.mark.parametrize("spread", [(0.1, 0.0, 0.0), (0.0, 0.1, 0.0)])
def test_where_one_side_is_all_alike_the_interval_is_that_of_the_other(spread: tuple[float, float, float]) -> None:
    heard = simulated(3, 30, 30, spread)
    values = np.zeros((30, 30))
    for row in heard.rows:
        values[row.film, row.rater] = row.value
    means = values.mean(1 if spread[0] else 0)
    expected = 2 * 1.96 * means.std() / math.sqrt(30)
    assert width(measure(heard, 1, resamples=4000).mean_opinion) == pytest.approx(expected, rel=0.06)


def test_the_same_seed_gives_the_same_interval() -> None:
    heard = simulated(0, 6, 4, (0.1, 0.1, 0.1))
    assert measure(heard, 1) == measure(heard, 1)
    assert measure(heard, 1).mean_opinion != measure(heard, 1, seed=1).mean_opinion


@pytest.mark.parametrize("text", ["chase anna opinion: 1 0 - -\nquiet anna opinion: 1 1 - -",
                                  "chase anna opinion: 1 0 - -\nchase ben opinion: 1 1 - -"])  # fmt: skip
def test_one_rater_or_one_film_gives_no_interval_and_no_nan(text: str) -> None:
    found = measure(said(text), 2)
    assert found.mean_opinion is not None
    assert math.isnan(found.mean_opinion.low)
    facts = json.loads(as_json(found))
    assert facts["mean_opinion"] == {"value": value(found.mean_opinion), "low": None, "high": None}
    assert notes(found)[-1] == "figures without an interval: one needs ratings of two films and of two raters"
    assert as_table(found).splitlines()[2].split()[-3:] == ["75.0%", "-", "84.3%"]


def test_raters_who_share_no_film_give_an_interval_too() -> None:
    found = measure(said("chase anna opinion: 1 1 - -\nquiet ben opinion: 0 0 - -"), 2).mean_opinion
    assert found == Estimate(0.5, 0.0, 1.0)


def test_a_hundred_films_and_twenty_raters_take_a_moment() -> None:
    rng = np.random.default_rng(0)
    cells = [(film, rater, tag) for film in range(100) for rater in range(20) for tag in range(4)]
    rows = tuple(Rating(*cell, kind, float(rng.integers(2))) for cell in cells for kind in ("opinion", "chosen"))
    heard = Ratings((CHASE,) * 100, tuple(map(str, range(20))), rows)
    begun = time.process_time()
    measure(heard, 3)
    assert time.process_time() - begun < 3  # half a second here


# Tables.


def read(tmp_path: Path, text: str | bytes, films: tuple[RatedFilm, ...] = FILMS, **more: Any) -> Ratings:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_ratings(path, films, **more)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, f"{HEADER}\nchase.mp4,anna,Car chase,opinion,0.5\nquiet,ben,drama,chosen,1\n")
    assert found == Ratings(FILMS, ("anna", "ben"), (Rating(0, 0, 0, "opinion", 0.5), Rating(1, 1, 3, "chosen", 1.0)))


@pytest.mark.parametrize(
    "text",
    [
        "\ufefffilm,rater,tag,kind,value\r\nchase.mp4,anna,beach-sea,opinion,0.5\r\n",
        "film;rater;tag;kind;value\nchase.mp4;anna;beach-sea;opinion;0,5\n",
        'film,rater,tag,kind,value\nchase.mp4,anna,beach-sea,opinion,"0,5"\n',
        "\n\nVALUE,Kind,note,Tag,Rater,FILM\n,,,,,\n.5,Opinion,why not,BEACH/sea,anna,Chase\n,,,,,",
        "film,rater,tag,kind,value\n chase.tags.json , anna , Beach/Sea , opinion , 5e-1 \n",
        "film,rater,tag,kind,value\nout/chase.tags.json,anna,beach sea,opinion,+0.50,,,\n",
    ],
)
def test_tables_as_people_have_them(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).rows == (Rating(0, 0, 1, "opinion", 0.5),)


def test_what_pandas_writes_is_read(tmp_path: Path) -> None:
    table = pd.DataFrame({
        "film": ["chase.mp4", "quiet.mkv"] * 2, "rater": ["anna", "anna", "Ännchen, b.", "Ännchen, b."],
        "tag": list(TAGS), "kind": ["opinion", "opinion", "chosen", "chosen"], "value": [1.0, 0.25, 1.0, 0.0],
    })  # fmt: skip
    table.to_csv(tmp_path / "table.csv")  # with its index as a first column
    found = read_ratings(tmp_path / "table.csv", FILMS)
    assert found.raters == ("anna", "Ännchen, b.")
    assert [(row.film, row.tag, row.kind, row.value) for row in found.rows] == [
        (0, 0, "opinion", 1.0),
        (1, 1, "opinion", 0.25),
        (0, 2, "chosen", 1.0),
        (1, 3, "chosen", 0.0),
    ]


def test_without_kinds_a_row_is_an_opinion_and_a_choice(tmp_path: Path) -> None:
    text = "film,rater,tag,value\nchase,anna,war,5\nchase,anna,drama,3\nchase,anna,car chase,2\n"
    found = [(row.tag, row.kind, row.value) for row in read(tmp_path, text, scale=(1, 5)).rows]
    assert [row for row in found if row[1] == "opinion"] == [
        (2, "opinion", 1),
        (3, "opinion", 0.5),
        (0, "opinion", 0.25),
    ]
    assert [row for row in found if row[1] == "chosen"] == [(2, "chosen", 1), (3, "chosen", 1), (0, "chosen", 0)]


def test_scales_are_mapped_to_their_ends_for_opinions_only(tmp_path: Path) -> None:
    text = f"{HEADER}\nchase,a,war,opinion,1\nchase,b,war,opinion,4\nchase,c,war,opinion,5\nchase,a,war,chosen,1\n"
    assert [row.value for row in read(tmp_path, text, scale=(1, 5)).rows] == [0, 0.75, 1, 1]
    for scale in ((1, 1), (5, 1), (0, math.inf), (math.nan, 1)):
        with pytest.raises(BadSettings, match="--scale .*: the lowest value comes first"):
            read(tmp_path, text, scale=scale)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("nowhere.mp4,anna,war,opinion,1", "film is 'nowhere.mp4': no report is of this film"),
        (",anna,war,opinion,1", "film is '': name the film"),
        ("chase,,war,opinion,1", "rater is '': name who said this"),
        ("chase,  ,war,opinion,1", "rater is '': name who said this"),
        ("chase,anna,Wars,opinion,1", "tag is 'Wars': no tag of words, see `movietags vocab show`"),
        ("chase,anna,,opinion,1", "tag is '': no tag of words, see `movietags vocab show`"),
        ("chase,anna,war,guess,1", "kind is 'guess': it is opinion or chosen"),
        ("chase,anna,war,,1", "kind is '': it is opinion or chosen"),
        *(
            (f"chase,anna,war,opinion,{cell}", f"value is '{cell}': of opinion it is a number from 0 to 1")
            for cell in ("1.01", "-0.1", "nan", "inf", "-inf", "1e999", "yes", "80%", "", "1_0", "٣", "0x1", "1 0")
        ),
        ('chase,anna,war,opinion,"1,5"', "value is '1,5': of opinion it is a number from 0 to 1"),
        ("chase,anna,war,chosen,0.5", "value is '0.5': of chosen it is 1, or 0 where the tag was seen and not chosen"),
        ("chase,anna,war,chosen,", "value is '': of chosen it is 1, or 0 where the tag was seen and not chosen"),
        ("chase,anna,war,opinion", "value is '': of opinion it is a number from 0 to 1"),
        ("chase,anna,war,opinion,1,2", "cells behind the last column: 1; quote names that hold the separator"),
        ("CHASE.mp4,dora,Drama,OPINION,0", "the film, rater, tag and kind of line 2 again"),
    ],
)
def test_every_kind_of_bad_row_is_named_with_its_line(tmp_path: Path, row: str, fault: str) -> None:
    with pytest.raises(BadRatings) as refused:
        read(tmp_path, f"{HEADER}\nchase,dora,drama,opinion,1\n\nquiet,dora,war,opinion,1\n{row}\n")
    assert refused.value.faults == (f"line 5: {fault}",)
    assert "table.csv: 1 of 3 rows cannot be used" in str(refused.value)
    assert f"the first is line 5: {fault}; correct them or take them out" in str(refused.value)
    assert ("films without a report: " in str(refused.value)) == fault.endswith("no report is of this film")


def test_every_bad_cell_of_every_bad_row_is_named(tmp_path: Path) -> None:
    rows = [f"nowhere,,war,guess,{number}" for number in range(40)] + [
        "chase,a,war,opinion,1",
        "elsewhere,a,x,chosen,9",
    ]
    with pytest.raises(BadRatings, match="41 of 42 rows .* report: 'nowhere', 'elsewhere'; the first is") as refused:
        read(tmp_path, "\n".join((HEADER, *rows)))
    faults = refused.value.faults
    assert len(faults) == 40 * 3 + 2
    assert {fault.split(":")[0] for fault in faults} == {f"line {n}" for n in (*range(2, 42), 43)}
    assert [fault.split()[2] for fault in faults[-2:]] == ["film", "value"]  # of which films no tag is known


def test_what_is_said_three_times_was_first_said_once(tmp_path: Path) -> None:
    with pytest.raises(BadRatings) as refused:
        read(tmp_path, f"{HEADER}\n" + "chase,a,war,opinion,1\n" * 3)
    assert [fault.split()[-2:] for fault in refused.value.faults] == [["2", "again"]] * 2


def test_lines_are_counted_where_rows_begin(tmp_path: Path) -> None:
    with pytest.raises(BadRatings) as refused:
        read(tmp_path, f'{HEADER}\nchase,"anna\nof\nus",war,opinion,1\nchase,"b\nc",war,opinion,2\nchase,d,war,x,1\n')
    assert [fault.split(":")[0] for fault in refused.value.faults] == ["line 5", "line 7"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
        (b"film,rater,tag\n", "column value missing or there twice: its header is 'film,rater,tag', expected fi"),
        (b"film;rater;kind\n", "column tag, value missing or there twice: .*, expected film;rater;tag;kind;value"),
        (b"film,rater,tag,kind,value,Value\n", "column value missing or there twice"),
        (f"{HEADER}\nchase,\xc4nne,war,opinion,1\n".encode("latin-1"), "line 2 is not UTF-8 text: save it as CSV"),
        (HEADER.encode("utf-16"), "no row below the header"),
        (HEADER.encode("utf-16")[:-1], "line 1 is not UTF-16 text: save it as CSV UTF-8"),
        (f'{HEADER}\nchase,a,war,opinion,1\nchase,"a,war,opinion,1\n'.encode(), "line 3: unexpected end of data"),
        (f"{HEADER}\n{'x' * 200_000},a,war,opinion,1\n".encode(), "line 2: field larger than field limit"),
        (f"{HEADER}\n,,,,\n".encode(), "no row below the header"),
    ],
)  # fmt: skip
def test_what_is_no_table_says_why(tmp_path: Path, body: bytes, message: str) -> None:
    with pytest.raises(BadRatings, match=message):
        read(tmp_path, body)


@given(st.one_of(st.binary(max_size=80), st.text(alphabet="film,rtekndvu;\"\n01.", max_size=80).map(str.encode)),
       st.booleans())  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_whatever_a_file_holds_it_is_a_table_or_says_why_not(body: bytes, with_header: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = read(Path(folder), f"{HEADER}\n".encode() * with_header + body)
        except BadRatings as error:
            assert len(str(error).splitlines()) == 1
        else:
            assert found.rows


def test_a_table_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    for path, message in ((tmp_path / "none.csv", "no such file"), (tmp_path, "is a folder")):
        with pytest.raises(BadPath, match=message):
            read_ratings(path, FILMS)


# Names of films.


def test_films_of_one_name_are_told_apart_by_their_reports(tmp_path: Path) -> None:
    films = (CHASE, replace(CHASE, report=Path("b/chase-1a2b3c4d.tags.json")), replace(CHASE, name="chase.mkv"))
    rows = f"{HEADER}\n{{}},a,war,opinion,1\n"
    for name, place in (("chase-1a2b3c4d", 1), ("b/chase-1a2b3c4d.tags.json", 1), ("chase.mkv", 2)):
        assert read(tmp_path, rows.format(name), films).rows[0].film == place
    message = "more than one film has this name, write out/chase.tags.json or b/chase-1a2b3c4d.tags.json"
    with pytest.raises(BadRatings, match=message):
        read(tmp_path, rows.format("chase.mp4"), films)


def test_names_match_however_a_system_stores_them(tmp_path: Path) -> None:
    film = replace(CHASE, report=Path("r.tags.json"), name=unicodedata.normalize("NFD", "Été =1.mp4"))
    assert read(tmp_path, f"{HEADER}\nÉTÉ =1,a,war,opinion,1\n", (film,)).rows[0].film == 0


def reports(tmp_path: Path, film: media.Truth, *names: str) -> Path:
    """A folder with a report of the film under each of these names."""
    folder = tmp_path / "reports"
    done = CliRunner().invoke(cli, ["extract", "-q", str(film.path), "-o", str(tmp_path / "made")])
    assert done.exit_code == 0, done.output
    (made,) = (tmp_path / "made").glob("*.json")
    report = read_report(made)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        named = replace(report, video=replace(report.video, name=Path(name).name, path=name))
        write_report(named, folder / f"{name}.tags.json")
    return folder


def test_reports_are_found_below_folders_and_each_once(tmp_path: Path, film: media.Truth) -> None:
    folder = reports(tmp_path, film, "b.mp4", "deep/down/a.mp4")
    (folder / "other.json").write_text("no report")
    (folder / "loop").symlink_to(folder)
    found = read_films([folder / "b.mp4.tags.json", folder, folder])
    assert [one.name for one in found] == ["b.mp4", "a.mp4"]
    assert found[0].tags == read_report(folder / "b.mp4.tags.json").tags
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadPath, match="empty: no report below it"):
        read_films([tmp_path / "empty"])
    with pytest.raises(BadPath, match="nowhere: no such file"):
        read_films([tmp_path / "nowhere"])
    with pytest.raises(BadReport, match="other.json: is not JSON"):
        read_films([folder / "other.json"])


# The command.


@dataclass(frozen=True)
class Panelists:
    """Ratings of real reports, and what must come of them."""

    folder: Path
    table: Path


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Panelists:
    """Three films of other scenes, reported by the embedded network; two raters who find only the first tag right."""
    root = tmp_path_factory.mktemp("panel")
    for number, lengths in enumerate(((12, 12), (15, 12, 12), (12,))):
        media.film(root / f"film {number}.mp4", lengths)
    paths = [str(path) for path in sorted(root.glob("*.mp4"))]
    done = CliRunner().invoke(cli, ["extract", "-q", *paths, "-o", str(root / "reports")])
    assert done.exit_code == 0, done.output
    sheet = root / "sheet.csv"
    assert run(root / "reports", "--blank", sheet).exit_code == 0
    blank = pd.read_csv(sheet, keep_default_na=False)
    best = {one.name: one.tags[0].slug for one in read_films([root / "reports"])}
    blank["value"] = [int(tag == best[film]) for film, tag in zip(blank["film"], blank["tag"], strict=True)]
    chosen = pd.DataFrame({"film": list(best), "tag": list(best.values()), "kind": "chosen", "value": 1})
    filled = pd.concat([table.assign(rater=rater) for rater in ("anna", "ben") for table in (blank, chosen)])
    filled.to_csv(root / "ratings.csv", index=False)
    return Panelists(root / "reports", root / "ratings.csv")


def run(*words: object) -> Result:
    return CliRunner().invoke(command, list(map(str, words)))


def test_real_reports_and_a_filled_sheet_give_the_figures(panel: Panelists, tmp_path: Path) -> None:
    films = read_films([panel.folder])
    own = [film.extracted(5) for film in films]
    done = run(panel.folder, "--ratings", panel.table, "-o", tmp_path / "out")
    assert done.exit_code == 0
    (note,) = done.stderr.splitlines()  # this panel chose nothing else
    assert note.startswith("movietags: nobody chose a tag that was not extracted")
    facts = json.loads((tmp_path / "out/ratings.json").read_text())
    expected: dict[str, float] = {
        "mean_opinion": float(np.mean([1 / len(tags) for tags in own])),
        "weighted_opinion": float(np.mean([1 / sum(tag.score for tag in tags) for tags in own])),
        "map": float(np.mean([1 / len(tags) for tags in own])),
        "mar": 1,
        "ranked_ap": 1,
    }
    assert {name: facts[name]["value"] for name in expected} == pytest.approx(expected)
    assert facts["f1"]["value"] == pytest.approx(2 * expected["map"] / (expected["map"] + 1))
    assert facts["mar"] == {"value": 1, "low": pytest.approx(0.438, abs=0.001), "high": 1}  # all of three films
    told = [tag.sure for tags in own for tag in tags]
    assert (facts["sure"]["opinions"], facts["unsure"]["opinions"]) == (2 * sum(told), 2 * (len(told) - sum(told)))
    assert facts["opinions"] == facts["choices"] == {"films": 3, "raters": 2, "agreement": 1}
    assert [model["vocabulary"] for model in facts["models"]] == ["movies50"]
    lines = done.stdout.splitlines()
    assert lines[0] == (
        "up to 5 tags extracted from each film; opinions of 2 raters on 3 films, "
        "choices of 2 raters on 3 films, 1.0 tags each"
    )
    assert lines[7].split()[-5:] == ["100.0%", "43.8%", "to", "100.0%", "74.22%"]
    assert [line.split()[:4] for line in lines[-3:]] == [
        ["film", f"{number}.mp4", str(len(own[number])), "2"] for number in range(3)
    ]


def test_the_files_can_be_read_by_other_programs(panel: Panelists, tmp_path: Path) -> None:
    assert run(panel.folder, "--ratings", panel.table, "-o", tmp_path).exit_code == 0
    table = pd.read_csv(tmp_path / "ratings.csv")
    facts = json.loads((tmp_path / "ratings.json").read_text())
    assert list(table["film"]) == [f"film {number}.mp4" for number in range(3)]
    assert list(table["mean_opinion"]) == [one["mean_opinion"] for one in facts["per_film"]]
    assert list(table["extracted"].str.split()) == [one["extracted"] for one in facts["per_film"]]
    picture = cv2.imread(str(tmp_path / "ratings.png"))
    assert picture is not None
    assert picture.std() > 20  # bars, and not a blank page


def test_what_a_rater_does_not_say_is_said(panel: Panelists, tmp_path: Path) -> None:
    table = pd.read_csv(panel.table)
    film, opinion = table["film"] == "film 1.mp4", table["kind"] == "opinion"
    table[opinion & ~film].iloc[1:].to_csv(tmp_path / "some.csv", index=False)
    done = run(panel.folder, "--ratings", tmp_path / "some.csv", "--top", "1")
    assert done.exit_code == 0
    assert "films without ratings: 1: film 1.mp4" in done.stderr
    assert "not among the first 1 of their film, no part of experiments 1 and 2: " in done.stderr
    assert run(panel.folder, "--ratings", tmp_path / "some.csv", "--top", "1", "-q").stderr == ""


def test_a_bad_table_is_refused_with_its_first_lines(panel: Panelists, tmp_path: Path) -> None:
    rows = [f"film 0,anna{number},zebra,opinion,1" for number in range(25)]
    (tmp_path / "bad.csv").write_text("\n".join((HEADER, *rows)))
    done = run(panel.folder, "--ratings", tmp_path / "bad.csv", "-o", tmp_path / "out")
    lines = done.stderr.splitlines()
    assert (done.exit_code, done.stdout, len(lines)) == (1, "", 22)
    fault = "tag is 'zebra': no tag of movies50, see `movietags vocab show`"
    assert lines[:20] == [f"movietags: {tmp_path}/bad.csv: line {n}: {fault}" for n in range(2, 22)]
    assert lines[20] == f"movietags: {tmp_path}/bad.csv: and 5 more"
    assert lines[21].startswith(
        f"movietags: error: {tmp_path}/bad.csv: 25 of 25 rows cannot be used; the first is line 2"
    )
    assert list((tmp_path / "out").iterdir()) == []


def test_a_blank_sheet_says_nothing_of_strength_and_replaces_nothing(panel: Panelists, tmp_path: Path) -> None:
    done = run(panel.folder, "--blank", tmp_path / "sheet.csv", "--top", "4")
    rows = list(csv.reader((tmp_path / "sheet.csv").read_text().splitlines()))
    films = read_films([panel.folder])
    assert rows[1:] == [
        [film.name, "", slug, "opinion", ""] for film in films for slug in sorted(tag.slug for tag in film.extracted(4))
    ]
    assert done.stderr.endswith(
        f"sheet.csv: {len(rows) - 1} rows, to be filled in by each rater: 1 is right, 0 is wrong\n"
    )
    assert run(panel.folder, "--blank", tmp_path / "other.csv", "-q").output == ""
    again = run(panel.folder, "--blank", tmp_path / "sheet.csv")
    assert again.exit_code == 1
    assert "sheet.csv: is there already, and may be filled in" in again.stderr


def test_a_sheet_names_films_so_that_they_are_found_again(tmp_path: Path) -> None:
    formula = replace(CHASE, report=Path("c/r.tags.json"), name="=1+1.mp4")
    films = (CHASE, replace(CHASE, report=Path("b/chase.tags.json")), QUIET, formula)
    write_blank(films, 1, tmp_path / "sheet.csv")
    table = pd.read_csv(tmp_path / "sheet.csv", keep_default_na=False)
    assert list(table["film"]) == ["out/chase.tags.json", "b/chase.tags.json", "quiet.mkv", "'=1+1.mp4"]
    table.assign(rater="anna", value=1).to_csv(tmp_path / "filled.csv", index=False)
    assert [row.film for row in read_ratings(tmp_path / "filled.csv", films).rows] == [0, 1, 2, 3]
    with pytest.raises(OutputRefused, match="sheet.csv: is there already"):
        write_blank(films, 1, tmp_path / "sheet.csv")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "name a table with --ratings, or a file to be made with --blank"),
        (["--ratings", "r.csv", "--blank", "s.csv"], 2, "name a table with --ratings, or"),
        (["--ratings", "r.csv", "-o", "-"], 2, "--output and --blank name a place of their own"),
        (["--ratings", "r.csv", "--top", "0"], 2, "0 is not in the range"),
        (["--ratings", "r.csv", "--scale", "5", "1"], 2, "--scale 5 1: the lowest value comes first"),
        (["--ratings", "r.csv"], 1, "error: r.csv: no such file"),
    ],
)
def test_mistakes_are_one_line_and_an_exit_code(panel: Panelists, words: list[str], code: int, message: str) -> None:
    done = run(panel.folder, *words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr.splitlines()[-1]


def test_the_document_names_options_and_columns_that_exist() -> None:
    text = (Path(__file__).parents[1] / "docs/ratings.md").read_text()
    known = {name for option in command.params for name in option.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= known
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == HEADER.split(",")
    assert f"    {HEADER}\n" in text


def test_reports_of_several_models_are_named(tmp_path: Path) -> None:
    other = replace(QUIET, model=replace(MODEL, backbone="others/mean"))
    rows = tuple(Rating(film, rater, 0, "opinion", 1.0) for film in (0, 1) for rater in (0, 1))
    found: Rated = measure(Ratings((CHASE, other), ("anna", "ben"), rows), 2)
    assert notes(found) == [
        "opinions that are missing, of raters who judged other tags of the film: 4",
        "the reports are of 2 models: the figures are of a mix",
    ]
    write(found, tmp_path / "made/here")
    assert len(json.loads((tmp_path / "made/here/ratings.json").read_text())["models"]) == 2
