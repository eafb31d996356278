"""Two networks that look together: what both see stands side by side, and a head on that averages what each would say.

`best` is EfficientNet-Lite0 and -Lite2: better than either, as slow as both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tagger.errors import BadWeights
from tagger.images import Pixels
from tagger.models import efficientnet_lite
from tagger.models.backbone import Backbone, Facts, whole_sha256
from tagger.models.entry import Entry, Published
from tagger.models.evidence import CLASS_COUNT, Classifier, class_evidence
from tagger.records import Floats

NAME = CHOICES = "best"
PARTS = ("efficientnet-lite0", "efficientnet-lite2")
# The squares that it is given are as many times as large as those of its largest part, which each part shrinks by
# itself: networks see much less in pictures that were resized twice to about the same size.
ROOM = 2


@dataclass(frozen=True, slots=True)
class AllOf:
    """Several published files that are of use only together."""

    files: tuple[Published, ...]

    @property
    def name(self) -> str:
        """Their names."""
        return " + ".join(file.name for file in self.files)

    @property
    def size_mb(self) -> int:
        """About how large they are together, in MB (10^6 bytes)."""
        return sum(file.size_mb for file in self.files)

    @property
    def here(self) -> Path | None:
        """Where the first is, if all are here."""
        return self.files[0].here if all(file.here for file in self.files) else None

    @property
    def wanted(self) -> str:
        """How those that are missing get here, for people."""
        return " && ".join(file.wanted for file in self.files if not file.here)

    def fetch(self, backbone: str) -> Path:
        """Returns where the first is; raises WeightsMissing."""
        first, *_ = [file.fetch(backbone) for file in self.files]
        return first

    def verify(self) -> str:
        """Returns "ok"; raises WeightsMissing, BadWeights."""
        return " + ".join(dict.fromkeys(file.verify() for file in self.files))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ensemble(Facts):
    """Networks whose features and class evidence stand side by side."""

    parts: tuple[Backbone, ...]

    def features(self, pictures: Sequence[Pixels]) -> Floats:
        """Returns float32 (n, d): of each network its features and then its class evidence."""
        columns = []
        for part in self.parts:
            seen = part.features(pictures)
            columns += [seen, class_evidence(_classifier(part).logits(seen))]
        return np.concatenate(columns, 1)


def _classifier(part: Backbone) -> Classifier:
    if part.classifier is None:
        raise BadWeights(f"{part.source}: has no classifier, whose evidence an ensemble gives")
    return part.classifier


def together(name: str, parts: Sequence[Backbone]) -> Ensemble:
    """Returns networks, each with its classifier, as one.

    Raises:
        BadWeights: one came without.
    """
    for part in parts:
        _classifier(part)
    return Ensemble(
        name=name,
        identity=f"{'+'.join(part.name for part in parts)}/avg_pool+classes",
        sha256=hashlib.sha256(" ".join(map(whole_sha256, parts)).encode()).hexdigest(),
        source=" + ".join(part.source for part in parts),
        input_size=ROOM * max(part.input_size for part in parts),
        feature_count=sum(part.feature_count + CLASS_COUNT for part in parts),
        parameters=sum(part.parameters for part in parts),
        batch_size=min(part.batch_size for part in parts),
        device=parts[0].device,
        parts=tuple(parts),
    )


def entry(name: str) -> Entry:
    """Returns the row of the ensemble.

    Raises:
        KeyError: that is not its name.
    """
    rows = [efficientnet_lite.entry(part) for part in {NAME: PARTS}[name]]
    file = AllOf(tuple(row.published[0] for row in rows))
    count = sum(row.feature_count + CLASS_COUNT for row in rows)
    size = ROOM * max(row.input_size for row in rows)
    return Entry(name, size, count, partial(load, name), "ImageNet weights", None, (file,), efficientnet_lite.FAMILY)


def entries() -> tuple[Entry, ...]:
    """Returns its row alone."""
    return (entry(NAME),)


def load(name: str, file: Path | None, batch_size: int | None, device: str, precision: str) -> Ensemble:
    """Returns the ensemble with the weights of its packages.

    Raises:
        BadWeights: a file is named in their place, or a package's is not the one that was published.
        WeightsMissing: a package is not installed.
    """
    if file:
        raise BadWeights(f"{file}: backbone {name} is made of {' and '.join(PARTS)}: take one of these with --backbone")
    return together(name, [efficientnet_lite.entry(part).open(None, batch_size, device, precision) for part in PARTS])
