"""EfficientNet-Lite: the network that was published, whole files of it only, and what it sees in real pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import keras
import media
import numpy as np
import pytest
import torch_files
from numpy.typing import NDArray
from torch_files import State

from tagger.errors import BadWeights, LibraryMissing
from tagger.images import squash
from tagger.models import efficientnet_lite, registry, torch_file
from tagger.models.backbone import Backbone
from tagger.models.efficientnet_lite import KNOWN, LAST, Architecture, planes
from tagger.models.evidence import CLASS_COUNT
from tagger.models.onnx_bytes import Graph
from tagger.models.runtime import Network

pytestmark = pytest.mark.packages

SMALLEST = "efficientnet-lite0"


def pictures(count: int) -> list[NDArray[np.uint8]]:
    return [media.scenery(seed, 200 + 10 * seed, 150) for seed in range(count)]


@pytest.fixture(scope="module")
def state() -> State:
    return torch_files.random_state(KNOWN[SMALLEST])


def in_keras(architecture: Architecture, state: State) -> Any:
    """The same network in layers of Keras, with the normalisations that the graph has folded away."""

    def normalised(x: Any, name: str, norm: str, stride: int = 1) -> Any:
        kernel = state[f"{name}.weight"]
        out, seen, side, _ = kernel.shape
        shared = {"strides": stride, "padding": "same", "use_bias": False}
        if seen == 1 and side > 1:
            layer, numbers = keras.layers.DepthwiseConv2D(side, **shared), kernel.transpose(2, 3, 0, 1)
        else:
            layer, numbers = keras.layers.Conv2D(out, side, **shared), kernel.transpose(2, 3, 1, 0)
        after = keras.layers.BatchNormalization(epsilon=1e-3)
        x = after(layer(x))
        layer.set_weights([numbers])
        after.set_weights([state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")])
        return x

    given = keras.Input((architecture.input_size, architecture.input_size, 3))
    x = keras.layers.ReLU(6)(normalised(given, "_conv_stem", "_bn0", 2))
    block = 0
    for repeats, _, stride, _, _ in architecture.stages:
        for repeat in range(repeats):
            name, y = f"_blocks.{block}", x
            if f"{name}._expand_conv.weight" in state:
                y = keras.layers.ReLU(6)(normalised(y, f"{name}._expand_conv", f"{name}._bn0"))
            y = normalised(y, f"{name}._depthwise_conv", f"{name}._bn1", 1 if repeat else stride)
            y = normalised(keras.layers.ReLU(6)(y), f"{name}._project_conv", f"{name}._bn2")
            x = keras.layers.Add()([x, y]) if y.shape == x.shape else y
            block += 1
    x = keras.layers.ReLU(6)(normalised(x, "_conv_head", "_bn1"))
    return keras.Model(given, keras.layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize("name", [SMALLEST, "efficientnet-lite2"])  # 224 halves evenly, 260 does not
def test_the_graph_is_the_network_in_keras(name: str) -> None:
    architecture = KNOWN[name]
    state = torch_files.random_state(architecture, 1)
    squares = np.stack([squash(picture, architecture.input_size) for picture in pictures(2)])
    expected = np.asarray(in_keras(architecture, state)((squares.astype(np.float32) - 127) / 128, training=False))
    found = Network(efficientnet_lite.graph(architecture, state).body())(planes(squares))
    assert found.shape == (2, LAST)
    assert expected.std() > 0.5
    assert np.abs(expected[0] - expected[1]).max() > 0.1
    assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize("size", [1, 2, 6, 7, 8, 9])
@pytest.mark.parametrize("side", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("grouped", [False, True])
def test_padding_is_that_of_tensorflow_at_any_size(size: int, side: int, stride: int, grouped: bool) -> None:
    rng = np.random.default_rng(size)
    seen = rng.normal(size=(2, size, size, 3)).astype(np.float32)
    kernel = rng.normal(size=(side, side, 3, 1 if grouped else 6)).astype(np.float32)
    convolved = keras.ops.depthwise_conv if grouped else keras.ops.conv
    expected = np.asarray(convolved(seen, kernel, stride, padding="same")) + 0.5
    made = Graph(size)
    axes = (2, 3, 0, 1) if grouped else (3, 2, 0, 1)
    bias = np.full(expected.shape[3], 0.5, np.float32)
    end = made.convolution(made.picture, kernel.transpose(axes), bias, stride, 3 if grouped else 1)
    assert (end.channels, end.size) == (expected.shape[3], expected.shape[1])
    found = Network(made.ending_in_mean_of(made.relu6(end)).body())(np.ascontiguousarray(seen.transpose(0, 3, 1, 2)))
    assert np.abs(found - np.clip(expected, 0, 6).mean((1, 2))).max() < 1e-5


def test_stages_are_those_that_were_published() -> None:
    def columns(name: str) -> list[tuple[int, ...]]:
        return [*zip(*KNOWN[name].stages, strict=True)]

    fixed = [(3, 3, 5, 3, 5, 5, 3), (1, 2, 2, 2, 1, 2, 1), (1, 6, 6, 6, 6, 6, 6)]  # sides, strides, expansions
    channels = (16, 24, 40, 80, 112, 192, 320)
    assert columns("efficientnet-lite0") == [(1, 2, 2, 3, 3, 4, 1), *fixed, channels]
    assert columns("efficientnet-lite1") == [(1, 3, 3, 4, 4, 5, 1), *fixed, channels]
    assert columns("efficientnet-lite2") == [(1, 3, 3, 4, 4, 5, 1), *fixed, (16, 24, 48, 88, 120, 208, 352)]
    assert [made.input_size for made in KNOWN.values()] == [224, 240, 260]


def test_channels_are_never_rounded_down_by_more_than_a_tenth() -> None:
    narrow = replace(KNOWN[SMALLEST], width=0.7)  # 11.2, 16.8, 28, 56, 78.4, 134.4 and 224
    assert [stage[-1] for stage in narrow.stages] == [16, 16, 32, 56, 80, 136, 224]


def opened(tmp_path: Path, state: State, name: str = SMALLEST) -> Backbone:
    return registry.load(name, torch_files.save(tmp_path / "random.pth", state), 2)


def refusal(tmp_path: Path, state: State, name: str = SMALLEST) -> str:
    """What is said of a file, which is one line and names it."""
    with pytest.raises(BadWeights, match=rf"random\.pth: does not fit {name} \(") as caught:
        opened(tmp_path, state, name)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_file_of_ones_own_is_used(tmp_path: Path, state: State) -> None:
    found = opened(tmp_path, state)
    assert found.source == str(tmp_path / "random.pth")
    assert (found.identity, found.input_size, found.feature_count) == ("efficientnet-lite0/avg_pool", 224, LAST)
    row = registry.entry(SMALLEST)
    assert (found.name, found.input_size, found.feature_count) == (row.name, row.input_size, row.feature_count)
    features = found.features(pictures(3))
    squares = np.stack([squash(picture, 224) for picture in pictures(3)])
    assert (
        np.abs(features - Network(efficientnet_lite.graph(KNOWN[SMALLEST], state).body())(planes(squares))).max() < 1e-5
    )
    assert found.classifier
    expected = features @ state["_fc.weight"].T + state["_fc.bias"]
    assert np.abs(found.classifier.logits(features) - expected).max() < 1e-3


def test_the_digest_is_that_of_what_leads_to_the_features(tmp_path: Path, state: State) -> None:
    def digest(name: str = "", by: float = 0) -> str:
        changed = {**state, name: (state[name] + by).astype(state[name].dtype)} if name else state
        return opened(tmp_path, changed).sha256

    assert digest() == digest() == digest("_fc.bias", 1) == digest("_bn0.num_batches_tracked", 1)
    assert digest() != digest("_bn1.running_mean", 1)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("_conv_stem.weight", lambda kernel: kernel[:16]),
        ("_conv_stem.weight", lambda kernel: kernel[..., :1]),
        ("_conv_stem.weight", lambda kernel: kernel[..., :1, :]),
        ("_conv_stem.weight", lambda kernel: kernel[:, :1]),
        ("_conv_stem.weight", np.ravel),
        ("_blocks.0._depthwise_conv.weight", lambda kernel: np.repeat(kernel, 2, 1)),
        ("_blocks.1._expand_conv.weight", lambda kernel: kernel[:, :8]),
        ("_blocks.15._project_conv.weight", lambda kernel: kernel[..., None]),
        *((f"_blocks.2._bn1.{part}", change)
          for part in ("weight", "bias", "running_mean", "running_var")
          for change in (lambda values: values[:1], lambda values: values[:5], lambda values: values[:, None],
                         lambda values: values[0], lambda values: np.append(values, values))),
        ("_fc.weight", np.transpose),
        ("_fc.weight", lambda kernel: kernel[:10]),
        ("_fc.weight", np.ravel),
        ("_fc.bias", lambda bias: bias[:1]),
        ("_fc.bias", lambda bias: bias[0]),
    ],
)  # fmt: skip
def test_a_tensor_of_another_shape_is_refused(
    tmp_path: Path, state: State, name: str, change: Callable[[NDArray[Any]], NDArray[Any]]
) -> None:
    changed = np.asarray(change(state[name]))
    assert f"{name} is {changed.shape}, expected {state[name].shape}" in refusal(tmp_path, {**state, name: changed})


@pytest.mark.parametrize(
    "name", ["_conv_stem.weight", "_bn1.running_var", "_blocks.3._bn2.bias", "_fc.weight", "_fc.bias"]
)
def test_a_tensor_that_is_missing_is_named(tmp_path: Path, state: State, name: str) -> None:
    said = refusal(tmp_path, {other: values for other, values in state.items() if other != name})
    assert f"it has no {name}" in said


@pytest.mark.parametrize(("file", "name"), [(0, 1), (1, 0), (2, 0), (1, 2)])
def test_the_file_of_another_network_is_refused(tmp_path: Path, file: int, name: int) -> None:
    state = torch_files.random_state(KNOWN[f"efficientnet-lite{file}"])
    refusal(tmp_path, state, f"efficientnet-lite{name}")


@pytest.mark.parametrize("body", [b"", b"no weights", b"\x89HDF\r\n\x1a\n", b"PK\x05\x06" + bytes(18)])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "other.h5").write_bytes(body)
    with pytest.raises(BadWeights, match=r"other\.h5: cannot be read as weights of PyTorch") as caught:
        registry.load(SMALLEST, tmp_path / "other.h5")
    assert len(str(caught.value).splitlines()) == 1


def published(name: str) -> Backbone:
    """A network with the weights of its package; the test is skipped where that is not installed."""
    row = registry.entry(name)
    if not row.here:
        pytest.skip(f"needs the weights of {name}: {row.published[0].wanted}")
    return registry.load(name, None, 8)


@pytest.fixture(scope="module")
def smallest() -> Backbone:
    return published(SMALLEST)


@pytest.mark.parametrize("name", KNOWN)
def test_the_packages_hold_the_networks_that_we_make_up(name: str) -> None:
    base = published(name)
    made = torch_files.random_state(KNOWN[name])
    path = Path(base.source)
    found = torch_file.tensors(path, path.read_bytes())
    assert {key: (values.shape, values.dtype) for key, values in found.items() if values.ndim} == {
        key: (values.shape, values.dtype) for key, values in made.items() if values.ndim
    }
    assert base.parameters == sum(values.size for key, values in made.items() if values.ndim and "_fc." not in key)
    features = base.features(pictures(2))
    assert features.shape == (2, LAST)
    assert 0 <= features.min() < 0.01 and 1 < features.max() <= 6


def test_most_pictures_of_imagenet_are_named(smallest: Backbone, shared: Path) -> None:
    lines = (shared / "models/imagenet_classes.tsv").read_text().splitlines()[1:]
    places = {line.split("\t")[1]: int(line.split("\t")[0]) for line in lines}
    assert len(places) == CLASS_COUNT
    paths = sorted((shared / "models/imagenet_check").glob("n*.jpg"))
    assert len(paths) == 200
    images = [np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8) for path in paths]
    features = smallest.features(images)
    assert smallest.classifier
    named = smallest.classifier.logits(features).argmax(1)
    assert np.mean([places[path.name.split("_")[0]] == place for path, place in zip(paths, named, strict=True)]) >= 0.75
    assert features.min() >= 0 and 4 < features.max() <= 6


def test_features_do_not_depend_on_the_pictures_beside(smallest: Backbone) -> None:
    """Not in one bit where this was written; a machine with other instructions may round elsewhere."""
    many = pictures(19)
    alone = np.concatenate([smallest.features([picture]) for picture in many])
    assert np.allclose(smallest.features(many), alone, rtol=0, atol=1e-5)
    assert np.allclose(smallest.features(many[::-1])[::-1], alone, rtol=0, atol=1e-5)
    assert np.allclose(registry.load(SMALLEST, None, 1).features(many), alone, rtol=0, atol=1e-5)


def test_threads_get_the_answers_of_their_own_pictures(smallest: Backbone) -> None:
    many = pictures(12)
    parts = [many[place : place + 2] for place in range(0, len(many), 2)] * 2
    expected = [smallest.features(part) for part in parts]
    with ThreadPoolExecutor(2) as threads:
        answers = [*threads.map(smallest.features, parts)]
    for answer, alone in zip(answers, expected, strict=True):
        assert np.array_equal(answer, alone)


def test_no_pictures_no_features(smallest: Backbone) -> None:
    assert smallest.features([]).shape == (0, LAST)


def test_a_gpu_is_not_used_and_that_is_said(smallest: Backbone, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "tagger"):
        found = registry.load(SMALLEST, None, 4, "gpu")
    assert "efficientnet-lite0 runs on the processor: --device gpu is for the networks of Keras" in caplog.text
    assert not found.device.is_gpu
    one = pictures(1)
    assert np.array_equal(found.features(one), smallest.features(one))


def test_without_onnx_runtime_the_message_says_what_to_install(
    tmp_path: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(LibraryMissing, match="needs onnxruntime, which is not installed: pip install onnxruntime"):
        opened(tmp_path, state)
