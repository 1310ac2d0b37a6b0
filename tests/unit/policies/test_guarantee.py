"""Promised risks: each method keeps its promise on simulated documents; bounds against direct formulas; bad input."""

from collections.abc import Callable
from functools import partial
from math import e, exp, log
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from easyhard.errors import InputError
from easyhard.policies.guarantee import (
    METHODS,
    confidence_bound,
    documents_needed,
    hoeffding_bentkus,
    learn_then_test,
    risk_control,
    upper_bound,
)

EPSILON, DELTA, SIMULATIONS, DOCUMENTS = 0.1, 0.1, 1000, 150
MEANS = np.linspace(0.02, 0.2, 37)  # true risks of the thresholds, 0.1 one of them
KINDS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "beta": lambda u: 1 - (1 - u) ** (1 / (1 / MEANS - 1)),  # quantiles of Beta(1, 1 / mean − 1)
    "all_or_nothing": lambda u: (u < MEANS).astype(np.float64),  # the widest spread that a mean allows
}


def chosen(method: Callable[[NDArray[np.float64]], int | None], kind: str) -> NDArray[np.float64]:
    """True risk of the threshold chosen in each simulation, (simulations,); 0 where there is none."""
    draws = np.random.default_rng(0).random((SIMULATIONS, DOCUMENTS, 1))
    found = [method(KINDS[kind](u)) for u in draws]
    return np.array([0.0 if one is None else MEANS[one] for one in found])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", [learn_then_test, confidence_bound])
def test_true_risk_is_above_epsilon_in_delta_of_simulations_at_most(method: Any, kind: str) -> None:
    risk = chosen(partial(method, epsilon=EPSILON, delta=DELTA), kind)
    failed = int((risk > EPSILON + 1e-9).sum())
    assert failed <= binom.ppf(0.999, SIMULATIONS, DELTA)
    assert risk.mean() > 0.03


@pytest.mark.parametrize("kind", KINDS)
def test_true_risk_is_epsilon_at_most_on_average(kind: str) -> None:
    risk = chosen(partial(risk_control, epsilon=EPSILON), kind)
    assert 0.08 < risk.mean() <= EPSILON + 2 * risk.std() / SIMULATIONS**0.5


@pytest.mark.parametrize("documents", [2, 37, 1000])
@pytest.mark.parametrize("epsilon", [0.02, 0.3])
def test_p_value_is_the_smaller_of_two_bounds_on_the_tail(documents: int, epsilon: float) -> None:
    means = np.array([0.0, 0.0123, 0.0199, 0.151, 0.29, 0.7, 1.0])

    def direct(mean: float) -> float:
        low = min(mean, epsilon)
        bernoulli = (low * log(low / epsilon) if low else 0.0) + (1 - low) * log((1 - low) / (1 - epsilon))
        return min(exp(-documents * bernoulli), e * binom.cdf(np.ceil(documents * mean), documents, epsilon), 1.0)

    found = hoeffding_bentkus(means, documents, epsilon)
    assert found == pytest.approx([direct(mean) for mean in means], rel=1e-9)


@pytest.mark.parametrize("values", [np.zeros(2), np.ones(9), np.tile([0.0, 0.25, 1.0], 85), np.full(1000, 0.125)])
def test_upper_bound_is_where_a_gambler_has_won_one_over_delta(values: NDArray[np.float64]) -> None:
    def most(mean: float) -> float:
        wealth, best, total, squares, variance = 1.0, 0.0, 0.5, 0.25, 0.25
        for number, value in enumerate(values, start=1):
            wealth *= 1 - min(1.0, (2 * log(1 / 0.05) / (len(values) * variance)) ** 0.5) * (value - mean)
            best, total = max(best, wealth), total + value
            squares += (value - total / (number + 1)) ** 2
            variance = squares / (number + 1)
        return best

    bound = upper_bound(values, 0.05)
    assert most(bound - 1e-6) < 1 / 0.05
    assert bound == 1.0 or most(bound + 1e-6) > 1 / 0.05
    assert (confidence_bound(values[:, None], min(bound + 1e-6, 0.999), 0.05) is None) == (bound == 1.0)
    assert bound == 1.0 or confidence_bound(values[:, None], bound - 1e-6, 0.05) is None


def test_nothing_is_certified_after_the_first_threshold_that_fails() -> None:
    risk = np.tile([0.0, 0.01, 0.3, 0.0], (400, 1))
    for method in (learn_then_test, confidence_bound):
        assert method(risk, EPSILON, DELTA) == 1
    assert risk_control(risk, EPSILON) == 1


def test_risk_control_takes_the_greatest_risk_of_each_document_so_far() -> None:
    risk = np.array(
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] + [[0.0, 0.0, 0.0]] * 18
    )  # means 0, 1/20, 1/20; with maxima 2/20
    assert [risk_control(risk, epsilon) for epsilon in (0.047, 0.05, 0.096, 0.143)] == [None, 0, 1, 2]


@pytest.mark.parametrize("method", METHODS)
def test_so_many_documents_as_are_needed_are_certified_and_one_fewer_is_not(method: str) -> None:
    certify: Any = {
        "learn_then_test": partial(learn_then_test, delta=DELTA),
        "risk_control": risk_control,
        "confidence_bound": partial(confidence_bound, delta=DELTA),
    }[method]
    few = np.array([[0.0625, 0.5], [0.0625, 0.5]])
    needed = documents_needed(few, EPSILON, DELTA, method)
    assert needed is not None
    assert certify(few, EPSILON) is None
    assert certify(np.full((needed, 1), 0.0625), EPSILON) == 0
    assert certify(np.full((needed - 1, 1), 0.0625), EPSILON) is None
    assert documents_needed(np.full((needed, 1), 0.0625), EPSILON, DELTA, method) == needed
    assert documents_needed(few, 0.0625, DELTA, method) is None
    assert documents_needed(np.repeat([[0.0], [1.0]], [500, 100], axis=0), EPSILON, DELTA, method) is None
    assert documents_needed(few, 0.0625 + 1e-7, DELTA, method) is None


@pytest.mark.parametrize(
    ("risk", "epsilon", "delta", "named"),
    [
        (np.zeros((1, 3)), 0.1, 0.1, "two of them"),
        (np.zeros((5, 0)), 0.1, 0.1, "two of them"),
        (np.zeros(5), 0.1, 0.1, "documents come first"),
        (np.full((5, 3), 1.5), 0.1, 0.1, "from 0 to 1"),
        (np.full((5, 3), np.nan), 0.1, 0.1, "from 0 to 1"),
        (np.zeros((5, 3)), 1.0, 0.1, "epsilon: 1.0"),
        (np.zeros((5, 3)), 0.1, 0.0, "delta: 0.0"),
    ],
)
def test_bad_input_is_named(risk: NDArray[np.float64], epsilon: float, delta: float, named: str) -> None:
    for method in (learn_then_test, confidence_bound, partial(documents_needed, method="risk_control")):
        with pytest.raises(InputError, match=named):
            method(risk, epsilon, delta)
