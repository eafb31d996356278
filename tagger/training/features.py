"""What a backbone sees in the pictures of a data set, from the store where it was computed before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from tagger import process
from tagger.errors import BadPath, reason
from tagger.images import DECODING, Pixels, decode_picture, without_bars
from tagger.models.backbone import Backbone
from tagger.queues import ahead
from tagger.records import CountProgress, Floats
from tagger.training.dataset import Dataset
from tagger.training.store import Store

BATCHES_KEPT = 8  # are put into the store at once: so much is lost at most when stopped
AHEAD = 2  # batches of pictures that are read while the network sees another


def space(base: Backbone) -> str:
    """Returns the name of a backbone's features in the store: its numbers, and how pictures are prepared."""
    return f"features {DECODING} {base.sha256} {base.input_size} {base.device.precision}"


def features(data: Dataset, base: Backbone, store: Store, progress: CountProgress | None = None) -> Floats:
    """Returns float32 (n, d), what `base` sees in each picture of `data`.

    Raises:
        BadPath: a picture is gone, or is none any more.
        NonFiniteFeatures: the network failed on a picture.
    """
    known = store.get(data.sha256)
    answer = np.empty((len(data.paths), base.feature_count), np.float32)
    missing = []
    for place, key in enumerate(data.sha256):
        row = np.frombuffer(known.get(key, b""), np.float32)
        if len(row) == base.feature_count:
            answer[place] = row
        else:
            missing.append(place)
    done = len(answer) - len(missing)
    fresh: dict[bytes, bytes] = {}
    for places, pictures in _read(data, missing, base.batch_size):
        answer[places] = base.features(pictures)
        fresh |= {data.sha256[place]: answer[place].tobytes() for place in places}
        done += len(places)
        if len(fresh) >= BATCHES_KEPT * base.batch_size:
            store.put(fresh)
            fresh = {}
        if progress:
            progress(done, len(answer))
    store.put(fresh)
    return answer


def _read(data: Dataset, places: Sequence[int], batch_size: int) -> Iterator[tuple[Sequence[int], list[Pixels]]]:
    """The pictures of these places, batch by batch, read ahead by other threads."""
    with (
        ThreadPoolExecutor(process.cores(), "read") as readers,
        closing(ahead(readers, partial(_picture, data), places, AHEAD * batch_size)) as pictures,
    ):
        for start in range(0, len(places), batch_size):
            part = places[start : start + batch_size]
            yield part, list(islice(pictures, len(part)))


def _picture(data: Dataset, place: int) -> Pixels:
    return without_bars(read_again(data.paths[place]))


def read_again(path: Path) -> Pixels:
    """Returns a picture that could be read when the data set was collected.

    Raises:
        BadPath: it is gone, or is none any more.
    """
    try:
        return decode_picture(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadPath(f"{path}: {reason(error)}: it was there when the training began") from error
