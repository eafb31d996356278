"""Named float arrays on disk: an `.npz` beside a JSON manifest that says what must be in it.

Networks and heads travel as plain arrays, never as pickles or executable models: reading a stranger's
vocabulary can at worst give wrong numbers. Everything the manifest promises (checksum, names, shapes,
finiteness) is checked before an array is used, sizes before anything is unpacked.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import BadHead, BadPath
from tagger.files import regular_file, write_atomically
from tagger.records import Floats

Arrays = dict[str, Floats]

MANIFEST_BYTES_MAX = 4 * 2**20
ARRAYS_BYTES_MAX = 2**30  # unpacked; InceptionV3's 1000-way classifier is 8 MB
STORED_TYPES = ("float16", "float32")


def save(path: Path, arrays: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any]) -> None:
    """Writes `path` (.npz) and its manifest (same name, .json), the arrays first.

    The manifest gets two entries of its own: "arrays" (name -> shape) and "sha256" of the npz.
    """
    packed = io.BytesIO()
    np.savez(packed, **dict(arrays))  # type: ignore[arg-type]
    body = packed.getvalue()
    facts = {
        **manifest,
        "arrays": {name: list(array.shape) for name, array in arrays.items()},
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    write_atomically(path, body)
    write_atomically(path.with_suffix(".json"), json.dumps(facts, indent=1).encode() + b"\n")


def read_manifest(path: Path) -> dict[str, Any]:
    """Returns the JSON object beside the arrays.

    Raises:
        BadHead: it is missing, too large, nested too deep, or no JSON object.
    """
    try:
        manifest = json.loads(_bytes(path, MANIFEST_BYTES_MAX))
    except (ValueError, RecursionError) as error:
        if isinstance(error, BadHead):
            raise
        raise BadHead(f"{path} is not JSON ({type(error).__name__}): restore it from where you got it") from error
    if not isinstance(manifest, dict):
        raise BadHead(f"{path} holds a JSON {type(manifest).__name__}, not an object")
    return manifest


def load(path: Path) -> Arrays:
    """Returns the arrays of an npz as float32, checked against the manifest beside it.

    Raises:
        BadHead: anything differs from the manifest, names the array; or a value is NaN or infinite.
    """
    manifest = read_manifest(path.with_suffix(".json"))
    shapes = manifest.get("arrays")
    if not isinstance(shapes, dict) or not all(_is_shape(shape) for shape in shapes.values()):
        raise BadHead(f'{path.with_suffix(".json")} lists no "arrays": {{name: [sizes]}} that could be read')
    body = _bytes(path, ARRAYS_BYTES_MAX)
    actual = hashlib.sha256(body).hexdigest()
    if actual != manifest.get("sha256"):
        raise BadHead(f"{path} has sha256 {actual[:12]}..., its manifest says {str(manifest.get('sha256'))[:12]}...")
    try:
        return _unpack(path, body, shapes)
    except BadHead:
        raise
    except Exception as error:  # zip and npy have dozens of ways to be malformed, each with its own exception
        raise BadHead(f"{path} is no npz file that could be read ({type(error).__name__}: {error})") from error


def _is_shape(shape: object) -> bool:
    """Whether it is a list of positive sizes whose float32 array could be read at all."""
    if not isinstance(shape, list) or not all(type(size) is int and size > 0 for size in shape):
        return False
    return math.prod(shape) * np.dtype(np.float32).itemsize <= ARRAYS_BYTES_MAX


def _bytes(path: Path, at_most: int) -> bytes:
    try:
        if regular_file(path).stat().st_size > at_most:
            raise BadHead(f"{path} is {path.stat().st_size} bytes: at most {at_most} are read")
        return path.read_bytes()
    except BadPath as error:
        raise BadHead(f"{error}: copy the whole vocabulary folder") from error
    except OSError as error:
        raise BadHead(f"{path} cannot be read ({error.strerror}): copy the whole vocabulary folder") from error


def _unpack(path: Path, body: bytes, shapes: dict[str, list[int]]) -> Arrays:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        members = [member.filename for member in archive.infolist()]
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > ARRAYS_BYTES_MAX:
            raise BadHead(f"{path} unpacks to {unpacked} bytes, at most {ARRAYS_BYTES_MAX} are read")
        if sorted(members) != sorted(f"{name}.npy" for name in shapes):
            raise BadHead(f"{path} holds {sorted(members)[:5]}, its manifest lists {sorted(shapes)[:5]}")
        return {name: _array(path, archive, name, shape) for name, shape in shapes.items()}


def _array(path: Path, archive: zipfile.ZipFile, name: str, shape: list[int]) -> Floats:
    try:
        return member(archive, name, shape).astype(np.float32)
    except BadArray as error:
        raise BadHead(f"{path}: {error}") from error


class BadArray(ValueError):
    """An array of an npz that is not what it should be; says which."""


def member(
    archive: zipfile.ZipFile, name: str, shape: list[int] | None, types: tuple[str, ...] = STORED_TYPES
) -> NDArray[Any]:
    """Returns an array of an npz, finite and of this shape, if one is given, as it is stored.

    Raises:
        BadArray: it has another shape or type, ends early, or holds NaN or infinity.
        KeyError: there is none of this name.
        zipfile.BadZipFile, ValueError, ...: what is stored is no array, or is damaged.
    """
    with archive.open(f"{name}.npy") as stored:
        version = np.lib.format.read_magic(stored)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        stored_shape, fortran_order, dtype = header(stored)
        if list(stored_shape) != (shape or list(stored_shape)) or fortran_order or dtype.name not in types:
            expected = "float" if types == STORED_TYPES else types[0]
            raise BadArray(f"array {name} is {dtype} {list(stored_shape)}, expected {expected} {shape or ''}")
        size = math.prod(stored_shape) * dtype.itemsize
        raw = stored.read(size)
        if len(raw) != size:
            raise BadArray(f"array {name} ends after {len(raw)} of {size} bytes")
    values = np.frombuffer(raw, dtype).reshape(stored_shape)
    if not np.isfinite(values).all():
        raise BadArray(f"array {name} holds NaN or infinity")
    return values


def digest(arrays: Mapping[str, NDArray[Any]] | list[NDArray[Any]]) -> str:
    """Returns the sha256 (hex) of the values in order, as little-endian float32: names do not count.

    Two files that give the same network the same numbers have the same digest, whatever their format.
    """
    values = arrays if isinstance(arrays, list) else list(arrays.values())
    sha = hashlib.sha256()
    for array in values:
        sha.update(np.ascontiguousarray(array, "<f4").tobytes())
    return sha.hexdigest()
