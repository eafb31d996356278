"""How a film is read: every frame, or key frames and only what is needed between them. The one loop that reads one."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from av.codec.context import Flags
from av.packet import Packet
from av.video.frame import PictureType

from tagger.images import Pixels, squash
from tagger.process import cores
from tagger.queues import RunAhead
from tagger.records import FilmProgress, Scan, Scanned, ScannedShot, ShotPicture
from tagger.settings import Settings
from tagger.shots.decoders import Decoder
from tagger.shots.detector import DETECTOR_KINDS
from tagger.shots.fast import MAYBE, fast_scan
from tagger.shots.full import full_scan
from tagger.shots.keyframes import KEYFRAMES_AHEAD
from tagger.shots.networks import difference
from tagger.video.container import WHOLE_FRAMES, decoded, open_video, packets_of
from tagger.video.film import DECODING_ORDER, Film
from tagger.video.observer import Observer

PREVIEW_PACKETS = 3000  # two minutes
# Of films with key frames at fixed distances the first are compared in advance: where most differ, nothing is saved.
SAMPLE, FEWEST, BUSY = 40, 10, 0.6
ALONE = 12  # flagged key frames that are decoded in advance, to see whether they are any
USUAL_GOP = 250  # frames: of x264 and x265
LONGEST_GOP = 1500  # frames, a minute; more is no film but a recording of a screen
MOST_DECODERS = 8  # each has pictures and packets in memory
LONG_S = 300.0  # what is shorter is read whole: it takes seconds


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
            self._scanning.how,
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


def scan(film: Film, settings: Settings, progress: FilmProgress | None = None) -> Scanning:
    """Returns how an opened film will be read, and its shots to come."""
    observer = Observer()
    full_gops, against = _group_lengths(film, settings)
    if against:
        how = Scan(settings.scan, "full", against)
        return Scanning(how, full_scan(film, settings, observer, progress), observer)
    how = Scan(settings.scan, "fast", f"the encoder placed key frames, at most {max(full_gops)} frames apart")
    threads = min(cores(), MOST_DECODERS)
    return Scanning(how, fast_scan(film, settings, full_gops, threads, observer, progress), observer)


def _group_lengths(film: Film, settings: Settings) -> tuple[set[int], str]:
    """How many frames a group of full length may have, and what speaks against a fast scan."""
    if settings.scan == "full":
        return set(), "asked for"
    if DETECTOR_KINDS[settings.detector].every_frame:
        return set(), f"the {settings.detector} detector needs every frame"
    if film.goes_by_rate:
        return set(), "it goes by the rate that was given"
    if settings.scan == "auto" and _length_s(film) < LONG_S:
        return set(), f"the film is shorter than {LONG_S / 60:g} minutes"
    return _preview(film)


def _length_s(film: Film) -> float:
    """How long the film says that it is; if it does not, how far its packets go, or LONG_S where that is farther."""
    if film.declared.duration_s:
        return film.declared.duration_s
    with ExitStack() as opened:
        container, stream = open_video(film.path, opened, film.opening)
        first, ticks, length_s = None, 0, 0.0
        for packet in packets_of(container, stream):
            if packet is None or length_s >= LONG_S:
                break
            first = packet.dts if first is None else first
            ticks += packet.duration or 0
            span = 0 if packet.dts is None or first is None else packet.dts - first
            length_s = float(max(ticks, span) * (stream.time_base or 0))
    return length_s


def _preview(film: Film) -> tuple[set[int], str]:
    """How many frames a group of full length may have, and what speaks against a fast scan, by the film's beginning."""
    with ExitStack() as opened:
        container, stream = open_video(film.path, opened, film.opening)
        codec = stream.codec_context.name
        if codec not in WHOLE_FRAMES:  # nothing is read: two minutes of ProRes are many GB
            return set(), f"packets of {codec} are not frames, one each"
        if container.format.name == DECODING_ORDER:
            return set(), "its packets have decoding times alone"
        packets = [p for p in itertools.islice(packets_of(container, stream), PREVIEW_PACKETS) if p]
    stamps = Counter(packet.pts for packet in packets)
    if None in stamps or max(stamps.values(), default=0) > 1:
        return set(), "its packets have no time stamps, or some have the same"
    keys = [place for place, packet in enumerate(packets) if packet.is_keyframe]
    if not keys or keys[0] > 0:
        return set(), "it does not begin with a key frame"
    lengths = Counter(after - before for before, after in itertools.pairwise([*keys, len(packets)]))
    longest = max(lengths)
    if longest == 1:
        return set(), "every frame is a key frame"
    if longest > LONGEST_GOP:
        return set(), f"its key frames are {longest} frames apart"
    fixed = lengths[longest] >= len(keys) - 1  # of the last group the preview may have seen a part
    if fixed and _busy(film, [packets[place] for place in keys[:SAMPLE]]):
        return set(), "its key frames stand at fixed distances, and between most of them lies a boundary"
    if not _decode_alone(film, [packets[place] for place in keys[:ALONE]]):
        return set(), "frames that are flagged as key frames do not decode alone (intra refresh)"
    # A length that comes once may be that of a group cut short, the longest so far.
    return {longest} if lengths[longest] > 1 or longest > USUAL_GOP else {longest, USUAL_GOP}, ""


def _decode_alone(film: Film, keys: Iterable[Packet[Any]]) -> bool:
    """Whether none of these packets gives a picture that others have part in.

    At a recovery point of H.264, which is flagged like a key frame, a sound picture comes only some frames later.
    """
    with ExitStack() as opened:
        _, stream = open_video(film.path, opened, film.opening)
        context = stream.codec_context
        context.thread_type, context.thread_count = "NONE", 1
        context.flags |= Flags.output_corrupt  # else such pictures are kept back
        for packet in keys:
            pictures = [*(decoded(stream, packet) or ()), *(decoded(stream, None) or ())]
            context.flush_buffers()
            if any(picture.pict_type in (PictureType.P, PictureType.B) for picture in pictures):
                return False
    return True


def _busy(film: Film, keys: list[Packet[Any]]) -> bool:
    """Whether most neighbours among these key frames show different shots."""
    with ExitStack() as opened:
        decoder = Decoder(film.path, opened, film.opening)
        looks = [decoder.shrink(picture) for packet in keys for picture in decoder.pictures([packet])]
    differ = [difference(*pair) > MAYBE for pair in itertools.pairwise(looks)]
    return len(differ) >= FEWEST and sum(differ) > BUSY * len(differ)
