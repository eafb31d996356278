"""Multinomial logistic regression."""

from __future__ import annotations

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
    bound = 0.5 * (x * weight).T @ x + l2 * np.eye(x.shape[1], dtype=np.float32)
    inverse = np.linalg.inv(bound).astype(np.float32)
    known = np.zeros((x.shape[1], tags), np.float32) if prior is None else prior
    head = previous = known
    for step in range(steps):
        ahead = head + step / (step + 3) * (head - previous)
        slope = x.T @ (weight * (softmax(x @ ahead) - truth)) + l2 * (ahead - known)
        previous, head = head, (ahead - inverse @ slope).astype(np.float32)
    return head
