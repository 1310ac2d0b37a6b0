"""Correlations against scipy, and where they are undefined; those of many samples are the judge's, tested there."""

import math

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from easyhard.evaluation.correlation import pearson, spearman


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
