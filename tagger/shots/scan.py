"""How a film is read: every frame, or key frames and only what is needed between them. The one loop that reads one."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tagger.images import Pixels, squash
from tagger.process import cores
from tagger.queues import RunAhead
from tagger.records import FilmProgress, Scan, Scanned, ScannedShot, ShotPicture
from tagger.settings import Settings
from tagger.shots.evidence import choose
from tagger.shots.fast import fast_scan
from tagger.shots.full import full_scan, reference_scan
from tagger.shots.keyframes import KEYFRAMES_AHEAD
from tagger.video.film import Film
from tagger.video.observer import Observer

MOST_DECODERS = 8  # each has pictures and packets in memory


class FilmReader:
    """Reads one film, once, in a `with` block: first its `pictures`, then what was `scanned`.

    The film is scanned in a thread of its own, KEYFRAMES_AHEAD pictures ahead at most. Memory holds these, whatever the
    length of the film. All who tag films read them by this: one film, and the decoding processes of a batch.
    """

    def __init__(self, path: Path, settings: Settings, progress: FilmProgress | None = None) -> None:
        """Opens nothing yet.

        Args:
            path: the film.
            settings: how it is read.
            progress: is told how far reading is, from the thread that scans.
        """
        self._path, self._settings, self._progress = path, settings, progress
        self._shots: list[ScannedShot] = []
        self._scan_s = 0.0

    def __enter__(self) -> FilmReader:
        """Opens the film and begins to scan it.

        Raises:
            BadPath, VideoUnreadable: it cannot be opened.
        """
        self._begun = time.monotonic()
        with ExitStack() as opened:
            self._film = opened.enter_context(Film(self._path, self._settings.opening))
            self._scanning = scan(self._film, self._settings, self._progress)
            ahead = RunAhead(self._timed(), KEYFRAMES_AHEAD, self._film.abandon)
            self._ahead = opened.enter_context(ahead)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the scan, wherever it is, and closes the film."""
        self._opened.close()

    def pictures(self, size: int) -> Iterator[Pixels]:
        """Yields the pictures of the keyframes that are kept, in order, as uint8 (size, size, 3) RGB.

        Raises:
            VideoUnreadable: the film cannot be read.
        """
        return (squash(pixels, size) for pixels in self.kept())

    def kept(self) -> Iterator[Pixels]:
        """Yields the same as they are, uint8 (height, width, 3) RGB, upright and without bars.

        Raises:
            VideoUnreadable: the film cannot be read.
        """
        for picture in self._ahead:
            self._shots.append(picture.shot)  # the picture itself is not kept
            if picture.shot.keyframe.kept:
                yield picture.pixels

    def scanned(self) -> Scanned:
        """Returns the film as it was read; call it when all pictures were taken."""
        observer = self._scanning.observer
        return Scanned(
            self._film.info(observer),
            self._scanning.result(),
            tuple(self._shots),
            self._scan_s,
            *self._film.ending(observer),
        )

    def _timed(self) -> Generator[ShotPicture, None, None]:
        """The shots; notes how long they took, without what is done with them after the last."""
        yield from self._scanning.shots
        self._scan_s = time.monotonic() - self._begun


@dataclass(frozen=True, slots=True, eq=False)
class Scanning:
    """A scan that is about to begin."""

    how: Scan
    shots: Generator[ShotPicture, None, None]
    """In order; the film is read while they are taken."""
    observer: Observer
    """Has noted the whole film once they are."""

    def result(self) -> Scan:
        """Returns how the film was read, once it is, and how much of it was decoded."""
        seen = self.observer
        share = round(seen.decoded / seen.frame_count, 4) if seen.frame_count else None
        return replace(self.how, decoded=share, unseen=seen.unseen)


def scan(film: Film, settings: Settings, progress: FilmProgress | None = None) -> Scanning:
    """Returns how an opened film will be read, and its shots to come."""
    observer = Observer()
    chosen = choose(film, settings)
    how = Scan(settings.scan, chosen.used, chosen.reason, agreement=chosen.agreement)
    if chosen.used == "fast":
        threads = min(cores(), MOST_DECODERS)
        shots = fast_scan(film, settings, chosen.full_gops, threads, observer, progress)
    else:
        one_pass = reference_scan if chosen.used == "references" else full_scan
        shots = one_pass(film, settings, observer, progress)
    return Scanning(how, shots, observer)
