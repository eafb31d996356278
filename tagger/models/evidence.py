"""Class evidence: what a network says about the 1000 classes of ImageNet, so that networks can be compared.

    l = f K + k                                     logits, from the features f and the network's own last layer
    e = ReLU((l - mean(l)) / deviation(l) - 1/2)    over the classes of each picture

Networks differ in how loud their logits are, by a factor of two and more, and in what they say about classes that are
not there. The first line of any network and the second together leave what they agree on: a head learned on the
evidence of some networks serves others that it never met. What it is worth to them stands on the vocabulary's card.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tagger.records import Floats

CLASS_COUNT = 1000
THRESHOLD_DEVIATIONS = 0.5  # above the mean of the picture's logits


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """The last dense layer of an ImageNet network."""

    kernel: Floats  # (features, 1000)
    bias: Floats  # (1000,)

    def logits(self, features: Floats) -> Floats:
        """Returns float32 (..., 1000) of features (..., d)."""
        return np.asarray(features @ self.kernel + self.bias, np.float32)


def class_evidence(logits: Floats) -> Floats:
    """Returns float32 (..., 1000), not negative, of logits (..., 1000) on any scale; zeros where all are alike."""
    centred = logits - logits.mean(-1, keepdims=True)
    deviation = np.maximum(centred.std(-1, keepdims=True), np.finfo(np.float32).tiny)
    return np.asarray(np.maximum(centred / deviation - THRESHOLD_DEVIATIONS, 0), np.float32)
