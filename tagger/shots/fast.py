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
from dataclasses import dataclass
from itertools import islice
from math import inf

from tagger.records import Boundary, FilmProgress, Shot, ShotPicture
from tagger.settings import Settings
from tagger.shots.decoders import Decoder, Decoders
from tagger.shots.detector import Cutter
from tagger.shots.keyframes import shot_picture
from tagger.shots.learned import LearnedDetector
from tagger.shots.networks import difference
from tagger.shots.packets import large, risen
from tagger.shots.thumbnails import Thumbnail
from tagger.video.film import Film, Frame
from tagger.video.gops import Gop, stamp_of
from tagger.video.observer import Observer

# Probabilities that two key frames show two shots. Where it is certain that they do, or that they do not, nothing
# between them is decoded.
MAYBE, SURE = 0.15, 0.7
KEYFRAMES = 2  # grows with each change of which frame stands for a shot in a fast scan
FLASH_S = 0.2  # by then a flash is over
BEFORE_S, AFTER_S = 0.48, 0.32  # is looked at on both sides of a large packet, to be sure of a cut there

_Small = tuple[int, float, Thumbnail]  # a frame's index in the film, its time, and the frame


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """A group and its first picture, small; None if its key frame is damaged."""

    gop: Gop
    key: Thumbnail | None
    size: tuple[int, int] | None  # of that picture, as it is decoded


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """A group with the pictures around it."""

    last_key: Thumbnail | None
    look: _Look
    next_key: Thumbnail | None
    next_gop: Gop | None
    cut_short: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """A group with the frames after its first at which shots begin; its end may be one."""

    gop: Gop
    boundaries: dict[int, float]  # how sure each is, by its frame


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
        looks = _measured(decoders.map(_look, _told(film, observer, progress)), observer)
        parts = decoders.map(_inside, _pairs(looks, full_gops))
        choices = _chosen(parts, settings.min_shot_s, settings.reservoir_bytes)
        for choice, frame in decoders.map(_decoded, choices):
            if frame:
                yield shot_picture(choice.shot, frame, settings.min_entropy_bits)
        failures = decoders.failures
        # What was not decoded is known to be lost only where a packet shows it.
        share = max(len(failures) / max(1, decoders.tried), len(observer.blank) / max(1, observer.frame_count))
        observer.lose(len(failures | observer.blank), share)
        film.check_pictures(observer)


def _told(film: Film, observer: Observer, progress: FilmProgress | None) -> Iterator[Gop]:
    for gop in film.gops(observer):
        if progress:
            progress(gop.end_s, film.declared.duration_s)
        yield gop


def _look(decoder: Decoder, gop: Gop) -> _Look:
    """Decodes the key frame alone."""
    shown = gop.packets if gop.packets[0].is_discard else gop.packets[:1]  # an edit list may hide the key frame
    picture = next(decoder.pictures(shown), None)
    if picture is None:
        return _Look(gop, None, None)
    return _Look(gop, decoder.shrink(picture), (picture.width, picture.height))


def _measured(looks: Iterable[_Look], observer: Observer) -> Iterator[_Look]:
    """The same; the film has the size of its first picture."""
    for look in looks:
        if look.size:
            observer.see_size(*look.size)
        yield look


def _pairs(looks: Iterable[_Look], full_gops: set[int]) -> Iterator[_Pair]:
    """Each group with the looks of its neighbours; the last with no next one."""
    last: _Look | None = None
    last_key: Thumbnail | None = None
    for look in looks:
        if last:
            count = len(last.gop.stamps)
            yield _Pair(last_key, last, look.key, look.gop, count < max(full_gops) and count not in full_gops)
            last_key = last.key
        last = look
    if last:
        yield _Pair(last_key, last, None, None, False)


def _inside(decoder: Decoder, pair: _Pair) -> _Parts:
    """Finds where shots begin after the key frame of a group, up to and with the next."""
    gop, before, after = pair.look.gop, pair.look.key, pair.next_key
    if any(packet.is_corrupt for packet in gop.packets):  # parts may be missing: decoding says whether they are
        run = _run(decoder, gop, gop.first_frame, gop.end_frame - 1)
        return _Parts(gop, _boundaries([*run, *_end_of(pair)]))
    found, jumps = dict[int, float](), large(gop)
    if jumps:
        last = jumps[-1] + _count(gop, AFTER_S)
        run = _run(decoder, gop, jumps[0] - _count(gop, BEFORE_S), last)
        if last >= gop.end_frame and pair.next_key:
            return _Parts(gop, _until_end(decoder, pair, run))
        before = run[-1][2] if run else before
        found.update(_lasting(_boundaries(run), pair, run))
    apart = None if before is None or after is None else difference(before, after)
    cut_short = pair.cut_short and apart is not None
    if apart is not None and apart <= MAYBE:
        return _Parts(gop, found)
    # Of the last group the end is not known, nor of one before a damaged one.
    whole = not cut_short or risen(gop)
    if apart is not None and before and apart > SURE and not whole:
        behind = _behind(decoder, pair) if _may_be_flash(pair.next_gop) else []
        stays = difference(before, behind[-1][2]) if behind else apart
        if stays > SURE:
            return _Parts(gop, found | {gop.end_frame: apart})
        if stays <= MAYBE:  # the key frame is a flash
            return _Parts(gop, found)
    first = gop.first_frame if whole else gop.end_frame - _count(gop, BEFORE_S)
    run = _run(decoder, gop, first, gop.end_frame - 1)
    return _Parts(gop, found | _until_end(decoder, pair, run))


