"""Heads by multinomial logistic regression, and how they are asked about sources that they have not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from tagger.records import Floats, Ints
from tagger.training.calibration import softmax

FOLDS = 10
STEPS = 60  # down to the bottom
RESAMPLES = 1000  # of the sources, for the 95 % intervals


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


def source_folds(source: Ints, folds: int = FOLDS) -> Ints:
    """Returns the fold (n,) of each picture: whole sources, the largest first, each to the emptiest fold."""
    load, fold_of = np.zeros(folds), {}
    for name, count in Counter(source.tolist()).most_common():
        fold_of[name] = int(load.argmin())
        load[fold_of[name]] += count
    return np.array([fold_of[name] for name in source.tolist()])


def interval(value: Callable[[Ints], float], source: Ints, resamples: int = RESAMPLES) -> list[float]:
    """Returns the 95 % interval of `value` (of picture indices) when the sources are drawn anew, with replacement."""
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(source == s) for s in np.unique(source)]
    drawn = [rng.integers(len(members), size=len(members)) for _ in range(resamples)]
    values = [value(np.concatenate([members[i] for i in draw])) for draw in drawn]
    return [float(v) for v in np.nanpercentile(values, (2.5, 97.5))]
