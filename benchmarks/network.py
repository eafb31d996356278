"""What a large network costs inside `extract`: beside the scan alone, and its own pictures per second alone.

    python benchmarks/network.py FILM [--backbone inceptionv3] [--runs 3]

The network has random weights, which cost what the published ones cost; the head is the portable one. The goal is
that `extract` takes at most 1.1 times the scan and the network one after the other; since both run at once, it can
take less.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from measure import in_turns, keep, machine

from tagger import Settings
from tagger.pipeline import Engine
from tagger.shots.scan import scan
from tagger.video.film import Film

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import networks

BATCHES = 4


def main() -> None:
    """Measures, prints and writes results/network.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("--backbone", default="inceptionv3")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        weights = networks.save(asked.backbone, Path(folder) / "weights.h5")
        keep(
            "network", measured(asked.film, Settings(backbone=asked.backbone, weights=weights, scan="full"), asked.runs)
        )


def measured(film: Path, settings: Settings, runs: int) -> dict[str, Any]:
    """Seconds of the scan, of the network on as many pictures, and of both in `extract`."""
    engine = Engine(settings)
    model = engine.model()
    with Film(film) as opened:
        pictures = [found.pixels for found in scan(opened, settings).shots if found.shot.keyframe.kept]
    alone = (pictures * (1 + BATCHES * model.backbone.batch_size // len(pictures)))[
        : BATCHES * model.backbone.batch_size
    ]

    def scanned() -> None:
        with Film(film) as opened:
            for _ in scan(opened, settings).shots:
                pass

    seconds = in_turns(
        runs,
        scan=scanned,
        network=lambda: model.scores(alone),
        extract=lambda: engine.extract(film),
    )
    rate = len(alone) / seconds["network"]
    expected = seconds["scan"] + len(pictures) / rate
    return {
        "machine": machine(),
        "film": film.name,
        "backbone": settings.backbone,
        "pictures": len(pictures),
        "pictures_per_s_alone": round(rate, 2),
        "pictures_per_s_in_extract": round(len(pictures) / seconds["extract"], 2),
        "seconds": seconds,
        "extract_against_one_after_the_other": round(seconds["extract"] / expected, 3),
    }


if __name__ == "__main__":
    main()
