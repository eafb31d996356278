"""How probable it is that a film really shows a tag (pure numpy).

    confidence_i = sigmoid(a_i + sum_k b_k f_ik)

f_ik describe how the probabilities of tag i are spread over the kept keyframes: the same film twice over, or a hundred
times, has the same confidence. What a_i and b_k are is learned from films whose tags are known, and lies with the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tagger.records import Doubles, TagScores

SURE = 0.5  # a tag of this confidence or more is one that the film shows; with none, nothing is sure
TINY = 1e-6  # keeps odds finite


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns a head's scores of a film's keyframes into confidence."""

    weights: tuple[float, ...]
    """One for each of `described`."""
    offsets: tuple[float, ...]
    """One for each tag of the vocabulary."""


def described(scores: TagScores) -> Doubles:
    """Returns (tags, features) of at least one keyframe: log odds of the mean probability."""
    mean = np.clip(scores.probabilities.mean(axis=0, dtype=np.float64), TINY, 1 - TINY)
    return np.log(mean / (1 - mean))[:, None]


def confidence(scores: TagScores, calibration: Calibration) -> Doubles:
    """Returns float64 (tags,), 0 to 1; 0 throughout where no keyframe was kept.

    Args:
        scores: of the kept keyframes, in any order.
        calibration: of the head that gave them.
    """
    tags = scores.probabilities.shape[1]
    if not len(scores.probabilities):
        return np.zeros(tags)
    told = described(scores) @ np.array(calibration.weights) + np.array(calibration.offsets)
    return np.asarray(0.5 * (1 + np.tanh(0.5 * told)), np.float64)
