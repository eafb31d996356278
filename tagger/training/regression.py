"""Multinomial logistic regression."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tagger.records import Floats, Ints
from tagger.training.calibration import softmax

STEPS = 60  # down to the bottom


def fit(
    x: Floats,
    tag: Ints,
    tags: int,
    l2: float,
    prior: Floats | None = None,
    steps: int = STEPS,
    counts: Floats | None = None,
    alike: Floats | None = None,
) -> Floats:
    """Returns the head (d + 1, tags), bias last, of least class-balanced cross entropy plus `l2` / 2 |W - prior|^2.

    Newton's steps with Boehning's fixed bound of the Hessian (1992), sped up by Nesterov's momentum.

    Args:
        x: (n, d).
        tag: (n,) index of each row's tag.
        tags: how many there are.
        l2: the weight decay.
        prior: (d + 1, tags) what the head is where pictures say nothing; zeros by default.
        steps: Newton's.
        counts: (n,) how much each row counts among those of its tag; all alike by default.
        alike: (tags, tags) what a row of each tag is to be answered with; its own tag alone by default.
    """
    x = np.concatenate([x, np.ones((len(x), 1), np.float32)], 1)
    own = np.eye(tags, dtype=np.float32)[tag]
    truth = own if alike is None else alike[tag]
    share = own if counts is None else own * counts[:, None]
    weight = (share / np.maximum(share.sum(0), np.finfo(np.float32).tiny)).sum(1, keepdims=True) / tags
    step_down = _inverse(x * np.sqrt(weight / 2), l2)
    known = np.zeros((x.shape[1], tags), np.float32) if prior is None else prior
    head = previous = known
    for step in range(steps):
        ahead = head + step / (step + 3) * (head - previous)
        slope = x.T @ (weight * (softmax(x @ ahead) - truth)) + l2 * (ahead - known)
        previous, head = head, (ahead - step_down(slope)).astype(np.float32)
    return head


def _inverse(rows: Floats, l2: float) -> Callable[[Floats], Floats]:
    """What multiplies by the inverse of rows' rows + l2; of few rows without so large a matrix (Woodbury)."""
    if 2 * len(rows) >= rows.shape[1]:
        inverse = np.linalg.inv(rows.T @ rows + l2 * np.eye(rows.shape[1], dtype=np.float32)).astype(np.float32)
        return lambda slope: inverse @ slope
    few = rows.astype(np.float64)  # a small difference of large numbers is taken
    inner = np.linalg.inv(few @ few.T + l2 * np.eye(len(few)))
    return lambda slope: np.asarray((slope - few.T @ (inner @ (few @ slope))) / l2, np.float32)
