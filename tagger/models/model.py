"""A network and the head trained on its features, loaded and checked together."""

from __future__ import annotations

import atexit
import hashlib
import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, fields
from weakref import WeakSet

import numpy as np

from tagger.confidence import confidence
from tagger.errors import BadHead, BadWeights, reason
from tagger.images import DECODING, Pixels
from tagger.models import nudity, registry
from tagger.models.backbone import Backbone, whole_sha256
from tagger.models.evidence import CLASS_COUNT, class_evidence
from tagger.models.head import ANY_NETWORK, BOTH, CLASSES, FEATURES, Head
from tagger.models.nudity import Nudity
from tagger.models.weights import WeightsFile
from tagger.records import Doubles, Floats, ModelInfo, TagScores
from tagger.settings import Settings
from tagger.vocabulary import Vocabulary

Features = Floats  # (n, d)
HEAD = "head"  # answers for all tags that it learned
BLOCK = 1024  # pictures whose class evidence, 1000 numbers each, is held at once


@dataclass(frozen=True, slots=True)
class Model:
    """A network with the head trained on its features, and what answers for a tag that the head never learned."""

    backbone: Backbone
    head: Head
    nudity: Nudity | None = None

    @property
    def nothing(self) -> Features:
        """The features of no pictures, (0, d)."""
        return np.empty((0, self.backbone.feature_count + (self.nudity is not None)), np.float32)

    @property
    def answered_by(self) -> tuple[str, ...]:
        """Returns per tag what its probability comes from: `HEAD`, a package, or "" where nothing knows it."""
        answers = [HEAD if trained else "" for trained in self.head.trained]
        if self.nudity:
            answers[self.nudity.at] = nudity.NAME
        return tuple(answers)

    def features(self, pictures: Sequence[Pixels]) -> Features:
        """Returns the features (n, d) of pictures without bars: the same of each, whichever others come with it.

        The last column is what open_nsfw says, where that answers for a tag.

        True to the last bit for the embedded network; those of Keras may differ in the seventh digit.

        Raises:
            NonFiniteFeatures: the network answered NaN or infinity for a picture.
            NetworkFailed: the network could not be run.
        """
        seen = self.backbone.features(pictures)
        return np.column_stack([seen, self.nudity.probabilities(pictures)]) if self.nudity else seen

    def scores_of(self, features: Features) -> TagScores:
        """Returns the scores of pictures with these features (n, d).

        Raises:
            BadWeights: the head reads class evidence, and the network's weights came without the classifier.
        """
        seen = features[:, : self.backbone.feature_count]
        blocks = range(0, max(1, len(seen)), BLOCK)  # else the evidence of a long film would be large
        parts = [self.head.scores(self._read(seen[at : at + BLOCK])) for at in blocks]
        shows = [part.shows for part in parts if part.shows is not None]
        scores = TagScores(
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.evidence for part in parts]),
            np.concatenate(shows) if shows else None,
        )
        return self.nudity.answered(scores, features[:, -1]) if self.nudity else scores

    def confidence(self, scores: TagScores) -> Doubles | None:
        """Returns how probable it is that a film with these scores shows each tag, (tags,); None: nothing says so."""
        if self.head.calibration is None:
            return None
        if not (self.nudity and len(scores.probabilities)):
            return confidence(scores, self.head.calibration)
        found = confidence(self.nudity.without(scores), self.head.calibration)  # it was learned from the head alone
        found[self.nudity.at] = self.nudity.confidence(scores)
        return found

    def _read(self, features: Features) -> Floats:
        """What the head reads of features (n, d)."""
        if self.head.reads == FEATURES:
            return features
        evidence = self.evidence(features)
        return np.concatenate([features, evidence], 1) if self.head.reads == BOTH else evidence

    def evidence(self, features: Features) -> Floats:
        """Returns the class evidence (n, 1000) of features (n, d).

        Raises:
            BadWeights: the network's weights came without the classifier.
        """
        network = self.backbone
        if network.classifier is None:
            fetch = f"`movietags models fetch {network.name}` gets the weights that have, or "
            fetched = any(isinstance(file, WeightsFile) for file in registry.entry(network.name).published)
            raise BadWeights(
                f"{network.source}: has no classifier, which the portable head builds on: "
                f"{fetch if fetched else ''}use --backbone {registry.EMBEDDED}"
            )
        return class_evidence(network.classifier.logits(features))

    def scores(self, pictures: Sequence[Pixels]) -> TagScores:
        """Returns the scores of pictures without bars."""
        return self.scores_of(self.features(pictures))

    def info(self, vocabulary_name: str) -> ModelInfo:
        """Returns what a report says about the model."""
        numbers = _numbers(self.backbone, self.head)
        return ModelInfo(vocabulary_name, self.backbone.identity, self.head.sha256, numbers, self.head.activation)


