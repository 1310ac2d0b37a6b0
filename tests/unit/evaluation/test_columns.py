"""Bad columns are named, the median's ties go to easy, and correlations are scipy's or undefined."""

import math

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from easyhard.errors import InputError
from easyhard.evaluation.columns import finite, median_split
from easyhard.evaluation.correlation import pearson, spearman


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, np.inf], "margin: 1 of 2 values are not finite (first at row 1)"),
        ([], "margin: 0 tokens; at least two are wanted"),
    ],
)
def test_bad_columns(values: list[float], message: str) -> None:
    assert finite("b", np.array([1, 0], dtype=np.float32)).dtype == finite("b", [True, False]).dtype == np.float64
    with pytest.raises(InputError) as error:
        finite("margin", values)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("values", "high_means_easy", "easy"),
    [
        ([1, 2, 2, 3], True, [False, True, True, True]),
        ([1, 2, 2, 3], False, [True, True, True, False]),
        ([1, 2, 3], True, [False, True, True]),
        ([5, 5, 5], False, [True, True, True]),
    ],
)
def test_median_split(values: list[float], high_means_easy: bool, easy: list[bool]) -> None:
    assert median_split(np.array(values, dtype=float), high_means_easy).tolist() == easy


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


@pytest.mark.parametrize("values", [np.full(6, 0.1), np.array([1.0])])
def test_undefined(values: np.ndarray) -> None:
    other = np.arange(len(values), dtype=float)
    assert math.isnan(pearson(values, other))
    assert math.isnan(spearman(other, values))
