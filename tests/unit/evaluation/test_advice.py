"""Which signals are advised in made-up runs whose right answer is known, and how often the advice is wrong."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from easyhard.evaluation.advice import advice_rows, not_worse_p
from easyhard.evaluation.differences import Standing

CLUSTERS, HEAD, WHOLE = 60, 1000.0, 4000.0
SETTINGS = {"budget": 1, "budgets": [0.001, 0.01, 0.1, 1], "margin": 0.005}
RANDOM = np.random.default_rng(0)
SHARED = RANDOM.normal(0, 0.02, 500)


def standing(
    name: str, needs: str, cost: float, select: float, test: float, spread: float = 0.0005, labels: str = "hard"
) -> Standing:
    estimate = np.append(test, test + SHARED + RANDOM.normal(0, spread, 500))
    values = dict.fromkeys(labels.split(), select), dict.fromkeys(labels.split(), estimate)
    return Standing(name, needs, cost, *values, 0.0, estimate)


def advised(
    *standings: Standing, head: float | None = HEAD, whole: float | None = WHOLE, settings: Mapping = SETTINGS
) -> dict[str, list[str]]:
    """Who has each flag, in order."""
    found: dict[str, list[str]] = {}
    for row in advice_rows(standings, head, whole, settings, CLUSTERS):
        if row.value == 1 and not row.metric.startswith(("not_worse", "from_best")) and row.item != "settings":
            found.setdefault(row.metric, []).append(row.item)
    return found


ORACLE = standing("oracle", "target", 0, 1.0, 1.0)
NORM = standing("norm", "hidden", 3, 0.6, 0.6)
PROBE = standing("probe", "hidden", 30, 0.74, 0.74)
ENTROPY = standing("entropy", "head", 1000, 0.8, 0.8)


@pytest.mark.parametrize(
    ("signals", "best", "picked"),
    [
        pytest.param([ORACLE, NORM, PROBE, ENTROPY], "entropy", "entropy", id="one dominates"),
        pytest.param(
            [ORACLE, NORM, standing("twin", "hidden", 30, 0.799, 0.799), ENTROPY], "entropy", "twin", id="cheapest"
        ),
        pytest.param(
            [NORM, standing("unsure", "hidden", 30, 0.799, 0.799, spread=0.01), ENTROPY],
            "entropy",
            "entropy",
            id="wide",
        ),
        pytest.param([standing("norm", "hidden", 3, 0.52, 0.5)], "norm", None, id="none beats chance"),
        pytest.param(
            [standing("dear", "hidden", 11_450, 0.9, 0.9), ENTROPY], "entropy", "entropy", id="small vocabulary"
        ),
        pytest.param([standing("stack", "all", 2270, 0.9, 0.9), ENTROPY], "entropy", "entropy", id="a pass and more"),
        pytest.param([standing("stack", "all", 1270, 0.9, 0.9), ENTROPY], "stack", "stack", id="a pass and less"),
        pytest.param([standing("mine", "own", math.inf, 0.9, 0.9), PROBE], "mine", "mine", id="cost not known"),
        pytest.param([standing("lucky", "hidden", 3, 0.79, 0.81), ENTROPY], "entropy", "lucky", id="better on test"),
        pytest.param([ORACLE], None, None, id="only an oracle"),
        pytest.param([], None, None, id="nothing"),
    ],
)
def test_the_recommendation(signals: list[Standing], best: str | None, picked: str | None) -> None:
    found = advised(*signals)
    assert found.get("best_hard", [None]) == [best]
    assert found.get("recommended_hard", [None]) == [picked]


def test_a_sequence_ends_at_the_first_that_may_be_worse() -> None:
    near, worse, cheap = (
        standing("near", "hidden", 300, 0.799, 0.7995),
        standing("worse", "hidden", 30, 0.798, 0.78),
        standing("cheap", "hidden", 3, 0.797, 0.7995),  # as good, by luck: after one that failed nobody asks
    )
    rows = {
        (row.item, row.metric): row for row in advice_rows([cheap, ENTROPY, worse, near], HEAD, WHOLE, SETTINGS, 60)
    }
    assert ("near", "recommended_hard") in rows
    assert rows["near", "from_best_hard"].value == pytest.approx(-0.0005)
    assert rows["worse", "not_worse_p_hard"].value > 0.05
    assert ("cheap", "from_best_hard") not in rows


def test_budgets_are_shares_of_the_model_else_of_the_head() -> None:
    signals = [ORACLE, NORM, PROBE, ENTROPY, standing("dear", "hidden", 2000, 0.9, 0.9)]
    found = advised(*signals)
    assert {name: own for name, own in found.items() if name.startswith("budget")} == {
        "budget_0.001": ["norm"],
        "budget_0.01": ["probe"],
        "budget_0.1": ["probe"],
        "budget_1": ["entropy"],
    }
    assert advised(*signals, whole=None)["budget_0.01"] == ["norm"]
    assert "budget_1" not in advised(*signals, head=None, whole=None)
    assert advised(*signals, settings=SETTINGS | {"budget": 0.01})["best_hard"] == ["probe"]


def test_labels_are_advised_on_each_by_itself() -> None:
    two = standing("two", "hidden", 3, 0.6, 0.6, labels="hard wrong")
    other = Standing(
        "other",
        "hidden",
        30,
        {"hard": 0.5, "wrong": 0.9},
        dict.fromkeys(("hard", "wrong"), ENTROPY.auroc),
        0,
        two.augrc,
    )
    found = advised(two, other)
    assert (found["best_hard"], found["best_wrong"]) == (["two"], ["other"])
    unknown = Standing("blind", "head", 5, {"hard": math.nan}, {"hard": np.full(501, math.nan)}, 0, two.augrc)
    assert advised(unknown) == {}


def test_p_is_that_of_a_t_test() -> None:
    values = RANDOM.normal(-0.001, 0.02, CLUSTERS)
    estimate = np.append(values.mean(), RANDOM.normal(values.mean(), values.std(ddof=1) / CLUSTERS**0.5, 400_000))
    truth = ttest_1samp(values, -0.005, alternative="greater").pvalue
    assert not_worse_p(estimate, 0.005, CLUSTERS) == pytest.approx(truth, rel=0.02)
    assert not_worse_p(np.zeros(9), 0.005, CLUSTERS) == 0
    assert not_worse_p(np.full(9, -0.01), 0.005, CLUSTERS) == 1


def test_a_signal_at_the_margin_is_taken_for_good_in_one_run_of_twenty() -> None:
    """The best and a cheaper one that is truly worse by the margin: whatever select says, test decides."""
    random, wrong, runs = np.random.default_rng(1), 0, 2000
    for _ in range(runs):
        value = random.normal(-0.005, 0.002)
        difference = np.append(value, random.normal(value, 0.002, 200))
        best = np.full(201, 0.8)
        signals = [
            Standing("best", "head", 1000, {"hard": 0.8}, {"hard": best}, 0, best),
            Standing("worse", "hidden", 3, {"hard": 0.79}, {"hard": best + difference}, 0, best),
        ]
        rows = advice_rows(signals, HEAD, WHOLE, SETTINGS, 10_000)
        wrong += any((row.item, row.metric) == ("worse", "recommended_hard") for row in rows)
    assert 0.03 < wrong / runs < 0.07
