"""What ImageNet teachers say about pictures, kept in shards on disk so that the slow part is done once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from tagger.images import Pixels
from tagger.knowledge import views
from tagger.training import copies

VIEW_SIZE = 128  # side of a stored view, pixels: what the student can see at most
TEACHER_SIZE = 224  # side of the same view as a teacher sees it, pixels
SHARD_VIEWS = 1024  # about 50 MB of pixels: lost at most when stopped
BATCH = 16  # larger batches fall out of a processor's cache
SMALLEST_SIDE = 64  # pixels; smaller pictures teach nothing

TEACHERS = {"mobilenetv2": keras.applications.MobileNetV2, "mobilenet": keras.applications.MobileNet}


def load_teacher(name: str, weights: Path) -> keras.Model:
    """Network `name` with its own `weights`: x / 127.5 - 1 (n, s, s, 3) -> [features (n, d), logits (n, 1000)]."""
    network = TEACHERS[name](weights=str(weights), classifier_activation=None)
    pooled = next(x for x in reversed(network.layers) if isinstance(x, keras.layers.GlobalAveragePooling2D))
    return keras.Model(network.input, [keras.layers.Flatten()(pooled.output), network.output])


def teach(
    folders: Sequence[Path],
    out: Path,
    teachers: Mapping[str, keras.Model],
    *,
    views_each: int,
    held_out: Path | None,
    limit: int | None,
) -> None:
    """Write shards `out/GROUP-NNNN.npz` for the pictures below `folders`; shards that are there stay.

    A shard holds `views` uint8 (n, 128, 128, 3) RGB and, per teacher, `NAME.features` float16 (n, d) and
    `NAME.logits` float16 (n, 1000). The first view of a picture is all of it, squashed, or (where only one is wanted)
    that or a random part; others are random parts. A fifth of `held_out` and near copies of it are left out.
    """
    out.mkdir(parents=True, exist_ok=True)
    group = hashlib.sha256("\n".join(sorted(f.name for f in folders)).encode()).hexdigest()[:8]
    paths = views.pictures(folders)
    np.random.default_rng(0).shuffle(paths)
    hidden = held_out_fingerprints(held_out) if held_out else np.zeros(0, np.uint64)
    per_shard = SHARD_VIEWS // views_each
    for start in range(0, len(paths) if limit is None else min(limit, len(paths)), per_shard):
        target = out / f"{group}-{start // per_shard:04d}.npz"
        if not target.exists():
            shard = _shard(paths[start : start + per_shard], teachers, views_each, hidden, np.random.default_rng(start))
            temporary = target.with_suffix(".part")
            with temporary.open("wb") as file:
                np.savez(file, **shard)  # type: ignore[arg-type]  # its stub takes an array for allow_pickle
            temporary.replace(target)


def held_out_fingerprints(folder: Path) -> npt.NDArray[np.uint64]:
    """Fingerprints (n,) of the pictures below `folder` that no training may see."""
    images = (views.read(path) for path in views.pictures([folder]) if views.is_held_out(path))
    return np.array([copies.fingerprint(image) for image in images if image is not None], np.uint64)


def _shard(
    paths: Sequence[Path],
    teachers: Mapping[str, keras.Model],
    views_each: int,
    hidden: npt.NDArray[np.uint64],
    rng: np.random.Generator,
) -> dict[str, npt.NDArray[np.generic]]:
    small: list[Pixels] = []
    said: dict[str, list[npt.NDArray[np.float16]]] = {f"{t}.{k}": [] for t in teachers for k in ("features", "logits")}
    pending: list[Pixels] = []

    def ask() -> None:
        x = np.stack(pending).astype(np.float32) / 127.5 - 1
        for name, teacher in teachers.items():
            for kind, y in zip(("features", "logits"), teacher.predict_on_batch(x), strict=True):
                said[f"{name}.{kind}"].append(np.asarray(y, np.float16))
        pending.clear()

    for image, box in _framed(paths, views_each, hidden, rng):
        small.append(views.render(image, box, VIEW_SIZE))
        pending.append(views.render(image, box, TEACHER_SIZE))
        if len(pending) == BATCH:
            ask()
    if pending:
        ask()
    return {"views": np.stack(small), **{key: np.concatenate(parts) for key, parts in said.items()}}


def _framed(
    paths: Sequence[Path], views_each: int, hidden: npt.NDArray[np.uint64], rng: np.random.Generator
) -> Iterator[tuple[Pixels, views.Box]]:
    for image in views.distinct(paths, SMALLEST_SIDE):
        if not copies.is_near(image, hidden):
            for view in range(views_each):
                is_whole = view == 0 if views_each > 1 else rng.random() < 0.5
                yield image, views.whole(image) if is_whole else views.random_box(image, rng)
