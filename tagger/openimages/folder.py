"""A training folder: TAG/IMAGEID.jpg, and sources.csv, which says where each comes from and whose it is.

A file lies at its name only when all of it arrived and it was decoded. Pictures that are to be turned (about 3 of 100)
get an EXIF orientation, unless they have EXIF data of their own: their pixels stay as they are.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from tagger.errors import FetchFailed
from tagger.files import output_folder, write_atomically
from tagger.images import decode_picture
from tagger.openimages import web
from tagger.openimages.tables import Picture, Source, read_table, write_table
from tagger.partial import JPEG_START
from tagger.web import Pause, base

SOURCES = "sources.csv"
ORIENTATIONS = {90: 8, 180: 3, 270: 6}  # EXIF's number for a picture to be turned so far counter-clockwise
EXIF = b"Exif\0\0"
EXIF_BYTES = 2**16  # from the start of a file, where EXIF data would be


class PictureFolder:
    """The pictures that are in a training folder, and how one gets in."""

    def __init__(self, path: Path) -> None:
        """Takes up what is there: files as large as sources.csv says; what a killed run left half-written goes.

        Raises:
            OutputRefused: nothing can be written there.
            BadPath: its sources.csv is none of ours.
            BadSettings: as `tagger.web.base`.
        """
        self.path = output_folder(path)
        self._server = base(web.PICTURES_VARIABLE, web.PICTURES)
        self._sources = {
            one.file: one for one in read_table(path / SOURCES, Source) if _size(path / one.file) == one.bytes
        }
        for aside in path.glob("*/.*.tmp"):
            aside.unlink(missing_ok=True)

    def take(self, picture: Picture, pause: Pause) -> None:
        """Sees to it that the picture is there; may run in many threads, each with a picture of its own.

        A file that nothing is known of, as a killed run leaves them, is taken for the picture if it can be decoded.

        Raises:
            FetchFailed, ServerUnreachable: it cannot be had, or is no picture.
            OutputRefused: it cannot be written.
        """
        if picture.file in self._sources:
            return
        path = self.path / picture.file
        body = _there(path)
        if body is None:
            body = self._fetched(picture, pause)
            if not path.parent.is_dir():
                output_folder(path.parent)
            write_atomically(path, body)
        self._sources[picture.file] = Source(
            picture.file, picture.tag, picture.image_id, picture.subset, picture.licence, picture.author, picture.title,
            picture.landing_url, picture.original_url, picture.rotation_deg, len(body),
            hashlib.sha256(body).hexdigest(),
        )  # fmt: skip

    def write_sources(self) -> None:
        """Puts sources.csv there, with a row for each picture by name.

        Raises:
            OutputRefused: it cannot be written.
        """
        rows = self._sources.copy()  # a thread that hangs could still add to them
        write_table(self.path / SOURCES, Source, (rows[file] for file in sorted(rows)))

    def _fetched(self, picture: Picture, pause: Pause) -> bytes:
        url = f"{self._server}/{picture.subset}/{picture.image_id}.jpg"
        body = web.get(url, pause)
        try:
            decode_picture(body)
        except ValueError as error:
            raise FetchFailed(f"{url}: {error}") from error
        return turned(body, picture.rotation_deg)


def turned(body: bytes, rotation_deg: int) -> bytes:
    """Returns a JPEG file that is shown turned counter-clockwise by 0, 90, 180 or 270 degrees.

    One that has EXIF data, or is no JPEG, comes back as it is.
    """
    if rotation_deg not in ORIENTATIONS or not body.startswith(JPEG_START) or EXIF in body[:EXIF_BYTES]:
        return body
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, ORIENTATIONS[rotation_deg], 0)  # orientation, one short
    data = EXIF + b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)  # one directory of one entry
    return JPEG_START + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + body[len(JPEG_START) :]


def _there(path: Path) -> bytes | None:
    """The file that is there, if it is a whole picture."""
    try:
        body = path.read_bytes()
        decode_picture(body)
    except (OSError, ValueError):
        return None
    return body


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
