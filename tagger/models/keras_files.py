"""Weights of networks of Keras from any file that Keras writes: `.weights.h5`, `.keras`, and the `.h5` before Keras 3.

The first two number the layers of each kind, the last lists layers in order; arrays of a layer have an order in all. A
network that this package tuned is an `.npz` of its arrays (`tagger.models.arrays`). What is read is looked at first:
names, shapes and types are those of the network that is described.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tagger import libraries
from tagger.errors import BadHead, BadWeights, MovieTagsError, reason
from tagger.models import arrays
from tagger.models.architectures import Architecture
from tagger.models.evidence import CLASS_COUNT, Classifier
from tagger.models.keras_families import Description, described
from tagger.models.keras_layers import CONV, Layer, in_order
from tagger.records import Floats

if TYPE_CHECKING:
    import h5py

INSIDE = "model.weights.h5"  # the weights in a `.keras` file
KERAS_BYTES_MAX = 2 * 2**30  # of these


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """What a file holds."""

    arrays: list[Floats]  # of the layers up to the features, as `Keras.Model.get_weights` gives them
    classifier: Classifier | None  # None: it came without


def read(architecture: Architecture, path: Path) -> Stored:
    """Returns the numbers of a network from a file with or without its classifier.

    Raises:
        BadWeights: it holds another network, or none.
        LibraryMissing: h5py is not installed.
    """
    description = described(architecture)
    try:
        if path.suffix == ".npz":
            return _tuned(description, path)
        with libraries.needed("weights of Keras"):
            import h5py
        with ExitStack() as opened:
            file = opened.enter_context(h5py.File(_body(path, opened), "r"))
            return _read(description, architecture, file)
    except (BadHead, BadWeights) as error:
        raise BadWeights(str(error)) from error
    except MovieTagsError:
        raise
    except Exception as error:  # HDF5 can be malformed in dozens of ways
        raise BadWeights(
            f"{path}: does not fit {architecture.name}, with or without its classifier ({reason(error)})"
        ) from error


def _tuned(description: Description, path: Path) -> Stored:
    numbers = list(arrays.load(path).values())
    if [array.shape for array in numbers] != [
        shape for layer in in_order(description.features) for shape in layer.arrays
    ]:
        raise BadWeights(f"{path}: does not hold the arrays of that network")
    return Stored(numbers, None)


def _body(path: Path, opened: ExitStack) -> Path | io.BytesIO:
    """What h5py opens."""
    if not zipfile.is_zipfile(path):
        return path
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(INSIDE).file_size > KERAS_BYTES_MAX:
            raise ValueError(f"{INSIDE} in it is over {KERAS_BYTES_MAX} bytes, more than are read")
        return io.BytesIO(archive.read(INSIDE))


def _read(description: Description, architecture: Architecture, file: h5py.File) -> Stored:
    wanted = [layer for layer in in_order(description.classifier) if layer.arrays]
    root = file["model_weights"] if "layer_names" not in file.attrs and "model_weights" in file else file
    found = list(_numbered(root["layers"], wanted) if "layers" in root else _listed(root))
    if not description.means_only and len(found) == sum(layer.kind == CONV for layer in wanted):
        raise ValueError(
            f"its features are {architecture.feature_layer}, which a file without the classifier does not hold: "
            f"use {architecture.with_top.name}"
        )
    if not len(wanted) - 1 <= len(found) <= len(wanted):
        raise ValueError(f"it has {len(found)} layers with weights, expected {len(wanted)} or {len(wanted) - 1}")
    numbers = [list(_arrays(*pair)) for pair in zip(wanted, found, strict=False)]
    if len(numbers) < len(wanted):
        return Stored([array for layer in numbers for array in layer], None)
    kernel, bias = numbers.pop()
    return Stored([array for layer in numbers for array in layer], Classifier(kernel.reshape(-1, CLASS_COUNT), bias))


def _numbered(layers: Any, wanted: Sequence[Layer]) -> Iterator[list[tuple[str, Any]]]:
    """Names and arrays of each layer that a file of Keras 3 has."""
    there = sum(1 for group in layers.values() if len(group.get("vars", ())))
    if not len(wanted) - 1 <= there <= len(wanted):
        yield from [[]] * there
        return
    count = Counter[str]()
    for layer in wanted[:there]:
        name = f"{layer.kind}_{count[layer.kind]}" if count[layer.kind] else layer.kind
        count[layer.kind] += 1
        if name not in layers:
            raise ValueError(f"it has no layers/{name}")
        place = layers[name]["vars"]
        yield [(f"layers/{name}/vars/{number}", place.get(str(number))) for number in range(len(place))]


def _listed(root: Any) -> Iterator[list[tuple[str, Any]]]:
    """Names and arrays of each layer that a file of Keras before 3 has."""
    for layer in _names(root, "layer_names"):
        if names := _names(root[layer], "weight_names"):
            yield [(name, root[layer].get(name)) for name in names]


def _names(group: Any, attribute: str) -> list[str]:
    """A list among the attributes, which is cut into several where it is long."""
    if attribute in group.attrs:
        found = [*group.attrs[attribute]]
    else:
        found = [name for part in range(len(group.attrs)) for name in group.attrs.get(f"{attribute}{part}", ())]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in found]


def _arrays(layer: Layer, found: list[tuple[str, Any]]) -> Iterator[Floats]:
    if len(found) != len(layer.arrays):
        names = ", ".join(name for name, _ in found)
        raise ValueError(f"a {layer.kind} has {len(found)} arrays ({names or 'none'}), expected {len(layer.arrays)}")
    for (name, array), shape in zip(found, layer.arrays, strict=True):
        if getattr(array, "shape", None) != shape or array.dtype.kind != "f":
            said = (
                "missing" if array is None else f"{getattr(array, 'dtype', 'a folder')} {getattr(array, 'shape', '')}"
            )
            raise ValueError(f"{name} is {said}, expected floats {shape}")
        yield np.asarray(array[()], np.float32)
