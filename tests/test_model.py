"""The model of all films: loaded once however many ask, tried again after a failure, and known by a digest."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import media
import numpy as np
import pytest

from tagger import Settings, vocabulary
from tagger.errors import BadWeights, WeightsMissing
from tagger.models import model as models
from tagger.models.compact import ARRAYS
from tagger.models.head import load as load_head
from tagger.models.model import COUNTED, IDENTITY, NOT_COUNTED, Model, ModelLoader, identity
from tagger.pipeline import Engine

MANY = 8  # threads


def loader() -> ModelLoader:
    words = vocabulary.load("movies50")
    return ModelLoader(Settings(backbone="compact"), load_head(words.head_path("compact"), words), words)


class Loading:
    """In place of `load`: counts, takes its time, and fails so many times first."""

    def __init__(self, failures: int = 0, wait_s: float = 0.1) -> None:
        self.calls, self.failures, self.wait_s = 0, failures, wait_s
        self.real = models.load

    def __call__(self, *parts: Any) -> Model:
        self.calls += 1
        time.sleep(self.wait_s)
        if self.calls <= self.failures:
            raise BadWeights(f"failed for the {self.calls}. time")
        return self.real(*parts)


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch) -> Loading:
    found = Loading()
    monkeypatch.setattr(models, "load", found)
    return found


# Loading


BEGUN = """
import time
from tagger.models import model
from tagger.settings import Settings

def load(*parts):
    time.sleep(0.3)
    print("loaded")

model.load = load
model.ModelLoader(Settings(), None, None).begin()
"""


def test_at_the_end_of_the_process_loading_is_not_cut_off() -> None:
    """In the middle of ONNX Runtime that would end it with an abort."""
    done = subprocess.run([sys.executable, "-c", BEGUN], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "loaded\n", "")


def test_many_threads_get_one_model_that_was_loaded_once(loading: Loading) -> None:
    shared, together = loader(), threading.Barrier(MANY)

    def ask(_: int) -> tuple[Model, float]:
        together.wait()
        return shared.model(), shared.ready_at()

    with ThreadPoolExecutor(MANY) as threads:
        found = list(threads.map(ask, range(MANY)))
    assert loading.calls == 1
    assert len({id(model) for model, _ in found}) == len({ready for _, ready in found}) == 1


def test_nobody_waits_for_what_is_only_begun(loading: Loading) -> None:
    loading.wait_s = 0.5
    shared, since = loader(), time.monotonic()
    shared.begin()
    shared.begin()
    assert time.monotonic() - since < 0.4
    shared.model()
    assert shared.ready_at() - since >= 0.5
    assert loading.calls == 1


def test_who_waits_hears_of_a_failure_and_the_next_tries_again(loading: Loading) -> None:
    loading.failures = 1
    shared, together = loader(), threading.Barrier(MANY)

    def ask(_: int) -> str:
        together.wait()
        try:
            return str(shared.model() is not None)
        except BadWeights as error:
            return str(error)

    with ThreadPoolExecutor(MANY) as threads:
        found = set(threads.map(ask, range(MANY)))
    assert found <= {"failed for the 1. time", "True"}
    assert "failed for the 1. time" in found
    assert shared.model() is shared.model()
    assert loading.calls == 2


def test_weights_that_come_late_are_found(film: media.Truth, tmp_path: Path) -> None:
    late = tmp_path / "late.npz"
    shutil.copy(ARRAYS, late)
    engine = Engine(Settings(weights=late))  # its manifest is not there yet
    engine.load()
    for _ in range(2):
        with pytest.raises(BadWeights, match="no such file"):
            engine.extract(film.path)
    shutil.copy(ARRAYS.with_suffix(".json"), late.with_suffix(".json"))
    assert engine.extract(film.path).tags == Engine().extract(film.path).tags


# The digest


def digest(**choices: Any) -> str:
    return Engine(Settings.of(None, choices)).identity


@dataclass(frozen=True, slots=True)
class Later(Settings):
    """Settings of a later version, which has one option more."""

    deinterlace: bool = False


def later(**choices: Any) -> str:
    words = vocabulary.load("movies50")
    settings = Later(backbone="compact", **choices)
    return identity(settings, load_head(words.head_path("compact"), words), words, "1")


def test_it_begins_with_its_version() -> None:
    assert re.fullmatch(rf"{IDENTITY}-[0-9a-f]{{64}}", digest())


def test_every_option_of_today_counts_or_does_not() -> None:
    """One that came later is in neither list: it counts where it is not at its default."""
    later = ("precision", "rate", "stream")
    assert sorted((*COUNTED, *NOT_COUNTED, *later)) == sorted(field.name for field in fields(Settings))
    assert digest(rate=None) == digest() != digest(rate=25.0) == digest(rate=25) != digest(rate=24.0)


def test_an_option_that_comes_later_changes_it_only_where_it_is_used() -> None:
    words = vocabulary.load("movies50")
    head = load_head(words.head_path("compact"), words)
    assert later() == later(deinterlace=False) == identity(Settings(backbone="compact"), head, words, "1")
    assert later(deinterlace=True) != later()


def test_what_decides_about_tags_changes_it() -> None:
    changed: list[dict[str, Any]] = [
        {},
        {"scan": "full"},
        {"detector": "content"},
        {"min_shot_s": 0.7},
        {"min_entropy_bits": 0},
        {"reservoir_bytes": 2**20},
        {"backbone": "mobilenetv2"},
        {"backbone": "inceptionv3"},
    ]
    assert len({digest(**choices) for choices in changed}) == len(changed)
    assert {name for choices in changed for name in choices} == {*COUNTED}


def test_how_a_choice_is_written_and_where_the_work_is_done_do_not() -> None:
    for choices in (
        {"backbone": "compact"},
        {"min_entropy_bits": 4},
        {"min_entropy_bits": np.float32(4)},
        {"reservoir_bytes": np.int64(2**28)},
        {"batch_size": 3},
        {"device": "cpu"},
        {"hwaccel": "auto"},
    ):
        assert digest(**choices) == digest(), choices


def test_weights_count_by_their_content(tmp_path: Path) -> None:
    copy, other = tmp_path / "copy.npz", tmp_path / "other.npz"
    shutil.copy(ARRAYS, copy)
    other.write_bytes(copy.read_bytes() + b"\0")
    assert digest(weights=copy) == digest(weights=str(copy)) == digest()
    assert digest(weights=other) != digest()
    with pytest.raises(WeightsMissing, match="gone.npz: no such weights file"):
        digest(weights=tmp_path / "gone.npz")


def test_the_vocabulary_counts_by_its_content(tmp_path: Path) -> None:
    shutil.copytree(vocabulary.load("movies50").folder, tmp_path / "words")
    assert digest(vocabulary=tmp_path / "words") == digest(vocabulary=str(tmp_path / "words")) == digest()
    words = vocabulary.load(tmp_path / "words")
    head = load_head(words.head_path("compact"), words)
    settings = Settings(backbone="compact")
    kept = identity(settings, head, words, "1")
    assert identity(settings, replace(head, bias=head.bias + 1), words, "1") != kept
    assert identity(settings, head, replace(words, tags=words.tags[::-1]), "1") != kept
    assert identity(settings, head, words, "2") != kept
