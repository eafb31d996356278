"""What Keras trained is what the arrays say, and only what was to be trained has changed."""

from __future__ import annotations

from pathlib import Path

import keras
import media
import networks as made
import numpy as np
import pytest

from tagger.errors import BadWeights
from tagger.images import squash
from tagger.models import arrays, compact, registry, residual
from tagger.models.backbone import Tunable, tunable
from tagger.training.heads import HeadNetwork, Standard
from tagger.training.networks import WholeNetwork
from tagger.training.recipe import FINE_TUNE, SCRATCH, Recipe

SMALL = "mobilenet-0.25-128"


@pytest.fixture(scope="module")
def embedded() -> Tunable:
    return tunable(registry.load("compact", None))


@pytest.fixture(scope="module")
def mobile(tmp_path_factory: pytest.TempPathFactory) -> Tunable:
    return tunable(
        registry.load(SMALL, made.save(SMALL, tmp_path_factory.mktemp("weights") / "weights.h5", include_top=False))
    )


def pictures(base: Tunable, count: int = 3) -> np.ndarray:
    return np.stack([squash(media.scenery(seed, 200, 150), base.input_size) for seed in range(count)])


def whole(base: Tunable, **choices: object) -> WholeNetwork:
    recipe = Recipe(**choices)  # type: ignore[arg-type]
    head = HeadNetwork(base.feature_count, 2, recipe)
    return WholeNetwork(base, Standard.none(base.feature_count), head, recipe)


def test_a_tuned_head_is_given_back(embedded: Tunable) -> None:
    recipe = Recipe(strategy=FINE_TUNE, hidden=(6,), batch_norm=True, unfreeze=1)
    seen = embedded.preprocess(pictures(embedded, 4))
    features = embedded.features(list(pictures(embedded, 4)))
    standard = Standard.of(features)
    head = HeadNetwork(residual.FEATURE_COUNT, 2, recipe)
    made = WholeNetwork(embedded, standard, head, recipe)
    wanted = np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]
    for _ in range(3):
        made.step(seen, wanted, np.ones(4, np.float32), 1e-3)
    made.done()
    after = np.asarray(made.body(seen, training=False)).reshape(4, -1)
    assert head.logits(standard(after)) == pytest.approx(made.logits(seen), abs=1e-3)


def test_the_embedded_network_in_keras_gives_its_features(embedded: Tunable) -> None:
    body = whole(embedded, strategy=FINE_TUNE).body
    seen = pictures(embedded)
    wanted = embedded.features(list(seen))
    assert np.asarray(body(embedded.preprocess(seen))) == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("which", ["embedded", "mobile"])
def test_a_tuned_backbone_comes_back_from_its_arrays(
    which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    base: Tunable = request.getfixturevalue(which)
    body = whole(base, strategy=FINE_TUNE, unfreeze=2).body
    last = [layer for layer in body.layers if layer.trainable and layer.weights][-1]
    last.set_weights([values * 1.1 for values in last.get_weights()])
    found = base.stored(body)
    arrays.save(tmp_path / "tuned.npz", found, {})
    again = registry.load(base.name, tmp_path / "tuned.npz")
    seen = pictures(base)
    wanted = np.asarray(body(base.preprocess(seen), training=False)).reshape(len(seen), -1)
    assert again.features(list(seen)) == pytest.approx(wanted, abs=1e-3)
    assert np.abs(wanted - base.features(list(seen))).max() > 1e-3  # the backbone itself stays as it was
    assert again.sha256 == arrays.digest(found) != base.sha256


@pytest.mark.parametrize("which", ["embedded", "mobile"])
def test_fine_tuning_trains_the_last_layers_alone(which: str, request: pytest.FixtureRequest) -> None:
    base: Tunable = request.getfixturevalue(which)
    for count in (1, 3):
        body = whole(base, strategy=FINE_TUNE, unfreeze=count).body
        weighty = [layer for layer in body.layers if layer.weights]
        trained = [layer.name for layer in weighty if layer.trainable]
        kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
        assert trained == [layer.name for layer in weighty if isinstance(layer, kinds)][-count:]


def test_from_scratch_everything_is_trained_and_nothing_known(embedded: Tunable) -> None:
    body = whole(embedded, strategy=SCRATCH).body
    assert all(layer.trainable for layer in body.layers)
    known = arrays.load(compact.ARRAYS)["stem.kernel"]
    assert np.abs(body.get_layer("stem").get_weights()[0] - known).max() > 0.1
    found = embedded.stored(body)
    assert {*found} == {name for name in arrays.load(compact.ARRAYS) if not name.startswith("classifier")}


def test_arrays_of_another_network_are_refused(embedded: Tunable, tmp_path: Path) -> None:
    arrays.save(tmp_path / "tuned.npz", {"0000": np.zeros((2, 2), np.float32)}, {})
    for name in ("compact", SMALL):
        with pytest.raises(BadWeights, match=r"tuned\.npz"):
            registry.load(name, tmp_path / "tuned.npz")
