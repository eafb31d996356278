"""Figures with their 95 % intervals, from resamples of what they stand on."""

from __future__ import annotations

import math

import numpy as np

from tagger.measured import Estimate
from tagger.records import Doubles

PERCENTILES = (2.5, 97.5)
NORMAL = 1.96  # standard deviations that hold 95 %
ALIKE = 1e-9  # resamples that differ by less are the same


def interval(value: float, resampled: Doubles, drawn: int) -> Estimate:
    """Returns a figure with the interval of what its resamples give; some may give nothing (NaN), and if all do: none.

    Where all give the same, as where every answer is right, they would promise that it is so for all others. Then it
    is Wilson's interval (1927) of a share among as many as were drawn.

    Args:
        value: 0 to 1.
        resampled: (b,).
        drawn: independent things of which each resample is made.
    """
    known = resampled[~np.isnan(resampled)]
    low, high = np.percentile(known, PERCENTILES) if len(known) else (np.nan, np.nan)
    if high - low < ALIKE:
        centre, around = value + NORMAL**2 / (2 * drawn), value * (1 - value) / drawn + (NORMAL / (2 * drawn)) ** 2
        half = NORMAL * math.sqrt(max(around, 0.0))
        low, high = ((centre + side) / (1 + NORMAL**2 / drawn) for side in (-half, half))
        low, high = min(low, value), max(high, value)  # but for rounding
    return Estimate(value, float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1)))
