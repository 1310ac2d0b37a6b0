"""Sums over bins on samples of clusters, of few and of many clusters, against a loop over tokens."""

import numpy as np
import pytest

from easyhard.evaluation.correlation import (
    centred_ranks,
    covariance_of_clusters,
    covariance_of_tokens,
    rank_products,
    rank_variance,
)
from easyhard.evaluation.drawn import FEW, SAMPLES_AT_ONCE, Drawn
from easyhard.evaluation.ranking import coarsen, equal_scores, make_curve
from easyhard.evaluation.resampling import Clusters, draw_resamples

TOKENS, RESAMPLES = 507, SAMPLES_AT_ONCE + 10
MANY = FEW + 30


def drawn(count: int) -> Drawn:
    random = np.random.default_rng(count)
    index = np.concatenate([np.arange(count), random.integers(0, count, TOKENS - count)]).astype(np.int32)
    return Drawn(draw_resamples(Clusters(random.permutation(index), count, True), RESAMPLES, seed=1))


@pytest.mark.parametrize("dtype", [bool, np.float32, np.float64])
@pytest.mark.parametrize("count", [2, 12, FEW, MANY])
def test_sums_equal_a_loop(count: int, dtype: type) -> None:
    random, own = np.random.default_rng(0), drawn(count)
    rows = np.sort(random.permutation(TOKENS)[:307])
    bins = coarsen(equal_scores(np.round(random.normal(size=307), 1)), 20)
    values = random.integers(0, 2, 307).astype(dtype)
    weights = np.concatenate(own.blocks, axis=1)
    assert weights.shape == (count, 1 + RESAMPLES)
    assert (weights[:, 0] == 1).all()
    expected = np.zeros((len(bins.starts), 1 + RESAMPLES))
    for group, token in zip(bins.of_tokens(), bins.order, strict=True):
        expected[group] += values[token] * weights[own.clusters.index[rows[token]]]
    tally = own.at(bins, rows).tally(values)
    found = [tally.on(block) for block in own.blocks]
    assert np.array_equal(np.concatenate([sums.each for sums in found], axis=1), expected)
    assert np.array_equal(np.concatenate([sums.reached for sums in found], axis=1), np.cumsum(expected, axis=0))


@pytest.mark.parametrize("count", [2, 12, MANY])
def test_covariances_of_ranks_both_ways(count: int) -> None:
    random, own = np.random.default_rng(1), drawn(count)
    scores = random.normal(size=TOKENS), np.round(random.normal(size=TOKENS), 1)
    index, block = own.clusters.index, own.blocks[0]
    groups, curves, harder = [], [], []
    for score in scores:
        bins = equal_scores(score)
        place = np.empty(TOKENS, dtype=np.int32)
        place[bins.order] = bins.of_tokens()
        placed = own.at(bins)
        table = placed.table(np.ones(TOKENS))
        groups.append(place)
        curves.append(make_curve(placed.tally(np.ones(TOKENS)).on(block), bins.mixed))
        harder.append(np.cumsum(table, axis=0) - table / 2)
    ranks = [centred_ranks(curve) for curve in curves]
    weights = block[index]  # (tokens, samples)
    left, right = (own_ranks[place] for own_ranks, place in zip(ranks, groups, strict=True))
    expected = (weights * left * right).sum(axis=0) / weights.sum(axis=0)
    by_tokens = covariance_of_tokens(*ranks, block, *groups, index)
    tokens_of = [np.flatnonzero(index == cluster) for cluster in range(count)]
    products = rank_products(*(own_harder.astype(np.float32) for own_harder in harder), *groups, tokens_of)
    by_clusters = covariance_of_clusters(products, block, np.bincount(index))
    assert by_tokens == pytest.approx(expected, abs=1e-7)
    assert by_clusters == pytest.approx(expected, abs=1e-6)
    variance = (weights * left**2).sum(axis=0) / weights.sum(axis=0)
    assert rank_variance(curves[0]) == pytest.approx(variance, abs=1e-13)
