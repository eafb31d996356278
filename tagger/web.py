"""Asking servers over http: again where a connection fails, and on from where it broke off."""

from __future__ import annotations

import io
import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.message import Message
from functools import cache
from http.client import HTTPException, HTTPResponse
from typing import TypeVar
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from tagger.errors import BadSettings, FetchFailed, ServerUnreachable, reason
from tagger.version import __version__

TIMEOUT_S = 30.0  # without a single byte
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


class Again(Exception):
    """A try that failed on the way, not for what was asked."""

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        """Keeps how long to wait at least, as the server says."""
        super().__init__(message)
        self.wait_s = wait_s


def with_tries(attempt: Callable[[], Result], pause: Pause, waits_s: Sequence[float] | None = None) -> Result:
    """Returns what an attempt gives that may raise `Again`, after more of them if need be.

    Args:
        attempt: is made once, and once after each wait.
        pause: is called before further tries.
        waits_s: seconds, about; None: `WAITS_S`.

    Raises:
        ServerUnreachable: all tries failed.
    """
    waits_s = WAITS_S if waits_s is None else waits_s
    left = iter(waits_s)
    while True:
        try:
            return attempt()
        except Again as failed:
            wait_s = next(left, None)
            if wait_s is None:
                tries = f", after {len(waits_s) + 1} tries" if waits_s else ""
                raise ServerUnreachable(f"{failed}{tries}") from failed
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


def opened(url: str, offset: int = 0) -> HTTPResponse:
    """Returns a server's answer, from a byte on if it knows ranges.

    Raises:
        Again: it may answer later.
        FetchFailed: it refuses.
    """
    headers = {"User-Agent": f"movietags/{__version__}"} | ({"Range": f"bytes={offset}-"} if offset else {})
    try:
        answer: HTTPResponse = _opener().open(request.Request(url, headers=headers), timeout=TIMEOUT_S)
    except HTTPError as error:
        with error:
            said = f"{url}: HTTP {error.code} {error.reason}"
            if error.code not in TRY_AGAIN:
                raise FetchFailed(said) from error
            raise Again(said, _retry_after_s(error.headers)) from error
    except (OSError, HTTPException) as error:
        raise Again(f"{url}: {_why(error)}") from error
    return answer


def _retry_after_s(headers: Message) -> float:
    with suppress(ValueError):  # a date, which no server of these sends
        return min(max(float(headers.get("Retry-After", 0)), 0.0), RETRY_AFTER_MAX_S)
    return 0.0


def _why(error: BaseException) -> str:
    inner = error.reason if isinstance(error, URLError) else None
    return reason(inner) if isinstance(inner, BaseException) else reason(error)


def arrived(answer: HTTPResponse, url: str, most: int) -> bytes:
    """Returns what has arrived, at most so many bytes; nothing at the end.

    Raises:
        Again: the connection broke.
    """
    try:
        return answer.read1(most)
    except (OSError, HTTPException) as error:
        raise Again(f"{url}: {_why(error)}") from error


class Remote(io.RawIOBase):
    """A file on a server; where a connection breaks, the next one goes on from there."""

    def __init__(self, url: str, told: Told | None = None, offset: int = 0, patient: bool = True) -> None:
        """Asks for nothing yet.

        Args:
            url: http or https.
            told: is told how much has been read.
            offset: the byte to begin with.
            patient: the first connection is tried as often as those after it, else once.
        """
        self._url, self._told, self._patient = url, told, patient
        self._offset = offset
        self._size: int | None = None
        self._answer: HTTPResponse | None = None

    def readable(self) -> bool:
        """Returns True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer has no length
        """Puts what has arrived into the buffer; returns how many bytes, 0 at the end."""
        waits_s = None if self._patient else ()
        piece = with_tries(lambda: self._piece(len(buffer)), time.sleep, waits_s)
        self._patient = True
        buffer[: len(piece)] = piece
        self._offset += len(piece)
        if self._told:
            self._told(self._url, self._offset, self._size)
        return len(piece)

    def close(self) -> None:
        """Hangs up."""
        self._hang_up()
        super().close()

    def _piece(self, most: int) -> bytes:
        try:
            piece = arrived(self._answer or self._connected(), self._url, most)
            if not piece and self._offset < (self._size or 0):
                raise Again(f"{self._url}: ends after {self._offset} of {self._size} bytes")
            return piece
        except Again:
            self._hang_up()
            raise

    def _connected(self) -> HTTPResponse:
        self._answer = answer = opened(self._url, self._offset)
        part = answer.status == 206  # else the server knows no ranges, and begins again
        size = None if answer.length is None else answer.length + part * self._offset
        if self._size is not None and size != self._size:
            raise FetchFailed(f"{self._url}: had {self._size} bytes, and {size} when asked again: start again")
        self._size = size
        known = 0 if part else self._offset
        while known and (piece := arrived(answer, self._url, min(known, PIECE_BYTES))):
            known -= len(piece)
        return answer

    def _hang_up(self) -> None:
        if self._answer:
            self._answer.close()
            self._answer = None
