"""Frames that show nothing: test cards, titles, drawings, gradients, noise, and pictures that were 16 pixels wide.

Of the two families of generators one is learned from, the other only judged by. What a network sees in them means
nothing, and it always sees something.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import av
import cv2
import numpy as np
from av.filter import Graph
from numpy.random import Generator

from tagger.errors import NetworkFailed
from tagger.images import Pixels, entropy_bits
from tagger.settings import MIN_ENTROPY_BITS

HEIGHT, WIDTH = 270, 480
TINY_NAME = "tiny"  # of the kind whose frames are pictures
TINY = 16  # pixels that a tiny picture is wide and high
TRIES = 200  # for a frame that the filter of plain ones lets through
WORDS = (
    "the", "and", "of", "by", "with", "story", "music", "director", "produced", "light", "camera", "edited", "Anna",
    "Marie", "John", "Smith", "Weber", "Rossi", "Chen", "Garcia", "night", "sound", "costume", "second", "unit", "cast",
    "special", "thanks", "to", "city", "film", "studio", "presents", "based", "on", "a", "novel", "executive",
    "chapter",
)  # fmt: skip
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)  # fmt: skip

Draw = Callable[[Generator], Pixels]


def frames(kinds: Sequence[Draw], count: int, rng: Generator) -> list[Pixels]:
    """Returns `count` frames, of each kind in turn: only those that a film's filter of plain pictures lets through."""
    return [_passing(kinds[number % len(kinds)], rng) for number in range(count)]


def _passing(draw: Draw, rng: Generator) -> Pixels:
    for _ in range(TRIES):
        frame = _filmed(draw(rng), rng)
        if entropy_bits(frame) >= MIN_ENTROPY_BITS:
            return frame
    raise NetworkFailed(f"{draw.__name__}: none of {TRIES} frames has {MIN_ENTROPY_BITS} bits")


