"""How many of a film's first five tags stay when it is encoded anew, and when it is scanned fast?

    python benchmarks/stability.py FILM... [--backbone NAME]

Each film is encoded again (H.264 at three qualities, 320 and 1280 pixels wide, mirrored) and tagged: all of it in full
scans, the film itself and the three qualities in fast ones too. Printed are the first tags shared with the full scan of
the film itself, by variant, and the mean over all pairs of variants of each film. A film counts if at least
`KEYFRAMES_MIN` of its keyframes are kept. Writes results/stability.json.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import av
import numpy as np
from av.video.stream import VideoStream
from measure import keep, machine

from tagger import Tagger
from tagger.errors import FilmError
from tagger.records import TagReport
from tagger.settings import DEFAULT_BACKBONE
from tagger.shots import evidence
from tagger.video.film import Film, Frame

FIRST = 5  # tags
KEYFRAMES_MIN = 2
TICKS = 90_000  # a second
FAST = " fast"  # ends the names of what was scanned fast
ITSELF = "itself"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a film is encoded again."""

    crf: int
    width: int | None = None  # pixels; None: as it is
    mirrored: bool = False


QUALITIES = {f"crf {crf}": Encoding(crf) for crf in (20, 28, 35)}
ENCODINGS = {
    **QUALITIES,
    "320 wide": Encoding(23, 320),
    "1280 wide": Encoding(23, 1280),
    "mirrored": Encoding(23, mirrored=True),
}


def main() -> None:
    """Measures, prints a row for each film, and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path, nargs="+")
    parser.add_argument("--backbone", default=DEFAULT_BACKBONE)
    asked = parser.parse_args()
    of_pairs, of_variants = {}, []
    evidence.MOST_SHARE = 1.0  # the clips are short: all of one is the beginning of a film
    taggers = {how: Tagger(scan=how, backbone=asked.backbone) for how in ("full", "fast")}
    with TemporaryDirectory() as aside:
        for film in asked.films:
            try:
                first = first_tags(taggers, film, Path(aside))
            except FilmError as error:
                print(f"left out: {error}", file=sys.stderr)
                continue
            if first is None:
                print(f"left out: {film}: fewer than {KEYFRAMES_MIN} keyframes are kept", file=sys.stderr)
                continue
            of_pairs[film.name] = round(over_pairs(first), 2)
            of_variants.append(with_itself(first))
            print(f"{of_pairs[film.name]:5.2f} of {FIRST}  {film.name}", flush=True)
    if not of_pairs:
        sys.exit("no film counts")
    names = dict.fromkeys(name for one in of_variants for name in one)
    by_variant = {name: round(mean(one[name] for one in of_variants if name in one), 2) for name in names}
    result = {
        "backbone": taggers["full"].settings.backbone,
        "films": of_pairs,
        "with_itself": by_variant,
        "mean": mean(of_pairs.values()),
    }
    keep("stability", {"machine": machine(), **result})


def first_tags(taggers: Mapping[str, Tagger], film: Path, folder: Path) -> dict[str, frozenset[str]] | None:
    """Returns the first tags of a film by variant, itself first; None if too few of its keyframes are kept.

    Raises:
        FilmError: it cannot be read.
    """
    report = taggers["full"].extract(film)
    if sum(shot.keyframe.kept for shot in report.shots) < KEYFRAMES_MIN:
        return None
    first = {ITSELF: _first(report)}
    again = {name: encoded(film, folder / f"{name}.mkv", how) for name, how in ENCODINGS.items()}
    first |= {name: _first(taggers["full"].extract(path)) for name, path in again.items()}
    for name in (ITSELF, *QUALITIES):
        fast = taggers["fast"].extract(again.get(name, film))
        if fast.scan.used != "full":
            first[name + FAST] = _first(fast)
    return first


def over_pairs(first: Mapping[str, frozenset[str]]) -> float:
    """Returns how many first tags two variants share, on average of all pairs."""
    return mean(len(a & b) for a, b in combinations(first.values(), 2))


def with_itself(first: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Returns how many first tags each variant shares with the full scan of the film itself."""
    return {name: len(tags & first[ITSELF]) for name, tags in first.items() if name != ITSELF}


def encoded(film: Path, path: Path, how: Encoding) -> Path:
    """Returns `path`, to which the film was encoded again, upright, every frame at its time.

    Raises:
        FilmError: it cannot be read.
    """
    with Film(film) as opened, av.open(str(path), "w") as container:
        stream: VideoStream | None = None
        for frame in opened.frames():
            picture = _made(frame, how)
            if stream is None:
                options = {"crf": str(how.crf), "preset": "veryfast"}
                stream = container.add_stream("libx264", rate=25, options=options)
                stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
                stream.codec_context.time_base = Fraction(1, TICKS)
            container.mux(stream.encode(picture))
        assert stream is not None  # `frames` refuses a film without one
        container.mux(stream.encode(None))
    return path


def _made(frame: Frame, how: Encoding) -> av.VideoFrame:
    """A frame as it is encoded: upright, of even width and height."""
    pixels = frame.orientation.upright(np.asarray(frame.picture.to_ndarray(format="rgb24"), np.uint8))
    height, width = pixels.shape[:2]
    wide = how.width or width
    shown = np.ascontiguousarray(pixels[:, ::-1]) if how.mirrored else pixels
    even = [max(2, side // 2 * 2) for side in (wide, round(height * wide / width))]
    picture = av.VideoFrame.from_ndarray(shown, "rgb24").reformat(even[0], even[1], "yuv420p", interpolation="BICUBIC")
    picture.pts, picture.time_base = round(frame.time_s * TICKS), Fraction(1, TICKS)
    return picture


def _first(report: TagReport) -> frozenset[str]:
    return frozenset(tag.slug for tag in report.tags[:FIRST])


if __name__ == "__main__":
    main()
