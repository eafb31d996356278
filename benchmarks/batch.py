"""A folder of films: `movietags batch` beside the films' own times, and beside a loop over `movietags extract`.

    python benchmarks/batch.py FOLDER [--runs 3] [--jobs 1 2]

`own_times` is what the films take one after the other in one process, its start and the loading of the network left
out. All is timed in turns; the seconds are medians of the runs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from measure import in_turns, keep, machine

from tagger import Settings
from tagger.batch.find import find
from tagger.pipeline import Engine


def main() -> None:
    """Measures, prints and writes results/batch.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    asked = parser.parse_args()
    films = [found.path for found in find([asked.folder], Path()).films]
    engine = Engine(Settings(backbone="compact"))
    engine.model()
    works: dict[str, Callable[[], object]] = {"own_times": lambda: [engine.extract(film) for film in films]}
    works["extract_each"] = lambda: each(films)
    works |= {f"batch_{jobs}": partial(batch, asked.folder, jobs) for jobs in asked.jobs}
    seconds = in_turns(asked.runs, **works)
    result: dict[str, Any] = {"machine": machine(), "films": len(films)}
    result["film_s"] = round(sum(engine.extract(film).video.duration_s for film in films), 1)
    result["seconds"] = seconds
    result["of_own_times"] = {name: round(found / seconds["own_times"], 3) for name, found in seconds.items()}
    keep("batch", result)


def batch(folder: Path, jobs: int) -> None:
    """The whole command, from nothing to summary.csv."""
    with tempfile.TemporaryDirectory() as output:
        movietags("batch", str(folder), "-o", output, "--jobs", str(jobs))


def each(films: list[Path]) -> None:
    """What a shell loop does."""
    for film in films:
        movietags("extract", str(film))


def movietags(*words: str) -> None:
    """Runs the command; all films must be tagged."""
    command = [sys.executable, "-m", "tagger", words[0], "--backbone", "compact", "-q", *words[1:]]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
