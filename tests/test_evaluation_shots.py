"""`movietags evaluate shots`: matching against its definition, truths as people write them, films and reports."""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from pathlib import Path

import media
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cli
from tagger import write_report
from tagger.errors import BadPath, BadTruth
from tagger.evaluation.shots import Boundaries, Changes, Gradual, Truth, as_json, as_table, match, read_truth, score
from tagger.records import Keyframe, ModelInfo, Scan, TaggedShot, TagReport, Timing
from tagger.video_info import Declared, Observed, VideoInfo

FRAMES = st.sets(st.integers(1, 40), max_size=12).map(sorted)
CHANGES = st.sets(st.builds(lambda start, mixed: Gradual(start, start + mixed), st.integers(0, 40), st.integers(1, 9)),
                  max_size=5)  # fmt: skip
TOLERANCES = st.integers(0, 6)


def nearest_first(found: list[int], cuts: list[int], tolerance: int) -> dict[int, int]:
    """The pairs from the definition: again and again the nearest of all that are free."""
    joined: dict[int, int] = {}
    while pairs := [
        (abs(cut - frame), cut, frame)
        for cut in cuts
        for frame in found
        if cut not in joined and frame not in joined.values() and abs(cut - frame) <= tolerance
    ]:
        _, cut, frame = min(pairs)
        joined[cut] = frame
    return joined


def most(changes: list[Gradual], left: frozenset[int], tolerance: int) -> int:
    """How many changes can be found at best, by trying everything."""
    if not changes:
        return 0
    (first, *rest) = changes
    near = [frame for frame in left if first.start - tolerance <= frame <= first.end + tolerance]
    return max([most(rest, left, tolerance), *(1 + most(rest, left - {frame}, tolerance) for frame in near)])


# Matching.


@given(FRAMES, FRAMES, TOLERANCES)
def test_cuts_are_matched_one_to_one_nearest_first(found: list[int], cuts: list[int], tolerance: int) -> None:
    joined = match(found, cuts, tolerance)
    assert joined == nearest_first(found, cuts, tolerance)
    assert len({*joined.values()}) == len(joined)


@given(FRAMES, FRAMES, CHANGES, TOLERANCES)
def test_as_many_gradual_changes_are_found_as_can_be(
    found: list[int], cuts: list[int], changes: set[Gradual], tolerance: int
) -> None:
    result = score(found, Truth(tuple(cuts), tuple(sorted(changes))), tolerance)
    joined = nearest_first(found, cuts, tolerance)
    assert result.cuts.right == len(joined)
    assert result.gradual.right == most(list(changes), frozenset({*found} - {*joined.values()}), tolerance)


@given(FRAMES, FRAMES, CHANGES, TOLERANCES)
def test_figures_follow_from_what_was_missed_and_what_is_false(
    found: list[int], cuts: list[int], changes: set[Gradual], tolerance: int
) -> None:
    result = score(found, Truth(tuple(cuts), tuple(sorted(changes))), tolerance)
    assert (result.found, result.true) == (len(found), len(cuts) + len(changes))
    assert result.right == result.found - len(result.false) == result.true - len(result.missed)
    assert result.right == result.cuts.right + result.gradual.right
    if result.found and result.true:
        assert (result.precision, result.recall) == (result.right / result.found, result.right / result.true)
    if result.right:
        assert result.f1 == pytest.approx(2 / (1 / result.precision + 1 / result.recall))
    else:
        assert result.f1 == float(not found and not cuts and not changes)


@pytest.mark.parametrize(
    ("found", "cuts", "tolerance", "joined"),
    [
        ([11], [10], 0, {}),
        ([11], [10], 1, {10: 11}),
        ([8], [10], 1, {}),
        ([11], [10, 12], 1, {10: 11}),  # equally near: the earlier cut
        ([9, 11], [10], 1, {10: 9}),  # the earlier boundary
        ([12, 15], [10, 13], 2, {13: 12}),  # the nearer pair, though 10-12 and 13-15 would be two
        ([12, 13], [10, 13], 2, {10: 12, 13: 13}),
    ],
)
def test_matching_by_hand(found: list[int], cuts: list[int], tolerance: int, joined: dict[int, int]) -> None:
    assert match(found, cuts, tolerance) == joined


