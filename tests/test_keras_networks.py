"""Networks of Keras without Keras: the same answers as its own, from each of its files, and honest refusals."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import keras
import media
import networks
import numpy as np
import pytest

from tagger.errors import BadWeights
from tagger.models import arrays, keras_files, keras_models, registry
from tagger.models.architectures import Architecture, named
from tagger.models.keras_families import described, prepared
from tagger.models.keras_graph import graph
from tagger.models.keras_layers import in_order
from tagger.models.runtime import Network

SMALL = "mobilenet-0.25-128"
# Of each family, at sizes that pad evenly and oddly; smaller than the published, which cost seconds.
SIZES = {
    "inceptionv3": 107, "xception": 90, "resnet50": 65, "vgg16": 64, "mobilenet-0.25-128": 97,
    "mobilenetv2-1.4-224": 96, "mobilenetv2-0.35-96": 75,
}  # fmt: skip
SUFFIXES = (".h5", ".weights.h5", ".keras")


@dataclass(frozen=True)
class Made:
    """A network of Keras with random numbers whose normalisations know what they saw, and what it says."""

    architecture: Architecture
    whole: Any
    squares: np.ndarray
    features: np.ndarray
    logits: np.ndarray
    numbers: list[np.ndarray]


def made(name: str, size: int) -> Made:
    architecture = replace(named(name), input_size=size)
    module = getattr(keras.applications, architecture.module)
    keras.utils.set_random_seed(1)
    width = {} if architecture.width is None else {"alpha": architecture.width}
    whole = getattr(module, architecture.function)(
        weights=None, input_shape=(size, size, 3), classifier_activation=None, **width
    )
    rng = np.random.default_rng(0)
    # As unlike as can be: what pictures have in common is most of a random network's answer, else.
    patches = rng.integers(0, 256, (3, size // 8 + 1, size // 8 + 1, 3), np.uint8)
    squares = patches.repeat(8, 1).repeat(8, 2)[:, :size, :size]
    seen = module.preprocess_input(squares.astype(np.float32))
    norms = [layer for layer in whole.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for norm in norms:
        norm.momentum = 0.0
    whole(seen, training=True)
    for norm in norms:
        *scale, offset, mean, variance = norm.get_weights()
        scale = [rng.uniform(0.8, 1.2, one.shape) for one in scale]
        variance = np.maximum(variance, variance.mean() / 4)  # else hardly used channels are rounding errors, made loud
        norm.set_weights([*scale, rng.normal(0, 0.1, offset.shape), mean, variance])
    if architecture.feature_layer == "avg_pool":
        pool = [layer for layer in whole.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)][-1]
    else:
        pool = whole.get_layer(architecture.feature_layer)
    body = keras.Model(whole.input, pool.output)
    features, logits = (np.asarray(network(seen, training=False)).reshape(3, -1) for network in (body, whole))
    return Made(architecture, whole, squares, features, logits, body.get_weights())


@pytest.mark.parametrize("name", SIZES)
def test_features_and_logits_are_those_of_keras(name: str, tmp_path: Path) -> None:
    one = made(name, SIZES[name])
    expected = one.features / one.features.std()
    for suffix in SUFFIXES[: 1 if name.startswith("vgg") else 2]:  # their files are large
        found = keras_files.read(one.architecture, networks.written(one.whole, tmp_path / f"network{suffix}"))
        assert arrays.digest(found.arrays) == arrays.digest(one.numbers)
    features = Network(graph(described(one.architecture).features, [*found.arrays]).body())(
        prepared(one.architecture, one.squares).transpose(0, 3, 1, 2)
    )
    assert features.shape == (3, one.architecture.feature_count)
    assert np.abs(expected[0] - expected[1]).max() > 0.1
    assert found.classifier
    assert np.allclose(features / one.features.std(), expected, rtol=1e-4, atol=1e-4)
    scale = one.logits.std()
    assert np.allclose(found.classifier.logits(features) / scale, one.logits / scale, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["inceptionv3", "resnet50", "vgg19", "mobilenet", "mobilenetv2"])
def test_pictures_are_prepared_as_keras_does(name: str) -> None:
    architecture = named(name)
    squares = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3), np.uint8)
    module = getattr(keras.applications, architecture.module)
    assert np.array_equal(prepared(architecture, squares), module.preprocess_input(squares.astype(np.float32)))


@pytest.mark.parametrize("name", ["xception", "resnet50", "mobilenet-0.75-192", "mobilenetv2-0.75-224"])
def test_layers_have_the_order_of_keras(name: str) -> None:
    whole = keras_models.untrained(named(name))
    ours = [shape for layer in in_order(described(named(name)).features) for shape in layer.arrays]
    assert ours == [array.shape for array in whole.get_weights()]
    parameters = sum(int(np.prod(shape)) for shape in ours)
    assert parameters == whole.count_params() == named(name).without_top.parameters


def small(suffix: str, tmp_path: Path, include_top: bool = True) -> Path:
    return networks.save(SMALL, tmp_path / f"small{suffix}", include_top=include_top)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_without_the_classifier_has_the_features(tmp_path: Path, suffix: str) -> None:
    whole, body = (registry.load(SMALL, small(suffix, tmp_path / str(top), top)) for top in (True, False))
    assert whole.classifier and body.classifier is None
    pictures = [media.scenery(0, 200, 150)]
    assert body.features(pictures).std() > 0.1  # of other random numbers
    assert whole.parameters == body.parameters == named(SMALL).without_top.parameters


def test_vgg_without_its_classifier_is_told_what_to_use(tmp_path: Path) -> None:
    architecture = replace(named("vgg16"), input_size=32)
    body = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    with pytest.raises(BadWeights, match=r"its features are fc2, .*use vgg16_weights_tf_dim_ordering_tf_kernels\.h5"):
        keras_files.read(architecture, networks.written(body, tmp_path / "body.h5"))


def test_a_whole_model_of_keras_before_3_is_read(tmp_path: Path) -> None:
    inside, file = small(".h5", tmp_path), tmp_path / "model.h5"
    with h5py.File(inside) as weights, h5py.File(file, "w") as model:
        weights.copy(weights["/"], model, "model_weights")
    assert registry.load(SMALL, file).sha256 == registry.load(SMALL, inside).sha256


def test_long_lists_of_names_are_cut_into_several(tmp_path: Path) -> None:
    file = small(".h5", tmp_path)
    expected = registry.load(SMALL, file).sha256
    with h5py.File(file, "r+") as weights:
        names = weights.attrs["layer_names"]
        del weights.attrs["layer_names"]
        weights.attrs["layer_names0"], weights.attrs["layer_names1"] = names[:40], names[40:]
    assert registry.load(SMALL, file).sha256 == expected


def test_weights_in_half_precision_are_read(tmp_path: Path) -> None:
    file = small(".weights.h5", tmp_path)
    with h5py.File(file, "r+") as weights:
        kernel = weights["layers/conv2d/vars/0"][()]
        del weights["layers/conv2d/vars/0"]
        weights["layers/conv2d/vars/0"] = kernel.astype(np.float16)
    assert keras_files.read(named(SMALL), file).arrays[0] == pytest.approx(kernel, rel=1e-3, abs=1e-6)


def replaced(values: Any) -> Callable[[h5py.Group, str], None]:
    def change(group: h5py.Group, name: str) -> None:
        old = group[name][()]
        del group[name]
        if values is not None:
            group[name] = values(old)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (replaced(lambda old: old[..., :1]), "is float32 (3, 3, 3, 1), expected floats (3, 3, 3, 8)"),
        (replaced(np.ravel), "is float32 (216,), expected floats (3, 3, 3, 8)"),
        (replaced(lambda old: old.astype(np.int8)), "is int8 (3, 3, 3, 8), expected floats (3, 3, 3, 8)"),
        (replaced(lambda old: "text"), "is object (), expected floats (3, 3, 3, 8)"),
        (replaced(None), "missing"),
        (lambda group, name: (group.pop(name), group.create_group(name)), "expected floats (3, 3, 3, 8)"),
    ],
)
@pytest.mark.parametrize("suffix", SUFFIXES[:2])
def test_an_array_that_is_wrong_is_named(
    tmp_path: Path, suffix: str, change: Callable[[h5py.Group, str], None], said: str
) -> None:
    file = small(suffix, tmp_path)
    with h5py.File(file, "r+") as weights:
        if suffix == ".h5":
            group, name = weights["conv1"], weights["conv1"].attrs["weight_names"][0]
        else:
            group, name = weights["layers/conv2d/vars"], "0"
        change(group, name)
    expected = "a conv2d has 0 arrays (none), expected 1" if said == "missing" and suffix != ".h5" else said
    with pytest.raises(BadWeights, match=rf"small{suffix}: does not fit {SMALL}, with or without") as caught:
        registry.load(SMALL, file)
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_layer_that_is_missing_is_named(tmp_path: Path) -> None:
    file = small(".weights.h5", tmp_path)
    with h5py.File(file, "r+") as weights:
        weights.move("layers/conv2d_3", "layers/conv2d_99")
    with pytest.raises(BadWeights, match=r"it has no layers/conv2d_3\)"):
        registry.load(SMALL, file)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_that_ends_too_early_is_one_line(tmp_path: Path, suffix: str, share: float) -> None:
    file, cut = small(suffix, tmp_path), tmp_path / f"cut{suffix}"
    body = file.read_bytes()
    cut.write_bytes(body[: int(len(body) * share)])
    with pytest.raises(BadWeights, match=rf"cut{suffix}: does not fit") as caught:
        registry.load(SMALL, cut)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("suffix", SUFFIXES[:2])
@pytest.mark.parametrize(("file", "name"), [("mobilenet-0.5-128", SMALL), ("mobilenetv2-0.35-96", SMALL)])
def test_the_file_of_another_network_is_one_line(tmp_path: Path, suffix: str, file: str, name: str) -> None:
    other = networks.save(file, tmp_path / f"other{suffix}")
    with pytest.raises(BadWeights, match=rf"other{suffix}: does not fit {name}, .* \(.*expected") as caught:
        registry.load(name, other)
    assert len(str(caught.value).splitlines()) == 1


def test_what_a_file_is_says_its_content(tmp_path: Path) -> None:
    expected = registry.load(SMALL, small(".weights.h5", tmp_path)).sha256
    for name in ("new.h5", "new"):
        shutil.copy(tmp_path / "small.weights.h5", tmp_path / name)
        assert registry.load(SMALL, tmp_path / name).sha256 == expected
