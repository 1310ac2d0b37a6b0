"""Clusters, resamples, intervals, p-values, Holm's adjustment, and seeds, against what is known by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from easyhard.errors import InputError
from easyhard.evaluation import resampling
from easyhard.evaluation.resampling import Clusters, Resamples, draw_resamples, interval, make_clusters
from easyhard.evaluation.seeds import over_seeds, rank_agreement


def clusters(count: int) -> Clusters:
    return Clusters(np.arange(count, dtype=np.int32), count, True)


def test_twenty_documents_are_resampled_whole_of_fewer_sequences() -> None:
    document = np.repeat(np.arange(100, 120), 5)
    found = make_clusters(document, np.arange(100))
    assert (found.count, found.are_documents, found.index.dtype) == (20, True, np.int32)
    assert found.index.tolist() == (document - 100).tolist()
    found = make_clusters(np.repeat(np.arange(19), 6), np.tile([0, 0, 1, 1, 2, 2], 19))  # numbers start again
    assert (found.count, found.are_documents) == (57, False)
    assert found.index.tolist() == np.repeat(np.arange(57), 2).tolist()
    with pytest.raises(InputError, match="sequence: 1 of them"):  # without any spread
        make_clusters(np.zeros(5, dtype=int), np.zeros(5, dtype=int))


def test_each_resample_holds_one_cluster_fewer_than_there_are() -> None:
    drawn = draw_resamples(clusters(60), 4000, seed=0)
    assert drawn.weights.shape == (60, 4000)
    assert drawn.weights.flags.c_contiguous
    assert set(drawn.weights.sum(axis=0)) == {59}
    assert drawn.weights.mean(axis=1) == pytest.approx(np.full(60, 59 / 60), abs=5 / math.sqrt(4000))
    assert drawn.weights.var() == pytest.approx((59 / 60) ** 2, rel=0.02)
    assert (drawn.seed_draws.min() >= 0, drawn.seed_draws.max() < 1) == (True, True)
    again, other = draw_resamples(clusters(60), 4000, seed=0), draw_resamples(clusters(60), 4000, seed=1)
    assert np.array_equal(drawn.weights, again.weights)
    assert not np.array_equal(drawn.weights, other.weights)


def test_the_interval_of_a_mean_is_the_one_of_the_textbook() -> None:
    random = np.random.default_rng(0)
    values = random.normal(3.0, 2.0, size=30)
    weights = draw_resamples(clusters(30), 40_000, seed=1).weights
    mean = np.append(values.mean(), values @ weights / 29)
    error = values.std(ddof=1) / math.sqrt(30)
    assert resampling.standard_error(mean) == pytest.approx(error, rel=0.015)  # 3 standard errors of that over 40,000
    assert interval(mean, 30) == pytest.approx(stats.t.interval(0.95, 29, values.mean(), error), abs=0.02)
    expected = 2 * stats.t.sf(abs(values.mean() - 2.5) / error, 29)
    assert resampling.p_value(mean - 2.5, 30) == pytest.approx(expected, rel=0.1)


def test_seeds_widen_the_interval_as_much_as_they_differ() -> None:
    random = np.random.default_rng(0)
    drawn = Resamples(clusters(2), np.ones((2, 20_000), dtype=np.float32), random.random(20_000))
    shared = random.normal(0, 0.3, 20_000)
    seeds = [np.append(value, value + shared) for value in (1.0, 2.0, 4.0)]
    combined = resampling.combine_seeds([{"a": seed} for seed in seeds], drawn)["a"]
    assert combined[0] == pytest.approx(7 / 3)
    assert resampling.standard_error(combined) == pytest.approx(math.hypot(0.3, np.std([1, 2, 4])), rel=0.02)
    assert np.array_equal(resampling.combine_seeds([{"a": seeds[0]}], drawn)["a"], seeds[0])


def test_p_values_without_spread_or_meaning() -> None:
    undefined = np.array([0.5, 0.4, math.nan, 0.6])
    assert [resampling.p_value(np.full(9, value), 20) for value in (0.0, 0.1)] == [1.0, 0.0]
    assert np.isnan([resampling.p_value(undefined - null, 20) for null in (0.4, 0.5)]).all()
    assert all(math.isnan(bound) for bound in interval(undefined, 20))
    row = resampling.estimate_row("s", "i", "m", undefined, 20)
    assert (row.value, row.ci_low, row.ci_high) == (0.5, None, None)
    assert resampling.estimate_row("s", "i", "m", np.array([math.nan, 0.0, 0.0]), 20).value is None


def test_holm_by_hand() -> None:
    # Sorted: .005 · 4, .01 · 3, .03 · 2, .04 · 1; the last may not fall below the one before it.
    assert resampling.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert resampling.holm([0.4, 0.6]) == pytest.approx([0.8, 0.8])
    assert resampling.holm([0.9]) == [0.9]
    assert resampling.holm([]) == []
    assert resampling.holm([0.5, math.nan, 0.01, 0.7]) == pytest.approx([1.0, math.nan, 0.03, 1.0], nan_ok=True)


def test_the_interval_over_seeds_is_students_and_one_seed_has_none() -> None:
    values = np.random.default_rng(0).normal(size=(4, 3))
    low, high = stats.t.interval(0.95, 2, values.mean(axis=1), stats.sem(values, axis=1))
    np.testing.assert_allclose(over_seeds(values), [values.mean(axis=1), low, high])
    np.testing.assert_array_equal(over_seeds([[0.7], [0.8]]), [[0.7, 0.8], [math.nan] * 2, [math.nan] * 2])


def test_ranks_of_what_both_have_agree() -> None:
    one = {"a": 0.5, "b": 0.6, "c": 0.7, "only_one": 0.9}
    assert rank_agreement(one, {"a": 1.0, "b": 2.0, "c": 9.0, "only_other": 0.0}) == (pytest.approx(1.0), 3)
    assert rank_agreement(one, {"a": 3.0, "b": 2.0, "c": 1.0}) == (pytest.approx(-1.0), 3)
    assert math.isnan(rank_agreement(one, {"a": 3.0, "b": 2.0})[0])
