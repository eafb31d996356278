"""Heads learn by the right slopes, and are afterwards what they were in training."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from tagger.training import networks
from tagger.training.heads import HeadNetwork, Standard
from tagger.training.recipe import Recipe

RNG = np.random.default_rng(0)
PLAIN = Recipe(dropout=0.0, weight_decay=0.0)


def batch(count: int = 40, tags: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    wanted = np.eye(tags, dtype=np.float32)[rng.integers(tags, size=count)]
    return (
        rng.normal(0, 1, (count, 5)).astype(np.float32),
        wanted,
        rng.uniform(0.5, 2, count).astype(np.float32),
    )


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize(("hidden", "norm"), [((), False), ((7,), False), ((7, 4), True)])
def test_it_learns_as_keras_does(activation: str, hidden: tuple[int, ...], norm: bool) -> None:
    """The same numbers, the same batches, ten steps of AdamW without dropout or decay: the same numbers afterwards."""
    recipe = replace(PLAIN, activation=activation, hidden=hidden, batch_norm=norm, label_smoothing=0.1)
    head = HeadNetwork(5, 3, recipe)
    top = networks._keras_head(head)
    loss = keras.losses.BinaryCrossentropy if activation == "sigmoid" else keras.losses.CategoricalCrossentropy
    optimizer = keras.optimizers.Adam(0.01)
    top.compile(optimizer, loss=loss(from_logits=True, label_smoothing=0.1))
    seen, wanted, weight = batch()
    for _ in range(10):
        top.reset_metrics()
        kept = float(top.train_on_batch(seen, wanted, weight))
        own, _ = head.step(seen, wanted, weight, 0.01)
        assert own == pytest.approx(kept, rel=1e-3)
    assert head.logits(seen) == pytest.approx(np.asarray(top(seen, training=False)), abs=2e-3)


@pytest.mark.parametrize(("hidden", "norm"), [((), False), ((12,), False), ((12, 6), True)])
def test_its_layers_on_plain_features_do_what_it_does_on_standard_ones(hidden: tuple[int, ...], norm: bool) -> None:
    head = HeadNetwork(5, 3, Recipe(hidden=hidden, batch_norm=norm))
    seen, wanted, weight = batch()
    seen = seen * 3 + 2
    standard = Standard.of(seen)
    for _ in range(5):
        head.step(standard(seen), wanted, weight, 0.05)
    *before, last = head.layers(standard)
    x = seen
    for layer in before:
        x = np.maximum(layer(x), 0)
    assert last(x) == pytest.approx(head.logits(standard(seen)), abs=1e-3)


def test_dropout_leaves_out_its_share_and_keeps_the_sum() -> None:
    head, ones = HeadNetwork(5, 3, Recipe(dropout=0.25)), np.ones((400, 500), np.float32)
    left = head._dropped(ones, 0)
    assert (left == 0).mean() == pytest.approx(0.25, abs=0.01)
    assert (left * head._louder).mean() == pytest.approx(1, abs=0.01)
    assert HeadNetwork(5, 3, PLAIN)._dropped(ones, 0) is ones


def test_dropout_follows_from_seed_and_epoch() -> None:
    head = HeadNetwork(5, 3, Recipe())
    left = []
    for epoch in (3, 3, 4):
        head.begin(epoch)
        left.append(head._dropped(np.ones((8, 8), np.float32), 0).copy())
    assert np.array_equal(left[0], left[1])
    assert not np.array_equal(left[0], left[2])


def test_weight_decay_shrinks_kernels_alone() -> None:
    recipe = replace(PLAIN, weight_decay=0.5)
    head, still = HeadNetwork(5, 3, recipe), HeadNetwork(5, 3, recipe)
    head.biases[0][:] = still.biases[0][:] = 1
    nothing = np.zeros((4, 5), np.float32), np.full((4, 3), 1 / 3, np.float32), np.ones(4, np.float32)
    head.step(*nothing, 0.1)
    assert head.kernels[0] == pytest.approx(still.kernels[0] * 0.95)
    assert head.biases[0] == pytest.approx(still.biases[0])


def test_kernels_start_as_their_names_say() -> None:
    started = {
        name: HeadNetwork(400, 300, Recipe(init=name)).kernels[0].std() for name in ("zeros", "small", "glorot", "he")
    }
    assert started["zeros"] == 0
    assert started["small"] == pytest.approx(0.01, rel=0.05)
    assert started["glorot"] == pytest.approx(np.sqrt(2 / 700), rel=0.05)
    assert started["he"] == pytest.approx(np.sqrt(2 / 400), rel=0.05)


def test_numbers_of_another_shape_are_refused() -> None:
    head = HeadNetwork(5, 3, Recipe())
    with pytest.raises(ValueError, match="shapes"):
        head.know(HeadNetwork(5, 4, Recipe()).numbers)


def test_the_same_feature_everywhere_does_no_harm() -> None:
    rows = np.ones((10, 2), np.float32)
    assert np.isfinite(Standard.of(rows)(rows)).all()
