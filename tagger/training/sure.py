"""Confidence as it is learned from made-up films, and what it is worth in others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tagger.confidence import TINY, Calibration, sigmoid
from tagger.evaluation.metrics import calibration_error
from tagger.records import SURE, Bools, Doubles
from tagger.training.films import Films

DOUBT = 0.02  # films' worth, for each film, of belief that all tags are told alike
WEIGHT_DECAY = 1.0
STEPS = 20  # Newton's
BINS = 10  # of confidence
LENGTHS = (10, 50, 300)  # keyframes from which films are told apart


def fit(made: Sequence[Films], known: Bools, trained: Bools) -> Calibration:
    """Returns what films say of confidence: a logistic regression with an offset for each tag, shrunk.

    An offset may only take away from what all tags have in common: a head that is often wrong of a tag is believed
    less, and none is believed more, for real films are harder than these.

    Args:
        made: films.
        known: (tags,) those that the films can be about; the others have what all have in common.
        trained: (tags,) those that the head knows anything of.
    """
    x = np.concatenate([part.described[:, known] for part in made])
    truth = np.concatenate([part.truth[:, known] for part in made])
    shared, own = _fitted(x, truth)
    if (shared[:2] < 0).any():  # nobody is to be less sure of what is seen more
        shared, own = _fitted(x * (shared[:2] > 0), truth)
    offsets = np.full(len(known), shared[2])
    offsets[known] += np.minimum(own, 0)
    told = [float(offset) if there else None for offset, there in zip(offsets, trained, strict=True)]
    return Calibration(float(shared[0]), float(shared[1]), tuple(told))


def _fitted(x: Doubles, truth: Bools) -> tuple[Doubles, Doubles]:
    """What all tags have in common (3,), the offset last, and what each has of its own (tags,), by Newton's steps."""
    count, tags = truth.shape
    x = np.concatenate([x, np.ones((count, tags, 1))], axis=2)
    decay = np.array([WEIGHT_DECAY, WEIGHT_DECAY, TINY])
    shared, own = np.zeros(3), np.zeros(tags)
    for _ in range(STEPS):
        p = sigmoid(x @ shared + own)
        left, bend = truth - p, p * (1 - p)
        # Newton's step in both, the offsets solved for first: their part of the Hessian is diagonal.
        crossed = np.einsum("ft,ftk->tk", bend, x)
        own_bend = bend.sum(0) + DOUBT * count
        slope = np.einsum("ft,ftk->k", left, x) - decay * shared
        own_slope = left.sum(0) - DOUBT * count * own
        bends = np.einsum("ft,ftk,ftl->kl", bend, x, x) + 1e-6 * np.eye(3)
        step = np.linalg.solve(
            bends - (crossed / own_bend[:, None]).T @ crossed, slope - crossed.T @ (own_slope / own_bend)
        )
        own = own + (own_slope - crossed @ step) / own_bend
        shared = shared + step
    return shared, own


def found(made: Films, calibration: Calibration) -> Doubles:
    """Returns the confidence (films, tags) that a calibration gives; 0 where the head knows nothing of the tag."""
    offsets = np.array([np.nan if offset is None else offset for offset in calibration.offsets])
    return np.nan_to_num(sigmoid(made.described @ np.array([calibration.mean, calibration.strongest]) + offsets))


def told(parts: Sequence[tuple[Doubles, Films]], known: Bools) -> dict[str, Any]:
    """Returns what confidence is worth in films that it was not learned from, ready for JSON.

    Of films that show something: reliability in bins of confidence, Brier score, the share of sure tags that is true
    and of true tags that is sure, and both by length and tag.

    Args:
        parts: confidence (films, tags), and the films.
        known: (tags,) those that the films can be about.
    """
    shown = [~made.nothing for _, made in parts]
    c = np.concatenate([sure[there][:, known] for (sure, _), there in zip(parts, shown, strict=True)])
    true = np.concatenate([made.truth[there][:, known] for (_, made), there in zip(parts, shown, strict=True)])
    keyframes = np.concatenate([made.keyframes[there] for (_, made), there in zip(parts, shown, strict=True)])
    places = np.minimum((c * BINS).astype(int), BINS - 1)
    by_length = [(keyframes >= low) & (keyframes < high) for low, high in pairwise((0, *LENGTHS, np.inf))]
    return {
        "films": len(c),
        "tags": int(known.sum()),
        "true_tags": float(true.sum(1).mean()),
        **_sure(c, true),
        "films_with_nothing_sure": float((c < SURE).all(1).mean()),
        "brier": float(((c - true) ** 2).mean()),
        "calibration_error": calibration_error(c.ravel(), true.ravel()),
        "reliability": [
            {"confidence": float(c[at].mean()), "true": float(true[at].mean()), "tags": int(at.sum())}
            for at in (places == place for place in range(BINS))
            if at.any()
        ],
        "by_length": [
            {"keyframes_from": low, **_sure(c[at], true[at])}
            for low, at in zip((0, *LENGTHS), by_length, strict=True)
            if at.any()
        ],
        "by_tag": {int(tag): _sure(c[:, [place]], true[:, [place]]) for place, tag in enumerate(np.flatnonzero(known))},
    }


def _sure(c: Doubles, true: Bools) -> dict[str, float | None]:
    """How many tags of a film are sure, the share of these that is true, and of the true ones that is sure."""
    sure = c >= SURE
    both = (sure & true).sum()
    return {
        "sure_tags": float(sure.sum(1).mean()),
        "precision": float(both / sure.sum()) if sure.any() else None,
        "recall": float(both / true.sum()) if true.any() else None,
    }
