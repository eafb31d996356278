"""Measures backbones against one another on sources that their heads have not seen; one command, one JSON.

    python -m tagger.training.crossval IMAGES OUT.json --compact FILE.npz --teacher mobilenetv2=FILE ...

IMAGES holds one folder per tag; a file name is `SOURCE__NUMBER.jpg`. Only tags with at least three sources, none
above nine tenths, take part. Folds are made of whole sources. In each, every backbone's frozen features get the same
head (class-balanced multinomial logistic regression, its L2 chosen on sources held out of the training part) and are
asked for the pictures of the other sources. Near copies of test pictures leave the training part, and a picture that
stands under two tags counts as right with either.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tagger import arrays, compact, images
from tagger.files import write_atomically
from tagger.training import teach, views

FOLDS = 10
SOURCES_MIN = 3
LARGEST_SOURCE_MAX = 0.9  # share of a tag's pictures
L2_CHOICES = (0.3, 0.1, 0.03, 0.01, 0.003)
INNER_FOLDS = 4  # one of them chooses the L2
ITERATIONS = 60
RESAMPLES = 1000  # of the sources, for the 95 % intervals
BATCH = 32

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures that take part."""

    paths: tuple[Path, ...]
    tags: tuple[str, ...]
    tag: Ints  # (n,) index into tags
    source: Ints  # (n,)
    near: Bools  # (n, n) near copies of one another, itself among them
    held_out: Bools  # (n,) never seen by the compact backbone

    @property
    def right(self) -> Bools:
        """Which tags count as right for each picture, (n, tags): its own and those of its near copies."""
        return (self.near.astype(np.float32) @ np.eye(len(self.tags), dtype=np.float32)[self.tag]) > 0


def collect(folder: Path) -> Pictures:
    """Returns the pictures below `folder` whose tags have sources enough."""
    paths = [path for path in views.pictures([folder]) if "__" in path.name]
    sources_of: dict[str, Counter[str]] = {}
    for path in paths:
        sources_of.setdefault(path.parent.name, Counter()).update([_source(path)])
    tags = tuple(
        tag
        for tag, found in sorted(sources_of.items())
        if len(found) >= SOURCES_MIN and max(found.values()) <= LARGEST_SOURCE_MAX * found.total()
    )
    paths = [path for path in paths if path.parent.name in tags]
    sources = sorted({_source(path) for path in paths})
    hidden = teach.held_out_fingerprints(folder)
    marks, held_out = [], []
    for path in paths:
        image = views.read(path)
        if image is None:
            raise ValueError(f"{path} is no picture: take it out of the folder")
        marks.append(views.fingerprint(image))
        held_out.append(views.is_near(image, hidden))
    return Pictures(
        tuple(paths),
        tags,
        np.array([tags.index(path.parent.name) for path in paths]),
        np.array([sources.index(_source(path)) for path in paths]),
        views.near(np.array(marks, np.uint64), np.array(marks, np.uint64)),
        np.array(held_out),
    )


def _source(path: Path) -> str:
    return path.name.split("__")[0]


def source_folds(source: Ints, folds: int) -> Ints:
    """Returns the fold (n,) of each picture: whole sources, the largest first, each to the emptiest fold."""
    load, fold_of = np.zeros(folds), {}
    for name, count in Counter(source.tolist()).most_common():
        fold_of[name] = int(load.argmin())
        load[fold_of[name]] += count
    return np.array([fold_of[name] for name in source.tolist()])


def features(paths: Sequence[Path], network: keras.Model, size: int) -> Floats:
    """Returns the features (n, d) of pictures prepared as frames are; takes the first of several outputs."""
    parts = []
    for start in range(0, len(paths), BATCH):
        read = [views.read(path) for path in paths[start : start + BATCH]]
        pixels = np.stack([images.prepare(image, size) for image in read if image is not None])
        said = network.predict_on_batch(compact.preprocess(pixels))
        parts.append(np.asarray(said[0] if isinstance(said, list) else said, np.float32))
    return np.concatenate(parts)


def fit(x: Floats, tag: Ints, tags: int, l2: float) -> Floats:
    """Returns the head (d + 1, tags), bias last, of least class-balanced cross entropy plus `l2` / 2 |W|^2.

    Newton's steps with Boehning's fixed bound of the Hessian (1992), sped up by Nesterov's momentum.
    """
    x = np.concatenate([x, np.ones((len(x), 1), np.float32)], 1)
    truth = np.eye(tags, dtype=np.float32)[tag]
    weight = (truth / np.maximum(truth.sum(0), 1)).sum(1, keepdims=True) / tags
    bound = 0.5 * (x * weight).T @ x + l2 * np.eye(x.shape[1], dtype=np.float32)
    inverse = np.linalg.inv(bound).astype(np.float32)
    head = previous = np.zeros((x.shape[1], tags), np.float32)
    for step in range(ITERATIONS):
        ahead = head + step / (step + 3) * (head - previous)
        slope = x.T @ (weight * (_softmax(x @ ahead) - truth)) + l2 * ahead
        previous, head = head, (ahead - inverse @ slope).astype(np.float32)
    return head


