"""What the entropy filter does to real films: which keyframes it drops, and whether the ranking changes.

    python benchmarks/entropy.py FILM...

Each film is scanned once, every keyframe is tagged, and the ranking is made again for each threshold. Writes
results/entropy.json, which benchmarks/README.md quotes.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger import Settings, ranking
from tagger.pipeline import Engine
from tagger.records import TagScores
from tagger.shots.scan import scan
from tagger.video.film import Film

HERE = Path(__file__).parent
THRESHOLDS_BITS = (0.0, 1.0, 2.0, 3.0, 4.0, 4.5, 5.0, 6.0)
FIRST = 5  # tags


def main() -> None:
    """Measures, prints and writes results/entropy.json."""
    engine = Engine(Settings(backbone="compact"))
    films = [entropies_and_scores(engine, Path(name)) for name in sys.argv[1:]]
    bits = np.sort(np.concatenate([found for found, _ in films]))
    rows = [row(threshold, films) for threshold in THRESHOLDS_BITS]
    result = {
        "films": len(films),
        "keyframes": len(bits),
        "entropy_bits": [round(float(value), 2) for value in bits],
        "thresholds": rows,
    }
    (HERE / "results/entropy.json").write_text(json.dumps(result, indent=1) + "\n")
    for one in rows:
        print(json.dumps(one))


def entropies_and_scores(engine: Engine, path: Path) -> tuple[NDArray[np.float64], TagScores]:
    """Returns the entropy (n,) in bits and the scores of every keyframe of a film."""
    with Film(path) as film:
        found = list(scan(film, Settings(min_entropy_bits=0.0)).shots)
    bits = np.array([picture.shot.keyframe.entropy_bits for picture in found])
    return bits, engine.model().scores([picture.pixels for picture in found])


def row(threshold: float, films: list[tuple[NDArray[np.float64], TagScores]]) -> dict[str, Any]:
    """Returns the keyframes dropped, and over films that keep one the share of first tags that stay as without it."""
    dropped, kept_films, same = 0, 0, []
    for bits, scores in films:
        kept = bits >= threshold
        dropped += int((~kept).sum())
        kept_films += bool(kept.any())
        if kept.any():
            same.append(len(first(scores, np.ones(len(bits), bool)) & first(scores, kept)) / FIRST)
    return {
        "threshold_bits": threshold,
        "keyframes_dropped": dropped,
        "films_with_a_keyframe": kept_films,
        f"mean_share_of_first_{FIRST}_tags_unchanged": round(statistics.mean(same), 3),
    }


def first(scores: TagScores, kept: NDArray[np.bool_]) -> set[int]:
    """Returns the first tags of a ranking by the keyframes `kept` (n,)."""
    weights = ranking.weights(TagScores(scores.probabilities[kept], scores.evidence[kept]))
    return set(np.argsort(-weights, kind="stable")[:FIRST].tolist())


if __name__ == "__main__":
    main()
