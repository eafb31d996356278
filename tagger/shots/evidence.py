"""Which scan a film gets, and why: by what its packets say, and by its beginning, read in two ways.

An encoder's key frames stand at cuts, or at fixed distances, or where somebody asked for one. What the first groups
show says which it is: if key frames lead there to what decoding finds, they are believed for the rest of the film. If
not, or if they save nothing, all frames are decoded that others need; and if these are nearly all, all.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from av.codec.context import Flags
from av.packet import Packet
from av.video.frame import PictureType

from tagger.records import Boundary
from tagger.settings import Settings
from tagger.shots.decoders import Decoder
from tagger.shots.detector import DETECTOR_KINDS
from tagger.shots.inside import Pair, inside, look, pairs
from tagger.shots.learned import LearnedDetector
from tagger.shots.runs import Small, run
from tagger.video.container import WHOLE_FRAMES, decoded, open_video, packets_of
from tagger.video.film import DECODING_ORDER, Film
from tagger.video.gops import Gop
from tagger.video.observer import Observer

PREVIEW_PACKETS = 3000  # two minutes
ALONE = 12  # flagged key frames that are decoded in advance, to see whether they are any; as many behind full groups
USUAL_GOP = 250  # frames: of x264 and x265
LONGEST_GOP = 1500  # frames, a minute; more is no film but a recording of a screen
LONG_S = 300.0  # what is shorter is read whole: it takes seconds
ENOUGH, FEW = 8, 4  # boundaries that show whether key frames say where they are; fewer than FEW show nothing
TRIAL_SHARE = 0.04  # of the film; the trial goes on until there are FEW, then until there are ENOUGH or it is so long
MOST_SHARE, LONGEST_TRIAL_S = 0.1, 120.0  # it ends, whatever there is
SHORTEST_TRIAL_S = 10.0  # less shows nothing, and costs as much as it might save
MARGIN_S = 0.5  # at the end of the trial, where each way knows less than it would
SAME_S = 0.2  # boundaries no farther from each other are the same
WRONG = 0.1  # share of these boundaries, or one: more, and key frames are not believed
PLACED = 0.5  # share of boundaries at key frames: fewer, and the encoder does not place these there
SHORT_GOP_S = 2.6  # in so short a group there is hardly time for another shot between two pictures of one
MOST_NEEDED = 0.9  # share of frames: where more are decoded, nothing is saved
SAVES = 0.95  # of the frames that others need: a fast scan that would decode more saves nothing


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to read a film."""

    used: str
    reason: str
    full_gops: set[int] = field(default_factory=set)
    """How many frames a group may have that the encoder did not cut short; of a fast scan."""
    agreement: float | None = None
    """As in `tagger.records.Scan`."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What the first groups of a film show, read in two ways."""

    frames: int
    needed: int
    """Of these, by leaving out what no other needs."""
    by_keys: float
    """Of these, in a fast scan."""
    found: tuple[float, ...]
    """Times in seconds of the boundaries among the needed ones."""
    fast: tuple[float, ...]
    """Of those that a fast scan finds."""
    placed: int
    """Boundaries at key frames of groups before which one was cut short."""
    longest_s: float
    """Length of the longest group."""

    @property
    def wrong(self) -> int:
        """How many boundaries one way finds and the other does not."""
        both = (self.found, self.fast), (self.fast, self.found)
        return sum(not _among(time_s, others) for times_s, others in both for time_s in times_s)

    @property
    def agreement(self) -> float:
        """Share of all boundaries that both find; 1 if there are none."""
        both = len(self.found) + len(self.fast)
        return 1 - self.wrong / both if both else 1.0

    @property
    def differs(self) -> bool:
        """Whether both find other boundaries; most of these are gradual, and each frame counts for their middle."""
        return self.wrong > max(1, WRONG * len(self.found))

    @property
    def doubt(self) -> str:
        """What speaks against a fast scan; nothing if nothing does."""
        if self.differs:
            return f"key frames lead to {len(self.fast)} boundaries where {len(self.found)} are, {self.wrong} differ"
        if len(self.found) < FEW:
            return f"its beginning has too few boundaries ({len(self.found)}) to show where key frames stand"
        if self.placed < PLACED * len(self.found) and self.longest_s > SHORT_GOP_S:
            return f"the encoder does not place key frames at cuts ({self.placed} of {len(self.found)})"
        if self.by_keys > min(SAVES * self.needed, MOST_NEEDED * self.frames):
            return "key frames save nothing: between most of them lies a boundary"
        return ""


def choose(film: Film, settings: Settings) -> Choice:
    """Returns how an opened film will be read; its beginning is read for it, in containers opened for that."""
    against = _asked(film, settings)
    full_gops, against = (set[int](), against) if against else group_lengths(film)
    if not against and MOST_SHARE * _length_s(film) < SHORTEST_TRIAL_S:
        against = "the film is too short to show where its key frames stand"
    if against:
        return Choice("full", against)
    trial = _tried(film, full_gops)
    doubt, agreement = trial.doubt, round(trial.agreement, 4)
    if not doubt:
        reason = f"the encoder placed key frames, at most {max(full_gops)} frames apart"
        return Choice("fast", reason, full_gops, agreement)
    if trial.differs and _length_s(film) < LONG_S:
        return Choice("full", f"{doubt}; and the film is shorter than {LONG_S / 60:g} minutes", agreement=agreement)
    if trial.needed > MOST_NEEDED * trial.frames:
        return Choice("full", f"{doubt}; and hardly any frame can be left out", agreement=agreement)
    return Choice("references", doubt, agreement=agreement)


