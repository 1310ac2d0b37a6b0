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


def test_a_constant_signal_has_no_hard_half_and_equal_losses_no_oracle() -> None:
    found = figures(separation_rows({"margin": np.full(4, 0.3)}, LOSS), "margin")
    assert found["easy_loss"] == 5.0
    undefined = ("hard_loss", "loss_diff", "oracle_share", "pearson", "spearman")
    assert all(found[name] is None for name in undefined)
    rows = separation_rows({"margin": np.arange(4.0)}, np.full(4, 2.0))
    assert figures(rows, "oracle")["loss_diff"] is None
    assert figures(rows, "margin")["loss_diff"] == 0.0
    assert figures(rows, "margin")["oracle_share"] is None


def test_unknown_signals_are_named() -> None:
    with pytest.raises(InputError, match="signal 'hunch' is not known"):
        separation_rows({"hunch": LOSS}, LOSS)


def test_exit_classifier_at_its_own_threshold() -> None:
    predicted = np.array([3.0, 5.0, 5.1, 9.0])
    found = figures(exit_threshold_rows(predicted, LOSS, threshold=5.0), "exit_classifier")
    assert found == {"threshold": 5.0, "loss_diff_at_threshold": 7.0, "easy_share_at_threshold": 0.5}
    none = figures(exit_threshold_rows(predicted, LOSS, 1.0), "exit_classifier")
    assert (none["easy_share_at_threshold"], none["loss_diff_at_threshold"]) == (0, None)


def test_thresholds_by_hand() -> None:
    probability = np.array([0.001, 0.01, 0.03, 0.5])
    loss = -np.log(probability)
    found = {(row.item, row.metric): row.value for row in threshold_rows(probability, loss)}
    assert [item for item, metric in found if metric == "easy_share"] == ["0.01", "0.02", "0.05", "median"]
    assert (found["0.01", "easy_share"], found["0.01", "hard_share"]) == (0.75, 0.25)
    assert found["0.01", "easy_loss"] == loss[1:].mean()
    assert found["0.01", "hard_loss"] == loss[0]
    assert found["0.05", "loss_diff"] == loss[:3].mean() - loss[3]
    assert found["median", "easy_share"] == 0.5
    found = figures(threshold_rows(np.array([0.2, 0.3]), np.array([1.6, 1.2])), "0.05")
    assert (found["easy_share"], found["hard_loss"], found["loss_diff"]) == (1.0, None, None)


def test_confident_tokens_against_a_direct_count() -> None:
    random = np.random.default_rng(0)
    confidence = np.concatenate([[0.5], np.full(99, 0.95), random.uniform(0, 0.9, size=2_000)])
    loss = -np.log(confidence) + random.exponential(size=2_100)
    margin = confidence + random.normal(size=2_100)
    rows = high_confidence_rows({"margin": margin, "max_probability": confidence}, loss)
    found = {(row.item, row.metric): row.value for row in rows}
    for threshold in (0.3, 0.5, 0.6, 0.7, 0.8):
        high = confidence >= threshold
        assert found[str(threshold), "tokens"] == high.sum()
        assert found[str(threshold), "share"] == high.mean()
        assert found[str(threshold), "pearson_margin"] == pytest.approx(
            stats.pearsonr(margin[high], loss[high]).statistic
        )
    assert found["0.5", "high_mean_loss"] == loss[confidence >= 0.5].mean()
    assert found["0.5", "low_mean_loss"] == loss[confidence < 0.5].mean()
    assert ("0.6", "high_mean_loss") not in found


@pytest.mark.parametrize(("tokens", "given"), [(99, False), (100, True)])
def test_correlations_need_a_hundred_tokens(tokens: int, given: bool) -> None:
    confidence = np.concatenate([np.linspace(0.91, 0.99, tokens), np.linspace(0, 0.2, 50)])
    rows = high_confidence_rows({"max_probability": confidence}, 1 - confidence**2)
    found = {(row.item, row.metric): row.value for row in rows}
    assert found["0.9", "tokens"] == tokens
    assert (found["0.9", "pearson_max_probability"] is not None) == given
