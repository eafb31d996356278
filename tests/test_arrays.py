"""Arrays come back as they went, and nothing hostile gets in."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tagger.errors import BadHead
from tagger.models import arrays

GOOD: dict[str, NDArray[Any]] = {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.ones(3, np.float16)}


def put(path: Path, body: bytes, shapes: object) -> Path:
    """An npz of any bytes whose manifest vouches for it."""
    path.write_bytes(body)
    manifest = {"arrays": shapes, "sha256": hashlib.sha256(body).hexdigest()}
    path.with_suffix(".json").write_text(json.dumps(manifest))
    return path


def npz(**found: object) -> bytes:
    body = io.BytesIO()
    np.savez(body, **found)  # type: ignore[arg-type]
    return body.getvalue()


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    arrays.save(path, GOOD, {"note": "kept"})
    found = arrays.load(path)
    assert {name: array.dtype for name, array in found.items()} == {"kernel": np.float32, "bias": np.float32}
    assert np.array_equal(found["kernel"], GOOD["kernel"])
    assert arrays.read_manifest(path.with_suffix(".json"))["note"] == "kept"


def test_digest_knows_values_and_order_not_names_or_precision_of_storage(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    arrays.save(path, GOOD, {})
    assert arrays.digest(arrays.load(path)) == arrays.digest(GOOD)
    assert arrays.digest(list(GOOD.values())) == arrays.digest(GOOD)
    assert arrays.digest(list(GOOD.values())[::-1]) != arrays.digest(GOOD)


def test_changed_bytes_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    arrays.save(path, GOOD, {})
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(bytes(body))
    with pytest.raises(BadHead, match="sha256"):
        arrays.load(path)


@pytest.mark.parametrize(
    ("found", "shapes", "message"),
    [
        ({"kernel": np.zeros((2, 3), np.float32)}, {"kernel": [3, 2]}, "array kernel is float32 .2, 3."),
        ({"kernel": np.zeros(3)}, {"kernel": [3]}, "float64"),
        ({"kernel": np.zeros(3, np.int32)}, {"kernel": [3]}, "int32"),
        ({"kernel": np.array([1, np.nan], np.float32)}, {"kernel": [2]}, "array kernel holds NaN"),
        ({"kernel": np.array([1, np.inf], np.float16)}, {"kernel": [2]}, "array kernel holds NaN or infinity"),
        ({"kernel": np.zeros(3, np.float32)}, {"other": [3]}, "its manifest lists"),
        ({"kernel": np.array([{}], object)}, {"kernel": [1]}, "object"),
    ],
)
def test_wrong_arrays_are_refused_by_name(
    tmp_path: Path, found: dict[str, object], shapes: object, message: str
) -> None:
    with pytest.raises(BadHead, match=message):
        arrays.load(put(tmp_path / "a.npz", npz(**found), shapes))


class Canary:
    """Would write a file if anything unpickled it."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.path, "w")


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    bodies = [pickle.dumps(Canary(canary)), npz(kernel=np.array([Canary(canary)], object))]
    for body in bodies:
        with pytest.raises(BadHead):
            arrays.load(put(tmp_path / "a.npz", body, {"kernel": [1]}))
    assert not canary.exists()


def test_a_header_that_claims_too_much_takes_no_memory(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (100_000, 100_000)})
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("kernel.npy", header.getvalue())
    for shape, message in (([100_000, 100_000], "could be read"), ([10_000, 10_000], "expected float")):
        path = put(tmp_path / "a.npz", body.getvalue(), {"kernel": shape})
        tracemalloc.start()
        with pytest.raises(BadHead, match=message):
            arrays.load(path)
        assert tracemalloc.get_traced_memory()[1] < 50e6
        tracemalloc.stop()


HOSTILE_SHAPES = ([768.0, 50.0], [True, 50], [2**62, 4], [10**30], [-1], [0], "ab", None, [None], ["a"], 5)


@pytest.mark.parametrize("shape", HOSTILE_SHAPES, ids=str)
def test_sizes_that_are_none_are_refused(tmp_path: Path, shape: object) -> None:
    with pytest.raises(BadHead, match="could be read"):
        arrays.load(put(tmp_path / "a.npz", npz(kernel=np.zeros((768, 50), np.float32)), {"kernel": shape}))


def members(**found: bytes) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, content in found.items():
            archive.writestr(name, content)
    return body.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        members(**{"kernel.npy": b"\x93NUMPY\x01\x00\x10\x00{{{{((((\x00\x00\x00\x00"}),
        members(**{"kernel.npy": b"\x93NUMPY\x01\x00\x10\x00" + b"-" * 15 + b"1"}),
        members(**{"kernel.npy": b""}),
        npz(kernel=np.zeros(3, np.float32))[:-10],
        npz(kernel=np.zeros(3, np.float32)).replace(b"\x93NUMPY", b"\x93numpy"),
        b"PK\x05\x06",
    ],
    ids=["junk header", "deep header", "empty member", "cut off", "no magic", "no members"],
)
def test_malformed_bytes_are_refused(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(BadHead, match=r"a\.npz"):
        arrays.load(put(tmp_path / "a.npz", body, {"kernel": [3]}))


def test_links_to_devices_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to("/dev/zero")
    with pytest.raises(BadHead, match="no regular file"):
        arrays.load(tmp_path / "a.npz")


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "ARRAYS_BYTES_MAX", 10_000)
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("kernel.npy", bytes(1_000_000))
    with pytest.raises(BadHead, match="unpacks to 1000000 bytes"):
        arrays.load(put(tmp_path / "a.npz", body.getvalue(), {"kernel": [1]}))


@pytest.mark.parametrize("text", ["", "[]", "nonsense", "[" * 100_000], ids=["empty", "list", "text", "deep"])
def test_manifests_that_are_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(BadHead, match="a.json"):
        arrays.read_manifest(path)


def test_a_huge_manifest_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b" " * (arrays.MANIFEST_BYTES_MAX + 1))
    with pytest.raises(BadHead, match="at most"):
        arrays.read_manifest(path)
