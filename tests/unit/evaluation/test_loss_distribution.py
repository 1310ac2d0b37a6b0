"""Descriptions of simulated loss distributions: location, halves, modes, and who lives in them."""

import math

import diptest
import numpy as np
import pytest
from scipy import stats

from easyhard.errors import InputError
from easyhard.evaluation.columns import median_split
from easyhard.evaluation.loss_distribution import (
    EXPONENTIAL,
    NORMAL,
    UNIFORM,
    cohens_d,
    describe_loss,
    shape_rows,
)
from easyhard.evaluation.rows import Row

from .simulated import by_item, correlated_losses, figures

TOKENS = 6_400


@pytest.fixture(scope="module")
def losses() -> np.ndarray:
    """90 % of tokens around 4, 10 % far out, around 17: those with unseen targets."""
    random = np.random.default_rng(0)
    common = random.gamma(8.0, 0.5, size=TOKENS)
    return np.where(np.arange(TOKENS) % 10 == 0, random.normal(17, 1, size=TOKENS), common)


def describe(loss: np.ndarray, item: str = "loss") -> dict[str, float | None]:
    tokens = np.arange(len(loss))
    return figures(describe_loss(loss, tokens // 32, tokens % 10 == 0, seed=0), item)


def test_location_halves_and_unseen_targets(losses: np.ndarray) -> None:
    found = describe(losses)
    assert (found["mean"], found["std"]) == (pytest.approx(losses.mean()), pytest.approx(losses.std()))
    assert (found["min"], found["max"]) == (losses.min(), losses.max())
    assert [found[name] for name in ("q25", "q50", "q75")] == np.quantile(losses, [0.25, 0.5, 0.75]).tolist()
    assert found["skewness"] == pytest.approx(stats.skew(losses))
    order = np.sort(losses)
    assert found["easy_mean"] == pytest.approx(order[: TOKENS // 2].mean())
    assert found["hard_mean"] == pytest.approx(order[TOKENS // 2 :].mean())
    assert found["loss_diff"] == pytest.approx(order[TOKENS // 2 :].mean() - order[: TOKENS // 2].mean())
    assert found["unseen_target_share"] == 0.1
    assert found["unseen_target_mean_loss"] == pytest.approx(losses[::10].mean())


def test_modes_and_who_lives_in_them(losses: np.ndarray) -> None:
    found = describe(losses)
    assert found["modes"] == 2
    assert found["mode_1"] == pytest.approx(3.5, abs=0.3)
    assert found["mode_2"] == pytest.approx(17, abs=0.3)
    assert found["mode_2_share"] == pytest.approx(0.1, abs=0.005)
    assert found["mode_1_unseen_share"] == pytest.approx(0, abs=0.001)
    assert found["mode_2_unseen_share"] == pytest.approx(1, abs=0.01)
    assert found["dip_p_thinned"] is not None


def test_equal_losses() -> None:
    found = describe(np.full(320, 2.0))
    assert (found["mean"], found["std"], found["easy_mean"]) == (2.0, 0.0, 2.0)
    assert (found["hard_mean"], found["loss_diff"], found["cohens_d"], found["skewness"]) == (None, None, None, None)
    assert "modes" not in found


def test_negative_losses_are_refused() -> None:
    with pytest.raises(InputError, match=r"loss: the lowest is -1; losses of 0 nats or more are wanted"):
        describe(np.arange(320.0) - 1)


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


@pytest.fixture(scope="module")
def shape() -> tuple[list[Row], np.ndarray, np.ndarray]:
    """Every tenth target is unseen and has its loss around 17."""
    loss, sequence = correlated_losses("gamma", 200, seed=2)
    unseen = np.arange(len(loss)) % 10 == 0
    loss = np.where(unseen, np.random.default_rng(0).normal(17, 1, size=len(loss)), loss)
    return shape_rows(loss, sequence, ~unseen, seed=0), loss, unseen


def test_items_and_metrics(shape: tuple[list[Row], np.ndarray, np.ndarray]) -> None:
    found, loss, unseen = shape
    assert {row.section for row in found} == {"fair_shape"}
    assert [row.item for row in found if row.metric == "dip"] == ["loss", "log_loss", "loss_seen", "log_loss_seen"]
    assert [row.item for row in found if row.metric == "modes"] == ["loss", "loss_seen"]
    for item, values in {"loss": loss, "log_loss": np.log(loss), "loss_seen": loss[~unseen]}.items():
        row = by_item(found, item)["dip"]
        assert row.value == pytest.approx(diptest.dipstat(values))
        assert row.ci_low <= row.value <= row.ci_high


def test_the_mode_of_unseen_targets_goes_with_them(shape: tuple[list[Row], np.ndarray, np.ndarray]) -> None:
    all_targets, seen = by_item(shape[0], "loss"), by_item(shape[0], "loss_seen")
    assert (all_targets["modes"].value, seen["modes"].value) == (2, 1)
    assert all_targets["mode_1"].value == pytest.approx(4, abs=1)
    assert all_targets["mode_2"].value == pytest.approx(17, abs=0.5)
    assert "mode_2" not in seen
    assert all_targets["dip"].ci_low > 0
    assert seen["dip"].ci_low == 0


def test_what_is_not_known_is_left_out_and_a_loss_of_zero_does_no_harm() -> None:
    loss, sequence = correlated_losses("gamma", 30, seed=3)
    loss[3] = 0.0
    for seen in (None, np.arange(len(loss)) == 5):
        rows = shape_rows(loss, sequence, seen, seed=0)
        assert {row.item for row in rows} == {"loss", "log_loss"}
        assert all(row.value is not None for row in rows)
    assert "modes" not in by_item(shape_rows(np.full(480, 2.0), sequence, None, seed=0), "loss")
    found = by_item(shape_rows(np.arange(9.0), np.repeat([4, 6, 8], 3), None, seed=0), "loss")
    assert (found["dip"].ci_low, found["dip"].ci_high, found["dip_p_thinned"].value) == (None, None, None)
    assert found["dip"].value is not None
