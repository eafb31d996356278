"""Made-up films, as draws of answers about single pictures whose tags are known: what confidence is learned from.

A film is of the pictures of one group (of sources), 3 to 2,000 keyframes: of one to six tags, at most a quarter of all,
of others among them, and of frames that show nothing; scenes come again. A tag is true of it if a twentieth of its
keyframes carry it, or one of a short film. One film in ten shows nothing: 1 to 20 frames, of one kind or of several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from tagger.confidence import PART, described
from tagger.records import Bools, Doubles, Floats, Ints, TagScores

NOTHING_SHARE = 0.1  # of the films show nothing,
NOTHING_FRAMES = (1, 20)  # in so many keyframes
KEYFRAMES = (3, 2000)  # of the others, on a logarithmic scale
TAGS_MAX, TAGS_PART = 6, 0.25  # so many tags a film is about at most, and that share of those there are
TAG_SHARE = (0.05, 0.6)  # of the keyframes, before all shares are made to sum to 1
OTHERS_MAX = 0.6  # share of keyframes with pictures of any tags
BETWEEN_MAX = 0.3  # share of those that show nothing, in every other film
AGAIN_MAX = 8.0  # times that a picture comes on average
PICTURES_MIN = 2  # of a tag in a group, so that films are about it


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a head says of pictures that it did not learn from."""

    scores: TagScores
    """Of n pictures."""
    right: Bools
    """(n, tags): their tags."""
    drawn: Bools
    """(n, tags): those that films are made about with the picture."""
    group: Ints
    """(n,): films are of one group."""
    nothing: TagScores
    """Of m frames that show nothing."""
    kind: Ints
    """(m,): of what kind they are."""

    def with_nothing(self, among: Bools) -> Answers:
        """Returns the same with only those frames `among` (m,) that show nothing."""
        rows = self.nothing
        shows = None if rows.shows is None else rows.shows[among]
        nothing = TagScores(rows.probabilities[among], rows.evidence[among], shows)
        return replace(self, nothing=nothing, kind=self.kind[among])

    @property
    def known(self) -> Bools:
        """Which tags (tags,) there are films about."""
        return np.asarray(self.drawn.sum(0) >= PICTURES_MIN)


@dataclass(frozen=True, slots=True, eq=False)
class Films:
    """What confidence is computed from in each film, and what is true of it."""

    described: Doubles
    """(films, tags, 2), as of `tagger.confidence`."""
    truth: Bools
    """(films, tags)."""
    keyframes: Ints
    """(films,)."""
    nothing: Bools
    """(films,): it shows nothing."""


def films(answers: Answers, groups: Sequence[int], count: int, rng: Generator) -> Films:
    """Returns made-up films of pictures of these groups, in turn."""
    stocks = [_stock(answers, group) for group in groups]
    stocks = [stock for stock in stocks if stock]
    found: list[tuple[Doubles, Bools, int, bool]] = []
    for number in range(count):
        nothing = not stocks or rng.random() < NOTHING_SHARE
        pictures = np.empty(0, int) if nothing else _pictures(stocks[number % len(stocks)], rng)
        between = _nothing(answers.kind, rng) if nothing else _between(len(answers.kind), len(pictures), rng)
        scores = TagScores(
            np.concatenate([answers.scores.probabilities[pictures], answers.nothing.probabilities[between]]),
            np.concatenate([answers.scores.evidence[pictures], answers.nothing.evidence[between]]),
            _shows(answers, pictures, between),
        )
        frames = len(pictures) + len(between)
        true = answers.right[pictures].sum(0) >= max(1.0, PART * frames)
        found.append((described(scores), true, frames, nothing))
    told, truth, keyframes, empty = zip(*found, strict=True)
    return Films(np.array(told), np.array(truth), np.array(keyframes), np.array(empty))


def _stock(answers: Answers, group: int) -> list[Ints]:
    """The pictures of a group, of each tag that has enough."""
    inside = answers.group == group
    found = [np.flatnonzero(inside & answers.drawn[:, tag]) for tag in range(answers.drawn.shape[1])]
    return [pictures for pictures in found if len(pictures) >= PICTURES_MIN]


def _pictures(stock: list[Ints], rng: Generator) -> Ints:
    """The keyframes of a film that show something: of some tags, and of any."""
    keyframes = round(float(np.exp(rng.uniform(*np.log(KEYFRAMES)))))
    most = max(1, min(TAGS_MAX, int(TAGS_PART * len(stock))))
    about = rng.permutation(len(stock))[: rng.integers(1, most, endpoint=True)]
    shares = rng.uniform(*TAG_SHARE, len(about))
    others = rng.uniform(0, OTHERS_MAX)
    counts = rng.multinomial(keyframes, [*(shares / shares.sum() * (1 - others)), others])
    again = np.exp(rng.uniform(0, np.log(AGAIN_MAX)))
    parts = [rng.choice(np.concatenate(stock), counts[-1])]
    for tag, count in zip(about, counts[:-1], strict=True):
        scenes = rng.permutation(stock[tag])[: max(1, round(count / again))]
        parts.append(rng.choice(scenes, count))
    return np.concatenate(parts)


def _between(there: int, pictures: int, rng: Generator) -> Ints:
    """Frames that show nothing, among so many pictures; in every other film."""
    share = rng.uniform(0, BETWEEN_MAX) * (rng.random() < 0.5)
    return rng.integers(there, size=round(pictures * share / (1 - share)) if there else 0)


def _nothing(kind: Ints, rng: Generator) -> Ints:
    """The keyframes of a film that shows nothing, of one kind or, in every other film, of several."""
    among = np.flatnonzero(kind == rng.choice(kind)) if rng.random() < 0.5 else np.arange(len(kind))
    return rng.choice(among, rng.integers(*NOTHING_FRAMES, endpoint=True))


def _shows(answers: Answers, pictures: Ints, between: Ints) -> Floats | None:
    if answers.scores.shows is None or answers.nothing.shows is None:
        return None
    return np.concatenate([answers.scores.shows[pictures], answers.nothing.shows[between]])
