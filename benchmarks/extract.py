"""What `movietags extract` costs on this machine: cold time, speed by stage, the network, memory against length.

    python benchmarks/extract.py [FILM]

Without FILM it makes one: 25 s of 720p, H.264, ten shots. Writes results/extract.json, which
benchmarks/README.md quotes.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import av
from measure import keep, machine, run

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
RUNS = 3
LOOPS = (1, 20)
THROUGHPUT = """
import json, statistics, time
import keras, numpy as np
from tagger.models import registry
rng = np.random.default_rng(0)
runs = {}
for row in registry.entries():
    if row.shipped or (row.here and row.family == "efficientnet_lite"):
        network = registry.load(row.name, None, 32)
        pictures = [*rng.integers(0, 255, (32, row.input_size, row.input_size, 3), np.uint8)]
        runs[row.name] = lambda network=network, pictures=pictures: network.features(pictures)
stock, squares = keras.applications.MobileNetV2(weights=None), rng.random((32, 224, 224, 3), np.float32)
runs["mobilenetv2"] = lambda: stock.predict_on_batch(squares)
rates = {name: [] for name in runs}
for _ in range(12):
    for name, look in runs.items():
        begun = time.monotonic()
        look()
        rates[name].append(32 / (time.monotonic() - begun))
print(json.dumps({name: statistics.median(found[2:]) for name, found in rates.items()}))
"""
PEAK = """
import json, resource, sys
from tagger import Settings, Tagger
report = Tagger(Settings(scan="full")).extract(sys.argv[1])
print(json.dumps([report.video.duration_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def main() -> None:
    """Measures, prints and writes results/extract.json."""
    with tempfile.TemporaryDirectory() as folder:
        film = Path(sys.argv[1]) if len(sys.argv) > 1 else generated(Path(folder))
        result = {
            "machine": machine(),
            "film": film.name,
            "cold": cold(film),
            "pictures_per_s": run(THROUGHPUT),
            "memory": [memory(looped(film, times, Path(folder))) for times in LOOPS],
        }
    keep("extract", result)


def generated(folder: Path) -> Path:
    """A film of ten shots, 25 s, 1280x720."""
    import media

    return media.film(folder / "generated.mp4", (62,) * 10, width=1280, height=720).path


def cold(film: Path) -> dict[str, Any]:
    """Medians over fresh processes: wall seconds of the whole command, and the report's own account."""
    walls, timings = [], []
    for _ in range(RUNS):
        begun = time.monotonic()
        command = [sys.executable, "-m", "tagger", "extract", "-q", "-o", "-", str(film)]
        report = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        walls.append(time.monotonic() - begun)
        timings.append(report["timing"])
    return {
        "runs": RUNS,
        "film_s": report["video"]["duration_s"],
        "shots": len(report["shots"]),
        "wall_s": statistics.median(walls),
        **{name: statistics.median(timing[name] for timing in timings) for name in timings[0]},
    }


def looped(film: Path, times: int, folder: Path) -> Path:
    """The film's packets, `times` times one after the other."""
    path = folder / f"looped{times}.mkv"
    with av.open(str(path), "w") as target:
        stream, offset = None, 0
        for _ in range(times):
            with av.open(str(film)) as source:
                pictures = source.streams.video[0]
                stream = stream or target.add_stream_from_template(pictures)
                packets = [packet for packet in source.demux(pictures) if packet.dts is not None]
                length = max((p.pts or 0) + (p.duration or 0) for p in packets)
                for packet in packets:
                    packet.pts, packet.dts = (packet.pts or 0) + offset, (packet.dts or 0) + offset
                    packet.stream = stream
                    target.mux(packet)
                offset += length
    return path


def memory(film: Path) -> dict[str, float]:
    """Peak resident memory of one extract in a process of its own, in MiB."""
    film_s, peak_mib = run(PEAK, str(film))
    return {"film_s": film_s, "peak_mib": peak_mib}


if __name__ == "__main__":
    main()
