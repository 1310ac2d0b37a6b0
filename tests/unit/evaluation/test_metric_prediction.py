"""Metric prediction: the correlation of true and predicted values."""

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.evaluation.metric_prediction import metric_prediction_rows


def test_correlations() -> None:
    true = np.array([1.0, 2.0, 3.0, 4.0])
    rows = metric_prediction_rows({"margin": true, "max_logit": true}, {"margin": true**2, "max_logit": -true})
    found = {(row.section, row.item, row.metric): row.value for row in rows}
    assert found["metric_prediction", "margin", "pearson"] == pytest.approx(np.corrcoef(true, true**2)[0, 1])
    assert found["metric_prediction", "margin", "spearman"] == pytest.approx(1)
    assert found["metric_prediction", "max_logit", "pearson"] == pytest.approx(-1)


def test_bad_predictions_are_named() -> None:
    with pytest.raises(InputError, match="margin_predicted: 1 of 2 values are not finite"):
        metric_prediction_rows({"margin": [1.0, 2.0]}, {"margin": [1.0, np.nan]})
