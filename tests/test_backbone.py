"""Networks with their own preprocessing, weights from a file, the cache or a server, and honest refusals."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import keras
import media
import networks
import numpy as np
import pytest

from tagger.errors import BadSettings, BadWeights, NetworkFailed, NonFiniteFeatures, WeightsMissing
from tagger.images import prepare
from tagger.models import arrays, compact, registry, residual, student, weights
from tagger.models.architectures import named
from tagger.models.backbone import Backbone, WithoutNetwork, in_batches
from tagger.models.runtime import Network

TINY = "mobilenet-0.25-128"


def pictures(count: int) -> list[np.ndarray]:
    return [media.scenery(seed, 200 + 10 * seed, 150) for seed in range(count)]


@pytest.fixture(scope="session")
def embedded() -> Backbone:
    return registry.load("compact", None, 8)


def test_the_embedded_one_needs_nothing(embedded: Backbone) -> None:
    found = embedded.features(pictures(3))
    assert found.shape == (3, embedded.feature_count)
    assert found.dtype == np.float32
    assert embedded.source == "embedded"
    assert len(embedded.sha256) == 64


def test_features_do_not_depend_on_the_batch(embedded: Backbone) -> None:
    many = pictures(33)
    one, all_at_once = registry.load("compact", None, 1), registry.load("compact", None, 32)
    reference = one.features(many)
    assert np.abs(reference - all_at_once.features(many)).max() < 1e-4
    assert np.abs(reference - embedded.features(many)).max() < 1e-4


def test_no_pictures_no_features(embedded: Backbone) -> None:
    assert embedded.features([]).shape == (0, embedded.feature_count)


def test_all_shipped_files_together_are_small() -> None:
    folder = compact.ARRAYS.parent
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 12e6


def test_a_network_that_answers_nan_is_refused(tmp_path: Path) -> None:
    found = arrays.load(compact.ARRAYS)
    name = next(name for name in found if name.endswith("bias"))
    found[name] = np.full_like(found[name], 3e38)  # finite itself, but not what follows from it
    arrays.save(tmp_path / "wild.npz", {key: np.asarray(value, np.float32) for key, value in found.items()}, {})
    with pytest.raises(NonFiniteFeatures, match="compact/avg_pool gave NaN or infinity for picture 0 of 2"):
        registry.load("compact", tmp_path / "wild.npz", 4).features(pictures(2))


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    arrays.save(tmp_path / "alien.npz", {"kernel": np.ones(3, np.float32)}, {})
    with pytest.raises(BadWeights, match=r"alien.npz: holds no arrays .*stem"):
        registry.load("compact", tmp_path / "alien.npz", 4)


def test_threads_get_the_answers_of_their_own_pictures(embedded: Backbone, tmp_path: Path) -> None:
    keras_one = registry.load(TINY, networks.save(TINY, tmp_path / "random.h5"), 8)
    many = pictures(24)
    for base in (embedded, keras_one):
        parts = [many[place : place + 3] for place in range(0, len(many), 3)] * 4
        expected = [base.features(part) for part in parts]
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(base.features, parts))
        for answer, alone in zip(answers, expected, strict=True):
            assert np.array_equal(answer, alone), base.name


def test_what_a_library_cannot_compute_is_one_line(embedded: Backbone) -> None:
    def fails(squares: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.resize(squares[0, :0], (3, 3)))

    with pytest.raises(NetworkFailed, match="compact/avg_pool could not be computed for 2 pictures") as caught:
        in_batches(embedded, pictures(2), fails)
    assert str(caught.value).endswith("try a smaller --batch-size")
    assert "\n" not in str(caught.value)
    with pytest.raises(NetworkFailed, match="for 2 pictures"):
        in_batches(embedded, pictures(2), lambda squares: np.ones((len(squares), 5), np.float32))


@pytest.mark.parametrize("name", ["compact", TINY])
@pytest.mark.parametrize(
    "file", ["folder", "folder.npz", "text.h5", "text.npz", "text.keras", "text", "n" * 5000, "\0"]
)
def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path, name: str, file: str) -> None:
    if file.startswith("folder"):
        (tmp_path / file).mkdir()
    elif file.startswith("text"):
        (tmp_path / file).write_text("no weights")
    with pytest.raises(BadWeights if file.startswith("text") else WeightsMissing) as caught:
        registry.load(name, tmp_path / file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", [".weights.h5", ".keras"])
def test_weights_of_another_network_are_one_line_and_no_chatter(tmp_path: Path, form: str) -> None:
    file = tmp_path / f"other{form}"
    other = student.trainable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Keras, reading its own variables
        other.save(file) if form == ".keras" else other.save_weights(file)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        with pytest.raises(BadWeights) as caught:
            registry.load(TINY, file)
    assert [str(one.message) for one in said] == []
    assert re.fullmatch(
        rf"{file}: does not fit {TINY}, with or without its classifier "
        r"\(it has \d+ layers with weights, expected 55 or 54\)",
        str(caught.value),
    )


@pytest.mark.parametrize("part", ["kernel", "bias"])
def test_a_classifier_of_another_shape_is_refused(tmp_path: Path, part: str) -> None:
    shipped = arrays.load(compact.ARRAYS)
    odd = {**shipped, f"classifier.{part}": shipped[f"classifier.{part}"][..., :10]}
    arrays.save(tmp_path / "odd.npz", odd, {})
    with pytest.raises(BadWeights, match=r"odd\.npz: holds no arrays of the compact network \(classifier is"):
        registry.load("compact", tmp_path / "odd.npz")


def test_what_is_known_of_a_backbone_travels_without_its_network(embedded: Backbone) -> None:
    there = pickle.loads(pickle.dumps(WithoutNetwork.of(embedded)))
    assert (there.identity, there.sha256, there.feature_count) == ("compact/avg_pool", embedded.sha256, 768)
    with pytest.raises(NetworkFailed, match="its network is in another process"):
        there.features(pictures(1))


@pytest.mark.parametrize(
    "name",
    ["inceptionv3", "xception", "resnet50", "vgg16", "vgg19", "mobilenet", "mobilenet-0.75-192", "mobilenetv2-1.4-224"],
)
def test_names_are_those_of_keras(name: str) -> None:
    made = named(name)
    assert hasattr(keras.applications, made.function)
    module = getattr(keras.applications, made.module)
    assert callable(module.preprocess_input)


@pytest.mark.parametrize("name", ["", "InceptionV3", "mobilenet-0.6-192", "mobilenet-1.0-100", "nasnet", "compact2"])
def test_other_names_list_what_there_is(name: str) -> None:
    with pytest.raises(BadSettings, match="choose compact, efficientnet-lite0, .*, inceptionv3, xception"):
        registry.entry(name)


@pytest.mark.parametrize(
    "name", ["mobilenet", "mobilenet-0.25-128", "mobilenetv2", "mobilenetv2-0.35-96", "mobilenetv2-1.4-224"]
)
def test_sizes_and_feature_counts_are_those_of_the_network(name: str) -> None:
    made = named(name)
    module = getattr(keras.applications, made.module)
    shape = (made.input_size, made.input_size, 3)
    for file, top in ((made.with_top, True), (made.without_top, False)):
        network = getattr(module, made.function)(weights=None, include_top=top, alpha=made.width, input_shape=shape)
        assert network.count_params() == file.parameters
    assert network.output_shape[-1] == made.feature_count


REAL = {
    "mobilenetv2": "mobilenet_v2_1.0_224.weights.h5",
    "mobilenet": "mobilenet_v1_1.0_224.weights.h5",
    "mobilenet-0.75-192": "mobilenet_v1_0.75_192.weights.h5",
}


@pytest.mark.parametrize("name", REAL)
def test_real_networks_see_what_keras_sees(shared: Path, name: str) -> None:
    """Our features, through the network's own last layer, name the pictures as the whole network does."""
    file = shared / "models" / REAL[name]
    made = named(name)
    ours = registry.load(name, file, 8)
    paths = sorted((shared / "models/imagenet_check").glob("*.*"))[:8]
    images = [np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8) for path in paths]
    module = getattr(keras.applications, made.module)
    whole = getattr(module, made.function)(
        weights=None, alpha=made.width, input_shape=(made.input_size,) * 2 + (3,), classifier_activation=None
    )
    whole.load_weights(str(file))
    batch = np.stack([prepare(image, made.input_size) for image in images])
    expected = whole.predict_on_batch(module.preprocess_input(batch.astype(np.float32)))
    last = [layer for layer in whole.layers if layer.get_weights()][-1]
    kernel, bias = last.get_weights()
    features = ours.features(images)
    assert features.shape == (8, made.feature_count)
    assert np.abs(features @ kernel.reshape(made.feature_count, -1) + bias - expected).max() < 1e-2


