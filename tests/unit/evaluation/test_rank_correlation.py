"""Spearman's correlation of many samples against scipy on repeated rows."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from easyhard.evaluation import rank_correlation
from easyhard.evaluation.curve import Curve, make_curve
from easyhard.evaluation.groups import equal_scores, group_of_tokens
from easyhard.evaluation.rank_correlation import centred_ranks, correlation, rank_covariance, rank_variance


def ranking(values: np.ndarray, weights: np.ndarray, cluster: np.ndarray) -> tuple[Curve, np.ndarray]:
    """The curve of the samples and the group of each token."""
    groups = equal_scores(values)
    group = np.empty(len(values), dtype=np.int32)
    group[groups.order] = group_of_tokens(groups)
    tokens = np.zeros((len(groups.starts), weights.shape[1]))
    np.add.at(tokens, group, weights[cluster])
    return make_curve(tokens, groups.mixed), group


def sampled_spearman(left: np.ndarray, right: np.ndarray, weights: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    (x, x_group), (y, y_group) = ranking(left, weights, cluster), ranking(right, weights, cluster)
    covariance = rank_covariance(centred_ranks(x), centred_ranks(y), weights, x_group, y_group, cluster)
    return correlation(covariance, rank_variance(x), rank_variance(y))


@pytest.mark.parametrize("tokens_at_once", [1, 64, 1024])
@pytest.mark.parametrize(("tokens", "clusters", "decimals"), [(17, 3, 0), (509, 12, 1), (509, 100, 8)])
def test_equals_scipy_on_repeated_rows(
    tokens: int, clusters: int, decimals: int, tokens_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_correlation, "TOKENS_AT_ONCE", tokens_at_once)
    random = np.random.default_rng(tokens)
    cluster = random.integers(0, clusters, tokens).astype(np.int32)
    weights = random.integers(0, 4, (clusters, 7)).astype(np.float32)
    weights[0] = 1
    loss = random.gamma(2.0, 3.0, tokens).round(decimals)
    hardness = (loss + 5 * random.normal(size=tokens)).round(decimals)
    found = sampled_spearman(hardness, loss, weights, cluster)
    for sample, value in enumerate(found):
        times = weights[cluster, sample].astype(int)
        expected = spearmanr(np.repeat(hardness, times), np.repeat(loss, times)).statistic
        assert value == pytest.approx(expected, abs=1e-6)


def test_a_constant_signal_has_no_correlation() -> None:
    cluster, weights = np.zeros(5, dtype=np.int32), np.ones((1, 2), dtype=np.float32)
    assert all(math.isnan(value) for value in sampled_spearman(np.zeros(5), np.arange(5.0), weights, cluster))
