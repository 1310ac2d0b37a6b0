"""Separation by signals: a case by hand, orientation, and degenerate columns."""

import math

import numpy as np
import pytest
from scipy import stats

from easyhard.errors import InputError
from easyhard.evaluation.separation import exit_threshold_rows, high_confidence_rows, separation_rows, threshold_rows

from .simulated import figures

LOSS = np.array([1.0, 2.0, 6.0, 11.0])


def test_by_hand() -> None:
    rows = separation_rows({"margin": np.array([4.0, 1.0, 3.0, 0.0])}, LOSS)
    expected = {"easy_loss": 3.5, "hard_loss": 6.5, "loss_diff": 3, "oracle_share": 3 / 7}  # easy: tokens 0 and 2
    expected |= {"mean": 2, "std": math.sqrt(10 / 4), "high_means_easy": 1}
    of_oracle = {"easy_loss": 1.5, "hard_loss": 8.5, "oracle_share": 1, "pearson": 1, "spearman": 1}
    for item, values in (("margin", expected), ("oracle", of_oracle)):
        found = figures(rows, item)
        assert {name: found[name] for name in values} == pytest.approx(values)


def test_against_scipy_and_with_the_signals_own_orientation() -> None:
    random = np.random.default_rng(1)
    loss = random.gamma(2.0, 3.0, size=999)
    entropy = loss + random.normal(size=999)
    turned = dict.fromkeys(("max_logit", "max_probability", "max_minus_mean", "margin"), -entropy)
    rows = separation_rows({"entropy": entropy} | turned, loss)
    found, high = figures(rows, "entropy"), entropy > np.median(entropy)
    assert found["pearson"] == pytest.approx(stats.pearsonr(entropy, loss).statistic)
    assert found["spearman"] == pytest.approx(stats.spearmanr(entropy, loss).statistic)
    assert found["loss_diff"] == pytest.approx(loss[high].mean() - loss[~high].mean())
    assert {figures(rows, item)["loss_diff"] for item in turned} == {found["loss_diff"]}


def test_a_constant_signal_has_no_hard_half_and_equal_losses_no_oracle() -> None:
    found = figures(separation_rows({"margin": np.full(4, 0.3)}, LOSS), "margin")
    assert found["easy_loss"] == 5.0
    undefined = ("hard_loss", "loss_diff", "oracle_share", "pearson", "spearman")
    assert all(found[name] is None for name in undefined)
    rows = separation_rows({"margin": np.arange(4.0)}, np.full(4, 2.0))
    assert figures(rows, "oracle")["loss_diff"] is None
    assert figures(rows, "margin")["loss_diff"] == 0.0
    assert figures(rows, "margin")["oracle_share"] is None
    with pytest.raises(InputError, match="signal 'hunch' is not known"):
        separation_rows({"hunch": LOSS}, LOSS)


def test_thresholds_by_hand() -> None:
    predicted = np.array([3.0, 5.0, 5.1, 9.0])
    found = figures(exit_threshold_rows(predicted, LOSS, threshold=5.0), "exit_classifier")
    assert found == {"threshold": 5.0, "loss_diff_at_threshold": 7.0, "easy_share_at_threshold": 0.5}
    none = figures(exit_threshold_rows(predicted, LOSS, 1.0), "exit_classifier")
    assert (none["easy_share_at_threshold"], none["loss_diff_at_threshold"]) == (0, None)
    probability = np.array([0.001, 0.01, 0.03, 0.5])
    loss = -np.log(probability)
    rows = threshold_rows(probability, loss)
    assert [row.item for row in rows if row.metric == "easy_share"] == ["0.01", "0.02", "0.05", "median"]
    lowest = figures(rows, "0.01")
    assert (lowest["easy_share"], lowest["hard_share"]) == (0.75, 0.25)
    assert (lowest["easy_loss"], lowest["hard_loss"]) == (loss[1:].mean(), loss[0])
    assert figures(rows, "0.05")["loss_diff"] == loss[:3].mean() - loss[3]
    assert figures(rows, "median")["easy_share"] == 0.5
    found = figures(threshold_rows(np.array([0.2, 0.3]), np.array([1.6, 1.2])), "0.05")
    assert (found["easy_share"], found["hard_loss"], found["loss_diff"]) == (1.0, None, None)


def test_confident_tokens_against_a_direct_count_from_a_hundred_on() -> None:
    random = np.random.default_rng(0)
    confidence = np.concatenate([[0.5], np.full(99, 0.95), random.uniform(0, 0.9, size=2_000)])
    loss = -np.log(confidence) + random.exponential(size=2_100)
    margin = confidence + random.normal(size=2_100)
    for extra in (0, 1):  # 99 tokens over 0.9, then 100
        confidence[0] += 0.45 * extra
        rows = high_confidence_rows({"margin": margin, "max_probability": confidence}, loss)
        for threshold in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9):
            found, high = figures(rows, str(threshold)), confidence >= threshold
            assert (found["tokens"], found["share"]) == (high.sum(), high.mean())
            if high.sum() < 100:
                assert (threshold, extra, found["pearson_margin"]) == (0.9, 0, None)
            else:
                expected = stats.pearsonr(margin[high], loss[high]).statistic
                assert found["pearson_margin"] == pytest.approx(expected)
            if threshold == 0.5:
                assert (found["high_mean_loss"], found["low_mean_loss"]) == (loss[high].mean(), loss[~high].mean())
            else:
                assert "high_mean_loss" not in found
