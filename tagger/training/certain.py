"""Confidence for a head that was just trained, by the pictures that it did not learn from: validation and test part.

Needs features of the very network that the head reads, so there is none where the backbone was trained too.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from tagger.confidence import Calibration
from tagger.images import Pixels, without_bars
from tagger.models.backbone import Backbone
from tagger.models.head import Dense, Head
from tagger.records import SURE, Floats, TagScores
from tagger.training import nothings, shows, sure
from tagger.training.dataset import Dataset
from tagger.training.features import read_again
from tagger.training.films import PICTURES_MIN, Answers, films
from tagger.training.splits import Split
from tagger.training.store import Store

HELD_OUT_MIN = 10  # pictures of a tag that were not learned from: with fewer it has what all tags have in common
TAGS_MIN = 2  # that have so many
EACH = 8  # frames of each kind that shows nothing
TINY_OF = 24  # pictures that are made tiny
FILMS = 1500
HALVES = 2  # of pictures and of kinds of frames: each is judged by what was learned from the other


@dataclass(frozen=True, slots=True, eq=False)
class Certainty:
    """What makes a head sure."""

    shows: Dense
    calibration: Calibration
    figures: dict[str, Any]  # ready for JSON


def learn(
    data: Dataset, rows: Floats, split: Split, head: Head, base: Backbone, store: Store, seed: int
) -> Certainty | None:
    """Returns what makes a head sure; None where too few pictures were held out.

    Args:
        data: n pictures.
        rows: what the head reads of them, (n, d): features of `base`.
        split: of the n pictures.
        head: that learned from the training part.
        base: the backbone.
        store: where features of frames that show nothing are kept.
        seed: of everything random.
    """
    places = np.concatenate([split.validation, split.test])
    right = data.right[places]
    drawn, group = right & (right.sum(0) >= HELD_OUT_MIN), data.family[places] % HALVES
    tags = [np.count_nonzero(drawn[group == half].sum(0) >= PICTURES_MIN) for half in range(HALVES)]
    if min(tags) < TAGS_MIN:
        return None
    held_out = head.scores(rows[places])
    pictures, learned_from = rows[places], rows[split.train]
    blank = _blank(data, split, base, store, seed)
    kind = np.arange(len(blank)) // EACH
    halves = [shows.learn(learned_from, blank[kind % HALVES != half]) for half in range(HALVES)]
    strange = np.stack([layer(blank)[:, 0] for layer in halves])[kind % HALVES, np.arange(len(blank))]
    whole = shows.learn(learned_from, blank)
    nothing = head.scores(blank)
    answers = Answers(
        TagScores(held_out.probabilities, held_out.evidence, shows.probability(whole(pictures)[:, 0])),
        right,
        drawn,
        group,
        TagScores(nothing.probabilities, nothing.evidence, shows.probability(strange)),
        kind,
    )
    return Certainty(whole, *_fitted(answers, seed))


def _fitted(answers: Answers, seed: int) -> tuple[Calibration, dict[str, Any]]:
    """How scores become confidence, and what that is worth: each half judged by what was learned from the other."""
    rng, trained = np.random.default_rng(seed), np.ones(answers.right.shape[1], bool)
    halves = [answers.with_nothing(answers.kind % HALVES == half) for half in range(HALVES)]
    made = [films(half, [place], FILMS, rng) for place, half in enumerate(halves)]
    known = answers.known
    crossed = [(sure.found(judged, sure.fit([other], known, trained)), judged) for other, judged in permutations(made)]
    facts = sure.told(crossed, known)
    alarms = np.concatenate([(found[films_of.nothing] >= SURE).any(1) for found, films_of in crossed])
    facts["nothing"] = {"films": len(alarms), "with_anything_sure": float(alarms.mean())}
    return sure.fit(made, known, trained), facts


def _blank(data: Dataset, split: Split, base: Backbone, store: Store, seed: int) -> Floats:
    """Features (m, d) of frames that show nothing, `EACH` of each kind; those of tiny pictures come last."""
    rng = np.random.default_rng(seed)
    some = rng.permutation(split.train)[:TINY_OF]
    tiny = nothings.tiny([read_again(data.paths[place]) for place in some])
    keys = [f"{seed} {data.digest} {number}".encode() for number in range(EACH * (len(nothings.LEARNED) + 1))]
    known = store.get(keys)
    if any(len(known.get(key, b"")) != 4 * base.feature_count for key in keys):
        frames: list[Pixels] = []
        for draw in (*nothings.LEARNED, tiny):
            frames += [without_bars(frame) for frame in nothings.frames([draw], EACH, rng)]
        parts = [base.features(frames[at : at + base.batch_size]) for at in range(0, len(frames), base.batch_size)]
        known = {key: row.tobytes() for key, row in zip(keys, np.concatenate(parts), strict=True)}
        store.put(known)
    return np.stack([np.frombuffer(known[key], np.float32) for key in keys])