@pytest.mark.parametrize(
    ("found", "tolerance", "right", "false"),
    [
        ([20], 0, 1, ()),  # the first mixed frame
        ([30], 0, 1, ()),  # the first frame of the new shot
        ([19], 0, 0, (19,)),
        ([31], 0, 0, (31,)),
        ([19], 1, 1, ()),
        ([31], 1, 1, ()),
        ([32], 1, 0, (32,)),
        ([22, 25, 28], 0, 1, (25, 28)),  # one each: the others are wrong
    ],
)
def test_a_gradual_change_is_found_anywhere_in_it(
    found: list[int], tolerance: int, right: int, false: tuple[int, ...]
) -> None:
    result = score(found, Truth((), (Gradual(20, 30),)), tolerance)
    assert (result.gradual, result.false) == (Changes(1, right, float(right)), false)
    assert result.missed == (() if right else (20,))


def test_cuts_take_their_boundaries_before_gradual_changes() -> None:
    truth = Truth((25,), (Gradual(20, 30),))
    result = score([24], truth, 1)
    assert (result.cuts.right, result.gradual.right, result.missed) == (1, 0, (20,))
    result = score([22, 24], truth, 1)
    assert (result.cuts.right, result.gradual.right, result.false) == (1, 1, ())


def test_all_figures_by_hand() -> None:
    found = score([101, 400, 210, 300, 300], Truth((100, 205, 299), (Gradual(390, 405), Gradual(500, 510))), 2)
    assert found == Boundaries(
        tolerance=2,
        true=5,
        found=4,  # 300 twice is one
        right=3,
        precision=3 / 4,
        recall=3 / 5,
        f1=2 * 3 / 9,
        cuts=Changes(3, 2, 2 / 3),
        gradual=Changes(2, 1, 1 / 2),
        missed=(205, 500),
        false=(210,),
    )


def test_shares_of_nothing() -> None:
    nothing = score([], Truth(()), 1)
    assert (nothing.precision, nothing.recall, nothing.f1) == (1.0, 1.0, 1.0)
    assert nothing.cuts == nothing.gradual == Changes(0, 0, None)
    silent = score([], Truth((5,)), 1)
    assert (silent.precision, silent.recall, silent.f1) == (0.0, 0.0, 0.0)
    loud = score([5], Truth(()), 1)
    assert (loud.precision, loud.recall, loud.f1) == (0.0, 0.0, 0.0)


def test_ten_thousand_cuts_take_no_time() -> None:
    cuts = tuple(range(10, 400_010, 40))
    changes = tuple(Gradual(cut + 10, cut + 20) for cut in cuts)
    found = [frame for cut in cuts for frame in (cut + 3, cut + 16)]
    begun = time.process_time()
    assert score(found, Truth(cuts, changes), 4).right == 20_000
    assert time.process_time() - begun < 5  # 10^8 comparisons of all with all would take longer


def test_records_refuse_what_is_out_of_order() -> None:
    for cuts in ((3, 2), (2, 2), (0, 2), (-1,)):
        with pytest.raises(ValueError, match="do not grow"):
            Truth(cuts)
    with pytest.raises(ValueError, match="do not grow"):
        Truth((), (Gradual(3, 5), Gradual(1, 2)))
    for start, end in ((4, 4), (5, 4), (-1, 4)):
        with pytest.raises(ValueError, match=f"from frame {start} to {end} has no mixed frame"):
            Gradual(start, end)


# Truths.

TRUTH = Truth((8, 30, 75), (Gradual(40, 50), Gradual(60, 61)))


@pytest.mark.parametrize(
    ("name", "text", "truth"),
    [
        ("a.json", '{"cuts": [75, 30, 8, 30, 0], "gradual": [[60, 61], [40, 50], [60, 61]]}', TRUTH),
        ("a.JSON", '\ufeff{"cuts": [], "film": {"cuts": [1]}}', Truth(())),
        ("a.json", '{"cuts": [4], "gradual": []}', Truth((4,))),
        ("a.csv", "start,end\n75,\n40,50\n30,30\n\n0,\n60,61\n8,\n", TRUTH),
        ("a.csv", "\ufeff Start , END,note\r\n1,2,x\r\n", Truth((), (Gradual(1, 2),))),
        ("a.CSV", 'note,Frame\n"two\nlines",30\n,\n, 8 \nshort,8,9\n', Truth((8, 30))),
        ("a.csv", "frame\n", Truth(())),
        ("a.csv", "frame,end\n7,9\n", Truth((7,))),  # only `start` has an end
        ("a.csv", "start;end\n3;4\n", Truth((), (Gradual(3, 4),))),
        ("a.csv", "start\tend\n3\t4\n", Truth((), (Gradual(3, 4),))),
    ],
)
def test_truths_are_read_in_any_order_and_once(tmp_path: Path, name: str, text: str, truth: Truth) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    assert read_truth(path) == truth


