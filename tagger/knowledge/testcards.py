"""Frames that show nothing, of kinds that nothing was learned from: what confidence is judged by.

Beside those of `tagger.training.nothings`: other drawings, other letters, and the test sources of FFmpeg that are not
among them.
"""

from __future__ import annotations

import cv2
import matplotlib
import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from tagger.images import Pixels
from tagger.training.nothings import HEIGHT, WIDTH, Draw, colour, gradient, ground, ink, phrase, source

FOLDER = "fonts/ttf"  # of matplotlib's data
NAMES = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "DejaVuSans-Bold", "DejaVuSerif-Italic", "cmr10", "cmss10")
WHITE = (255, 255, 255)


class Page:
    """Paper to draw and write on."""

    def __init__(self, pixels: Pixels, rng: Generator) -> None:
        """Starts with a picture."""
        self._image, self._rng = Image.fromarray(pixels), rng
        self.draw = ImageDraw.Draw(self._image)

    def font(self, low: int, high: int) -> ImageFont.FreeTypeFont:
        """Returns any font, `low` to `high` pixels large."""
        name = NAMES[int(self._rng.integers(len(NAMES)))]
        file = f"{matplotlib.get_data_path()}/{FOLDER}/{name}.ttf"
        return ImageFont.truetype(file, int(self._rng.integers(low, high)))

    @property
    def pixels(self) -> Pixels:
        """What is drawn so far."""
        return np.array(self._image)


def columns(rng: Generator) -> Pixels:
    """Credits in two columns."""
    paper = ground(rng, 0.9)
    page, y, gap = Page(paper, rng), int(rng.integers(0, 40)), int(rng.integers(8, 25))
    font, dye = page.font(9, 20), ink(paper, rng)
    while y < HEIGHT:
        page.draw.text((WIDTH / 2 - gap, y), phrase(rng, 3), dye, font, anchor="ra")
        page.draw.text((WIDTH / 2 + gap, y), phrase(rng, 2), dye, font)
        y += int(font.size * rng.uniform(1.1, 1.6))
    return page.pixels


def paragraph(rng: Generator) -> Pixels:
    """Lines of words from the left, on a gradient."""
    paper = gradient(rng) // (3 if rng.random() < 0.7 else 1)
    page, x, y = Page(paper, rng), int(rng.integers(15, 60)), int(rng.integers(10, 80))
    font, dye = page.font(12, 26), ink(paper, rng)
    while y < HEIGHT - 30:
        page.draw.text((x, y), phrase(rng, 7), dye, font)
        y += int(font.size * 1.5)
    return page.pixels


def intertitle(rng: Generator) -> Pixels:
    """Words within a frame, as in silent films."""
    paper = ground(rng, 0.9)
    page, dye, edge = Page(paper, rng), ink(paper, rng), int(rng.integers(8, 30))
    right, bottom = WIDTH - edge, HEIGHT - edge
    page.draw.rectangle((edge, edge, right, bottom), outline=dye, width=int(rng.integers(1, 4)))
    page.draw.rectangle((edge + 6, edge + 6, right - 6, bottom - 6), outline=dye)
    for x, y in ((edge, edge), (right, edge), (edge, bottom), (right, bottom)):
        page.draw.ellipse((x - 9, y - 9, x + 9, y + 9), outline=dye)
    lines = "\n".join(phrase(rng, 3) for _ in range(rng.integers(1, 5)))
    page.draw.multiline_text((WIDTH / 2, HEIGHT / 2), lines, dye, page.font(18, 34), anchor="mm", align="center")
    return page.pixels


def circle_card(rng: Generator) -> Pixels:
    """A test card with a grid, a circle, colours and greys."""
    paper, square = np.full((HEIGHT, WIDTH, 3), colour(rng, 80, 160), np.uint8), int(rng.integers(20, 40))
    paper[::square] = paper[:, ::square] = 255
    page, radius, steps = Page(paper, rng), HEIGHT * 0.45, int(rng.integers(5, 9))
    left, top = WIDTH / 2 - radius, HEIGHT / 2 - radius
    page.draw.ellipse((left, top, left + 2 * radius, top + 2 * radius), outline=WHITE, width=3)
    wide = radius * 1.4 / steps
    for step in range(steps):
        x, grey = WIDTH / 2 - radius * 0.7 + step * wide, int(255 * step / (steps - 1))
        page.draw.rectangle((x, HEIGHT * 0.3, x + wide, HEIGHT * 0.45), fill=colour(rng))
        page.draw.rectangle((x, HEIGHT * 0.5, x + wide, HEIGHT * 0.65), fill=(grey, grey, grey))
    page.draw.text((WIDTH / 2, HEIGHT * 0.75), phrase(rng, 2), WHITE, page.font(16, 22), anchor="mm")
    return page.pixels


def scribble(rng: Generator) -> Pixels:
    """Lines without an aim."""
    page = ground(rng, 0.15)
    for _ in range(rng.integers(2, 9)):
        way = np.cumsum(rng.normal(0, 1, (int(rng.integers(20, 200)), 2)), axis=0)
        middle = rng.uniform((60, 40), (WIDTH - 60, HEIGHT - 40))
        way = (way - way.mean(0)) / way.std() * rng.uniform(20, 80) + middle
        cv2.polylines(page, [way.astype(np.int32)], False, ink(page, rng), int(rng.integers(1, 4)), cv2.LINE_AA)
    return page


