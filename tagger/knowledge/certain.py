"""Confidence for the heads of a shipped vocabulary: what it is learned from, and what it is worth.

Everything is judged by pictures of other sources, and by frames of other kinds, than were learned from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tagger.confidence import Calibration
from tagger.images import Pixels
from tagger.knowledge import heads
from tagger.knowledge.blanks import Blanks, look
from tagger.knowledge.gathered import Knowledge, mean
from tagger.knowledge.labelled import Labelled
from tagger.knowledge.regression import FOLDS, source_folds
from tagger.models.head import Dense, Head
from tagger.models.model import Model
from tagger.records import SURE, Bools, Doubles, Floats, Ints, TagScores
from tagger.training import shows, sure
from tagger.training.films import Answers, Films, films
from tagger.vocabulary import PORTABLE

GROUPS = 3  # parts of sources and kinds, each asked by what learned from the others
FILMS, FILMS_JUDGED = 4000, 1500
BETWEEN = 2  # folds that are judged at a time, by what was learned in the others
SEED = 0

log = logging.getLogger(__name__)


def drawn(pictures: Labelled) -> Bools:
    """Returns (n, tags): the tags that films are made about with each picture.

    Where one source holds nearly all pictures of a tag, or a tag has few, those of its largest source are left out: no
    head could know the tag without that source.
    """
    allowed = np.ones(pictures.right.shape, bool)
    for tag in np.flatnonzero(~pictures.fair):
        own = pictures.source[pictures.tag == tag]
        if len(own):
            allowed[:, tag] = pictures.source != np.bincount(own).argmax()
    return pictures.right & allowed


Odds = tuple[Floats, Floats]  # of pictures and of frames
Where = tuple[Ints, Blanks]  # the fold of each picture, and the frames


def odds(taught: Sequence[Floats], asked: Floats, blank: Sequence[Floats], asked_blank: Floats, where: Where) -> Odds:
    """Returns the log odds that pictures and frames show anything, each by what had not learned from its like.

    Args:
        taught: what the networks learned from see in the pictures, (n, views, d) each.
        asked: what the network asked sees in them, (n, d).
        blank: what the networks learned from see in the frames, (m, d) each.
        asked_blank: what the network asked sees in them, (m, d).
        where: the fold of each picture, and the frames; those of kinds that are only judged are asked by all.
    """
    fold, blanks = where
    z, z_blank = np.zeros(len(asked), np.float32), np.zeros((GROUPS, len(asked_blank)), np.float32)
    group = blanks.kind % GROUPS
    for place in range(GROUPS):
        ask = fold % GROUPS == place
        learned = ~blanks.judged & (group != place)
        layer = _layer([rows[~ask] for rows in taught], [rows[learned] for rows in blank])
        z[ask], z_blank[place] = layer(asked[ask])[:, 0], layer(asked_blank)[:, 0]
    by_others = z_blank[group, np.arange(len(group))]
    return z, np.where(blanks.judged, z_blank.mean(0), by_others).astype(np.float32)


def _layer(taught: Sequence[Floats], blank: Sequence[Floats]) -> Dense:
    return shows.learn(np.concatenate([rows.reshape(-1, rows.shape[-1]) for rows in taught]), np.concatenate(blank))


def confidence_of(model: Model) -> Callable[[list[Pixels]], Doubles]:
    """Returns what gives the confidence of a film's pictures."""

    def found(pictures: list[Pixels]) -> Doubles:
        sure = model.confidence(model.scores(pictures))
        assert sure is not None, "the head has no confidence"
        return sure

    return found


