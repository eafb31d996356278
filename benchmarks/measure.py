"""What all benchmarks share: facts about the machine, programs in processes of their own, where results go."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parent / "results"


def keep(name: str, result: dict[str, Any]) -> None:
    """Prints a result and writes it to results/NAME.json."""
    text = json.dumps(result, indent=1)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)


def in_turns(runs: int, **works: Callable[[], object]) -> dict[str, float]:
    """Median seconds of each work; one run of all after the other, so that a busy machine slows all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            begun = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - begun)
    return {name: round(median(found), 3) for name, found in seconds.items()}


def bare_decoding(film: Path) -> None:
    """FFmpeg decodes every picture and throws it away."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(film), "-map", "0:v:0", "-f", "null", "-"]
    subprocess.run(command, check=True)


def run(code: str, *words: str) -> Any:
    """The JSON that a program prints last, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = next(
        (line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine()
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []
