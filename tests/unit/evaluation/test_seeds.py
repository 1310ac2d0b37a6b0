"""The interval over seeds holds the true mean as often as it says; ranks agree as they should."""

import math

import numpy as np
import pytest

from easyhard.evaluation.seeds import over_seeds, rank_agreement

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
