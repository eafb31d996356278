"""Films whose shot boundaries are known because they were made: for tuning and measuring shot detectors.

    python benchmarks/films.py OUT --clips FOLDER... --pictures FOLDER [--half a|b] [--kind cuts ...]

Writes OUT/HALF/KIND.mp4 and beside it KIND.truth.json. A shot is a pan and zoom over a picture (two in three) or
frames of a clip between two cuts (one in three). Every clip and every picture belongs to one half, so that what
is tuned on half a can be measured on half b. The same seed makes the same films.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from effects import CLEAR, EFFECTS, FINISHES, beside, overlaid
from footage import FPS, Frames, Segment, Shot, Size, loaded, panned, pictures_in, played, segments_in
from numpy.random import Generator
from transitions import Join, between, drawn_join, mix

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import media

OLDER = ("cuts", "dissolves", "fades", "mixed", "noise", "flashes", "letterbox", "shake", "objects")
NEWER = ("near", "wipes", "blends", "oldfilm", "lights", "stage", "bars", "insets", "sixty", "whips", "night")
TIMED = ("held", "telecine", "slow", "slides")  # frames of them are repeated, mixed or left out
KINDS = (*OLDER, *NEWER, *TIMED, "split")  # the seed of a film depends on its place here
GRADUAL = ("dissolves", "fades", "mixed", "blends", "wipes")
TORN = ("whips", "sixty")  # in half of their pictures the camera is torn around
RATES = {"sixty": 60, "held": 24, "telecine": 30, "slow": 3, "slides": 1}
EVERY = {"slow": 8, "slides": FPS}  # of the frames that were made one in so many is left
SLIDE_S = 5
CODECS: dict[str, tuple[str, dict[str, str]]] = {
    "x264": ("libx264", {}),
    "x265": ("libx265", {"x265-params": "log-level=error"}),
    "fixed": ("libx264", {"g": "48", "keyint_min": "48", "sc_threshold": "0"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
}
GRADUAL_S = (2.0, 6.0)  # shots of films with gradual boundaries are at least and at most so long
CLIP_SHARE = 1 / 3


@dataclass(frozen=True)
class Truth:
    """What was put into a film, in frames."""

    kind: str
    half: str
    fps: int
    frames: int
    cuts: list[int]  # first frames of new shots
    gradual: list[list[int]]  # first mixed frame, first frame wholly of the new shot
    shots: int


def read_truth(film: Path) -> Truth:
    """The truth of a film, from the file beside it."""
    return Truth(**json.loads(film.with_suffix(".truth.json").read_text()))


def planned(
    rng: Generator, kind: str, stills: list[Segment], clips: list[Segment], lengths: tuple[int, int], count: int
) -> tuple[list[Shot], list[Join]]:
    """Shots, and the joins between them."""
    joins = [drawn_join(rng, kind) for _ in range(count - 1)]
    shots: list[Shot] = []
    for before, after in zip([Join(), *joins], [*joins, Join()], strict=True):
        least = max(lengths[0], before.into + after.out + 2 * CLEAR)
        length = max(least, int(rng.integers(lengths[0], lengths[1] + 1)))
        last = shots[-1].segment.path if shots else None
        fitting = [clip for clip in clips if clip.length >= least and clip.path != last]
        choice = fitting if fitting and rng.random() < CLIP_SHARE else stills
        segment = choice[rng.integers(len(choice))]
        while shots and not different(segment, shots[-1].segment):
            segment = stills[rng.integers(len(stills))]
        shots.append(Shot(segment, min(length, segment.length or length), int(rng.integers(2**32))))
    return shots, joins


def different(one: Segment, other: Segment) -> bool:
    """Whether two neighbours show different things: some pictures are nearly the same as others."""
    if one.path == other.path or one.length or other.length:
        return one.path != other.path
    small = [cv2.resize(loaded(s.path), (32, 18), interpolation=cv2.INTER_AREA).astype(np.int16) for s in (one, other)]
    return float(np.abs(small[0] - small[1]).mean()) > 15


def truth_of(kind: str, half: str, shots: list[Shot], joins: list[Join]) -> Truth:
    """Where the boundaries of a planned film are."""
    place, cuts, gradual = 0, list[int](), list[list[int]]()
    for shot, before, join in zip(shots, [Join(), *joins], [*joins, Join()], strict=True):
        place += shot.length - before.into - join.out
        if join.frames:
            gradual.append([place, place + join.frames])
        elif len(cuts) + len(gradual) < len(joins):
            cuts.append(place)
        place += join.frames
    return Truth(kind, half, RATES.get(kind, FPS), place, cuts, gradual, len(shots))


def film(shots: list[Shot], joins: list[Join], kind: str, size: Size) -> Frames:
    """All frames of a film, made one at a time."""
    current, begun = frames_of(shots[0], kind, size), 0
    for shot, new, join in zip(shots, shots[1:], joins, strict=False):
        yield from islice(current, shot.length - begun - join.out)
        following, plain = frames_of(new, kind, size), np.full((size[1], size[0], 3), join.level, np.uint8)
        for step in range(1, join.out + 1):
            coming = plain if join.frames > join.out else next(following)
            yield between(next(current), coming, step / (join.out + 1), join.shape)
        for step in range(1, join.frames - join.out + 1):
            share = max(0, step - join.hold) / (join.into + 1)
            yield mix(plain, next(following), share) if share else plain
        current, begun = following, join.into
    yield from current


def frames_of(shot: Shot, kind: str, size: Size) -> Frames:
    """The frames of a shot, half of the shots mirrored."""
    rng = np.random.default_rng(shot.seed)
    mirrored = rng.random() < 0.5
    pictures = (played if shot.segment.length else panned)(shot, rng, size)
    turned = (np.ascontiguousarray(picture[:, ::-1]) if mirrored else picture for picture in pictures)
    return EFFECTS[kind](turned, rng, shot.length, size) if kind in EFFECTS else turned


def retimed(truth: Truth, places: Sequence[int], rate: int) -> Truth:
    """The truth of a film that shows these frames of another, growing, instead of all."""

    def new(place: int) -> int:
        return int(np.searchsorted(places, place))

    gradual = [[new(first), new(last)] for first, last in truth.gradual]
    return replace(truth, fps=rate, frames=len(places), cuts=[new(cut) for cut in truth.cuts], gradual=gradual)


def shown(kind: str, frames: int, rng: Generator) -> list[int]:
    """The frames that a film of a kind shows of those that were made for it, in its order."""
    if kind == "held":
        places = list[int]()
        while len(places) < frames:
            pattern = [(2, 2), (3, 3), (4, 4), (2, 3)][rng.integers(4)]
            for often in pattern * 12:
                places += [len(places)] * often
        return [place for place in places if place < frames]
    if kind == "telecine":
        return [first + at for first in range(0, frames // 4 * 4, 4) for at in (0, 1, 2, 3, 3)]
    return list(range(0, frames, EVERY.get(kind, 1)))


def taken(pictures: Frames, places: list[int], kind: str) -> Frames:
    """The frames at some places, growing; of telecine two in five hold every other line of the one before."""
    before = last = next(pictures)
    at = 0
    for number, place in enumerate(places):
        while at < place:
            before, last, at = last, next(pictures), at + 1
        if kind == "telecine" and number % 5 in (2, 3):
            woven = last.copy()
            woven[::2] = before[::2]
            yield woven
        else:
            yield last


def limits_of(kind: str, asked: argparse.Namespace) -> tuple[int, int]:
    """How many frames the shots of a film have at least and at most, before some are left out."""
    if kind == "slides":
        return EVERY[kind], EVERY[kind]
    limits = np.clip([asked.shortest, asked.longest], *(GRADUAL_S if kind in GRADUAL else (1.0, np.inf)))
    rate = RATES[kind] if kind == "sixty" else FPS
    return round(limits[0] * rate), round(limits[1] * rate)


def made(path: Path, half: str, kind: str, asked: argparse.Namespace) -> Truth:
    """Writes one film and its truth."""
    rng = np.random.default_rng([asked.seed, "ab".index(half), KINDS.index(kind)])
    stills, clips = pictures_in(asked.pictures, half), segments_in(tuple(asked.clips), half)
    lengths, size = limits_of(kind, asked), (asked.width, round(asked.width * 9 / 32) * 2)
    shots, joins = planned(rng, kind, stills, clips, lengths, asked.shots)
    rate = RATES.get(kind, FPS)
    if kind in TORN:
        shots = [replace(shot, rate=rate, torn=shot.seed % 2 == 0) for shot in shots]
    truth, pictures = truth_of(kind, half, shots, joins), film(shots, joins, kind, size)
    if kind in FINISHES:
        pictures = FINISHES[kind](pictures, rng, size)
    if kind == "insets":
        inner = planned(rng, kind, stills, clips, lengths, 2 * asked.shots)
        pictures = overlaid(pictures, rng, size, film(*inner, kind, size))
    if kind == "split":
        seen = [loaded(stills[at].path) for at in rng.integers(len(stills), size=4)]
        pictures = beside(pictures, rng, size, seen, truth.cuts[4::5])
    if kind in TIMED:
        places = shown(kind, truth.frames, rng)
        pictures = taken(pictures, places, kind)
        truth = retimed(truth, places, rate)
    codec, options = CODECS[asked.codec]
    options = {**options, "preset": asked.preset} if asked.preset and codec != "libvpx-vp9" else options
    path.parent.mkdir(parents=True, exist_ok=True)
    durations = (SLIDE_S,) * truth.frames if kind == "slides" else None
    written = media.write(path, pictures, codec=codec, options=options, rate=rate, durations=durations).frame_count
    assert written == truth.frames, f"{path}: {written} frames instead of {truth.frames}"
    path.with_suffix(".truth.json").write_text(json.dumps(asdict(truth)) + "\n")
    return truth


def main() -> None:
    """Makes the films asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--clips", type=Path, nargs="+", required=True, help="folders of clips")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of jpg files, at any depth")
    parser.add_argument("--half", choices="ab", nargs="+", default=["a", "b"])
    parser.add_argument("--kind", choices=KINDS, nargs="+", default=KINDS)
    parser.add_argument("--shots", type=int, default=40)
    parser.add_argument("--shortest", type=float, default=1.0, help="seconds of a shot, at least 1")
    parser.add_argument("--longest", type=float, default=10.0)
    parser.add_argument("--codec", choices=CODECS, default="x264")
    parser.add_argument("--preset", default="", help="of x264 and x265; by default their own")
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for half in asked.half:
        for kind in asked.kind:
            truth = made(asked.out / half / f"{kind}.mp4", half, kind, asked)
            print(f"{half}/{kind}: {truth.frames} frames, {len(truth.cuts)} cuts, {len(truth.gradual)} gradual")


if __name__ == "__main__":
    main()
