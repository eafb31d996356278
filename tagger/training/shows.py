"""Whether a picture shows anything at all: a regression on what a head reads of pictures and of frames without any.

A head was never told of such frames, and is as sure of what it sees in colour bars as of what it sees in a forest.
"""

from __future__ import annotations

import numpy as np

from tagger.confidence import sigmoid
from tagger.models.head import Dense
from tagger.records import Floats, Ints
from tagger.training.regression import fit

L2 = 0.03  # weight decay, for numbers of deviation 1 as a whole
STEPS = 30  # more change nothing


def learn(pictures: Floats, nothing: Floats) -> Dense:
    """Returns the layer that gives the log odds that a picture shows anything, where both are as common.

    Args:
        pictures: what the head reads of pictures, (n, d).
        nothing: what it reads of frames that show nothing, (m, d).
    """
    x = np.concatenate([nothing, pictures])
    shows: Ints = np.repeat([0, 1], [len(nothing), len(pictures)])
    mean, deviation = x.mean(0), x.std() + 1e-6
    fitted = fit((x - mean) / deviation, shows, 2, L2, steps=STEPS)
    odds = fitted[:, 1] - fitted[:, 0]
    kernel = odds[:-1] / deviation
    return Dense(np.asarray(kernel[:, None], np.float32), np.asarray([odds[-1] - mean @ kernel], np.float32))


def probability(odds: Floats) -> Floats:
    """Returns how probable it is that pictures show anything, of their log odds."""
    return np.asarray(sigmoid(odds.astype(np.float64)), np.float32)
