"""Stage 5: tag scores of a film's keyframes -> its ranked tags (pure numpy).

    W_i = (n_i / N) * sum_j P_ij        R_i = (W_i - W_min) / (W_max - W_min)

N kept keyframes, P_ij the probability of tag i in keyframe j, n_i the number of keyframes that have
tag i among their top three (Khan, Ejaz, Martinez-del-Amor and Sparenberg, AVSS 2017).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tagger.records import DIGITS, TOP_TAGS, Doubles, RankedTag, ScannedShot, ShotTag, TaggedShot, TagScores
from tagger.vocabulary import Vocabulary


def top_tags(scores: TagScores) -> NDArray[np.bool_]:
    """Returns bool (n, tags): the up to three most probable tags of each picture that have evidence.

    Where ReLU left no evidence (y = 0) nothing is a top tag; ties go to the earlier tag.
    """
    order = np.argsort(-scores.evidence, axis=1, kind="stable")[:, :TOP_TAGS]
    chosen = np.zeros(scores.evidence.shape, bool)
    np.put_along_axis(chosen, order, True, axis=1)
    return chosen & (scores.evidence > 0)


def shot_tags(scores: TagScores, vocabulary: Vocabulary) -> list[tuple[ShotTag, ...]]:
    """Returns for each picture its top tags with their probabilities, best first."""
    slugs = vocabulary.slugs
    answer = []
    for chosen, shares in zip(top_tags(scores), scores.probabilities, strict=True):
        best = sorted(np.flatnonzero(chosen), key=lambda tag: (-shares[tag], tag))
        answer.append(tuple(ShotTag(slugs[tag], float(shares[tag])) for tag in best))
    return answer


def shot_probabilities(scores: TagScores) -> list[tuple[float, ...]]:
    """Returns for each picture the probability of every tag, in the vocabulary's order, to `DIGITS` digits."""
    one: dict[float, float] = {}  # a number that comes again is the same object: a long film has half a million
    rows = (row.astype(np.float64).round(DIGITS).tolist() for row in scores.probabilities)
    return [tuple(one.setdefault(share, share) for share in row) for row in rows]


def tagged_shots(shots: Sequence[ScannedShot], scores: TagScores, vocabulary: Vocabulary) -> tuple[TaggedShot, ...]:
    """Returns shots with the tags of their keyframes, of which only the kept ones have any.

    Args:
        shots: of a film.
        scores: of those whose keyframe is kept, in their order.
        vocabulary: names the columns.
    """
    of_kept = zip(shot_tags(scores, vocabulary), shot_probabilities(scores), strict=True)
    return tuple(
        TaggedShot(
            shot.index, shot.start_s, shot.end_s, shot.start_frame, shot.end_frame, shot.keyframe,
            *(next(of_kept) if shot.keyframe.kept else ((), ())),
        )
        for shot in shots
    )  # fmt: skip


def weights(scores: TagScores) -> NDArray[np.float64]:
    """Returns W, float64 (tags,), each from 0 to N; all 0 where no keyframe was kept."""
    kept = len(scores.probabilities)
    if kept == 0:
        return np.zeros(scores.probabilities.shape[1])
    shares = scores.probabilities.astype(np.float64)
    return np.asarray(top_tags(scores).sum(axis=0) / kept * shares.sum(axis=0), np.float64)


def min_max(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the values stretched to [0, 1]; all 0 where they are all equal."""
    low, high = values.min(), values.max()
    if high == low:
        return np.zeros_like(values)
    stretched: NDArray[np.float64] = (values - low) / (high - low)
    return stretched


def rank(
    scores: TagScores, vocabulary: Vocabulary, answered_by: tuple[str, ...], confidence: Doubles | None = None
) -> tuple[RankedTag, ...]:
    """Returns every tag of the vocabulary, best first; ties keep the vocabulary's order.

    Args:
        scores: of the kept keyframes, in any order.
        vocabulary: names the columns.
        answered_by: per tag, what its probability comes from; "" where nothing knows it.
        confidence: per tag, how probable it is that the film shows it; None: nothing says so.
    """
    weight = weights(scores)
    score = min_max(weight)
    frames = top_tags(scores).sum(axis=0)
    kept = max(1, len(scores.probabilities))
    mean = scores.probabilities.sum(axis=0, dtype=np.float64) / kept
    slugs = vocabulary.slugs
    # Tags without weight are ordered by what probability they have, but one that was never trained
    # has only the constant of its output there, so it comes last.
    order = sorted(range(len(weight)), key=lambda i: (-weight[i], not answered_by[i], -mean[i], i))
    return tuple(
        RankedTag(
            place,
            vocabulary.tags[i],
            slugs[i],
            float(score[i]),
            float(weight[i]),
            int(frames[i]),
            float(mean[i]),
            bool(answered_by[i]),
            answered_by[i],
            None if confidence is None else float(confidence[i]),
        )
        for place, i in enumerate(order, start=1)
    )