def test_truths_of_spreadsheets_in_utf_16(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("start\tend\r\n75\t\r\n40\t50\r\n", encoding="utf-16", newline="")
    assert read_truth(path) == Truth((75,), (Gradual(40, 50),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value: line 1 column 1"),
        ('{"cuts": [1, 2}', "Expecting ',' delimiter"),
        ("[" * 100_000, "recursion"),
        ("[1, 2]", "it has no list `cuts`"),
        ('{"gradual": []}', "it has no list `cuts`"),
        ('{"cuts": 7}', "it has no list `cuts`"),
        ('{"cuts": [3, -5]}', "-5 is no frame: a whole number from 0"),
        ('{"cuts": [3.0]}', "3.0 is no frame"),
        ('{"cuts": [NaN]}', "nan is no frame"),
        ('{"cuts": ["3"]}', "'3' is no frame"),
        ('{"cuts": [true]}', "True is no frame"),
        ('{"cuts": [[3, 4]]}', "[3, 4] is no frame"),
        ('{"cuts": ["' + "x" * 99 + '"]}', "'" + "x" * 39 + " is no frame"),
        ('{"cuts": [], "gradual": [5]}', "its `gradual` is no list of pairs"),
        ('{"cuts": [], "gradual": [[5]]}', "its `gradual` is no list of pairs"),
        ('{"cuts": [], "gradual": ["57"]}', "its `gradual` is no list of pairs"),
        ('{"cuts": [], "gradual": null}', "its `gradual` is no list of pairs"),
        ('{"cuts": [], "gradual": [[5, null]]}', "None is no frame"),
        ('{"cuts": [], "gradual": [[5, 5]]}', "from frame 5 to 5 has no mixed frame"),
        ('{"cuts": [], "gradual": [[6, 5]]}', "from frame 6 to 5 has no mixed frame"),
    ],
)
def test_json_that_is_no_truth_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    refused(path, message, 'write {"cuts": [frame, ...], "gradual"')


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "its header is ''"),
        (b"30\n75\n", "its header is '30'"),
        (b"start\n3\n", "its header is 'start'"),
        (b"frame,start,end\n3,3,4\n", "its header is 'frame,start,end'"),  # which of them?
        (b"frame\n30\nabout 75\n", "line 3: 'about 75' is no frame"),
        (b"frame\n-3\n", "line 2: '-3' is no frame"),
        (b"frame\n3.5\n", "line 2: '3.5' is no frame"),
        (b"frame\n1_000\n", "line 2: '1_000' is no frame"),
        ("frame\n٣\n".encode(), "line 2: '٣' is no frame"),
        (b"note,frame\n\nx\n", "line 3: '' is no frame"),
        (b"start,end\n,7\n", "line 2: '' is no frame"),
        (b"start,end\n3,x\n", "line 2: 'x' is no frame"),
        (b"start,end\n8,7\n", "line 2: a gradual change from frame 8 to 7 has no mixed frame"),
        (b"frame\n\xff\n", "line 2 is not UTF-8 text: save it as CSV UTF-8"),
        (b"\xff\xfef\0r", "is not UTF-16 text: save it as CSV UTF-8"),
        (b"frame\n" + b"1" * 200_000, "field larger than field limit"),
        (b"frame\n" + b"1" * 5000, "line 2: Exceeds the limit"),
    ],
)
def test_csv_that_is_no_truth_is_refused(tmp_path: Path, body: bytes, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(body)
    refused(path, message, "write a header `frame` (cuts) or `start,end`")


def refused(path: Path, message: str, remedy: str) -> None:
    """In one line: which file, what was received, what to do."""
    with pytest.raises(BadTruth) as error:
        read_truth(path)
    said = str(error.value)
    assert said.startswith(f"{path}: no truth about shots (")
    assert message in said
    assert remedy in said
    assert len(said.splitlines()) == 1


def test_truths_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(BadPath, match=r"a\.json: no such file"):
        read_truth(tmp_path / "a.json")
    with pytest.raises(BadPath, match="is a folder"):
        read_truth(tmp_path)
    text = tmp_path / "truth.txt"
    text.write_text('{"cuts": []}')
    with pytest.raises(BadTruth, match=r"truth\.txt: a truth is named \.json or \.csv, not '\.txt'"):
        read_truth(text)


def test_a_truth_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))  # root is never refused

    (tmp_path / "a.csv").touch()
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(BadPath, match=r"a\.csv: cannot be read \(Permission denied\)$"):
        read_truth(tmp_path / "a.csv")


