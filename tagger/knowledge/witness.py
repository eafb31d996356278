"""Networks that know the 1000 classes of ImageNet, as witnesses of what is in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tagger.images import Pixels, squash
from tagger.knowledge.labelled import FeatureNetwork
from tagger.models import arrays, registry
from tagger.models.evidence import CLASS_COUNT, Classifier
from tagger.models.packaged import PackagedFile
from tagger.records import Floats

BATCH = 16  # pictures; larger batches fall out of a processor's cache
# What SqueezeNet was trained on: RGB from 0 to 1, less the mean of ImageNet, by its deviation.
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """A network, its kin, and its last layer."""

    name: str
    family: str  # networks that learned alike: a map learned on one of them knows its kin
    network: FeatureNetwork
    classifier: Classifier | None  # None: what it sees are the classes already
    embedded: bool = False  # the one that is taught; the others are its teachers
    native: bool = False  # its numbers are the same everywhere: it gets a head of its own

    def logits(self, seen: Floats) -> Floats:
        """Returns the evidence (..., 1000) for each class in what the network has seen (..., d)."""
        return self.classifier.logits(seen) if self.classifier else seen


class OnnxNetwork:
    """SqueezeNet from an ONNX file: its features are its 1000 logits."""

    input_size, identity = 224, "squeezenet/logits"

    def __init__(self, file: Path) -> None:
        """Reads the network."""
        import onnxruntime

        self._session = onnxruntime.InferenceSession(file)
        self._input = self._session.get_inputs()[0].name
        self.sha256 = arrays.digest([np.fromfile(file, np.uint8)])

    def features(self, pictures: Sequence[Pixels]) -> Floats:
        """Returns the logits (n, 1000) of pictures of any size."""
        parts = []
        for start in range(0, len(pictures), BATCH):
            batch = np.stack([squash(picture, self.input_size) for picture in pictures[start : start + BATCH]])
            x = (batch.astype(np.float32) / 255 - MEAN) / DEVIATION
            said = self._session.run(None, {self._input: np.ascontiguousarray(x.transpose(0, 3, 1, 2))})
            parts.append(next(y.reshape(len(y), -1) for y in said if y.size == CLASS_COUNT * len(y)))
        return np.concatenate(parts)


def load(name: str, file: Path | None) -> Witness:
    """Returns the witness of a name (`mobilenetv2`, or any for an .onnx file) with the weights in `file`.

    Args:
        name: of a backbone, or any for an ONNX file.
        file: of its weights; None: the package's that holds them.

    Raises:
        BadWeights: the file does not fit the network.
        WeightsMissing: its package is not installed.
    """
    if file and file.suffix == ".onnx":
        return Witness(name, name, OnnxNetwork(file), None)
    network, entry = registry.load(name, file, BATCH), registry.entry(name)
    packaged = any(isinstance(published, PackagedFile) for published in entry.published)
    return Witness(name, entry.family or name, network, network.classifier, entry.shipped is not None, packaged)
