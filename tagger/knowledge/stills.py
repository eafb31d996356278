"""Real films: a few stills of each, and what the film is about by other people's genres and keywords.

    FOLDER/truth.tsv       columns slug, tags (slugs of tags, joined by "|"), same_film_in_training_repo
    FOLDER/SLUG/*.jpg      stills of the film

Nobody marked what a still shows: a film about a wedding may have none on its four stills, and what no keyword names
may well be seen. So figures are low for the best of answers, and are to be read beside those for films whose truths
were dealt out anew. Where stills and keywords came from says `docs/stills.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tagger import ranking
from tagger.evaluation.metrics import average_precision
from tagger.images import Pixels, without_bars
from tagger.knowledge.labelled import read as picture
from tagger.knowledge.views import pictures
from tagger.records import SURE, Bools, Doubles, TagScores
from tagger.vocabulary import Vocabulary

FIRST = 5  # tags of a film
POSITIVES_MIN = 10  # films that a tag is judged with
DEALS = 200  # of the truths, to say what chance reaches
RESAMPLES = 1000  # of the films, for the 95 % intervals
DISTINCT = "same_film_in_training_repo"  # column: other pictures of the film may have been learned from


@dataclass(frozen=True, slots=True)
class Stills:
    """Films, their stills and what is true of them."""

    paths: tuple[tuple[Path, ...], ...]  # of each film
    truth: Bools  # (films, tags)
    apart: Bools  # (films,) no picture of the film was learned from, as far as titles tell

    def measure(self, scores_of: Callable[[list[Pixels]], TagScores]) -> dict[str, Any]:
        """Returns how much of the truth the first tags of the films are, of all and of those apart.

        Args:
            scores_of: what the network measured says of pictures.
        """
        # W / N: films with more stills are not louder.
        weights = np.array([ranking.weights(scores_of(self._seen(paths))) / len(paths) for paths in self.paths])
        everything = np.ones(len(self.paths), bool)
        return {"all": self._told(weights, everything), "apart": self._told(weights, self.apart)}

    def sure(self, confidence_of: Callable[[list[Pixels]], Doubles]) -> dict[str, Any]:
        """Returns how many tags are sure of the films, and the share of these that is true, beside truths dealt anew.

        Args:
            confidence_of: what is to be measured, of the stills of a film.
        """
        sure = np.array([confidence_of(self._seen(paths)) for paths in self.paths]) >= SURE
        rng, count = np.random.default_rng(0), max(1, int(sure.sum()))
        dealt = [(sure & self.truth[rng.permutation(len(sure))]).sum() / count for _ in range(DEALS)]
        return {
            "films": len(sure),
            "sure_tags": float(sure.sum(1).mean()),
            "films_with_nothing_sure": float((~sure.any(1)).mean()),
            "true": float((sure & self.truth).sum() / count),
            "dealt_anew": float(np.mean(dealt)),
        }

    def _seen(self, paths: tuple[Path, ...]) -> list[Pixels]:
        return [without_bars(picture(path)) for path in paths]

    def _told(self, weights: Doubles, films: Bools) -> dict[str, Any]:
        judged = np.flatnonzero(self.truth.sum(0) >= POSITIVES_MIN)
        weights, truth = weights[films], self.truth[films]
        hits = first_right(weights, truth)
        rng = np.random.default_rng(0)
        dealt = [first_right(weights, truth[rng.permutation(len(truth))]).mean() for _ in range(DEALS)]
        drawn = [hits[rng.integers(len(hits), size=len(hits))].mean() for _ in range(RESAMPLES)]
        return {
            "films": len(truth),
            "stills": sum(len(paths) for paths, taken in zip(self.paths, films, strict=True) if taken),
            "right_tags": float(truth.sum(1).mean()),
            "first": {
                "right": float(hits.mean()),
                "interval": np.percentile(drawn, (2.5, 97.5)).tolist(),
                "dealt_anew": float(np.mean(dealt)),
            },
            "tags": len(judged),
            "average_precision": float(np.mean([average_precision(weights[:, t], truth[:, t]) for t in judged])),
            "prevalence": float(truth[:, judged].mean()),
        }


def first_right(weights: Doubles, truth: Bools) -> Doubles:
    """Returns which share of each film's first tags (films,) is true of it; a tag without weight is none of them."""
    right = np.take_along_axis(truth & (weights > 0), np.argsort(-weights, axis=1, kind="stable"), 1)
    return np.asarray(right[:, :FIRST].sum(1) / FIRST, np.float64)


def read(folder: Path, words: Vocabulary) -> Stills:
    """Returns the films of a folder that have stills."""
    table = pd.read_csv(folder / "truth.tsv", sep="\t", dtype=str, keep_default_na=False)
    table["paths"] = [tuple(pictures([folder / slug])) for slug in table["slug"]]
    table = table[table["paths"].map(len) > 0]
    truth = np.array([[slug in tags.split("|") for slug in words.slugs] for tags in table["tags"]])
    return Stills(tuple(table["paths"]), truth, np.asarray(table[DISTINCT] == ""))