def _filmed(frame: Pixels, rng: Generator) -> Pixels:
    """A frame after grain, focus and codec."""
    x = frame.astype(np.float32)
    if rng.random() < 0.6:
        x += rng.normal(0, rng.uniform(1, 12), x.shape[:2])[..., None]
    if rng.random() < 0.3:
        x = np.asarray(cv2.GaussianBlur(x, (0, 0), rng.uniform(0.6, 2.5)), np.float32)
    packed = cv2.imencode(
        ".jpg", np.clip(x, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 95))]
    )[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def colour(rng: Generator, low: int = 0, high: int = 256) -> tuple[int, ...]:
    """Returns any colour, each of its three parts from `low` on and below `high`."""
    return tuple(rng.integers(low, high, 3).tolist())


def ground(rng: Generator, dark: float = 0.5) -> Pixels:
    """Paper or black, evenly lit or not."""
    paper = colour(rng, 0, 60) if rng.random() < dark else colour(rng, 190, 256)
    page = np.full((HEIGHT, WIDTH, 3), paper, np.float32)
    if rng.random() < 0.5:
        page *= np.linspace(rng.uniform(0.6, 1), 1, WIDTH)[:, None]
    return page.astype(np.uint8)


def ink(page: Pixels, rng: Generator) -> tuple[int, ...]:
    """Returns a colour that can be seen on a page."""
    return colour(rng, 150, 256) if page.mean() < 128 else colour(rng, 0, 110)


def phrase(rng: Generator, longest: int) -> str:
    """Returns one to `longest` words."""
    words = " ".join(rng.choice(WORDS, rng.integers(1, longest + 1)))
    return words.upper() if rng.random() < 0.4 else words.title() if rng.random() < 0.5 else words


# Kinds that are learned from


def bars(rng: Generator) -> Pixels:
    """Upright bars of any colours, over a row of others."""
    page = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for top, bottom in ((0, int(HEIGHT * rng.uniform(0.6, 1))), (int(HEIGHT * 0.8), HEIGHT)):
        count = int(rng.integers(5, 12))
        for place in range(count):
            page[top:bottom, place * WIDTH // count : (place + 1) * WIDTH // count] = colour(rng)
    return page


def gradient(rng: Generator) -> Pixels:
    """One colour into another, at any angle."""
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[0 : 1 : HEIGHT * 1j, 0 : 1 : WIDTH * 1j]
    way = np.cos(angle) * x + np.sin(angle) * y
    way = (way - way.min()) / (way.max() - way.min())
    first, last = np.array(colour(rng)), np.array(colour(rng))
    return np.asarray(first + (last - first) * way[..., None], np.uint8)


def credits(rng: Generator) -> Pixels:
    """Rows of words in the middle."""
    page = ground(rng, 0.85)
    dye, font, scale = ink(page, rng), FONTS[rng.integers(len(FONTS))], rng.uniform(0.4, 0.8)
    y = int(rng.integers(10, 60))
    while y < HEIGHT:
        text = phrase(rng, 4)
        (width, height), _ = cv2.getTextSize(text, font, scale, 1)
        cv2.putText(page, text, ((WIDTH - width) // 2, y), font, scale, dye, 1, cv2.LINE_AA)
        y += int(height * rng.uniform(1.4, 2.6)) + 4
    return page


def title(rng: Generator) -> Pixels:
    """A large title, and a line below it."""
    page = ground(rng, 0.75)
    dye, font = ink(page, rng), FONTS[rng.integers(len(FONTS))]
    for y, scale, longest in ((0.5, rng.uniform(1.0, 2.2), 2), (0.72, rng.uniform(0.4, 0.8), 5)):
        text = phrase(rng, longest)
        (width, _), _ = cv2.getTextSize(text, font, scale, 2)
        cv2.putText(page, text, (max(5, (WIDTH - width) // 2), int(HEIGHT * y)), font, scale, dye, 2, cv2.LINE_AA)
    return page


def noise(rng: Generator) -> Pixels:
    """Clouds of noise, coloured or grey."""
    grain = rng.normal(0, 1, (HEIGHT, WIDTH, 3 if rng.random() < 0.5 else 1)).astype(np.float32)
    grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.3, 20)), np.float32).reshape(HEIGHT, WIDTH, -1)
    grain = grain / grain.std() * rng.uniform(15, 60) + rng.uniform(60, 190)
    return np.broadcast_to(np.clip(grain, 0, 255), (HEIGHT, WIDTH, 3)).astype(np.uint8)


def shapes(rng: Generator) -> Pixels:
    """Outlines of lines, boxes and ellipses, some filled."""
    page = ground(rng, 0.3)
    for _ in range(rng.integers(4, 30)):
        dye, thick = ink(page, rng), int(rng.integers(1, 5)) if rng.random() < 0.85 else -1
        a, b = ((int(rng.integers(WIDTH)), int(rng.integers(HEIGHT))) for _ in range(2))
        kind = rng.integers(3)
        if kind == 0:
            cv2.line(page, a, b, dye, abs(thick), cv2.LINE_AA)
        elif kind == 1:
            cv2.rectangle(page, a, b, dye, thick)
        else:
            cv2.ellipse(
                page, a, (abs(a[0] - b[0]) // 2 + 2, abs(a[1] - b[1]) // 2 + 2), 0, 0, 360, dye, thick, cv2.LINE_AA
            )
    return page


def grid(rng: Generator) -> Pixels:
    """Squares or crossed lines."""
    size, page = int(rng.integers(10, 60)), ground(rng)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    on = (y // size + x // size) % 2 == 0 if rng.random() < 0.5 else (y % size < 3) | (x % size < 3)
    page[on] = colour(rng)
    return page


def logo(rng: Generator) -> Pixels:
    """A mark on black, with a name."""
    page = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    centre, size = (WIDTH // 2, int(HEIGHT * 0.42)), int(rng.integers(25, 80))
    corners = cv2.ellipse2Poly(
        centre, (size, size), int(rng.integers(360)), 0, 360, int(rng.choice([30, 45, 60, 72, 90, 120]))
    )
    cv2.fillPoly(page, [np.asarray(corners)], colour(rng, 60))
    cv2.circle(page, centre, int(size * rng.uniform(0.2, 0.7)), colour(rng), -1, cv2.LINE_AA)
    text, font = phrase(rng, 2), FONTS[rng.integers(len(FONTS))]
    (width, _), _ = cv2.getTextSize(text, font, 0.9, 2)
    cv2.putText(page, text, ((WIDTH - width) // 2, int(HEIGHT * 0.85)), font, 0.9, colour(rng, 120), 2, cv2.LINE_AA)
    return cv2.GaussianBlur(page, (0, 0), rng.uniform(0.5, 6)) if rng.random() < 0.4 else page  # type: ignore[return-value]


def tiny(pictures: Sequence[Pixels]) -> Draw:
    """Returns what draws one of `pictures` as 16 pixels a side would show it."""

    def tiny_picture(rng: Generator) -> Pixels:
        small = cv2.resize(pictures[int(rng.integers(len(pictures)))], (TINY, TINY), interpolation=cv2.INTER_AREA)
        how = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(3)]
        return np.asarray(cv2.resize(small, (WIDTH, HEIGHT), interpolation=how), np.uint8)

    tiny_picture.__name__ = TINY_NAME
    return tiny_picture


def source(name: str, options: str = "") -> Draw:
    """Returns what draws a frame of a test source of FFmpeg."""

    def test_source(rng: Generator) -> Pixels:
        graph = Graph()
        first = graph.add(name, options.format(seed=rng.integers(1, 2**31), size=f"{WIDTH}x{HEIGHT}"))
        last = graph.add("buffersink")
        first.link_to(last)
        graph.configure()
        for _ in range(int(rng.integers(1, 20))):
            frame = graph.pull()
        assert isinstance(frame, av.VideoFrame)
        return np.asarray(cv2.resize(frame.to_ndarray(format="rgb24"), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))

    test_source.__name__ = name
    return test_source


LEARNED: tuple[Draw, ...] = (
    bars, gradient, credits, title, noise, shapes, grid, logo,
    source("testsrc2", "size={size}"), source("sierpinski", "size={size}:seed={seed}"),
    source("cellauto", "size={size}:random_seed={seed}:rule=30"),
)  # fmt: skip
