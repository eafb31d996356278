"""Threads that decode groups of pictures, each with a decoder of its own on one core.

Groups do not need one another, so several decode at once, without the latency of frame threads: where only
a part of a film is decoded that is what counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from av.packet import Packet
from av.video.frame import VideoFrame

from tagger.queues import ahead
from tagger.settings import USUAL_OPENING, Opening
from tagger.shots.thumbnails import Shrinker
from tagger.video.container import decoded, open_video
from tagger.video.gops import stamp_of
from tagger.video.pictures import Orientation

FIRST_ASKED = ("libdav1d",)  # decoders that go on leaving out what they were told to at first

T = TypeVar("T")
R = TypeVar("R")


class Decoder:
    """One decoder; packets of the film come from outside."""

    def __init__(
        self,
        path: Path,
        opened: ExitStack,
        opening: Opening = USUAL_OPENING,
        orientation: Orientation | None = None,
        *,
        lean: bool = False,
    ) -> None:
        """Opens the film once more, for what its decoder must know.

        Args:
            path: the film.
            opened: closes it.
            opening: which of its streams.
            orientation: notes how its pictures are turned.
            lean: a decoder of FIRST_ASKED leaves out whatever no other picture needs.
        """
        _, self._stream = open_video(path, opened, opening)
        self.orientation = orientation or Orientation()
        self._stream.thread_type = "NONE"
        self._stream.codec_context.thread_count = 1
        self.shrink = Shrinker()
        self.failures: set[int] = set()  # time stamps of packets that gave no whole picture
        self.tried = self.shown = 0
        asked_once = self._stream.codec_context.name in FIRST_ASKED
        self._spares, self._lean = not asked_once, asked_once and lean

    def pictures(self, packets: Iterable[Packet[Any]], wanted: Container[int] | None = None) -> Iterator[VideoFrame]:
        """Yields the pictures of packets that begin with a key frame; those that fail are noted.

        Args:
            packets: in decoding order.
            wanted: time stamps; of the others, pictures that no other needs are left out. None: all are wanted.
        """
        context = self._stream.codec_context
        missing: set[int] = set()
        try:
            for packet in (*packets, None):
                spare = self._spares and packet is not None and wanted is not None and stamp_of(packet) not in wanted
                spare = spare or self._lean
                context.skip_frame = "NONREF" if spare else "DEFAULT"
                if packet is not None and not spare and not packet.is_discard:
                    missing.add(stamp_of(packet))
                    self.tried += 1
                found = decoded(self._stream, packet)
                if found is None and packet is not None:
                    self.failures.add(stamp_of(packet))
                for picture in found or ():
                    self.orientation.see(picture)
                    if picture.is_corrupt:
                        self.failures.add(picture.pts or 0)
                    missing.discard(picture.pts or 0)
                    self.shown += 1
                    yield picture
            self.failures |= missing  # some decoders leave a picture out without a word
        finally:
            context.flush_buffers()


class Decoders:
    """As many decoders as there are cores to use; close it, or use it in a `with` block."""

    def __init__(
        self, path: Path, count: int, opening: Opening = USUAL_OPENING, orientation: Orientation | None = None
    ) -> None:
        """Starts no thread yet.

        Args:
            path: the film.
            count: how many.
            opening: which of its streams.
            orientation: notes how its pictures are turned.
        """
        self._path, self._opening, self._orientation = path, opening, orientation or Orientation()
        self._own = threading.local()
        self._all: list[Decoder] = []
        self._opened = ExitStack()
        self._pool = ThreadPoolExecutor(count, "decode")
        self._ahead = 2 * count

    def __enter__(self) -> Decoders:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Drops what has not begun, waits for the rest, closes the files."""
        self._pool.shutdown(cancel_futures=True)
        self._opened.close()

    @property
    def failures(self) -> set[int]:
        """Time stamps of packets that gave no whole picture."""
        return set().union(*(decoder.failures for decoder in self._all))

    @property
    def tried(self) -> int:
        """Packets that were to give a picture; one that was decoded twice counts twice."""
        return sum(decoder.tried for decoder in self._all)

    @property
    def shown(self) -> int:
        """Pictures that were decoded; one that was decoded twice counts twice."""
        return sum(decoder.shown for decoder in self._all)

    def map(self, work: Callable[[Decoder, T], R], items: Iterable[T]) -> Iterator[R]:
        """Yields work(decoder, item) of every item, in order, computed a few items ahead."""
        yield from ahead(self._pool, partial(self._with_own, work), items, self._ahead)

    def _with_own(self, work: Callable[[Decoder, T], R], item: T) -> R:
        if not hasattr(self._own, "decoder"):
            self._own.decoder = Decoder(self._path, self._opened, self._opening, self._orientation)
            self._all.append(self._own.decoder)
        return work(self._own.decoder, item)
