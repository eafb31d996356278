"""A film that may be shown, drawn here, with black, a title and a dissolve: python docs/postcards.py FILM."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]
WIDTH, HEIGHT, RATE = 640, 360, 25
WIDE = WIDTH + 120  # what a camera that pans has to go
DISSOLVE = 20  # frames


def ramp(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Floats:
    """A sky: one colour above, another below."""
    share = np.linspace(0, 1, HEIGHT)[:, None, None]
    sky = (1 - share) * np.array(top, np.float64) + share * np.array(bottom, np.float64)
    return np.repeat(sky, WIDE, axis=1)


def rough(seed: int, size: int, strength: float) -> Floats:
    """Noise in lumps of this many pixels."""
    grid = np.random.default_rng(seed).normal(0, strength, (HEIGHT // size + 2, WIDE // size + 2))
    return np.asarray(cv2.resize(grid, (WIDE, HEIGHT), interpolation=cv2.INTER_CUBIC), np.float64)[..., None]


def ridge(seed: int, height: float, rise: float) -> NDArray[np.bool_]:
    """What lies below a line of hills, `height` from above (0 to 1)."""
    along = np.arange(WIDE) / WIDE
    rng = np.random.default_rng(seed)
    line = np.full(WIDE, height)
    for n in (1, 2, 3, 5, 9, 17):
        line += rise / n * np.sin(2 * np.pi * (n * along + rng.random()))
    return np.arange(HEIGHT)[:, None] > HEIGHT * line[None]


def sunset() -> Floats:
    """The sun over the sea."""
    scene = ramp((60, 40, 90), (250, 140, 60))
    cv2.circle(scene, (430, 205), 42, (255, 230, 150), -1)
    sea = np.arange(HEIGHT) > 215
    scene[sea] = (ramp((210, 120, 70), (40, 30, 70)) + rough(1, 3, 14) + rough(2, 12, 10))[sea]
    return scene


def beach() -> Floats:
    """Sand, waves, a cloudless sky."""
    scene = ramp((90, 170, 240), (190, 225, 250))
    sea, sand = np.arange(HEIGHT) > 150, ridge(3, 0.72, 0.025)
    scene[sea] = (ramp((20, 90, 150), (60, 190, 200)) + rough(4, 4, 16))[sea]
    scene[sand] = (ramp((240, 225, 190), (225, 195, 140)) + rough(5, 2, 10))[sand]
    foam = sand & ~np.roll(sand, 9, axis=0)
    scene[foam] = 245
    return scene


def mountains() -> Floats:
    """Three ranges, with snow."""
    scene = ramp((70, 120, 200), (210, 225, 240)) + rough(6, 60, 12)
    for seed, height, colour in ((7, 0.42, (120, 130, 150)), (8, 0.58, (80, 100, 100)), (9, 0.74, (50, 85, 50))):
        below = ridge(seed, height, 0.1)
        scene[below] = (np.array(colour) + rough(seed + 20, 5, 14) + rough(seed + 30, 20, 10))[below]
        if height < 0.5:
            snow = below & ~np.roll(below, 26, axis=0)
            scene[snow] = (np.array((240, 243, 250)) + rough(40, 4, 8))[snow]
    return scene


def forest() -> Floats:
    """Trunks before leaves."""
    scene = np.array((35, 80, 30)) + rough(10, 6, 26) + rough(11, 30, 20) + ramp((30, 40, 10), (-20, -30, -20))
    rng = np.random.default_rng(12)
    for at in sorted(rng.integers(0, WIDE, 26)):
        width, shade = int(rng.integers(7, 26)), int(rng.integers(35, 80))
        bark = np.array((shade + 15, shade, shade - 15)) + rough(int(at), 3, 9)
        scene[:, at : at + width] = bark[:, at : at + width]
    return scene


def dunes() -> Floats:
    """Sand to the horizon."""
    scene = ramp((110, 160, 220), (240, 225, 190))
    for seed, height, light in ((13, 0.45, 0), (14, 0.6, -18), (15, 0.78, -34)):
        below = ridge(seed, height, 0.05)
        sand = ramp((235, 185, 115), (200, 140, 75)) + light + rough(seed, 2, 7)
        sand += 10 * np.sin((np.arange(HEIGHT)[:, None] + np.arange(WIDE) / 6) / 2.5)[..., None]
        scene[below] = sand[below]
    return scene


def city() -> Floats:
    """Windows at night."""
    scene = ramp((10, 12, 40), (60, 45, 80)) + rough(16, 3, 3)
    rng = np.random.default_rng(17)
    for left in range(0, WIDE, 48):
        top, wide = int(rng.integers(70, 220)), int(rng.integers(36, 60))
        scene[top:, left : left + wide] = np.array((22, 22, 34)) + rng.normal(0, 2)
        for y in range(top + 8, HEIGHT - 6, 13):
            for x in range(left + 5, min(left + wide - 6, WIDE - 8), 10):
                if rng.random() < 0.55:
                    scene[y : y + 7, x : x + 5] = (250, 215, 130) if rng.random() < 0.8 else (160, 200, 250)
    return scene


def planet() -> Floats:
    """A planet among stars."""
    scene = ramp((4, 4, 14), (14, 8, 30)) + rough(18, 40, 3)
    rng = np.random.default_rng(19)
    for y, x in zip(rng.integers(0, HEIGHT, 400), rng.integers(0, WIDE, 400), strict=True):
        scene[y, x] = rng.integers(120, 255)
    y, x = np.mgrid[:HEIGHT, :WIDE]
    inside = (y - 190) ** 2 + (x - 380) ** 2 < 120**2
    light = np.clip(1 - (x - 300) / 260, 0.1, 1)[..., None]
    bands = 26 * np.sin(y / 9.0)[..., None] + rough(20, 8, 10)
    scene[inside] = ((np.array((205, 130, 90)) + bands) * light)[inside]
    return scene


def reef() -> Floats:
    """Fish under water."""
    scene = ramp((60, 190, 220), (5, 50, 110)) + rough(21, 14, 8)
    rng = np.random.default_rng(22)
    for _ in range(26):
        x, y, long = int(rng.integers(20, WIDE - 40)), int(rng.integers(40, 280)), int(rng.integers(12, 30))
        colour = [(250, 160, 40), (250, 230, 80), (230, 90, 70)][int(rng.integers(3))]
        cv2.ellipse(scene, (x, y), (long, long // 2), 0, 0, 360, colour, -1)
        tail = np.array([[x - long + 3, y], [x - 2 * long, y - long // 2], [x - 2 * long, y + long // 2]])
        cv2.fillPoly(scene, [tail], colour)
        cv2.circle(scene, (x + long // 2, y - 2), 2, (10, 10, 10), -1)
    coral = ridge(23, 0.86, 0.06)
    scene[coral] = (np.array((190, 90, 110)) + rough(24, 5, 30))[coral]
    return scene


def black() -> Floats:
    """Nothing."""
    return np.zeros((HEIGHT, WIDE, 3))


def title() -> Floats:
    """The film's name."""
    scene = black().astype(np.uint8)
    cv2.putText(scene, "Postcards", (210, 195), cv2.FONT_HERSHEY_DUPLEX, 2.0, (235, 235, 235), 3, cv2.LINE_AA)
    return scene.astype(np.float64)


