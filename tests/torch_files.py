"""Files as PyTorch wrote them before 1.6, made without it; and networks of random numbers in such files."""

from __future__ import annotations

import io
import math
import pickle
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.models.efficientnet_lite import LAST, STEM, Architecture
from tagger.models.evidence import CLASS_COUNT
from tagger.models.torch_file import COUNT, MAGIC, PROTOCOL

State = dict[str, NDArray[Any]]

GAIN = (
    1.5  # of random layers: with 2 rounding grows to 1e-4 through the deepest network, with 1 all pictures look alike
)


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A tensor, somewhere in a storage; those with the same array share it."""

    storage: NDArray[Any]  # float32 or int64, of one dimension
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # in numbers
    offset: int = 0

    def __reduce__(self) -> tuple[Any, ...]:
        """As PyTorch says it."""
        sizes = (*self.shape,), (*self.strides,)  # new tuples: PyTorch repeats none by reference
        return _Rebuild, (_Storage(self.storage), self.offset, *sizes, False, OrderedDict())


@dataclass(frozen=True, slots=True, eq=False)
class _Storage:
    numbers: NDArray[Any]


class _Rebuild: ...


class _Float: ...


class _Long: ...


# A global is two lines of a pickle: PyTorch's names are put in the place of ours.
GLOBALS = {
    _Rebuild: "torch._utils\n_rebuild_tensor_v2\n",
    _Float: "torch\nFloatStorage\n",
    _Long: "torch\nLongStorage\n",
}


class _Pickler(pickle.Pickler):
    def persistent_id(self, made: object) -> tuple[object, ...] | None:
        if not isinstance(made, _Storage):
            return None
        kind = _Float if made.numbers.dtype == np.float32 else _Long
        return "storage", kind, str(id(made.numbers)), "cpu", len(made.numbers), None


def lying(values: NDArray[Any], order: Sequence[int] | None = None, before: int = 0) -> Stored:
    """Returns a tensor of these values.

    Args:
        values: float32 or int64.
        order: of its axes in the storage, the one that changes slowest first; None: as they are.
        before: how many other numbers the storage begins with; it ends with one more.
    """
    axes = tuple(range(values.ndim) if order is None else order)
    turned = values.transpose(axes)
    steps = [math.prod(turned.shape[place + 1 :]) for place in range(values.ndim)]
    strides = tuple(steps[axes.index(axis)] for axis in range(values.ndim))
    others = np.full(before + 1, 77, values.dtype)
    storage = np.concatenate([others[:before], turned.ravel(), others[before:]])
    return Stored(storage, values.shape, strides, before)


def pickled(made: object) -> bytes:
    """Returns one pickle of such a file."""
    stream = io.BytesIO()
    _Pickler(stream, 2).dump(made)
    body = stream.getvalue()
    for ours, theirs in GLOBALS.items():
        body = body.replace(f"c{__name__}\n{ours.__name__}\n".encode(), f"c{theirs}".encode())
    return body


def parts(tensors: Mapping[str, Stored]) -> list[bytes]:
    """Returns a file in its parts: five pickles, then a count and its numbers by turns."""
    storages = {str(id(tensor.storage)): tensor.storage for tensor in tensors.values()}
    machine = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    named = OrderedDict(tensors)
    named._metadata = OrderedDict({"": {"version": 1}})  # type: ignore[attr-defined]  # as in any state_dict
    made = [pickled(part) for part in (MAGIC, PROTOCOL, machine, named, list(storages))]
    for numbers in storages.values():
        made += [np.array(len(numbers), COUNT).tobytes(), numbers.astype(numbers.dtype.newbyteorder("<")).tobytes()]
    return made


def save(path: Path, state: Mapping[str, NDArray[Any]]) -> Path:
    """Writes arrays as a file, kernels with the axes in TensorFlow's order as in the files of the networks we know."""
    tensors = {name: lying(values, (2, 3, 1, 0) if values.ndim == 4 else None) for name, values in state.items()}
    path.write_bytes(b"".join(parts(tensors)))
    return path


def random_state(architecture: Architecture, seed: int = 0) -> State:
    """Returns the tensors of an EfficientNet-Lite with random numbers, under the names of the files we know."""
    rng = np.random.default_rng(seed)
    state: State = {}

    def add(name: str, norm: str, shape: tuple[int, ...]) -> None:
        fan_in = math.prod(shape[1:])
        state[f"{name}.weight"] = rng.normal(0, (GAIN / fan_in) ** 0.5, shape).astype(np.float32)
        numbers = rng.uniform(0.5, 1.5, (2, shape[0])), rng.normal(0, 0.5, (2, shape[0]))
        for part, values in zip(
            ("weight", "running_var", "bias", "running_mean"), (*numbers[0], *numbers[1]), strict=True
        ):
            state[f"{norm}.{part}"] = values.astype(np.float32)
        state[f"{norm}.num_batches_tracked"] = np.array(7, np.int64)

    add("_conv_stem", "_bn0", (STEM, 3, 3, 3))
    block, channels = 0, STEM
    for repeats, side, _, expansion, out in architecture.stages:
        for _ in range(repeats):
            name, wide = f"_blocks.{block}", channels * expansion
            if expansion > 1:
                add(f"{name}._expand_conv", f"{name}._bn0", (wide, channels, 1, 1))
            add(f"{name}._depthwise_conv", f"{name}._bn1", (wide, 1, side, side))
            add(f"{name}._project_conv", f"{name}._bn2", (out, wide, 1, 1))
            block, channels = block + 1, out
    add("_conv_head", "_bn1", (LAST, channels, 1, 1))
    state["_fc.weight"] = rng.normal(0, 0.05, (CLASS_COUNT, LAST)).astype(np.float32)
    state["_fc.bias"] = rng.normal(0, 0.05, CLASS_COUNT).astype(np.float32)
    return state
