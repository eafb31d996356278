"""What every network sees in labelled pictures, and the heads that can be learned from it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from tagger.images import Pixels
from tagger.knowledge import heads, labelled, portable, trailers
from tagger.knowledge.regression import FOLDS, source_folds
from tagger.knowledge.witness import Witness
from tagger.models import ensemble
from tagger.models.backbone import Backbone, whole_sha256
from tagger.models.evidence import class_evidence
from tagger.models.head import ANY_NETWORK, BOTH, CLASSES, FEATURES, Head
from tagger.models.model import Model
from tagger.models.registry import EMBEDDED, PREFERRED
from tagger.records import Bools, Floats, ShotPicture, TagScores
from tagger.training import calibration
from tagger.vocabulary import PORTABLE, Vocabulary

Sight = tuple[dict[str, Floats], dict[str, Floats]]  # features and class evidence of pictures, by network

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
        self.overlaps: Floats | None = None  # answers that say which labels overlap; the first heads know of none
        first = next(iter(self.made_of))
        (z,) = self._answers(first, (heads.FIRST,)).values()
        self.overlaps = calibration.softmax(z)

    @property
    def made_of(self) -> dict[str, tuple[str, ...]]:
        """The networks that get a head of their own, and those that each is made of; what `auto` takes comes first."""
        names = sorted(self.witness, key=lambda name: (name not in PREFERRED, name))
        native = {name: (name,) for name in names if self.witness[name].native}
        both = {ensemble.NAME: ensemble.PARTS} if {*ensemble.PARTS} <= {*native} else {}
        return {**native, **both, EMBEDDED: (EMBEDDED,)}

    def tuner(self, name: str) -> heads.Tuner:
        """Returns what a network says about other sources through its head, on average of those it is made of."""
        said = [self._answers(part, heads.RECIPES) for part in self.made_of[name]]
        return heads.Tuner({recipe: mean([z[recipe] for z in said]) for recipe in heads.RECIPES}, self.pictures)

    def strangers(self, only: str | None = None) -> dict[str, heads.Tuner]:
        """Returns what each other network (of the family `only`) says through a head that met none of its family."""
        family = {name: self.witness[name].family for name in self.others}
        by_network = portable.left_out(self.others, family, self.pictures, self.cache, only, self.overlaps)
        return {name: heads.Tuner(answers, self.pictures) for name, answers in by_network.items()}

    def alone(self, names: Sequence[str]) -> dict[str, heads.Tuner]:
        """Returns what each of these networks says through a head that was learned on its evidence alone."""
        seen = {name: self.others[name] for name in names}
        by_network = portable.native(seen, self.pictures, self.cache, self.overlaps)
        return {name: heads.Tuner(answers, self.pictures) for name, answers in by_network.items()}

    def inside(self, name: str, tuned: heads.Tuned, seed: int) -> Floats:
        """Returns a network's probabilities (n, tags) by heads that saw pictures of the same sources."""
        folds = np.random.default_rng(seed).integers(FOLDS, size=len(self.pictures.paths))
        said = []
        for part in self.made_of[name]:
            asked = self.read(part, self.features[part][:, 0])
            said.append(
                heads.out_of_source(self.taught(part), asked, self.pictures, tuned.recipe, folds, self.overlaps)
            )
        return heads.published(mean(said), tuned.temperature, tuned.offset)

    def on_trailers(
        self, name: str, tuner: heads.Tuner, made: Sequence[trailers.Trailer], frames: Sequence[Sequence[ShotPicture]]
    ) -> dict[str, Any]:
        """Returns how right the first tags of made-up trailers are, through heads that saw none of their sources."""
        log.info("trailers as seen by %s", name)
        folds, parts = source_folds(self.pictures.source), self.made_of.get(name, (name,))
        learned = {}
        for fold in {trailer.fold for trailer in made}:
            ask, tuned = folds == fold, tuner.tune(folds != fold)
            allowed = ~ask & ~self.pictures.near[:, ask].any(1)
            learned[fold] = tuned, [self._learned(self.taught(part), allowed, tuned) for part in parts]

        def scores(fold: int, pixels: list[Pixels]) -> TagScores:
            tuned, layers = learned[fold]
            seen = [self.read(part, self.witness[part].network.features(pixels)) for part in parts]
            z = mean([rows @ kernel + bias for rows, (kernel, bias) in zip(seen, layers, strict=True)])
            return TagScores(heads.published(z, tuned.temperature, tuned.offset), heads.evidence(z, tuned))

        return trailers.measure(made, frames, scores)

    def ship(self, tuned: heads.Tuned, name: str) -> Head:
        """Returns the head to be shipped for one of `made_of`, or the portable one, learned from all pictures."""
        everything = np.ones(len(self.pictures.paths), bool)
        if name == PORTABLE:
            kernel, bias = self._learned(list(self.others.values()), everything, tuned)
            return self._head(tuned, kernel, bias, ANY_NETWORK, "", CLASSES)
        parts = self.made_of[name]
        layers = [self._learned(self.taught(part), everything, tuned) for part in parts]
        kernels = [kernel / self.loudness(part)[:, None] for part, (kernel, _) in zip(parts, layers, strict=True)]
        kernel = np.asarray(np.concatenate(kernels) / len(parts), np.float32)
        network, bias = self.network(name), mean([bias for _, bias in layers])
        if len(parts) > 1:
            return self._head(tuned, kernel, bias, network.identity, network.sha256, FEATURES)
        reads = BOTH if self.witness[name].native else CLASSES
        return self._head(tuned, kernel, bias, network.identity, whole_sha256(network), reads)

    def network(self, name: str) -> Backbone:
        """Returns one of `made_of`."""
        parts = [
            cast(Backbone, self.witness[part].network) for part in self.made_of[name]
        ]  # none is of a bare ONNX file
        return parts[0] if len(parts) == 1 else ensemble.together(name, parts)

    def model(self, name: str, head: Head) -> Model:
        """Returns one of `made_of` and the head that is shipped for it."""
        return Model(self.network(name), head)

    def _answers(self, part: str, recipes: Sequence[heads.HeadRecipe]) -> heads.Answers:
        asked = self.read(part, self.features[part][:, 0])
        return heads.answers(self.taught(part), asked, self.pictures, self.cache, self.overlaps, recipes)

    def taught(self, name: str, sight: Sight | None = None) -> list[Floats]:
        """Returns what a head for `name` is learned from: its own sight if native, else all, or those of others.

        Args:
            name: of a network.
            sight: of other pictures than the labelled ones.
        """
        witness, (features, seen) = self.witness[name], sight or (self.features, self.seen)
        if witness.native:
            return [self.read(name, features[name])]
        return list(seen.values()) if witness.embedded else self.strange(witness.family, seen)

    def strange(self, family: str, seen: dict[str, Floats]) -> list[Floats]:
        """Returns the evidence of all networks but those of a family and the embedded one."""
        return [seen[name] for name in self.others if self.witness[name].family != family]

    def read(self, name: str, features: Floats) -> Floats:
        """Returns what a head for `name` is learned on, of features (..., d): of native ones both, equally loud."""
        witness = self.witness[name]
        evidence = class_evidence(witness.logits(features))
        both = np.concatenate([features, evidence], -1) if witness.native else evidence
        return np.asarray(both / self.loudness(name), np.float32)

    def loudness(self, name: str) -> Floats:
        """Returns what the columns of `read` are divided by."""
        features, evidence = self.features[name], self.seen[name]
        if not self.witness[name].native:
            return np.ones(evidence.shape[-1], np.float32)
        parts = [np.full(rows.shape[-1], rows.std(), np.float32) for rows in (features, evidence)]
        return np.concatenate(parts)

    def _learned(self, seen: Sequence[Floats], allowed: Bools, tuned: heads.Tuned) -> tuple[Floats, Floats]:
        return heads.learn(seen, self.pictures, allowed, tuned.recipe, self.overlaps)

    def _head(self, tuned: heads.Tuned, kernel: Floats, bias: Floats, network: str, sha256: str, reads: str) -> Head:
        trained = np.bincount(self.pictures.tag, minlength=self.pictures.tags) > 0
        return Head(
            (kernel / tuned.temperature).astype(np.float16).astype(np.float32),  # half the room, the same ranking
            np.where(trained, bias / tuned.temperature + tuned.offset, 0).astype(np.float32),
            tuple(bool(flag) for flag in trained),
            self.words.sha256,
            network,
            sha256,
            reads,
        )


def mean(values: Sequence[Floats]) -> Floats:
    """Returns the mean of arrays of one shape."""
    return np.asarray(sum(values) / np.float32(len(values)), np.float32)
