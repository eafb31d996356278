"""What a head's logits are divided by and raised by, so that its probabilities mean what they say.

    softmax   y = ReLU(z / temperature + offset), p = softmax(y)
    sigmoid   p = sigmoid(z / temperature)

The temperature makes answers as sure as they are right; the offset decides what still counts as evidence. Both
are chosen on pictures that were not learned from.
"""

from __future__ import annotations

import numpy as np

from tagger.records import Bools, Doubles, Floats

TEMPERATURES = np.geomspace(0.25, 4.0, 17)
OFFSETS = np.linspace(-2.0, 8.0, 21)
DOUBT = 10.0  # pictures' worth of belief in temperature 1, so that a few lucky answers make none too sure
FOUND_TOLERANCE = 0.99  # share of the right answers that have evidence
NLL_TOLERANCE = 0.01  # the smallest offset this near to the best: what has no evidence should show none
ROUNDING = 1e-3  # by which the surprise of all pictures together may differ for nothing


def evidence(z: Floats, temperature: float, offset: float) -> Floats:
    """Returns y (n, tags) = ReLU(z / temperature + offset)."""
    return np.asarray(np.maximum(z / temperature + offset, 0), np.float32)


def softmax(y: Floats) -> Floats:
    """Returns the probabilities (n, tags) of the evidence `y`."""
    grown = np.exp(y - y.max(1, keepdims=True))
    return np.asarray(grown / grown.sum(1, keepdims=True), np.float32)


def best(total: Doubles) -> tuple[float, float]:
    """Returns temperature and offset where the surprise (temperatures, offsets) is about the least."""
    fair = _about_least(total.min(axis=0))
    offset = int(np.argmax(fair))
    return float(TEMPERATURES[total[:, offset].argmin()]), float(OFFSETS[offset])


def _about_least(surprise: Doubles) -> Bools:
    """Where the surprise is about the least of all, which may be 0, or by rounding a hair below it."""
    least = surprise.min()
    return np.asarray(surprise <= least + max(abs(least) * NLL_TOLERANCE, ROUNDING))


def for_softmax(z: Floats, right: Bools, weight: Floats) -> tuple[float, float]:
    """Returns the temperature and offset for logits z (n, tags), where the tags `right` are right.

    Of the offsets that surprise about the least, the smallest that does not cost right answers their evidence.
    """
    first = right[np.arange(len(z)), z.argmax(1)]
    total, evident = np.zeros((2, len(TEMPERATURES), len(OFFSETS)))
    for i, temperature in enumerate(TEMPERATURES):
        for j, offset in enumerate(OFFSETS):
            y = evidence(z, temperature, offset)
            total[i, j] = -weight @ np.log((softmax(y) * right).sum(1) + 1e-12)
            evident[i, j] = weight @ (first & (y.max(1) > 0))
    total += DOUBT * np.log(TEMPERATURES)[:, None] ** 2
    at = total.argmin(axis=0), np.arange(len(OFFSETS))  # of each offset the best temperature
    fair = _about_least(total[at])
    fair &= evident[at] >= evident[at][fair].max() * FOUND_TOLERANCE
    offset = int(np.argmax(fair))
    return float(TEMPERATURES[at[0][offset]]), float(OFFSETS[offset])


def for_sigmoid(z: Floats, right: Bools, weight: Floats) -> float:
    """Returns the temperature for logits z (n, tags) of tags that are judged one by one."""
    signed = np.where(right, -z, z)
    total = [weight @ np.logaddexp(0, signed / t).sum(1) for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(total + DOUBT * np.log(TEMPERATURES) ** 2))])
