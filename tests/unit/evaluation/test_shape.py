"""Shape: one mode is seldom called several, a planted second is, and unseen targets make up a mode of their own."""

import math

import diptest
import numpy as np
import pytest
from scipy.stats import gamma, norm

from easyhard.errors import InputError
from easyhard.evaluation.dip import dip, dip_interval, thinned_p_value
from easyhard.evaluation.rows import Row
from easyhard.evaluation.shape import shape_rows

LENGTH = 16
GRID = np.linspace(0, 40, 20_001)
SHAPES = {
    "gamma": gamma(3, scale=2).cdf(GRID),
    "uniform": np.clip(GRID / 10, 0, 1),
    "mixture": 0.6 * norm(4, 1.2).cdf(GRID) + 0.4 * norm(10, 1.5).cdf(GRID),
}


def quantile(shape: str, u: np.ndarray) -> np.ndarray:
    return np.interp(u, SHAPES[shape], GRID)


def correlated(shape: str, sequences: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Losses of this distribution whose normal scores correlate by 0.2 within a sequence; and the sequences."""
    random = np.random.default_rng(seed)
    scores = math.sqrt(0.2) * random.normal(size=(sequences, 1)) + math.sqrt(0.8) * random.normal(
        size=(sequences, LENGTH)
    )
    return quantile(shape, norm.cdf(scores)).ravel(), np.repeat(np.arange(sequences), LENGTH)


def by_metric(rows: list[Row], item: str) -> dict[str, Row]:
    return {row.metric: row for row in rows if row.item == item}


@pytest.mark.parametrize("shape", ["gamma", "uniform"])
def test_one_mode_is_called_several_at_most_as_often_as_the_level_says(shape: str) -> None:
    called = np.zeros(2)
    for seed in range(120):
        loss, sequence = correlated(shape, 80, seed)
        called += dip_interval(loss, sequence, seed=seed)[0] > 0, thinned_p_value(loss, sequence, seed=seed) < 0.05
    assert (called / 120 <= 0.05).all()


def test_a_planted_mixture_is_called_several() -> None:
    called = np.zeros(2)
    for seed in range(40):
        loss, sequence = correlated("mixture", 150, seed)
        called += dip_interval(loss, sequence, seed=seed)[0] > 0, thinned_p_value(loss, sequence, seed=seed) < 0.05
    assert (called / 40 >= 0.95).all()


def test_the_interval_holds_the_populations_dip_and_is_as_wide_as_dips_differ() -> None:
    true = dip(quantile("mixture", (np.arange(100_000) + 0.5) / 100_000))
    held, widths, dips = 0, [], []
    for seed in range(50):
        loss, sequence = correlated("mixture", 400, seed)
        low, high = dip_interval(loss, sequence, seed=seed)
        held += low <= true <= high
        widths.append(high - low)
        dips.append(dip(loss))
    assert held >= 44
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.std(dips), rel=0.3)


def test_the_interval_holds_the_samples_dip_and_is_the_seeds() -> None:
    loss, sequence = correlated("mixture", 60, seed=0)
    low, high = dip_interval(loss, sequence, seed=1)
    assert low <= dip(loss) <= high
    assert (low, high) == dip_interval(loss, sequence, seed=1)
    assert (low, high) != dip_interval(loss, sequence, seed=2)


def test_rows_and_sequence_ids_may_come_in_any_order() -> None:
    """Ids are compared in ascending order, so an order-preserving renaming and any order of rows change nothing."""
    loss, sequence = correlated("gamma", 60, seed=1)
    order = np.random.default_rng(0).permutation(len(loss))
    assert dip_interval(loss[order], (sequence * 7 + 5)[order], seed=0) == dip_interval(loss, sequence, seed=0)


def test_fewer_than_four_sequences_have_no_interval() -> None:
    assert all(map(math.isnan, dip_interval(np.arange(9.0), np.repeat([4, 6, 8], 3), seed=0)))
    assert all(map(math.isfinite, dip_interval(np.arange(12.0), np.repeat([4, 6, 8, 9], 3), seed=0)))
    rows = by_metric(shape_rows(np.arange(9.0), np.repeat([4, 6, 8], 3), None, seed=0), "loss")
    assert (rows["dip"].ci_low, rows["dip"].ci_high, rows["dip_p_thinned"].value) == (None, None, None)
    assert rows["dip"].value is not None


@pytest.fixture(scope="module")
def rows() -> tuple[list[Row], np.ndarray, np.ndarray]:
    """Every tenth target is unseen and has its loss around 17."""
    loss, sequence = correlated("gamma", 200, seed=2)
    unseen = np.arange(len(loss)) % 10 == 0
    loss = np.where(unseen, np.random.default_rng(0).normal(17, 1, size=len(loss)), loss)
    return shape_rows(loss, sequence, ~unseen, seed=0), loss, unseen


def test_items_and_metrics(rows: tuple[list[Row], np.ndarray, np.ndarray]) -> None:
    found, loss, unseen = rows
    assert {row.section for row in found} == {"fair_shape"}
    assert [row.item for row in found if row.metric == "dip"] == ["loss", "log_loss", "loss_seen", "log_loss_seen"]
    assert [row.item for row in found if row.metric == "modes"] == ["loss", "loss_seen"]
    expected = {
        "loss": loss,
        "log_loss": np.log(loss),
        "loss_seen": loss[~unseen],
        "log_loss_seen": np.log(loss[~unseen]),
    }
    for item, values in expected.items():
        row = by_metric(found, item)["dip"]
        assert row.value == pytest.approx(diptest.dipstat(values))
        assert row.ci_low <= row.value <= row.ci_high


def test_the_mode_of_unseen_targets_goes_with_them(rows: tuple[list[Row], np.ndarray, np.ndarray]) -> None:
    all_targets, seen = by_metric(rows[0], "loss"), by_metric(rows[0], "loss_seen")
    assert (all_targets["modes"].value, seen["modes"].value) == (2, 1)
    assert all_targets["mode_1"].value == pytest.approx(4, abs=1)
    assert all_targets["mode_2"].value == pytest.approx(17, abs=0.5)
    assert "mode_2" not in seen
    assert all_targets["dip"].ci_low > 0
    assert seen["dip"].ci_low == 0


def test_without_knowledge_of_training_only_all_targets_are_described() -> None:
    loss, sequence = correlated("gamma", 30, seed=3)
    for seen in (None, np.arange(len(loss)) == 5):
        assert {row.item for row in shape_rows(loss, sequence, seen, seed=0)} == {"loss", "log_loss"}


def test_losses_of_zero_and_equal_losses_do_no_harm() -> None:
    loss, sequence = correlated("gamma", 30, seed=4)
    loss[3] = 0.0
    assert all(row.value is not None for row in shape_rows(loss, sequence, None, seed=0))
    assert "modes" not in by_metric(shape_rows(np.full(480, 2.0), sequence, None, seed=0), "loss")


def test_bad_losses_are_refused() -> None:
    loss, sequence = correlated("gamma", 30, seed=5)
    with pytest.raises(InputError, match=r"loss: the lowest is -1; losses of 0 nats or more are wanted"):
        shape_rows(np.where(np.arange(480) == 7, -1.0, loss), sequence, None, seed=0)
    with pytest.raises(InputError, match=r"seen: 3 tokens; 480 are wanted"):
        shape_rows(loss, sequence, [True, False, True], seed=0)
