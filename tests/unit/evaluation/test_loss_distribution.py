"""The whole description of a loss distribution, on simulated losses."""

import numpy as np
import pytest
from scipy import stats

from easyhard.errors import InputError
from easyhard.evaluation.loss_distribution import LossDistribution, describe_loss

TOKENS = 6_400


def figures(found: LossDistribution, item: str = "loss") -> dict[str, float | None]:
    return {row.metric: row.value for row in found.rows if row.item == item}


@pytest.fixture(scope="module")
def losses() -> np.ndarray:
    """90 % of tokens around 4, 10 % far out, around 17: those with unseen targets."""
    random = np.random.default_rng(0)
    common = random.gamma(8.0, 0.5, size=TOKENS)
    return np.where(np.arange(TOKENS) % 10 == 0, random.normal(17, 1, size=TOKENS), common)


def describe(loss: np.ndarray) -> LossDistribution:
    tokens = np.arange(len(loss))
    return describe_loss(loss, tokens // 32, tokens % 10 == 0, seed=0)


def test_location_halves_and_unseen_targets(losses: np.ndarray) -> None:
    found = figures(describe(losses))
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
    found = figures(describe(losses))
    assert found["modes"] == 2
    assert found["mode_1"] == pytest.approx(3.5, abs=0.3)
    assert found["mode_2"] == pytest.approx(17, abs=0.3)
    assert found["mode_2_share"] == pytest.approx(0.1, abs=0.005)
    assert found["mode_1_unseen_share"] == pytest.approx(0, abs=0.001)
    assert found["mode_2_unseen_share"] == pytest.approx(1, abs=0.01)
    assert found["dip_p_thinned"] is not None


def test_a_modes_unseen_share_is_of_the_tokens_in_its_basin(losses: np.ndarray) -> None:
    tokens = np.arange(TOKENS)
    found = figures(describe_loss(losses, tokens // 32, tokens % 5 == 0, seed=0))
    assert found["mode_1_unseen_share"] == pytest.approx(1 / 9, abs=0.005)
    assert found["mode_2_unseen_share"] == pytest.approx(1, abs=0.01)


def test_one_mode_has_a_large_cohens_d_all_the_same() -> None:
    loss = np.random.default_rng(1).gamma(4.0, 1.5, size=TOKENS)
    found = figures(describe(loss))
    assert found["modes"] == 1
    assert found["cohens_d"] > 2
    assert found["dip_p_thinned"] > 0.2


def test_log_loss_is_tested_too_and_a_loss_of_zero_does_no_harm() -> None:
    loss = np.random.default_rng(2).gamma(4.0, 1.5, size=320)
    loss[3] = 0.0
    found = figures(describe(loss), "log_loss")
    assert set(found) == {"dip", "dip_p_thinned"}
    assert 0 < found["dip"] < 0.1


def test_equal_losses() -> None:
    result = describe(np.full(320, 2.0))
    found = figures(result)
    assert result.density is None
    assert (found["mean"], found["std"], found["easy_mean"]) == (2.0, 0.0, 2.0)
    assert (found["hard_mean"], found["loss_diff"], found["cohens_d"], found["skewness"]) == (None, None, None, None)
    assert "modes" not in found


def test_no_unseen_targets() -> None:
    loss = np.random.default_rng(3).gamma(4.0, 1.5, size=320)
    found = figures(describe_loss(loss, np.arange(320), np.zeros(320, dtype=bool), seed=0))
    assert (found["unseen_target_share"], found["unseen_target_mean_loss"]) == (0.0, None)


def test_negative_and_non_finite_losses_are_refused() -> None:
    loss = np.random.default_rng(4).gamma(4.0, 1.5, size=320)
    with pytest.raises(InputError, match=r"loss: the lowest is -.*; losses of 0 nats or more are wanted"):
        describe(-loss)
    loss[5] = np.nan
    with pytest.raises(InputError, match=r"loss: 1 of 320 values are not finite \(first at row 5\)"):
        describe(loss)