# What is said.


def test_the_table_has_a_line_for_each_kind() -> None:
    found = score([10, 20, 33], Truth((10, 21, 40)), 1)
    assert as_table(found).splitlines() == [
        "within 1 frame       true  found  right  precision  recall     F1",
        "cuts                    3      -      2          -   0.667      -",
        "gradual                 0      -      0          -       -      -",
        "all                     3      3      2      0.667   0.667  0.667",
    ]
    assert as_table(score([], Truth(()), 0)).startswith("within 0 frames ")


def test_json_has_every_figure() -> None:
    assert json.loads(as_json(score([10, 33], Truth((10,), (Gradual(20, 30),)), 1))) == {
        "tolerance": 1,
        "true": 2,
        "found": 2,
        "right": 1,
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "cuts": {"true": 1, "right": 1, "recall": 1.0},
        "gradual": {"true": 1, "right": 0, "recall": 0.0},
        "missed": [20],
        "false": [33],
    }


# The command.


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, list[str]]:
    """Exit code, stdout and the lines of stderr."""
    with pytest.raises(SystemExit) as done:
        cli.cli(["evaluate", "shots", *map(str, words)], prog_name="movietags")
    said = capsys.readouterr()
    return int(done.value.code or 0), said.out, said.err.splitlines()


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Of the film of three shots, whose cuts are 30 and 75, with one that it does not have."""
    path = tmp_path / "truth.json"
    path.write_text('{"cuts": [31, 50, 75]}')
    return path


def test_a_film_is_decoded_and_measured(
    capsys: pytest.CaptureFixture[str], film: media.Truth, truth: Path, tmp_path: Path
) -> None:
    output = tmp_path / "new/figures.json"
    code, out, err = run(capsys, film.path, truth, "-o", output)
    expected = score(film.cuts, Truth((31, 50, 75)), 1)
    assert (code, out, err) == (0, as_table(expected) + "\n", [])
    assert output.read_text() == as_json(expected)
    assert (expected.right, expected.missed, expected.false) == (2, (50,), ())
    code, out, _ = run(capsys, film.path, truth, "--tolerance", "0")
    assert (code, out) == (0, as_table(score(film.cuts, Truth((31, 50, 75)), 0)) + "\n")


def test_the_detector_is_the_one_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A picture and its mirror images have the same histogram; a shot of 20 frames lasts 0.8 s."""
    still = media.scenery(0, 320, 180)
    views, lengths = (still, still[::-1], still[:, ::-1]), (30, 20, 30)
    pictures = (views[shot] for shot, length in enumerate(lengths) for _ in range(length))
    film = media.write(tmp_path / "mirror.mp4", pictures, options={"crf": "10"})
    truth = tmp_path / "truth.csv"
    truth.write_text("frame\n30\n50\n")
    rights = []
    for more in (["--min-shot", "0.1"], ["--min-shot", "1"], ["--min-shot", "0.1", "--detector", "histogram"]):
        code, out, _ = run(capsys, film.path, truth, *more)
        assert code == 0
        rights.append(int(out.splitlines()[-1].split()[3]))
    assert rights == [2, 1, 0]


