"""How well we and others find boundaries, on films whose truth is known.

    python benchmarks/films.py FILMS --clips CLIPS... --pictures PICTURES --half b --width 320 --longest 4 --shots 25
    python benchmarks/shots.py FILMS [--only NAME ...]

FILMS holds films at any depth, each NAME.mp4 with NAME.truth.json. Our detector was trained on half a: half b is the
one that counts. A cut must be found within one frame, a gradual change by a boundary inside it. All others run at
their own defaults; TransNetV2 also with our shortest shot, and at the threshold that is best on these very films.
Seconds are of the processor, decoding among them. What was measured once stays in FILMS/measured.json.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from measure import keep, machine
from peers import OURS, PYSCENEDETECT, begins, pyscenedetect, spaced, transnet

from tagger.evaluation import shots as boundaries
from tagger.video.film import Film

TOLERANCE = 1  # frame
THRESHOLDS = [round(0.05 * step, 2) for step in range(1, 20)]


def main() -> None:
    """Measures, prints and writes results/shots.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("--only", nargs="+", default=["ours", "pyscenedetect", "transnet"])
    asked = parser.parse_args()
    films = sorted(path for path in asked.films.rglob("*.mp4") if path.with_suffix(".truth.json").exists())
    kept = asked.films / "measured.json"
    said: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    for film in films:
        about = said.setdefault(film.stem, {})
        for name, work in works(asked.only).items():
            if name not in about:
                begun = time.process_time()
                found = work(film)
                about[name] = {"found": found, "cpu_s": round(time.process_time() - begun, 2)}
        if "transnet" in asked.only and "times_s" not in about:
            with Film(film) as opened:
                about["times_s"] = [round(frame.time_s, 3) for frame in opened.frames()]
        kept.write_text(json.dumps(said))
    keep("shots", {"machine": machine(), "tolerance": TOLERANCE, **table(films, said)})


def works(only: list[str]) -> dict[str, Any]:
    """What is measured, by name."""
    found: dict[str, Any] = dict(OURS) if "ours" in only else {}
    if "pyscenedetect" in only:
        found |= {name: lambda film, name=name: pyscenedetect(film, name) for name in PYSCENEDETECT}
    if "transnet" in only:
        found["TransNetV2"] = lambda film: [round(float(p), 4) for p in transnet(film).ravel()]
    return found


def table(films: list[Path], said: dict[str, Any]) -> dict[str, Any]:
    """F1 by kind and detector, their means, and seconds of the processor for all films."""
    truths = {film.stem: boundaries.read_truth(film.with_suffix(".truth.json")) for film in films}
    found: dict[str, dict[str, float]] = {}
    seconds: dict[str, float] = {}
    for kind, about in said.items():
        if kind not in truths:
            continue
        for name, answer in about.items():
            if name == "times_s":
                continue
            seconds[name] = round(seconds.get(name, 0.0) + answer["cpu_s"], 1)
            if name != "TransNetV2":
                found.setdefault(name, {})[kind] = f1(answer["found"], truths[kind])
                continue
            p, times_s = np.array(answer["found"]), about["times_s"]
            found.setdefault(name, {})[kind] = f1(begins(p), truths[kind])
            found.setdefault("TransNetV2, our shortest shot", {})[kind] = f1(spaced(begins(p), times_s), truths[kind])
            for threshold in THRESHOLDS:
                at = f1(spaced(begins(p, threshold), times_s), truths[kind])
                found.setdefault(f"TransNetV2 at {threshold}", {})[kind] = at
    tried = [name for name in found if name.startswith("TransNetV2 at")]
    best = max(tried, key=lambda name: mean(found[name].values()), default=None)
    shown = {name: kinds for name, kinds in found.items() if name not in tried or name == best}
    return {
        "f1": shown,
        "mean_f1": {name: round(mean(kinds.values()), 3) for name, kinds in shown.items()},
        "cpu_s": seconds,
    }


def f1(found: list[int], truth: boundaries.Truth) -> float:
    """Rounded."""
    return round(boundaries.score(found, truth, TOLERANCE).f1, 3)


if __name__ == "__main__":
    main()
