"""Labelled pictures, where each came from, and what networks see in them.

A folder holds one sub-folder per tag, named by slug; a file name is SOURCE__NUMBER.jpg. Figures are honest only
across sources: pictures of one collection look alike, and a head that saw some knows the others.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from tagger.images import Pixels, without_bars
from tagger.knowledge import teach, views
from tagger.knowledge.kept import Key, kept
from tagger.records import Bools, Floats, Ints
from tagger.training import copies

SOURCES_MIN = 3
LARGEST_SOURCE_MAX = 0.9  # share of a tag's pictures
VIEWS = 2  # of each picture: whole, and disturbed, so that no source is known by its sharpness
BATCH = 48  # pictures at a time


log = logging.getLogger(__name__)


class FeatureNetwork(Protocol):
    """What gives features of pictures: a `tagger.models.backbone.Backbone`, for one."""

    @property
    def input_size(self) -> int:
        """Pixels, square."""
        ...

    @property
    def identity(self) -> str:
        """What its features are."""
        ...

    @property
    def sha256(self) -> str:
        """Digest of its numbers."""
        ...

    def features(self, pictures: Sequence[Pixels]) -> Floats:
        """What it sees in n pictures of any size, (n, d)."""
        ...


@dataclass(frozen=True, slots=True)
class Labelled:
    """n pictures of the tags of a vocabulary."""

    paths: tuple[Path, ...]
    slugs: tuple[str, ...]  # of all tags of the vocabulary
    tag: Ints  # (n,) index into the vocabulary
    source: Ints  # (n,)
    near: Bools  # (n, n) near copies of one another, itself among them
    held_out: Bools  # (n,) never seen by the compact backbone's training

    @property
    def tags(self) -> int:
        """How many tags the vocabulary has."""
        return len(self.slugs)

    @property
    def right(self) -> Bools:
        """Which tags count as right for each picture, (n, tags): its own and those of its near copies."""
        own = np.eye(self.tags, dtype=np.float32)[self.tag]
        return np.asarray((self.near.astype(np.float32) @ own) > 0)

    @property
    def fair(self) -> Bools:
        """Which tags (tags,) have at least three sources, none with over nine tenths of their pictures."""
        answer = np.zeros(self.tags, bool)
        for tag in np.unique(self.tag):
            sources = Counter(self.source[self.tag == tag].tolist())
            answer[tag] = len(sources) >= SOURCES_MIN and max(sources.values()) <= LARGEST_SOURCE_MAX * sources.total()
        return answer

    def counts(self, power: float) -> Floats:
        """Returns how much each picture (n,) counts: 1 / (pictures of its source under its tag) ^ power.

        At 0 a source counts as much as it has pictures, at 1 all sources of a tag count alike.
        """
        _, place, size = np.unique(np.stack([self.tag, self.source]), axis=1, return_inverse=True, return_counts=True)
        return np.asarray(size[place.ravel()] ** -power, np.float32)

    def among(self, chosen: Bools) -> Labelled:
        """Returns the pictures `chosen` (n,) alone."""
        paths = tuple(path for path, taken in zip(self.paths, chosen, strict=True) if taken)
        near = self.near[np.ix_(chosen, chosen)]
        return Labelled(paths, self.slugs, self.tag[chosen], self.source[chosen], near, self.held_out[chosen])


def collect(folder: Path, slugs: tuple[str, ...]) -> Labelled:
    """Returns every picture below `folder` whose sub-folder is one of `slugs`.

    Raises:
        ValueError: a file is no picture.
    """
    paths = [path for path in views.pictures([folder]) if path.parent.name in slugs and "__" in path.name]
    sources = sorted({_source(path) for path in paths})
    hidden = teach.held_out_fingerprints(folder)
    stamps = np.array([copies.fingerprint(read(path)) for path in paths], np.uint64)
    return Labelled(
        tuple(paths),
        slugs,
        np.array([slugs.index(path.parent.name) for path in paths]),
        np.array([sources.index(_source(path)) for path in paths]),
        copies.near(stamps, stamps),
        np.asarray(copies.near(stamps, hidden).any(1)),
    )


def _source(path: Path) -> str:
    return path.name.split("__")[0]


def read(path: Path) -> Pixels:
    """Returns the pixels (h, w, 3) of a picture, RGB.

    Raises:
        ValueError: the file is no picture.
    """
    picture = views.read(path)
    if picture is None:
        raise ValueError(f"{path} is no picture: take it out of the folder")
    return picture


def features_of(pictures: Labelled, network: FeatureNetwork, cache: Path | None = None) -> Floats:
    """Returns what `network` sees in the views of each picture, (n, VIEWS, d): whole first, as frames are prepared.

    With a `cache` folder the answer is kept there, by the numbers of the network and the names of the pictures.
    """
    names = "\n".join(f"{path.parent.name}/{path.name}" for path in pictures.paths)
    key: list[Key] = [f"{network.sha256} {network.input_size} {VIEWS}\n{names}"]
    return kept(cache, key, lambda: _features_of(pictures, network))


def _features_of(pictures: Labelled, network: FeatureNetwork) -> Floats:
    rng = np.random.default_rng(0)
    parts = []
    for start in range(0, len(pictures.paths), BATCH):
        batch: list[Pixels] = []
        for path in pictures.paths[start : start + BATCH]:
            whole = without_bars(read(path))
            batch += [whole, *(views.disturb(whole, network.input_size, rng) for _ in range(VIEWS - 1))]
        parts.append(network.features(batch))
        if start % (BATCH * 20) == 0:
            log.info("%d of %d pictures seen", start, len(pictures.paths))
    return np.concatenate(parts).reshape(len(pictures.paths), VIEWS, -1)
