"""Asking servers: tables read as they come, pictures whole; both are asked for again where a connection fails.

What can be checked of a picture: that all bytes arrived that its Content-Length promised, and its MD5 where the server
sends one (Content-MD5, or the ETag of an S3 server, which is the MD5 of what was uploaded in one part without KMS). The
OriginalMD5 of Open Images' own lists is of the photographer's upload, which the bucket's smaller copies are not.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import time
from collections.abc import Generator
from email.message import Message
from operator import itemgetter

from tagger.errors import FetchFailed
from tagger.web import PIECE_BYTES, Again, Pause, Remote, Told, arrived, opened, with_tries

LISTS, LISTS_VARIABLE = "https://storage.googleapis.com/openimages", "MOVIETAGS_OPENIMAGES_URL"
PICTURES, PICTURES_VARIABLE = "https://open-images-dataset.s3.amazonaws.com", "MOVIETAGS_OPENIMAGES_PICTURES_URL"

PICTURE_S = 180.0  # for a whole one: the mean is 0.3 MB
PICTURE_BYTES_MAX = 64 * 2**20


def get(url: str, pause: Pause) -> bytes:
    """Returns a picture's file, whole as far as that can be checked.

    Args:
        url: http or https.
        pause: is called between pieces (0 s) and before further tries.

    Raises:
        FetchFailed: the server refuses (no further tries are made), or it is too large.
        ServerUnreachable: all tries failed.
    """
    return with_tries(lambda: _whole(url, pause), pause)


def rows(url: str, columns: tuple[str, ...], told: Told | None = None) -> Generator[tuple[str, ...], None, None]:
    """Yields these columns (two or more) of a CSV file with a header, as it arrives; close the iterator to stop.

    Rows with more or fewer fields than the header are left out. Bytes that are not UTF-8 are escaped.

    Raises:
        FetchFailed: no such file, one that changes meanwhile, or without these columns.
        ServerUnreachable: it cannot be had, or no more of it.
    """
    raw = io.BufferedReader(Remote(url, told), PIECE_BYTES)
    with io.TextIOWrapper(raw, "utf-8", "backslashreplace", newline="") as text:
        table = csv.reader(text)
        try:
            header = next(table, [])
            if missing := [name for name in columns if name not in header]:
                raise FetchFailed(f"{url}: no column {', '.join(missing)} (found: {', '.join(header) or 'nothing'})")
            pick = itemgetter(*map(header.index, columns))
            yield from (pick(row) for row in table if len(row) == len(header))
        except csv.Error as error:
            raise FetchFailed(f"{url}: is no CSV file ({error}, line {table.line_num})") from error


def _whole(url: str, pause: Pause) -> bytes:
    begun, body = time.monotonic(), bytearray()
    with opened(url) as answer:
        promised = answer.length
        while piece := arrived(answer, url, PIECE_BYTES):
            body += piece
            if len(body) > PICTURE_BYTES_MAX:
                raise FetchFailed(f"{url}: is over {PICTURE_BYTES_MAX} bytes, more than are read")
            if time.monotonic() - begun > PICTURE_S:
                raise Again(f"{url}: {len(body)} bytes in {PICTURE_S:g} s, which is too slow")
            pause(0)
        if len(body) != promised and not answer.chunked:  # http.client itself looks after chunks
            raise Again(f"{url}: {len(body)} bytes arrived of {promised or 'an unknown number'}")
        if wrong := _wrong_md5(bytes(body), answer.headers):
            raise Again(f"{url}: {wrong}")
    return bytes(body)


def _wrong_md5(body: bytes, headers: Message) -> str | None:
    """How the body differs from the MD5 that came with it; None if it does not, or if none came."""
    md5 = hashlib.md5(body, usedforsecurity=False)
    sent = headers.get("Content-MD5")
    if sent and sent != base64.b64encode(md5.digest()).decode():
        return f"its Content-MD5 is {sent}, that of the bytes that arrived is not"
    tag = headers.get("ETag", "").strip('"')
    is_md5 = re.fullmatch("[0-9a-f]{32}", tag) and headers.get("Server") == "AmazonS3"
    encrypted = headers.get("x-amz-server-side-encryption", "").startswith("aws:kms")
    if is_md5 and not encrypted and tag != md5.hexdigest():
        return f"its ETag is the MD5 {tag}, that of the bytes that arrived is {md5.hexdigest()}"
    return None
