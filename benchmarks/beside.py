"""What a network costs in this checkout beside another one, in turns: cold `extract`, many pictures, a folder to learn.

    python benchmarks/beside.py OTHER FILM [--long FILM] [--images FOLDER] [--backbone NAME] [--weights FILE]

OTHER is another checkout of this repository; without FILE the weights are random, which cost what the published ones
cost. Medians of fresh processes; processor seconds tell more than wall seconds on a machine that others use.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from measure import keep, machine

HERE = Path(__file__).parent.parent
# In a process of its own: the peak of a process begins with the memory of the one that started it.
SAVE = "import networks, pathlib, sys; networks.save(sys.argv[1], pathlib.Path(sys.argv[2]))"
COLD = "import runpy, sys; sys.argv[0] = 'movietags'; runpy.run_module('tagger', run_name='__main__')"
PICTURES = """
import json, sys, time
from pathlib import Path
import numpy as np
begun = time.monotonic()
from tagger.models import registry
network = registry.load(sys.argv[1], Path(sys.argv[2]), device="cpu")
network.features([np.zeros((9, 9, 3), np.uint8)])
ready = time.monotonic() - begun
pictures = [*np.random.default_rng(0).integers(0, 256, (32, 300, 400, 3), np.uint8)]
network.features(pictures)  # each length of a call may be compiled
begun, used = time.monotonic(), time.process_time()
found = network.features(pictures)
print(json.dumps({"ready_s": ready, "pictures_per_s": 32 / (time.monotonic() - begun),
                  "processor_s_per_picture": (time.process_time() - used) / 32, "features": found.tolist()}))
"""
LONG = """
import json, sys, time
from pathlib import Path
from tagger import Settings
from tagger.pipeline import Engine
engine = Engine(Settings(backbone=sys.argv[1], weights=sys.argv[2], scan="fast", device="cpu"))
engine.model()
begun, used = time.monotonic(), time.process_time()
report = engine.extract(Path(sys.argv[3]))
count = sum(shot.keyframe.kept for shot in report.shots)
print(json.dumps({"pictures": count, "pictures_per_s": count / (time.monotonic() - begun),
                  "processor_s_per_picture": (time.process_time() - used) / count}))
"""
LEARN = """
import json, sys, tempfile, time
from pathlib import Path
begun = time.monotonic()
from tagger.models import registry
from tagger.training.dataset import collect
from tagger.training.features import features, space
from tagger.training.store import Store
with tempfile.TemporaryDirectory() as folder:
    data = collect([Path(sys.argv[3])])
    read, used = time.monotonic(), time.process_time()
    base = registry.load(sys.argv[1], Path(sys.argv[2]), device="cpu")
    rows = features(data, base, Store(Path(folder), space(base)))
print(json.dumps({"pictures": len(rows), "features_s": time.monotonic() - read,
                  "processor_s": time.process_time() - used}))
"""


def main() -> None:
    """Measures, prints and writes results/beside.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("film", type=Path)
    parser.add_argument("--long", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--backbone", default="inceptionv3")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        weights = asked.weights or Path(folder) / "weights.h5"
        if not asked.weights:
            tests = {**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{HERE / 'tests'}"}
            subprocess.run([sys.executable, "-c", SAVE, asked.backbone, weights], env=tests, check=True)
        network = (asked.backbone, str(weights.resolve()))
        extract = ("extract", "-q", "--backbone", network[0], "--weights", network[1], "-o", "-", str(asked.film))
        programs = {"cold": (COLD, *extract), "pictures": (PICTURES, *network)}
        if asked.long:
            programs["long"] = (LONG, *network, str(asked.long.resolve()))
        if asked.images:
            programs["learn"] = (LEARN, *network, str(asked.images.resolve()))
        result: dict[str, Any] = {"machine": machine(), "film": asked.film.name, "backbone": asked.backbone}
        result |= {name: beside(words, asked.other, asked.runs) for name, words in programs.items()}
    keep("beside", result)


def beside(words: tuple[str, ...], other: Path, runs: int) -> dict[str, Any]:
    """Medians of both checkouts, taken in turns, and how large what they say of the same pictures differs at most."""
    taken: dict[str, list[dict[str, Any]]] = {"other": [], "here": []}
    for _ in range(runs):
        for name, root in (("other", other), ("here", HERE)):
            taken[name].append(run(root, *words))
    features = [np.array(found[0].pop("features", 0)) for found in taken.values()]
    for found in taken.values():
        for one in found[1:]:
            one.pop("features", None)
    medians = {
        name: {key: round(statistics.median(one[key] for one in found), 4) for key in found[0]}
        for name, found in taken.items()
    }
    result = {**medians, "difference": float(np.abs(features[0] - features[1]).max())}
    print(result, flush=True)
    return result


def run(root: Path, *words: str) -> dict[str, Any]:
    """What a program says last, if it says numbers, with wall and processor seconds and MiB of its process."""
    env = {**os.environ, "PYTHONPATH": str(root.resolve())}
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root
    )
    assert process.stdout
    said = process.stdout.read().strip()
    _, code, used = os.wait4(process.pid, 0)
    process.returncode = code
    wall = time.monotonic() - begun
    assert not code, words
    last = {} if words[0] == COLD else json.loads(said.splitlines()[-1])
    return {**last, "wall_s": wall, "used_s": used.ru_utime + used.ru_stime, "peak_mib": used.ru_maxrss / 1024}


if __name__ == "__main__":
    main()
