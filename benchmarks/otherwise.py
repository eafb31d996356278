"""`movietags extract` beside what one would do otherwise, each in a fresh process, in turns.

    python benchmarks/otherwise.py FILM [--runs 3]

* bare decoding: FFmpeg, every picture, thrown away;
* `scenedetect`, the command of PySceneDetect, alone: boundaries, no tags;
* the straightforward script: PySceneDetect's `detect()` with OpenCV, a seek to the middle of each shot, one
  `model.predict` per picture. InceptionV3 with random weights, which costs what the published ones cost; its
  picture is thrown away.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from measure import bare_decoding, in_turns, keep, machine

STRAIGHTFORWARD = """
import sys
import cv2
import numpy as np
from keras.applications import InceptionV3
from keras.applications.inception_v3 import preprocess_input
from scenedetect import AdaptiveDetector, detect
shots = detect(sys.argv[1], AdaptiveDetector(), start_in_scene=True)
model = InceptionV3(weights=None, pooling="avg", include_top=False)
film = cv2.VideoCapture(sys.argv[1])
for start, end in shots:
    film.set(cv2.CAP_PROP_POS_FRAMES, (start.frame_num + end.frame_num) // 2)
    found, picture = film.read()
    if found:
        picture = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), (299, 299))
        model.predict(preprocess_input(picture[None].astype(np.float32)), verbose=0)
"""


def main() -> None:
    """Measures, prints and writes results/otherwise.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    film = str(asked.film)

    def python(*words: str) -> Any:
        return subprocess.run([sys.executable, *words], check=True, capture_output=True).stdout

    def extract(*words: str) -> Any:
        return python("-m", "tagger", "extract", "-q", "--backbone", "compact", *words, film)

    seconds = in_turns(
        asked.runs,
        bare_decoding=lambda: bare_decoding(asked.film),
        extract_full=lambda: extract("--scan", "full"),
        extract_fast=lambda: extract("--scan", "fast"),
        scenedetect=lambda: python("-m", "scenedetect", "-q", "-i", film, "detect-adaptive"),
        straightforward=lambda: python("-c", STRAIGHTFORWARD, film),
    )
    report = json.loads(extract("-o", "-"))
    film_s = report["video"]["duration_s"]
    keep(
        "otherwise",
        {
            "machine": machine(),
            "film": asked.film.name,
            "film_s": film_s,
            "shots": len(report["shots"]),
            "seconds": seconds,
            "times_real_time": {name: round(film_s / found, 1) for name, found in seconds.items()},
            "times_as_long_as_extract": {name: round(s / seconds["extract_full"], 2) for name, s in seconds.items()},
        },
    )


if __name__ == "__main__":
    main()
