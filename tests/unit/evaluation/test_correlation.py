"""Correlations against scipy, of columns and of many samples at once; and where they are undefined."""

import math

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from easyhard.evaluation import correlation
from easyhard.evaluation.correlation import Ranks, make_ranks, pearson, rank_correlation, spearman
from easyhard.evaluation.ranking import equal_scores, make_curve


@pytest.mark.parametrize("tokens", [2, 3, 17, 500])
def test_equal_scipy_with_ties_and_large_offsets(tokens: int) -> None:
    random = np.random.default_rng(tokens)
    x = random.normal(size=tokens).round(1) + np.arange(tokens) % 2
    y = 1e6 + x**3 + random.normal(size=tokens)
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_the_number_of_threads_does_not_matter() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 100_003))
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append((pearson(x, y), spearman(x, y)))
    assert found[0] == found[1]


@pytest.mark.parametrize("values", [np.full(6, 0.1), np.array([1.0]), np.array([])])
def test_undefined(values: np.ndarray) -> None:
    other = np.arange(len(values), dtype=float)
    assert math.isnan(pearson(values, other))
    assert math.isnan(spearman(other, values))


def ranking(values: np.ndarray, weights: np.ndarray, cluster: np.ndarray) -> tuple[Ranks, np.ndarray]:
    """The ranks of the samples and the group of each token."""
    groups = equal_scores(values)
    group = np.empty(len(values), dtype=np.int32)
    group[groups.order] = groups.of_tokens()
    tokens = np.zeros((len(groups.starts), weights.shape[1]))
    np.add.at(tokens, group, weights[cluster])
    return make_ranks(make_curve(tokens, groups.mixed)), group


@pytest.mark.parametrize("tokens_at_once", [1, 64, 1024])
@pytest.mark.parametrize(("tokens", "clusters", "decimals"), [(17, 3, 0), (509, 12, 1), (509, 100, 8)])
def test_samples_equal_scipy_on_repeated_rows(
    tokens: int, clusters: int, decimals: int, tokens_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correlation, "TOKENS_AT_ONCE", tokens_at_once)
    random = np.random.default_rng(tokens)
    cluster = random.integers(0, clusters, tokens).astype(np.int32)
    weights = random.integers(0, 4, (clusters, 7)).astype(np.float32)
    weights[0] = 1
    loss = random.gamma(2.0, 3.0, tokens).round(decimals)
    hardness = (loss + 5 * random.normal(size=tokens)).round(decimals)
    (left, left_group), (right, right_group) = (ranking(values, weights, cluster) for values in (hardness, loss))
    for sample, value in enumerate(rank_correlation(left, right, weights, left_group, right_group, cluster)):
        times = weights[cluster, sample].astype(int)
        expected = stats.spearmanr(np.repeat(hardness, times), np.repeat(loss, times)).statistic
        assert value == pytest.approx(expected, abs=1e-6)
    constant, group = ranking(np.zeros(tokens), weights, cluster)
    assert np.isnan(rank_correlation(constant, right, weights, group, right_group, cluster)).all()
