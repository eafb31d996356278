"""Reports follow the schema, come back whole, and are safe to open anywhere."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from samples import REPORT, REPORTS

from tagger import read_report, write_report
from tagger.errors import BadPath, BadReport, PathMissing
from tagger.files import distinct_name
from tagger.records import Keyframe, RankedTag, ShotTag, TaggedShot, TagReport
from tagger.reports.csv_report import COLUMNS, as_csv
from tagger.reports.folder import Folder
from tagger.reports.json_report import SCHEMA_FILE, as_json
from tagger.reports.table import as_table
from tagger.text import moment, safe_cell


@pytest.fixture
def report() -> TagReport:
    return REPORT


def named(report: TagReport, name: str) -> TagReport:
    return replace(report, video=replace(report.video, name=name, path=name))


def validate(text: str) -> None:
    jsonschema.validate(json.loads(text), json.loads(SCHEMA_FILE.read_text()), jsonschema.Draft202012Validator)


def test_json_follows_the_schema_and_comes_back(report: TagReport, tmp_path: Path) -> None:
    validate(as_json(report))
    write_report(report, tmp_path / "x.json")
    assert read_report(tmp_path / "x.json") == report


def test_a_report_says_of_every_tag_how_probable_it_is_in_each_kept_shot(report: TagReport) -> None:
    text = as_json(report)
    assert '"probabilities": [0.1, 0.9]' in text  # on one line: a hundred thousand would be as many lines
    document = json.loads(text)
    assert document["slugs"] == ["drama", "car-chase"]
    assert [shot["probabilities"] for shot in document["shots"]] == [[0.1, 0.9], []]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"slugs": ["drama", "robot"]}, "slugs: are not those of the tags"),
        ({"slugs": []}, "2 probabilities, slugs names 0 tags"),
        ({"probabilities": [0.1, 0.8, 0.1]}, "3 probabilities, slugs names 2 tags"),
        ({"probabilities": [0.2, 0.9]}, "probabilities that sum to 1.1000, not to 1"),
        ({"probabilities": [-0.1, 1.1]}, "Expected `float` >= 0.0"),
        ({"probabilities": [0.1, float("nan")]}, "NaN is no finite number"),
        ({"probabilities": []}, "a kept keyframe and no probabilities"),
    ],
)
def test_probabilities_that_cannot_be_are_refused(
    report: TagReport, change: dict[str, Any], why: str, tmp_path: Path
) -> None:
    document = json.loads(as_json(report))
    (document["shots"][0] if "probabilities" in change else document).update(change)
    (tmp_path / "x.json").write_text(json.dumps(document))
    with pytest.raises(BadReport, match=re.escape(why)):
        read_report(tmp_path / "x.json")


def test_a_keyframe_that_was_dropped_has_no_probabilities(report: TagReport) -> None:
    dropped = replace(report.shots[1], probabilities=(0.1, 0.9))
    with pytest.raises(ValueError, match=re.escape("shots[1] has probabilities of a keyframe that was not kept")):
        as_json(replace(report, shots=(report.shots[0], dropped)))


def test_a_report_that_would_be_refused_is_not_written(report: TagReport) -> None:
    with pytest.raises(ValueError, match="sum to 0.9000, not to 1"):
        as_json(replace(report, shots=(replace(report.shots[0], probabilities=(0.0, 0.9)), report.shots[1])))


def test_probabilities_of_a_sigmoid_need_not_sum_to_one(report: TagReport, tmp_path: Path) -> None:
    by_itself = replace(report, model=replace(report.model, activation="sigmoid"))
    sure = replace(by_itself, shots=(replace(report.shots[0], probabilities=(0.9, 0.9)), report.shots[1]))
    write_report(sure, tmp_path / "x.json")
    assert read_report(tmp_path / "x.json") == sure


def test_reports_of_before_probabilities_were_kept_are_read(report: TagReport, tmp_path: Path) -> None:
    document = json.loads(as_json(report))
    del document["slugs"], document["model"]["activation"]
    for shot in document["shots"]:
        del shot["probabilities"]
    (tmp_path / "x.json").write_text(json.dumps(document))
    old = read_report(tmp_path / "x.json")
    assert (old.slugs, [shot.probabilities for shot in old.shots]) == ((), [(), ()])
    assert old.model.activation == ""


def test_fifteen_hundred_shots_with_fifty_tags_each_stay_below_two_megabytes(report: TagReport) -> None:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(50, 0.3), 1500).round(5)
    slugs = tuple(f"tag-{place}" for place in range(50))
    tags = tuple(
        RankedTag(place + 1, name, name, 0.123456789, 12.3456789, 12, 0.0123456789, True, "head")
        for place, name in enumerate(slugs)
    )
    best = [np.argsort(-row)[:3] for row in shares]
    shots = tuple(
        TaggedShot(
            place, place * 5.0050050, (place + 1) * 5.0050050, place * 120, place * 120 + 120,
            Keyframe(place * 120 + 60, place * 5.005005 + 2.5025025, 0, 7.1234567890123, True),
            tuple(ShotTag(slugs[tag], float(shares[place][tag]) + 1e-12) for tag in best[place]),
            tuple(shares[place].tolist()),
        )
        for place in range(1500)
    )  # fmt: skip
    text = as_json(replace(report, tags=tags, shots=shots, slugs=slugs))
    validate(text)
    assert len(text) < 2e6


def test_the_schema_notices_what_is_wrong(report: TagReport) -> None:
    document = json.loads(as_json(report))
    for path, value in ((("status",), "fine"), (("tags", 0, "score"), 1.5), (("shots", 0, "keyframe", "kept"), "yes")):
        broken = json.loads(json.dumps(document))
        place = broken
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        with pytest.raises(jsonschema.ValidationError):
            validate(json.dumps(broken))


def test_unknown_fields_of_the_future_are_left_out(report: TagReport, tmp_path: Path) -> None:
    document = json.loads(as_json(report))
    document["mood"] = "dark"
    document["tags"][0]["colour"] = "red"
    document["shots"][0]["keyframe"]["focus"] = 1
    (tmp_path / "x.json").write_text(json.dumps(document))
    assert read_report(tmp_path / "x.json") == report


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is not JSON"), ("[]", "schema None"), ('{"schema": "movietags/9"}', "movietags/9"),
     ('{"schema": "movietags/1"}', "missing required field `created`"), ("[" * 10**5, "is not JSON")],
)  # fmt: skip
def test_what_is_no_report_says_so(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(BadReport, match=message):
        read_report(tmp_path / "x.json")


def test_nan_never_gets_into_a_report(report: TagReport) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json(replace(report, timing=replace(report.timing, infer_s=float("nan"))))


@pytest.mark.parametrize("name", ["</script><script>.mp4", "e\u0301 \U0001f600.mp4", 'q"\n\t.mp4', "bad\udcff.mp4"])
def test_any_name_survives_json(report: TagReport, name: str, tmp_path: Path) -> None:
    text = as_json(named(report, name))
    assert "<" not in text
    assert text.isascii()
    (tmp_path / "x.json").write_text(text)
    assert read_report(tmp_path / "x.json").video.name == name


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x","y")', "+1", "-1", "@x", "\t=1", "\r=1", "\uff1d1"])
def test_no_cell_is_a_formula(report: TagReport, name: str) -> None:
    (_, first, *_) = csv.reader(io.StringIO(as_csv(named(report, name)), newline=""))
    assert first[0].startswith("'")


def test_csv_has_a_row_per_tag_for_pandas_too(report: TagReport) -> None:
    table = pd.read_csv(io.StringIO(as_csv(report)))
    assert tuple(table.columns) == COLUMNS
    assert table["slug"].tolist() == ["car-chase", "drama"]
    assert table["trained"].tolist() == [True, False]
    assert table["weight"].tolist() == [0.75, 0.0]


def test_control_characters_are_escaped() -> None:
    assert safe_cell("a\rb\x00c") == "a\\x0db\\x00c"


def test_table_shows_tags_with_weight_and_where(report: TagReport) -> None:
    title, _, row = as_table(report, 10).splitlines()
    assert title == "x.mp4: 00:08, 2 shots, 1 with a picture to tag"
    assert row.split() == ["1", "Car", "chase", "1.00", "0.81", "0.750", "1", "00:00"]
    assert as_table(named(report, "two\nlines"), 10).splitlines()[0].startswith("two\\x0alines: ")


@pytest.mark.parametrize(("told", "column", "last"), [
    (0.5, "0.50", []),
    (0.49, "0.49", ["nothing sure: Car chase is the likeliest, confidence 0.49 of 0.5"]),
    (None, "-", []),  # an earlier report, or a head that cannot tell
])  # fmt: skip
def test_table_says_when_nothing_is_sure(told: float | None, column: str, last: list[str], report: TagReport) -> None:
    tags = [replace(tag, confidence=told if tag.rank == 1 or told is None else 0.0) for tag in report.tags]
    _, _, row, *rest = as_table(replace(report, tags=tuple(tags)), 10).splitlines()
    assert row.split()[4] == column
    assert rest == last


def test_of_equals_the_first_is_the_likeliest_and_what_is_not_sure_never_looks_so(report: TagReport) -> None:
    for told, shown in ((0.0, "0.00"), (0.4999, "0.49"), (0.29, "0.29")):
        level = replace(report, tags=tuple(replace(tag, confidence=told) for tag in report.tags))
        *_, row, last = as_table(level, 10).splitlines()
        assert last == f"nothing sure: Car chase is the likeliest, confidence {shown} of 0.5"
        assert row.split()[4] == shown


def test_table_says_what_is_sure_and_not_in_it(report: TagReport) -> None:
    second = replace(report.tags[1], weight=0.1, confidence=0.7312)
    both = replace(report, tags=(replace(report.tags[0], confidence=0.1), second))
    assert as_table(both, 1).splitlines()[3:] == ["sure and further down (rank, confidence): Drama (2, 0.73)"]
    assert len(as_table(both, 2).splitlines()) == 4  # it stands there
    weightless = tuple(replace(tag, weight=0.0) for tag in both.tags)
    assert as_table(replace(both, tags=weightless), 2).splitlines()[1:] == [
        "no tag has any weight", "sure and further down (rank, confidence): Drama (2, 0.73)"
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", ["NaN", "Infinity", "1e999", "1.0001", "-0.1", '"0.5"', "true"])
def test_confidence_is_a_share_or_nothing(wrong: str, tmp_path: Path) -> None:
    text = as_json(REPORT).replace('"confidence": 0.8125', f'"confidence": {wrong}')
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(BadReport, match=r"x\.json: .*(no finite number|confidence)"):
        read_report(tmp_path / "x.json")


def test_some_tags_may_say_how_sure_and_others_not(report: TagReport, tmp_path: Path) -> None:
    half = replace(report, tags=(replace(report.tags[0], confidence=None), replace(report.tags[1], confidence=0.2)))
    (tmp_path / "x.json").write_text(as_json(half))
    assert read_report(tmp_path / "x.json") == half
    assert (half.says_confidence, half.sure) == (True, ())
    _, _, row, last = as_table(half, 10).splitlines()
    assert row.split()[4] == "-"
    assert last == "nothing sure: Drama is the likeliest, confidence 0.20 of 0.5"
    assert pd.read_csv(io.StringIO(as_csv(half)))["confidence"].isna().tolist() == [True, False]


def test_moments() -> None:
    assert [moment(0.9), moment(61.0), moment(3723.4)] == ["00:00", "01:01", "1:02:03"]


def test_films_of_one_name_get_files_of_their_own(report: TagReport, tmp_path: Path) -> None:
    films = [tmp_path / place for place in ("a/x.mp4", "b/x.mp4", "a/x.mkv", "a/X.mp4")]
    folder = Folder(tmp_path / "out")
    for film in films:
        folder.write(film, replace(report, video=replace(report.video, path=str(film))))
    found = sorted(read_report(path).video.path for path in (tmp_path / "out").glob("*.json"))
    assert found == sorted(map(str, films))
    assert len(list((tmp_path / "out").glob("*.tags.csv"))) == len(list((tmp_path / "out").glob("*.shots.csv"))) == 4
    assert (tmp_path / "out/x.tags.json").exists()


def test_the_same_film_overwrites_its_own_report_only(report: TagReport, tmp_path: Path) -> None:
    first, other = tmp_path / "a/x.mp4", tmp_path / "b/x.mp4"
    for film in (first, other, first, other):  # each time as a new run
        Folder(tmp_path / "out").write(film, replace(report, video=replace(report.video, path=str(film))))
    assert len(list((tmp_path / "out").glob("*.json"))) == 2
    assert read_report(tmp_path / "out/x.tags.json").video.path == str(first)


def test_one_relative_path_in_two_folders_is_two_films(
    report: TagReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        monkeypatch.chdir(tmp_path / place)
        video = replace(report.video, path="x.mp4", fingerprint=place * 32)
        Folder(tmp_path / "out").write(Path("x.mp4"), replace(report, video=video))
    assert {read_report(p).video.fingerprint for p in (tmp_path / "out").glob("*.json")} == {"a" * 32, "b" * 32}


def test_a_film_called_like_another_films_mark_is_safe(report: TagReport, tmp_path: Path) -> None:
    marked = distinct_name(tmp_path / "b/x.mp4", ".tags.json", 8).removesuffix(".tags.json")
    films = [tmp_path / f"a/{marked}.mp4", tmp_path / "a/x.mp4", tmp_path / "b/x.mp4"]
    folder = Folder(tmp_path / "out")
    for film in films:
        folder.write(film, replace(report, video=replace(report.video, path=str(film))))
    assert len(list((tmp_path / "out").glob("*.json"))) == 3


def test_what_is_no_file_is_not_opened(report: TagReport, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.tags.json")
    Folder(tmp_path).write(tmp_path / "x.mp4", report)
    assert len(list(tmp_path.glob("x-*.tags.json"))) == 1


def test_fields_of_another_kind_are_named(report: TagReport, tmp_path: Path) -> None:
    document = json.loads(as_json(report))
    document["video"]["path"] = 5
    (tmp_path / "x.json").write_text(json.dumps(document))
    with pytest.raises(BadReport, match=r"Expected `str`, got `int` - at `\$.video.path`"):
        read_report(tmp_path / "x.json")


@settings(deadline=None, max_examples=150)
@given(REPORTS)
def test_any_report_comes_back(tmp_path_factory: pytest.TempPathFactory, report: TagReport) -> None:
    path = tmp_path_factory.mktemp("any") / "x.json"
    write_report(report, path)
    assert read_report(path) == report
    assert path.read_bytes() == as_json(read_report(path)).encode()


# What a file may say. A place is the way to something in a document, as in ("tags", 0, "rank").

Place = tuple[str | int, ...]
EXAMPLE: Any = json.loads(as_json(REPORT))
WRONG: tuple[object, ...] = (None, True, 5, 0.5, "abc", [1], {"a": 1})
NULLABLE = {
    "declared_duration_s": (int, float), "declared_frames": (int,), "declared_fps": (int, float),
    "declared_timecode": (str,), "declared_reel": (str,), "stream": (int,),
    "confidence": (int, float), "decoded": (int, float), "unseen": (int,), "agreement": (int, float),
}  # fmt: skip
ALL_OR_NONE = {"slugs", "probabilities"}  # likewise, but one is nothing without the other
LATE = {"declared_fps", "declared_timecode", "declared_reel", "stream"}  # fields that the first reports did not have


def places(value: object, place: Place = ()) -> Iterator[Place]:
    """Where something stands in a document, from the outside in."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield (*place, key)
        yield from places(part, (*place, key))


