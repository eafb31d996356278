"""Trains the networks of our own shot detector (`tagger.shots.learned`) on films made for it.

    python -m tagger.knowledge.boundaries FILMS OUT.npz [--sequences N] [--seed S]

FILMS is a folder of films, at any depth, each with NAME.truth.json beside it, as `benchmarks/films.py` writes
them. What is learned from are the films and N sequences in which their shots are joined anew
(`tagger.knowledge.joins`). The films that the shipped networks come from, and what they are worth, stand in
docs/shots.md.
"""

from __future__ import annotations

import argparse
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.random import Generator

from tagger.evaluation.shots import Truth
from tagger.files import write_atomically
from tagger.knowledge.joins import Reel, read
from tagger.knowledge.reels import CALM, HASTY, Maker, Shares
from tagger.knowledge.sights import retimed
from tagger.records import Floats
from tagger.shots.learned import Looks
from tagger.shots.networks import AHEAD, LOOK_S, SmallNetwork, cut_inputs, gradual_inputs, pair_inputs, rows_of
from tagger.shots.thumbnails import CONTEXT, Differences, Thumbnail, described

SEQUENCES = 850
UNITS = {"cut": 96, "gradual": 64, "pair": 24}
WEIGHTS = {"cut": 1.0, "gradual": 1.4, "pair": 1.0}  # of the ones against the zeros
READY = 0.6  # is added to the logit of a gradual change; more of wipes are found so, in films of half a
STEADY = 0.4  # share that is learned from of the looks at which little changes, for the network for cuts
LIVELY, NEAR_CUT = 4.0, 12  # levels of luma that have changed, or looks from a cut: the others
GRADUAL_EVERY = 2  # looks: how many there are for each that the network for gradual changes learns from
EPOCHS = 8
BATCH = 512  # rows
PEAK_RATE = 3e-3  # learning rate of AdamW, falling to zero along a cosine
WEIGHT_DECAY = 0.01
DROPOUT = 0.1  # of what is seen
SPREAD = 1e-3  # is added to deviations, some of which are 0
PAIR_EVERY = 10  # frames: how many there are for each pair that is drawn
PAIR_APART = 5, 250  # frames
TOGETHER = 500  # frames whose differences are computed at once

log = logging.getLogger(__name__)


def looked(reel: Reel) -> tuple[list[Thumbnail], list[float], Truth]:
    """Returns the thumbnails of a reel that the detector looks at, how long each is after the last, and their truth."""
    looks, seen, places = Looks(), list[Thumbnail](), list[int]()
    for frame, values in enumerate(reel.values):
        small = described(values)
        if looks.wants(frame * reel.step_s, small):
            seen.append(small)
            places.append(frame)
    gaps = np.diff(np.array(places) * reel.step_s, prepend=-LOOK_S)
    return seen, gaps.tolist(), retimed(reel, np.array(places), reel.step_s).truth


def rows(seen: list[Thumbnail], gaps_s: list[float]) -> Differences:
    """Returns what the networks know of all looks, and of AHEAD more like the last, as the detector does."""
    seen, gaps_s = [*seen, *[seen[-1]] * AHEAD], [*gaps_s, *[LOOK_S] * AHEAD]
    parts = []
    for start in range(0, len(seen), TOGETHER):
        parts.append(rows_of(seen[max(0, start - CONTEXT) : start + TOGETHER], gaps_s[start : start + TOGETHER]))
    return np.concatenate(parts)


def wanted(truth: Truth, frames: int) -> tuple[Floats, Floats]:
    """Returns of each frame whether it is the first after a cut, and whether it is in a gradual change: 0 or 1."""
    cut, gradual = np.zeros((2, frames), np.float32)
    cut[[*truth.cuts]] = 1
    for change in truth.gradual:
        gradual[change.start : change.end] = 1
    return cut, gradual


def frames_of(reel: Reel, rng: Generator) -> tuple[Floats, Floats, Floats, Floats]:
    """Returns what both networks see of some of a reel's looks, cut and gradual, and what they are to say of them."""
    seen, gaps_s, truth = looked(reel)
    known, looks = rows(seen, gaps_s), len(seen)
    cut, gradual = wanted(truth, looks)
    lively = (known[:looks, 0] > np.log1p(LIVELY)) | (np.convolve(cut, np.ones(2 * NEAR_CUT + 1), "same")[:looks] > 0)
    kept = lively | (rng.random(looks) < STEADY)
    some = slice(int(rng.integers(GRADUAL_EVERY)), looks, GRADUAL_EVERY)
    return cut_inputs(known, 0, looks)[kept], gradual_inputs(known, 0, looks)[some], cut[kept], gradual[some]


