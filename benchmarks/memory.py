"""What `movietags extract` holds while it reads a film of three hours: memory, descriptors, threads.

    python benchmarks/memory.py FILM [--minutes 180] [--scan full fast]

The film is recut from FILM as in length.py. A process of its own is looked at five times a second; what it holds after
a tenth of its time stands beside what it holds at the end and what it held at most.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from length import recut
from measure import keep, machine

LOOK_S = 0.2
MIB = 2**20


def main() -> None:
    """Measures, prints and writes results/memory.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("--minutes", type=float, default=180.0)
    parser.add_argument("--scan", nargs="+", default=["fast", "full"])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        film = recut(asked.film, 60 * asked.minutes, Path(folder))
        found = {scan: held(film, scan) for scan in asked.scan}
    keep("memory", {"machine": machine(), "film": asked.film.name, "minutes": asked.minutes, "extract": found})


def held(film: Path, scan: str) -> dict[str, Any]:
    """What one run holds."""
    command = [sys.executable, "-m", "tagger", "extract", str(film), "--backbone", "compact", "--scan", scan, "-q"]
    begun = time.monotonic()
    looks: list[tuple[float, float, int, int]] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                with watched.oneshot():
                    memory = watched.memory_info().rss / MIB
                    looks.append((time.monotonic() - begun, memory, watched.num_fds(), watched.num_threads()))
            except psutil.Error:
                break
            time.sleep(LOOK_S)
    seconds = looks[-1][0]
    early = [look for look in looks if 0.09 <= look[0] / seconds <= 0.11]
    late = [look for look in looks if 0.97 <= look[0] / seconds <= 0.99]
    return {
        "exit_code": process.returncode,
        "seconds": round(seconds, 1),
        "mib_at_a_tenth": round(median(look[1] for look in early), 1),
        "mib_at_the_end": round(median(look[1] for look in late), 1),
        "mib_at_most": round(max(look[1] for look in looks), 1),
        "descriptors_at_most": max(look[2] for look in looks),
        "threads": sorted({look[3] for look in early + late}),
    }


if __name__ == "__main__":
    main()
