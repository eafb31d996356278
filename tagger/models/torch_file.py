"""Tensors from PyTorch's files of before 2020, without PyTorch and without trust.

Such a file is a magic number, a version, facts about the machine, the names of the tensors with type, place, sizes and
strides, the order of the storages (five pickles), and then the storages: an int64 count and the raw numbers each.
Pickles are programs; this reader runs none: it knows the words and the four names that such files of weights need, of
which two are types of numbers, and refuses any other.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import BadWeights, reason

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
COUNT = np.dtype("<i8")  # stands before each storage
TYPES: Mapping[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
# Pickle's words for numbers, texts, lists, tuples, dicts and calls of what they name. The longest file that we know has
# 14 000 of them. Many more could fill memory, and Python crashes over keys of tuples in 100 000 tuples.
WORDS = frozenset((
    "PROTO", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE",
    "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3",
    "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS", "GLOBAL", "REDUCE", "BUILD", "BINPERSID",
))  # fmt: skip
PUT, GET = ("BINPUT", "LONG_BINPUT"), ("BINGET", "LONG_BINGET")
REPEATED = ("GLOBAL", "BINUNICODE")  # what is put to be got again; a tuple of the same tuple twice, and so on, explodes
WORDS_MAX = 50_000
NAME_MAX = 80  # characters of a name that a message repeats
ONE_VIEW = 5  # entries of a storage's id that matter: "storage", type, key, device, count; the sixth is never used


@dataclass(frozen=True, slots=True)
class _Tensor:
    """Where the numbers of a tensor are, in numbers from the start of their storage."""

    key: str
    dtype: np.dtype[Any]
    count: int  # in the storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _tensor(storage: tuple[np.dtype[Any], str, int], offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
    dtype, key, count = storage
    return _Tensor(key, dtype, count, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Returns what one of the four names means here."""
        if module == "torch" and name in TYPES:
            return name
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda *given: _tensor(*given)  # a new one each time: a pickle may set attributes of what it names
        raise pickle.UnpicklingError(f"it names {f'{module}.{name}'[:NAME_MAX]}, which no file of weights needs")

    def persistent_load(self, pid: Any) -> tuple[np.dtype[Any], str, int]:
        """Returns type, key and count of a storage."""
        _, kind, key, _, count = pid[:ONE_VIEW]
        if not isinstance(key, str):
            raise pickle.UnpicklingError("it has a storage whose key is no text")
        return TYPES[kind], key, int(count)


def tensors(path: Path, body: bytes) -> dict[str, NDArray[Any]]:
    """Returns the tensors of a file by name, as float32 or int64.

    Args:
        path: of the file, for people.
        body: what it holds.

    Raises:
        BadWeights: it is no such file, names something else, or ends too early.
    """
    stream = io.BytesIO(body)
    try:
        if (_pickled(stream), _pickled(stream)) != (MAGIC, PROTOCOL):
            raise ValueError("it does not begin as one")
        _machine, named, keys = (_pickled(stream) for _ in range(3))
        # Tensors may share numbers and repeat them, but not so that a small file fills the memory.
        if sum(math.prod(map(abs, tensor.shape), start=1.0) for tensor in named.values()) > len(body):
            raise ValueError("its tensors have more numbers than it has bytes")
        storages = _storages(stream, {tensor.key: tensor for tensor in named.values()}, keys)
        return {str(name): _view(tensor, storages[tensor.key]) for name, tensor in named.items()}
    except Exception as error:  # a pickle can be malformed in dozens of ways, each with its own exception
        raise BadWeights(f"{path}: cannot be read as weights of PyTorch before 1.6 ({reason(error)})") from error


def _pickled(stream: io.BytesIO) -> Any:
    """The next pickle, after a look at its words."""
    start, before, kept = stream.tell(), "", dict[Any, str]()
    for place, (word, value, _) in enumerate(pickletools.genops(stream)):
        if word.name in PUT:
            kept[value] = before
        if word.name not in WORDS or (word.name in GET and kept.get(value) not in REPEATED):
            raise pickle.UnpicklingError(f"it says {word.name}, which no file of weights needs")
        if place >= WORDS_MAX or (word.name == "LONG_BINPUT" and int(value or 0) > WORDS_MAX):  # takes so much memory
            raise pickle.UnpicklingError(f"it has a pickle of more than {WORDS_MAX} words")
        before = word.name
    stream.seek(start)
    return _Reader(stream).load()


def _storages(stream: io.BytesIO, of: Mapping[str, _Tensor], keys: Sequence[str]) -> dict[str, NDArray[Any]]:
    storages = {}
    for key in keys:
        count = int(np.frombuffer(_taken(stream, COUNT.itemsize), COUNT)[0])
        if count != of[key].count:
            raise ValueError(f"storage {key[:NAME_MAX]} holds {count} numbers, {of[key].count} are promised")
        storages[key] = np.frombuffer(_taken(stream, count * of[key].dtype.itemsize), of[key].dtype)
    return storages


def _taken(stream: io.BytesIO, size: int) -> bytes:
    """The next bytes, as many as that."""
    raw = stream.read(size)
    if len(raw) != size:
        raise ValueError(f"it ends too early, {size} bytes are wanted where {len(raw)} are left")
    return raw


def _view(tensor: _Tensor, storage: NDArray[Any]) -> NDArray[Any]:
    """The tensor's numbers in their order, which need not be that of the storage."""
    last = tensor.offset + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.strides, strict=True))
    if tensor.offset < 0 or min(tensor.strides, default=0) < 0 or last >= len(storage):
        raise ValueError(f"a tensor of {tensor.shape} lies outside of its storage")
    steps = [step * storage.itemsize for step in tensor.strides]
    view: Callable[..., NDArray[Any]] = np.lib.stride_tricks.as_strided
    return np.asarray(view(storage[tensor.offset :], tensor.shape, steps, writeable=False), order="C")