def test_the_cache_of_keras_is_used_with_its_file_without_classifier(shared: Path, tmp_path: Path) -> None:
    cache = weights.cache_folder()
    assert cache == tmp_path / "keras/models"
    cache.mkdir(parents=True)
    (cache / "mobilenet_2_5_224_tf_no_top.h5").symlink_to(shared / "models/mobilenet_2_5_224_tf_no_top.h5")
    found = registry.load("mobilenet-0.25-224", None, 4)
    assert found.features(pictures(2)).shape == (2, 256)
    assert found.source == str(cache / "mobilenet_2_5_224_tf_no_top.h5")


def test_weights_of_another_network_are_refused(shared: Path, tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match="does not fit mobilenet, with or without its classifier"):
        registry.load("mobilenet", shared / "models" / REAL["mobilenetv2"], 4)
    (tmp_path / "text.h5").write_text("no weights")
    with pytest.raises(BadWeights, match=r"text\.h5: does not fit"):
        registry.load("mobilenet", tmp_path / "text.h5", 4)
    with pytest.raises(WeightsMissing, match="no such weights file"):
        registry.load("mobilenet", tmp_path / "missing.h5", 4)


def test_jax_has_the_same_network_to_train(tmp_path: Path) -> None:
    pytest.importorskip("jax", reason="needs JAX, the other backend of Keras")
    name = "mobilenet-0.25-128"
    file = networks.save(name, tmp_path / "random.h5")
    code = (
        "import sys; sys.path.insert(0, 'tests')\nimport numpy as np, test_backbone as t\nfrom pathlib import Path\n"
        "from tagger.models import registry\nassert t.keras.backend.backend() == 'jax'\n"
        f"base = registry.load({name!r}, Path({str(file)!r}), 8)\n"
        "seen = base.preprocess(np.stack([t.prepare(one, base.input_size) for one in t.pictures(3)]))\n"
        "np.save(sys.argv[1], base.body().predict_on_batch(seen))"
    )
    env = {**os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": networks.QUICKLY}
    command = [sys.executable, "-c", code, str(tmp_path / "said.npy")]
    subprocess.run(command, env=env, check=True, cwd=Path(__file__).parents[1])
    expected = registry.load(name, file, 8).features(pictures(3))
    assert expected.std() > 0.1
    assert np.abs(np.load(tmp_path / "said.npy") - expected).max() < 1e-3


def test_the_embedded_network_is_the_same_in_keras() -> None:
    """The shipped numbers in the network that was trained, with a normalisation that does nothing."""
    shipped = arrays.load(compact.ARRAYS)
    trained = student.trainable()
    for layer in trained.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([shipped[f"{layer.name}.kernel"]])
            norm, bias = trained.get_layer(f"{layer.name}_norm"), shipped[f"{layer.name}.bias"]
            norm.set_weights([np.full_like(bias, np.sqrt(1 + norm.epsilon)), bias, 0 * bias, 1 + 0 * bias])
    pixels = np.stack([prepare(picture, residual.INPUT_SIZE) for picture in pictures(5)])
    expected = trained.predict_on_batch(residual.preprocess(pixels))
    found = Network(compact.graph(shipped).body())(compact.planes(pixels))
    assert expected.std() > 0.1
    assert np.abs(found - expected).max() < 1e-3


def test_the_embedded_network_starts_without_the_libraries_of_the_others() -> None:
    code = (
        "import sys, numpy as np\nfrom tagger.models import registry\n"
        "registry.load('compact', None, 2).features([np.zeros((9, 9, 3), np.uint8)])\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'tensorflow', 'keras', 'jax', 'torch'}))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_network_for_training_folds_into_the_network_for_use() -> None:
    trained = student.trainable()
    rng = np.random.default_rng(0)
    for layer in trained.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape).astype(np.float32) for w in layer.get_weights()])
    network = Network(compact.graph(student.fold(trained)).body())
    batch = rng.uniform(-1, 1, (2, residual.INPUT_SIZE, residual.INPUT_SIZE, 3)).astype(np.float32)
    expected = trained.predict_on_batch(batch)
    assert np.abs(network(batch.transpose(0, 3, 1, 2)) - expected).max() < 0.01 * np.abs(expected).max()
