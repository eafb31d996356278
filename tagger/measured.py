"""How good the tags of a report were measured to be: of the very head that answered, as its figures say it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tagger import vocabulary
from tagger.errors import BadVocabulary
from tagger.models import head
from tagger.records import Share, TagReport
from tagger.typed_json import convert
from tagger.vocabulary import Vocabulary, slug

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
class SureAnswers:
    """What a tag's sure answers, those of a confidence of 0.5 or more, are worth in made-up films."""

    precision: Share | None
    """Share of them that is true; None where there is none."""
    recall: Share | None
    """Share of the films that show the tag which have one; None where no film shows it."""


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


@dataclass(frozen=True, slots=True)
class _Sure:
    by_tag: dict[str, SureAnswers]


@dataclass(frozen=True, slots=True)
class _Confidence:
    confidence: dict[str, Any] | None
    """Of a vocabulary that came with this package by head, of one that `movietags train` made that of its one head."""


def measured(report: TagReport) -> Measured | None:
    """Returns the figures of the head that answered; None where it is another, or was not measured."""
    if report.model.vocabulary not in vocabulary.shipped_names():
        return None
    return _pictures(report.model.vocabulary, *_answered(report))


def sure_answers(report: TagReport) -> dict[str, SureAnswers]:
    """Returns what sure answers of the head that answered are worth, by slug; none where nobody measured it."""
    return _sure(str(report.settings.get("vocabulary", report.model.vocabulary)), *_answered(report))


def _answered(report: TagReport) -> tuple[str, str]:
    """The backbone and the head."""
    return report.model.backbone.partition("/")[0], report.model.head_sha256


@lru_cache(maxsize=8)
def _pictures(words: str, backbone: str, head_sha256: str) -> Measured | None:
    with suppress(BadVocabulary, OSError, ValueError, KeyError):
        figures = convert(_Figures, _facts(_known(words, backbone, head_sha256)))
        whole = figures.heads[backbone]
        tags = {
            slug(one.tag): Estimate(one.average_precision.value, *one.average_precision.interval)
            for one in figures.per_tag.get(backbone, ())
            if one.average_precision
        }
        return Measured(whole.pictures, whole.top1, whole.top3, tags)
    return None


@lru_cache(maxsize=8)
def _sure(words: str, backbone: str, head_sha256: str) -> dict[str, SureAnswers]:
    with suppress(BadVocabulary, OSError, ValueError, LookupError):
        known = _known(words, backbone, head_sha256)
        kind, told = known.head_path(backbone).stem, convert(_Confidence, _facts(known)).confidence or {}
        if kind in told:
            return convert(_Sure, told[kind]).by_tag
        return {known.slugs[int(place)]: one for place, one in convert(_Sure, told).by_tag.items()}
    return {}


def _known(words: str, backbone: str, head_sha256: str) -> Vocabulary:
    """The vocabulary, if its head for a backbone is this one."""
    known = vocabulary.load(words)
    if head.load(known.head_path(backbone), known).sha256 != head_sha256:
        raise BadVocabulary(f"{words}: its head is another")
    return known


def _facts(known: Vocabulary) -> Any:
    return json.loads((known.folder / FIGURES).read_bytes())
