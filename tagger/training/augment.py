"""Pictures changed at random, but for what they show: one warp of the plane, then brightness.

All moves of the plane are one matrix, so a picture is read once and blurred once, whatever is asked for. What
comes in from outside the frame is its mirror image.
"""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np
from numpy.random import Generator

from tagger.images import Pixels
from tagger.records import Doubles

SHIFT = 0.1  # of the side, either way
ROTATE_DEG = 15.0  # either way
ZOOM = 0.8, 1.25  # smaller numbers show less of the picture
WARP = 0.12  # of the side: how far corners move
BRIGHTNESS, CONTRAST = 0.2, 0.25  # of the range; of the contrast


def augment(pixels: Pixels, kinds: Collection[str], rng: Generator) -> Pixels:
    """Returns another picture (s, s, 3) of the same thing.

    Args:
        pixels: uint8 (s, s, 3), square.
        kinds: of `tagger.training.recipe.WARPS`.
        rng: draws how much of each.
    """
    size = pixels.shape[0]
    matrix = _matrix(size, kinds, rng)
    if not np.array_equal(matrix, np.eye(3)):
        moved = cv2.warpPerspective(pixels, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        pixels = np.asarray(moved, np.uint8)
    if "brightness" in kinds:
        contrast, brightness = rng.uniform(1 - CONTRAST, 1 + CONTRAST), rng.uniform(-BRIGHTNESS, BRIGHTNESS) * 255
        values = (np.arange(256) - 127.5) * contrast + 127.5 + brightness
        pixels = np.clip(values, 0, 255).astype(np.uint8)[pixels]
    return pixels


def _matrix(size: int, kinds: Collection[str], rng: Generator) -> Doubles:
    """Where each pixel goes, as a homography of pixel coordinates."""
    unit = np.eye(3)  # in coordinates from -1/2 to 1/2
    for kind, move in (("warp", _warped), ("rotate", _rotated), ("zoom", _zoomed), ("shift", _shifted)):
        if kind in kinds:
            unit = move(rng) @ unit
    for kind, axis in (("flip", 0), ("vflip", 1)):
        if kind in kinds and rng.random() < 0.5:
            mirror = np.eye(3)
            mirror[axis, axis] = -1
            unit = mirror @ unit
    if np.array_equal(unit, np.eye(3)):
        return unit
    centre, side = (size - 1) / 2, float(size)
    to_pixels = np.array([[side, 0, centre], [0, side, centre], [0, 0, 1]])
    return np.asarray(to_pixels @ unit @ np.linalg.inv(to_pixels))


def _rotated(rng: Generator) -> Doubles:
    angle = np.deg2rad(rng.uniform(-ROTATE_DEG, ROTATE_DEG))
    return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])


def _zoomed(rng: Generator) -> Doubles:
    factor = np.exp(rng.uniform(*np.log(ZOOM)))
    return np.diag([factor, factor, 1.0])


def _shifted(rng: Generator) -> Doubles:
    matrix = np.eye(3)
    matrix[:2, 2] = rng.uniform(-SHIFT, SHIFT, 2)
    return matrix


def _warped(rng: Generator) -> Doubles:
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], np.float32)
    moved = corners + rng.uniform(-WARP, WARP, (4, 2)).astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners, moved), np.float64)