def pairs_of(reel: Reel, rng: Generator) -> Iterator[tuple[Floats, float]]:
    """Yields what the network for pairs sees of two frames, and 1 if they are of two shots, else 0.

    Neither frame is in a gradual change; half of the pairs of two shots are left out.
    """
    cut, gradual = wanted(reel.truth, len(reel.values))
    shot = np.cumsum(cut + (np.diff(gradual, prepend=0) < 0))
    for first in rng.integers(len(cut), size=len(cut) // PAIR_EVERY):
        second = min(len(cut) - 1, first + int(rng.integers(*PAIR_APART)))
        two = shot[first] != shot[second]
        if not gradual[[first, second]].any() and not (two and rng.random() < 0.5):
            yield pair_inputs(described(reel.values[first]), described(reel.values[second]))[0], float(two)


def fit(inputs: Floats, said: Floats, units: int, weight: float, seed: int) -> SmallNetwork:
    """Returns a network that gives `said` (0 or 1) for `inputs`.

    Args:
        inputs: (n, any).
        said: (n,).
        units: of its hidden layer.
        weight: of the ones against the zeros.
        seed: of everything random.
    """
    import keras

    keras.utils.set_random_seed(seed)
    mean, spread = inputs.mean(0), inputs.std(0) + SPREAD
    dense = keras.layers.Dense
    layers = [keras.layers.Dropout(DROPOUT), dense(units, activation="relu"), dense(1)]
    whole = keras.Sequential([keras.Input(inputs.shape[1:]), *layers])
    rate = keras.optimizers.schedules.CosineDecay(PEAK_RATE, EPOCHS * -(-len(inputs) // BATCH))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    whole.compile(keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY), loss)
    weights = np.where(said > 0, np.float32(weight), 1)
    whole.fit((inputs - mean) / spread, said[:, None], BATCH, EPOCHS, verbose=0, sample_weight=weights)
    hidden, hidden_bias, out, out_bias = whole.get_weights()
    return SmallNetwork(hidden / spread[:, None], hidden_bias - (mean / spread) @ hidden, out[:, 0], float(out_bias[0]))


def learn(films: Sequence[Reel], sequences: int, seed: int) -> dict[str, SmallNetwork]:
    """Returns the networks by name, learned from films and from so many reels made of their shots.

    Reels are hasty for the networks for cuts and pairs, calm for that for gradual changes.
    """
    (cut_seen, cut), _, (pair_seen, two) = gathered(films, sequences, seed, HASTY)
    learned = {
        "cut": fit(cut_seen, cut, UNITS["cut"], WEIGHTS["cut"], seed),
        "pair": fit(pair_seen, two, UNITS["pair"], WEIGHTS["pair"], seed),
    }
    del cut_seen  # gigabytes
    _, (gradual_seen, gradual), _ = gathered(films, sequences, seed, CALM)
    gradually = fit(gradual_seen, gradual, UNITS["gradual"], WEIGHTS["gradual"], seed)
    return {**learned, "gradual": replace(gradually, out_bias=gradually.out_bias + READY)}


def gathered(films: Sequence[Reel], sequences: int, seed: int, shares: Shares) -> tuple[tuple[Floats, Floats], ...]:
    """Returns for cuts, gradual changes and pairs what the networks see, and what they are to say: 0 or 1."""
    rng = np.random.default_rng(seed)
    maker = Maker([shot for film in films for shot in film.shots()], rng, shares)
    frames, pairs = list[tuple[Floats, ...]](), list[tuple[Floats, float]]()
    for reel in chain(films, (maker.reel() for _ in range(sequences))):
        frames.append(frames_of(reel, rng))
        pairs += pairs_of(reel, rng)
    cut_seen, gradual_seen, cut, gradual = map(np.concatenate, zip(*frames, strict=True))
    pair_seen, two = (np.array(part, np.float32) for part in zip(*pairs, strict=True))
    shown = len(cut), cut.sum(), len(gradual), gradual.sum(), len(two)
    log.info("%d looks, %d of them cuts; %d looks, %d of them in gradual changes; %d pairs", *shown)
    return (cut_seen, cut), (gradual_seen, gradual), (pair_seen, two)


def save(learned: Mapping[str, SmallNetwork], out: Path) -> None:
    """Writes networks by name as `tagger.shots.learned.networks` reads them, as float16."""
    named = {
        f"{name}_{part}": np.asarray(getattr(network, part), np.float16)
        for name, network in learned.items()
        for part in ("hidden", "hidden_bias", "out", "out_bias")
    }
    packed = io.BytesIO()
    np.savez_compressed(packed, **named)  # type: ignore[arg-type]  # its stub takes an array for allow_pickle
    write_atomically(out, packed.getvalue())


def main() -> None:
    """Trains as the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path, metavar="FILMS")
    parser.add_argument("out", type=Path, metavar="OUT.npz")
    parser.add_argument("--sequences", type=int, default=SEQUENCES, help="films made anew of all shots")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    truths = sorted(options.films.rglob("*.truth.json"))
    films = [read(path.with_name(path.name.replace(".truth.json", ".mp4"))) for path in truths]
    log.info("%d films with %d frames", len(films), sum(len(film.values) for film in films))
    save(learn(films, options.sequences, options.seed), options.out)


if __name__ == "__main__":
    main()
