"""A trailer beside a film of full length: time by stage, times real time, peak memory.

    python benchmarks/length.py FILM [--minutes 2 84]

The films are FILM's groups of pictures in a random order, drawn again and again until they are as long as asked: recut
without encoding (its groups must be closed, as x264 makes them). Each is read twice, with a full and a fast scan, in a
process of its own. The source paper's figures stand beside ours as times real time.
"""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from measure import keep, machine, run

EXTRACT = """
import json, resource, sys
from pathlib import Path
from tagger import Settings
from tagger.pipeline import Engine
from tagger.process import began
report = Engine(Settings(backbone="compact", scan=sys.argv[2])).extract(Path(sys.argv[1]), since=began())
names = ("total_s", "startup_s", "scan_s", "infer_s", "realtime_factor")
found = {"film_s": report.video.duration_s, "shots": len(report.shots), "scan": report.scan.used}
found |= {name: round(getattr(report.timing, name), 3) for name in names}
found["peak_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
print(json.dumps(found))
"""
# One machine of eight Xeon E5430 (2.66 GHz), 8 GB, with a GTX 1050 Ti; InceptionV3, TensorFlow 1.0.
PAPER = [
    {"trailer_s": 146, "took_s": 17, "times_real_time": 8.6},
    {"film_s": 5040, "took_s": 600, "times_real_time": 8.4},
    {"trailer_s": 113, "took_s": 13, "times_real_time": 8.7},
    {"film_s": 5940, "took_s": 420, "times_real_time": 14.0},
]


def main() -> None:
    """Measures, prints and writes results/length.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("--minutes", type=float, nargs="+", default=[2.0, 84.0])
    asked = parser.parse_args()
    found: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in asked.minutes:
            film = recut(asked.film, 60 * minutes, Path(folder))
            found += [run(EXTRACT, str(film), how) for how in ("full", "fast")]
    keep("length", {"machine": machine(), "film": asked.film.name, "extract": found, "source_paper": PAPER})


def recut(film: Path, seconds: float, folder: Path) -> Path:
    """Groups of pictures of the film in a random order, `seconds` of them."""
    with av.open(str(film)) as source, av.open(str(folder / f"{seconds:.0f}s.mkv"), "w") as target:
        pictures = source.streams.video[0]
        stream = target.add_stream_from_template(pictures)
        groups: list[list[Any]] = []
        for read in source.demux(pictures):
            if read.is_keyframe:
                groups.append([])
            if read.size:
                groups[-1].append((bytes(read), read.pts, read.dts, read.is_keyframe))
        begins = [min(pts for _, pts, _, _ in group) for group in groups]
        tick, rng, at = pictures.time_base or Fraction(1, 90_000), np.random.default_rng(0), 0
        step = round(1 / (tick * (pictures.average_rate or 25)))
        while at * tick < seconds:
            chosen = rng.integers(len(groups))
            for data, pts, dts, key in groups[chosen]:
                packet: Any = av.Packet(data)
                packet.pts, packet.dts = pts - begins[chosen] + at, dts - begins[chosen] + at
                packet.is_keyframe, packet.time_base, packet.stream = key, tick, stream
                target.mux(packet)
            at += max(pts for _, pts, _, _ in groups[chosen]) - begins[chosen] + step
    return folder / f"{seconds:.0f}s.mkv"


if __name__ == "__main__":
    main()
