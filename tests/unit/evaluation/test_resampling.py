"""Resamples, intervals, p-values and Holm's adjustment, against what is known by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from easyhard.errors import InputError
from easyhard.evaluation.resampling import (
    Estimate,
    Resamples,
    combine_seeds,
    difference,
    draw_resamples,
    holm,
    interval,
    p_value,
    standard_error,
)


def test_each_resample_holds_one_cluster_fewer_than_there_are() -> None:
    drawn = draw_resamples(60, 4000, seed=0)
    assert drawn.weights.shape == (60, 4000)
    assert drawn.weights.flags.c_contiguous
    assert set(drawn.weights.sum(axis=0)) == {59}
    assert drawn.weights.mean(axis=1) == pytest.approx(np.full(60, 59 / 60), abs=5 / math.sqrt(4000))
    assert drawn.weights.var() == pytest.approx((59 / 60) ** 2, rel=0.02)
    assert (drawn.seed_draws.min() >= 0, drawn.seed_draws.max() < 1) == (True, True)
    again, other = draw_resamples(60, 4000, seed=0), draw_resamples(60, 4000, seed=1)
    assert np.array_equal(drawn.weights, again.weights)
    assert not np.array_equal(drawn.weights, other.weights)


def test_the_interval_of_a_mean_is_the_one_of_the_textbook() -> None:
    random = np.random.default_rng(0)
    values = random.normal(3.0, 2.0, size=30)
    weights = draw_resamples(30, 40_000, seed=1).weights
    mean = Estimate(values.mean(), values @ weights / 29)
    error = values.std(ddof=1) / math.sqrt(30)
    assert standard_error(mean) == pytest.approx(error, rel=0.015)  # 3 standard errors of a spread over 40,000
    low, high = interval(mean, 30)
    expected = stats.t.interval(0.95, 29, values.mean(), error)
    assert (low, high) == pytest.approx(expected, abs=0.02)
    assert p_value(mean, 2.5, 30) == pytest.approx(2 * stats.t.sf(abs(values.mean() - 2.5) / error, 29), rel=0.1)


def test_differences_are_paired() -> None:
    shared = np.random.default_rng(0).normal(size=500)
    left, right = Estimate(0.7, 0.7 + shared), Estimate(0.6, 0.6 + shared)
    assert difference(left, right).value == pytest.approx(0.1)
    assert standard_error(difference(left, right)) < 1e-12


def test_seeds_widen_the_interval_as_much_as_they_differ() -> None:
    random = np.random.default_rng(0)
    drawn = Resamples(np.ones((2, 20_000), dtype=np.float32), random.random(20_000))
    shared = random.normal(0, 0.3, 20_000)
    seeds = [Estimate(value, value + shared) for value in (1.0, 2.0, 4.0)]
    combined = combine_seeds(seeds, drawn)
    assert combined.value == pytest.approx(7 / 3)
    assert standard_error(combined) == pytest.approx(math.hypot(0.3, np.std([1, 2, 4])), rel=0.02)
    alone = combine_seeds(seeds[:1], drawn)
    assert alone.value == 1.0
    assert np.array_equal(alone.replicates, seeds[0].replicates)


def test_p_values_without_spread_or_meaning() -> None:
    constant, undefined = Estimate(0.5, np.full(9, 0.5)), Estimate(0.5, np.array([0.4, math.nan, 0.6]))
    assert (p_value(constant, 0.5, 20), p_value(constant, 0.4, 20)) == (1.0, 0.0)
    assert math.isnan(p_value(undefined, 0.4, 20))
    assert math.isnan(p_value(undefined, 0.5, 20))
    assert all(math.isnan(bound) for bound in interval(undefined, 20))


def test_holm_by_hand() -> None:
    # Sorted: .005 · 4, .01 · 3, .03 · 2, .04 · 1; the last may not fall below the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.6]) == pytest.approx([0.8, 0.8])
    assert holm([0.9]) == [0.9]
    assert holm([]) == []
    assert holm([0.5, math.nan, 0.01, 0.7]) == pytest.approx([1.0, math.nan, 0.03, 1.0], nan_ok=True)


@pytest.mark.parametrize(("clusters", "resamples", "name"), [(1, 10, "clusters"), (10, 1, "resamples")])
def test_too_few_are_refused(clusters: int, resamples: int, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: 1; two at least"):
        draw_resamples(clusters, resamples, seed=0)
