"""Fails when the scans have become much slower than they should be; quick, for every change.

    python benchmarks/regressions.py

Ratios only, taken in turns on one made film (40 s of 720p, ten shots), with margins for a busy machine. How fast they
are, benchmarks/scan.py says.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import in_turns

from tagger import Settings
from tagger.process import cores
from tagger.shots.evidence import group_lengths
from tagger.shots.fast import fast_scan
from tagger.shots.full import full_scan, reference_scan
from tagger.video.film import Film
from tagger.video.observer import Observer

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import media

RUNS = 3
LENGTHS = (100, 70, 130, 90, 60, 140, 110, 80, 120, 100)  # frames
FULL_OF_DECODING, REFERENCES_OF_FULL, FAST_OF_FULL = 2.0, 1.0, 1.0


def main() -> None:
    """Measures, prints, and exits with 1 if a ratio is over its bound."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        film = media.film(path, LENGTHS, width=1280, height=720, options={"preset": "veryfast"}).path
        seconds = in_turns(
            RUNS,
            decoding=lambda: decode(film),
            full=lambda: look(film, "full"),
            references=lambda: look(film, "references"),
            fast=lambda: look(film, "fast"),
        )
    full, fast = seconds["full"] / seconds["decoding"], seconds["fast"] / seconds["full"]
    references = seconds["references"] / seconds["full"]
    print(f"full scan: {full:.2f} of decoding alone (at most {FULL_OF_DECODING})")
    print(f"scan of references: {references:.2f} of the full scan (at most {REFERENCES_OF_FULL})")
    print(f"fast scan: {fast:.2f} of the full scan (at most {FAST_OF_FULL})")
    sys.exit(full > FULL_OF_DECODING or references > REFERENCES_OF_FULL or fast > FAST_OF_FULL)


def decode(film: Path) -> None:
    """Every frame, thrown away."""
    with Film(film) as opened:
        for _ in opened.frames():
            pass


def look(film: Path, how: str) -> None:
    """Shots and keyframes, no tags; by key frames without a trial, for which the film is too short."""
    observer, settings = Observer(), Settings()
    with Film(film) as opened:
        if how == "fast":
            shots = fast_scan(opened, settings, group_lengths(opened)[0], cores(), observer, None)
        else:
            shots = (reference_scan if how == "references" else full_scan)(opened, settings, observer, None)
        for _ in shots:
            pass


if __name__ == "__main__":
    main()
