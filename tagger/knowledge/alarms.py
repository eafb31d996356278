"""False alarms of open_nsfw: how often it says Nudity of pictures that were collected for something else."""

from __future__ import annotations

from typing import Any

import numpy as np

from tagger.images import without_bars
from tagger.knowledge.labelled import BATCH, Labelled, read
from tagger.models.nudity import SURE, Nudity
from tagger.records import Floats

# Where skin is, and nothing to hide: the tags that a careless network would take for it.
SKIN = (
    "swimming", "beach-sea", "exercise", "romance", "dance", "children", "glamor-fashion", "food", "animal", "sports"
)  # fmt: skip


def measure(pictures: Labelled) -> dict[str, Any]:
    """Returns of pictures with skin the shares that it is sure are Nudity, and means; of all and by tag."""
    network = Nudity(0)
    tag_of = np.array(pictures.slugs)[pictures.tag]
    chosen = np.flatnonzero(np.isin(tag_of, SKIN))
    parts = [np.empty(0, np.float32)]
    for start in range(0, len(chosen), BATCH):
        batch = [without_bars(read(pictures.paths[place])) for place in chosen[start : start + BATCH]]
        parts.append(network.probabilities(batch))
    p, tags = np.concatenate(parts), tag_of[chosen]
    by_tag = {slug: told(p[tags == slug]) for slug in SKIN if (tags == slug).any()}
    return {"all": told(p), "by_tag": by_tag} if len(p) else {}


def told(p: Floats) -> dict[str, float]:
    """Returns how many probabilities there are, the share of alarms among them, and their mean."""
    return {"pictures": len(p), "alarms": float((p > SURE).mean()), "mean": float(p.mean())}
