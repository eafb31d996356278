"""Folds of sources, and intervals over them: how heads are asked about sources that they have not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from tagger.records import Ints

FOLDS = 10
RESAMPLES = 1000  # of the sources, for the 95 % intervals


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