def _asked(film: Film, settings: Settings) -> str:
    """Why a film must be read whole, whatever it is like."""
    if settings.scan == "full":
        return "asked for"
    if DETECTOR_KINDS[settings.detector].every_frame:
        return f"the {settings.detector} detector needs every frame"
    if film.goes_by_rate:
        return "it goes by the rate that was given"
    if settings.scan == "auto" and _length_s(film) < LONG_S:
        return f"the film is shorter than {LONG_S / 60:g} minutes"
    return ""


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


def group_lengths(film: Film) -> tuple[set[int], str]:
    """Returns how many frames a group of full length may have, and what in its packets is against leaving some out."""
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
    # Recovery points come where a group has its full length, perhaps long after the first true key frames.
    after_full = [after for before, after in itertools.pairwise(keys) if after - before == longest]
    tried = sorted({*keys[:ALONE], *after_full[:ALONE]})
    if not _decode_alone(film, [packets[place] for place in tried]):
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


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """A group, read in both ways."""

    gop: Gop
    found: list[Boundary]  # those that its needed frames make known
    needed: int  # frames
    fast: dict[int, float]
    by_keys: int  # frames decoded for these
    cut_short: bool


def _tried(film: Film, full_gops: set[int]) -> Trial:
    """The first groups of a film, in both ways."""
    with ExitStack() as opened:
        again = opened.enter_context(Film(film.path, film.opening))
        decoder, detector = Decoder(film.path, opened, film.opening, lean=True), LearnedDetector()
        steps, found = list[_Step](), list[Boundary]()
        for pair in pairs((look(decoder, gop) for gop in again.gops(Observer())), full_gops):
            steps.append(_step(decoder, pair, detector))
            found += steps[-1].found
            end_s = steps[-1].gop.end_s
            length_s = film.declared.duration_s or LONG_S
            clear = end_s > TRIAL_SHARE * length_s or not _cut_short(steps)
            if len(found) >= (FEW if clear else ENOUGH) or end_s > min(LONGEST_TRIAL_S, MOST_SHARE * length_s):
                break
        found += detector.finish()
    if not steps:
        return Trial(0, 0, 0.0, (), (), 0, 0.0)
    times_s = {frame: time_s for step in steps for frame, time_s in _times(step.gop)}
    fast = sorted(frame for step in steps for frame in step.fast)
    placed = [step.gop.end_s for step in steps if step.cut_short]
    known_s = steps[-1].gop.end_s - MARGIN_S
    shown = tuple(boundary.time_s for boundary in found if boundary.time_s < known_s)
    return Trial(
        frames=steps[-1].gop.end_frame,
        needed=sum(step.needed for step in steps),
        by_keys=sum(step.by_keys for step in steps) + _to_middles(steps, fast),
        found=shown,
        fast=tuple(times_s[frame] for frame in fast if times_s[frame] < known_s),
        placed=sum(_among(time_s, placed) for time_s in shown),
        longest_s=max(step.gop.end_s - step.gop.times_s[0] for step in steps),
    )


def _step(decoder: Decoder, pair: Pair, detector: LearnedDetector) -> _Step:
    """Reads a group in both ways, and decodes it once; `detector` goes on from the group before."""
    gop = pair.look.gop
    seen = run(decoder, gop, gop.end_frame - 1)
    found = [boundary for small in seen for boundary in detector.feed(*small)]
    asked = [1]  # frames, the key frame first

    def part(some: Gop, last: int, *, every: bool = False) -> list[Small]:
        again = every or some is not gop
        there = run(decoder, some, last, every=every) if again else [small for small in seen if small[0] <= last]
        asked.append(len(there))
        return there

    fast = inside(part, pair).boundaries
    return _Step(gop, found, len(seen), fast, sum(asked), pair.cut_short)


def _cut_short(steps: list[_Step]) -> bool:
    """Whether any group was, or is too short for that to count."""
    return any(step.cut_short or step.gop.end_s - step.gop.times_s[0] <= SHORT_GOP_S for step in steps)


def _times(gop: Gop) -> Iterator[tuple[int, float]]:
    """Each frame of a group, and the one after it, with its time."""
    return enumerate((*gop.times_s, gop.end_s), gop.first_frame)


def _to_middles(steps: list[_Step], starts: list[int]) -> float:
    """How many frames are decoded on the way to the middles of shots, in each group to the last one in it."""
    middles = [(first + last) // 2 for first, last in itertools.pairwise([0, *starts, steps[-1].gop.end_frame])]
    way = 0.0
    for step in steps:
        first, end = step.gop.first_frame, step.gop.end_frame
        farthest = max((middle for middle in middles if first <= middle < end), default=first)
        way += (farthest - first) * step.needed / (end - first)
    return way


def _among(time_s: float, others: Iterable[float]) -> bool:
    return any(abs(time_s - other) <= SAME_S for other in others)