def at(document: Any, place: Place) -> Any:
    """What stands there."""
    return reduce(lambda part, step: part[step], place, document)


def changed(place: Place, value: object) -> str:
    """The text of the example with another value there."""
    document = json.loads(json.dumps(EXAMPLE))
    at(document, place[:-1])[place[-1]] = value
    return json.dumps(document)


def may_hold(field: str, value: object, other: object) -> bool:
    """Whether a field that holds the one may hold the other, as far as the kind goes."""
    if field in NULLABLE and (other is None or type(other) in NULLABLE[field]):
        return True
    return type(value) is type(other) or (isinstance(value, float) and type(other) is int)


PLACES = [place for place in places(EXAMPLE) if place[0] not in ("schema", "settings")]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_a_field_of_another_kind_is_refused_by_name(place: Place, tmp_path: Path) -> None:
    """Every field there is, in turn, with each kind of value that is not its own."""
    field = next(str(step) for step in reversed(place) if isinstance(step, str))
    for wrong in WRONG:
        if not may_hold(field, at(EXAMPLE, place), wrong):
            (tmp_path / "x.json").write_text(changed(place, wrong))
            with pytest.raises(BadReport, match=rf"^[^\n]*x.json: does not follow [^\n]*\b{field}\b[^\n]*$"):
                read_report(tmp_path / "x.json")


