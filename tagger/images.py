"""The one preparation that film frames and training pictures share: bars off, squash to the network's square.

A network trained on pictures prepared one way and asked about frames prepared another way sees two
different worlds; so both go through this file. Nothing here knows about videos, shots or networks.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from tagger.bars import picture_edges
from tagger.errors import BadPath, BadPicture, reason
from tagger.files import regular_file
from tagger.orientation import avif_pixels, is_avif, orientation, turned
from tagger.partial import JPEG_START, PNG_START, ended_png, whole_jpeg

Pixels = NDArray[np.uint8]  # (height, width, 3), RGB, 0 to 255

LUMA_LEVELS = 256
DECODING = 2  # grows with each change of what is made of pictures: what was computed of them before is no longer right
PIXELS_MAX = 200_000_000  # of a picture that is decoded: 600 MB; OpenCV's own limit is five times that
PIXELS_MAX_VARIABLE = "OPENCV_IO_MAX_IMAGE_PIXELS"
HEAD_BYTES = 2**16  # of a file, in which an AVIF says its size
GROUND = 128  # behind what is transparent: neither light nor dark, and no colour
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
LARGE_QUALITY = 95  # of JPEG
SMALL_WIDTH, SMALL_HEIGHT, SMALL_QUALITY = 192, 144, 60  # pixels, and of JPEG: about 5 kB a picture
TOO_LARGE = f"has more pixels than are read ({PIXELS_MAX_VARIABLE} sets the limit)"


def decode_picture(body: bytes) -> Pixels:
    """Returns the picture that a file holds, upright, whatever its format, depth and colours; the first of many.

    What is transparent is mid grey, and not the colour that is hidden there.

    Raises:
        ValueError: no bytes, no picture, a part of one, nothing to be seen, or more pixels than
            OPENCV_IO_MAX_IMAGE_PIXELS; says which.
    """
    if not body:
        raise ValueError("is empty")
    if not (pixels := _declared_pixels(io.BytesIO(body))):
        raise ValueError("is no picture that OpenCV can read, or a part of one")
    if pixels > int(os.environ.get(PIXELS_MAX_VARIABLE, PIXELS_MAX)):
        raise ValueError(TOO_LARGE)
    found = whole_jpeg(body, _decoded) if body.startswith(JPEG_START) else _on_grey(ended_png(body))
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)


def _on_grey(body: bytes) -> Pixels:
    """What is no JPEG, as `_decoded`: its colours on grey, and turned where OpenCV does not do it."""
    tiff = body.startswith(TIFF_STARTS)
    if not (tiff or body.startswith((PNG_START, b"GIF8", b"RIFF")) or is_avif(body)):
        return _decoded(body)
    found = _decoded(body, cv2.IMREAD_UNCHANGED)  # as it is stored, with alpha if it has any; but TIFF is turned
    plain = found.dtype == np.uint8 and found.ndim == 3
    colours = found[..., :3] if plain else _decoded(body, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if found.ndim == 3 and found.shape[2] == 4 and found.dtype in (np.uint8, np.uint16):
        multiplied = tiff and found.dtype == np.uint8  # by libtiff
        alpha = found[..., 3:] if found.dtype == np.uint8 else (found[..., 3:] >> 8).astype(np.uint8)
        colours = _composed(colours, alpha, multiplied)
    return turned(colours, orientation(body))


def _composed(colours: Pixels, alpha: Pixels, multiplied: bool) -> Pixels:
    """Colours (h, w, 3), which may have been multiplied by alpha (h, w, 1), on grey."""
    if not alpha.any():
        raise ValueError("is transparent everywhere: there is nothing to be seen")
    opaque = alpha.astype(np.uint16)
    shown = np.minimum(colours, alpha).astype(np.uint16) * 255 if multiplied else colours * opaque
    return ((shown + GROUND * (255 - opaque) + 127) // 255).astype(np.uint8)


def _decoded(body: bytes, flags: int = cv2.IMREAD_COLOR) -> Pixels:
    """What OpenCV makes of a file: blue, green, red."""
    try:
        found = cv2.imdecode(np.frombuffer(body, np.uint8), flags)
    except cv2.error as error:
        if "CV_IO_MAX_IMAGE" not in str(error):
            raise ValueError(f"is no picture that OpenCV can read ({reason(error)})") from error
        raise ValueError(TOO_LARGE) from error
    if found is None:
        raise ValueError("is no picture that OpenCV can read, or a part of one")
    return np.asarray(found)


def may_be_picture(path: Path) -> bool:
    """Returns whether a file begins as a picture does that can be read, or could if it were whole."""
    try:
        with path.open("rb") as file:
            return _declared_pixels(file) > 0
    except OSError:
        return False


def _declared_pixels(file: BinaryIO) -> int:
    """How many pixels a picture will have, by its header; 0 if it is of a kind that does not say so.

    OpenCV has a limit too, but reads it when it is first imported, which may be long before anybody asks us.
    """
    import imagesize  # 50 ms that no film needs

    try:
        width, height = imagesize.get(file)
    except Exception:  # a damaged header may raise anything
        width = height = 0
    file.seek(0)
    return max(0, int(width)) * max(0, int(height)) or avif_pixels(file.read(HEAD_BYTES))  # it fails on turned ones


def read_picture(path: Path) -> Pixels:
    """Returns the picture in a file, upright.

    Raises:
        BadPath: no file, or no picture that can be read; says why.
    """
    try:
        return decode_picture(regular_file(path).read_bytes())
    except (OSError, ValueError) as error:
        if isinstance(error, BadPath):
            raise
        raise BadPath(f"{path}: {reason(error)}") from error


def without_bars(pixels: Pixels) -> Pixels:
    """Returns the picture without its bars (letterbox, pillarbox or both), as a view.

    A picture that is black nearly everywhere comes back unchanged.

    Args:
        pixels: uint8 (height, width, 3), RGB.
    """
    rows, columns = picture_edges(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8))
    return pixels[slice(*rows), slice(*columns)]


def squash(pixels: Pixels, size: int) -> Pixels:
    """Returns the whole picture as uint8 (size, size, 3): nothing is cropped, the aspect is given up.

    So it does not matter whether pixels are square (anamorphic DVDs). Shrinking averages areas
    (no moiré), enlarging interpolates.
    """
    height, width = pixels.shape[:2]
    if height == width == size:
        return pixels
    shrinks = height >= size and width >= size
    shape = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    squashed: Pixels = np.asarray(cv2.resize(pixels, (size, size), interpolation=shape), np.uint8)
    return squashed


def checked(pixels: object) -> Pixels:
    """Returns the array itself, once it is known to be a picture.

    Raises:
        BadPicture: it is not uint8 (height, width, 3), or has no pixel; says what it is.
    """
    if not isinstance(pixels, np.ndarray):
        raise BadPicture(f"a {type(pixels).__name__}: a picture is a path, or an array uint8 (height, width, 3), RGB")
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise BadPicture(f"an array {pixels.dtype} {pixels.shape}: a picture is uint8 (height, width, 3), RGB")
    return pixels


def prepare(pixels: Pixels, size: int) -> Pixels:
    """Returns what a network sees of a picture: `without_bars`, then `squash` to uint8 (size, size, 3)."""
    return squash(without_bars(pixels), size)


def entropy_bits(pixels: Pixels) -> float:
    """Returns the Shannon entropy of the 256-bin luma histogram, in bits, 0 (one grey) to 8.

    H = -sum_k p_k log2 p_k over the share p_k of pixels with luma k.
    """
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    counts = np.bincount(luma.ravel(), minlength=LUMA_LEVELS)
    shares = counts[counts > 0] / luma.size
    return float(max(0.0, -np.sum(shares * np.log2(shares))))


def small_jpeg(pixels: Pixels, width: int = SMALL_WIDTH, height: int = SMALL_HEIGHT) -> bytes:
    """Returns a picture as JPEG to look at, shrunk to fit so many pixels; what is smaller stays as it is.

    Args:
        pixels: uint8 (h, w, 3) RGB.
        width: of the result, at most.
        height: of the result, at most.
    """
    high, wide = pixels.shape[:2]
    scale = min(1.0, width / wide, height / high)
    if scale < 1:
        size = (max(1, round(wide * scale)), max(1, round(high * scale)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return _jpeg(pixels, SMALL_QUALITY)


def large_jpeg(pixels: Pixels) -> bytes:
    """Returns a picture, uint8 (h, w, 3) RGB, as JPEG in its whole size."""
    return _jpeg(pixels, LARGE_QUALITY)


def _jpeg(pixels: Pixels, quality: int) -> bytes:
    _, body = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return body.tobytes()
