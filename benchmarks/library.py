"""A library of many films: how long they take to be added, searched and compared; beside it pandas over the same JSON.

    python benchmarks/library.py [--films 10000] [--shots 1500] [--folder DIR]

Reports are made of as many films, of some shapes, with all of their probabilities. They are written, added and removed
in portions, as together they are larger than many disks have room for; writing them is not counted. pandas reads a
sample, and its seconds are scaled to all.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import numpy as np
import pandas
import psutil
from measure import keep, machine

from tagger import TagReport, vocabulary
from tagger.library import search, similar, store
from tagger.library.search import Query
from tagger.records import Keyframe, ModelInfo, RankedTag, Scan, ShotTag, TaggedShot, Timing
from tagger.reports.json_report import as_json
from tagger.video_info import Declared, Observed, VideoInfo

SHAPES, PORTION, SAMPLE, RUNS = 40, 2000, 100, 15
TAGS = vocabulary.load("movies50")
MARK, NAME = "0" * 32, "a film.mkv"
FEATURES = 1280  # of EfficientNet-Lite0


def main() -> None:
    """Measures, prints and writes results/library.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=10000)
    parser.add_argument("--shots", type=int, default=1500)
    parser.add_argument("--folder", type=Path, help="where there is room for some GB")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as made:
        folder, library = Path(made, "tags"), Path(made, "library.duckdb")
        bodies = [as_json(shape(seed, asked.shots)) for seed in range(SHAPES)]
        adding, again = Cost(), Cost()
        for first in range(0, asked.films, PORTION):
            folder.mkdir()
            for number in range(first, min(first + PORTION, asked.films)):
                (folder / f"{number}.mkv.tags.json").write_text(of_film(bodies[number % SHAPES], number))
            adding.of(library, "add", folder)
            if first + PORTION >= asked.films:
                again.of(library, "add", folder)
                otherwise = with_pandas(sorted(folder.iterdir())[:SAMPLE], asked.films)
            shutil.rmtree(folder)
        size_mb = library.stat().st_size / 1e6
        with store.writing(library) as opened:
            values = f"[random()::FLOAT FOR x IN range({FEATURES})]"
            opened.execute(f"INSERT INTO store.features SELECT report, 'network', {values} FROM store.reports")
        result = {
            "films": asked.films,
            "shots_of_each": asked.shots,
            "report_mb": round(len(bodies[0]) / 1e6, 2),
            "library_mb": round(size_mb, 1),
            "add": adding.said(),
            f"add_the_last_{PORTION}_again": again.said(),
            "milliseconds": answers(library),
            "whole_command_seconds": Cost().of(library, "search", "car chase").said(),
            "pandas": otherwise,
        }
    keep("library", {"machine": machine(), **result})


