"""A process that decodes: files of films in, keyframes out. What kills it costs one film.

    FilmReader  -> pictures         (scanned in a thread)
    main        -> pipe             (squashed to what the network takes)
    guard       ends the process when its parent is gone, or when it takes too much memory

It serves one film after the other; nothing that it holds grows with their number.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from tagger.batch.parts import joined, starts_s
from tagger.errors import MovieTagsError, NoVideoStream
from tagger.images import Pixels, small_jpeg, squash
from tagger.process import end_with_parent
from tagger.records import Scanned
from tagger.settings import Settings
from tagger.shots.scan import FilmReader

NEWS_S = 0.25  # between two words about how far a film is
OVER_MEMORY = 77  # exit code


@dataclass(frozen=True, slots=True)
class Ready:
    """The process stands, and holds so many bytes before it opens a film."""

    memory_bytes: int


@dataclass(frozen=True, slots=True)
class At:
    """How far a film has been read, in seconds of it; a length of None is unknown."""

    time_s: float
    length_s: float | None


@dataclass(frozen=True, slots=True, eq=False)
class KeptPicture:
    """The picture of a keyframe that is kept, uint8 (size, size, 3) RGB."""

    pixels: Pixels
    small: bytes = b""  # JPEG to look at, where that is wanted


@dataclass(frozen=True, slots=True)
class Read:
    """The film is read to its end; as many pictures went before as it has kept keyframes."""

    scanned: Scanned
    starts_s: tuple[float, ...] = (0.0,)  # when each of its files begins


@dataclass(frozen=True, slots=True)
class Refused:
    """The film cannot be tagged."""

    reason: str  # one line, with the film's path
    no_film: bool = False  # sound or subtitles only


Message = Ready | At | KeptPicture | Read | Refused


@dataclass(frozen=True, slots=True)
class Orders:
    """What all films of a worker have in common."""

    settings: Settings
    input_size: int  # pixels, of the square pictures that the network takes
    memory_bytes: int  # what the process may hold
    small: bool = False  # keyframes are wanted to look at, too


def serve(pipe: Connection, orders: Orders) -> None:
    """Scans the films whose files come in, one film after the other, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent decides
    sender = _Sender(pipe)
    try:
        process = psutil.Process()
        sender.send(Ready(process.memory_info().rss))
        end_with_parent(partial(_stay_below, process, orders.memory_bytes))
        while True:
            files: tuple[Path, ...] = pipe.recv()
            for message in _messages(files, orders, sender):
                sender.send(message)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


class _Sender:
    """Puts messages into the pipe, from two threads."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._one_at_a_time = threading.Lock()
        self._told = 0.0

    def send(self, message: Message) -> None:
        with self._one_at_a_time:
            self._pipe.send(message)

    def progress(self, whole: bool, before_s: float, time_s: float, length_s: float | None) -> None:
        """Says how far a film is; the length of one in several files is not known before the last."""
        now = time.monotonic()
        if now - self._told >= NEWS_S:
            self._told = now
            self.send(At(before_s + time_s, length_s if whole else None))


def _messages(files: tuple[Path, ...], orders: Orders, sender: _Sender) -> Iterator[Message]:
    try:
        yield from _scanned(files, orders, sender)
    except MovieTagsError as error:
        yield Refused(str(error), isinstance(error, NoVideoStream))
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # a defect costs this film, not the others
        yield Refused(f"{files[0]}: {type(error).__name__}: {error} (a defect of movietags)")


def _scanned(files: tuple[Path, ...], orders: Orders, sender: _Sender) -> Iterator[Message]:
    """The pictures of a film, file by file, and at last what is known of it."""
    parts: list[Scanned] = []
    for path in files:
        before_s = sum(part.video.duration_s for part in parts)
        with FilmReader(path, orders.settings, partial(sender.progress, len(files) == 1, before_s)) as reader:
            for pixels in reader.kept():
                yield KeptPicture(squash(pixels, orders.input_size), small_jpeg(pixels) if orders.small else b"")
            parts.append(reader.scanned())
    yield Read(joined(parts), starts_s(parts))


def _stay_below(process: psutil.Process, memory_bytes: int) -> None:
    """Ends this process if it holds more than so many bytes, before it takes the machine's memory."""
    if process.memory_info().rss > memory_bytes:
        os._exit(OVER_MEMORY)
