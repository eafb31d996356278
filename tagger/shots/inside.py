"""Boundaries inside a group of pictures, and at its end, by the key frames around it and as little more as can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from tagger.shots.decoders import Decoder
from tagger.shots.networks import difference
from tagger.shots.packets import large, risen
from tagger.shots.runs import Run, Small, boundaries, count, sharp
from tagger.shots.thumbnails import Thumbnail
from tagger.video.gops import Gop

# Probabilities that two key frames show two shots. Where it is certain that they do, or that they do not, nothing
# between them is decoded.
MAYBE, SURE = 0.15, 0.7
FLASH_S = 0.2  # by then a flash is over
AFTER_S = 0.32  # is looked at behind a large packet, to be sure of a cut there
AROUND_S = 1.3, 1.0  # is looked at before and behind a group that may hide something: what the networks see


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A group and its first picture, small; None if its key frame is damaged."""

    gop: Gop
    key: Thumbnail | None
    size: tuple[int, int] | None  # of that picture, as it is decoded


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A group with the pictures around it."""

    last: Look | None
    look: Look
    next_key: Thumbnail | None
    next_gop: Gop | None
    cut_short: bool


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """A group with the frames after its first at which shots begin; its end may be one."""

    gop: Gop
    boundaries: dict[int, float]  # how sure each is, by its frame
    unseen: bool = False  # whether the boundary at its end is the encoder's: the frames before it were not decoded


def look(decoder: Decoder, gop: Gop) -> Look:
    """Decodes the key frame alone."""
    shown = gop.packets if gop.packets[0].is_discard else gop.packets[:1]  # an edit list may hide the key frame
    picture = next(decoder.pictures(shown), None)
    if picture is None:
        return Look(gop, None, None)
    return Look(gop, decoder.shrink(picture), (picture.width, picture.height))


def pairs(looks: Iterable[Look], full_gops: set[int]) -> Iterator[Pair]:
    """Yields each group with the looks of its neighbours; the last with no next one.

    Args:
        looks: of all groups, in order.
        full_gops: how many frames a group may have that the encoder did not cut short.
    """
    before: Look | None = None
    last: Look | None = None
    for seen in looks:
        if last:
            frames = len(last.gop.stamps)
            yield Pair(before, last, seen.key, seen.gop, frames < max(full_gops) and frames not in full_gops)
        before, last = last, seen
    if last:
        yield Pair(before, last, None, None, False)


def inside(run: Run, pair: Pair) -> Parts:
    """Finds where shots begin after the key frame of a group, up to and with the next."""
    gop, before, after = pair.look.gop, pair.look.key, pair.next_key
    if any(packet.is_corrupt for packet in gop.packets):  # parts may be missing: decoding says whether they are
        return Parts(gop, boundaries([*run(gop, gop.end_frame - 1), *_end_of(pair)]))
    found, jumps = dict[int, float](), large(gop, pair.next_gop)
    if jumps:
        last = jumps[-1] + count(gop, AFTER_S)
        seen = run(gop, last)
        if last >= gop.end_frame and pair.next_key:
            return Parts(gop, _until_end(run, pair, seen))
        before = seen[-1][2] if seen else before
        found.update(_lasting(boundaries(seen), pair, seen))
    apart = None if before is None or after is None else difference(before, after)
    cut_short = pair.cut_short and apart is not None
    if apart is not None and apart <= MAYBE:
        return Parts(gop, found)
    # Of the last group the end is not known, nor of one before a damaged one.
    whole = not cut_short or risen(gop)
    if apart is not None and before and apart > SURE and not whole:
        behind = _behind(run, pair, FLASH_S) if _may_be_flash(pair.next_gop) else []
        stays = difference(before, behind[-1][2]) if behind else apart
        if stays > SURE:
            return Parts(gop, found | {gop.end_frame: apart}, unseen=True)
        if stays <= MAYBE:  # the key frame is a flash
            return Parts(gop, found)
    return Parts(gop, found | _looked_into(run, pair, doubtful=apart is not None and apart <= SURE))


def _looked_into(run: Run, pair: Pair, *, doubtful: bool) -> dict[int, float]:
    """Where shots begin in a group of which all is looked at, and with the next key frame."""
    gop, around_s = pair.look.gop, AROUND_S if doubtful else (0.0, FLASH_S)
    seen = run(gop, gop.end_frame - 1)
    found = _until_end(run, pair, seen, around_s)
    # What moves much moves more where frames are left out, and looks like a gradual change.
    if doubtful and found.keys() - sharp([*seen, *_end_of(pair)]):
        every = partial(run, every=True)
        return _until_end(every, pair, every(gop, gop.end_frame - 1), around_s)
    return found


def _until_end(
    run: Run, pair: Pair, seen: list[Small], around_s: tuple[float, float] = (0.0, FLASH_S)
) -> dict[int, float]:
    """Where shots begin in a run that reaches the end of a group, and with the next key frame."""
    gop, (before_s, behind_s) = pair.look.gop, around_s
    shown = [*_before(run, pair, before_s), *seen, *_end_of(pair), *_behind(run, pair, behind_s)]
    found = {frame: sure for frame, sure in boundaries(shown).items() if gop.first_frame < frame <= gop.end_frame}
    return _lasting(found, pair, seen)


def _before(run: Run, pair: Pair, lasting_s: float) -> list[Small]:
    """What comes before a group, if that is shorter: a run that starts without it finds other boundaries."""
    gop, frames = pair.look.gop, count(pair.look.gop, lasting_s)
    if pair.last is None or len(gop.stamps) >= frames:
        return []
    seen = run(pair.last.gop, pair.last.gop.end_frame - 1)
    return [small for small in seen if gop.first_frame - frames <= small[0] < gop.first_frame]


def _lasting(found: dict[int, float], pair: Pair, seen: list[Small]) -> dict[int, float]:
    """What was found, without the end of a flash at the key frame: the group before looks as what comes after it."""
    gop, first = pair.look.gop, pair.look.gop.first_frame
    over = first + count(gop, FLASH_S)
    after = next((small for frame, _, small in seen if frame >= over), None)
    last_key = pair.last.key if pair.last else None
    if last_key is None or after is None or min(found, default=over) >= over:
        return found
    same = difference(last_key, after) <= MAYBE
    return {frame: sure for frame, sure in found.items() if frame >= over or not same}


def _may_be_flash(gop: Gop | None) -> bool:
    """Whether the key frame of a group may be a flash: what returns cannot refer to what was before, so it is large."""
    if gop is None:
        return False
    over = gop.first_frame + count(gop, FLASH_S)
    return gop.end_frame <= over + 1 or any(frame <= over for frame in large(gop))


def _behind(run: Run, pair: Pair, lasting_s: float) -> list[Small]:
    """What comes after the key frame that ends a group, for so long."""
    gop = pair.next_gop
    seen = run(gop, gop.first_frame + count(gop, lasting_s)) if gop else []
    return [small for small in seen if gop and small[0] > gop.first_frame]


def _end_of(pair: Pair) -> list[Small]:
    """The key frame after a group, as one more of its frames, where there is one."""
    gop = pair.look.gop
    return [(gop.end_frame, gop.end_s, pair.next_key)] if pair.next_key else []