class Certainty:
    """Makes heads sure."""

    def __init__(self, knowledge: Knowledge) -> None:
        """Looks at frames that show nothing."""
        self._knowledge, self._blanks = knowledge, look(knowledge)
        self._fold = source_folds(knowledge.pictures.source)

    def sure(self, name: str, head: Head, tuners: Sequence[tuple[str, heads.Tuner]]) -> tuple[Head, dict[str, Any]]:
        """Returns a head with confidence, and what that is worth, ready for JSON.

        Args:
            name: one of `made_of`, or the portable one.
            head: as it is shipped.
            tuners: what it says of other sources, by the network asked; of the portable head, by several.
        """
        log.info("confidence of %s", name)
        whole = replace(head, shows=self._shipped(name))
        made = [self._answers(name, whole, network, tuner) for network, tuner in tuners]
        trained = np.array(head.trained)
        known = made[0].known & trained
        rng = np.random.default_rng(SEED)
        learned = [self._films(one, False, range(FOLDS), FILMS // len(made), rng) for one in made]
        calibration = sure.fit(learned, known, trained)
        facts = self._judged(made, known, trained, calibration, rng)
        offsets = [None if offset is None else round(offset, 4) for offset in calibration.offsets]
        told = Calibration(round(calibration.mean, 4), round(calibration.strongest, 4), tuple(offsets))
        return replace(whole, calibration=told), facts

    def _judged(
        self, made: Sequence[Answers], known: Bools, trained: Bools, shipped: Calibration, rng: np.random.Generator
    ) -> dict[str, Any]:
        """Figures of films of folds that nothing was learned from, and of films that show nothing."""
        parts: list[tuple[Doubles, Films]] = []
        for first in range(0, FOLDS, BETWEEN):
            asked = range(first, first + BETWEEN)
            others = [fold for fold in range(FOLDS) if fold not in asked]
            learned = [self._films(one, False, others, FILMS // len(made), rng) for one in made]
            fitted = sure.fit(learned, known, trained)
            films_of = [self._films(one, True, asked, FILMS_JUDGED // len(made), rng) for one in made]
            parts += [(sure.found(part, fitted), part) for part in films_of if len(part.keyframes)]
        facts = sure.told(parts, known)
        slugs = self._knowledge.words.slugs
        facts["by_tag"] = {slugs[tag]: found for tag, found in facts["by_tag"].items()}
        blanks = self._blanks
        for what, among in (("nothing", blanks.judged), ("tiny", blanks.judged & blanks.tiny)):
            empty = [self._films(one, True, (), FILMS_JUDGED // len(made), rng, among) for one in made]
            alarms = np.concatenate([(sure.found(part, shipped) >= SURE).any(1) for part in empty])
            facts[what] = {"films": len(alarms), "with_anything_sure": float(alarms.mean())}
        return facts

    def _films(
        self, answers: Answers, judged: bool, folds: Sequence[int], count: int, rng: np.random.Generator,
        among: Bools | None = None,
    ) -> Films:  # fmt: skip
        """Made-up films with frames that show nothing of kinds learned from, or else of those that are judged by."""
        kept_frames = self._blanks.judged == judged if among is None else among
        return films(answers.with_nothing(kept_frames), folds, count, rng)

    def _answers(self, name: str, head: Head, network: str, tuner: heads.Tuner) -> Answers:
        """What a head says of pictures of other sources, and of frames that show nothing, asked by a network."""
        knowledge, blanks = self._knowledge, self._blanks
        z, p = tuner.probabilities()
        pictures, by_others = self._odds(name, network)
        nothing = head.scores(self._plain(name, network))
        shown = nothing.shows if name != PORTABLE else None  # of its family, a portable head must not know
        seen = np.where(
            blanks.judged & (shown is not None), shown if shown is not None else 0, shows.probability(by_others)
        )
        return Answers(
            TagScores(p, np.maximum(z, 0), shows.probability(pictures)),
            knowledge.pictures.right,
            drawn(knowledge.pictures),
            self._fold,
            TagScores(nothing.probabilities, nothing.evidence, seen.astype(np.float32)),
            blanks.kind,
        )

    def _odds(self, name: str, network: str) -> Odds:
        """Log odds that pictures and frames show anything, by what had not learned from their like."""
        knowledge, where = self._knowledge, (self._fold, self._blanks)
        features, seen = self._blanks.sight
        if name == PORTABLE:
            family = knowledge.witness[network].family
            taught, blank = (knowledge.strange(family, rows) for rows in (knowledge.seen, seen))
            return odds(taught, knowledge.seen[network][:, 0], blank, seen[network], where)
        found = [
            odds(
                knowledge.taught(part),
                knowledge.read(part, knowledge.features[part][:, 0]),
                knowledge.taught(part, self._blanks.sight),
                knowledge.read(part, features[part]),
                where,
            )
            for part in knowledge.made_of[name]
        ]
        return mean([z for z, _ in found]), mean([z for _, z in found])

    def _shipped(self, name: str) -> Dense:
        """What tells whether a picture shows anything, learned from all, on what the shipped head reads."""
        knowledge, learned = self._knowledge, ~self._blanks.judged
        _, seen = self._blanks.sight
        if name == PORTABLE:
            others = list(knowledge.others)
            return _halved(_layer([knowledge.seen[o] for o in others], [seen[o][learned] for o in others]))
        kernels, biases = [], []
        for part in knowledge.made_of[name]:
            blank = [rows[learned] for rows in knowledge.taught(part, self._blanks.sight)]
            layer = _layer(knowledge.taught(part), blank)
            kernels.append(layer.kernel / knowledge.loudness(part)[:, None])
            biases.append(layer.bias)
        kernel = np.asarray(np.concatenate(kernels) / len(kernels), np.float32)
        return _halved(Dense(kernel, mean(biases)))

    def _plain(self, name: str, network: str) -> Floats:
        """What the shipped head reads of the frames."""
        knowledge, (features, seen) = self._knowledge, self._blanks.sight
        if name == PORTABLE:
            return seen[network]
        parts = knowledge.made_of[name]
        return np.concatenate([knowledge.read(part, features[part]) * knowledge.loudness(part) for part in parts], 1)


def _halved(layer: Dense) -> Dense:
    """The same in half the room."""
    return Dense(layer.kernel.astype(np.float16).astype(np.float32), layer.bias)