def test_a_dissolve_is_found_where_it_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Six mixed frames, with the histogram detector, which compares each frame with the one before."""
    before, after = media.scenery(0, 320, 180), media.scenery(1, 320, 180)
    shares = [0.0] * 30 + [step / 7 for step in range(1, 7)] + [1.0] * 30
    pictures = (np.asarray(before * (1 - share) + after * share, np.uint8) for share in shares)
    film = media.write(tmp_path / "dissolve.mp4", pictures)
    truth = tmp_path / "truth.csv"
    truth.write_text("start,end\n30,36\n")
    code, out, err = run(capsys, film.path, truth, "--detector", "histogram", "--tolerance", "0")
    assert (code, err) == (0, [])
    assert out == as_table(score([30], Truth((), (Gradual(30, 36),)), 0)) + "\n"


def report(cuts: tuple[int, ...], frames: int) -> TagReport:
    starts = (0, *cuts, frames)
    declared, observed = Declared(None, None, 25.0), Observed(frames / 25, 320, 180, frames, 0)
    shots = [
        TaggedShot(index, a / 25, b / 25, a, b, Keyframe(a + (b - a) // 2, a / 25, 0, 7.0, True), ())
        for index, (a, b) in enumerate(pairwise(starts))
    ]
    return TagReport(
        created="2026-01-02T03:04:05+00:00",
        version="0.1.0",
        video=VideoInfo("x.mp4", "x.mp4", 10, "0" * 32, "h264", 25.0, declared, observed),
        model=ModelInfo("movies50", "compact/avg_pool", "a" * 64, "b" * 64),
        settings={},
        tags=(),
        shots=tuple(shots),
        status="ok",
        scan=Scan("full", "full", "every frame is decoded"),
        timing=Timing(2.0, 1.0, 1.5, 0.5, 4.0),
    )


def test_a_report_is_measured_without_its_film(capsys: pytest.CaptureFixture[str], truth: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.tags.json"
    write_report(report((31, 76, 90), 100), path)
    code, out, err = run(capsys, path, truth)
    assert (code, out, err) == (0, as_table(score([31, 76, 90], Truth((31, 50, 75)), 1)) + "\n", [])


def test_changes_behind_the_film_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path, truth = tmp_path / "x.tags.json", tmp_path / "truth.json"
    write_report(report((30,), 100), path)
    truth.write_text('{"cuts": [30, 99, 100], "gradual": [[98, 120], [101, 103]]}')
    code, out, err = run(capsys, path, truth)
    assert code == 0
    assert err == [f"movietags: {truth}: changes behind the last of the film's 100 frames: 2; is it of this film?"]
    assert run(capsys, path, truth, "-q") == (0, out, [])


def test_the_bar_is_for_terminals(
    capsys: pytest.CaptureFixture[str], film: media.Truth, truth: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagger.commands.console.BAR_STEP_S", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "4 of 4 s of film" in "".join(run(capsys, film.path, truth)[2])
    assert run(capsys, film.path, truth, "-q")[2] == []


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["film.mp4"], 2, "Missing argument 'TRUTH'"),
        (["film.mp4", "truth.json", "-o", "-"], 2, "--output names a file of its own"),
        (["film.mp4", "truth.json", "-o", "truth.json"], 2, "--output names a file of its own"),
        (["film.mp4", "truth.json", "-o", "film.mp4"], 2, "--output names a file of its own"),
        (["film.mp4", "truth.json", "-o", "film.mp4/figures.json"], 1, "error: film.mp4: no folder to write to"),
        (["film.mp4", "truth.json", "--tolerance", "-1"], 2, "is not in the range 0<=x<=1000"),
        (["film.mp4", "truth.json", "--min-shot", "nan"], 2, "min_shot_s = nan: from 0 to 3600"),
        (["film.mp4", "truth.json", "--detector", "eyes"], 2, "'eyes' is not one of"),
        (["film.mp4", "none.json"], 1, "error: none.json: no such file"),
        (["film.mp4", "film.mp4"], 1, "error: film.mp4: a truth is named .json or .csv, not '.mp4'"),
        (["film.mp4", "bad.csv"], 1, "error: bad.csv: no truth about shots (line 2: 'x' is no frame"),
        (["none.mp4", "truth.json"], 1, "error: none.mp4: no such file"),
        (["bad.csv", "truth.json"], 1, "error: bad.csv: is no video that FFmpeg can open"),
        (["truth.json", "truth.json"], 1, "error: truth.json: schema None, this version reads 'movietags/1'"),
    ],
)
def test_mistakes_are_one_line_and_leave_everything_as_it_was(
    capsys: pytest.CaptureFixture[str], film: media.Truth, truth: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "film.mp4").symlink_to(film.path)
    (tmp_path / "bad.csv").write_text("frame\nx\n")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    ended, out, err = run(capsys, *words)
    assert (ended, out) == (code, "")
    assert message in err[-1]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
