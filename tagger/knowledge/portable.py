"""What a head learned on the class evidence of some networks is worth to networks of another family."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tagger.evaluation.metrics import balanced, places
from tagger.knowledge import heads
from tagger.knowledge.labelled import Labelled
from tagger.knowledge.regression import interval
from tagger.records import Bools, Floats, Ints


def left_out(
    seen: dict[str, Floats],
    family: dict[str, str],
    pictures: Labelled,
    cache: Path | None = None,
    only: str | None = None,
    said: Floats | None = None,
) -> dict[str, heads.Answers]:
    """Returns what each network's evidence says through heads that met neither its family nor the picture's source.

    Args:
        seen: class evidence by network, (n, views, 1000).
        family: of each network.
        pictures: n of them.
        cache: folder where answers are kept.
        only: the one family to ask about; all by default.
        said: answers that say which labels overlap, as of `heads.learn`.
    """
    answers: dict[str, heads.Answers] = {}
    for kin in [only] if only else sorted(set(family.values())):
        names = [name for name in seen if family[name] == kin]
        others = [rows for name, rows in seen.items() if name not in names]
        rows = np.stack([seen[name][:, 0] for name in names])
        found = heads.answers(others, rows, pictures, cache, said)
        answers |= {name: {recipe: z[place] for recipe, z in found.items()} for place, name in enumerate(names)}
    return answers


def native(
    seen: dict[str, Floats], pictures: Labelled, cache: Path | None = None, said: Floats | None = None
) -> dict[str, heads.Answers]:
    """Returns what each network's evidence says through heads learned on it alone, on other sources."""
    return {name: heads.answers([rows], rows[:, 0], pictures, cache, said) for name, rows in seen.items()}


def transfer(own: dict[str, Floats], foreign: dict[str, Floats], pictures: Labelled) -> dict[str, Any]:
    """Returns per network the balanced top-3 of its native and of the foreign head, and the share that is left.

    Args:
        own: logits (n, tags) by network, through its native head.
        foreign: the same, through heads that met no network of its family.
        pictures: n of them.
    """
    judged = np.flatnonzero(pictures.fair[pictures.tag])
    tag, source, right = pictures.tag[judged], pictures.source[judged], pictures.right[judged]
    everything = np.arange(len(judged))
    table = {}
    for name in own:
        hits = [places(z[name][judged], right) < 3 for z in (own, foreign)]

        def top3(i: Ints, hits: list[Bools] = hits) -> list[float]:
            return [balanced(hit[i], tag[i]) for hit in hits]

        def share(i: Ints, top3: Callable[[Ints], list[float]] = top3) -> float:
            native_top3, foreign_top3 = top3(i)
            return foreign_top3 / native_top3

        table[name] = {
            **dict(zip(("native_top3", "left_out_top3"), top3(everything), strict=True)),
            "share": share(everything),
            "share_interval": interval(share, source),
        }
    return table
