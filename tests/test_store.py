"""What was computed is found again, by several processes, within a bound."""

from __future__ import annotations

import logging
import multiprocessing
from pathlib import Path

import pytest

from tagger.training.store import AT_ONCE, FILE, Store


def keys(count: int, letter: bytes = b"k") -> list[bytes]:
    return [letter + number.to_bytes(4, "big") for number in range(count)]


def test_what_is_put_is_got_and_nothing_else(tmp_path: Path) -> None:
    store = Store(tmp_path, "a")
    store.put({b"one": b"1", b"two": b"2"})
    assert store.get([b"one", b"two", b"three"]) == {b"one": b"1", b"two": b"2"}
    assert Store(tmp_path, "a").get([b"two"]) == {b"two": b"2"}


def test_spaces_know_nothing_of_one_another(tmp_path: Path) -> None:
    one, other = Store(tmp_path, "one"), Store(tmp_path, "other")
    one.put({b"key": b"1"})
    other.put({b"key": b"2"})
    assert (one.get([b"key"]), other.get([b"key"])) == ({b"key": b"1"}, {b"key": b"2"})


def test_more_keys_than_one_question_holds(tmp_path: Path) -> None:
    store = Store(tmp_path, "a")
    many = dict.fromkeys(keys(3 * AT_ONCE + 7), b"v")
    store.put(many)
    assert store.get(list(many)) == many


def test_the_bound_is_kept_and_what_was_used_last_stays(tmp_path: Path) -> None:
    store = Store(tmp_path, "a", bytes_max=10_000)
    store.put(dict.fromkeys(keys(50), bytes(100)))
    assert len(store.get(keys(10))) == 10  # used now
    store.put(dict.fromkeys(keys(60, b"n"), bytes(100)))
    left = store.get(keys(50)) | store.get(keys(60, b"n"))
    assert 0 < sum(map(len, left.values())) <= 10_000
    assert not store.get(keys(50)[10:])  # the oldest went first


def fill(folder: Path, letter: bytes) -> None:
    store = Store(folder, "a")
    for key in keys(200, letter):
        store.put({key: key * 10})


def test_two_processes_fill_it_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=fill, args=(tmp_path, letter)) for letter in (b"a", b"b")]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert [one.exitcode for one in both] == [0, 0]
    assert len(Store(tmp_path, "a").get([*keys(200, b"a"), *keys(200, b"b")])) == 400


def test_a_broken_file_costs_time_and_not_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all, " * 100)
    with caplog.at_level(logging.WARNING):
        store = Store(tmp_path, "a")
        store.put({b"key": b"1"})
        assert store.get([b"key"]) == {}
    assert len(caplog.records) == 1
    assert "computed anew" in caplog.text


def test_a_folder_that_cannot_be_made_costs_time_and_not_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    assert Store(tmp_path / "file/below", "a").get([b"key"]) == {}
    assert "computed anew" in caplog.text
