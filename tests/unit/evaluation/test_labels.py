"""Labels: names, thresholds, and what is over them."""

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.evaluation.labels import label_thresholds, label_tokens


def test_names_and_tokens() -> None:
    loss = np.array([0.5, 1.0, 3.5, 9.0])
    thresholds = label_thresholds([1, 2.5], loss)
    assert thresholds == {"loss_over_1": 1.0, "loss_over_2.5": 2.5, "loss_over_median": 2.25}
    labels = label_tokens(loss, thresholds)
    assert labels["loss_over_1"].tolist() == [False, False, True, True]
    assert labels["loss_over_median"].tolist() == [False, False, True, True]
    assert "argmax_wrong" not in labels
    wrong = np.array([True, False, True, True])
    assert label_tokens(loss, thresholds, wrong)["argmax_wrong"] is wrong


def test_thresholds_that_share_a_name_are_refused() -> None:
    with pytest.raises(InputError, match="each to six digits once"):
        label_thresholds([1.0, 1.0000001], np.ones(3))
