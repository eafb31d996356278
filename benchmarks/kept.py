"""Features that are kept: how large, how quick another vocabulary is asked, and what half precision does to answers.

    python benchmarks/kept.py FOLDER... [--backbone NAME] [--copies 200]

A batch tags the films of FOLDER and keeps their features; `movietags retag` asks the same vocabulary again, once of
these films, once of as many copies of one of their reports.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measure import keep, machine

from tagger import KeptFeatures, Network, TagReport, read_report
from tagger.reports.folder import reports_below
from tagger.reports.json_report import SUFFIX
from tagger.reports.kept import features_file

SHOTS = 1657  # of a film of two hours
WIDTHS = (768, 1280, 2048)  # features of the embedded network, EfficientNet-Lite0, InceptionV3


def main() -> None:
    """Measures, prints and writes results/kept.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--backbone", default="auto")
    parser.add_argument("--copies", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        tags, again = Path(made, "tags"), Path(made, "again")
        seconds = {"batch": movietags("batch", *asked.folders, "-o", tags, "--backbone", asked.backbone)}
        seconds["retag"] = movietags("retag", tags, "--vocab", "movies50", "-o", again)
        pairs = [(read_report(path), read_report(again / path.relative_to(tags))) for path in reports_below(tags)]
        longest = max(reports_below(tags), key=lambda path: len(read_report(path).shots))
        seconds[f"retag_{asked.copies}"] = movietags(
            "retag", copied(longest, Path(made, "many"), asked.copies), "--vocab", "movies50"
        )
        shots = len(read_report(longest).shots)
    keep(
        "kept",
        {
            "machine": machine(),
            "backbone": pairs[0][0].model.backbone,
            "seconds": seconds,
            "shots_of_each_copy": shots,
            "largest_difference": max(difference(*pair) for pair in pairs),
            "same_first_ten": sum(first_ten(one) == first_ten(other) for one, other in pairs),
            "films": len(pairs),
            f"megabytes_of_{SHOTS}_shots": {str(width): size_mb(width) for width in WIDTHS},
        },
    )


def movietags(*words: str | Path) -> float:
    """Runs the command; seconds that it took."""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-m", "tagger", *map(str, words), "-q"], check=True)
    return round(time.monotonic() - begun, 1)


def copied(report: Path, folder: Path, count: int) -> Path:
    """A folder with so many copies of a report and its features."""
    folder.mkdir()
    stem = report.with_name(report.name.removesuffix(SUFFIX))
    for number in range(count):
        shutil.copy(report, folder / f"{number}{SUFFIX}")
        shutil.copy(features_file(stem), features_file(folder / str(number)))
    return folder


def difference(one: TagReport, other: TagReport) -> float:
    """The largest one between two probabilities of a tag in a shot."""
    shots = zip(one.shots, other.shots, strict=True)
    return max(
        (float(np.abs(np.subtract(a.probabilities, b.probabilities)).max()) for a, b in shots if a.probabilities),
        default=0.0,
    )


def first_ten(report: TagReport) -> list[str]:
    """Its first tags."""
    return [tag.slug for tag in report.tags[:10]]


def size_mb(width: int) -> float:
    """Of a file of so many features for each shot of a long film, in MB (10^6 bytes)."""
    shots = np.arange(SHOTS)
    network = Network("name", "name/layer", "0" * 64, width)
    kept = KeptFeatures(np.zeros((SHOTS, width), np.float32), shots, shots, network, "0" * 32)
    return round(len(kept.body()) / 1e6, 2)


if __name__ == "__main__":
    main()