def shape(seed: int, shots: int) -> TagReport:
    """A report with as many shots as a long film has, and probabilities as a head gives them."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(0.1 * rng.uniform(0.1, 2, len(TAGS.slugs)), shots).round(5)
    mean, sure = shares.mean(axis=0), rng.beta(0.3, 2, len(TAGS.slugs)).round(4)
    first = np.argsort(-shares)[:, :3]
    counts = np.bincount(first.ravel(), minlength=len(TAGS.slugs))
    starts = np.cumsum(rng.gamma(2, 2, shots + 1)).round(3)
    tags = tuple(
        RankedTag(
            rank, TAGS.tags[tag], TAGS.slugs[tag], mean[tag] / mean.max(), mean[tag], int(counts[tag]), mean[tag], True,
            "head", sure[tag],
        )
        for rank, tag in enumerate(np.argsort(-mean), 1)
    )  # fmt: skip
    tagged = tuple(
        TaggedShot(
            place, float(start), float(end), 100 * place, 100 * place + 100,
            Keyframe(100 * place + 50, float(start + end) / 2, 0, 7.123456, True),
            tuple(ShotTag(TAGS.slugs[tag], float(row[tag])) for tag in own), tuple(map(float, row)),
        )
        for place, (start, end, row, own) in enumerate(zip(starts[:-1], starts[1:], shares, first, strict=True))
    )  # fmt: skip
    video = VideoInfo(
        f"/films/{NAME}", NAME, 10**9, MARK, "h264", 25.0, Declared(7200.0, 180000, 25.0),
        Observed(7200.0, 1920, 1080, 180000, 0),
    )  # fmt: skip
    return TagReport(
        "2026-01-02T03:04:05+00:00", "0.1.0", video, ModelInfo("movies50", "network", "a" * 64, "b" * 64, "softmax"),
        {}, tags, tagged, "ok", Scan("full", "full", ""), Timing(1, 1, 1, 1, 1), slugs=TAGS.slugs,
    )  # fmt: skip


def of_film(body: str, number: int) -> str:
    """The report as that of a film of its own."""
    return body.replace(MARK, f"{number:032x}", 1).replace(NAME, f"{number}.mkv")


class Cost:
    """What commands cost together: seconds, processor seconds, and the most memory at once, of all their processes."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.wall_s = self.processor_s = self.peak_mib = 0.0

    def of(self, library: Path, *words: str | Path) -> Cost:
        """Runs `movietags library` with these words."""
        before, begun = processor_s(), time.monotonic()
        command = [sys.executable, "-m", "tagger", "library", *map(str, words), "--library", str(library)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        watch = threading.Thread(target=self._watch, args=(psutil.Process(process.pid),))
        watch.start()
        assert process.wait() == 0
        self.wall_s += time.monotonic() - begun
        self.processor_s += processor_s() - before
        watch.join()
        return self

    def said(self) -> dict[str, float]:
        """As it is kept."""
        return {
            "seconds": round(self.wall_s, 1),
            "processor_seconds": round(self.processor_s, 1),
            "peak_mib": round(self.peak_mib),
        }

    def _watch(self, process: psutil.Process) -> None:
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            try:
                family = [process, *process.children(recursive=True)]
                self.peak_mib = max(self.peak_mib, sum(one.memory_full_info().pss for one in family) / 2**20)
            except psutil.Error:
                continue
            time.sleep(0.1)


def processor_s() -> float:
    """Processor seconds of all commands that have ended."""
    return sum(getrusage(RUSAGE_CHILDREN)[:2])


def answers(library: Path) -> dict[str, dict[str, float]]:
    """Medians of questions in a library that is open, by another film or tag each time."""
    three = Query(("car chase", "police"), ("animation",), 0.1)
    with store.reading(library) as opened:
        questions: dict[str, Callable[[int], object]] = {
            "search_one_tag": lambda run: search.films(opened, Query((TAGS.tags[run],))),
            "search_two_tags_and_not_a_third": lambda run: search.films(opened, three),
            "search_shots": lambda run: search.shots(opened, Query((TAGS.tags[run],))),
            "search_shots_two_tags_and_not_a_third": lambda run: search.shots(opened, three),
            "similar_by_tags": lambda run: similar.similar(opened, f"{run}.mkv", "tags"),
            "similar_by_features": lambda run: similar.similar(opened, f"{run}.mkv"),
        }
        return {name: median_ms(question) for name, question in questions.items()}


def median_ms(question: Callable[[int], object]) -> dict[str, float]:
    """Milliseconds until an answer is there, and those of the processor, of all threads."""
    clocks = {"wall": time.perf_counter, "processor": time.process_time}
    seconds: dict[str, list[float]] = {name: [] for name in clocks}
    for run in range(RUNS):
        begun = {name: clock() for name, clock in clocks.items()}
        question(run)
        for name, clock in clocks.items():
            seconds[name].append(clock() - begun[name])
    return {name: round(1000 * statistics.median(found), 1) for name, found in seconds.items()}


def with_pandas(reports: list[Path], films: int) -> dict[str, float]:
    """What one would do otherwise: read all films, and have their tags, or those of their shots, in a table."""
    begun = time.process_time()
    documents = [json.loads(path.read_text()) for path in reports]
    tags = pandas.concat([pandas.DataFrame(one["tags"]).assign(film=one["video"]["name"]) for one in documents])
    sure = tags[tags.slug == "car-chase"].nlargest(20, "confidence")
    of_tags = time.process_time() - begun
    shots = pandas.concat(
        [
            pandas.json_normalize(one["shots"], "tags", ["index", "start_s", "end_s"]).assign(film=one["video"]["name"])
            for one in documents
        ]
    )
    best = shots[shots.slug == "car-chase"].nlargest(20, "probability")
    of_shots = time.process_time() - begun
    assert len(sure) == len(best) == 20
    scale = films / len(reports)
    return {
        "sample": len(reports),
        "films_by_tag_processor_seconds": round(of_tags * scale),
        "shots_by_tag_processor_seconds": round(of_shots * scale),
        "table_of_shots_mib": round(shots.memory_usage(deep=True).sum() / 2**20 * scale),
    }


if __name__ == "__main__":
    main()
