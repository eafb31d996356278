"""Pictures whose files were cut off: how much of a JPEG is there, and the ends of those that lack nothing else.

Decoders fill up what a JPEG lacks, with grey or, where it is progressive, by a blurred picture, and tell nobody. So a
file that may be a part is decoded twice: as it is, and with noise behind its last byte. Where the picture is whole, a
decoder passes over the noise; where it is not, it takes it for the rest, and the pictures differ from there on. Of PNG
and WebP the decoders refuse parts themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
# Not stuffed bytes (00), fill (FF), and the marks without a length: TEM (01), restarts (D0 to D7), starts (D8).
JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
LENGTH_BYTES = 2  # big-endian, itself included
SEQUENTIAL = (0xC0, 0xC1)  # frames coded by Huffman in one pass: what is missing is mid grey
FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)  # those and progressive ones, by Huffman or arithmetic
SCAN, INTERVAL = 0xDA, 0xDD
RESTARTS = tuple(bytes((0xFF, 0xD0 + number)) for number in range(8))  # after each interval another one, in this order
COEFFICIENTS = 64  # of a block
GREY = 128
MISSING_MAX = 0.02  # share of a picture that nobody will miss
NOISE_FACTOR, NOISE_BYTES_MAX = 8, 2**25  # as much as makes up for most of what may be missing
NOISE_BYTES = 256  # of a unit of a scan, about
NOISE = np.random.default_rng(0).integers(0, 0xFF, 2**16, np.uint8).tobytes()  # without FF, which begins marks

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
PNG_CHUNK_BYTES = 12  # besides its data: length, name, checksum

Pixels = NDArray[np.uint8]


@dataclass(slots=True)
class _Jpeg:
    """What the segments of a JPEG say, up to the end of its picture."""

    end: int = len(JPEG_START)  # behind the last byte of the picture, where its end mark is or should be
    ended: bool = False
    frame: int = 0  # which kind
    scans: int = 0
    scan: int = 0  # where the last one begins, behind all segments
    interval: int = 0  # units of a scan between restarts; 0: it has none
    bits: dict[int, list[int]] = field(default_factory=dict)  # of each component and coefficient: those to come

    @property
    def lacks_scans(self) -> bool:
        """Whether some coefficients have not come, or not in full precision."""
        return not self.bits or any(any(left) for left in self.bits.values())


def whole_jpeg(body: bytes, decode: Callable[[bytes], Pixels]) -> Pixels:
    """Returns the picture of a JPEG, with or without its end mark, once it is known that but a trace is missing.

    Args:
        body: begins with `JPEG_START`.
        decode: gives the pixels of a JPEG, and raises ValueError where there are none.

    Raises:
        ValueError: it is a part, and says how much is missing; or as `decode`.
    """
    found = _read(body)
    if found.frame in FRAMES and found.lacks_scans:
        raise ValueError("is a part of a JPEG: whole passes over its picture are missing")
    kept = body[: found.end].rstrip(b"\xff")  # which would make a mark of what follows
    pixels = decode(body if found.ended else kept + JPEG_END)
    if found.ended and found.frame in SEQUENTIAL and found.scans == 1 and not _has_grey_corner(pixels, len(found.bits)):
        return pixels
    missing = (pixels != decode(kept + _noise(kept, found) + JPEG_END)).any(-1).mean()
    if missing > MISSING_MAX:
        raise ValueError(f"is a part of a JPEG: {missing:.0%} of its picture is missing")
    return pixels


def ended_png(body: bytes) -> bytes:
    """Returns a PNG with its last chunk where only that is missing; others as they are."""
    place = len(PNG_START)
    while place < len(body):
        behind = place + PNG_CHUNK_BYTES + int.from_bytes(body[place : place + 4], "big")
        if body[place + 4 : place + 8] == PNG_END[4:8] or behind > len(body):
            break
        place = behind
    return body[:place] + PNG_END if PNG_END.startswith(body[place:]) else body


def _read(body: bytes) -> _Jpeg:
    """What is there of a JPEG.

    Segments are skipped by their lengths, so that the end of an EXIF thumbnail is not taken for that of the picture;
    what follows the end does not matter, nor do zeros where the rest should be, which a stopped download leaves.
    """
    found = _Jpeg()
    place = len(JPEG_START)
    while mark := JPEG_MARKER.search(body, place):
        if mark[0] == JPEG_END:
            found.end, found.ended = mark.start(), True
            return found
        place = mark.end() + int.from_bytes(body[mark.end() : mark.end() + LENGTH_BYTES], "big")
        if place > len(body):
            found.end = mark.start()
            return found
        _take(found, mark[1][0], body[mark.end() + LENGTH_BYTES : place])
        found.scan = place
    found.end = len(body.rstrip(b"\0"))
    return found


def _take(found: _Jpeg, mark: int, segment: bytes) -> None:
    """Notes what a segment says of the components and of the bits of their coefficients."""
    if mark in FRAMES and len(segment) > 5:
        found.frame = mark
        found.bits = {component: [1] * COEFFICIENTS for component in segment[6 : 6 + 3 * segment[5] : 3]}
    elif mark == INTERVAL:
        found.interval = int.from_bytes(segment[:2], "big")
    elif mark == SCAN and len(segment) > 3:
        found.scans += 1
        components = segment[1 : 1 + 2 * segment[0] : 2]
        first, last, precision = (0, COEFFICIENTS - 1, 0) if found.frame in SEQUENTIAL else segment[-3:]
        for left in (found.bits[component] for component in components if component in found.bits):
            left[first : last + 1] = [precision & 0x0F] * (last + 1 - first)


def _noise(kept: bytes, found: _Jpeg) -> bytes:
    """What decoders take for the rest of the last scan, with the restarts that it would have."""
    room = min(NOISE_FACTOR * len(kept), NOISE_BYTES_MAX)
    if not found.interval:
        return NOISE * (1 + room // len(NOISE))
    part = NOISE[: NOISE_BYTES * found.interval]
    last = max(range(8), key=lambda number: kept.rfind(RESTARTS[number], found.scan))
    first = last + 1 if kept.rfind(RESTARTS[last], found.scan) >= 0 else 0
    return b"".join(part + RESTARTS[(first + number) % 8] for number in range(1 + room // len(part)))


def _has_grey_corner(pixels: Pixels, components: int) -> bool:
    """Whether the picture may end in what decoders put in place of what is missing; wherever its last corner is."""
    corners = pixels[[0, 0, -1, -1], [0, -1, 0, -1]].astype(int)
    return components > 3 or bool((abs(corners - GREY) <= 1).all(-1).any())  # of inks it is another colour
