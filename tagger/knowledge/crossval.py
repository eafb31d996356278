"""Measures backbones against one another on sources that their heads have not seen.

Only tags with at least three sources, none above nine tenths, take part. Folds are made of whole sources. In each,
every backbone's frozen features of whole pictures get the same head (class-balanced multinomial logistic regression,
its L2 chosen on sources held out of the training part) and are asked for the pictures of the other sources. Near copies
of test pictures leave the training part, and a picture that stands under two tags counts as right with either.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tagger.evaluation.metrics import balanced, places
from tagger.knowledge import heads
from tagger.knowledge.kept import Key, kept
from tagger.knowledge.labelled import Labelled
from tagger.knowledge.regression import FOLDS, interval, source_folds
from tagger.models.registry import EMBEDDED
from tagger.records import Bools, Floats, Ints
from tagger.training.regression import fit

L2_CHOICES = (0.3, 0.1, 0.03, 0.01)
INNER_FOLDS = 4  # one of them chooses the L2
SHIPPED = "compact as shipped"
STUDENTS = (EMBEDDED, SHIPPED)  # the other networks are teachers

log = logging.getLogger(__name__)


def ranks(x: Floats, pictures: Labelled, learn: Bools, ask: Bools) -> Ints:
    """Returns for the pictures `ask` the place (0 is best) of their best right tag, by a head learned on `learn`."""
    mean, deviation = x[learn].mean(0), x[learn].std(0) + 1e-6
    x = (x - mean) / deviation
    present, tag = np.unique(pictures.tag, return_inverse=True)
    right = pictures.right[:, present]

    def asked(train: Bools, test: Bools, l2: float) -> Ints:
        head = fit(x[train], tag[train], len(present), l2, steps=heads.STEPS)
        return places(x[test] @ head[:-1] + head[-1], right[test])

    inner = np.zeros(len(x), bool)
    inner[learn] = source_folds(pictures.source[learn], INNER_FOLDS) == 0
    train = learn & ~inner & ~pictures.near[:, inner].any(1)

    def score(l2: float) -> float:
        return balanced(asked(train, inner, l2) < 3, tag[inner])

    return asked(learn, ask, max(L2_CHOICES, key=score))


def cross_source(x: Floats, pictures: Labelled) -> Ints:
    """Returns the place (n,) of each picture's best right tag when its source was not learned from."""
    answer = np.zeros(len(x), np.int64)
    folds = source_folds(pictures.source)
    for fold in np.unique(folds):  # as many as there are sources, if these are few
        ask = folds == fold
        learn = ~ask & ~pictures.near[:, ask].any(1)
        answer[ask] = ranks(x, pictures, learn, ask)
    return answer


def summary(place_of: dict[str, Ints], pictures: Labelled, among: Bools) -> dict[str, Any]:
    """Returns each backbone's balanced top-1 and top-3 `among` pictures, and its share of the best teacher's top-3."""
    chosen = np.flatnonzero(among)
    teachers = [name for name in place_of if name not in STUDENTS]

    def top(name: str, count: int) -> Callable[[Ints], float]:
        return lambda i: balanced(place_of[name][i] < count, pictures.tag[i])

    best = max(teachers, key=lambda name: top(name, 3)(chosen))
    table: dict[str, Any] = {"pictures": len(chosen), "best_teacher": best}
    for name in place_of:
        asked = {"top1": top(name, 1), "top3": top(name, 3)}
        asked["of_best_teacher"] = lambda i, own=asked["top3"]: own(i) / top(best, 3)(i)  # type: ignore[misc]
        table[name] = {
            key: {"value": f(chosen), "interval": interval(lambda i, f=f: f(chosen[i]), pictures.source[chosen])}  # type: ignore[misc]
            for key, f in asked.items()
        }
    return table


def compare(
    features: dict[str, Floats],
    seen: dict[str, Floats],
    pictures: Labelled,
    cache: Path | None = None,
    overlaps: Floats | None = None,
) -> dict[str, Any]:
    """Returns what can be told about the fair tags, with no other to choose from.

    Args:
        features: of whole pictures, by the name of the network, (n, d): each network's own linear head is measured.
        seen: class evidence by network, (n, views, 1000), `compact` among them: its head is measured as it is shipped,
            learned on the evidence of all.
        pictures: all of them; those of tags with too few sources are left out.
        cache: folder where answers are kept.
        overlaps: answers (n, tags) that say which labels overlap, as of `heads.learn`.
    """
    taking_part = pictures.fair[pictures.tag]
    judged = pictures.among(taking_part)
    place_of = {}
    for name, x in features.items():
        log.info("heads on features of %s", name)
        key: list[Key] = [f"places {judged.slugs}", judged.tag, judged.source, x[taking_part]]
        places_of = kept(cache, key, lambda x=x: cross_source(x[taking_part], judged).astype(np.float32))  # type: ignore[misc]
        place_of[name] = places_of.astype(np.int64)
    evidence = {name: rows[taking_part] for name, rows in seen.items()}
    overlaps = None if overlaps is None else overlaps[taking_part]
    said = heads.answers(list(evidence.values()), evidence[EMBEDDED][:, 0], judged, cache, overlaps)
    z, _ = heads.Tuner(said, judged).probabilities()
    present = np.unique(judged.tag)
    place_of[SHIPPED] = places(z[:, present], judged.right[:, present])
    return {
        "measured": "balanced accuracy over tags; heads learned on other sources; 95 % intervals over sources",
        "tags": len(np.unique(judged.tag)),
        "sources": len(np.unique(judged.source)),
        "folds": min(FOLDS, len(np.unique(pictures.source))),
        "all": summary(place_of, judged, np.ones(len(judged.paths), bool)),
        "never_seen_by_compact": summary(place_of, judged, judged.held_out),
    }
