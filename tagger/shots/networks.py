"""The small networks of our own detector, and what they see of a film's thumbnails.

One sees 15 pictures and says whether one is the first after a cut; another sees 1.6 seconds and says whether a picture
belongs to a gradual change; the third sees two pictures, up to ten seconds from each other, and says whether they are
of two shots. All are trained on films made for it (`tagger.knowledge.boundaries`).
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.shots.thumbnails import COUNT, PARTS, PER_LAG, Differences, Thumbnail, change, differences

NETWORKS = Path(__file__).parent / "learned.npz"
CUT_WINDOW = tuple(range(-6, 9))  # pictures around the one in question
GRADUAL_WINDOW = tuple(range(-16, 25, 2))
BACK, AHEAD = -min(GRADUAL_WINDOW), max(GRADUAL_WINDOW)
LOOK_S = 0.04  # from one picture to the next, in films that the networks know best
LONGEST_GAP_S = 1.0  # is told to the networks
COLUMNS = COUNT + 1  # the differences, and how long ago the picture before was
# Of these: the differences over up to four pictures, of more those of pattern and texture, and all of parts.
CUT_COLUMNS = (
    *range(3 * PER_LAG),
    *(lag * PER_LAG + number for lag in (3, 4) for number in (3, 4)),
    *range(5 * PER_LAG, PARTS - 6),
    *range(PARTS - 2, COLUMNS),
)


HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(?P<type><f\d)', 'fortran_order': False, 'shape': \((?P<shape>[\d, ]*)\), \} *\n",
    re.DOTALL,
)
PIECE = 2**18  # multiplications that OpenBLAS does in the thread that asks: to wake others costs ten times as much
PIECE_ROWS = 32


@dataclass(frozen=True, slots=True, eq=False)
class SmallNetwork:
    """One hidden layer of rectified units, then one logit."""

    hidden: NDArray[np.float32]  # (inputs, units)
    hidden_bias: NDArray[np.float32]
    out: NDArray[np.float32]  # (units,)
    out_bias: float

    def probabilities(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the probability of each row."""
        logits = np.maximum(_product(inputs, self.hidden) + self.hidden_bias, 0) @ self.out + self.out_bias
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def _product(rows: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Their product, in pieces."""
    product = np.zeros((len(rows), weights.shape[1]), np.float32)
    wide = max(1, PIECE // (PIECE_ROWS * weights.shape[1]))
    for first in range(0, len(rows), PIECE_ROWS):
        some = slice(first, first + PIECE_ROWS)
        for column in range(0, len(weights), wide):
            product[some] += rows[some, column : column + wide] @ weights[column : column + wide]
    return product


@cache
def networks(path: Path = NETWORKS) -> tuple[SmallNetwork, SmallNetwork, SmallNetwork]:
    """Returns the networks for cuts, for gradual changes, and for pairs of frames far from each other."""
    with zipfile.ZipFile(path) as stored:
        named = {Path(name).stem: _array(stored.read(name)).astype(np.float32) for name in stored.namelist()}

    def network(kind: str) -> SmallNetwork:
        hidden, hidden_bias, out = (named[f"{kind}_{part}"] for part in ("hidden", "hidden_bias", "out"))
        return SmallNetwork(hidden, hidden_bias, out, float(named[f"{kind}_out_bias"]))

    return network("cut"), network("gradual"), network("pair")


def _array(npy: bytes) -> NDArray[Any]:
    """The array of a file of numpy, which itself reads the header with Python's parser.

    Several threads come here at once, beside one that loads a model; and in CPython 3.11 parsing in two threads
    ends in a SystemError now and then.
    """
    found = HEADER.match(npy)
    if found is None:
        raise ValueError(f"no array of floats: {npy[:100]!r}")
    shape = tuple(int(size) for size in re.findall(rb"\d+", found["shape"]))
    return np.frombuffer(npy, found["type"].decode(), offset=found.end()).reshape(shape)


def numbers_sha256() -> str:
    """Returns the digest of all numbers of the networks: where it is another, so are the boundaries."""
    return hashlib.sha256(NETWORKS.read_bytes()).hexdigest()


def rows_of(thumbnails: Sequence[Thumbnail], gaps_s: Sequence[float]) -> Differences:
    """Returns what the networks know of the last pictures, (n, COLUMNS).

    Args:
        thumbnails: these pictures, and CONTEXT before them.
        gaps_s: how long before each of the last pictures the one before it was.
    """
    gaps = np.log(np.clip(gaps_s, LOOK_S / 2, LONGEST_GAP_S) / LOOK_S)
    return np.concatenate([differences(thumbnails, len(gaps)), gaps[:, None].astype(np.float32)], 1)


def cut_inputs(rows: Differences, first: int, last: int) -> NDArray[np.float32]:
    """Returns what the network for cuts sees of the frames `first` to `last` (exclusive) of `rows`."""
    return _windows(rows[:, CUT_COLUMNS], CUT_WINDOW, first, last)


def gradual_inputs(rows: Differences, first: int, last: int) -> NDArray[np.float32]:
    """Returns what the network for gradual changes sees of the frames `first` to `last` (exclusive) of `rows`."""
    return _windows(rows, GRADUAL_WINDOW, first, last)


def pair_inputs(before: Thumbnail, after: Thumbnail) -> NDArray[np.float32]:
    """Returns what the network for pairs sees."""
    return change(before, after)


def difference(before: Thumbnail, after: Thumbnail) -> float:
    """Returns the probability that two frames, up to some seconds from each other, are of two shots."""
    return float(networks()[2].probabilities(pair_inputs(before, after))[0])


def _windows(rows: NDArray[np.float32], window: tuple[int, ...], first: int, last: int) -> NDArray[np.float32]:
    places = np.arange(first, last)[:, None] + np.array(window)
    return np.asarray(rows[np.clip(places, 0, len(rows) - 1)].reshape(last - first, -1))
