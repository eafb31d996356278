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
from numpy.typing import NDArray
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
        about = said.setdefault(named(film, asked.films), {})
        for name, work in works(asked.only).items():
            if name not in about:
                begun = time.process_time()
                found = work(film)
                about[name] = {"found": found, "cpu_s": round(time.process_time() - begun, 2)}
        if "transnet" in asked.only and "times_s" not in about:
            with Film(film) as opened:
                about["times_s"] = [round(frame.time_s, 3) for frame in opened.frames()]
        kept.write_text(json.dumps(said))
    keep("shots", {"machine": machine(), "tolerance": TOLERANCE, **table(films, said, asked.films)})


def works(only: list[str]) -> dict[str, Any]:
    """What is measured, by name."""
    found: dict[str, Any] = dict(OURS) if "ours" in only else {}
    if "pyscenedetect" in only:
        found |= {name: lambda film, name=name: pyscenedetect(film, name) for name in PYSCENEDETECT}
    if "transnet" in only:
        found["TransNetV2"] = lambda film: [round(float(p), 4) for p in transnet(film).ravel()]
    return found


def named(film: Path, films: Path) -> str:
    """A film's path below the folder."""
    return film.relative_to(films).with_suffix("").as_posix()


def table(films: list[Path], said: dict[str, Any], root: Path) -> dict[str, Any]:
    """F1 by kind and detector, of all films of a kind taken together; their means; seconds of the processor."""
    counts: dict[str, dict[str, NDArray[np.int_]]] = {}  # detector -> kind -> right, found, true
    seconds: dict[str, float] = {}
    for film in films:
        truth = boundaries.read_truth(film.with_suffix(".truth.json"))
        about = said[named(film, root)]
        for name, answer in about.items():
            if name == "times_s":
                continue
            seconds[name] = round(seconds.get(name, 0.0) + answer["cpu_s"], 1)
            found = answer["found"]
            answers = read(np.array(found), about["times_s"]) if name == "TransNetV2" else {name: found}
            for which, frames in answers.items():
                kinds = counts.setdefault(which, {})
                kinds[film.stem] = kinds.get(film.stem, 0) + counted(frames, truth)
    f1 = {
        name: {kind: round(float(2 * n[0] / max(1, n[1] + n[2])), 3) for kind, n in kinds.items()}
        for name, kinds in counts.items()
    }
    means = {name: round(mean(kinds.values()), 3) for name, kinds in f1.items()}
    tried = [name for name in f1 if name.startswith("TransNetV2 at")]
    best = max(tried, key=means.__getitem__, default=None)
    shown = [name for name in f1 if name not in tried or name == best]
    true: dict[str, int] = {}  # of detectors that saw some films of a kind alone those do not count
    for kinds in counts.values():
        true |= {kind: max(int(n[2]), true.get(kind, 0)) for kind, n in kinds.items()}
    return {
        "boundaries": true,
        "f1": {name: f1[name] for name in shown},
        "mean_f1": {name: means[name] for name in shown},
        "cpu_s": seconds,
    }


def read(said: NDArray[np.floating], times_s: list[float]) -> dict[str, list[int]]:
    """What TransNetV2 finds, by how it is asked."""
    ways = {"TransNetV2": begins(said), "TransNetV2, our shortest shot": spaced(begins(said), times_s)}
    return ways | {f"TransNetV2 at {at}": spaced(begins(said, at), times_s) for at in THRESHOLDS}


def counted(found: list[int], truth: boundaries.Truth) -> NDArray[np.int_]:
    """How many boundaries were found and right, were found, and are there."""
    result = boundaries.score(found, truth, TOLERANCE)
    return np.array([result.right, result.found, result.true])


if __name__ == "__main__":
    main()