def stickmen(rng: Generator) -> Pixels:
    """People of five strokes, and a house."""
    page = ground(rng, 0.15)
    dye, thick = ink(page, rng), int(rng.integers(1, 4))
    for _ in range(rng.integers(1, 5)):
        middle, size = rng.uniform((50, 60), (WIDTH - 50, 120)), int(rng.integers(12, 30))
        up = rng.uniform(0.5, 2.5, 2)
        arms, legs = [[(0, 1.5), (-1.5, up[0])], [(0, 1.5), (1.5, up[1])]], [[(0, 3), (-1, 4.8)], [(0, 3), (1, 4.8)]]
        strokes = np.array([[(0, 1), (0, 3)], *arms, *legs])
        cv2.circle(page, tuple(middle.astype(int).tolist()), size, dye, thick, cv2.LINE_AA)
        cv2.polylines(page, list((middle + size * strokes).astype(np.int32)), False, dye, thick, cv2.LINE_AA)
    if rng.random() < 0.6:
        corner, size = rng.integers((30, 140), (WIDTH - 130, 170)), int(rng.integers(50, 90))
        house = corner + size * np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (0.5, -0.5), (1, 0)])
        cv2.polylines(page, [house.astype(np.int32)], False, dye, thick, cv2.LINE_AA)
    return page


def plasma(rng: Generator) -> Pixels:
    """Waves of colour."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] / 100.0
    waves = [
        sum(
            np.sin(rng.uniform(0.3, 6) * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform(0, 6))
            for angle in rng.uniform(0, np.pi, 4)
        )
        for _ in range(3)
    ]
    mixed = np.stack(waves, -1)
    return np.asarray((mixed - mixed.min()) / (mixed.max() - mixed.min()) * 255, np.uint8)


def snow(rng: Generator) -> Pixels:
    """What a television shows without a sender."""
    grain = int(rng.integers(1, 4))
    small = rng.integers(0, 256, (HEIGHT // grain + 1, WIDTH // grain + 1)).astype(np.uint8)
    grey = small.repeat(grain, 0).repeat(grain, 1)[:HEIGHT, :WIDTH]
    if rng.random() < 0.5:
        grey = (grey * np.where(np.arange(HEIGHT) % int(rng.integers(2, 7)), 1, 0.5)[:, None]).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def radial(rng: Generator) -> Pixels:
    """One colour into another, from a point on."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    across, down = rng.uniform(0.2, 0.8, 2)
    away = np.hypot(x - WIDTH * across, y - HEIGHT * down)
    away = np.clip(away / away.max() * rng.uniform(0.8, 2), 0, 1)[..., None]
    return np.asarray(np.array(colour(rng)) * (1 - away) + np.array(colour(rng)) * away, np.uint8)


def star(rng: Generator) -> Pixels:
    """A star on black, perhaps in a ring, perhaps glowing, with a name."""
    page, points, size = Page(np.zeros((HEIGHT, WIDTH, 3), np.uint8), rng), int(rng.integers(4, 9)), rng.uniform(30, 80)
    x, y, dye = WIDTH * rng.uniform(0.35, 0.65), HEIGHT * 0.42, colour(rng, 90)
    angles = rng.uniform(0, 3) + np.pi * np.arange(2 * points) / points
    reach = np.where(np.arange(2 * points) % 2, size, size * 0.45)
    corners = np.stack([x + reach * np.cos(angles), y + reach * np.sin(angles)], 1).ravel().tolist()
    page.draw.polygon(corners, fill=dye if rng.random() < 0.6 else None, outline=dye)
    if rng.random() < 0.5:
        far = size * 1.3
        page.draw.arc((x - far, y - far, x + far, y + far), 0, 360, colour(rng, 90), width=4)
    page.draw.text((WIDTH / 2, HEIGHT * 0.87), phrase(rng, 2), colour(rng, 120), page.font(16, 40), anchor="mm")
    glow = cv2.GaussianBlur(page.pixels, (0, 0), rng.uniform(5, 25)) if rng.random() < 0.5 else 0 * page.pixels
    return np.asarray(cv2.add(page.pixels, np.asarray(glow, np.uint8)), np.uint8)


_SIZE = "size={size}"
JUDGED: tuple[Draw, ...] = (
    columns, paragraph, intertitle, circle_card, scribble, stickmen, plasma, snow, radial, star,
    *(source(name, _SIZE) for name in (
        "testsrc", "smptebars", "smptehdbars", "pal75bars", "rgbtestsrc", "yuvtestsrc", "mandelbrot", "colorspectrum",
    )),
    source("gradients", f"{_SIZE}:seed={{seed}}:n=5"), source("life", f"{_SIZE}:random_seed={{seed}}"),
    source("perlin", f"{_SIZE}:random_seed={{seed}}"),
)  # fmt: skip
