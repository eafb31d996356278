"""`movietags segments`: spans by hand and by property, files that other programs must be able to read."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import media
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger import Tagger, write_report
from tagger.commands.segments import segments
from tagger.errors import BadSettings
from tagger.records import Keyframe, ModelInfo, RankedTag, Scan, ShotTag, TaggedShot, TagReport, Timing
from tagger.reports.csv_segments import COLUMNS, as_csv
from tagger.reports.edl import as_edl, cautions
from tagger.reports.json_segments import as_json
from tagger.reports.segments_table import as_table
from tagger.reports.vtt import as_vtt, timestamp
from tagger.segments import Rule, Segment, Segments, find, notes
from tagger.settings import Settings
from tagger.video_info import Declared, Observed, VideoInfo
from tagger.vocabulary import Group

CHASE, SEA, WAR, ROBOT = "car-chase", "beach-sea", "war", "robot"
NAMES = {CHASE: "Car chase", SEA: "Beach/Sea", WAR: "War", ROBOT: "Robot"}  # the last was never trained
Tags = dict[str, float]

Event = tuple[int, list[str]]  # number and the four timecodes of a line in an EDL


def shot(index: int, start_s: float, end_s: float, start: int, end: int, tags: Tags) -> TaggedShot:
    best = sorted(tags.items(), key=lambda tag: -tag[1])
    found = tuple(ShotTag(slug, probability) for slug, probability in best)
    return TaggedShot(index, start_s, end_s, start, end, Keyframe(start, start_s, 0, 7.0, bool(tags)), found)


def report_of(shots: Sequence[TaggedShot], fps: float = 25.0, name: str = "x.mp4") -> TagReport:
    last = shots[-1]
    declared, observed = Declared(None, None, fps), Observed(last.end_s, 320, 180, last.end_frame, 0)
    return TagReport(
        created="2026-01-02T03:04:05+00:00",
        version="0.1.0",
        video=VideoInfo(name, name, 10, "0" * 32, "h264", fps, declared, observed),
        model=ModelInfo("movies50", "compact/avg_pool", "a" * 64, "b" * 64),
        settings={},
        tags=tuple(
            RankedTag(rank, tag, slug, 0.0, 0.0, 0, 0.1, slug != ROBOT)
            for rank, (slug, tag) in enumerate(NAMES.items(), 1)
        ),
        shots=tuple(shots),
        status="ok",
        scan=Scan("full", "full", "every frame is decoded"),
        timing=Timing(2.0, 1.0, 1.5, 0.5, 4.0),
    )


def film(*parts: tuple[int, Tags], fps: float = 25.0, name: str = "x.mp4") -> TagReport:
    """A report of shots with so many frames and these tags; without tags a shot was dropped."""
    ends = list(accumulate(length for length, _ in parts))
    marks = zip([0, *ends], ends, strict=False)
    shots = [
        shot(index, start / fps, end / fps, start, end, tags)
        for index, ((start, end), (_, tags)) in enumerate(zip(marks, parts, strict=True))
    ]
    return report_of(shots, fps, name)


@pytest.fixture
def report() -> TagReport:
    """32 s at 25 frames/s: the chase in shots 0, 1, 3 and 6, the sea in 1, 2 and 3; shot 4 is black."""
    return film(
        (100, {CHASE: 0.9}),
        (50, {CHASE: 0.3, SEA: 0.6}),
        (50, {SEA: 0.2}),
        (100, {SEA: 0.5, CHASE: 0.4}),
        (25, {}),
        (75, {WAR: 0.7}),
        (400, {CHASE: 0.25}),
    )


def frames(found: Segments | Sequence[Segment]) -> list[tuple[int, int]]:
    spans = found.segments if isinstance(found, Segments) else found
    return [(segment.start_frame, segment.end_frame) for segment in spans]


# Which shots make a segment.


def test_neighbours_that_carry_a_tag_are_one_segment(report: TagReport) -> None:
    first, second, third = find(report, [CHASE], Rule()).segments
    assert replace(first, probability=0) == Segment("Car chase", CHASE, 0.0, 6.0, 0, 150, 2, 0, 0.9)
    assert first.probability == pytest.approx((4 * 0.9 + 2 * 0.3) / 6)
    assert second == Segment("Car chase", CHASE, 8.0, 12.0, 200, 300, 1, 0.4, 0.4)
    assert third == Segment("Car chase", CHASE, 16.0, 32.0, 400, 800, 1, 0.25, 0.25)


def test_the_threshold_is_the_least_probability_that_counts(report: TagReport) -> None:
    assert frames(find(report, [CHASE], Rule(threshold=0.4))) == [(0, 100), (200, 300)]
    assert frames(find(report, [CHASE], Rule(threshold=0.41))) == [(0, 100)]
    assert frames(find(report, [CHASE], Rule(threshold=1))) == []


def test_gaps_are_closed_up_to_their_very_length(report: TagReport) -> None:
    assert frames(find(report, [CHASE], Rule(max_gap_s=1.99))) == [(0, 150), (200, 300), (400, 800)]
    (first, second) = find(report, [CHASE], Rule(max_gap_s=2)).segments
    assert frames([first, second]) == [(0, 300), (400, 800)]
    assert (first.shots, first.highest_probability) == (3, 0.9)  # the shot in the gap says nothing
    assert first.probability == pytest.approx((4 * 0.9 + 2 * 0.3 + 4 * 0.4) / 10)
    assert frames(find(report, [CHASE], Rule(max_gap_s=4))) == [(0, 800)]  # over black too


def test_short_ones_are_dropped_after_joining(report: TagReport) -> None:
    assert frames(find(report, [CHASE], Rule(min_duration_s=6))) == [(0, 150), (400, 800)]
    assert frames(find(report, [CHASE], Rule(min_duration_s=6.01))) == [(400, 800)]
    assert frames(find(report, [CHASE], Rule(max_gap_s=2, min_duration_s=10))) == [(0, 300), (400, 800)]


@pytest.mark.parametrize(("before", "between"), [(29, 50), (57, 50), (10, 3), (251, 30)])
def test_seconds_that_are_sums_of_floats_count_as_typed(before: int, between: int) -> None:
    parts = (before, {CHASE: 0.5}), (between, {WAR: 0.5}), (between, {CHASE: 0.5})
    assert len(find(film(*parts), [CHASE], Rule(max_gap_s=between / 25)).segments) == 1
    assert len(find(film(*parts), [WAR], Rule(min_duration_s=between / 25)).segments) == 1


def test_shots_without_time_still_part_and_still_count() -> None:
    """Damaged films have such: frames with one time stamp."""
    shots = [
        shot(0, 0.0, 2.0, 0, 50, {CHASE: 0.5}),
        shot(1, 2.0, 2.0, 50, 60, {WAR: 0.5}),
        shot(2, 2.0, 2.0, 60, 70, {CHASE: 0.4}),
        shot(3, 2.0, 2.0, 70, 71, {CHASE: 0.2}),
    ]
    found = find(report_of(shots), [CHASE], Rule())
    assert frames(found) == [(0, 50), (60, 71)]
    assert found.segments[1].probability == pytest.approx(0.3)
    assert frames(find(report_of(shots), [CHASE], Rule(max_gap_s=0.1))) == [(0, 71)]


def test_tags_come_as_asked_for_or_best_first(report: TagReport) -> None:
    asked = find(report, ["BEACH/SEA", "car Chase", "beach-sea", "robot"], Rule())
    assert [tag.slug for tag in asked.tags] == [SEA, CHASE, ROBOT]
    assert [segment.slug for segment in asked.segments] == [SEA, CHASE, CHASE, CHASE]
    every = find(report, [], Rule())
    assert [tag.slug for tag in every.tags] == [CHASE, SEA, WAR]
    assert [tag.slug for tag in find(report, [], Rule(threshold=0.65)).tags] == [CHASE, WAR]
    assert every.of(every.tags[1]) == asked.of(asked.tags[0]) == asked.segments[:1]


def test_an_unknown_tag_names_those_like_it(report: TagReport) -> None:
    said = "tag 'cars': movies50 has no such tag, but car-chase, war; `movietags vocab show movies50` .* lists all"
    with pytest.raises(BadSettings, match=said):
        find(report, ["war", "cars"], Rule())
    with pytest.raises(BadSettings, match="tag '': movies50 has no such tag; "):
        find(report, [""], Rule())


def whole(*shares: tuple[float, ...]) -> TagReport:
    """A report of one-second shots that say of every tag how probable it is; none carries one by its top three."""
    shots = [
        replace(shot(place, float(place), place + 1.0, 25 * place, 25 * place + 25, {}), probabilities=row)
        for place, row in enumerate(shares)
    ]
    return replace(report_of(shots), slugs=tuple(NAMES))


def test_a_threshold_counts_among_all_tags_of_a_shot() -> None:
    report = whole((0.1, 0.6, 0.2, 0.1), (0.3, 0.4, 0.2, 0.1), (), (0.05, 0.05, 0.8, 0.1))
    assert frames(find(report, [WAR], Rule(threshold=0.2))) == [(0, 50), (75, 100)]
    assert frames(find(report, [WAR], Rule(threshold=0.21))) == [(75, 100)]
    assert frames(find(report, [WAR], Rule(threshold=0))) == [(0, 50), (75, 100)]  # the dropped shot says nothing
    assert frames(find(report, [WAR], Rule())) == []
    assert find(report, [WAR], Rule(threshold=0.7)).segments[0].probability == 0.8


def test_a_group_is_carried_by_shots_that_carry_one_of_its_tags() -> None:
    fight = Group("Fight", (WAR, CHASE))
    report = film((50, {WAR: 0.4, SEA: 0.3}), (50, {CHASE: 0.5}), (50, {SEA: 0.9}), (50, {CHASE: 0.2, WAR: 0.1}))
    found = find(report, [SEA], Rule(), [fight])
    assert [tag.tag for tag in found.tags] == ["Fight (group)", "Beach/Sea"]
    assert frames(found)[:2] == [(0, 100), (150, 200)]
    assert [one.highest_probability for one in found.of(found.tags[0])] == [0.5, 0.2]


def test_tags_of_a_group_are_together_as_probable_as_a_threshold_says() -> None:
    report = whole((0.3, 0.1, 0.35, 0.25), (0.5, 0.4, 0.05, 0.05))
    fight = Group("Fight", (WAR, CHASE))
    assert frames(find(report, [], Rule(threshold=0.6), [fight])) == [(0, 25)]
    assert frames(find(report, [], Rule(threshold=0.55), [fight])) == [(0, 50)]
    by_itself = replace(report, model=replace(report.model, activation="sigmoid"))
    assert frames(find(by_itself, [], Rule(threshold=0.55), [fight])) == []
    assert frames(find(by_itself, [], Rule(threshold=0.5), [fight])) == [(25, 50)]


def test_a_group_of_another_vocabulary_is_refused(report: TagReport) -> None:
    with pytest.raises(BadSettings, match="group Fight: the report has no tag fencing: it is of another vocabulary"):
        find(report, [], Rule(), [Group("Fight", (WAR, "fencing"))])


def test_groups_and_tags_that_would_be_called_alike_are_refused(report: TagReport) -> None:
    """Their segments could not be told apart."""
    tags = (replace(report.tags[0], tag="Fight group", slug="fight-group"), *report.tags[1:])
    one, other = (Group("Fight", (tag.slug,)) for tag in report.tags[1:3])
    for names, groups in ((["fight group"], [one]), ([], [one, other])):
        with pytest.raises(BadSettings, match=r"'Fight \(group\)' and 'Fight .*' would be called alike"):
            find(replace(report, tags=tags), names, Rule(), groups)
    assert len(find(report, [], Rule(), [one, one]).tags) == 1


def test_groups_of_a_vocabulary_that_is_not_here_are_said_to_be_of_it(run: Run, report: TagReport) -> None:
    write_report(replace(report, settings={"vocabulary": "my/words"}), Path("z.tags.json"))
    code, _, err = run("z.tags.json", "--group", "fight")
    assert code == 2 and "--group: z.tags.json was tagged with my/words, whose groups.txt says what" in err[-1]
    assert "neither shipped" in err[-1]


def test_the_command_takes_groups_of_the_vocabulary(run: Run, report: TagReport, tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words/labels.txt").write_text("\n".join(NAMES.values()))
    (tmp_path / "words/groups.txt").write_text("# a note\nFight: war, Car chase\n")
    write_report(replace(report, settings={"vocabulary": str(tmp_path / "words")}), tmp_path / "y.tags.json")
    code, out, _ = run("y.tags.json", "--group", "fight")
    assert (code, out) == (0, as_table(find(report, [], Rule(), [Group("Fight", (WAR, CHASE))])) + "\n")
    code, out, err = run("y.tags.json", "--group", "peace")
    assert (code, out) == (2, "") and "group 'peace': the vocabulary words has fight (groups.txt in " in err[-1]


def test_a_tag_in_no_segment_is_said_to_be_where_it_is_most_probable() -> None:
    report = whole((0.1, 0.6, 0.2, 0.1), (0.1, 0.5, 0.31, 0.09))
    (line,) = notes(find(report, [WAR], Rule()))
    assert line.startswith("War: most probable at 00:01 (0.31), in no shot that counts: --threshold")
    assert list(notes(find(report, [WAR], Rule(threshold=0.3)))) == []
    assert list(notes(find(report, [ROBOT], Rule()))) == []  # never trained: nothing knows where it is


def test_an_old_report_says_what_a_threshold_cannot_find_in_it(report: TagReport) -> None:
    assert not any("earlier version" in line for line in notes(find(report, [CHASE], Rule())))
    (line,) = notes(find(report, [CHASE], Rule(threshold=0.1)))
    assert line.startswith("x.mp4: its report is of an earlier version, with up to three tags of each shot")


@pytest.mark.parametrize("field", ["threshold", "max_gap_s", "min_duration_s"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.5", None])
def test_rules_outside_their_range_are_refused(field: str, value: Any) -> None:
    if (field, value) == ("threshold", None):
        assert Rule(threshold=None) == Rule()  # the one that may be left out
        return
    with pytest.raises(BadSettings, match=re.escape(f"{field} = {value!r}: ")):
        Rule(**{field: value})


PROBABILITIES = st.none() | st.floats(0, 1)
FILMS = st.lists(st.tuples(st.integers(1, 60), PROBABILITIES, PROBABILITIES), min_size=1, max_size=30).map(
    lambda parts: film(
        *((length, {slug: p for slug, p in ((CHASE, a), (SEA, b)) if p is not None}) for length, a, b in parts)
    )
)
SECONDS = st.floats(0, 10)


@given(FILMS, st.floats(0, 1), SECONDS, SECONDS)
def test_segments_of_a_tag_are_apart_and_in_order(
    report: TagReport, threshold: float, max_gap_s: float, min_duration_s: float
) -> None:
    found = find(report, [], Rule(threshold, max_gap_s, min_duration_s))
    for tag in found.tags:
        spans = found.of(tag)
        assert spans
        assert all(one.end_s <= other.start_s and one.end_frame < other.start_frame for one, other in pairwise(spans))
        assert all(span.duration_s >= min_duration_s - 1e-5 for span in spans)
        assert all(threshold - 1e-9 <= span.probability <= span.highest_probability + 1e-9 for span in spans)


@given(FILMS, st.floats(0, 1))
def test_segments_cover_just_the_shots_that_carry_the_tag(report: TagReport, threshold: float) -> None:
    found = find(report, [CHASE], Rule(threshold))
    carry = [
        tagged
        for tagged in report.shots
        if any(tag.slug == CHASE and tag.probability >= threshold for tag in tagged.tags)
    ]
    covered = {frame for start, end in frames(found) for frame in range(start, end)}
    assert covered == {frame for one in carry for frame in range(one.start_frame, one.end_frame)}
    assert sum(segment.shots for segment in found.segments) == len(carry)


@given(FILMS, SECONDS, SECONDS)
def test_closing_larger_gaps_never_gives_more_segments(report: TagReport, some_s: float, more_s: float) -> None:
    few, many = (find(report, [CHASE], Rule(max_gap_s=gap)) for gap in (some_s + more_s, some_s))
    assert len(few.segments) <= len(many.segments)
    assert all(any(a <= c and d <= b for a, b in frames(few)) for c, d in frames(many))


# Tables.


def test_the_table_ends_with_how_much_of_the_film_it_is(report: TagReport) -> None:
    assert as_table(find(report, [CHASE], Rule(threshold=0.3))).splitlines() == [
        "x.mp4: 00:32",
        "tag                from            to  seconds  shots  probability  highest",
        "Car chase  00:00:00.000  00:00:06.000    6.000      2         0.70     0.90",
        "Car chase  00:00:08.000  00:00:12.000    4.000      1         0.40     0.40",
        "Car chase: 2 segments, 10.000 s, 31.2 % of the film",
    ]
    assert as_table(find(report, [ROBOT, WAR], Rule())).splitlines()[-2:] == [
        "Robot: 0 segments, 0.000 s, 0.0 % of the film",
        "War: 1 segment, 3.000 s, 9.4 % of the film",
    ]
    assert as_table(find(report, [], Rule(threshold=1))).splitlines() == ["x.mp4: 00:32", "no shot carries a tag"]


def test_a_film_of_no_length_has_no_share() -> None:
    found = find(report_of([shot(0, 0.0, 0.0, 0, 1, {WAR: 0.5})]), [WAR], Rule())
    assert as_table(found).endswith("War: 1 segment, 0.000 s, 0.0 % of the film")
    assert as_vtt(found) == "WEBVTT\n"  # a cue of no length is not allowed


def test_csv_and_json_say_all_that_is_known(report: TagReport) -> None:
    tags = tuple(replace(tag, tag=tag.tag.replace("War", "@War")) for tag in report.tags)
    report = replace(report, tags=tags, video=replace(report.video, name="=1.mp4"))
    found = find(report, [WAR, CHASE], Rule(max_gap_s=2))
    rows = list(csv.DictReader(io.StringIO(as_csv(found), newline="")))
    document = json.loads(as_json(found))
    assert tuple(rows[0]) == COLUMNS
    assert [row.pop("film") for row in rows] == ["'=1.mp4"] * 3
    assert [row["tag"] for row in rows] == ["'@War", "Car chase", "Car chase"]
    for row, segment in zip(rows, document["segments"], strict=True):
        assert {**row, "tag": segment["tag"]} == {name: str(value) for name, value in segment.items()}
    assert [Segment(**segment) for segment in document["segments"]] == list(found.segments)
    assert document["rule"] == {"threshold": None, "max_gap_s": 2.0, "min_duration_s": 0.0}
    assert document["video"]["name"] == "=1.mp4"
    assert document["tags"][1] == {
        "tag": "Car chase", "slug": CHASE, "trained": True, "segments": 2, "duration_s": 28.0, "share": 28 / 32,
        "confidence": None,
    }  # fmt: skip


def test_json_says_how_sure_it_is_that_the_film_shows_a_tag(report: TagReport) -> None:
    told = replace(report, tags=tuple(replace(tag, confidence=tag.rank / 8) for tag in report.tags))
    fight = Group("Fight", (WAR, CHASE))
    tags = json.loads(as_json(find(told, [CHASE], Rule(), [fight])))["tags"]
    (chase,) = (tag for tag in told.tags if tag.slug == CHASE)
    assert [tag["confidence"] for tag in tags] == [None, chase.confidence]  # of a group nobody knows


# WebVTT.


def cues_of(text: str) -> list[tuple[str, str, str]]:
    """Start, end and text of each cue; fails where the text is no WebVTT."""
    header, *blocks = text.removesuffix("\n").split("\n\n")
    assert header == "WEBVTT"
    found = []
    for block in blocks:
        times, payload = block.split("\n")
        at = re.fullmatch(r"(\d\d+:[0-5]\d:[0-5]\d\.\d{3}) --> (\d\d+:[0-5]\d:[0-5]\d\.\d{3})", times)
        assert at and re.fullmatch(r"([^&<>\n\r]|&(amp|lt|gt);)+", payload)
        found.append((at[1], at[2], payload))
    return found


def test_one_tag_has_a_chapter_for_each_segment(report: TagReport) -> None:
    assert as_vtt(find(report, [CHASE], Rule(threshold=0.3))) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:06.000\nCar chase\n\n00:00:08.000 --> 00:00:12.000\nCar chase\n"
    )
    assert as_vtt(find(report, [ROBOT], Rule())) == "WEBVTT\n"


def test_where_several_tags_hold_a_chapter_names_them_all(report: TagReport) -> None:
    assert cues_of(as_vtt(find(report, [SEA, CHASE, WAR], Rule()))) == [
        ("00:00:00.000", "00:00:04.000", "Car chase"),
        ("00:00:04.000", "00:00:06.000", "Beach/Sea, Car chase"),
        ("00:00:06.000", "00:00:08.000", "Beach/Sea"),
        ("00:00:08.000", "00:00:12.000", "Beach/Sea, Car chase"),
        ("00:00:13.000", "00:00:16.000", "War"),
        ("00:00:16.000", "00:00:32.000", "Car chase"),
    ]


def test_a_segment_of_no_length_leaves_no_mark_in_another() -> None:
    shots = [
        shot(0, 0.0, 2.0, 0, 50, {SEA: 0.5}),
        shot(1, 2.0, 2.0, 50, 51, {SEA: 0.5, CHASE: 0.4}),
        shot(2, 2.0, 4.0, 51, 100, {SEA: 0.5}),
    ]
    found = find(report_of(shots), [], Rule())
    assert frames(found) == [(50, 51), (0, 100)]
    assert cues_of(as_vtt(found)) == [("00:00:00.000", "00:00:04.000", "Beach/Sea")]


def test_any_tag_is_text_in_a_chapter(report: TagReport) -> None:
    tags = tuple(replace(tag, tag="a --> b\n\n<i>&amp;\u2028") for tag in report.tags)
    (cue, *_) = cues_of(as_vtt(find(replace(report, tags=tags), [CHASE], Rule())))
    assert cue[2] == "a --&gt; b\\x0a\\x0a&lt;i&gt;&amp;amp;\\x2028"


@given(FILMS, SECONDS, st.sampled_from([24.0, 25.0, 30000 / 1001, 4000.0]))
def test_chapters_follow_one_another_and_lose_no_time(report: TagReport, max_gap_s: float, fps: float) -> None:
    """At 4000 frames/s shots may be shorter than a millisecond."""
    parts = [(t.end_frame - t.start_frame, {tag.slug: tag.probability for tag in t.tags}) for t in report.shots]
    found = find(film(*parts, fps=fps), [], Rule(max_gap_s=max_gap_s))
    cues = cues_of(as_vtt(found))
    assert all(start < end for start, end, _ in cues)
    assert all(one[1] <= other[0] and (one[1], one[2]) != (other[0], other[2]) for one, other in pairwise(cues))
    for tag in found.tags:
        spans = [(timestamp(round(s.start_s * 1000)), timestamp(round(s.end_s * 1000))) for s in found.of(tag)]
        of_tag = [cue for cue in cues if tag.tag in cue[2].split(", ")]
        assert all(any(a <= start and end <= b for a, b in spans) for start, end, _ in of_tag)
        assert {a for a, b in spans if a < b} - {b for _, b in spans} <= {start for start, _, _ in of_tag}


def test_times_have_hours_and_milliseconds() -> None:
    assert [timestamp(ms) for ms in (0, 59_999, 3_723_004, 360_000_000)] == [
        "00:00:00.000", "00:00:59.999", "01:02:03.004", "100:00:00.000"
    ]  # fmt: skip


# Edit decision lists.


def events_of(text: str) -> list[Event]:
    """The events of an EDL; fails where a line is none that CMX 3600 knows."""
    title, mode, *lines = text.splitlines()
    assert title.startswith("TITLE: ") and title.isascii() and len(title) <= 77
    assert mode == "FCM: NON-DROP FRAME"
    found = []
    for line, name, tag, mark in zip(*(lines[place::4] for place in range(4)), strict=True):
        event = re.fullmatch(r"(\d{3,})  AX       V     C        ((?:\d\d:\d\d:\d\d:\d\d ?){4})", line)
        assert event and name.startswith("* FROM CLIP NAME: ") and tag.startswith("* COMMENT: ")
        assert mark == f"* LOC: {event[2].split()[2]} RED     {tag.removeprefix('* COMMENT: ')}"
        found.append((int(event[1]), event[2].split()))
    return found


def frame_of(code: str, base: int) -> int:
    hours, minutes, seconds, frame = map(int, code.split(":"))
    assert max(minutes, seconds) < 60 and frame < base
    return ((hours * 60 + minutes) * 60 + seconds) * base + frame


def source_frames(text: str, base: int) -> list[tuple[int, int]]:
    return [(frame_of(codes[0], base), frame_of(codes[1], base)) for _, codes in events_of(text)]


def test_an_edl_lists_segments_one_after_the_other(report: TagReport) -> None:
    assert as_edl(find(report, [CHASE], Rule(threshold=0.3))) == (
        "TITLE: x.mp4: Car chase\n"
        "FCM: NON-DROP FRAME\n"
        "001  AX       V     C        00:00:00:00 00:00:06:00 00:00:00:00 00:00:06:00\n"
        "* FROM CLIP NAME: x.mp4\n"
        "* COMMENT: Car chase\n"
        "* LOC: 00:00:00:00 RED     Car chase\n"
        "002  AX       V     C        00:00:08:00 00:00:12:00 00:00:06:00 00:00:10:00\n"
        "* FROM CLIP NAME: x.mp4\n"
        "* COMMENT: Car chase\n"
        "* LOC: 00:00:06:00 RED     Car chase\n"
    )
    assert events_of(as_edl(find(report, [ROBOT], Rule()))) == []


@pytest.mark.parametrize(
    ("fps", "base"),
    [(24000 / 1001, 24), (24.0, 24), (25.0, 25), (30000 / 1001, 30), (60000 / 1001, 60), (100.0, 100), (3.4, 3)],
)
def test_timecodes_count_frames_at_the_whole_rate(fps: float, base: int) -> None:
    report = film((100_000, {SEA: 0.5}), (1, {CHASE: 0.5}), (77_777, {SEA: 0.5}), (4321, {CHASE: 0.5}), fps=fps)
    text = as_edl(find(report, [], Rule()))
    assert source_frames(text, base) == [(100_000, 100_001), (177_778, 182_099), (0, 100_000), (100_001, 177_778)]
    record = [(frame_of(codes[2], base), frame_of(codes[3], base)) for _, codes in events_of(text)]
    assert record == [(0, 1), (1, 4322), (4322, 104_322), (104_322, 182_099)]


def test_names_are_one_line_and_titles_ascii(report: TagReport) -> None:
    name = "caf\u00e9\n\u6620\u753b" + "x" * 100 + ".mp4"
    text = as_edl(find(replace(report, video=replace(report.video, name=name)), [WAR], Rule()))
    assert len(events_of(text)) == 1
    assert text.startswith("TITLE: caf?\\x0a??xxx")
    assert f"* FROM CLIP NAME: {name}\n".replace("\n\u6620", "\\x0a\u6620") in text  # whole: programs look for it


def test_events_go_on_past_999_with_a_caution() -> None:
    found = find(film(*[(5, {CHASE: 0.5}), (5, {WAR: 0.5})] * 1001), [CHASE], Rule())
    assert [number for number, _ in events_of(as_edl(found))] == list(range(1, 1002))
    (line,) = cautions(found)
    assert line == "x.mp4: 1001 events in the EDL, and CMX 3600 numbers 999: some programs will not read all"


@pytest.mark.parametrize("fps", [101.0, 1000.0, 0.0, float("nan"), float("inf")])
def test_rates_without_timecode_are_refused(report: TagReport, fps: float) -> None:
    with pytest.raises(BadSettings, match=f"EDL of x.mp4: {fps:g} frames a second, and a timecode names up to 100"):
        as_edl(find(replace(report, video=replace(report.video, fps=fps)), [WAR], Rule()))


def test_a_day_is_the_longest_edl() -> None:
    half = film((13 * 3600, {CHASE: 0.5, WAR: 0.4}), (1, {}), fps=1.0)
    assert len(events_of(as_edl(find(half, [CHASE], Rule())))) == 1
    late = film((24 * 3600 - 1, {}), (1, {CHASE: 0.5}), fps=1.0)  # its end has no timecode
    for report, names in ((half, [CHASE, WAR]), (late, [CHASE])):
        with pytest.raises(BadSettings, match="goes on for over a day"):
            as_edl(find(report, names, Rule()))


def test_less_than_a_frame_a_second_counts_seconds_as_frames() -> None:
    report = film((7, {SEA: 0.5}), (90, {CHASE: 0.5}), fps=0.4)
    assert source_frames(as_edl(find(report, [CHASE], Rule())), 1) == [(7, 97)]


@pytest.mark.parametrize("offset_s", [0.0, 1.4])
@pytest.mark.parametrize(("late_s", "uneven"), [(0.0, False), (0.019, False), (0.021, True), (-0.021, True)])
def test_frames_that_come_unevenly_are_a_caution(offset_s: float, late_s: float, uneven: bool) -> None:
    cut, end = 2 + offset_s + late_s, 4 + offset_s
    two = [shot(0, offset_s, cut, 0, 50, {CHASE: 0.5}), shot(1, cut, end, 50, 100, {})]
    one = [shot(0, offset_s, end + late_s, 0, 100, {CHASE: 0.5})]
    for shots in (two, one):
        lines = list(cautions(find(report_of(shots), [CHASE], Rule())))
        assert len(lines) == uneven
        assert all(line.startswith("x.mp4: frames are missing or come unevenly (25 a second") for line in lines)


@pytest.mark.parametrize(
    ("fps", "usual"), [(24000 / 1001, True), (59.94, True), (20.0, False), (12.5, False), (100.0, False)]
)
def test_rates_that_editing_programs_may_not_have_are_a_caution(fps: float, usual: bool) -> None:
    lines = list(cautions(find(film((100, {CHASE: 0.5}), fps=fps), [CHASE], Rule())))
    counted = f"x.mp4: the EDL counts {round(fps)} frames a second, and some programs know only 24, 25, 30, 48, 50, 60"
    assert [line[: len(counted)] for line in lines] == ([] if usual else [counted])


# The command.

Run = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: TagReport) -> Run:
    """Gives exit code, stdout and the lines of stderr; x.tags.json lies where it runs."""
    monkeypatch.chdir(tmp_path)
    write_report(report, tmp_path / "x.tags.json")

    def run(*words: str) -> tuple[int, str, list[str]]:
        with pytest.raises(SystemExit) as done:
            segments(words, prog_name="movietags segments")
        said = capsys.readouterr()
        return int(done.value.code or 0), said.out, said.err.splitlines()

    return run


WRITERS = {"csv": as_csv, "json": as_json, "vtt": as_vtt, "edl": as_edl}


def test_a_table_by_default_and_files_by_their_ending(run: Run, report: TagReport, tmp_path: Path) -> None:
    found = find(report, [CHASE, WAR], Rule(0.3, 2.0, 3.5))
    numbers = "--threshold", "0.3", "--max-gap", "2", "--min-duration", "3.5"
    words = "x.tags.json", "--tag", "Car-Chase", "--tag", "war", *numbers
    table = as_table(found) + "\n"
    code, out, err = run(*words)
    assert (code, out, len(err)) == (0, table, 1) and "its report is of an earlier version" in err[0]
    for form, write in WRITERS.items():
        assert run(*words, "-q", "-o", f"new/it.{form.upper()}") == (0, table, [])
        assert (tmp_path / f"new/it.{form.upper()}").read_bytes().decode() == write(found)
        assert run(*words, "-q", "--format", form) == (0, write(found), [])
    assert run(*words, "-q", "--format", "vtt", "-o", "chapters.txt") == (0, table, [])
    assert (tmp_path / "chapters.txt").read_text() == as_vtt(found)


def test_what_to_know_is_said_on_stderr_unless_quiet(run: Run, tmp_path: Path, report: TagReport) -> None:
    code, out, err = run("x.tags.json", "--tag", "robot")
    assert (code, out.splitlines()[-1]) == (0, "Robot: 0 segments, 0.000 s, 0.0 % of the film")
    assert err == ["movietags: Robot: never trained in movies50, so it is not found anywhere"]
    write_report(replace(report, video=replace(report.video, fps=24.5)), tmp_path / "vfr.tags.json")
    code, out, err = run("vfr.tags.json", "--tag", "war", "--format", "edl")
    assert (code, source_frames(out, 24), len(err)) == (0, [(325, 400)], 1)
    assert err[0].startswith("movietags: x.mp4: frames are missing or come unevenly")
    assert run("vfr.tags.json", "--tag", "war", "--format", "vtt")[2] == []
    assert run("vfr.tags.json", "--tag", "war", "--format", "edl", "-q") == (0, out, [])


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["x.tags.json", "--tag", "car"], 2, "error: tag 'car': movies50 has no such tag, but war, car-chase"),
        (["x.tags.json", "--max-gap", "-1"], 2, "max_gap_s = -1.0: seconds, from 0"),
        (
            ["x.tags.json", "-o", "x.txt"],
            2,
            "name a file that ends in .csv, .json, .vtt, .ffmeta, .otio, .kodi.edl, .edl, or name the format",
        ),
        (["x.tags.json", "-o", "-"], 2, "--format alone writes to stdout"),
        (["x.tags.json", "-o", "x.tags.json"], 2, "is the report itself"),
        (["x.tags.json", "-o", "link.json"], 2, "is the report itself"),
        (["x.tags.json", "-o", "film.mp4/it.csv"], 1, "no folder to write to"),
        (["fast.tags.json", "--format", "edl"], 2, "EDL of x.mp4: 240 frames a second"),
        (["missing.json"], 1, "missing.json: no such file"),
        (["film.mp4"], 1, "film.mp4: is not JSON"),
        (["nothing here"], 1, "no such file"),
        ([], 2, "Missing argument 'REPORT...'"),
    ],
)
def test_mistakes_are_one_line_and_an_exit_code(
    run: Run, tmp_path: Path, report: TagReport, words: list[str], code: int, message: str
) -> None:
    (tmp_path / "link.json").symlink_to("x.tags.json")
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x20ftypisom\xff")
    write_report(replace(report, video=replace(report.video, fps=240.0)), tmp_path / "fast.tags.json")
    before = sorted((path.name, path.read_bytes()) for path in tmp_path.iterdir() if path.is_file())
    ended, out, err = run(*words)
    assert (ended, out) == (code, "")
    assert message in err[-1]
    assert sorted((path.name, path.read_bytes()) for path in tmp_path.iterdir() if path.is_file()) == before


@pytest.mark.parametrize("form", WRITERS)
def test_any_name_of_a_film_can_be_printed(run: Run, tmp_path: Path, report: TagReport, form: str) -> None:
    write_report(replace(report, video=replace(report.video, name="bad\udcff\u00e9.mp4")), tmp_path / "x.tags.json")
    code, out, _ = run("x.tags.json", "--format", form)
    assert code == 0
    assert form == "vtt" or "dcff" in out or "\\xff" in out


# A real film.


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25)])
def test_from_a_film_to_an_edl_that_names_the_true_cuts(run: Run, tmp_path: Path, rate: Fraction) -> None:
    truth = media.film(tmp_path / "film.mp4", (30, 45, 26, 39), rate=rate)
    extracted = Tagger(Settings()).extract(truth.path)
    write_report(extracted, tmp_path / "film.tags.json")
    code, out, err = run("film.tags.json", "--format", "edl")
    named = {frame for span in source_frames(out, round(rate)) for frame in span}
    assert (code, err) == (0, [])
    assert named and named <= {0, *truth.cuts, truth.frame_count}

    first, second, third, last = extracted.shots
    chase = (ShotTag(CHASE, 0.5),)
    planted = (replace(first, tags=()), replace(second, tags=chase), replace(third, tags=()), replace(last, tags=chase))
    write_report(replace(extracted, shots=planted), tmp_path / "film.tags.json")
    code, out, err = run("film.tags.json", "--tag", "Car chase", "--format", "edl")
    assert (code, err) == (0, [])
    assert source_frames(out, round(rate)) == [(30, 75), (101, 140)]


def test_a_film_of_variable_rate_has_a_caution(run: Run, tmp_path: Path) -> None:
    durations = tuple([1] * 40 + [3] * 40)
    truth = media.write(tmp_path / "film.mkv", media.shots((40, 40), 160, 90), cuts=(40,), durations=durations)
    write_report(Tagger(Settings()).extract(truth.path), tmp_path / "film.tags.json")
    code, _, err = run("film.tags.json", "--format", "edl")
    assert code == 0
    assert "film.mkv: frames are missing or come unevenly" in err[0]
