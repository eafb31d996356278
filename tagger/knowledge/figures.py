"""Figures for people: how good the answers about pictures of other sources are, as a whole and tag by tag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tagger.evaluation.metrics import auc, average_precision, balanced, calibration_error, places
from tagger.knowledge.labelled import Labelled
from tagger.knowledge.regression import interval
from tagger.records import Bools, Floats, Ints


def whole(p: Floats, pictures: Labelled) -> dict[str, Any]:
    """Returns what a head's probabilities `p` (n, tags) are worth on sources that it had not seen, for fair tags."""
    judged = np.flatnonzero(pictures.fair[pictures.tag])
    tag, source, p = pictures.tag[judged], pictures.source[judged], p[judged]
    place = places(p, pictures.right[judged])
    answer: dict[str, Any] = {
        "pictures": len(judged),
        "tags": int(pictures.fair.sum()),
        "sources": len(np.unique(source)),
        "calibration_error": calibration_error(p.max(1), place == 0),
    }
    for count in (1, 3, 5):
        hit = place < count
        answer[f"top{count}"] = balanced(hit, tag)
        answer[f"top{count}_interval"] = interval(lambda i, hit=hit: balanced(hit[i], tag[i]), source)  # type: ignore[misc]
    return answer


def per_tag(across: Floats, inside: Floats, pictures: Labelled, tags: tuple[str, ...]) -> list[dict[str, Any]]:
    """Returns one row per tag: pictures, sources, and how well it is told from all others.

    Args:
        across: probabilities (n, tags) by heads that saw other sources; they judge the fair tags.
        inside: probabilities (n, tags) by heads that saw other pictures of the same sources; they judge the others.
        pictures: n of them.
        tags: names.
    """
    rows: list[dict[str, Any]] = []
    for tag, name in enumerate(tags):
        own = pictures.tag == tag
        row: dict[str, Any] = {"tag": name, "pictures": int(own.sum()), "sources": len(np.unique(pictures.source[own]))}
        if own.any():
            fair = bool(pictures.fair[tag])
            p = across if fair else inside
            row["measured_on"] = "other sources" if fair else "the same sources"
            row["top3"] = float((places(p, pictures.right)[own] < 3).mean())
            units = pictures.source if fair else np.arange(len(own))
            row |= _told_apart(p[:, tag], pictures.right[:, tag], units)
        rows.append(row)
    return rows


def _told_apart(score: Floats, positive: Bools, units: Ints) -> dict[str, Any]:
    measures: dict[str, Callable[[Floats, Bools], float]] = {"average_precision": average_precision, "auc": auc}
    return {
        key: {
            "value": measure(score, positive),
            "interval": interval(lambda i, f=measure: f(score[i], positive[i]), units, resamples=200),  # type: ignore[misc]
        }
        for key, measure in measures.items()
    }
