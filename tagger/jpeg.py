"""Whether a JPEG file is whole: libjpeg fills up what is missing with grey, and OpenCV passes it on as a picture."""

from __future__ import annotations

import re

START = b"\xff\xd8"
END = 0xD9
# Not stuffed bytes (00), fill (FF), and the marks without a length: TEM (01), restarts (D0 to D7), starts (D8).
MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
LENGTH_BYTES = 2  # big-endian, itself included


def is_cut_off(body: bytes) -> bool:
    """Returns whether these are the bytes of a JPEG without an end of its picture.

    Segments are skipped by their lengths, so that the end of an EXIF thumbnail is not taken for that of the picture;
    what follows the end does not matter.
    """
    if not body.startswith(START):
        return False
    place = len(START)
    while found := MARKER.search(body, place):
        if found[1][0] == END:
            return False
        place = found.end() + int.from_bytes(body[found.end() : found.end() + LENGTH_BYTES], "big")
    return True
