"""How good the tags of a report were measured to be: of a head that came with this package, as its figures say it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from tagger import vocabulary
from tagger.errors import BadVocabulary
from tagger.models import head
from tagger.records import TagReport
from tagger.typed_json import convert
from tagger.vocabulary import slug

FIGURES = "figures.json"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Of pictures from collections that the head never saw."""

    pictures: int
    top1: float
    """Share whose right tag is first."""
    top3: float
    tags: dict[str, Estimate]
    """Average precision by slug; of tags that could be measured."""


@dataclass(frozen=True, slots=True)
class _Value:
    value: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Tag:
    tag: str
    average_precision: _Value | None = None


@dataclass(frozen=True, slots=True)
class _Head:
    pictures: int
    top1: float
    top3: float


@dataclass(frozen=True, slots=True)
class _Figures:
    heads: dict[str, _Head]
    per_tag: dict[str, tuple[_Tag, ...]]


def measured(report: TagReport) -> Measured | None:
    """Returns the figures of the head that answered; None where it is another, or was not measured."""
    return _of(report.model.vocabulary, report.model.backbone.partition("/")[0], report.model.head_sha256)


@lru_cache(maxsize=8)
def _of(words: str, backbone: str, head_sha256: str) -> Measured | None:
    if words not in vocabulary.shipped_names():
        return None
    with suppress(BadVocabulary, OSError, ValueError, KeyError):
        known = vocabulary.load(words)
        if head.load(known.head_path(backbone), known).sha256 != head_sha256:
            return None
        figures = convert(_Figures, json.loads((known.folder / FIGURES).read_bytes()))
        whole = figures.heads[backbone]
        tags = {
            slug(one.tag): Estimate(one.average_precision.value, *one.average_precision.interval)
            for one in figures.per_tag.get(backbone, ())
            if one.average_precision
        }
        return Measured(whole.pictures, whole.top1, whole.top3, tags)
    return None
