"""Thresholds on the probability of the target, by hand."""

import numpy as np

from easyhard.evaluation.thresholds import threshold_rows


def test_by_hand() -> None:
    probability = np.array([0.001, 0.01, 0.03, 0.5])
    loss = -np.log(probability)
    found = {(row.item, row.metric): row.value for row in threshold_rows(probability, loss)}
    assert [item for item, metric in found if metric == "easy_share"] == ["0.01", "0.02", "0.05", "median"]
    assert (found["0.01", "easy_share"], found["0.01", "hard_share"]) == (0.75, 0.25)
    assert found["0.01", "easy_loss"] == loss[1:].mean()
    assert found["0.01", "hard_loss"] == loss[0]
    assert found["0.05", "loss_diff"] == loss[:3].mean() - loss[3]
    assert found["median", "easy_share"] == 0.5


def test_an_empty_side_is_null() -> None:
    found = {(row.item, row.metric): row.value for row in threshold_rows([0.2, 0.3], [1.6, 1.2])}
    assert found["0.05", "easy_share"] == 1.0
    assert found["0.05", "hard_loss"] is None
    assert found["0.05", "loss_diff"] is None
