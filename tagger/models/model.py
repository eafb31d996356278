"""A network and the head trained on its features, loaded and checked together."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from tagger.errors import BadHead, BadWeights, reason
from tagger.images import Pixels
from tagger.models import backbone, compact
from tagger.models.architectures import AUTO, EMBEDDED, REFERENCE, named
from tagger.models.backbone import EMBEDDED_ARRAYS, Backbone
from tagger.models.evidence import CLASSES as CLASS_COUNT
from tagger.models.head import ANY_NETWORK, CLASSES, Head
from tagger.records import ModelInfo, TagScores
from tagger.settings import Settings
from tagger.vocabulary import PORTABLE, Vocabulary

Features = NDArray[np.float32]  # (n, d)
BLOCK = 1024  # pictures whose class evidence, 1000 numbers each, is held at once


@dataclass(frozen=True, slots=True)
class Model:
    """A network with the head trained on its features."""

    backbone: Backbone
    head: Head

    @property
    def nothing(self) -> Features:
        """The features of no pictures, (0, d)."""
        return np.empty((0, self.backbone.feature_count), np.float32)

    def features(self, pictures: Sequence[Pixels]) -> Features:
        """Returns the features (n, d) of pictures without bars: the same of each, whichever others come with it.

        True to the last bit for the embedded network; those of Keras may differ in the seventh digit.

        Raises:
            NonFiniteFeatures: the network answered NaN or infinity for a picture.
        """
        return self.backbone.features(pictures)

    def scores_of(self, features: Features) -> TagScores:
        """Returns the scores of pictures with these features (n, d)."""
        if self.head.reads != CLASSES:
            return self.head.scores(features)
        blocks = range(0, max(1, len(features)), BLOCK)  # else the evidence of a long film would be large
        parts = [self.head.scores(self.backbone.evidence_of(features[at : at + BLOCK])) for at in blocks]
        return TagScores(*(np.concatenate([getattr(part, name) for part in parts]) for name in TagScores.__slots__))

    def scores(self, pictures: Sequence[Pixels]) -> TagScores:
        """Returns the scores of pictures without bars."""
        return self.scores_of(self.features(pictures))

    def info(self, vocabulary_name: str) -> ModelInfo:
        """Returns what a report says about the model."""
        network = self.backbone.whole_sha256 if self.head.reads == CLASSES else self.backbone.sha256
        return ModelInfo(vocabulary_name, self.backbone.identity, self.head.sha256, network)


def choose(settings: Settings, words: Vocabulary) -> str:
    """Returns the backbone that `auto` stands for here, the better one that needs no download; else the one named."""
    if settings.backbone != AUTO:
        return settings.backbone
    own = [name for name in words.heads if name != PORTABLE]
    if settings.weights is None and {REFERENCE, PORTABLE} & {*words.heads} and named(REFERENCE).with_top.path.is_file():
        return REFERENCE
    return own[0] if own and {EMBEDDED, PORTABLE}.isdisjoint(words.heads) else EMBEDDED


def load(settings: Settings, head: Head, words: Vocabulary) -> Model:
    """Returns the model, which has answered once, so that whatever is made with the first call has been.

    Raises:
        BadHead: the head was trained on other weights of this network.
        BadWeights, WeightsMissing: as `tagger.models.backbone.load`.
    """
    network = backbone.load(settings.backbone, settings.weights_file, settings.batch_size, settings.device)
    own = (head.backbone, head.backbone_sha256) == (network.identity, network.sha256)
    if not own and head.backbone != ANY_NETWORK:
        raise BadHead(
            f"the head for {network.name} in {words.folder} was trained on {head.backbone} "
            f"{head.backbone_sha256[:12]}, {network.source} holds {network.identity} {network.sha256[:12]}: "
            f"use the weights it was trained with, or train a vocabulary for these"
        )
    given = CLASS_COUNT if head.reads == CLASSES else network.feature_count
    if head.inputs != given:
        raise BadHead(
            f"the head for {network.name} in {words.folder} takes {head.inputs} features, the network gives {given}"
        )
    model = Model(network, head)
    model.scores([np.zeros((1, 1, 3), np.uint8)] * network.rehearsal)
    return model


def input_size(name: str) -> int:
    """Returns the side in pixels of the square pictures that a backbone takes, without loading it.

    Raises:
        BadSettings: there is no such backbone.
    """
    return compact.INPUT_SIZE if name == EMBEDDED else named(name).input_size


class ModelLoader:
    """Loads a model once, in a thread, however many ask for it; what failed may be tried again."""

    def __init__(self, settings: Settings, head: Head, words: Vocabulary) -> None:
        """Begins nothing yet."""
        self._parts = settings, head, words
        self._lock = threading.Lock()
        self._loading: Future[tuple[Model, float]] | None = None

    def begin(self) -> Future[tuple[Model, float]]:
        """Returns the model to come and the `time.monotonic()` at which it stands ready; begins unless that is done."""
        with self._lock:
            failed = self._loading is not None and self._loading.done() and self._loading.exception() is not None
            if self._loading is None or failed:
                thread = ThreadPoolExecutor(1, "load")
                self._loading = thread.submit(self._load)
                thread.shutdown(wait=False)
            return self._loading

    def model(self) -> Model:
        """Returns the model, waiting for it if need be.

        Raises:
            BadHead, BadWeights, WeightsMissing, ...: as `load`.
        """
        return self.begin().result()[0]

    def ready_at(self) -> float:
        """Returns the `time.monotonic()` at which the model stood ready, waiting for it if need be."""
        return self.begin().result()[1]

    def _load(self) -> tuple[Model, float]:
        return load(*self._parts), time.monotonic()


IDENTITY = 1  # version of the list below
# What decides about a film's tags, of version 1: always in the list, so that another default changes the identity.
COUNTED = ("backbone", "scan", "detector", "min_shot_s", "min_entropy_bits", "reservoir_bytes")
# What counts by its content, or only says where the work is done.
NOT_COUNTED = ("weights", "vocabulary", "batch_size", "device", "hwaccel")


def identity(settings: Settings, head: Head, words: Vocabulary, detector_version: str) -> str:
    """Returns a digest of all that decides about a film's tags but the film, without loading the network.

    It is taken of a list of names and values: those of COUNTED, the contents of vocabulary, head and weights, and the
    version of the detector. An option that comes later is in the list only where it is not at its default, so that it
    redoes nothing. Of published weights that lie in Keras's cache only the name counts; where the work is done (batch
    size, device, decoding hardware) does not.

    Raises:
        BadWeights: the weights file cannot be read.
    """
    file = settings.weights_file or (EMBEDDED_ARRAYS if settings.backbone == EMBEDDED else None)
    try:
        knowledge = file.read_bytes() if file else named(settings.backbone).with_top.name.encode()
    except OSError as error:
        raise BadWeights(f"{file}: cannot be read ({reason(error)})") from error
    counted = [(name, getattr(settings, name)) for name in COUNTED]
    later = (option for option in fields(settings) if option.name not in (*COUNTED, *NOT_COUNTED))
    counted += [(o.name, getattr(settings, o.name)) for o in later if getattr(settings, o.name) != o.default]
    facts = {
        "vocabulary": words.sha256,
        "head": head.sha256,
        "weights": hashlib.sha256(knowledge).hexdigest(),
        "detector_version": detector_version,
        **dict(counted),
    }
    text = json.dumps(facts, sort_keys=True)
    return f"{IDENTITY}-{hashlib.sha256(text.encode()).hexdigest()}"