def _until_end(decoder: Decoder, pair: _Pair, run: list[_Small]) -> dict[int, float]:
    """Where shots begin in a run that reaches the end of a group, and with the next key frame."""
    found = _lasting(_boundaries([*run, *_end_of(pair), *_behind(decoder, pair)]), pair, run)
    return {frame: sure for frame, sure in found.items() if frame <= pair.look.gop.end_frame}


def _lasting(found: dict[int, float], pair: _Pair, run: list[_Small]) -> dict[int, float]:
    """What was found, without the end of a flash at the key frame: the group before looks as what comes after it."""
    gop, first = pair.look.gop, pair.look.gop.first_frame
    over = first + _count(gop, FLASH_S)
    after = next((small for frame, _, small in run if frame >= over), None)
    if pair.last_key is None or after is None or min(found, default=over) >= over:
        return found
    same = difference(pair.last_key, after) <= MAYBE
    return {frame: sure for frame, sure in found.items() if frame >= over or not same}


def _count(gop: Gop, lasting_s: float) -> int:
    """How many frames of a group last so long."""
    length_s = gop.end_s - gop.times_s[0]
    return round(lasting_s * len(gop.stamps) / length_s) if length_s > 0 else 1


def _may_be_flash(gop: Gop | None) -> bool:
    """Whether the key frame of a group may be a flash: what returns cannot refer to what was before, so it is large."""
    if gop is None:
        return False
    over = gop.first_frame + _count(gop, FLASH_S)
    return gop.end_frame <= over + 1 or any(frame <= over for frame in large(gop))


def _behind(decoder: Decoder, pair: _Pair) -> list[_Small]:
    """What comes after the key frame that ends a group, long enough for a flash to be over."""
    gop = pair.next_gop
    if gop is None:
        return []
    return _run(decoder, gop, gop.first_frame + 1, gop.first_frame + _count(gop, FLASH_S))


def _end_of(pair: _Pair) -> list[_Small]:
    """The key frame after a group, as one more of its frames, where there is one."""
    gop = pair.look.gop
    return [(gop.end_frame, gop.end_s, pair.next_key)] if pair.next_key else []


def _run(decoder: Decoder, gop: Gop, first: int, last: int) -> list[_Small]:
    """The frames from `first` to `last`, small, each with its index in the film and its time."""
    frames = _frames(decoder, gop, first, last) if first < gop.end_frame else ()
    return [(frame.index, frame.time_s, decoder.shrink(frame.picture)) for frame in frames if frame.index >= first]


def _frames(decoder: Decoder, gop: Gop, first: int, last: int) -> Iterator[Frame]:
    """The frames from `first` to `last`, and those before that they need; damaged ones are missing."""
    first, last = max(first, gop.first_frame), min(last, gop.end_frame - 1)
    places = {stamp: place for place, stamp in enumerate(gop.stamps)}
    begin, end = gop.stamps[first - gop.first_frame], gop.stamps[last - gop.first_frame]
    needed = max(at for at, packet in enumerate(gop.packets) if stamp_of(packet) <= end)
    for picture in decoder.pictures(gop.packets[: needed + 1], begin):
        place = places.get(picture.pts if picture.pts is not None else -1)
        if place is not None and gop.first_frame + place <= last:
            yield Frame(gop.first_frame + place, gop.times_s[place], picture, decoder.orientation)


def _boundaries(run: list[_Small]) -> dict[int, float]:
    """Where shots begin within consecutive frames, and how sure that is."""
    detector = LearnedDetector()
    found = [boundary for looked in run for boundary in detector.feed(*looked)]
    return {boundary.frame: boundary.sure for boundary in (*found, *detector.finish())}


def _chosen(parts: Iterable[_Parts], min_shot_s: float, bound_bytes: int) -> Iterator[_Choice]:
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
    inside = (gop for gop in held if gop.first_frame < shot.end_frame and gop.end_frame > shot.start_frame)
    frames = []
    for gop in inside:
        first, last = max(shot.start_frame, gop.first_frame), min(shot.end_frame, gop.end_frame) - 1
        frames.append((gop, min(max(middle, first), last)))
    return _Choice(shot, tuple(sorted(frames, key=lambda found: abs(found[1] - middle))))


def _decoded(decoder: Decoder, choice: _Choice) -> tuple[_Choice, Frame | None]:
    """The first of the frames that can be decoded, or one near it."""
    for gop, wanted in choice.frames:
        frames = [frame for frame in _frames(decoder, gop, wanted, wanted) if frame.index >= choice.shot.start_frame]
        if frames:
            return choice, min(frames, key=lambda frame: abs(frame.index - wanted))
    return choice, None
