"""Trains the shipped head: labelled pictures -> heads/compact.npz and the card of the vocabulary.

    python -m tagger.training.movies50 IMAGES VOCABULARY

IMAGES holds one folder per tag (its slug); file names are SOURCE__NUMBER.jpg. The head is a multinomial logistic
regression on frozen features, put into the published form y = ReLU(x W + b), p = softmax(y). Its temperature and
offset, and every figure of the card, come from sources that the head measured had not seen.
"""

from __future__ import annotations

import argparse
import datetime
import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger import arrays, backbone, images, vocabulary
from tagger.architectures import EMBEDDED
from tagger.head import Head
from tagger.training import card, crossval, views
from tagger.training.crossval import FOLDS, LARGEST_SOURCE_MAX, SOURCES_MIN, Bools, Floats, Ints, balanced, interval

L2 = 0.1  # the best of 0.03, 0.1 and 0.3 for the head on other sources
BATCH = 48  # views per call of the network
VIEWS = 3  # of each picture: whole, and twice disturbed, so that no source is known by its sharpness
TEMPERATURES = np.geomspace(0.5, 4.0, 25)
OFFSETS = np.linspace(-2.0, 8.0, 41)
NLL_TOLERANCE = 1.01  # the smallest offset this near to the best: what has no evidence should show none
CALIBRATION_BINS = 15

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Labelled:
    """The pictures, their features and what is known about them."""

    tag: Ints  # (n,) index into the vocabulary
    source: Ints  # (n,)
    near: Bools  # (n, n) near copies of one another, itself among them
    features: Floats  # (n, VIEWS, d)

    def right(self, tags: int) -> Bools:
        """Which tags count as right for each picture, (n, tags): its own and those of its near copies."""
        own = np.eye(tags, dtype=np.float32)[self.tag]
        return np.asarray((self.near.astype(np.float32) @ own) > 0)


def collect(folder: Path, words: vocabulary.Vocabulary, network: backbone.Backbone) -> Labelled:
    """Returns every readable picture of a tag of the vocabulary, with features of its views."""
    places = {slug: place for place, slug in enumerate(words.slugs)}
    paths = [path for path in views.pictures([folder]) if path.parent.name in places]
    sources = sorted({path.name.split("__")[0] for path in paths})
    rng = np.random.default_rng(0)
    marks: list[np.uint64] = []
    features: list[Floats] = []
    waiting: list[views.Pixels] = []
    for path in paths:
        picture = views.read(path)
        if picture is None:
            raise ValueError(f"{path} is no picture: take it out of the folder")
        marks.append(views.fingerprint(picture))
        whole = images.without_bars(picture)
        waiting += [whole, *(views.disturb(whole, network.input_size, rng) for _ in range(VIEWS - 1))]
        if len(waiting) >= network.batch_size or path is paths[-1]:
            features.append(network.features(waiting))
            waiting = []
    stamps = np.array(marks, np.uint64)
    return Labelled(
        np.array([places[path.parent.name] for path in paths]),
        np.array([sources.index(path.name.split("__")[0]) for path in paths]),
        views.near(stamps, stamps),
        np.concatenate(features).reshape(len(paths), VIEWS, -1),
    )


def logits(train: Labelled, learn: Bools, tags: int) -> tuple[Floats, Floats]:
    """Returns kernel (d, tags) and bias (tags,) of a regression on all views of the pictures `learn`.

    Tags without a picture get zeros.
    """
    x = train.features[learn].reshape(-1, train.features.shape[-1])
    tag = np.repeat(train.tag[learn], VIEWS)
    present = np.unique(tag)
    mean, deviation = x.mean(0), x.std(0) + 1e-6
    fitted = crossval.fit((x - mean) / deviation, np.searchsorted(present, tag), len(present), L2)
    kernel, bias = np.zeros((x.shape[1], tags), np.float32), np.zeros(tags, np.float32)
    kernel[:, present] = fitted[:-1] / deviation[:, None]
    bias[present] = fitted[-1] - mean @ kernel[:, present]
    return kernel, bias


def out_of_source(data: Labelled, tags: int) -> Floats:
    """Returns the logits (n, tags) of each picture, by a head that saw no picture of its source."""
    answer = np.zeros((len(data.tag), tags), np.float32)
    folds = crossval.source_folds(data.source, FOLDS)
    for fold in range(FOLDS):
        ask = folds == fold
        kernel, bias = logits(data, ~ask & ~data.near[:, ask].any(1), tags)
        answer[ask] = data.features[ask, 0] @ kernel + bias
        log.info("fold %d of %d", fold + 1, FOLDS)
    return answer


def published(z: Floats, temperature: float, offset: float) -> Floats:
    """Returns p (n, tags) = softmax(ReLU(z / temperature + offset)); a tag without a head has y = 0."""
    y = np.where(z == 0, 0, np.maximum(z / temperature + offset, 0))
    grown = np.exp(y - y.max(1, keepdims=True))
    return np.asarray(grown / grown.sum(1, keepdims=True), np.float32)


