"""Tensors come back as they lie in a file, and no file runs anything, fills the memory or gives more than one line."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch_files
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch_files import Stored, lying

from tagger.errors import BadWeights
from tagger.models import torch_file
from tagger.models.torch_file import MAGIC, PROTOCOL, WORDS_MAX

SIX = np.arange(6, dtype=np.float32)
COUNTED = np.array([3, -(2**40)], np.int64)
TENSORS = {"kernel": lying(SIX.reshape(2, 3), (1, 0), 2), "count": lying(COUNTED)}
PARTS = torch_files.parts(TENSORS)
BODY = b"".join(PARTS)
NAMED, KEYS = 3, 4  # of the parts; the storages follow


def read(body: bytes) -> dict[str, NDArray[Any]]:
    return torch_file.tensors(Path("a.pth"), body)


def refusal(body: bytes) -> str:
    """What is said of a file, which is one line and names it."""
    with pytest.raises(BadWeights) as caught:
        read(body)
    said = str(caught.value)
    assert said.startswith("a.pth: cannot be read as weights of PyTorch before 1.6 (")
    assert len(said.splitlines()) == 1
    assert len(said) < 400
    return said


@contextmanager
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def with_named(named: bytes) -> bytes:
    """A file whose tensors are whatever a pickle says."""
    return b"".join([*PARTS[:NAMED], named, *PARTS[KEYS:]])


def test_types_names_and_numbers_come_back() -> None:
    found = read(BODY)
    assert list(found) == ["kernel", "count"]
    assert found["kernel"].dtype == np.float32 and found["count"].dtype == np.int64
    assert np.array_equal(found["kernel"], SIX.reshape(2, 3))
    assert np.array_equal(found["count"], COUNTED)


@given(shape=st.lists(st.integers(1, 4), max_size=4), before=st.integers(0, 5), whole=st.booleans(), data=st.data())
@settings(deadline=None)
def test_strides_and_offsets_are_honoured(shape: list[int], before: int, whole: bool, data: st.DataObject) -> None:
    values = np.arange(np.prod(shape, dtype=int), dtype=np.int64 if whole else np.float32).reshape(shape)
    order = data.draw(st.permutations(range(len(shape))))
    found = read(b"".join(torch_files.parts({"first": lying(values, order, before), "second": lying(-values)})))
    assert np.array_equal(found["first"], values)
    assert np.array_equal(found["second"], -values)
    assert all(tensor.shape == values.shape and tensor.dtype == values.dtype for tensor in found.values())


def test_tensors_may_share_a_storage_and_leave_some_of_it_out() -> None:
    tensors = {
        "even": Stored(SIX, (3,), (2,)),
        "odd": Stored(SIX, (3,), (2,), 1),
        "turned": Stored(SIX, (3, 2), (1, 3)),
        "none": Stored(SIX, (0, 2), (2, 1)),
        "one": Stored(SIX, (), (), 5),
    }
    found = read(b"".join(torch_files.parts(tensors)))
    expected = {"even": SIX[::2], "odd": SIX[1::2], "turned": SIX.reshape(2, 3).T, "none": SIX[:0].reshape(0, 2)}
    for name, values in {**expected, "one": SIX[5]}.items():
        assert np.array_equal(found[name], values), name
        assert found[name].flags.c_contiguous


class Calls:
    """Would call something if anything unpickled it."""

    def __init__(self, called: Callable[..., object], *given: object) -> None:
        self.called = called, given

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.called


@pytest.mark.parametrize(
    "called",
    [os.system, builtins.eval, builtins.open, builtins.getattr, np.load, np.dtype, np.array],
    ids=lambda called: str(called.__name__),
)
@pytest.mark.parametrize("place", range(KEYS + 1))
def test_nothing_else_is_called(
    called: Callable[..., object], place: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hostile = pickle.dumps(Calls(called, "touch ran", "w"), 2)
    said = refusal(b"".join([*PARTS[:place], hostile, *PARTS[place + 1 :]]))
    assert "it names " in said and "which no file of weights needs" in said
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("name", ["os.system", "torch.DoubleStorage", "torch.load", "collections.Counter"])
def test_a_name_is_refused_even_where_nothing_calls_it(name: str) -> None:
    pair = "\n".join(name.rsplit(".", 1)).encode()
    assert f"it names {name}, which" in refusal(with_named(b"\x80\x02c" + pair + b"\n."))


@pytest.mark.parametrize("protocol", [0, 1, 4, 5])
def test_the_words_of_other_protocols_are_refused(protocol: int) -> None:
    assert "it says " in refusal(with_named(pickle.dumps({"name": [1.5, "text" * 99]}, protocol)))


def test_what_the_names_mean_cannot_be_changed() -> None:
    state = b"N}X\x0c\x00\x00\x00__defaults__)s\x86b."  # no attributes, and one that is set
    for name in (b"torch._utils\n_rebuild_tensor_v2", b"collections\nOrderedDict", b"torch\nFloatStorage"):
        refusal(with_named(b"\x80\x02c" + name + b"\n" + state))
        assert np.array_equal(read(BODY)["kernel"], SIX.reshape(2, 3))
    assert torch_file._tensor.__defaults__ is None


def test_a_file_that_was_cut_off_anywhere_is_refused() -> None:
    for cut in range(len(BODY)):
        refusal(BODY[:cut])


@pytest.mark.parametrize("count", [-(2**63), -1, 0, 1, 5, 8, 10, 2**40, 2**63 - 1])
def test_a_storage_of_another_length_is_refused(count: int) -> None:
    body = b"".join([*PARTS[: KEYS + 1], struct.pack("<q", count), *PARTS[KEYS + 2 :]])
    assert f"holds {count} numbers, 9 are promised" in refusal(body)


@pytest.mark.parametrize("count", [-(2**62), -2, -1, 10, 2**31, 2**61, 2**62])
def test_a_lie_that_agrees_with_itself_is_refused(count: int) -> None:
    named = PARTS[NAMED].replace(b"K\x09Nt", b"\x8a\x08" + struct.pack("<q", count) + b"Nt")
    assert named != PARTS[NAMED]
    with little_memory():
        refusal(b"".join([*PARTS[:NAMED], named, PARTS[KEYS], struct.pack("<q", count), *PARTS[KEYS + 2 :]]))


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((7,), (1,), 0),
        ((6,), (1,), 1),
        ((2, 3), (4, 1), 0),
        ((1,), (1,), 6),
        ((1,), (1,), -1),
        ((1,), (1,), 2**62),
        ((6,), (-1,), 5),
        ((2,), (2**62,), 0),
        ((-2,), (1,), 0),
        ((-2, -3), (3, 1), 0),
        ((2, 3), (1,), 0),
        ((2,), (3, 1), 0),
    ],
    ids=str,
)
def test_a_tensor_outside_of_its_storage_is_refused(
    shape: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> None:
    refusal(b"".join(torch_files.parts({"good": Stored(SIX, (6,), (1,)), "bad": Stored(SIX, shape, strides, offset)})))


@pytest.mark.parametrize(
    "tensors",
    [
        {"wide": Stored(SIX, (10**9,), (0,))},
        {"wide": Stored(SIX, (10**5, 10**5), (0, 0)), "less": Stored(SIX, (-(10**5), 10**5), (0, 0))},
        {"wide": Stored(SIX, (10**200,) * 9, (0,) * 9)},
        {f"same {place}": Stored(np.zeros(10**6, np.float32), (10**6,), (1,)) for place in range(2)}
        | dict.fromkeys(map(str, range(1000)), Stored(np.zeros(10**6, np.float32), (10**3, 10**3), (1, 10**3))),
    ],
    ids=["repeated", "two that cancel", "beyond all numbers", "one storage many times"],
)
def test_numbers_that_repeat_take_no_memory(tensors: dict[str, Stored]) -> None:
    body = b"".join(torch_files.parts(tensors))
    with little_memory():
        refusal(body)


@pytest.mark.parametrize(
    "named",
    [
        b"\x80\x02]r\xff\xff\xff\x0f.",  # remembers a list as number 2^28
        b"\x80\x02]p99999999\n.",  # the same in another word
        b"\x80\x02})" + b"\x85" * 2_000_000 + b"Ns.",  # a key of two million tuples, each in the next
        b"\x80\x02" + b"]" * (WORDS_MAX + 1) + b".",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**50) + b".",
        b"\x80\x02X\xff\xff\xff\xff.",
        b"\x80\x02\x82\x01.",
        b"\x80\x02})q\x00" + b"".join(b"h%ch%c\x86q%c" % (n, n, n + 1) for n in range(60)) + b"Ns.",  # 2^60 tuples
        b"\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\n)q\x00"
        + b"".join(b"h%ch%c\x86q%c" % (n, n, n + 1) for n in range(60))
        + b"X\x03\x00\x00\x00cpuK\x06NtQ.",
    ],
    ids=["memory", "memory by text", "deep key", "long", "bytes", "text", "extension", "wide key", "wide storage"],
)
def test_pickles_that_hurt_the_reader_are_not_read(named: bytes) -> None:
    body = with_named(named)
    with little_memory():
        refusal(body)


def zipped() -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("archive/data.pkl", PARTS[NAMED])
    return body.getvalue()


def hdf5() -> bytes:
    body = io.BytesIO()
    with h5py.File(body, "w") as file:
        file["kernel"] = SIX
    return body.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        zipped(),
        hdf5(),
        b"no weights",
        pickle.dumps({"kernel": SIX}, 2),
        pickle.dumps(MAGIC, 2),
        BODY[len(PARTS[0]) :],
        b"".join([torch_files.pickled(MAGIC + 1), *PARTS[1:]]),
        b"".join([PARTS[0], torch_files.pickled(PROTOCOL + 1), *PARTS[2:]]),
    ],
    ids=["empty", "zip", "hdf5", "text", "pickle", "magic alone", "no magic", "other magic", "other version"],
)
def test_other_files_are_refused(body: bytes) -> None:
    refusal(body)


@pytest.mark.parametrize(
    "named",
    [
        None,
        {},
        {"kernel": 5},
        {"kernel": None},
        [1, 2],
        "text",
        {5: lying(SIX)},
        {"kernel": lying(SIX), "other": "text"},
    ],
    ids=str,
)
@pytest.mark.parametrize("keys", [None, 5, ["none such"], [[]], {"a": 1}], ids=str)
def test_what_is_no_table_of_tensors_is_refused(named: object, keys: object) -> None:
    refusal(b"".join([*PARTS[:NAMED], torch_files.pickled(named), torch_files.pickled(keys), *PARTS[KEYS + 1 :]]))


def read_or_refuse(body: bytes) -> None:
    with little_memory():
        try:
            read(body)
        except BadWeights:
            refusal(body)


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=300)
def test_no_bytes_break_the_reader(body: bytes) -> None:
    refusal(body)
    read_or_refuse(with_named(body))


@given(st.dictionaries(st.integers(0, len(BODY) - 1), st.integers(0, 255), min_size=1, max_size=6))
@settings(deadline=None, max_examples=300)
def test_no_changed_bytes_break_the_reader(changes: dict[int, int]) -> None:
    body = bytearray(BODY)
    for place, value in changes.items():
        body[place] = value
    read_or_refuse(bytes(body))
