"""Networks in whole numbers: close to what they say in float32, computed in integers, and never taken unasked."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import media
import numpy as np
import onnxruntime
import pytest

from tagger import Settings, Tagger
from tagger.errors import BadSettings, WeightsMissing
from tagger.models import compact, head, int8, model, registry
from tagger.models.onnx_bytes import Graph
from tagger.models.precision import computes_bfloat16
from tagger.models.registry import EMBEDDED, PACKAGED
from tagger.models.runtime import Network
from tagger.records import Floats, RankedTag
from tagger.vocabulary import load

SIDE = 32


def likeness(some: Floats, others: Floats) -> float:
    """The least correlation of any row."""
    return min(float(np.corrcoef(a, b)[0, 1]) for a, b in zip(some, others, strict=True))


@pytest.mark.packages
@pytest.mark.parametrize("name", [EMBEDDED, PACKAGED, "best"])
def test_a_network_in_whole_numbers_sees_nearly_the_same(name: str) -> None:
    try:
        whole, exact = (registry.load(name, None, precision=precision) for precision in ("int8", "float32"))
    except WeightsMissing as error:
        pytest.skip(f"{error}")
    assert (whole.device.precision, exact.device.precision) == ("int8", "float32")
    assert (whole.sha256, whole.identity) == (exact.sha256, exact.identity)
    pictures = [*int8.leaves(6, 200, seed=5)]  # others than it was measured on
    found, expected = whole.features(pictures), exact.features(pictures)
    assert found.dtype == np.float32
    assert likeness(found, expected) > 0.8
    assert not np.array_equal(found, expected)


def everything(rng: np.random.Generator) -> Graph:
    """A graph of every kind of step, with one that is asked twice and two that cannot be one with what follows."""

    def kernel(out: int, seen: int, side: int = 3) -> tuple[Floats, Floats]:
        scale = rng.uniform(0.01, 2, (out, 1, 1, 1)) / np.sqrt(seen * side**2)
        return (rng.normal(0, 1, (out, seen, side, side)) * scale).astype(np.float32), rng.normal(0, 0.1, out).astype(
            np.float32
        )

    made = Graph(SIDE)
    first = made.convolution(made.picture, *kernel(8, 3), stride=2)
    x = made.relu(first)
    y = made.relu6(made.convolution(x, *kernel(8, 1), groups=8))
    y = made.convolution(y, *kernel(8, 8, 1))
    both = made.added(first, y)  # `first` is asked before its ReLU, too
    x = made.joined(made.max_pool(both, 3, 1, (1, 1, 1, 1)), made.average_pool(x, 3, (1, 1, 1, 1)))
    wide = made.mean(made.relu(x))
    return made.ending_in(made.dense(wide, rng.normal(0, 1, (16, 12)).astype(np.float32), np.ones(12, np.float32)))


def test_every_kind_of_step_is_nearly_the_same() -> None:
    rng = np.random.default_rng(3)
    made = everything(rng)
    known, others = rng.normal(0, 1, (2, 12, 3, SIDE, SIDE)).astype(np.float32)
    whole = int8.quantised(made, known)
    assert whole.last == made.last
    found, expected = Network(whole.body())(others), Network(made.body())(others)
    error = np.abs(found - expected).max() / expected.std()
    assert 0 < error < 0.15


def test_sums_are_of_integers(tmp_path: Path) -> None:
    """What runs it makes one step of each convolution and what stands around it."""
    made = compact.graph({name: values for name, values in np.load(compact.ARRAYS).items() if name != "manifest"})
    whole = int8.quantised(made, np.zeros((1, 3, made.picture.size, made.picture.size), np.float32))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "run.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(whole.body(), options, providers=["CPUExecutionProvider"])
    steps = (tmp_path / "run.onnx").read_bytes()
    assert steps.count(b"QLinearConv") >= sum(node.kind == "Conv" for node in made.nodes)


def test_no_weight_overflows_a_pair_of_products() -> None:
    made = everything(np.random.default_rng(0))
    whole = int8.quantised(made, np.ones((1, 3, SIDE, SIDE), np.float32))
    weights = [values for values in whole.arrays.values() if values.dtype == np.int8 and values.ndim > 1]
    assert len(weights) == 4
    assert max(np.abs(values.astype(int)).max() for values in weights) == int8.WEIGHT_MAX
    assert 2 * int8.WEIGHT_MAX * int8.STEPS < 2**15


def test_a_report_says_how_it_was_computed(film: media.Truth) -> None:
    report = Tagger(Settings(backbone=EMBEDDED, precision="int8")).extract(film.path)
    assert report.settings["precision"] == "int8"
    usual = Tagger(Settings(backbone=EMBEDDED)).extract(film.path)
    assert usual.settings["precision"] == "float32"
    assert [shot.start_frame for shot in report.shots] == [shot.start_frame for shot in usual.shots]
    assert max(abs(a.weight - b.weight) for a, b in zip(by_name(report.tags), by_name(usual.tags), strict=True)) > 0


def by_name(tags: Sequence[RankedTag]) -> list[RankedTag]:
    return sorted(tags, key=lambda tag: tag.slug)


def test_another_precision_is_another_result() -> None:
    words = load("movies50")
    answers = head.load(words.head_path(EMBEDDED), words)
    made = {
        name: model.identity(Settings(backbone=EMBEDDED, precision=name), answers, words, "")
        for name in ("auto", "int8")
    }
    assert made["auto"] == model.identity(Settings(backbone=EMBEDDED), answers, words, "") != made["int8"]


@pytest.mark.skipif(computes_bfloat16(), reason="this processor computes in bfloat16")
def test_what_a_processor_cannot_is_one_line(film: media.Truth) -> None:
    words = [sys.executable, "-m", "tagger", "extract", "-q", str(film.path), "--precision", "bfloat16"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert re.fullmatch(r"movietags: error: --precision bfloat16: ONNX Runtime .* on ARM .*: use .*\n", done.stderr)


def test_there_is_no_other_precision() -> None:
    with pytest.raises(BadSettings, match=r"^precision 'int4': choose one of auto, float32, int8, bfloat16$"):
        Settings(precision="int4")