@pytest.mark.parametrize("place", [place for place in PLACES if isinstance(place[-1], str)], ids=str)
def test_a_field_that_is_missing_is_named(place: Place, tmp_path: Path) -> None:
    document = json.loads(json.dumps(EXAMPLE))
    del at(document, place[:-1])[place[-1]]
    if place == ("shots", 1, "probabilities"):
        document["shots"][1]["keyframe"]["kept"] = True  # of one that was dropped none are missed
    (tmp_path / "x.json").write_text(json.dumps(document))
    if place[-1] in ALL_OR_NONE:
        with pytest.raises(BadReport, match="probabilities"):
            read_report(tmp_path / "x.json")
    elif place[-1] in LATE:
        assert json.loads(as_json(read_report(tmp_path / "x.json")))["video"][place[-1]] is None
    elif place[-1] == "activation":  # likewise
        assert read_report(tmp_path / "x.json").model.activation == ""
    elif place[0] == "scan" and place[-1] in ("decoded", "unseen", "agreement"):
        assert getattr(read_report(tmp_path / "x.json").scan, place[-1]) is None
    elif place[-1] == "confidence":
        assert None in {tag.confidence for tag in read_report(tmp_path / "x.json").tags}
    elif place[-1] == "answered_by":
        assert "" in {tag.answered_by for tag in read_report(tmp_path / "x.json").tags}
    else:
        with pytest.raises(BadReport, match=f"missing required field `{place[-1]}`"):
            read_report(tmp_path / "x.json")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_are_finite(number: str, tmp_path: Path) -> None:
    for place in PLACES:
        if isinstance(at(EXAMPLE, place), float):
            (tmp_path / "x.json").write_text(changed(place, "@").replace('"@"', number))
            with pytest.raises(BadReport, match=rf"x.json: is not JSON \({number} is no finite number\)"):
                read_report(tmp_path / "x.json")


