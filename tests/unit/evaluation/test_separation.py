"""Separation by signals: a case by hand, orientation, and degenerate columns."""

import math

import numpy as np
import pytest
from scipy import stats

from easyhard.errors import InputError
from easyhard.evaluation.rows import Row
from easyhard.evaluation.separation import exit_threshold_rows, separation_rows

LOSS = np.array([1.0, 2.0, 6.0, 11.0])


def figures(rows: list[Row], item: str) -> dict[str, float | None]:
    return {row.metric: row.value for row in rows if row.item == item}


def test_by_hand() -> None:
    rows = separation_rows({"margin": [4.0, 1.0, 3.0, 0.0]}, LOSS)
    found = figures(rows, "margin")  # easy: tokens 0 and 2
    assert (found["easy_loss"], found["hard_loss"], found["loss_diff"]) == (3.5, 6.5, 3.0)
    assert found["oracle_share"] == pytest.approx(3.0 / 7.0)
    assert (found["mean"], found["std"]) == (2.0, pytest.approx(math.sqrt(10 / 4)))
    assert found["high_means_easy"] == 1
    oracle = figures(rows, "oracle")
    assert (oracle["easy_loss"], oracle["hard_loss"], oracle["oracle_share"]) == (1.5, 8.5, 1.0)
    assert (oracle["pearson"], oracle["spearman"]) == (pytest.approx(1), pytest.approx(1))


def test_against_scipy_and_with_the_signals_own_orientation() -> None:
    random = np.random.default_rng(1)
    loss = random.gamma(2.0, 3.0, size=999)
    entropy = loss + random.normal(size=999)
    rows = separation_rows({"entropy": entropy, "max_logit": -entropy, "margin": entropy}, loss)
    by_entropy, by_logit, wrong = (figures(rows, item) for item in ("entropy", "max_logit", "margin"))
    assert by_entropy["pearson"] == pytest.approx(stats.pearsonr(entropy, loss).statistic)
    assert by_entropy["spearman"] == pytest.approx(stats.spearmanr(entropy, loss).statistic)
    high = entropy > np.median(entropy)
    assert by_entropy["loss_diff"] == pytest.approx(loss[high].mean() - loss[~high].mean())
    assert by_logit["loss_diff"] == by_entropy["loss_diff"]
    assert wrong["loss_diff"] < 0 < by_entropy["loss_diff"]


def test_any_falling_function_of_the_loss_is_the_oracle_and_so_a_tautology() -> None:
    random = np.random.default_rng(2)
    loss = random.exponential(5.0, size=1_000)
    found = figures(separation_rows({"target_probability": np.exp(-loss)}, loss), "target_probability")
    assert found["oracle_share"] == 1.0
    assert found["spearman"] == pytest.approx(-1.0)
    assert -1 < found["pearson"] < -0.3


def test_a_constant_signal_has_no_hard_half() -> None:
    found = figures(separation_rows({"margin": np.full(4, 0.3)}, LOSS), "margin")
    assert found["easy_loss"] == 5.0
    undefined = ("hard_loss", "loss_diff", "oracle_share", "pearson", "spearman")
    assert all(found[name] is None for name in undefined)


def test_equal_losses_leave_the_oracle_undefined() -> None:
    rows = separation_rows({"margin": [1.0, 2.0, 3.0, 4.0]}, np.full(4, 2.0))
    assert figures(rows, "oracle")["loss_diff"] is None
    assert figures(rows, "margin")["loss_diff"] == 0.0
    assert figures(rows, "margin")["oracle_share"] is None


def test_unknown_signals_and_bad_columns_are_named() -> None:
    with pytest.raises(InputError, match="signal 'hunch' is not known"):
        separation_rows({"hunch": LOSS}, LOSS)
    with pytest.raises(InputError, match="margin: 1 of 4 values are not finite"):
        separation_rows({"margin": [1.0, 2.0, np.inf, 0.0]}, LOSS)


def test_exit_classifier_at_its_own_threshold() -> None:
    rows = exit_threshold_rows([3.0, 5.0, 5.1, 9.0], LOSS, threshold=5.0)
    assert figures(rows, "exit_classifier") == {
        "threshold": 5.0,
        "loss_diff_at_threshold": 7.0,
        "easy_share_at_threshold": 0.5,
    }
    assert (
        figures(exit_threshold_rows([3.0, 5.0, 5.1, 9.0], LOSS, 1.0), "exit_classifier")["easy_share_at_threshold"] == 0
    )
    assert figures(exit_threshold_rows(LOSS, LOSS, 0.5), "exit_classifier")["loss_diff_at_threshold"] is None
