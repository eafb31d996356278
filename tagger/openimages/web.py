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
import os
import random
import re
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from email.message import Message
from functools import cache
from http.client import HTTPException, HTTPResponse
from operator import itemgetter
from typing import TypeVar
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from tagger.errors import BadSettings, FetchFailed, ServerUnreachable, reason
from tagger.version import __version__

LISTS, LISTS_VARIABLE = "https://storage.googleapis.com/openimages", "MOVIETAGS_OPENIMAGES_URL"
PICTURES, PICTURES_VARIABLE = "https://open-images-dataset.s3.amazonaws.com", "MOVIETAGS_OPENIMAGES_PICTURES_URL"

TIMEOUT_S = 30.0  # without a single byte
PICTURE_S = 180.0  # for a whole one: the mean is 0.3 MB
PICTURE_BYTES_MAX = 64 * 2**20
PIECE_BYTES = 2**16
WAITS_S = (1.0, 2.0, 4.0, 8.0)  # before each further try, half to one and a half times this
RETRY_AFTER_MAX_S = 60.0  # whatever a server asks for
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # other answers will not change

Result = TypeVar("Result")
Pause = Callable[[float], object]  # sleeps so many seconds; may raise to give up
Told = Callable[[str, int, int | None], None]  # a URL, bytes read of it, and all there are if known


def base(variable: str, default: str) -> str:
    """Returns the address below which a server's files lie: a mirror from the environment, else the public one.

    Raises:
        BadSettings: the mirror is no http or https address.
    """
    address = os.environ.get(variable, default).rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadSettings(f"{variable} = {address}: an address that begins with https:// or http://")
    return address


def get(url: str, pause: Pause) -> bytes:
    """Returns a picture's file, whole as far as that can be checked.

    Args:
        url: http or https.
        pause: is called between pieces (0 s) and before further tries.

    Raises:
        FetchFailed: the server refuses (no further tries are made), or it is too large.
        ServerUnreachable: all tries failed.
    """
    return _with_tries(lambda: _whole(url, pause), pause)


def rows(url: str, columns: tuple[str, ...], told: Told | None = None) -> Generator[tuple[str, ...], None, None]:
    """Yields these columns (two or more) of a CSV file with a header, as it arrives; close the iterator to stop.

    Rows with more or fewer fields than the header are left out. Bytes that are not UTF-8 are escaped.

    Raises:
        FetchFailed: no such file, one that changes meanwhile, or without these columns.
        ServerUnreachable: it cannot be had, or no more of it.
    """
    raw = io.BufferedReader(_Remote(url, told), PIECE_BYTES)
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


class _Again(Exception):
    """A try that failed on the way, not for what was asked."""

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s  # at least, says the server


def _with_tries(attempt: Callable[[], Result], pause: Pause) -> Result:
    waits_s = iter(WAITS_S)
    while True:
        try:
            return attempt()
        except _Again as failed:
            wait_s = next(waits_s, None)
            if wait_s is None:
                raise ServerUnreachable(f"{failed}, after {len(WAITS_S) + 1} tries") from failed
            wait_s = max(wait_s * random.uniform(0.5, 1.5), failed.wait_s)  # not all threads at once
        pause(wait_s)


@cache
def _opener() -> request.OpenerDirector:
    """What opens http and https only, also after a redirect."""
    made = request.OpenerDirector()
    for handler in (
        request.ProxyHandler, request.UnknownHandler, request.HTTPHandler, request.HTTPSHandler,
        request.HTTPDefaultErrorHandler, request.HTTPRedirectHandler, request.HTTPErrorProcessor,
    ):  # fmt: skip
        made.add_handler(handler())
    return made


def _open(url: str, offset: int = 0) -> HTTPResponse:
    headers = {"User-Agent": f"movietags/{__version__}"} | ({"Range": f"bytes={offset}-"} if offset else {})
    try:
        answer: HTTPResponse = _opener().open(request.Request(url, headers=headers), timeout=TIMEOUT_S)
    except HTTPError as error:
        with error:
            said = f"{url}: HTTP {error.code} {error.reason}"
            if error.code not in TRY_AGAIN:
                raise FetchFailed(said) from error
            raise _Again(said, _retry_after_s(error.headers)) from error
    except (OSError, HTTPException) as error:
        raise _Again(f"{url}: {_why(error)}") from error
    return answer


def _retry_after_s(headers: Message) -> float:
    with suppress(ValueError):  # a date, which no server of these sends
        return min(max(float(headers.get("Retry-After", 0)), 0.0), RETRY_AFTER_MAX_S)
    return 0.0


def _why(error: BaseException) -> str:
    inner = error.reason if isinstance(error, URLError) else None
    return reason(inner) if isinstance(inner, BaseException) else reason(error)


def _read(answer: HTTPResponse, url: str, most: int) -> bytes:
    """What has arrived, at most so many bytes; nothing at the end."""
    try:
        return answer.read1(most)
    except (OSError, HTTPException) as error:
        raise _Again(f"{url}: {_why(error)}") from error


def _whole(url: str, pause: Pause) -> bytes:
    begun, body = time.monotonic(), bytearray()
    with _open(url) as answer:
        promised = answer.length
        while piece := _read(answer, url, PIECE_BYTES):
            body += piece
            if len(body) > PICTURE_BYTES_MAX:
                raise FetchFailed(f"{url}: is over {PICTURE_BYTES_MAX} bytes, more than are read")
            if time.monotonic() - begun > PICTURE_S:
                raise _Again(f"{url}: {len(body)} bytes in {PICTURE_S:g} s, which is too slow")
            pause(0)
        if len(body) != promised and not answer.chunked:  # http.client itself looks after chunks
            raise _Again(f"{url}: {len(body)} bytes arrived of {promised or 'an unknown number'}")
        if wrong := _wrong_md5(bytes(body), answer.headers):
            raise _Again(f"{url}: {wrong}")
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


class _Remote(io.RawIOBase):
    """A file on a server, from its start; where a connection breaks, the next one goes on from there."""

    def __init__(self, url: str, told: Told | None) -> None:
        self._url, self._told = url, told
        self._offset = 0
        self._size: int | None = None
        self._answer: HTTPResponse | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer has no length
        """Puts what has arrived into the buffer; returns how many bytes, 0 at the end."""
        piece = _with_tries(lambda: self._piece(len(buffer)), time.sleep)
        buffer[: len(piece)] = piece
        self._offset += len(piece)
        if self._told:
            self._told(self._url, self._offset, self._size)
        return len(piece)

    def close(self) -> None:
        self._hang_up()
        super().close()

    def _piece(self, most: int) -> bytes:
        try:
            piece = _read(self._answer or self._connected(), self._url, most)
            if not piece and self._offset < (self._size or 0):
                raise _Again(f"{self._url}: ends after {self._offset} of {self._size} bytes")
            return piece
        except _Again:
            self._hang_up()
            raise

    def _connected(self) -> HTTPResponse:
        self._answer = answer = _open(self._url, self._offset)
        part = answer.status == 206  # else the server knows no ranges, and begins again
        size = None if answer.length is None else answer.length + part * self._offset
        if self._offset and size != self._size:
            raise FetchFailed(f"{self._url}: had {self._size} bytes, and {size} when asked again: start again")
        self._size = size
        known = 0 if part else self._offset
        while known and (piece := _read(answer, self._url, min(known, PIECE_BYTES))):
            known -= len(piece)
        return answer

    def _hang_up(self) -> None:
        if self._answer:
            self._answer.close()
            self._answer = None
