"""The fast scan: key frames are decoded, and between them only what may hide a boundary.

    packets -> groups -> key frames -> boundaries inside a group, where it may have some -> shots -> keyframes

Encoders begin a group where the picture changes, or when the group has its full length. So if the pictures
at both ends of a group differ, the boundary is the next key frame when the group was cut short, and inside
the group when not. A cut right after a key frame gets no key frame of its own, but its packet is large.

It decodes on the processor, whatever `hwaccel` says: hardware is not faster at single pictures here and there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, islice
from math import inf

from tagger.records import Boundary, FilmProgress, Shot, ShotPicture
from tagger.settings import Settings
from tagger.shots.decoders import Decoder, Decoders
from tagger.shots.detector import Cutter
from tagger.shots.inside import Look, Pair, Parts, inside, look, pairs
from tagger.shots.keyframes import shot_picture
from tagger.shots.runs import frames, run
from tagger.video.film import Film, Frame
from tagger.video.gops import Gop
from tagger.video.observer import Observer

KEYFRAMES = 4  # grows with each change of which boundaries and frames a scan finds that does not decode every frame


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """A shot, and the frames that may stand for it, each in its group, the best first."""

    shot: Shot
    frames: tuple[tuple[Gop, int], ...]


def fast_scan(
    film: Film, settings: Settings, full_gops: set[int], cores: int, observer: Observer, progress: FilmProgress | None
) -> Generator[ShotPicture, None, None]:
    """Yields each shot with its picture, in order.

    Args:
        film: opened, not read.
        settings: `min_shot_s`, `min_entropy_bits`, `reservoir_bytes` (of packets) count here.
        full_gops: how many frames a group may have that the encoder did not cut short.
        cores: groups decoded at once.
        observer: notes what the film shows.
        progress: is told how far reading is.
    """
    with Decoders(film.path, cores, film.opening, observer.orientation) as decoders:
        looks = _measured(decoders.map(look, _told(film, observer, progress)), observer)
        parts = decoders.map(_inside, pairs(looks, full_gops))
        choices = _chosen(_counted(parts, observer), settings.min_shot_s, settings.reservoir_bytes)
        taken = decoders.map(_taken, _together(choices))
        for shot, frame in _joined(pair for pairs in taken for pair in pairs):
            yield shot_picture(shot, frame, settings.min_entropy_bits)
        failures = decoders.failures
        observer.decoded = decoders.shown
        # What was not decoded is known to be lost only where a packet shows it.
        share = max(len(failures) / max(1, decoders.tried), len(observer.blank) / max(1, observer.frame_count))
        observer.lose(len(failures | observer.blank), share)
        film.check_pictures(observer)


def _told(film: Film, observer: Observer, progress: FilmProgress | None) -> Iterator[Gop]:
    for gop in film.gops(observer):
        if progress:
            progress(gop.end_s, film.declared.duration_s)
        yield gop


def _measured(looks: Iterable[Look], observer: Observer) -> Iterator[Look]:
    """The same; the film has the size of its first picture."""
    for seen in looks:
        if seen.size:
            observer.see_size(*seen.size)
        yield seen


def _inside(decoder: Decoder, pair: Pair) -> Parts:
    return inside(partial(run, decoder), pair)


def _counted(parts: Iterable[Parts], observer: Observer) -> Iterator[Parts]:
    """The same; notes how many boundaries nobody looked at."""
    for part in parts:
        observer.unseen += part.unseen
        yield part


def _chosen(parts: Iterable[Parts], min_shot_s: float, bound_bytes: int) -> Iterator[_Choice]:
    """Each shot with the frames that may stand for it."""
    held: deque[Gop] = deque()
    cutter: Cutter | None = None
    at_end: float | None = None  # how sure the boundary is that the group before ended with
    for part in parts:
        gop = part.gop
        cutter = cutter or Cutter(min_shot_s, gop.times_s[0])
        starts = {gop.first_frame: at_end} if at_end else {}
        starts |= {frame: sure for frame, sure in part.boundaries.items() if frame < gop.end_frame}
        at_end = part.boundaries.get(gop.end_frame)
        held.append(gop)
        found = [Boundary(frame, gop.times_s[frame - gop.first_frame], sure) for frame, sure in sorted(starts.items())]
        for shot in cutter.cut(found, gop.end_s):
            yield _choice(shot, held)
            _forget(held, shot.end_frame)
        ends = gop.end_frame if cutter.waiting is None else cutter.waiting
        middle = (cutter.start.frame + ends) // 2
        _forget(held, middle)
        while len(held) > 2 and sum(gop.nbytes for gop in held) > bound_bytes:
            held = deque([*islice(held, 0, len(held) - 1, 2), held[-1]])
    for shot in cutter.cut([], inf) if cutter else []:
        yield _choice(shot, held)
    if cutter and held:
        yield _choice(cutter.finish(held[-1].end_frame, held[-1].end_s), held)


def _forget(held: deque[Gop], frame: int) -> None:
    """Lets groups go that end before this frame."""
    while len(held) > 1 and held[0].end_frame <= frame:
        held.popleft()


def _choice(shot: Shot, held: Iterable[Gop]) -> _Choice:
    """The middle of a shot and, should it not be to be had, the frame nearest to it of each other group.

    Frames that cost less, near a key frame, are others in each encoding of a film, and so are its first tags then.
    """
    middle = shot.middle_frame
    own = (gop for gop in held if gop.first_frame < shot.end_frame and gop.end_frame > shot.start_frame)
    near = []
    for gop in own:
        first, last = max(shot.start_frame, gop.first_frame), min(shot.end_frame, gop.end_frame) - 1
        near.append((gop, min(max(middle, first), last)))
    return _Choice(shot, tuple(sorted(near, key=lambda found: abs(found[1] - middle))))


def _together(choices: Iterable[_Choice]) -> Iterator[list[_Choice]]:
    """Shots one after the other whose middle frames lie in one group: it is decoded once for all of them."""
    for _, some in groupby(choices, key=lambda choice: choice.frames[0][0].first_frame if choice.frames else -1):
        yield [*some]


def _taken(decoder: Decoder, choices: list[_Choice]) -> list[tuple[_Choice, Frame | None]]:
    """Of each shot the first of its frames that can be decoded, or one near it."""
    first = [choice.frames[0][1] for choice in choices if choice.frames]
    near = _nearest(decoder, choices[0].frames[0][0], first) if first else {}
    found = list[tuple[_Choice, Frame | None]]()
    for choice in choices:
        frame = near.get(choice.frames[0][1]) if choice.frames else None
        others = iter(choice.frames[1:])
        while (frame is None or frame.index < choice.shot.start_frame) and (other := next(others, None)):
            frame = _nearest(decoder, other[0], [other[1]]).get(other[1])
        found.append((choice, frame if frame and frame.index >= choice.shot.start_frame else None))
    return found


def _nearest(decoder: Decoder, gop: Gop, wanted: list[int]) -> dict[int, Frame]:
    """For each of these frames of a group, growing, itself or the last before it that can be decoded."""
    stamps = {gop.stamps[frame - gop.first_frame] for frame in wanted}
    found, ahead = dict[int, Frame](), deque(wanted)
    last: Frame | None = None
    for frame in frames(decoder, gop, wanted[-1], stamps):
        while last and ahead and ahead[0] < frame.index:
            found[ahead.popleft()] = last
        last = frame
    return found | (dict.fromkeys(ahead, last) if last else {})


def _joined(found: Iterable[tuple[_Choice, Frame | None]]) -> Iterator[tuple[Shot, Frame]]:
    """Each shot with its frame; one of which nothing can be decoded is part of the one before it, or of the first."""
    held: tuple[Shot, Frame] | None = None
    index, begin = 0, None
    for choice, frame in found:
        shot = choice.shot
        begin = begin or shot
        if frame is None:
            held = (replace(held[0], end_s=shot.end_s, end_frame=shot.end_frame), held[1]) if held else None
            continue
        if held:
            yield held
            begin, index = shot, index + 1
        held = replace(shot, index=index, start_s=begin.start_s, start_frame=begin.start_frame), frame
    if held:
        yield held
