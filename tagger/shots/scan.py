"""How a film is read: every frame, or key frames and only what is needed between them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from av.packet import Packet

from tagger.process import cores
from tagger.records import FilmProgress, Keyframe, Scan
from tagger.settings import Settings
from tagger.shots.decoders import Decoder
from tagger.shots.fast import MAYBE, fast_scan
from tagger.shots.full import full_scan
from tagger.shots.learned import difference
from tagger.video.container import open_video, packets_of
from tagger.video.film import Film

PREVIEW_PACKETS = 3000  # two minutes
# Of films with key frames at fixed distances the first are compared in advance: where most differ, nothing is saved.
SAMPLE, FEWEST, BUSY = 40, 10, 0.6
# Codecs whose packets are frames, one each. (VP8 has packets that show nothing, MPEG-4 in AVI two frames in one.)
WHOLE_FRAMES = {"h264", "hevc", "vp9", "av1", "libdav1d", "mpeg2video", "vvc"}
USUAL_GOP = 250  # frames: of x264 and x265
LONGEST_GOP = 1500  # frames, a minute; more is no film but a recording of a screen
MOST_DECODERS = 8  # each has pictures and packets in memory
LONG_S = 300.0  # what is shorter is read whole: it takes seconds

Keyframes = Generator[Keyframe, None, None]


def scan(film: Film, settings: Settings, progress: FilmProgress | None = None) -> tuple[Scan, Keyframes]:
    """Returns how the film will be read, and the keyframes of its shots, in order."""
    length_s = film.declared_duration_s
    if settings.scan == "full":
        return _full(film, settings, progress, "asked for")
    if settings.scan == "auto" and length_s and length_s < LONG_S:
        return _full(film, settings, progress, f"the film is shorter than {LONG_S / 60:g} minutes")
    if settings.detector != "learned":
        return _full(film, settings, progress, f"the {settings.detector} detector needs every frame")
    full_gops, against = _preview(film.path)
    if against:
        return _full(film, settings, progress, against)
    how = Scan(settings.scan, "fast", f"the encoder placed key frames, at most {max(full_gops)} frames apart")
    return how, fast_scan(film, settings, full_gops, min(cores(), MOST_DECODERS), progress)


def _full(film: Film, settings: Settings, progress: FilmProgress | None, why: str) -> tuple[Scan, Keyframes]:
    return Scan(settings.scan, "full", why), full_scan(film, settings, progress)


def _preview(path: Path) -> tuple[set[int], str]:
    """How many frames a group of full length may have, and what speaks against a fast scan, by the film's beginning."""
    with ExitStack() as opened:
        container, stream = open_video(path, opened)
        packets = [p for p in itertools.islice(packets_of(container, stream), PREVIEW_PACKETS) if p]
        codec = stream.codec_context.name
    if codec not in WHOLE_FRAMES:
        return set(), f"packets of {codec} are not frames, one each"
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
    if fixed and _busy(path, [packets[place] for place in keys[:SAMPLE]]):
        return set(), "its key frames stand at fixed distances, and between most of them lies a boundary"
    # A length that comes once may be that of a group cut short, the longest so far.
    return {longest} if lengths[longest] > 1 or longest > USUAL_GOP else {longest, USUAL_GOP}, ""


def _busy(path: Path, keys: list[Packet[Any]]) -> bool:
    """Whether most neighbours among these key frames show different shots."""
    with ExitStack() as opened:
        decoder = Decoder(path, opened)
        looks = [decoder.shrink(picture) for packet in keys for picture in decoder.pictures([packet])]
    differ = [difference(*pair) > MAYBE for pair in itertools.pairwise(looks)]
    return len(differ) >= FEWEST and sum(differ) > BUSY * len(differ)
