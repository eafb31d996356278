"""False alarms of open_nsfw: how often it says Nudity of pictures that were collected for something else."""

from __future__ import annotations

from typing import Any

import numpy as np

from tagger.images import without_bars
from tagger.knowledge.labelled import BATCH, Labelled, read
from tagger.models.nudity import SURE, Nudity

# Where skin is, and nothing to hide: the tags that a careless network would take for it.
SKIN = (
    "swimming", "beach-sea", "exercise", "romance", "dance", "children", "glamor-fashion", "food", "animal", "sports"
)  # fmt: skip


def measure(pictures: Labelled) -> dict[str, Any]:
    """Returns the shares of pictures that are more probably Nudity than not, of all and by tag, and the mean."""
    network = Nudity(0)
    parts = []
    for start in range(0, len(pictures.paths), BATCH):
        batch = [without_bars(read(path)) for path in pictures.paths[start : start + BATCH]]
        parts.append(network.probabilities(batch))
    p = np.concatenate(parts)
    tag_of = np.array(pictures.slugs)[pictures.tag]

    def told(chosen: np.typing.NDArray[np.bool_]) -> dict[str, float]:
        return {
            "pictures": int(chosen.sum()),
            "alarms": float((p[chosen] > SURE).mean()),
            "mean": float(p[chosen].mean()),
        }

    by_tag = {slug: told(tag_of == slug) for slug in SKIN if (tag_of == slug).any()}
    return {"all": told(np.ones(len(p), bool)), "by_tag": by_tag}
