"""Several data sets as one, so that near copies that stand in different sets are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tagger.errors import BadPath, BadSettings
from tagger.records import Bools, CountProgress
from tagger.training.copies import families
from tagger.training.dataset import PICTURES_MIN, Dataset, Stamps, collect
from tagger.training.folders import find, listed
from tagger.vocabulary import TAGS_MIN, slug

SETS_MIN = 2


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """The pictures of all sets as one data set, so that near copies in different sets are known."""

    names: tuple[str, ...]
    data: Dataset
    member: Bools  # (n, sets): in which sets a picture stands


class _Remembered:
    """Fingerprints, known before or new, that stay at hand."""

    def __init__(self, known: Stamps) -> None:
        self._known = known
        self.found: dict[bytes, bytes] = {}

    def get(self, sha256: list[bytes]) -> dict[bytes, bytes]:
        stamps = self._known.get(sha256)
        self.found |= stamps
        return stamps

    def put(self, stamps: dict[bytes, bytes]) -> None:
        self.found |= stamps
        self._known.put(stamps)


def joined(
    roots: Sequence[Path], *, limit_per_tag: int | None, seed: int, known: Stamps, progress: CountProgress
) -> Joint:
    """Returns the pictures of all sets of the tags that all of them have.

    Args:
        roots: a data set each: folders with one sub-folder per tag.
        limit_per_tag: as `collect`, of each set; likewise `seed`, `known` and `progress`.

    Raises:
        BadPath: as `collect`; fewer than two tags in common; a set has too few pictures of one.
        BadSettings: fewer than two sets, or one twice; as `collect`.
    """
    if len({root.resolve() for root in roots}) < max(SETS_MIN, len(roots)):
        raise BadSettings(f"{listed(roots)}: name two folders or more, each once")
    tags, left_out = _shared(roots)
    stamps = _Remembered(known)
    parts = [
        collect([root], limit_per_tag=limit_per_tag, seed=seed, known=stamps, tags=tags, progress=progress)
        for root in roots
    ]  # fmt: skip
    for root, part in zip(roots, parts, strict=True):
        few = [f"{tags[tag]!r} ({count})" for tag, count in enumerate(part.right.sum(0)) if count < PICTURES_MIN]
        if few:
            raise BadPath(
                f"{root}: too few pictures of {', '.join(few)}: add some up to {PICTURES_MIN}, or move it away"
            )
    data, member = _union(parts, stamps.found)
    names = tuple(root.resolve().name for root in roots)
    unlike = len(set(names)) == len(names)
    return Joint(names if unlike else tuple(map(str, roots)), replace(data, left_out=left_out), member)


def _union(parts: Sequence[Dataset], stamps: dict[bytes, bytes]) -> tuple[Dataset, Bools]:
    """The pictures of all parts, which have the same tags, with families anew; and in which parts they are."""
    paths = {sha256: path for part in parts for sha256, path in zip(part.sha256, part.paths, strict=True)}
    every = sorted(paths)
    number = {sha256: place for place, sha256 in enumerate(every)}
    right = np.zeros((len(every), len(parts[0].tags)), bool)
    member = np.zeros((len(every), len(parts)), bool)
    for place, part in enumerate(parts):
        rows = [number[sha256] for sha256 in part.sha256]
        right[rows] |= part.right
        member[rows, place] = True
    family = families(np.frombuffer(b"".join(stamps[sha256] for sha256 in every), np.uint64))
    skipped = tuple(file for part in parts for file in part.skipped)
    ordered = tuple(paths[sha256] for sha256 in every)
    return Dataset(parts[0].tags, ordered, tuple(every), right, family, skipped, ()), member


def _shared(roots: Sequence[Path]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tags that all roots have, and those that only some have."""
    named = [{slug(tag): tag for tag in find([root], None).tags} for root in roots]
    shared = [key for key in named[0] if all(key in other for other in named)]
    others = {key: tag for tags in named for key, tag in tags.items() if key not in shared}
    if len(shared) < TAGS_MIN:
        have = ", ".join(named[0][key] for key in shared) or "none"
        raise BadPath(
            f"{listed(roots)}: need {TAGS_MIN} tags in common, have {have}: sub-folders of a tag have one name"
        )
    return tuple(named[0][key] for key in shared), tuple(others[key] for key in sorted(others))
