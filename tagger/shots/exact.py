"""Boundaries that a scan of few frames found, looked at again: every frame around them is decoded."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack

from tagger.records import Boundary
from tagger.shots.decoders import Decoder
from tagger.shots.learned import LearnedDetector
from tagger.shots.runs import count, frames
from tagger.video.film import Film
from tagger.video.gops import Gop
from tagger.video.observer import Observer

AROUND_S = 2.0  # is decoded on either side: what the networks see
NEAR_S = 0.5  # a boundary farther off is another


def exact(film: Film, starts: Collection[int]) -> dict[int, Boundary]:
    """Returns, for frames at which shots were said to begin, where they do; those at which none is found are left out.

    Args:
        film: opened, not read; one that a fast scan has read, or one of references.
        starts: these frames.
    """
    found = dict[int, Boundary]()
    with ExitStack() as opened:
        decoder = Decoder(film.path, opened, film.opening)
        for start, groups in _around(film, starts):
            detector, near = LearnedDetector(), count(groups[0], NEAR_S)
            reach = count(groups[0], AROUND_S)
            shown = (frame for gop in groups for frame in frames(decoder, gop, start + reach, None))
            seen = ((frame.index, frame.time_s, decoder.shrink(frame.picture)) for frame in shown)
            named = [boundary for small in seen if small[0] >= start - reach for boundary in detector.feed(*small)]
            close = [one for one in (*named, *detector.finish()) if abs(one.frame - start) <= near]
            if close:
                found[start] = min(close, key=lambda one: abs(one.frame - start))
    return found


def _around(film: Film, starts: Collection[int]) -> Iterator[tuple[int, list[Gop]]]:
    """Each of these frames, with the groups of the time around it."""
    waiting, held = sorted(starts), list[Gop]()
    for gop in film.gops(Observer()):
        held.append(gop)
        while waiting and waiting[0] + count(gop, AROUND_S) < gop.end_frame:
            yield waiting[0], held
            waiting = waiting[1:]
        first = waiting[0] - count(gop, AROUND_S) if waiting else gop.end_frame
        held = [one for one in held if one.end_frame > first]
    for start in waiting:
        if held:
            yield start, held
