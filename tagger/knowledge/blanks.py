"""Frames that show nothing, as all networks see them."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from tagger.images import Pixels, without_bars
from tagger.knowledge.gathered import Knowledge, Sight
from tagger.knowledge.kept import Key, kept
from tagger.knowledge.labelled import BATCH, Labelled, read
from tagger.knowledge.testcards import JUDGED
from tagger.models.evidence import class_evidence
from tagger.records import Bools, Floats, Ints
from tagger.training import nothings

EACH = 40  # frames of each kind
TINY_LEARNED, TINY_JUDGED = 60, 300  # pictures that are made tiny
TINY_KINDS = 3, 5  # so many kinds' worth of tiny frames are learned from, and judge
SEED = 0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Blanks:
    """Frames that show nothing, as all networks see them."""

    sight: Sight
    kind: Ints  # (m,)
    judged: Bools  # (m,) of kinds that nothing is learned from
    tiny: Bools  # (m,) pictures of 16 x 16 pixels


def look(knowledge: Knowledge) -> Blanks:
    """Returns frames that show nothing, some of them to be learned from; what networks see is kept in the cache."""
    kinds = _kinds(knowledge.pictures)
    kind = np.repeat(np.arange(len(kinds)), EACH)
    drawn: list[Pixels] = []

    def seen_by(name: str) -> Floats:
        if not drawn:
            rng = np.random.default_rng(SEED)
            drawn.extend(without_bars(frame) for draw, _ in kinds for frame in nothings.frames([draw], EACH, rng))
        log.info("%d frames that show nothing, as seen by %s", len(drawn), name)
        network = knowledge.witness[name].network
        return np.concatenate([network.features(drawn[at : at + BATCH]) for at in range(0, len(drawn), BATCH)])

    names = "\n".join(f"{path.parent.name}/{path.name}" for path in knowledge.pictures.paths)
    features = {}
    for name, witness in knowledge.witness.items():
        key: list[Key] = [f"nothing {SEED} {EACH} {len(kinds)} {witness.network.sha256}\n{names}"]
        features[name] = kept(knowledge.cache, key, lambda name=name: seen_by(name))  # type: ignore[misc]
    seen = {name: class_evidence(knowledge.witness[name].logits(rows)) for name, rows in features.items()}
    judged = np.array([of_judged for _, of_judged in kinds])[kind]
    tiny = np.array([draw.__name__ == nothings.TINY_NAME for draw, _ in kinds])[kind]
    return Blanks((features, seen), kind, judged, tiny)


def _kinds(pictures: Labelled) -> list[tuple[nothings.Draw, bool]]:
    """What draws frames that show nothing, and whether it is one of those that are only judged by."""
    mixed = np.random.default_rng(SEED).permutation(len(pictures.paths))
    some, others = mixed[:TINY_LEARNED], mixed[TINY_LEARNED:][-TINY_JUDGED:]
    first, second = ([read(pictures.paths[place]) for place in part] for part in (some, others))
    learned = [*nothings.LEARNED, *[nothings.tiny(first)] * TINY_KINDS[0]]
    judged = [*JUDGED, *[nothings.tiny(second)] * TINY_KINDS[1]]
    return [(draw, False) for draw in learned] + [(draw, True) for draw in judged]
