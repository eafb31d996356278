"""Stage 4: features -> tag probabilities.

The head of the source paper: dropout 0.5 (in training), y = ReLU(x W + b), p = softmax(y). It is one
matrix, so it is stored as arrays and computed with numpy; no framework reads or runs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger import arrays
from tagger.errors import BadHead, NonFiniteFeatures
from tagger.records import TagScores
from tagger.vocabulary import Vocabulary

FORMAT = "movietags-head/1"
FEATURES, CLASSES = "features", "classes"  # what a head reads: a network's features, or its class evidence
ANY_NETWORK = "imagenet"  # the backbone of a portable head


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A trained dense layer over one backbone's features, or over the class evidence of one or of any."""

    kernel: NDArray[np.float32]  # (features or classes, tags)
    bias: NDArray[np.float32]  # (tags,)
    trained: tuple[bool, ...]  # per tag: were there examples of it?
    vocabulary_sha256: str
    backbone: str  # identity of the features it was trained on; "imagenet" for a portable one
    backbone_sha256: str  # "" for a portable one
    reads: str = FEATURES

    @property
    def sha256(self) -> str:
        """Digest of the numbers."""
        return arrays.digest([self.kernel, self.bias])

    def scores(self, features: NDArray[np.float32]) -> TagScores:
        """Returns probabilities and evidence of n pictures.

        Args:
            features: float32 (n, d), or class evidence (n, 1000), as trained.

        Raises:
            NonFiniteFeatures: kernel and features overflow.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # said in words below
            evidence = np.maximum(features @ self.kernel + self.bias, 0.0)
        if not np.isfinite(evidence).all():
            raise NonFiniteFeatures("the head's numbers are too large for float32: its vocabulary cannot be used")
        # Subtracting the row's maximum changes nothing in exact arithmetic and keeps exp in range.
        grown = np.exp(evidence - evidence.max(axis=1, keepdims=True))
        return TagScores(grown / grown.sum(axis=1, keepdims=True), evidence)

    def save(self, path: Path, **card: Any) -> None:
        """Writes `path` (.npz) and its .json manifest; `card` adds facts for people (data, figures)."""
        manifest = {
            "format": FORMAT,
            "vocabulary_sha256": self.vocabulary_sha256,
            "backbone": self.backbone,
            "backbone_sha256": self.backbone_sha256,
            "reads": self.reads,
            "layers": ["dense", "relu", "softmax"],
            "trained": list(self.trained),
            **card,
        }
        half = self.kernel.astype(np.float16)
        lossless = np.array_equal(half.astype(np.float32), self.kernel)
        arrays.save(path, {"kernel": half if lossless else self.kernel, "bias": self.bias}, manifest)


def load(path: Path, vocabulary: Vocabulary) -> Head:
    """Returns the head at `path`, checked against its manifest and the vocabulary.

    Raises:
        BadHead: format, sizes, digest or values are wrong; the message names what differs.
    """
    manifest = arrays.read_manifest(path.with_suffix(".json"))
    if manifest.get("format") != FORMAT:
        raise BadHead(f"{path}: format {manifest.get('format')!r}, this version reads {FORMAT!r}")
    if manifest.get("vocabulary_sha256") != vocabulary.sha256:
        raise BadHead(f"{path} was trained for other tags, or another order, than {vocabulary.folder / 'labels.txt'}")
    found = arrays.load(path)
    tags = len(vocabulary.tags)
    if set(found) != {"kernel", "bias"}:
        raise BadHead(f"{path} holds arrays {sorted(found)}, a head has bias and kernel")
    kernel, bias = found["kernel"], found["bias"]
    if kernel.ndim != 2 or kernel.shape[1] != tags or bias.shape != (tags,):
        raise BadHead(f"{path}: kernel {kernel.shape} and bias {bias.shape} do not give {tags} tags")
    trained = manifest.get("trained")
    if not isinstance(trained, list) or len(trained) != tags or not all(type(flag) is bool for flag in trained):
        raise BadHead(f'{path.with_suffix(".json")}: "trained" must say true or false for each of {tags} tags')
    reads = manifest.get("reads", FEATURES)
    if reads not in (FEATURES, CLASSES):
        raise BadHead(f'{path.with_suffix(".json")}: "reads" is {reads!r}, this version knows {FEATURES} and {CLASSES}')
    return Head(
        kernel,
        bias,
        tuple(trained),
        vocabulary.sha256,
        str(manifest.get("backbone")),
        str(manifest.get("backbone_sha256")),
        reads,
    )
