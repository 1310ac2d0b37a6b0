"""Regression figures against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import mean_squared_error, r2_score

from easyhard.evaluation.regression import regression_rows


def test_against_the_references() -> None:
    random = np.random.default_rng(0)
    loss = random.gamma(2.0, 3.0, size=501)
    predicted = 0.3 * loss + random.normal(size=501)
    rows = regression_rows({"linear": predicted, "mlp2": predicted**3}, loss)
    assert {row.item for row in rows} == {"linear", "mlp2"}
    found = {row.metric: row.value for row in rows if row.item == "linear"}
    assert found["mse"] == pytest.approx(mean_squared_error(loss, predicted))
    assert found["r2"] == pytest.approx(r2_score(loss, predicted))
    assert found["pearson"] == pytest.approx(stats.pearsonr(predicted, loss).statistic)
    assert found["spearman"] == pytest.approx(stats.spearmanr(predicted, loss).statistic)
    high = predicted > np.median(predicted)
    assert found["loss_diff"] == pytest.approx(loss[high].mean() - loss[~high].mean())


def test_a_constant_prediction_and_equal_losses() -> None:
    found = {row.metric: row.value for row in regression_rows({"linear": [5.0, 5.0]}, [4.0, 8.0])}
    assert found["mse"] == 5.0
    assert found["r2"] == pytest.approx(-0.25)
    assert (found["pearson"], found["loss_diff"]) == (None, None)
    found = {row.metric: row.value for row in regression_rows({"linear": [5.0, 6.0]}, [4.0, 4.0])}
    assert (found["r2"], found["pearson"], found["loss_diff"]) == (None, None, 0.0)
