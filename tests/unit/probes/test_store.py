"""Predictions of the probes in Parquet."""

from pathlib import Path

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.probes.store import (
    LossPredictions,
    MetricPredictions,
    read_loss_predictions,
    read_metric_predictions,
    write_loss_predictions,
    write_metric_predictions,
)
from easyhard.signals.store import read_columns, write_columns

ROW = np.array([4, 9, 11])
A, B, C = (np.array([k, k + 1, k + 2], dtype=np.float32) for k in (0, 10, 20))


def test_loss_predictions_round_trip_under_the_contracts_names(tmp_path: Path) -> None:
    path = tmp_path / "loss_predictions.parquet"
    write_loss_predictions(path, LossPredictions(ROW, A, {"linear": B, "mlp2_wide": C}, {"linear": C}))
    names = ["row", "loss", "regression_linear", "regression_mlp2_wide", "classification_linear"]
    columns = read_columns(path)
    assert list(columns) == names
    assert columns["row"].dtype == np.int64
    assert columns["loss"].dtype == np.float32
    read = read_loss_predictions(path)
    np.testing.assert_array_equal(read.row, ROW)
    np.testing.assert_array_equal(read.loss, A)
    np.testing.assert_array_equal(read.regression["mlp2_wide"], C)
    assert list(read.regression) == ["linear", "mlp2_wide"]
    assert list(read.classification) == ["linear"]


def test_metric_predictions_round_trip_under_the_contracts_names(tmp_path: Path) -> None:
    path = tmp_path / "metric_predictions.parquet"
    write_metric_predictions(path, MetricPredictions(ROW, {"margin": A, "max_logit": B}, {"margin": C, "max_logit": A}))
    assert list(read_columns(path)) == ["row", "margin", "margin_predicted", "max_logit", "max_logit_predicted"]
    read = read_metric_predictions(path)
    np.testing.assert_array_equal(read.actual["max_logit"], B)
    np.testing.assert_array_equal(read.predicted["margin"], C)


def test_each_kind_refuses_the_other(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    write_metric_predictions(path, MetricPredictions(ROW, {"margin": A}, {"margin": C}))
    with pytest.raises(InputError, match=r"other\.parquet: no column loss"):
        read_loss_predictions(path)
    write_columns(path, {"row": ROW, "loss": A})
    with pytest.raises(InputError, match=r"other\.parquet: no regression_… or no classification_… column"):
        read_loss_predictions(path)
    with pytest.raises(InputError, match=r"other\.parquet: no column ends in _predicted"):
        read_metric_predictions(path)
    write_columns(path, {"row": ROW, "margin_predicted": A})
    with pytest.raises(InputError, match=r"other\.parquet: no column margin"):
        read_metric_predictions(path)
