"""How fast the full and the fast scan are beside bare decoding, how right their boundaries are, how alike their tags.

    python benchmarks/scan.py FILM... [--runs 3]

Times are medians in one run, with the network loaded; bare decoding is FFmpeg's (the program must be installed).
Where NAME.truth.json lies beside a film (benchmarks/films.py makes such films), boundaries are scored on it. Two
full scans whose keyframes lie 3 frames before and behind the middle say how much of a difference in tags is noise.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from measure import bare_decoding, in_turns, keep, machine

from tagger import Settings, TagReport, ranking
from tagger.evaluation import shots as boundaries
from tagger.evaluation.metrics import kendall_tau_b
from tagger.pipeline import Engine
from tagger.records import RankedTag
from tagger.shots.keyframes import shot_picture
from tagger.shots.scan import scan
from tagger.video.film import Film

APART = 3  # frames
TOLERANCE = 1
TOP = 10


def main() -> None:
    """Measures, prints and writes results/scan.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path, nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    keep("scan", {"machine": machine(), "films": {film.name: measured(film, asked.runs) for film in asked.films}})


def measured(film: Path, runs: int) -> dict[str, Any]:
    """All figures of one film."""
    full, fast = (Engine(Settings(backbone="compact", scan=how)) for how in ("full", "fast"))
    full.model()
    fast.model()
    reports: dict[str, TagReport] = {}

    def tag(name: str, engine: Engine) -> None:
        reports[name] = engine.extract(film)

    seconds = in_turns(
        runs,
        bare_decoding=lambda: bare_decoding(film),
        full_scan=lambda: scanned(film, "full"),
        fast_scan=lambda: scanned(film, "fast"),
        full_extract=lambda: tag("full", full),
        fast_extract=lambda: tag("fast", fast),
    )
    bare = seconds["bare_decoding"]
    return {
        "film_s": reports["full"].video.duration_s,
        "shots": len(reports["full"].shots),
        "fast_scan": reports["fast"].scan.used,
        "seconds": seconds,
        "of_bare_decoding": {name: round(found / bare, 3) for name, found in seconds.items()},
        "boundaries": {name: scored(film, report) for name, report in reports.items()},
        "tags": alike(film, full, reports),
    }


def scanned(film: Path, how: str) -> None:
    """Shots and keyframes, no tags."""
    with Film(film) as opened:
        for _ in scan(opened, Settings(scan=how)).shots:
            pass


def scored(film: Path, report: TagReport) -> dict[str, float] | None:
    """Precision, recall and F1 of the boundaries, where the truth is known."""
    truth = film.with_suffix(".truth.json")
    if not truth.exists():
        return None
    starts = [tagged.start_frame for tagged in report.shots[1:]]
    found = boundaries.score(starts, boundaries.read_truth(truth), TOLERANCE)
    return {name: round(getattr(found, name), 4) for name in ("precision", "recall", "f1")}


def alike(film: Path, engine: Engine, reports: dict[str, TagReport]) -> dict[str, dict[str, float]]:
    """Kendall's tau-b over all weights, and shared first tags: fast against full, and two full scans."""
    early, late = (weights(off_middle(film, engine, reports["full"], frames)) for frames in (-APART, APART))
    full, fast = (weights(reports[name].tags) for name in ("full", "fast"))
    noise = [agreement(full, early), agreement(full, late)]
    floor = {name: float(np.mean([found[name] for found in noise])) for name in noise[0]}
    found = agreement(full, fast)
    share = {name: round(found[name] / floor[name], 3) for name in found}
    return {"fast": found, "noise": floor, "share": share}


def weights(tags: tuple[RankedTag, ...]) -> dict[str, float]:
    """W_i by tag."""
    return {tag.slug: tag.weight for tag in tags}


def off_middle(film: Path, engine: Engine, report: TagReport, frames: int) -> tuple[RankedTag, ...]:
    """The tags of a full scan whose keyframes lie `frames` frames behind the middle of each shot."""
    wanted = {}
    for shot in report.shots:
        wanted[min(max(shot.middle_frame + frames, shot.start_frame), shot.end_frame - 1)] = shot
    pictures = []
    with Film(film) as opened:
        for frame in opened.frames():
            if frame.index in wanted:
                found = shot_picture(wanted[frame.index], frame, engine.settings.min_entropy_bits)
                pictures += [found.pixels] if found.shot.keyframe.kept else []
    model = engine.model()
    return ranking.rank(model.scores(pictures), engine.vocabulary, model.answered_by)


def agreement(some: dict[str, float], others: dict[str, float]) -> dict[str, float]:
    """How alike two rankings are: tau-b, and how many of the first ten tags they share."""
    tops = [set(sorted(found, key=lambda slug: -found[slug])[:TOP]) for found in (some, others)]
    slugs = sorted(some)
    tau = kendall_tau_b(np.array([some[slug] for slug in slugs]), np.array([others[slug] for slug in slugs]))
    return {"tau_b": round(tau, 4), "first_ten": len(tops[0] & tops[1])}


if __name__ == "__main__":
    main()
