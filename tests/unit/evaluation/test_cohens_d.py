"""Cohen's d of a median split, and its value for distributions without two modes."""

import math

import numpy as np
import pytest
from scipy import stats

from easyhard.evaluation.cohens_d import EXPONENTIAL, NORMAL, UNIFORM, cohens_d
from easyhard.evaluation.split import median_split


@pytest.mark.parametrize(
    ("distribution", "constant", "rounded"),
    [(stats.norm(5, 3), NORMAL, 2.65), (stats.uniform(1, 9), UNIFORM, 3.46), (stats.expon(0, 4), EXPONENTIAL, 1.92)],
)
def test_constants(distribution: stats.rv_continuous, constant: float, rounded: float) -> None:
    loss = distribution.ppf((np.arange(200_000) + 0.5) / 200_000)
    assert cohens_d(loss, median_split(loss, high_means_easy=False)) == pytest.approx(constant, rel=1e-3)
    assert round(constant, 2) == rounded


def test_by_hand() -> None:
    loss, easy = np.array([0.0, 2.0, 9.0, 15.0]), np.array([True, True, False, False])
    assert cohens_d(loss, easy) == pytest.approx((12 - 1) / math.sqrt((1 + 9) / 2))


@pytest.mark.parametrize("easy", [[True, True], [False, False], [True, False]])
def test_undefined_without_two_parts_that_vary(easy: list[bool]) -> None:
    assert math.isnan(cohens_d(np.array([1.0, 2.0]), np.array(easy)))
