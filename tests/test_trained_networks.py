"""What Keras trained is what the arrays say, and only what was to be trained has changed."""

from __future__ import annotations

from pathlib import Path

import keras
import media
import networks as made
import numpy as np
import pytest

from tagger import arrays, backbone, compact
from tagger.backbone import Backbone
from tagger.images import squash
from tagger.training import networks
from tagger.training.networks import Standard
from tagger.training.recipe import FINE_TUNE, SCRATCH, Recipe

SMALL = "mobilenet-0.25-128"


@pytest.fixture(scope="module")
def embedded() -> Backbone:
    return backbone.load("compact", None)


@pytest.fixture(scope="module")
def mobile(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return backbone.load(SMALL, made.save(SMALL, tmp_path_factory.mktemp("weights") / "weights.h5", include_top=False))


def pictures(base: Backbone, count: int = 3) -> np.ndarray:
    return np.stack([squash(media.scenery(seed, 200, 150), base.input_size) for seed in range(count)])


def shaken(network: keras.Model) -> None:
    """Gives all trainable numbers, and the statistics of batch normalisation, other values."""
    rng = np.random.default_rng(0)
    network.set_weights([values + np.abs(rng.normal(0, 0.05, values.shape)) for values in network.get_weights()])


@pytest.mark.parametrize("hidden", [(), (12,), (12, 6)])
def test_layers_in_arrays_do_what_the_trained_head_does(hidden: tuple[int, ...]) -> None:
    recipe = Recipe(hidden=hidden, batch_norm=bool(hidden))
    top = networks.head(5, 3, recipe)
    shaken(keras.Sequential([layer for layer in top.layers if not isinstance(layer, keras.layers.Dropout)]))
    x = np.random.default_rng(1).normal(3, 2, (40, 5)).astype(np.float32)
    standard = Standard.of(x)
    wanted = np.asarray(top(standard(x), training=False))
    *before, last = networks.dense_layers(top, standard)
    for layer in before:
        x = np.maximum(layer(x), 0)
    assert last(x) == pytest.approx(wanted, abs=1e-4)


def test_the_same_feature_everywhere_does_no_harm() -> None:
    rows = np.ones((10, 2), np.float32)
    assert np.isfinite(Standard.of(rows)(rows)).all()


def test_the_embedded_network_in_keras_gives_its_features(embedded: Backbone) -> None:
    recipe = Recipe(strategy=FINE_TUNE)
    top = networks.head(compact.FEATURE_COUNT, 2, recipe)
    _, body = networks.whole(embedded, Standard.none(compact.FEATURE_COUNT), top, recipe)
    seen = pictures(embedded)
    wanted = embedded.features(list(seen))
    assert np.asarray(body(embedded.preprocess(seen))) == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("which", ["embedded", "mobile"])
def test_a_tuned_backbone_comes_back_from_its_arrays(
    which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    base: Backbone = request.getfixturevalue(which)
    recipe = Recipe(strategy=FINE_TUNE, unfreeze=2)
    _, body = networks.whole(
        base, Standard.none(base.feature_count), networks.head(base.feature_count, 2, recipe), recipe
    )
    before = [np.array(values) for values in body.get_weights()]
    try:
        last = [layer for layer in body.layers if layer.trainable and layer.weights][-1]
        last.set_weights([values * 1.1 for values in last.get_weights()])
        found = networks.backbone_arrays(base.name, body)
        arrays.save(tmp_path / "tuned.npz", found, {})
        again = backbone.load(base.name, tmp_path / "tuned.npz")
        seen = pictures(base)
        wanted = np.asarray(body(base.preprocess(seen), training=False)).reshape(len(seen), -1)
        assert again.features(list(seen)) == pytest.approx(wanted, abs=1e-3)
        assert np.abs(wanted - base.features(list(seen))).max() > 1e-3 or which == "mobile"  # which shares its layers
        assert again.sha256 == arrays.digest(found)
    finally:
        body.set_weights(before)


@pytest.mark.parametrize("which", ["embedded", "mobile"])
def test_fine_tuning_trains_the_last_layers_alone(which: str, request: pytest.FixtureRequest) -> None:
    base: Backbone = request.getfixturevalue(which)
    for count in (1, 3):
        recipe = Recipe(strategy=FINE_TUNE, unfreeze=count)
        top = networks.head(base.feature_count, 2, recipe)
        _, body = networks.whole(base, Standard.none(base.feature_count), top, recipe)
        weighty = [layer for layer in body.layers if layer.weights]
        trained = [layer.name for layer in weighty if layer.trainable]
        kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
        assert trained == [layer.name for layer in weighty if isinstance(layer, kinds)][-count:]


def test_from_scratch_everything_is_trained_and_nothing_known(embedded: Backbone) -> None:
    recipe = Recipe(strategy=SCRATCH)
    top = networks.head(compact.FEATURE_COUNT, 2, recipe)
    whole, body = networks.whole(embedded, Standard.none(compact.FEATURE_COUNT), top, recipe)
    assert len(whole.trainable_weights) == len(body.trainable_weights) + 2
    found = networks.backbone_arrays("compact", body)
    assert {*found} == {name for name in arrays.load(backbone.EMBEDDED_ARRAYS) if not name.startswith("classifier")}


def test_arrays_of_another_network_are_refused(embedded: Backbone, tmp_path: Path) -> None:
    from tagger.errors import BadWeights

    arrays.save(tmp_path / "tuned.npz", {"0000": np.zeros((2, 2), np.float32)}, {})
    for name in ("compact", SMALL):
        with pytest.raises(BadWeights, match=r"tuned\.npz"):
            backbone.load(name, tmp_path / "tuned.npz")
