"""Descriptions of simulated loss distributions: location, halves, modes, and who lives in them."""

import math

import diptest
import numpy as np
import pytest
from scipy import stats

from easyhard.evaluation.columns import median_split
from easyhard.evaluation.loss_distribution import (
    EXPONENTIAL,
    NORMAL,
    UNIFORM,
    cohens_d,
    describe_loss,
    gamma_d,
    shape_rows,
)

from .simulated import by_item, correlated_losses, figures


@pytest.fixture(scope="module")
def planted() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Losses, sequences, and which targets are unseen: every tenth, with its loss around 17, the others' around 3."""
    loss, sequence = correlated_losses("gamma", 200, seed=2)
    unseen = np.arange(len(loss)) % 10 == 0
    return np.where(unseen, np.random.default_rng(0).normal(17, 1, size=len(loss)), loss / 2), sequence, unseen


Planted = tuple[np.ndarray, np.ndarray, np.ndarray]


def test_location_halves_modes_and_unseen_targets(planted: Planted) -> None:
    losses, sequence, unseen = planted
    found = figures(describe_loss(losses, sequence, unseen, seed=0), "loss")
    low, high = np.split(np.sort(losses), 2)
    q25, q50, q75 = np.quantile(losses, [0.25, 0.5, 0.75])
    expected = {"mean": losses.mean(), "std": losses.std(), "min": losses.min(), "max": losses.max()}
    expected |= {"q25": q25, "q50": q50, "q75": q75, "skewness": stats.skew(losses)}
    expected |= {"easy_mean": low.mean(), "hard_mean": high.mean(), "loss_diff": high.mean() - low.mean()}
    expected |= {"unseen_target_share": 0.1, "unseen_target_mean_loss": losses[unseen].mean(), "modes": 2}
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["mode_2"] == pytest.approx(17, abs=0.5)
    assert found["mode_2_share"] == pytest.approx(0.1, abs=0.01)
    assert found["mode_1_unseen_share"] == pytest.approx(0, abs=0.01)
    assert found["mode_2_unseen_share"] > 0.9
    assert found["dip_p_thinned"] is not None


def test_equal_losses() -> None:
    sequence, unseen = np.arange(320) // 32, np.arange(320) % 10 == 0
    found = figures(describe_loss(np.full(320, 2.0), sequence, unseen, seed=0), "loss")
    assert (found["mean"], found["std"], found["easy_mean"]) == (2.0, 0.0, 2.0)
    assert {found[name] for name in ("hard_mean", "loss_diff", "cohens_d", "skewness")} == {None}
    assert "modes" not in found


@pytest.mark.parametrize(
    ("distribution", "constant", "rounded"),
    [(stats.norm(5, 3), NORMAL, 2.65), (stats.uniform(1, 9), UNIFORM, 3.46), (stats.expon(0, 4), EXPONENTIAL, 1.92)],
)
def test_cohens_d_of_one_mode_or_none(distribution: stats.rv_continuous, constant: float, rounded: float) -> None:
    loss = distribution.ppf((np.arange(200_000) + 0.5) / 200_000)
    assert cohens_d(loss, median_split(loss, high_means_easy=False)) == pytest.approx(constant, rel=1e-3)
    assert round(constant, 2) == rounded


def test_cohens_d_by_hand() -> None:
    loss, easy = np.array([0.0, 2.0, 9.0, 15.0]), np.array([True, True, False, False])
    assert cohens_d(loss, easy) == pytest.approx((12 - 1) / math.sqrt((1 + 9) / 2))
    for undefined in ([True, True], [False, False], [True, False]):
        assert math.isnan(cohens_d(np.array([1.0, 2.0]), np.array(undefined)))


def test_shape_with_and_without_unseen_targets_whose_mode_goes_with_them(planted: Planted) -> None:
    loss, sequence, unseen = planted
    found = shape_rows(loss, sequence, ~unseen, seed=0)
    assert {row.section for row in found} == {"fair_shape"}
    assert [row.item for row in found if row.metric == "dip"] == ["loss", "log_loss", "loss_seen", "log_loss_seen"]
    assert [row.item for row in found if row.metric == "modes"] == ["loss", "loss_seen"]
    for item, values in {"loss": loss, "log_loss": np.log(loss), "loss_seen": loss[~unseen]}.items():
        row = by_item(found, item)["dip"]
        assert row.value == pytest.approx(diptest.dipstat(values))
        assert row.ci_low <= row.value <= row.ci_high
    all_targets, seen = by_item(found, "loss"), by_item(found, "loss_seen")
    assert (all_targets["modes"].value, seen["modes"].value) == (2, 1)
    assert all_targets["mode_1"].value == pytest.approx(2, abs=0.5)
    assert all_targets["mode_2"].value == pytest.approx(17, abs=0.5)
    assert "mode_2" not in seen
    assert all_targets["dip"].ci_low > 0 == seen["dip"].ci_low


def test_what_is_not_known_is_left_out_and_a_loss_of_zero_does_no_harm() -> None:
    loss, sequence = correlated_losses("gamma", 30, seed=3)
    loss[3] = 0.0
    only = np.arange(len(loss)) == 5
    rows = shape_rows(loss, sequence, only, seed=0)
    assert {row.item for row in rows} == {"loss", "log_loss"}
    assert all(row.value is not None for row in rows)
    assert "modes" not in by_item(shape_rows(np.full(480, 2.0), sequence, only, seed=0), "loss")
    found = by_item(shape_rows(np.arange(9.0), np.repeat([4, 6, 8], 3), only[:9], seed=0), "loss")
    assert (found["dip"].ci_low, found["dip"].ci_high, found["dip_p_thinned"].value) == (None, None, None)
    assert found["dip"].value is not None


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0, 9.0])
def test_cohens_d_of_a_gamma_of_the_same_mean_and_spread(shape: float) -> None:
    loss = np.random.default_rng(0).gamma(shape, 2.0, 400_000)
    assert gamma_d(loss) == pytest.approx(cohens_d(loss, median_split(loss, high_means_easy=False)), rel=0.01)
    if shape == 1.0:
        assert gamma_d(loss) == pytest.approx(EXPONENTIAL, rel=0.01)
    assert math.isnan(gamma_d(np.ones(5)))


def test_targets_that_nobody_has_counted_are_not_described() -> None:
    losses = np.random.default_rng(0).gamma(2, 2, 640)
    found = figures(describe_loss(losses, np.arange(640) // 32, None, seed=0), "loss")
    assert found["tokens"] == 640
    assert not [name for name in found if "unseen" in name]
    assert found["modes"] >= 1
