"""Clusters, resamples, intervals, p-values, Holm's adjustment, and seeds, against what is known by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from easyhard.errors import InputError
from easyhard.evaluation import resampling
from easyhard.evaluation.ranking import coarsen, equal_scores
from easyhard.evaluation.resampling import Clusters, Estimate, Resamples, draw_resamples, interval, make_clusters
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
    for tokens in (5, 0):  # without any spread
        with pytest.raises(InputError, match=f"sequence: {int(tokens > 0)} of them"):
            make_clusters(np.zeros(tokens, dtype=int), np.zeros(tokens, dtype=int))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_by_group_and_cluster_equal_a_loop(dtype: type) -> None:
    random = np.random.default_rng(0)
    cluster = random.integers(0, 11, 307).astype(np.int32)
    bins = coarsen(equal_scores(random.normal(size=307)), 20)
    values = random.integers(0, 3, 307).astype(dtype)
    expected = np.zeros((len(bins.starts), 12))
    for group, token in zip(bins.of_tokens(), bins.order, strict=True):
        expected[group, cluster[token]] += values[token]
    sums = resampling.cluster_sums(bins, values, Clusters(cluster, 12, True))
    assert sums.dtype == dtype
    assert (sums @ np.eye(12, dtype=dtype)).tolist() == expected.tolist()


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
    mean = Estimate(values.mean(), values @ weights / 29)
    error = values.std(ddof=1) / math.sqrt(30)
    assert resampling.standard_error(mean) == pytest.approx(
        error, rel=0.015
    )  # 3 standard errors of a spread over 40,000
    low, high = interval(mean, 30)
    expected = stats.t.interval(0.95, 29, values.mean(), error)
    assert (low, high) == pytest.approx(expected, abs=0.02)
    assert resampling.p_value(mean, 2.5, 30) == pytest.approx(
        2 * stats.t.sf(abs(values.mean() - 2.5) / error, 29), rel=0.1
    )


def test_seeds_widen_the_interval_as_much_as_they_differ() -> None:
    random = np.random.default_rng(0)
    drawn = Resamples(clusters(2), np.ones((2, 20_000), dtype=np.float32), random.random(20_000))
    shared = random.normal(0, 0.3, 20_000)
    seeds = [Estimate(value, value + shared) for value in (1.0, 2.0, 4.0)]
    combined = resampling.combine_seeds([{"a": seed} for seed in seeds], drawn)["a"]
    assert combined.value == pytest.approx(7 / 3)
    assert resampling.standard_error(combined) == pytest.approx(math.hypot(0.3, np.std([1, 2, 4])), rel=0.02)
    alone = resampling.combine_seeds([{"a": seeds[0]}], drawn)["a"]
    assert alone.value == 1.0
    assert np.array_equal(alone.replicates, seeds[0].replicates)


def test_p_values_without_spread_or_meaning() -> None:
    constant, undefined = Estimate(0.5, np.full(9, 0.5)), Estimate(0.5, np.array([0.4, math.nan, 0.6]))
    assert (resampling.p_value(constant, 0.5, 20), resampling.p_value(constant, 0.4, 20)) == (1.0, 0.0)
    assert math.isnan(resampling.p_value(undefined, 0.4, 20))
    assert math.isnan(resampling.p_value(undefined, 0.5, 20))
    assert all(math.isnan(bound) for bound in interval(undefined, 20))
    row = resampling.estimate_row("s", "i", "m", undefined, 20)
    assert (row.value, row.ci_low, row.ci_high) == (0.5, None, None)
    assert resampling.estimate_row("s", "i", "m", Estimate(math.nan, np.zeros(3)), 20).value is None


def test_holm_by_hand() -> None:
    # Sorted: .005 · 4, .01 · 3, .03 · 2, .04 · 1; the last may not fall below the one before it.
    assert resampling.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert resampling.holm([0.4, 0.6]) == pytest.approx([0.8, 0.8])
    assert resampling.holm([0.9]) == [0.9]
    assert resampling.holm([]) == []
    assert resampling.holm([0.5, math.nan, 0.01, 0.7]) == pytest.approx([1.0, math.nan, 0.03, 1.0], nan_ok=True)


TRUE = 0.75


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_the_interval_holds_the_true_mean_in_95_of_100_studies(seeds: int) -> None:
    studies = 20_000
    values = np.random.default_rng(seeds).normal(TRUE, 0.01, size=(studies, seeds))
    found = over_seeds(values)
    held = np.mean((found.low <= TRUE) & (found.high >= TRUE))
    assert abs(held - 0.95) < 4 * math.sqrt(0.95 * 0.05 / studies)


def test_one_seed_has_no_interval() -> None:
    found = over_seeds([[0.7], [0.8]])
    assert found.mean.tolist() == [0.7, 0.8]
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()


def test_ranks_of_what_both_have_agree() -> None:
    one = {"a": 0.5, "b": 0.6, "c": 0.7, "only_one": 0.9}
    assert rank_agreement(one, {"a": 1.0, "b": 2.0, "c": 9.0, "only_other": 0.0}) == (pytest.approx(1.0), 3)
    assert rank_agreement(one, {"a": 3.0, "b": 2.0, "c": 1.0}) == (pytest.approx(-1.0), 3)
    assert math.isnan(rank_agreement(one, {"a": 3.0, "b": 2.0})[0])