# Seconds of each shot; a minus dissolves into the next one.
SHOTS: tuple[tuple[Callable[[], Floats], float], ...] = (
    (black, 1.2), (title, 1.6), (sunset, 3.6), (beach, 2.8), (mountains, 3.2), (forest, 2.0), (city, 2.4),
    (dunes, 2.6), (planet, 2.2), (black, 0.8), (reef, 2.8), (forest, 1.6), (mountains, -2.4), (dunes, 3.0),
    (beach, 2.0), (sunset, 2.8), (black, 1.0),
)  # fmt: skip


def frames() -> Iterator[Picture]:
    """Yields all frames, RGB; the camera pans to and fro."""
    rng, waiting = np.random.default_rng(0), None
    for number, (draw, seconds) in enumerate(SHOTS):
        still, count = draw(), round(abs(seconds) * RATE)
        for at in range(count):
            going = at / count if number % 2 else 1 - at / count
            left = round(going * (WIDE - WIDTH))
            picture = still[:, left : left + WIDTH] + rng.normal(0, 2, (HEIGHT, WIDTH, 1)) * (still.any())
            if waiting is not None and at < DISSOLVE:
                share = (at + 1) / (DISSOLVE + 1)
                picture = share * picture + (1 - share) * waiting
            yield np.clip(picture, 0, 255).astype(np.uint8)
        waiting = picture if seconds < 0 else None


def film(path: Path) -> Path:
    """Writes the film, H.264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "20"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, picture in enumerate(frames()):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


if __name__ == "__main__":
    film(Path(sys.argv[1]))
