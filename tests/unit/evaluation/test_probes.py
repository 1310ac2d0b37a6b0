"""The founding probes' figures against scikit-learn and scipy, and the majority row."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from easyhard.evaluation.probes import classification_rows, regression_figures

from .simulated import figures


def test_regression_against_the_references() -> None:
    random = np.random.default_rng(0)
    loss = random.gamma(2.0, 3.0, size=501)
    predicted = 0.3 * loss + random.normal(size=501)
    found = regression_figures(predicted, loss)
    assert found["mse"] == pytest.approx(metrics.mean_squared_error(loss, predicted))
    assert found["r2"] == pytest.approx(metrics.r2_score(loss, predicted))
    assert found["pearson"] == pytest.approx(stats.pearsonr(predicted, loss).statistic)
    assert found["spearman"] == pytest.approx(stats.spearmanr(predicted, loss).statistic)
    high = predicted > np.median(predicted)
    assert found["loss_diff"] == pytest.approx(loss[high].mean() - loss[~high].mean())


def test_a_constant_prediction_and_equal_losses() -> None:
    found = regression_figures(np.array([5.0, 5.0]), np.array([4.0, 8.0]))
    assert (found["mse"], found["r2"]) == (5.0, pytest.approx(-0.25))
    assert np.isnan([found["pearson"], found["loss_diff"]]).all()
    found = regression_figures(np.array([5.0, 6.0]), np.array([4.0, 4.0]))
    assert found["loss_diff"] == 0
    assert np.isnan([found["r2"], found["pearson"]]).all()


def test_classification_against_scikit_learn() -> None:
    random = np.random.default_rng(0)
    loss = random.gamma(2.0, 3.0, size=800)
    probability = (1 / (1 + np.exp(loss - 3 + random.normal(size=800)))).round(2)  # with ties
    found = figures(classification_rows({"mlp2": probability}, loss, 3.0), "mlp2")
    easy, called = loss <= 3, probability >= 0.5
    expected = {
        "accuracy": metrics.accuracy_score(easy, called),
        "balanced_accuracy": metrics.balanced_accuracy_score(easy, called),
        "auroc": metrics.roc_auc_score(~easy, 1 - probability),
        "auprc": metrics.average_precision_score(easy, probability),
        "f1": metrics.f1_score(~easy, ~called),
        "prevalence": easy.mean(),
        "easy_share": called.mean(),
        "easy_loss": loss[called].mean(),
        "hard_loss": loss[~called].mean(),
        "loss_diff": loss[~called].mean() - loss[called].mean(),
    }
    low = probability < np.median(probability)
    expected["loss_diff_median"] = loss[low].mean() - loss[~low].mean()
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_the_majority_row_and_one_class_alone() -> None:
    loss = np.concatenate([np.linspace(0.1, 3.0, 25), np.linspace(3.1, 20.0, 75)])
    found = figures(classification_rows({}, loss, 3.0), "majority")
    expected = {"accuracy": 0.75, "balanced_accuracy": 0.5, "auroc": 0.5, "f1": 1.5 / 1.75, "auprc": 0.25}
    expected |= {"prevalence": 0.25, "hard_loss": loss.mean(), "easy_share": 0}
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert {found[name] for name in ("easy_loss", "loss_diff", "loss_diff_median")} == {None}
    found = figures(classification_rows({}, np.array([1.0, 1.5, 2.0, 9.0]), 3.0), "majority")
    assert (found["accuracy"], found["f1"], found["easy_share"]) == (0.75, 0.0, 1.0)
    assert found["hard_loss"] is None
    found = figures(classification_rows({"linear": np.array([0.9, 0.2])}, np.array([5.0, 6.0]), 3.0), "linear")
    assert found["accuracy"] == 0.5
    assert (found["balanced_accuracy"], found["auroc"], found["auprc"]) == (None, None, None)
