"""How pictures want to be turned: what PNG, WebP and AVIF say, in the numbers of EXIF (1: as they are, to 8).

OpenCV turns JPEG and TIFF as they ask, PNG and WebP only in some versions or without their transparency, AVIF never.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from tagger.partial import PNG_START

UPRIGHT = 1
TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels[::-1].swapaxes(0, 1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels[:, ::-1].swapaxes(0, 1),
}
# Of AVIF: quarters of a turn counter-clockwise, then a mirror (0: top and bottom change places, 1: left and right).
AVIF_TURNS = {
    (0, None): 1, (1, None): 8, (2, None): 3, (3, None): 6,
    (0, 0): 4, (1, 0): 5, (2, 0): 2, (3, 0): 7,
    (0, 1): 2, (1, 1): 7, (2, 1): 4, (3, 1): 5,
}  # fmt: skip
TAG, SHORT, ENTRY_BYTES = 0x0112, 3, 12  # of the orientation in EXIF
EXIF_START = re.compile(rb"II\*\0|MM\0\*")
Boxes = Iterator[tuple[bytes, bytes]]  # kinds, and what is in them


def orientation(body: bytes) -> int:
    """Returns what the file of a PNG, WebP or AVIF asks for; 1 where it says nothing, or nothing that can be."""
    with suppress(struct.error, IndexError):  # what is damaged says nothing
        if body.startswith(PNG_START):
            return _of_exif(b"".join(data for kind, data in _png(body) if kind == b"eXIf"))
        if body.startswith(b"RIFF") and body[8:12] == b"WEBP":
            return _of_exif(b"".join(data for kind, data in _riff(body[12:]) if kind == b"EXIF"))
        if is_avif(body):
            return _of_avif(body)
    return UPRIGHT


def is_avif(body: bytes) -> bool:
    """Returns whether these are the bytes of an AVIF."""
    return body[4:8] == b"ftyp" and body[8:12] in (b"avif", b"avis", b"mif1", b"msf1", b"miaf")


def avif_pixels(head: bytes) -> int:
    """Returns how many pixels an AVIF has, by the bytes that it begins with; 0 if they are no AVIF's."""
    if not is_avif(head):
        return 0
    try:
        sizes = [struct.unpack_from(">II", data, 4) for kind, data in _properties(_meta(head)) if kind == b"ispe"]
    except struct.error:
        return 0
    return max((width * height for width, height in sizes), default=0)  # of the whole, not of its tiles


def turned(pixels: NDArray[np.uint8], asked: int) -> NDArray[np.uint8]:
    """Returns pixels (height, width, ...) as an orientation of EXIF asks for."""
    return np.ascontiguousarray(TURNS[asked](pixels)) if asked in TURNS else pixels


def _of_exif(data: bytes) -> int:
    """What the first directory says."""
    if not (start := EXIF_START.search(data)):
        return UPRIGHT
    tiff, order = data[start.start() :], "<" if start[0].startswith(b"I") else ">"
    (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
    (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
    for place in range(directory + 2, directory + 2 + ENTRY_BYTES * entries, ENTRY_BYTES):
        tag, kind, count, value = struct.unpack_from(f"{order}HHIH", tiff, place)
        if (tag, kind, count) == (TAG, SHORT, 1):
            return int(value)
    return UPRIGHT


def _of_avif(body: bytes) -> int:
    """What the properties of the main picture say, or where there are none of this kind, the EXIF."""
    inside = _meta(body)
    wide = inside[b"pitm"][0] if b"pitm" in inside else 0
    main = int.from_bytes(inside.get(b"pitm", b"")[4 : 8 if wide else 6], "big")
    kept = _properties(inside)
    angle, axis = 0, None
    for number in _associated(dict(_boxes(inside.get(b"iprp", b""))).get(b"ipma", b""), main):
        kind, data = kept[number - 1] if 0 < number <= len(kept) else (b"", b"")
        if kind == b"irot":
            angle = data[0] & 3
        elif kind == b"imir":
            axis = data[0] & 1
    if (angle, axis) == (0, None) and b"Exif" in inside.get(b"iinf", b""):
        return _of_exif(b"".join(data for kind, data in _boxes(body) if kind == b"mdat"))
    return AVIF_TURNS[angle, axis]


def _meta(body: bytes) -> dict[bytes, bytes]:
    """What is said of the items of a file, by kind."""
    return dict(_boxes(next((data[4:] for kind, data in _boxes(body) if kind == b"meta"), b"")))


def _properties(meta: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """All properties that items may have."""
    return list(_boxes(dict(_boxes(meta.get(b"iprp", b""))).get(b"ipco", b"")))


def _associated(table: bytes, item: int) -> Iterator[int]:
    """The numbers, from 1, of the properties of an item."""
    version, flags = table[0], table[3]
    (count,) = struct.unpack_from(">I", table, 4)
    place, form, bits = 8, ">I" if version else ">H", 0x7FFF if flags & 1 else 0x7F
    for _ in range(count):
        (of,) = struct.unpack_from(form, table, place)
        place += struct.calcsize(form)
        numbers = struct.unpack_from(f">{table[place]}{'H' if flags & 1 else 'B'}", table, place + 1)
        place += 1 + len(numbers) * (2 if flags & 1 else 1)
        if of == item:
            yield from (number & bits for number in numbers)


def _boxes(body: bytes) -> Boxes:
    """The boxes of an ISO file, or within one of them."""
    place = 0
    while place + 8 <= len(body):
        size, kind = struct.unpack_from(">I4s", body, place)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", body, place + 8), 16
        size = size or len(body) - place
        if size < head:
            return
        yield kind, body[place + head : place + size]
        place += size


def _png(body: bytes) -> Boxes:
    place = len(PNG_START)
    while place + 8 <= len(body):
        size, kind = struct.unpack_from(">I4s", body, place)
        yield kind, body[place + 8 : place + 8 + size]
        place += 12 + size


def _riff(body: bytes) -> Boxes:
    place = 0
    while place + 8 <= len(body):
        kind, size = struct.unpack_from("<4sI", body, place)
        yield kind, body[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
