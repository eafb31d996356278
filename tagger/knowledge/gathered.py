"""What every network sees in labelled pictures, and the heads that can be learned from it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tagger.images import Pixels
from tagger.knowledge import heads, labelled, portable, trailers
from tagger.knowledge.regression import FOLDS, source_folds
from tagger.knowledge.witness import Witness
from tagger.models.evidence import class_evidence
from tagger.models.head import ANY_NETWORK, CLASSES, Head
from tagger.models.registry import EMBEDDED
from tagger.records import Floats, ShotPicture, TagScores
from tagger.vocabulary import PORTABLE, Vocabulary

log = logging.getLogger(__name__)


class Knowledge:
    """The class evidence of all networks in all pictures, the embedded network's among it."""

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

    def taught(self, name: str) -> list[Floats]:
        """What the head for `name` is learned from: all for the embedded network, other families' for the others."""
        if self.witness[name].embedded:
            return list(self.seen.values())
        family = self.witness[name].family
        return [rows for other, rows in self.others.items() if self.witness[other].family != family]

    def embedded(self) -> heads.Tuner:
        """Returns what the embedded network says about other sources."""
        seen = self.taught(EMBEDDED)
        return heads.Tuner(heads.answers(seen, self.seen[EMBEDDED][:, 0], self.pictures, self.cache), self.pictures)

    def strangers(self, only: str | None = None) -> dict[str, heads.Tuner]:
        """Returns what each other network (of the family `only`) says through a head that met none of its family."""
        family = {name: self.witness[name].family for name in self.others}
        by_network = portable.left_out(self.others, family, self.pictures, self.cache, only)
        return {name: heads.Tuner(answers, self.pictures) for name, answers in by_network.items()}

    def natives(self, names: Sequence[str]) -> dict[str, heads.Tuner]:
        """Returns what each of these networks says through a head that was learned on it alone."""
        by_network = portable.native({name: self.others[name] for name in names}, self.pictures, self.cache)
        return {name: heads.Tuner(answers, self.pictures) for name, answers in by_network.items()}

    def inside(self, tuned: heads.Tuned, seed: int) -> Floats:
        """Returns the embedded network's probabilities (n, tags) by heads that saw pictures of the same sources."""
        folds = np.random.default_rng(seed).integers(FOLDS, size=len(self.pictures.paths))
        seen = self.taught(EMBEDDED)
        z = heads.out_of_source(seen, self.seen[EMBEDDED][:, 0], self.pictures, tuned.recipe, folds)
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
            z = class_evidence(one.logits(one.network.features(pixels))) @ kernel + bias
            return TagScores(heads.published(z, tuned.temperature, tuned.offset), heads.evidence(z, tuned))

        return trailers.measure(made, frames, scores)

    def ship(self, tuned: heads.Tuned, name: str) -> Head:
        """Returns the head to be shipped, learned from all pictures: the embedded network's or the portable one."""
        own = name != PORTABLE
        seen = list((self.seen if own else self.others).values())
        kernel, bias = heads.learn(seen, self.pictures, np.ones(len(self.pictures.paths), bool), tuned.recipe)
        trained = np.bincount(self.pictures.tag, minlength=self.pictures.tags) > 0
        return Head(
            (kernel / tuned.temperature).astype(np.float16).astype(np.float32),  # half the room, the same ranking
            np.where(trained, bias / tuned.temperature + tuned.offset, 0).astype(np.float32),
            tuple(bool(flag) for flag in trained),
            self.words.sha256,
            f"{EMBEDDED}/avg_pool" if own else ANY_NETWORK,
            self.witness[EMBEDDED].network.sha256 if own else "",
            CLASSES,
        )
