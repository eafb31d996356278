"""What happens within shots of made films, or over a whole film, without being a boundary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np
from footage import Frames, Picture, Size, warped
from numpy.random import Generator
from numpy.typing import NDArray

CLEAR = 6  # frames at least of a shot that belong to no transition, and that flashes keep from its ends
SCOPE, ACADEMY = 2.39, 4 / 3  # what letterbox and pillarbox leave
Levels = NDArray[np.floating]

# Within a shot


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


def somewhere(rng: Generator, size: Size) -> Levels:
    """A soft part of the picture, 0 to 1, (height, width, 1)."""
    x, y = np.meshgrid(np.arange(size[0]) / size[0], np.arange(size[1]) / size[0])
    centre, wide = rng.random(2) * (1, size[1] / size[0]), rng.uniform(0.1, 0.5)
    soft: Levels = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * wide**2))
    return soft[..., None]


def shone(picture: Picture, light: Levels, where: Levels | float = 1.0) -> Picture:
    """A picture in another light: factors of red, green and blue, at some places."""
    return np.clip(picture * (1 + (light - 1) * where), 0, 255).astype(np.uint8)


def relit(pictures: Frames, rng: Generator, length: int, size: Size) -> Frames:
    """Light that changes and stays: a switch, a door, police, a television in the room, an explosion."""
    kind, where = rng.integers(5), somewhere(rng, size) if rng.random() < 0.5 else 1.0
    start = int(rng.integers(CLEAR, length - CLEAR))
    level = float(rng.choice([rng.uniform(0.25, 0.6), rng.uniform(1.6, 2.6)]))
    period, tint = int(rng.integers(4, 10)), rng.uniform(0.3, 1.6, (length + 1, 3))
    for frame, picture in enumerate(pictures):
        since = frame - start
        if kind == 0:
            yield shone(picture, np.full(3, level if since >= 0 else 1.0), where)
        elif kind == 1:
            share = np.clip(since / (2 + period), 0, 1) * (np.arange(size[0]) < size[0] * np.clip(since / 12, 0, 0.6))
            yield shone(picture, np.full(3, 2.2), share[None, :, None])
        elif kind == 2:
            red = frame // period % 2 == 0
            yield shone(picture, np.array([1.8, 0.7, 0.7] if red else [0.6, 0.7, 1.9]), where)
        elif kind == 3:
            yield shone(picture, tint[frame // period], where)
        else:
            fire = 1 + (since >= 0) * 4 * np.exp(-max(since, 0) / period)
            yield shone(picture, np.array([fire, fire**0.8, fire**0.6]), where)


def jolted(pictures: Frames, rng: Generator, length: int, size: Size) -> Frames:
    """Near both ends of the shot, where a cut is near: a flash, a jerk of the camera, a hand before it, no light."""
    events: dict[int, tuple[int, float]] = {}  # frame -> what happens, and how strongly
    for first in (False, True):
        kind, apart, lasts = int(rng.integers(5)), int(rng.integers(2, 11)), int(rng.integers(1, 6))
        start = apart if first else length - apart - lasts
        events |= {frame: (kind, rng.random()) for frame in range(start, start + lasts)}
    shift, hand = rng.uniform(0.1, 0.4) * rng.choice([-1, 1]) * size[0], int(rng.uniform(0.5, 1.0) * size[0])
    colour = rng.integers(10, 120, 3).astype(np.uint8)
    for frame, picture in enumerate(pictures):
        kind, strength = events.get(frame, (4, 0.0))
        if kind == 0:
            yield np.asarray(cv2.convertScaleAbs(picture, alpha=1.5 + 2.5 * strength, beta=20), np.uint8)
        elif kind == 1:
            yield warped(picture, 1.0, np.array([shift, shift / 3]), size)
        elif kind == 2:
            covered = picture.copy()
            covered[:, :hand] = colour
            yield covered
        elif kind == 3:
            yield shone(picture, np.full(3, 0.05 + 0.3 * strength))
        else:
            yield picture


def hit(pictures: Frames, rng: Generator, length: int, size: Size) -> Frames:
    """Hit flashes of 2 to 4 frames, and the picture shakes."""
    hits = rng.integers(CLEAR, length - CLEAR, 3)
    for frame, picture in enumerate(pictures):
        since = min((frame - at for at in hits if frame >= at), default=99)
        shaking = warped(picture, 1.0, rng.normal(0, 0.015 * size[0], 2), size) if since < 12 else picture
        flashed = cv2.convertScaleAbs(shaking, alpha=1 + 2 / (1 + since), beta=60) if since < 4 else shaking
        yield np.asarray(flashed, np.uint8)


# Over a whole film


def aged(pictures: Frames, rng: Generator, size: Size) -> Frames:
    """Black-and-white or sepia, that flickers by 3 to 15 %; grain, an unsteady gate, scratches."""
    depth, grain, weave = rng.uniform(0.03, 0.15), rng.uniform(3, 12), rng.uniform(0, 0.004) * size[0]
    tone = np.array([1.07, 1.0, 0.85]) if rng.random() < 0.4 else np.ones(3)
    plate = rng.normal(0, grain, (size[1] + 64, size[0] + 64, 1))
    scratch, place = 0, 0
    for picture in pictures:
        x, y = rng.integers(0, 65, 2)
        grey = warped(picture, 0.97, 0.015 * np.array(size) + rng.normal(0, weave, 2), size).mean(2, keepdims=True)
        grey = grey * (1 + rng.normal(0, depth)) + plate[y : y + size[1], x : x + size[0]]
        if scratch == 0 and rng.random() < 0.05:
            scratch, place = int(rng.integers(2, 15)), int(rng.integers(2, size[0] - 2))
        if scratch:
            scratch -= 1
            grey[:, place : place + 1 + size[0] // 300] += 70
        yield np.clip(grey * tone, 0, 255).astype(np.uint8)


def darkened(pictures: Frames, rng: Generator, size: Size) -> Frames:
    """At night: little light, and noise."""
    gain, noise = rng.uniform(0.08, 0.2), rng.uniform(1, 3)
    for picture in pictures:
        yield np.clip(picture * gain + rng.normal(0, noise, picture.shape) + 8, 0, 255).astype(np.uint8)


def staged(pictures: Frames, rng: Generator, size: Size) -> Frames:
    """On a stage: washes of colour that change every second or so, some of them softly, and strobes for a while."""
    light, target, soft, strobe, period = np.ones(3), np.ones(3), 1.0, 0, 2
    for frame, picture in enumerate(pictures):
        if rng.random() < 1 / 30:
            target, soft = rng.uniform(0.15, 1.6, 3), float(rng.choice([1.0, 0.3, 0.1]))
        light = light + (target - light) * soft
        if strobe == 0 and rng.random() < 1 / 150:
            strobe, period = int(rng.integers(20, 75)), int(rng.integers(2, 6))
        strobe = max(0, strobe - 1)
        yield shone(picture, light * ((2.0 if frame % period == 0 else 0.2) if strobe else 1.0))


def barred_at_times(pictures: Frames, rng: Generator, size: Size) -> Frames:
    """Bars that come and go, at once or within half a second, whatever is seen."""
    now = aim = 0.0
    step, upright = 1.0, False
    for picture in pictures:
        if rng.random() < 1 / 40:
            aim, step = (0.0 if aim else float(rng.uniform(0.06, 0.25))), float(rng.choice([1.0, 0.02]))
            upright = upright if now else rng.random() < 0.4
        now = float(now + np.clip(aim - now, -step, step))
        length = size[0] if upright else size[1]
        bar, framed = round(now * length), picture.copy()
        if bar:
            (framed.swapaxes(0, 1) if upright else framed)[np.r_[:bar, length - bar : length]] = 0
        yield framed


def overlaid(pictures: Frames, rng: Generator, size: Size, inner: Iterable[Picture]) -> Frames:
    """A smaller film in a corner with cuts of its own, and boxes with subtitles; all of it comes and goes."""
    corner, caption, words = 0, 0, ""
    x = y = 0
    for picture, small in zip(pictures, inner, strict=False):
        made = picture.copy()
        if corner == 0 and rng.random() < 1 / 60:
            corner = int(rng.integers(30, 150))
            x, y = (int(rng.choice([length // 20, length * 11 // 20])) for length in size)
        if corner:
            corner -= 1
            view = made[y : y + size[1] * 2 // 5, x : x + size[0] * 2 // 5]
            view[:] = cv2.resize(small, view.shape[1::-1], interpolation=cv2.INTER_AREA)
        if caption == 0 and rng.random() < 1 / 35:
            caption, words = int(rng.integers(20, 70)), "".join(rng.choice(list("aeinorst "), 24))
        if caption:
            caption -= 1
            made[size[1] * 4 // 5 : size[1] * 19 // 20, size[0] // 10 : size[0] * 9 // 10] = (20, 20, 30)
            place, scale = (size[0] // 8, size[1] * 9 // 10), size[0] / 700
            cv2.putText(made, words, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (240, 240, 240), 1 + size[0] // 500)
        yield made


def beside(pictures: Frames, rng: Generator, size: Size, stills: Sequence[Picture], turns: Iterable[int]) -> Frames:
    """The film in a half of the picture, squeezed or cropped; in the other a still or a plot that stands.

    Args:
        pictures: of the film.
        rng: of everything random.
        size: of the whole.
        stills: one of them is seen.
        turns: frames from which on it is arranged anew.
    """
    view: tuple[slice, slice] = (slice(None), slice(None))
    turns, whole = {0, *turns}, np.zeros((size[1], size[0], 3), np.uint8)
    for frame, picture in enumerate(pictures):
        if frame in turns:
            squeezed, whole = rng.random() < 0.5, still_of(rng, size, stills)
            share, last = float(rng.uniform(0.4, 0.6)), rng.random() < 0.5
            axis = int(rng.random() < 0.7)  # 1: side by side
            edge = round(share * size[1 - axis])
            part = slice(size[1 - axis] - edge, None) if last else slice(edge)
            view = (slice(None), part) if axis else (part, slice(None))
        made = whole.copy()
        high, wide = made[view].shape[:2]
        y, x = (size[1] - high) // 2, (size[0] - wide) // 2
        cropped = picture[y : y + high, x : x + wide]
        made[view] = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA) if squeezed else cropped
        yield made


def still_of(rng: Generator, size: Size, stills: Sequence[Picture]) -> Picture:
    """One of the pictures, or a plot."""
    if rng.random() < 0.5:
        return np.asarray(
            cv2.resize(stills[int(rng.integers(len(stills)))], size, interpolation=cv2.INTER_AREA), np.uint8
        )
    plot = np.full((size[1], size[0], 3), rng.integers(0, 256, 3), np.uint8)
    for _ in range(int(rng.integers(3, 30))):
        ends = rng.integers(0, size, (2, 2)).tolist()
        cv2.line(plot, ends[0], ends[1], rng.integers(0, 256, 3).tolist(), 1 + size[0] // 300)
    return plot


Effect = Callable[[Frames, Generator, int, Size], Frames]
EFFECTS: dict[str, Effect] = {
    "noise": grainy,
    "flashes": flashing,
    "shake": shaken,
    "objects": crossed,
    "lights": relit,
    "near": jolted,
    "sixty": hit,
}
Finish = Callable[[Frames, Generator, Size], Frames]
FINISHES: dict[str, Finish] = {
    "oldfilm": aged,
    "night": darkened,
    "stage": staged,
    "bars": barred_at_times,
    "letterbox": lambda pictures, rng, size: barred(pictures, SCOPE if rng.random() < 0.75 else ACADEMY, size),
}
