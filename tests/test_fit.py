"""The training loop learns, stops, keeps the best, and goes on from where it was interrupted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tagger.errors import BadPath
from tagger.training import fit as loop
from tagger.training.batches import Rows
from tagger.training.fit import Run, accuracy_of, fit, logits_of
from tagger.training.heads import HeadNetwork
from tagger.training.recipe import Recipe

RECIPE = Recipe(epochs=12, patience=0, batch_size=32, learning_rate=0.01, dropout=0.3)


def rows(count: int, seed: int, noise: float = 0.7, activation: str = "softmax") -> Rows:
    """Points of three clouds in eight dimensions."""
    rng = np.random.default_rng(seed)
    tag = np.arange(count) % 3
    x = rng.normal(0, noise, (count, 8)).astype(np.float32)
    x[:, :3] += 2 * np.eye(3, dtype=np.float32)[tag]
    wanted = np.eye(3, dtype=np.float32)[tag]
    if activation == "sigmoid":
        wanted[:, 2] = x[:, 0] > 1  # a tag of its own, beside others
    return Rows(x, wanted, np.ones(count, np.float32), 32, seed)


def misjudged() -> tuple[Rows, Rows]:
    """Clear clouds to learn, and others to judge by: a third has the wrong tag, so that it is bad to grow too sure."""
    learned, judged = rows(200, 1, 0.3), rows(60, 2, 0.3)
    judged.wanted[:20] = np.roll(judged.wanted[:20], 1, axis=1)
    return learned, judged


def trained(
    recipe: Recipe,
    state: Path | None = None,
    stop_after: int | None = None,
    examples: tuple[Rows, Rows] | None = None,
) -> tuple[Run, np.ndarray]:
    """A run on the clouds, and what its network says."""
    network = HeadNetwork(8, 3, recipe)

    def told(epochs: int, curves: dict[str, list[float]]) -> None:
        if epochs == stop_after:
            raise KeyboardInterrupt

    learned, judged = examples or (rows(200, 1), rows(60, 2))
    run = fit(network, learned, judged, recipe, state, told)
    return run, logits_of(network, judged)


def test_it_learns_what_can_be_learned() -> None:
    run, logits = trained(replace(RECIPE, epochs=30))
    assert accuracy_of(logits, rows(60, 2).wanted) > 0.85
    assert run.curves["val_loss"][-1] < run.curves["val_loss"][0] / 2
    assert run.ended == "epochs" and run.epochs == 30


def test_the_same_seed_gives_the_same_head_and_another_another() -> None:
    (_, one), (_, again), (_, other) = trained(RECIPE), trained(RECIPE), trained(replace(RECIPE, seed=1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_the_network_is_left_at_its_best_epoch() -> None:
    recipe = replace(RECIPE, epochs=60)
    learned, judged = misjudged()
    run, logits = trained(recipe, examples=(learned, judged))
    losses = run.curves["val_loss"]
    assert run.best_epoch == int(np.argmin(losses))
    assert 0 < run.best_epoch < 40 and losses[-1] > 1.05 * min(losses)  # else this shows nothing
    assert loop.loss_of(logits, judged, recipe) == pytest.approx(losses[run.best_epoch], rel=1e-4)


def test_patience_ends_it() -> None:
    run, _ = trained(replace(RECIPE, learning_rate=2.0, epochs=500, patience=3))
    assert run.ended == "patience"
    assert run.epochs == run.best_epoch + 1 + 3


def test_interrupted_and_resumed_is_as_never_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "STATE_EVERY_S", 0.0)
    recipe = replace(RECIPE, hidden=(16,), batch_norm=True)
    _, whole = trained(recipe)
    state = tmp_path / "state.npz"
    first, _ = trained(recipe, state, stop_after=5)
    assert (first.ended, first.epochs) == ("interrupted", 5)
    second, logits = trained(recipe, state)
    assert second.epochs == 12
    assert np.array_equal(logits, whole)


def test_interrupted_keeps_the_best_so_far(tmp_path: Path) -> None:
    learned, judged = misjudged()
    run, logits = trained(replace(RECIPE, epochs=100), stop_after=60, examples=(learned, judged))
    losses = run.curves["val_loss"]
    assert run.ended == "interrupted" and losses[-1] > 1.05 * min(losses)  # else this shows nothing
    assert loop.loss_of(logits, judged, RECIPE) == pytest.approx(min(losses), rel=1e-4)


def test_a_state_of_another_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "STATE_EVERY_S", 0.0)
    state = tmp_path / "state.npz"
    trained(RECIPE, state, stop_after=2)
    with pytest.raises(BadPath, match="no state of this training"):
        trained(replace(RECIPE, hidden=(4,)), state)
    state.write_bytes(state.read_bytes()[:200])
    with pytest.raises(BadPath, match="no state of this training"):
        trained(RECIPE, state)


def test_zeros_in_hidden_layers_learn_nothing() -> None:
    recipe = replace(RECIPE, hidden=(16,), init="zeros", epochs=20)
    assert accuracy_of(trained(recipe)[1], rows(60, 2).wanted) < 0.5
    assert accuracy_of(trained(replace(recipe, init="he"))[1], rows(60, 2).wanted) > 0.8


def test_independent_tags_are_learned_beside_one_another() -> None:
    recipe = replace(RECIPE, activation="sigmoid", epochs=60)
    network = HeadNetwork(8, 3, recipe)
    judged = rows(90, 2, activation="sigmoid")
    fit(network, rows(300, 1, activation="sigmoid"), judged, recipe)
    answered = logits_of(network, judged) > 0
    assert (answered == (judged.wanted > 0)).mean() > 0.85
    assert (judged.wanted.sum(1) == 2).any()


def test_label_smoothing_makes_it_less_sure() -> None:
    sure = trained(replace(RECIPE, epochs=60))[1]
    shy = trained(replace(RECIPE, epochs=60, label_smoothing=0.3))[1]
    assert np.ptp(shy, axis=1).mean() < 0.7 * np.ptp(sure, axis=1).mean()


def test_weights_of_examples_count() -> None:
    learned = rows(200, 1, noise=3.0)
    loud = Rows(learned.rows, learned.wanted, np.where(learned.wanted[:, 0] > 0, 20, 1).astype(np.float32), 32, 1)
    answers = []
    for examples in (learned, loud):
        network = HeadNetwork(8, 3, RECIPE)
        fit(network, examples, examples, RECIPE)
        answers.append((logits_of(network, examples).argmax(1) == 0).mean())
    assert answers[1] > answers[0] + 0.2
