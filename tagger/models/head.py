"""Stage 4: features -> tag probabilities.

The head of the source paper: dropout 0.5 (in training), y = ReLU(x W + b), p = softmax(y). It is one
matrix, so it is stored as arrays and computed with numpy; no framework reads or runs it. Trained ones may have
hidden layers, x -> ReLU(x W + b), before it; or say of each tag by itself how probable it is, p = sigmoid(x W + b),
with y = ReLU(x W + b) again the evidence: there is some where a tag is more probable than not.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.confidence import Calibration
from tagger.errors import BadHead, NonFiniteFeatures
from tagger.models import arrays
from tagger.records import Floats, TagScores
from tagger.settings import ACTIVATIONS, SIGMOID, SOFTMAX
from tagger.typed_json import convert
from tagger.vocabulary import Vocabulary

FORMAT = "movietags-head/1"
# What a head reads: a network's features, its class evidence, or first these and then that.
FEATURES, CLASSES, BOTH = READABLE = "features", "classes", "features+classes"
ANY_NETWORK = "imagenet"  # the backbone of a portable head
SHOWS = ("shows_kernel", "shows_bias")  # arrays that tell whether a picture shows anything
LAST = {SOFTMAX: ("relu", "softmax"), SIGMOID: ("sigmoid",)}  # what follows the last dense layer


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A layer x -> x kernel + bias."""

    kernel: Floats  # (inputs, units)
    bias: Floats  # (units,)

    def __call__(self, x: Floats) -> Floats:
        """Returns (n, units) of (n, inputs)."""
        return np.asarray(x @ self.kernel + self.bias, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Trained dense layers over one backbone's features, its class evidence or both, or over the evidence of any."""

    kernel: Floats  # of the last layer: (what it reads or hidden units, tags)
    bias: Floats  # (tags,)
    trained: tuple[bool, ...]  # per tag: were there examples of it?
    vocabulary_sha256: str
    backbone: str  # identity of the features it was trained on; "imagenet" for a portable one
    backbone_sha256: str  # "" for a portable one
    reads: str = FEATURES
    hidden: tuple[Dense, ...] = ()  # each followed by ReLU, the last layer comes after them
    activation: str = SOFTMAX
    shows: Dense | None = None  # on what it reads, (inputs, 1): the log odds that a picture shows anything at all
    calibration: Calibration | None = None  # scores of a film -> confidence of its tags

    @property
    def layers(self) -> tuple[Dense, ...]:
        """All of them, in order."""
        return (*self.hidden, Dense(self.kernel, self.bias))

    @property
    def inputs(self) -> int:
        """How many features or classes it reads."""
        return len(self.layers[0].kernel)

    @property
    def sha256(self) -> str:
        """Digest of the numbers."""
        return arrays.digest([part for layer in self.layers for part in (layer.kernel, layer.bias)])

    def scores(self, features: Floats) -> TagScores:
        """Returns probabilities and evidence of n pictures.

        Args:
            features: float32 (n, d), class evidence (n, 1000), or both (n, d + 1000), as trained.

        Raises:
            NonFiniteFeatures: kernel and features overflow.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # said in words below
            x = features
            for layer in self.hidden:
                x = np.maximum(layer(x), 0.0)
            logits = self.layers[-1](x)
            odds = self.shows(features)[:, 0] if self.shows else np.zeros(len(logits), np.float32)
        if not (np.isfinite(logits).all() and np.isfinite(odds).all()):
            raise NonFiniteFeatures("the head's numbers are too large for float32: its vocabulary cannot be used")
        scores = answers(logits, self.activation)
        return TagScores(scores.probabilities, scores.evidence, _sigmoid(odds) if self.shows else None)

    def save(self, path: Path, **card: Any) -> None:
        """Writes `path` (.npz) and its .json manifest; `card` adds facts for people (data, figures)."""
        manifest = {
            "format": FORMAT,
            "vocabulary_sha256": self.vocabulary_sha256,
            "backbone": self.backbone,
            "backbone_sha256": self.backbone_sha256,
            "reads": self.reads,
            "layers": [*["dense", "relu"] * len(self.hidden), "dense", *LAST[self.activation]],
            "activation": self.activation,
            "trained": list(self.trained),
            **({} if self.calibration is None else {"confidence": asdict(self.calibration)}),
            **card,
        }
        stored: dict[str, NDArray[np.floating]] = {"kernel": _packed(self.kernel), "bias": self.bias}
        for place, layer in enumerate(self.hidden):
            stored |= {f"hidden{place}_kernel": layer.kernel, f"hidden{place}_bias": layer.bias}
        if self.shows:
            stored |= dict(zip(SHOWS, (_packed(self.shows.kernel), self.shows.bias), strict=True))
        arrays.save(path, stored, manifest)


def _packed(kernel: Floats) -> NDArray[np.floating]:
    """A kernel in half the room, where nothing is lost."""
    half = kernel.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), kernel) else kernel


def answers(logits: Floats, activation: str) -> TagScores:
    """Returns what logits (n, tags) of the last layer mean: y = ReLU(logits), and p by the activation."""
    evidence = np.maximum(logits, 0.0)
    if activation == SIGMOID:
        return TagScores(_sigmoid(logits), evidence)
    # Subtracting the row's maximum changes nothing in exact arithmetic and keeps exp in range.
    grown = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    return TagScores(grown / grown.sum(axis=1, keepdims=True), evidence)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), np.float32)  # cannot overflow


def measured(path: Path) -> float | None:
    """Returns the share of pictures of other sources whose tag is among the first three, if the manifest says it."""
    try:
        top3 = arrays.read_manifest(path.with_suffix(".json")).get("top3")
    except BadHead:
        return None
    return float(top3) if isinstance(top3, float) and 0 <= top3 <= 1 else None


def load(path: Path, vocabulary: Vocabulary) -> Head:
    """Returns the head at `path`, checked against its manifest and the vocabulary.

    Raises:
        BadHead: format, sizes, digest or values are wrong; the message names what differs.
    """
    manifest = arrays.read_manifest(path.with_suffix(".json"))
    if manifest.get("format") != FORMAT:
        raise BadHead(f"{path}: format {manifest.get('format')!r}, this version reads {FORMAT!r}")
    if manifest.get("vocabulary_sha256") != vocabulary.sha256:
        raise BadHead(f"{path} was trained for other tags, or another order, than {vocabulary.folder / 'labels.txt'}")
    stored = arrays.load(path)
    shows = _shows(path, {name: stored.pop(name) for name in SHOWS if name in stored})
    *hidden, last = layers = _layers(path, stored)
    if shows and len(shows.kernel) != len(layers[0].kernel):
        raise BadHead(f"{path}: {SHOWS[0]} {shows.kernel.shape} does not take the {len(layers[0].kernel)} inputs")
    tags = len(vocabulary.tags)
    if len(last.bias) != tags:
        raise BadHead(f"{path}: kernel {last.kernel.shape} and bias {last.bias.shape} do not give {tags} tags")
    trained = manifest.get("trained")
    if not isinstance(trained, list) or len(trained) != tags or not all(type(flag) is bool for flag in trained):
        raise BadHead(f'{path.with_suffix(".json")}: "trained" must say true or false for each of {tags} tags')
    reads = manifest.get("reads", FEATURES)
    if reads not in READABLE:
        choices = ", ".join(READABLE)
        raise BadHead(f'{path.with_suffix(".json")}: "reads" is {reads!r}, this version knows {choices}')
    activation = manifest.get("activation", SOFTMAX)
    if activation not in ACTIVATIONS:
        choices = " and ".join(ACTIVATIONS)
        raise BadHead(f'{path.with_suffix(".json")}: "activation" is {activation!r}, this version knows {choices}')
    return Head(
        last.kernel,
        last.bias,
        tuple(trained),
        vocabulary.sha256,
        str(manifest.get("backbone")),
        str(manifest.get("backbone_sha256")),
        reads,
        tuple(hidden),
        activation,
        shows,
        _calibration(path.with_suffix(".json"), manifest, trained),
    )


def _calibration(path: Path, manifest: dict[str, Any], trained: list[bool]) -> Calibration | None:
    """What the manifest says of confidence; None if it says nothing of it."""
    if "confidence" not in manifest:
        return None
    try:
        found = convert(Calibration, manifest["confidence"])
    except ValueError as error:
        raise BadHead(f'{path}: "confidence" cannot be read ({error}): copy the whole vocabulary folder') from error
    numbers = [found.mean, found.strongest, *(offset for offset in found.offsets if offset is not None)]
    if [offset is not None for offset in found.offsets] != trained or not np.isfinite(numbers).all():
        raise BadHead(
            f'{path}: "confidence" has {len(found.offsets)} offsets that do not suit the {len(trained)} tags: a finite '
            f"number for each trained one, null for the others: copy the whole vocabulary folder"
        )
    return found


def _shows(path: Path, stored: arrays.Arrays) -> Dense | None:
    """What tells whether a picture shows anything, of its arrays; None if there are none."""
    if not stored:
        return None
    shapes = {name: part.shape for name, part in stored.items()}
    if (
        set(stored) != set(SHOWS)
        or len(shapes[SHOWS[0]]) != 2
        or (shapes[SHOWS[0]][1:], shapes[SHOWS[1]]) != ((1,), (1,))
    ):
        raise BadHead(f"{path}: {shapes} are not {SHOWS[0]} (inputs, 1) and {SHOWS[1]} (1,)")
    return Dense(*(stored[name] for name in SHOWS))


def _layers(path: Path, stored: arrays.Arrays) -> list[Dense]:
    """The layers of a head from its arrays, each fitting the one before."""
    names = [f"hidden{place}_" for place in range(len(stored) // 2 - 1)] + [""]
    if set(stored) != {f"{name}{part}" for name in names for part in ("kernel", "bias")}:
        raise BadHead(
            f"{path} holds arrays {sorted(stored)[:6]}, a head has bias and kernel, and those of hidden layers"
        )
    layers = [Dense(stored[f"{name}kernel"], stored[f"{name}bias"]) for name in names]
    inputs = layers[0].kernel.shape[0]
    for name, layer in zip(names, layers, strict=True):
        if layer.kernel.ndim != 2 or layer.kernel.shape[0] != inputs or layer.bias.shape != layer.kernel.shape[1:]:
            raise BadHead(
                f"{path}: {name}kernel {layer.kernel.shape} and bias {layer.bias.shape} do not follow {inputs} inputs"
            )
        inputs = len(layer.bias)
    return layers
