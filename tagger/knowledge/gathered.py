"""What every network sees in labelled pictures, and the heads that can be learned from it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tagger.images import Pixels
from tagger.knowledge import heads, labelled, portable, trailers
from tagger.knowledge.regression import FOLDS, source_folds
from tagger.knowledge.witness import Witness
from tagger.models.evidence import class_evidence
from tagger.models.head import ANY_NETWORK, BOTH, CLASSES, Head
from tagger.records import Floats, ShotPicture, TagScores
from tagger.vocabulary import Vocabulary

log = logging.getLogger(__name__)


class Knowledge:
    """What all networks see in all pictures, the embedded network among them."""

    def __init__(self, images: Path, words: Vocabulary, witnesses: Sequence[Witness], cache: Path | None) -> None:
        """Looks at every picture with every network; what was computed is kept in `cache`."""
        self.words, self.cache = words, cache
        self.witness = {witness.name: witness for witness in witnesses}
        self.pictures = labelled.collect(images, words.slugs)
        self.features = {
            name: labelled.features_of(self.pictures, witness.network, cache) for name, witness in self.witness.items()
        }
        self.seen = {
            name: class_evidence(witness.logits(self.features[name])) for name, witness in self.witness.items()
        }
        self.others = {name: rows for name, rows in self.seen.items() if not self.witness[name].embedded}

    @property
    def native(self) -> tuple[str, ...]:
        """The networks that get a head of their own."""
        return tuple(name for name, witness in self.witness.items() if witness.native)

    def read(self, name: str, features: Floats) -> Floats:
        """Returns what a head for `name` reads of features (..., d): evidence, of native ones both, equally loud."""
        witness = self.witness[name]
        evidence = class_evidence(witness.logits(features))
        if not witness.native:
            return evidence
        loud = self._loudness(name)
        return np.concatenate([features / loud[0], evidence / loud[1]], -1)

    def taught(self, name: str) -> list[Floats]:
        """What the head for `name` is learned from: its own sight if native, all for the embedded one, else others'."""
        witness = self.witness[name]
        if witness.native:
            return [self.read(name, self.features[name])]
        if witness.embedded:
            return list(self.seen.values())
        return [rows for other, rows in self.others.items() if self.witness[other].family != witness.family]

    def tuner(self, name: str) -> heads.Tuner:
        """Returns what the embedded network or a native one says about other sources."""
        asked = self.read(name, self.features[name][:, 0])
        return heads.Tuner(heads.answers(self.taught(name), asked, self.pictures, self.cache), self.pictures)

    def strangers(self, only: str | None = None) -> dict[str, heads.Tuner]:
        """Returns what each other network (of the family `only`) says through a head that met none of its family."""
        family = {name: self.witness[name].family for name in self.others}
        by_network = portable.left_out(self.others, family, self.pictures, self.cache, only)
        return {name: heads.Tuner(answers, self.pictures) for name, answers in by_network.items()}

    def alone(self, names: Sequence[str]) -> dict[str, heads.Tuner]:
        """Returns what each of these networks says through a head that was learned on its evidence alone."""
        by_network = portable.native({name: self.others[name] for name in names}, self.pictures, self.cache)
        return {name: heads.Tuner(answers, self.pictures) for name, answers in by_network.items()}

    def inside(self, name: str, tuned: heads.Tuned, seed: int) -> Floats:
        """Returns a network's probabilities (n, tags) by heads that saw pictures of the same sources."""
        folds = np.random.default_rng(seed).integers(FOLDS, size=len(self.pictures.paths))
        asked = self.read(name, self.features[name][:, 0])
        z = heads.out_of_source(self.taught(name), asked, self.pictures, tuned.recipe, folds)
        return heads.published(z, tuned.temperature, tuned.offset)

    def on_trailers(
        self, name: str, tuner: heads.Tuner, made: Sequence[trailers.Trailer], frames: Sequence[Sequence[ShotPicture]]
    ) -> dict[str, Any]:
        """Returns how right the first tags of made-up trailers are, through heads that saw none of their sources."""
        log.info("trailers as seen by %s", name)
        folds, one = source_folds(self.pictures.source), self.witness[name]
        learned = {}
        for fold in {trailer.fold for trailer in made}:
            ask, tuned = folds == fold, tuner.tune(folds != fold)
            allowed = ~ask & ~self.pictures.near[:, ask].any(1)
            learned[fold] = tuned, *heads.learn(self.taught(name), self.pictures, allowed, tuned.recipe)

        def scores(fold: int, pixels: list[Pixels]) -> TagScores:
            tuned, kernel, bias = learned[fold]
            z = self.read(name, one.network.features(pixels)) @ kernel + bias
            return TagScores(heads.published(z, tuned.temperature, tuned.offset), heads.evidence(z, tuned))

        return trailers.measure(made, frames, scores)

    def ship(self, tuned: heads.Tuned, name: str) -> Head:
        """Returns the head to be shipped, learned from all pictures: a network's own, or the portable one."""
        witness = self.witness.get(name)
        seen = self.taught(name) if witness else list(self.others.values())
        kernel, bias = heads.learn(seen, self.pictures, np.ones(len(self.pictures.paths), bool), tuned.recipe)
        if witness and witness.native:
            width = self.features[name].shape[-1]
            kernel /= np.repeat(self._loudness(name), (width, len(kernel) - width))[:, None]
        trained = np.bincount(self.pictures.tag, minlength=self.pictures.tags) > 0
        return Head(
            (kernel / tuned.temperature).astype(np.float16).astype(np.float32),  # half the room, the same ranking
            np.where(trained, bias / tuned.temperature + tuned.offset, 0).astype(np.float32),
            tuple(bool(flag) for flag in trained),
            self.words.sha256,
            f"{name}/avg_pool" if witness else ANY_NETWORK,
            witness.network.sha256 if witness else "",
            BOTH if witness and witness.native else CLASSES,
        )

    def tagging(self, name: str, head: Head) -> Callable[[list[Pixels]], TagScores]:
        """Returns what gives the scores of pictures by a network and the head that is shipped for it."""
        witness = self.witness[name]

        def scores(pixels: list[Pixels]) -> TagScores:
            features = witness.network.features(pixels)
            evidence = class_evidence(witness.logits(features))
            return head.scores(np.concatenate([features, evidence], 1) if witness.native else evidence)

        return scores

    def _loudness(self, name: str) -> Floats:
        """Deviations of features and of evidence, (2,)."""
        return np.array([self.features[name].std(), self.seen[name].std()], np.float32)
