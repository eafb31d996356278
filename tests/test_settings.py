"""The choices of a run: which there are, what each takes, and what is refused at once."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tagger
from tagger import Settings
from tagger.errors import BadSettings
from tagger.settings import DETECTORS, KINDS
from tagger.shots import detector


def test_choices_stand_in_place_of_fields() -> None:
    assert Settings.of(None, {}) == Settings()
    assert Settings.of(None, {"detector": "hash"}) == Settings(detector="hash")
    given = Settings(detector="hash", min_shot_s=1.0)
    assert Settings.of(given, {"min_shot_s": 2.0}) == Settings(detector="hash", min_shot_s=2.0)
    assert given.min_shot_s == 1.0


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("detctor", "do you mean detector?"),
        ("min_shot", "do you mean min_shot_s?"),
        ("x", "there are backbone, weights, vocabulary, "),
    ],
)
def test_a_choice_that_is_none_names_the_one_meant(name: str, hint: str) -> None:
    with pytest.raises(BadSettings) as caught:
        Settings.of(None, {name: 1})
    assert str(caught.value).startswith(f"no setting is called {name!r}: {hint}")
    assert "\n" not in str(caught.value)
    with pytest.raises(BadSettings, match="no setting is called"):
        tagger.Tagger(**{name: 1})  # type: ignore[arg-type]


def test_every_field_has_a_kind() -> None:
    assert {*KINDS} == {field.name for field in fields(Settings)}


def test_paths_come_as_text_or_as_paths() -> None:
    assert Settings(weights="w.npz").weights == Settings(weights=Path("w.npz")).weights_file == Path("w.npz")
    assert Settings(vocabulary=Path("own/words")).vocabulary == str(Path("own/words"))
    assert Settings(weights="w.npz", vocabulary=Path("own")) == Settings(weights=Path("w.npz"), vocabulary="own")
    assert Settings().weights_file is None


def test_numbers_of_numpy_are_numbers() -> None:
    whole = {"batch_size": np.int64(8), "reservoir_bytes": np.uint8(9)}
    found = Settings(min_shot_s=np.float32(0.5), min_entropy_bits=np.int16(3), **whole)  # type: ignore[arg-type]
    assert found == Settings(min_shot_s=0.5, min_entropy_bits=3.0, batch_size=8, reservoir_bytes=9)
    kinds = {name: type(getattr(found, name)) for name in ("min_shot_s", "min_entropy_bits", *whole)}
    assert kinds == {"min_shot_s": float, "min_entropy_bits": float, "batch_size": int, "reservoir_bytes": int}


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("min_shot_s", "0.5", "a number"),
        ("min_shot_s", True, "a number"),
        ("min_entropy_bits", None, "a number"),
        ("batch_size", True, "a whole number or None"),
        ("batch_size", "8", "a whole number or None"),
        ("batch_size", 8.0, "a whole number or None"),
        ("reservoir_bytes", np.bool_(True), "a whole number"),
        ("reservoir_bytes", None, "a whole number"),
        ("weights", 5, "a path or None"),
        ("vocabulary", None, "a name or a path"),
        ("detector", None, "text"),
        ("scan", b"fast", "text"),
        ("device", 0, "text"),
        ("hwaccel", True, "text"),
        ("backbone", Path("compact"), "text"),
    ],
)
def test_what_is_of_another_kind_is_refused_at_once(name: str, value: Any, takes: str) -> None:
    with pytest.raises(BadSettings) as caught:
        Settings.of(None, {name: value})
    assert str(caught.value) == f"{name} = {value!r}: takes {takes}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_shot_s", -0.1),
        ("min_shot_s", 10**400),
        ("min_shot_s", float("nan")),
        ("min_shot_s", np.float32("nan")),
        ("min_entropy_bits", 8.1),
        ("batch_size", 0),
        ("batch_size", 1025),
        ("reservoir_bytes", -1),
    ],
)
def test_what_is_out_of_its_range_is_refused_with_the_range(name: str, value: Any) -> None:
    with pytest.raises(BadSettings, match=rf"^{name} = .*: from \d+ to \S+$"):
        Settings.of(None, {name: value})


def test_what_is_no_settings_is_refused() -> None:
    with pytest.raises(BadSettings, match="takes a tagger.Settings; single choices go by name"):
        Settings.of("fast", {})  # type: ignore[arg-type]


def test_settings_go_into_other_processes_as_they_are() -> None:
    found = Settings(weights="w.npz", detector="hash")
    assert pickle.loads(pickle.dumps(found)) == found
    assert replace(found, detector="content") == Settings(weights="w.npz", detector="content")


def test_every_detector_is_registered() -> None:
    assert tuple(detector.DETECTOR_KINDS) == DETECTORS
    for kind in detector.DETECTOR_KINDS.values():
        made = kind.make(0.6)
        assert made.settled == 0
        assert made.finish() == []
        assert kind.version() == kind.version() != ""
    assert [name for name, kind in detector.DETECTOR_KINDS.items() if not kind.every_frame] == ["learned"]
