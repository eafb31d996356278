"""Arrays kept on disk between runs, by what they were computed from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.records import Floats

Key = str | NDArray[Any]


def kept(folder: Path | None, key: list[Key], compute: Callable[[], Floats]) -> Floats:
    """Returns what `compute` does, from `folder` if the same `key` was asked for before.

    The key is words and arrays; it does not know the code: empty the folder when that changes.
    """
    if folder is None:
        return compute()
    digest = hashlib.sha256()
    for part in key:
        digest.update(part.encode() if isinstance(part, str) else np.ascontiguousarray(part).tobytes())
        digest.update(b"\n")
    path = folder / f"{digest.hexdigest()[:16]}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".part.npy")
        np.save(aside, compute())
        aside.replace(path)
    return np.asarray(np.load(path, allow_pickle=False), np.float32)
