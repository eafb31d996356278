"""A report by hand, and strategies for all that there can be."""

from __future__ import annotations

import json
from itertools import accumulate
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tagger.records import Keyframe, ModelInfo, RankedTag, Scan, ShotTag, TaggedShot, TagReport, Timing
from tagger.reports.corrections import SCHEMA, corrections_file
from tagger.reports.json_report import read_report
from tagger.video_info import LARGEST, Declared, Observed, VideoInfo

REPORT = TagReport(
    created="2026-01-02T03:04:05+00:00",
    version="0.1.0",
    video=VideoInfo(
        "films/x.mp4", "x.mp4", 10, "0" * 32, "h264", 25.0, Declared(8.0, None, 25.0), Observed(8.0, 320, 180, 200, 0)
    ),
    model=ModelInfo("movies50", "compact/avg_pool", "a" * 64, "b" * 64, "softmax"),
    settings={"detector": "adaptive", "batch_size": 16, "min_shot_s": 0.6, "device": None},
    tags=(
        RankedTag(1, "Car chase", "car-chase", 1.0, 0.75, 1, 0.5, True, "head", 0.8125),
        RankedTag(2, "Drama", "drama", 0.0, 0.0, 0, 0.1, False, "", 0.0),
    ),
    shots=(
        TaggedShot(0, 0.0, 4.0, 0, 100, Keyframe(50, 2.0, 0, 7.1, True), (ShotTag("car-chase", 0.9),), (0.1, 0.9)),
        TaggedShot(1, 4.0, 8.0, 100, 200, Keyframe(150, 6.0, 0, 0.5, False), ()),
    ),
    status="ok",
    scan=Scan("full", "full", "every frame is decoded"),
    timing=Timing(2.0, 1.0, 1.5, 0.5, 4.0),
    warnings=("a warning",),
    slugs=("drama", "car-chase"),
)

TEXT = st.text(st.characters(), max_size=12)  # lone surrogates too: names that are no UTF-8
COUNTS = st.integers(0, LARGEST)
AMOUNTS = st.floats(0, float(LARGEST))
SHARES = st.floats(0, 1)
ANY = st.floats(allow_nan=False, allow_infinity=False)
SETTINGS = st.dictionaries(TEXT, st.none() | st.booleans() | st.integers(-(2**63), 2**63) | ANY | TEXT, max_size=4)
OBSERVED = st.builds(Observed, AMOUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
DECLARED = st.builds(Declared, st.none() | ANY, st.none() | COUNTS, st.none() | ANY)
VIDEOS = st.builds(VideoInfo, TEXT, TEXT, COUNTS, TEXT, TEXT, ANY, DECLARED, OBSERVED)
KEYFRAMES = st.builds(Keyframe, COUNTS, AMOUNTS, COUNTS, AMOUNTS, st.booleans())
SHOT_TAGS = st.lists(st.builds(ShotTag, TEXT, SHARES), max_size=3).map(tuple)


@st.composite
def ranked(draw: st.DrawFn) -> tuple[RankedTag, ...]:
    slugs = draw(st.lists(TEXT, unique=True, max_size=4))
    return tuple(
        RankedTag(
            rank,
            draw(TEXT),
            slug,
            draw(SHARES),
            draw(AMOUNTS),
            draw(COUNTS),
            draw(SHARES),
            draw(st.booleans()),
            "",
            draw(st.none() | SHARES),
        )
        for rank, slug in enumerate(slugs, 1)
    )


@st.composite
def tagged_shots(draw: st.DrawFn) -> tuple[TaggedShot, ...]:
    lengths = draw(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 100)), max_size=4))
    frames, times = [list(accumulate(column, initial=0)) for column in zip((0, 0.0), *lengths, strict=True)]
    return tuple(
        TaggedShot(i, times[i + 1], times[i + 2], frames[i + 1], frames[i + 2], draw(KEYFRAMES), draw(SHOT_TAGS))
        for i in range(len(lengths))
    )


REPORTS = st.builds(
    TagReport,
    created=TEXT,
    version=TEXT,
    video=VIDEOS,
    model=st.builds(ModelInfo, TEXT, TEXT, TEXT, TEXT),
    settings=SETTINGS,
    tags=ranked(),
    shots=tagged_shots(),
    status=st.sampled_from(["ok", "truncated"]),
    scan=st.builds(Scan, TEXT, TEXT, TEXT),
    timing=st.builds(Timing, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS),
    warnings=st.lists(TEXT, max_size=2).map(tuple),
)


def correct(report: Path, **said: Any) -> None:
    """Puts beside a report what a person says against it: the fields of `Corrections`."""
    facts = {"schema": SCHEMA, "film": read_report(report).video.fingerprint, **said}
    corrections_file(report).write_text(json.dumps(facts))