@pytest.mark.parametrize(
    ("place", "wrong", "message"),
    [
        (("tags", 0, "score"), 1.5, r"<= 1.0 - at `\$.tags\[0\].score`"),
        (("tags", 1, "mean_probability"), -0.1, r">= 0.0 - at `\$.tags\[1\].mean_probability`"),
        (("tags", 0, "weight"), -1, r">= 0.0 - at `\$.tags\[0\].weight`"),
        (("tags", 0, "rank"), 0, r">= 1 - at `\$.tags\[0\].rank`"),
        (("tags", 0, "rank"), 2, r"tags\[0\], 'car-chase', has rank 2"),
        (("tags", 1, "slug"), "car-chase", "one has two ranks"),
        (("shots", 0, "tags", 0, "probability"), 2, r"<= 1.0 - at `\$.shots\[0\].tags\[0\].probability`"),
        (("shots", 0, "end_frame"), 0, r"no shot: frames \[0, 0\).* at `\$.shots\[0\]`"),
        (("shots", 0, "end_frame"), 101, r"shots\[1\] begins before the one before it ends"),
        (("shots", 1, "index"), 0, r"shots\[1\] has index 0"),
        (("video", "duration_s"), -1, r">= 0.0 - at `\$.video.duration_s`"),
        (("video", "duration_s"), 1e308, r"<= 9.22\d*e\+18 - at `\$.video.duration_s`"),
        (("video", "size_bytes"), 2**63, r"at `\$.video.size_bytes`"),
        (("shots", 0, "start_s"), -1e-3, r">= 0.0 - at `\$.shots\[0\].start_s`"),
        (("shots", 1, "end_s"), 1e306, r"<= 9.22\d*e\+18 - at `\$.shots\[1\].end_s`"),
        (("shots", 1, "end_frame"), 2**63, r"at `\$.shots\[1\].end_frame`"),
        (("shots", 0, "keyframe", "time_s"), -1, r">= 0.0 - at `\$.shots\[0\].keyframe.time_s`"),
        (("status",), "fine", r"'fine' - at `\$.status`"),
        (("settings",), [1], r"got `array` - at `\$.settings`"),
        (("settings", "detector"), [1], r"got `array` - at `\$.settings"),
    ],
)
def test_what_no_report_can_say_is_refused(place: Place, wrong: object, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(changed(place, wrong))
    with pytest.raises(BadReport, match=message):
        read_report(tmp_path / "x.json")


def test_the_writer_refuses_what_the_reader_would() -> None:
    for wrong in (replace(REPORT, tags=REPORT.tags[::-1]), replace(REPORT, shots=REPORT.shots[::-1])):
        with pytest.raises(ValueError, match=r"has rank 2|has index 1"):
            as_json(wrong)


def test_a_report_that_is_not_there_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="x.json: no such file") as caught:
        read_report(tmp_path / "x.json")
    assert isinstance(caught.value, PathMissing)
    with pytest.raises(BadPath, match="is a folder"):
        read_report(tmp_path)


def test_a_report_that_cannot_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.json").touch()

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(BadPath, match=r"x.json: cannot be read \(Permission denied\)"):
        read_report(tmp_path / "x.json")


def test_a_foreign_file_is_not_overwritten(report: TagReport, tmp_path: Path) -> None:
    (tmp_path / "x.tags.json").write_text("mine")
    Folder(tmp_path).write(tmp_path / "x.mp4", report)
    assert (tmp_path / "x.tags.json").read_text() == "mine"
