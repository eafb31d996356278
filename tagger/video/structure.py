"""Whether a file ends where its format says that it does: read from its own sizes, without decoding anything.

Only of formats that say so. An index that is right tells a header that is wrong from a file that was cut off.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

TAIL_BYTES = 4096  # all zeros at the end: a download that was never finished, whatever its size
FLV_TAGS = (8, 9, 18)  # sound, pictures, data
FLV_TAG_HEADER = 11
BOX_HEADER, LARGE_BOX = 8, 1  # bytes; the length that says that the true one follows
EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def is_complete(path: Path, format: str) -> bool:
    """Returns whether a file has all bytes that it says it has; False where its format does not say how many.

    Args:
        path: of the file.
        format: FFmpeg's name of it.
    """
    ends = {"avi": _end_of_avi, "flv": _end_of_flv, "matroska,webm": _end_of_matroska}
    with suppress(OSError), path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL_BYTES))
        if format in ends and any(file.read()):
            return 0 < ends[format](file, size) <= size
    return False


def is_fragmented(path: Path) -> bool:
    """Returns whether a file of the MP4 family is written in fragments: its index does not list all samples."""
    with suppress(OSError), path.open("rb") as file:
        place, size = 0, file.seek(0, 2)
        while place < size:
            file.seek(place)
            length, kind = int.from_bytes(file.read(4), "big"), file.read(4)
            if kind == b"moof":
                return True
            length = int.from_bytes(file.read(8), "big") if length == LARGE_BOX else length
            if length < BOX_HEADER:
                return False
            place += length
    return False


def _end_of_avi(file: BinaryIO, size: int) -> int:
    """Where the last of its RIFF chunks ends (there are several above 1 GB); 0 if one does not say so."""
    end = 0
    while end < size:
        file.seek(end)
        head = file.read(8)
        if head[:4] != b"RIFF":
            return end  # what stands behind belongs to nobody
        length = int.from_bytes(head[4:], "little")
        if not length:
            return 0
        end += 8 + length + length % 2
    return min(end, size) if end == size + 1 else end  # the byte that fills up the last may be missing


def _end_of_flv(file: BinaryIO, size: int) -> int:
    """The end of the file, if its last tag is whole: each is followed by its length."""
    file.seek(size - 4)
    length = int.from_bytes(file.read(4), "big")
    if not FLV_TAG_HEADER <= length <= size - 4:
        return 0
    file.seek(size - 4 - length)
    head = file.read(FLV_TAG_HEADER)
    return size if head[0] in FLV_TAGS and int.from_bytes(head[1:4], "big") + FLV_TAG_HEADER == length else 0


def _end_of_matroska(file: BinaryIO, size: int) -> int:
    """Where its segment ends; 0 if that was written without a length, as live."""
    file.seek(0)
    for mark in (EBML, SEGMENT):
        if file.read(4) != mark:
            return 0
        length = _ebml_length(file)
        if mark == EBML:
            file.seek(length, 1)
    return file.tell() + length if length else 0


def _ebml_length(file: BinaryIO) -> int:
    """The next length; 0 if it is unknown, all bits set."""
    first = file.read(1)[0]
    more = 8 - first.bit_length()
    bits = 7 * (more + 1)
    length = int.from_bytes(bytes([first]) + file.read(more), "big") & ((1 << bits) - 1)
    return 0 if length == (1 << bits) - 1 else length
