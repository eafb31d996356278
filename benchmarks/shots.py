"""How well the detectors find boundaries, on films whose truth is known.

    python benchmarks/films.py FILMS --clips CLIPS... --pictures PICTURES --codec x264 --width 480
    python benchmarks/shots.py FILMS

FILMS holds HALF/KIND.mp4, each with KIND.truth.json. Our detector was trained on half a: half b is the one that counts.
A cut must be found within one frame, a gradual change by a boundary inside it. PySceneDetect's detectors run at
their own defaults.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from measure import keep, machine

from tagger.evaluation import shots as boundaries
from tagger.settings import DETECTORS, MIN_SHOT_S
from tagger.shots.detector import ShotDetector
from tagger.video.film import Film
from tagger.video.observer import Observer

TOLERANCE = 1  # frame


def main() -> None:
    """Measures, prints and writes results/shots.json."""
    films = sorted(Path(sys.argv[1]).glob("*/*.mp4"))
    found = {f"{film.parent.name}/{film.stem}": measured(film) for film in films}
    halves = {half: {name: mean(found, half, name) for name in DETECTORS} for half in "ab"}
    keep("shots", {"machine": machine(), "tolerance": TOLERANCE, "films": found, "mean_f1": halves})


def measured(film: Path) -> dict[str, Any]:
    """Figures of each detector, in one pass over the film."""
    truth = boundaries.read_truth(film.with_suffix(".truth.json"))
    observer = Observer()
    with Film(film) as opened:
        detectors = {name: ShotDetector(name, MIN_SHOT_S) for name in DETECTORS}
        shots: dict[str, list[Any]] = {name: [] for name in DETECTORS}
        for frame in opened.frames(observer):
            for name, detector in detectors.items():
                shots[name] += detector.feed(frame.index, frame.time_s, detector.shrink(frame.picture))
        for name, detector in detectors.items():
            shots[name] += detector.finish(observer.frame_count, observer.end_s)
    scores = {
        name: boundaries.score([shot.start_frame for shot in of[1:]], truth, TOLERANCE) for name, of in shots.items()
    }
    return {
        name: {part: round(getattr(score, part), 3) for part in ("precision", "recall", "f1")}
        for name, score in scores.items()
    }


def mean(found: dict[str, Any], half: str, detector: str) -> float:
    """Mean F1 over the kinds of film of a half."""
    scores = [figures[detector]["f1"] for name, figures in found.items() if name.startswith(f"{half}/")]
    return float(round(sum(scores) / max(1, len(scores)), 3))


if __name__ == "__main__":
    main()
