"""Pictures that are copies of one another: rescaled, recompressed, or nearly the same (pure numpy and OpenCV)."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from tagger.images import Pixels
from tagger.records import Bools, Floats, Ints

Fingerprints = npt.NDArray[np.uint64]

BITS = 64  # of a fingerprint
NEAR_BITS = 6  # pictures whose fingerprints differ by at most this many bits are one picture
# With fewer changes between neighbours of its 8x8 bits a fingerprint says too little. Of 8,110 photographs and film
# stills 1.7 % have so few, and make 181 of the 235 near pairs. None of the nearest 48 were copies,
# of the pairs without them 39 in 54.
CHANGES_MIN = 24  # of 112; 44 in the median
BANDS = NEAR_BITS + 1  # of a fingerprint: where so few bits differ, one of the bands has none of them
ROWS = 512  # fingerprints compared with others at a time: with 40,000, in 80 MB


def fingerprint(image: Pixels) -> np.uint64:
    """64 bits that survive rescaling and recompression: is each of 8x9 grey cells darker than the next."""
    grey = cv2.cvtColor(cv2.resize(image, (9, 8), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return np.uint64(np.packbits(grey[:, 1:] > grey[:, :-1]).view(np.uint64)[0])


def near(a: Fingerprints, b: Fingerprints) -> Bools:
    """Which of the fingerprints `a` (n,) and `b` (m,) are of one picture, (n, m)."""
    return _agree(_signs(a), _signs(b))


def is_near(image: Pixels, fingerprints: Fingerprints) -> bool:
    """Whether `image` is a near copy of one of the pictures with these `fingerprints` (n,)."""
    return bool(near(np.array([fingerprint(image)]), fingerprints).any())


def families(fingerprints: Fingerprints) -> Ints:
    """Returns the number of the family (n,) of each picture, from 0: near copies of near copies are one family.

    A plain picture (night, snow, a wall), a smooth sky or a sunset has a fingerprint that many quite different ones
    have too: one family of them would tie up pictures of everything. So each is a family of its own, and copies of it
    that are not exact are not known as such.

    Args:
        fingerprints: uint64 (n,). Memory grows with n, not with its square, and time mostly with n.
    """
    marks, picture = np.unique(fingerprints, return_inverse=True)
    signs = _signs(marks)
    plain = _changes(signs) < CHANGES_MIN
    telling = np.flatnonzero(~plain)
    family = np.arange(len(marks))
    for rows, others in _alike(signs[telling]):
        _join(family, telling[rows], telling[others])
    number = family[picture]
    alone = plain[picture]
    number[alone] = len(marks) + np.arange(alone.sum())
    return np.asarray(np.unique(number, return_inverse=True)[1], np.int64)


def _signs(fingerprints: Fingerprints) -> Floats:
    """The bits (n, 64) as 1 and -1, whose products sum to those that agree less those that differ."""
    return np.unpackbits(fingerprints.view(np.uint8).reshape(-1, 8), axis=1).astype(np.float32) * 2 - 1


def _changes(signs: Floats) -> Ints:
    """How many neighbours among the 8x8 bits of each fingerprint differ, (n,)."""
    square = signs.reshape(-1, 8, 8)
    across, down = square[:, :, 1:] != square[:, :, :-1], square[:, 1:] != square[:, :-1]
    return np.asarray(across.sum((1, 2)) + down.sum((1, 2)), np.int64)


def _agree(a: Floats, b: Floats) -> Bools:
    return np.asarray(a @ b.T >= BITS - 2 * NEAR_BITS)


def _alike(signs: Floats) -> Iterator[tuple[Ints, Ints]]:
    """Yields all pairs of near fingerprints, some of them several times, as two lists of places in `signs` (n, 64)."""
    for band in range(BANDS):
        bits = signs[:, band::BANDS] > 0  # neighbouring bits are often alike, and would make a few large groups
        key = bits @ (1 << np.arange(bits.shape[1]))
        order = np.argsort(key, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
            for start in range(0, len(group), ROWS):
                rows, others = group[start : start + ROWS], group[start:]
                a, b = np.nonzero(_agree(signs[rows], signs[others]))
                yield rows[a], others[b]


def _join(family: Ints, a: Ints, b: Ints) -> None:
    """Makes the families of each a and b one, in place: the number of a family is the lowest place in it."""
    while (apart := family[a] != family[b]).any():
        a, b = a[apart], b[apart]
        first, second = family[a], family[b]
        np.minimum.at(family, np.maximum(first, second), np.minimum(first, second))
        while (family[family] != family).any():
            family[:] = family[family]