def _softmax(y: Floats) -> Floats:
    e = np.exp(y - y.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True), np.float32)


def ranks(x: Floats, pictures: Pictures, learn: Bools, ask: Bools) -> Ints:
    """Returns for the pictures `ask` the place (0 is best) of their best right tag, by a head learned on `learn`."""
    mean, deviation = x[learn].mean(0), x[learn].std(0) + 1e-6
    x = (x - mean) / deviation

    def places(train: Bools, test: Bools, l2: float) -> Ints:
        head = fit(x[train], pictures.tag[train], len(pictures.tags), l2)
        order = np.argsort(-(x[test] @ head[:-1] + head[-1]), axis=1)
        return np.asarray(np.take_along_axis(pictures.right[test], order, 1).argmax(1))

    inner = source_folds(pictures.source, INNER_FOLDS) == 0
    inner &= learn
    train = learn & ~inner & ~pictures.near[:, inner].any(1)

    def score(l2: float) -> float:
        return balanced(places(train, inner, l2) < 3, pictures.tag[inner])

    return places(learn, ask, max(L2_CHOICES, key=score))


def cross_source(x: Floats, pictures: Pictures) -> Ints:
    """Returns the place (n,) of each picture's best right tag when its source was not learned from."""
    places = np.zeros(len(x), np.int64)
    folds = source_folds(pictures.source, FOLDS)
    for fold in range(FOLDS):
        ask = folds == fold
        learn = ~ask & ~pictures.near[:, ask].any(1)
        places[ask] = ranks(x, pictures, learn, ask)
    return places


def balanced(hit: Bools, tag: Ints) -> float:
    """Returns the mean over tags of the share of their pictures that hit."""
    return float(np.mean([hit[tag == t].mean() for t in np.unique(tag)]))


def interval(value: Callable[[Ints], float], source: Ints) -> list[float]:
    """Returns the 95 % interval of `value` (of picture indices) when the sources are drawn anew, with replacement."""
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(source == s) for s in np.unique(source)]
    drawn = [rng.integers(len(members), size=len(members)) for _ in range(RESAMPLES)]
    values = [value(np.concatenate([members[i] for i in draw])) for draw in drawn]
    return [float(v) for v in np.percentile(values, (2.5, 97.5))]


def summary(places: dict[str, Ints], pictures: Pictures, among: Bools) -> dict[str, Any]:
    """Returns each backbone's balanced top-1 and top-3 `among` pictures, and its share of the best teacher's top-3."""
    chosen = np.flatnonzero(among)
    teachers = [name for name in places if name != "compact"]

    def top(name: str, count: int) -> Callable[[Ints], float]:
        return lambda i: balanced(places[name][i] < count, pictures.tag[i])

    best = max(teachers, key=lambda name: top(name, 3)(chosen))
    table: dict[str, Any] = {"pictures": len(chosen), "best_teacher": best}
    for name in places:
        asked = {"top1": top(name, 1), "top3": top(name, 3)}
        asked["of_best_teacher"] = lambda i, own=asked["top3"]: own(i) / top(best, 3)(i)  # type: ignore[misc]
        table[name] = {
            key: {"value": f(chosen), "interval": interval(lambda i, f=f: f(chosen[i]), pictures.source[chosen])}  # type: ignore[misc]
            for key, f in asked.items()
        }
    return table


def main() -> None:
    """Runs the measurement that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--compact", type=Path, required=True)
    parser.add_argument("--teacher", action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--cache", type=Path, help="folder where teachers' features are kept between runs")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    pictures = collect(options.images)
    network = compact.build()
    compact.assign(network, arrays.load(options.compact))
    places = {"compact": cross_source(features(pictures.paths, network, compact.INPUT_SIZE), pictures)}
    for name, file in (text.split("=", 1) for text in options.teacher):
        log.info("teacher %s", name)
        kept = options.cache / f"{name}.npy" if options.cache else None
        if kept and kept.exists():
            x = np.load(kept, allow_pickle=False)
        else:
            x = features(pictures.paths, teach.load_teacher(name, Path(file)), teach.TEACHER_SIZE)
            if kept:
                kept.parent.mkdir(parents=True, exist_ok=True)
                np.save(kept, x)
        places[name] = cross_source(x, pictures)
    result = {
        "measured": "balanced accuracy over tags; heads learned on other sources; 95 % intervals over sources",
        "tags": len(pictures.tags),
        "sources": len(np.unique(pictures.source)),
        "folds": FOLDS,
        "all": summary(places, pictures, np.ones(len(pictures.paths), bool)),
        "never_seen_by_compact": summary(places, pictures, pictures.held_out),
        "per_tag_top3": {
            tag: {
                "pictures": int((pictures.tag == t).sum()),
                **{name: float((found[pictures.tag == t] < 3).mean()) for name, found in places.items()},
            }
            for t, tag in enumerate(pictures.tags)
        },
    }
    write_atomically(options.out, json.dumps(result, indent=1).encode() + b"\n")
    for part in ("all", "never_seen_by_compact"):
        log.info("%s: %s", part, json.dumps(result[part]))


if __name__ == "__main__":
    main()
