"""Rankings of made-up trailers whose right tags are known: the film-level proof.

Stands beside the third experiment of the source paper (AVSS 2017), whose raters chose the right tags of real trailers.
Here a trailer is rendered from labelled pictures of a few tags, and goes through the real scan. It is synthetic.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from tagger import ranking
from tagger.evaluation.metrics import average_precision
from tagger.files import write_atomically
from tagger.images import Pixels, without_bars
from tagger.knowledge import views
from tagger.knowledge.labelled import Labelled, read
from tagger.knowledge.regression import FOLDS, RESAMPLES, source_folds
from tagger.records import TOP_TAGS, Bools, Doubles, Ints, ShotPicture, TagScores
from tagger.settings import MIN_ENTROPY_BITS, Settings
from tagger.shots.scan import scan
from tagger.video.film import Film

SYNTHETIC = "made from labelled pictures; not the source's experiment, in which raters chose the tags of real trailers"
TAGS_MIN = 3  # a fold has at least so many tags to draw from,
PICTURES_MIN = 4  # each with so many pictures, near copies counted once
TAGS_DRAWN = (2, 4)  # of a trailer, fewest and most
PICTURES_DRAWN = (3, 5)  # of a tag
NOTHINGS_DRAWN = (1, 3)  # shots that show nothing
SHOT_S = (1.0, 2.5)

WIDTH, HEIGHT, FPS = 640, 360, 24  # pixels, frames per second
PICTURE_HEIGHTS = (HEIGHT, 320)  # pixels: the whole frame, or 2 : 1 between black bars; wider would behead people
ROOM = 1.2  # a still is so many times as large as what one frame shows of it: room for the camera to move
CODEC = {"crf": "28", "preset": "ultrafast"}
NOTHING = -1  # the place of a picture, for a shot without one
GREY = 110  # of 255
WORDS = "COMING SOON"
INSIDE, EDGE = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE  # how a still is looked into
FIRST = (3, 5, 10)  # tags of a ranking that are judged

Pictures = Sequence[ShotPicture]  # of a film: one of each shot
ScoresOf = Callable[[int, list[Pixels]], TagScores]  # of pictures, by a head that saw none of this fold


@dataclass(frozen=True, slots=True)
class Trailer:
    """A made-up trailer and the truth about it."""

    path: Path
    fold: int  # of `source_folds`, which all of its pictures are from
    truth: frozenset[int]  # the right tags: those of its pictures and of near copies of them
    shots: tuple[int, ...]  # per shot, the index of its picture; NOTHING where there is none


def make(pictures: Labelled, out: Path, count: int, seed: int) -> list[Trailer]:
    """Returns `count` trailers, rendered to `out`; one rendered earlier from the same choice is not made again.

    Each is of one fold, in turn, and of fair tags alone: no head could know the others without that fold.

    Raises:
        ValueError: no fold has tags and pictures enough.
    """
    folds, right = source_folds(pictures.source), pictures.right
    stocks = {fold: _stock(pictures, folds == fold) for fold in range(FOLDS)}
    rich = [fold for fold, stock in stocks.items() if len(stock) >= TAGS_MIN]
    if not rich:
        raise ValueError(f"no fold has {TAGS_MIN} tags with {PICTURES_MIN} pictures each: trailers need more pictures")
    out.mkdir(parents=True, exist_ok=True)
    answer = []
    for number in range(count):
        fold, rng = rich[number % len(rich)], np.random.default_rng([seed, number])
        shots = _draw(stocks[fold], pictures.near, rng)
        truth = np.flatnonzero(right[[shot for shot in shots if shot != NOTHING]].any(0))
        trailer = Trailer(out / f"trailer-{seed}-{number:03}.mp4", fold, frozenset(truth.tolist()), shots)
        _render(trailer, pictures, rng)
        answer.append(trailer)
    return answer


def _stock(pictures: Labelled, inside: Bools) -> dict[int, Ints]:
    """The pictures `inside` (n,) of each fair tag that has enough, the first of near copies alone."""
    answer = {}
    for tag in np.flatnonzero(pictures.fair).tolist():
        own = np.flatnonzero(inside & (pictures.tag == tag))
        own = own[~np.triu(pictures.near[np.ix_(own, own)], 1).any(0)]
        if len(own) >= PICTURES_MIN:
            answer[tag] = own
    return answer


def _draw(stock: dict[int, Ints], near: Bools, rng: np.random.Generator) -> tuple[int, ...]:
    """The shots of a trailer in order; no picture comes twice, nor a near copy of it."""
    shots: list[int] = []
    for tag in rng.permutation(sorted(stock))[: rng.integers(*TAGS_DRAWN, endpoint=True)]:
        left = stock[tag][~near[stock[tag]][:, shots].any(1)]
        shots += rng.permutation(left)[: rng.integers(*PICTURES_DRAWN, endpoint=True)].tolist()
    shots += [NOTHING] * int(rng.integers(*NOTHINGS_DRAWN, endpoint=True))
    return tuple(rng.permutation(shots).tolist())


def _render(trailer: Trailer, pictures: Labelled, rng: np.random.Generator) -> None:
    """Writes the film, then beside it what it shows, unless just that is there."""
    names = ["/".join(pictures.paths[shot].parts[-2:]) if shot != NOTHING else None for shot in trailer.shots]
    truth = {"synthetic": SYNTHETIC, "fold": trailer.fold, "truth": sorted(trailer.truth), "shots": names}
    told, beside = json.dumps(truth, indent=1).encode(), trailer.path.with_suffix(".json")
    if trailer.path.exists() and beside.exists() and beside.read_bytes() == told:
        return
    beside.unlink(missing_ok=True)  # what it says is not true of the film that comes
    aside = trailer.path.with_suffix(".part.mp4")
    _encode(aside, _frames(trailer.shots, pictures, rng))
    aside.replace(trailer.path)
    write_atomically(beside, told)


def _encode(path: Path, frames: Iterator[Pixels]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options=CODEC)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for tick, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = tick, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _frames(shots: tuple[int, ...], pictures: Labelled, rng: np.random.Generator) -> Iterator[Pixels]:
    """Every frame (HEIGHT, WIDTH, 3); framing and colour grade are the trailer's, movement is each shot's own."""
    height, grade = int(rng.choice(PICTURE_HEIGHTS)), int(rng.integers(2**32))
    nothings = iter(rng.permutation(_nothings()))  # never twice the same, which would be one shot
    top = (HEIGHT - height) // 2
    for shot in shots:
        length = round(rng.uniform(*SHOT_S) * FPS)
        if shot == NOTHING:
            inside = iter([next(nothings)[top : top + height]] * length)
        else:
            still = cover(without_bars(read(pictures.paths[shot])), round(WIDTH * ROOM), round(height * ROOM))
            # The same numbers are drawn for each picture, hence the same grade.
            inside = _moved(views.grade(still, np.random.default_rng(grade)), height, length, rng)
        yield from (np.pad(picture, ((top, top), (0, 0), (0, 0))) for picture in inside)


def cover(picture: Pixels, width: int, height: int) -> Pixels:
    """Returns the largest middle part of the picture that has this aspect, as uint8 (height, width, 3)."""
    scale = min(picture.shape[0] / height, picture.shape[1] / width)
    part_height, part_width = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (picture.shape[0] - part_height) // 2, (picture.shape[1] - part_width) // 2
    part = picture[top : top + part_height, left : left + part_width]
    how = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (width, height), interpolation=how), np.uint8)


def _moved(still: Pixels, height: int, length: int, rng: np.random.Generator) -> Iterator[Pixels]:
    """Frames (height, WIDTH, 3) of a slow pan or zoom over a still, ROOM times as large."""
    ends = rng.uniform(size=(2, 3))  # first and last: how far out, and where, across and down
    same = slice(0, 1) if rng.random() < 0.5 else slice(1, 3)  # a pan keeps its size, a zoom its centre
    ends[1, same] = ends[0, same]
    for out, across, down in np.linspace(ends[0], ends[1], length):
        scale = 1 + out * (ROOM - 1)
        left, top = across * (ROOM - scale) * WIDTH, down * (ROOM - scale) * height
        seen = np.array([[scale, 0, left], [0, scale, top]])
        yield np.asarray(cv2.warpAffine(still, seen, (WIDTH, height), flags=INSIDE, borderMode=EDGE), np.uint8)


def _nothings() -> Pixels:
    """What shows nothing, (3, HEIGHT, WIDTH, 3): black, grey, and white words on black."""
    pages, font = np.zeros((3, HEIGHT, WIDTH, 3), np.uint8), cv2.FONT_HERSHEY_SIMPLEX
    pages[1] = GREY
    (width, height), _ = cv2.getTextSize(WORDS, font, 2.0, 4)
    cv2.putText(pages[2], WORDS, ((WIDTH - width) // 2, (HEIGHT + height) // 2), font, 2.0, (255,) * 3, 4, cv2.LINE_AA)
    return pages


def keyframes(trailer: Trailer, settings: Settings) -> list[ShotPicture]:
    """Returns the picture of each shot that the real scan finds, all with their pixels and none dropped."""
    with Film(trailer.path) as film:
        return list(scan(film, replace(settings, min_entropy_bits=0.0)).shots)


@dataclass(frozen=True, slots=True)
class Formula:
    """W_i = (n_i / N) * sum_j P_ij, and what could be otherwise in it; as it stands, the published one."""

    top: int | None = TOP_TAGS  # n_i counts the keyframes with tag i among so many; None: n_i = N
    min_entropy_bits: float = MIN_ENTROPY_BITS
    by_duration: bool = False  # a keyframe counts as much as its shot is long

    def weights(self, scores: TagScores, frames: Pictures) -> Doubles:
        """Returns W (tags,) of a film whose n keyframes have these scores; all 0 where none is kept."""
        kept = [frame.shot.keyframe.entropy_bits >= self.min_entropy_bits for frame in frames]
        long = np.array([frame.shot.duration_s for frame in frames])[kept]
        part = long / long.sum() if self.by_duration else np.full(len(long), 1 / max(1, len(long)))
        shares, evidence = scores.probabilities[kept].astype(np.float64), scores.evidence[kept]
        place = np.argsort(np.argsort(-evidence, axis=1, kind="stable"), axis=1)  # ties go to the earlier tag
        votes = np.ones(shares.shape[1]) if self.top is None else part @ ((place < self.top) & (evidence > 0))
        return np.asarray(votes * (part @ shares) * len(shares), np.float64)


VARIANTS = {
    "top 1": Formula(top=1),
    "all tags": Formula(top=None),
    "top 3, by duration": Formula(by_duration=True),
    "top 1, by duration": Formula(top=1, by_duration=True),
    "all tags, by duration": Formula(top=None, by_duration=True),
    **{f"top 3, from {bits:g} bits": Formula(min_entropy_bits=bits) for bits in (0.0, 2.0, 3.0, 5.0)},  # 0: no filter
}
COMPARED = ("f1_at_3", "f1_at_5", "average_precision")


def measure(trailers: Sequence[Trailer], frames: Sequence[Pictures], scores_of: ScoresOf) -> dict[str, Any]:
    """Returns how right the first tags of the trailers are, ready for JSON, by the published formula and by others.

    Args:
        trailers: n of them.
        frames: of each, all keyframes.
        scores_of: what the network measured says of pictures of a fold.

    Names are those of `figures`. 95 % intervals are over trailers; a `gain` is paired, over the published formula.
    """
    scores = [scores_of(one.fold, [f.pixels for f in found]) for one, found in zip(trailers, frames, strict=True)]
    count, tags = len(trailers), scores[0].probabilities.shape[1]
    truth = np.array([[tag in one.truth for tag in range(tags)] for one in trailers])
    drawn = np.random.default_rng(0).integers(count, size=(RESAMPLES, count))
    draws = np.vstack([np.arange(count), drawn])  # the trailers as they are, then drawn anew

    def judged(weights: Callable[[TagScores, Pictures], Doubles]) -> dict[str, Doubles]:
        found = np.array([weights(*one) for one in zip(scores, frames, strict=True)])
        return figures(hits(found, truth)[draws].mean(1))

    def compared(other: dict[str, Doubles]) -> dict[str, Any]:
        return {key: {**_told(other[key]), "gain": _told(other[key] - published[key])} for key in COMPARED}

    published = judged(_published)
    return {
        "synthetic": SYNTHETIC,
        "trailers": count,
        "tags": tags,
        "right_tags": float(truth.sum(1).mean()),
        "shots_made": float(np.mean([len(one.shots) for one in trailers])),
        "shots_found": float(np.mean([len(found) for found in frames])),
        "published": {key: _told(values) for key, values in published.items()},
        "perfect": figures(hits(truth.astype(float), truth).mean(0)),
        "random": figures(by_chance(truth)),
        "variants": {name: compared(judged(formula.weights)) for name, formula in VARIANTS.items()},
    }


def _published(scores: TagScores, frames: Pictures) -> Doubles:
    kept = [frame.shot.keyframe.entropy_bits >= MIN_ENTROPY_BITS for frame in frames]
    return ranking.weights(TagScores(scores.probabilities[kept], scores.evidence[kept]))


def _told(values: Doubles) -> dict[str, Any]:
    """What was measured, the first of `values`, and its interval by the others, in which trailers were drawn anew."""
    return {"value": float(values[0]), "interval": np.percentile(values[1:], (2.5, 97.5)).tolist()}


def hits(weights: Doubles, truth: Bools) -> Doubles:
    """Returns of n rankings, W (n, tags) against the right tags (n, tags), (n, 1 + 2 x 3) shares.

    Average precision; how many of the first 3, 5, 10 are right and have a weight, over k; the same over |truth|.
    """
    area = [average_precision(*one) for one in zip(weights, truth, strict=True)]
    right = np.take_along_axis(truth & (weights > 0), np.argsort(-weights, axis=1, kind="stable"), 1)
    counts = np.stack([right[:, :k].sum(1) for k in FIRST], 1)
    return np.column_stack([area, counts / np.array(FIRST), counts / truth.sum(1, keepdims=True)])


def by_chance(truth: Bools) -> Doubles:
    """Returns the mean of `hits` that is to be expected of rankings in random order, (1 + 2 x 3,)."""
    tags, size = truth.shape[1], truth.sum(1)
    harmonic = (1 / np.arange(1, tags + 1)).sum()
    area = (harmonic + (size - 1) / (tags - 1) * (tags - harmonic)) / tags
    return np.array([area.mean(), *[truth.mean()] * len(FIRST), *(k / tags for k in FIRST)])


def figures(mean: Doubles) -> dict[str, Doubles]:
    """Returns by name what the means (7,) or (n, 7) of `hits` amount to, a number or (n,) each.

    `map_at_k` is mean precision, `mar_at_k` mean recall, `f1_at_k` the harmonic mean of these two.
    """
    columns = mean.T
    answer = {"average_precision": columns[0]}
    for place, k in enumerate(FIRST, start=1):
        precision, recall = columns[place], columns[place + len(FIRST)]
        f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
        answer |= {f"map_at_{k}": precision, f"mar_at_{k}": recall, f"f1_at_{k}": f1}
    return answer
