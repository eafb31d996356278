"""Recipes refuse what makes no sense, and their rates fall as they say."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tagger.errors import BadSettings
from tagger.training.recipe import EPOCHS, MILD, SCHEDULES, STRATEGIES, Recipe, usual


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"strategy": "magic"}, "features, augment, fine-tune, scratch"),
        ({"activation": "tanh"}, "softmax, sigmoid"),
        ({"init": "ones"}, "zeros, small, glorot, he"),
        ({"augment": ("flip", "twirl")}, "'twirl'"),
        ({"epochs": 0}, "epochs = 0: from 1"),
        ({"learning_rate": float("nan")}, "learning_rate = nan"),
        ({"dropout": 1.0}, "dropout = 1.0"),
        ({"hidden": (0,)}, "hidden"),
        ({"hidden": (8,) * 9}, "up to 8 layers"),
        ({"batch_norm": True}, "hidden layers"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(choice: dict[str, Any], said: str) -> None:
    with pytest.raises(BadSettings, match=said.replace("(", "\\(")):
        Recipe(**choice)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rates_begin_as_asked_and_never_rise(schedule: str) -> None:
    recipe = Recipe(epochs=30, learning_rate=0.5, lr_schedule=schedule)
    rates = [recipe.rate(epoch) for epoch in range(30)]
    assert rates[0] == 0.5
    assert all(later <= before for before, later in pairwise(rates))
    assert rates[-1] == (0.5 if schedule == "constant" else pytest.approx(0.005))


def test_one_epoch_is_enough_for_any_schedule() -> None:
    assert [Recipe(epochs=1, lr_schedule=schedule).rate(0) for schedule in SCHEDULES] == [1e-3] * 4


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_has_usual_numbers_which_choices_replace(strategy: str) -> None:
    assert usual(strategy).epochs == EPOCHS[strategy]
    assert usual(strategy, epochs=3, dropout=None).epochs == 3
    assert usual(strategy, dropout=None).dropout == Recipe().dropout
    assert usual(strategy).augment == (MILD if strategy in ("augment", "fine-tune") else ())


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(BadSettings, match="auto, features"):
        usual("magic")