def calibrate(z: Floats, right: Bools, weight: NDArray[np.float64]) -> tuple[float, float]:
    """Returns the temperature and offset under which out-of-source answers are the least surprising."""
    surprise = np.array(
        [[-(weight * np.log((published(z, t, c) * right).sum(1) + 1e-12)).sum() for c in OFFSETS] for t in TEMPERATURES]
    )
    fair = surprise.min(axis=0) <= surprise.min() * NLL_TOLERANCE
    offset = int(np.argmax(fair))
    return float(TEMPERATURES[surprise[:, offset].argmin()]), float(OFFSETS[offset])


def calibration_error(p: Floats, hit: Bools) -> float:
    """Returns the expected calibration error: |confidence - accuracy| over bins of the top probability."""
    confidence = p.max(1)
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        abs(confidence[bins == b].mean() - hit[bins == b].mean()) * (bins == b).mean()
        for b in range(CALIBRATION_BINS)
        if (bins == b).any()
    ]
    return float(sum(gaps))


def judged(data: Labelled, tags: int) -> NDArray[np.bool_]:
    """Returns which tags (tags,) have at least three sources, none with over nine tenths of their pictures."""
    fair = np.zeros(tags, bool)
    for tag in np.unique(data.tag):
        found = Counter(data.source[data.tag == tag].tolist())
        fair[tag] = len(found) >= SOURCES_MIN and max(found.values()) <= LARGEST_SOURCE_MAX * found.total()
    return fair


def figures(data: Labelled, z: Floats, temperature: float, offset: float, fair: Bools) -> dict[str, object]:
    """Returns what the head is measured to do on sources that it had not seen, for the tags that allow it."""
    right = data.right(z.shape[1])
    p = published(z, temperature, offset)
    order = np.argsort(-p, axis=1, kind="stable")
    place = np.take_along_axis(right, order, 1).argmax(1)
    asked = np.flatnonzero(fair[data.tag])
    tag, source = data.tag[asked], data.source[asked]
    answer: dict[str, object] = {
        "pictures": len(asked),
        "tags": int(fair.sum()),
        "sources": len(np.unique(source)),
        "calibration_error": calibration_error(p[asked], place[asked] == 0),
    }
    for count in (1, 3):
        hit = place[asked] < count
        answer[f"top{count}"] = balanced(hit, tag)
        answer[f"top{count}_interval"] = interval(lambda i, hit=hit: balanced(hit[i], tag[i]), source)  # type: ignore[misc]
    return answer


def per_tag(data: Labelled, z: Floats, fair: Bools, words: vocabulary.Vocabulary) -> list[dict[str, object]]:
    """Returns pictures, sources and (for the tags that allow it) out-of-source top-3 share of each tag."""
    place = np.take_along_axis(data.right(z.shape[1]), np.argsort(-z, axis=1), 1).argmax(1)
    return [
        {
            "tag": words.tags[tag],
            "pictures": int((data.tag == tag).sum()),
            "sources": len(np.unique(data.source[data.tag == tag])),
            "top3": float((place[data.tag == tag] < 3).mean()) if fair[tag] else None,
        }
        for tag in range(len(words.tags))
    ]


def main() -> None:
    """Trains, measures and writes the head and the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("vocabulary", type=Path)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    words = vocabulary.load(str(options.vocabulary))
    network = backbone.load(EMBEDDED, words.folder / "compact.npz", BATCH)
    data = collect(options.images, words, network)
    tags = len(words.tags)
    fair = judged(data, tags)
    z = out_of_source(data, tags)
    asked = fair[data.tag]
    weight = 1.0 / np.bincount(data.tag[asked], minlength=tags)[data.tag[asked]]
    temperature, offset = calibrate(z[asked], data.right(tags)[asked], weight)
    kernel, bias = logits(data, np.ones(len(data.tag), bool), tags)
    trained = np.bincount(data.tag, minlength=tags) > 0
    head = Head(
        (kernel / temperature).astype(np.float32),
        np.where(trained, bias / temperature + offset, 0).astype(np.float32),
        tuple(bool(flag) for flag in trained),
        words.sha256,
        network.identity,
        network.sha256,
    )
    measured = figures(data, z, temperature, offset, fair)
    table = per_tag(data, z, fair, words)
    facts = {"temperature": temperature, "offset": offset, "l2": L2, "measured": measured, "per_tag": table}
    head.save(words.folder / "heads" / "compact.npz", created=datetime.date.today().isoformat(), **facts)
    log.info("%s", measured)
    backbone_facts = arrays.read_manifest(words.folder / "compact.json")
    crossed = arrays.read_manifest(words.folder / "crossval.json")
    (words.folder / "card.md").write_text(card.text(backbone_facts, crossed, measured, table))


if __name__ == "__main__":
    main()
