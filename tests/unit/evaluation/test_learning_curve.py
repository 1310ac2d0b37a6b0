"""Learning curves: seeds are averaged, and their spread is in the interval."""

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.evaluation.learning_curve import Fit, learning_rows
from easyhard.evaluation.resampling import Estimate, combine_seeds, draw_resamples, interval
from easyhard.evaluation.rows import Row

RESAMPLES = draw_resamples(30, 200, seed=0)


def estimates(*values: float) -> list[Estimate]:
    random = np.random.default_rng(0)
    return [Estimate(value, value + 0.01 * random.normal(size=200)) for value in values]


def test_rows_of_every_probe_and_fraction() -> None:
    seeds = estimates(0.70, 0.72, 0.74)
    rows = learning_rows(
        {("mlp_easy", 0.25): Fit(1_000, 7, seeds), ("linear_loss", 1.0): Fit(4_000, 30, seeds[:1])}, 30, RESAMPLES
    )
    low, high = interval(combine_seeds(seeds, RESAMPLES), 30)
    assert rows[:3] == [
        Row("fair_learning", "mlp_easy/0.25", "tokens", 1_000.0),
        Row("fair_learning", "mlp_easy/0.25", "documents", 7.0),
        Row("fair_learning", "mlp_easy/0.25", "auroc", pytest.approx(0.72), low, high),
    ]
    assert [(row.item, row.value) for row in rows[3:]] == [
        ("linear_loss/1", 4_000.0),
        ("linear_loss/1", 30.0),
        ("linear_loss/1", 0.70),
    ]


def test_seeds_that_disagree_widen_the_interval() -> None:
    rows = learning_rows(
        {("mlp", 0.5): Fit(1, 1, estimates(0.6, 0.7, 0.8)), ("mlp", 1.0): Fit(1, 1, estimates(0.7, 0.7, 0.7))},
        30,
        RESAMPLES,
    )
    apart, alike = (row for row in rows if row.metric == "auroc")
    assert apart.value == pytest.approx(alike.value)
    assert apart.ci_high - apart.ci_low > 3 * (alike.ci_high - alike.ci_low)


def test_no_seed_is_refused() -> None:
    with pytest.raises(InputError, match=r"mlp/0\.5: no seed; the AUROC of one at least is wanted"):
        learning_rows({("mlp", 0.5): Fit(1, 1, [])}, 30, RESAMPLES)