def load(settings: Settings, head: Head, words: Vocabulary) -> Model:
    """Returns the model, which has answered once, so that whatever is made with the first call has been.

    Raises:
        BadHead: the head was trained on other weights of this network.
        BadWeights: the network's weights came without the classifier, which the head needs.
        BadWeights, WeightsMissing, DeviceMissing, LibraryMissing, NetworkFailed: as `tagger.models.registry.load`,
            or as `tagger.models.nudity.Nudity`.
    """
    s = settings
    network = registry.load(s.backbone, s.weights_file, s.batch_size, s.device, s.precision)
    numbers = _numbers(network, head)
    matches = (head.backbone, head.backbone_sha256) == (network.identity, numbers)
    if not matches and head.backbone != ANY_NETWORK:
        raise BadHead(
            f"the head for {network.name} in {words.folder} was trained on {head.backbone} "
            f"{head.backbone_sha256[:12]}, {network.source} holds {network.identity} {numbers[:12]}: "
            f"use the weights it was trained with, or train a vocabulary for these"
        )
    check_inputs(network, head, words)
    at = nudity.place(words, head)
    model = Model(network, head, None if at is None else nudity.Nudity(at))
    model.scores([np.zeros((1, 1, 3), np.uint8)] * network.rehearsal)
    return model


def check_inputs(network: Backbone, head: Head, words: Vocabulary) -> None:
    """Refuses a head that takes another number of inputs than there are.

    Raises:
        BadHead: that is so.
    """
    features = network.feature_count
    given = {FEATURES: features, CLASSES: CLASS_COUNT, BOTH: features + CLASS_COUNT}[head.reads]
    if head.inputs != given:
        raise BadHead(
            f"the head for {network.name} in {words.folder} takes {head.inputs} numbers, the network gives {given}"
        )


def _numbers(network: Backbone, head: Head) -> str:
    """Digest of the numbers that lead to what the head reads, the classifier among them where it reads evidence."""
    return network.sha256 if head.reads == FEATURES else whole_sha256(network)


END_S = 30.0  # a network is built in less; what is still being fetched then may be left alone
_at_work: WeakSet[threading.Thread] = WeakSet()


@atexit.register
def _wait() -> None:
    """Waits for what is loading: a thread that is cut off in the middle of ONNX Runtime takes the process with it."""
    for thread in list(_at_work):
        thread.join(END_S)


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
            if self._loading is None:
                self._loading = Future()
                # A daemon: a program that is interrupted while weights are fetched does not wait for these.
                thread = threading.Thread(target=self._load, args=(self._loading,), name="load", daemon=True)
                _at_work.add(thread)
                thread.start()
            return self._loading

    def model(self) -> Model:
        """Returns the model, waiting for it if need be.

        Raises:
            BadHead, BadWeights, WeightsMissing, ...: as `load`.
        """
        return self._ready()[0]

    def ready_at(self) -> float:
        """Returns the `time.monotonic()` at which the model stood ready, waiting for it if need be."""
        return self._ready()[1]

    def _ready(self) -> tuple[Model, float]:
        loading = self.begin()
        try:
            return loading.result()
        except Exception:
            with self._lock:  # who asks after this begins anew
                if self._loading is loading:
                    self._loading = None
            raise

    def _load(self, loading: Future[tuple[Model, float]]) -> None:
        try:
            loading.set_result((load(*self._parts), time.monotonic()))
        except BaseException as error:
            loading.set_exception(error)


IDENTITY = 1  # version of the list below
# What decides about a film's tags, of version 1: always in the list, so that another default changes the identity.
COUNTED = ("backbone", "scan", "detector", "min_shot_s", "min_entropy_bits", "reservoir_bytes")
# What counts by its content, or only says where the work is done.
NOT_COUNTED = ("weights", "vocabulary", "batch_size", "device", "hwaccel")


def identity(settings: Settings, head: Head, words: Vocabulary, detector_version: str) -> str:
    """Returns a digest of all that decides about a film's tags but the film, without loading the network.

    It is taken of a list of names and values: those of COUNTED, the contents of vocabulary, head and weights, and the
    versions of the detector and of what is made of pictures. An option that comes later is in the list only where it
    is not at its default, so that it redoes nothing. Of published weights that lie in Keras's cache, and of a
    plugin's, only the name counts; where the work is done (batch size, device, decoding hardware) does not.

    Raises:
        BadWeights: the weights file cannot be read.
    """
    entry = registry.entry(settings.backbone)
    file = settings.weights_file or entry.shipped
    try:
        knowledge = file.read_bytes() if file else entry.edition.encode()
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
        "pictures": DECODING,
        **dict(counted),
        **({} if nudity.place(words, head) is None else {nudity.NAME: nudity.FILE.sha256}),
    }
    text = json.dumps(facts, sort_keys=True)
    return f"{IDENTITY}-{hashlib.sha256(text.encode()).hexdigest()}"
