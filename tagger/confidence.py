"""How probable it is that a film really shows a tag (pure numpy).

    q_ij = p_ij s_j                                            s_j: how probable it is that keyframe j shows anything
    confidence_i = sigmoid(a_i + b logit(m_i) + c logit(t_i))  m_i: mean of q_ij, t_i: mean of their strongest twentieth

Both means are of how the q_ij of a tag are spread: the same film a hundred times over has the same confidence, and a
long film is sure of no more for having many shots. a, b and c are learned from made-up films whose tags are known
(`tagger.training.films`) and lie with the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

import numpy as np

from tagger.records import Doubles, TagScores
from tagger.video_info import Amount

PART = 0.05  # of the keyframes: a film that shows a tag shows it in so many, a short one in one
DIGITS = 4  # after the point: what is told apart; whatever comes after depends on how many were added up
TINY = 1e-4  # keeps odds finite


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns a head's scores of a film's keyframes into confidence."""

    mean: Amount
    """b, of the mean."""
    strongest: Amount
    """c, of the mean of the strongest twentieth."""
    offsets: tuple[float | None, ...]
    """a, one for each tag; None where the head knows nothing of the tag: confidence 0."""


def log_odds(p: Doubles) -> Doubles:
    """Returns log(p / (1 - p)), finite throughout."""
    p = np.clip(p, TINY, 1 - TINY)
    return np.asarray(np.log(p / (1 - p)), np.float64)


def sigmoid(x: Doubles) -> Doubles:
    """Returns 1 / (1 + exp(-x)); cannot overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), np.float64)


def strongest(p: Doubles) -> Doubles:
    """Returns the mean (tags,) of the strongest `PART` of n keyframes' p (n, tags), n > 0; one counts in part."""
    count = PART * len(p)
    whole = floor(count + TINY)
    falling = -np.sort(-p, axis=0)
    left = max(0.0, count - whole)
    return np.asarray((falling[:whole].sum(axis=0) + left * falling[min(whole, len(p) - 1)]) / count, np.float64)


def described(scores: TagScores) -> Doubles:
    """Returns what confidence is computed from, (tags, 2), of at least one keyframe: logit(m_i) and logit(t_i)."""
    q = scores.probabilities.astype(np.float64)
    if scores.shows is not None:
        q = q * scores.shows[:, None]
    return np.stack([log_odds(q.mean(axis=0)), log_odds(strongest(q))], axis=1)


def confidence(scores: TagScores, calibration: Calibration) -> Doubles:
    """Returns float64 (tags,), 0 to 1, to `DIGITS` digits; 0 throughout where no keyframe was kept.

    Args:
        scores: of the kept keyframes, in any order.
        calibration: of the head that gave them.
    """
    if not len(scores.probabilities):
        return np.zeros(len(calibration.offsets))
    known = np.array([offset is not None for offset in calibration.offsets])
    offsets = np.array([offset or 0.0 for offset in calibration.offsets])
    found = sigmoid(described(scores) @ np.array([calibration.mean, calibration.strongest]) + offsets)
    return np.where(known, found, 0.0).round(DIGITS)
