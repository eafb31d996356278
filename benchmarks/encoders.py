"""What scans cost, and find, in one film as nineteen encoders and presets write it.

    python benchmarks/encoders.py FILM OUT [--only NAME ...] [--grain 12] [--runs 3] [--no-tags]

FILM is one of benchmarks/films.py, with NAME.truth.json beside it; what was encoded once stays in OUT. Costs are
seconds of the processor (of all threads, also those of the `ffmpeg` program that decodes alone), medians in turns, as
shares of decoding alone. F1 within one frame. Tags: Kendall's tau-b over all weights of a fast and a full scan.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from measure import bare_decoding, keep, machine
from scan import agreement, weights

from tagger import Settings
from tagger.evaluation import shots as boundaries
from tagger.pipeline import Engine
from tagger.process import cores
from tagger.shots import evidence
from tagger.shots.evidence import choose, group_lengths
from tagger.shots.fast import fast_scan
from tagger.shots.full import full_scan, reference_scan
from tagger.video.film import Film
from tagger.video.observer import Observer

TOLERANCE = 1
X264 = ("-c:v", "libx264")
X265 = ("-c:v", "libx265", "-x265-params", "log-level=error")
VP9 = ("-c:v", "libvpx-vp9", "-b:v", "0", "-crf", "33", "-cpu-used", "5", "-row-mt", "1")
ENCODERS: dict[str, tuple[str, tuple[str, ...]]] = {  # what the film is called, and FFmpeg's options
    "x264 ultrafast": ("mp4", (*X264, "-preset", "ultrafast")),
    "x264 veryfast": ("mp4", (*X264, "-preset", "veryfast")),
    "x264 medium": ("mp4", X264),
    "x264 slow": ("mp4", (*X264, "-preset", "slow")),
    "x264 animation": ("mkv", (*X264, "-tune", "animation")),
    "x264 grain": ("mp4", (*X264, "-preset", "veryfast", "-tune", "grain")),
    "x264 zerolatency": ("ts", (*X264, "-preset", "veryfast", "-tune", "zerolatency")),
    "x264 intra-refresh": ("mp4", (*X264, "-preset", "veryfast", "-x264-params", "intra-refresh=1")),
    "x264 open-gop": ("mp4", (*X264, "-preset", "veryfast", "-x264-params", "open-gop=1")),
    "x264 fixed 48": ("mp4", (*X264, "-g", "48", "-keyint_min", "48", "-sc_threshold", "0")),
    "x265 ultrafast": ("mp4", (*X265, "-preset", "ultrafast")),
    "x265 medium": ("mp4", X265),
    "SVT-AV1": ("mp4", ("-c:v", "libsvtav1", "-preset", "8")),
    "libaom": ("mp4", ("-c:v", "libaom-av1", "-cpu-used", "8", "-b:v", "0", "-crf", "35")),
    "VP9 one pass": ("webm", VP9),
    "VP9 two passes": ("webm", (*VP9, "-pass", "2")),
    "MPEG-2": ("ts", ("-c:v", "mpeg2video", "-q:v", "4", "-bf", "2")),
    "MPEG-4": ("mp4", ("-c:v", "mpeg4", "-q:v", "4", "-bf", "2")),
    "ProRes": ("mov", ("-c:v", "prores", "-profile:v", "0")),
}


def main() -> None:
    """Encodes, measures, prints and writes results/encoders.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", choices=ENCODERS, nargs="+", default=list(ENCODERS))
    parser.add_argument("--grain", type=int, default=0, help="strength of noise that is laid over the film")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-tags", action="store_true")
    asked = parser.parse_args()
    evidence.MOST_SHARE = 0.5  # the film may be short: half of it is the beginning of a long one
    engines = {} if asked.no_tags else {how: Engine(Settings(backbone="compact", scan=how)) for how in ("full", "fast")}
    found = {}
    for name in asked.only:
        film = encoded(asked.film, asked.out, name, asked.grain)
        found[name] = measured(film, asked.film.with_suffix(".truth.json"), asked.runs, engines)
        print(name, found[name], flush=True)
    keep("encoders", {"machine": machine(), "grain": asked.grain, "encoders": found})


def encoded(film: Path, out: Path, name: str, grain: int) -> Path:
    """The film by this encoder, made unless it is there."""
    suffix, options = ENCODERS[name]
    path = out / f"{film.stem}-{grain}-{name.replace(' ', '-')}.{suffix}"
    if path.exists():
        return path
    out.mkdir(parents=True, exist_ok=True)
    noise = ("-vf", f"noise=alls={grain}:allf=t") if grain else ()
    begin = ("ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(film), "-an", *noise, "-pix_fmt", pixels(name))
    log = ("-passlogfile", str(out / "passes")) if "-pass" in options else ()
    if log:
        first = ["1" if before == "-pass" else word for before, word in zip(("", *options), options, strict=False)]
        subprocess.run([*begin, *first, *log, "-f", "null", os.devnull], check=True)
    part = path.with_name(f"part-{path.name}")
    subprocess.run([*begin, *options, *log, str(part)], check=True)
    return part.rename(path)


def pixels(name: str) -> str:
    """What the encoder takes."""
    return "yuv422p10le" if name == "ProRes" else "yuv420p"


def measured(film: Path, truth: Path, runs: int, engines: dict[str, Engine]) -> dict[str, Any]:
    """All figures of one film: each scan by itself, and what `--scan fast` would choose."""
    known = boundaries.read_truth(truth)
    starts: dict[str, list[int]] = {}
    decoded: dict[str, float] = {}

    def look(way: str) -> None:
        observer, settings = Observer(), Settings()
        with Film(film) as opened:
            if way == "fast":
                shots = fast_scan(opened, settings, group_lengths(opened)[0], cores(), observer, None)
            else:
                shots = (reference_scan if way == "references" else full_scan)(opened, settings, observer, None)
            starts[way] = [picture.shot.start_frame for picture in shots][1:]
        decoded[way] = round(observer.decoded / observer.frame_count, 3)

    with Film(film) as opened:
        chosen = choose(opened, Settings(scan="fast"))
        ways = ("full",) if group_lengths(opened)[1] else ("full", "references", "fast")
    works: dict[str, Callable[[], object]] = {way: partial(look, way) for way in ways}
    costs = processor_s(runs, bare=lambda: bare_decoding(film), **works)
    return {
        "chosen": chosen.used,
        "reason": chosen.reason,
        "cpu_s": costs,
        "of_decoding": {way: round(cost / costs["bare"], 3) for way, cost in costs.items() if way != "bare"},
        "decoded": decoded,
        "f1": {way: round(boundaries.score(found, known, TOLERANCE).f1, 3) for way, found in starts.items()},
        **tags_alike(film, engines),
    }


def tags_alike(film: Path, engines: dict[str, Engine]) -> dict[str, float]:
    """How alike the tags of the fast scan and of the full one are."""
    tags = {how: weights(engine.extract(film).tags) for how, engine in engines.items()}
    return agreement(tags["full"], tags["fast"]) if tags else {}


def processor_s(runs: int, **works: Callable[[], object]) -> dict[str, float]:
    """Median seconds of the processor of each work, its child processes too; one run of all after the other."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            begun = spent_s()
            work()
            seconds[name].append(spent_s() - begun)
    return {name: round(median(found), 3) for name, found in seconds.items()}


def spent_s() -> float:
    """Seconds of the processor that this process has had, and its children that have ended."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


if __name__ == "__main__":
    main()
