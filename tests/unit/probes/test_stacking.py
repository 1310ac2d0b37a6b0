"""Stacks find what signals say together, say which of them it was, and look at nothing else."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from easyhard.errors import InputError
from easyhard.probes.stacking import Goal, Stack, StackData, fit_stack

SETTINGS: dict[str, Any] = {"learning_rates": (0.1, 0.3), "leaves": (4, 16), "max_trees": 60, "patience": 5}
SETTINGS |= {"folds": 3, "tuning_tokens": 2_000, "importance_tokens": 1_500, "importance_repeats": 3}
TOKENS = 9_000
JUDGED = np.arange(7_000, TOKENS)
NAMES = ["noise_a", "left", "noise_b", "right", "weak", "noise_c"]


def data() -> StackData:
    """Hard tokens by the product of two signals, which each alone say nothing, and a little by a third."""
    random = np.random.default_rng(0)
    signals = dict(zip(NAMES, random.normal(size=(6, TOKENS)).astype(np.float32), strict=True))
    score = 2 * signals["left"] * signals["right"] + 0.7 * signals["weak"]
    hard = random.random(TOKENS) < expit(score)
    return StackData(
        signals=signals,
        hard=hard,
        loss=np.where(hard, 6.0, 1.0) + random.random(TOKENS),
        documents=np.repeat(np.arange(90), 100),
        fit=np.arange(5_000),
        select=np.arange(5_000, 7_000),
    )


def fit(given: StackData, inputs: list[str], goal: Goal = "hard", seed: int = 0, **changes: int) -> Stack:
    return fit_stack(given, inputs, goal, SETTINGS | changes, seed)


@pytest.fixture(scope="module")
def stack() -> Stack:
    return fit(data(), NAMES)


def test_an_interaction_is_found_and_named_as_important(stack: Stack) -> None:
    hard = data().hard[JUDGED]
    truth = 2 * data().signals["left"] * data().signals["right"] + 0.7 * data().signals["weak"]
    values = stack.say(data().signals)
    assert (values.dtype, values.shape) == (np.float32, (TOKENS,))
    assert 0 <= values.min() <= values.max() <= 1
    assert roc_auc_score(hard, values[JUDGED]) > roc_auc_score(hard, truth[JUDGED]) - 0.04
    assert values[JUDGED].mean() == pytest.approx(hard.mean(), abs=0.04)
    assert 0 < stack.growth["comparisons"] <= SETTINGS["max_trees"] * min(8, stack.growth["leaves"] - 1)
    importance = stack.growth["importance"]
    assert list(importance) == NAMES
    ranked = sorted(NAMES, key=lambda name: -importance[name][0])
    assert (set(ranked[:2]), ranked[2]) == ({"left", "right"}, "weak")
    for name, (mean, deviation) in importance.items():
        assert 0 <= deviation < 0.05
        assert abs(mean) < 0.02 if name.startswith("noise") else mean > 0.005
    alone = fit(data(), ["left", "noise_a"])
    assert roc_auc_score(hard, alone.say(data().signals)[JUDGED]) < 0.56


def test_a_regression_of_the_loss() -> None:
    values = (found := fit(data(), NAMES, goal="loss")).say(data().signals)
    assert roc_auc_score(data().hard[JUDGED], values[JUDGED]) > 0.75
    assert values[JUDGED].mean() == pytest.approx(data().loss[JUDGED].mean(), abs=0.3)
    importance = found.growth["importance"]
    assert max(importance, key=lambda name: importance[name][0]) in ("left", "right")


def test_neither_threads_nor_judged_rows_matter_but_the_seed_does(stack: Stack) -> None:
    given = data()
    hard, loss = given.hard.copy(), given.loss.copy()
    hard[JUDGED], loss[JUDGED] = ~hard[JUDGED], 99
    again = fit_stack(replace(given, hard=hard, loss=loss), NAMES, "hard", SETTINGS, 0, threads=3)
    assert again.growth == stack.growth
    np.testing.assert_array_equal(again.say(given.signals), stack.say(given.signals))
    assert not np.array_equal(fit(given, NAMES, seed=1).say(given.signals), stack.say(given.signals))


def test_settings_are_chosen_across_documents() -> None:
    """A signal that names the document, and labels that are the document's own: only small, slow trees do no harm.

    Folds of tokens would find the large ones best, for every document would be on both sides.
    """
    random = np.random.default_rng(1)
    given = data()
    coin = random.random(90) < 0.5
    named = {"name": (given.documents + 0.3 * random.random(TOKENS)).astype(np.float32)}
    hard = np.where(random.random(TOKENS) < 0.95, coin[given.documents], ~coin[given.documents])
    found = fit(replace(given, signals=named, hard=hard), ["name"], patience=60, tuning_tokens=5_000)
    assert (found.growth["learning_rate"], found.growth["leaves"]) == (0.1, 4)


def test_what_is_refused() -> None:
    given = data()
    bad = np.append(given.signals["right"][1:], np.nan)
    with pytest.raises(InputError, match="right: 1 of 9000 values are not finite"):
        fit(replace(given, signals={**given.signals, "right": bad}), NAMES)
    with pytest.raises(InputError, match="hard: the same for all 2000 select rows"):
        fit(replace(given, hard=given.hard & (np.arange(TOKENS) < 5_000)), NAMES)
