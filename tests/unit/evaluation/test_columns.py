"""Bad columns are named."""

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.evaluation.columns import check_columns


def test_columns_come_back_as_float64_in_order() -> None:
    first, second = check_columns({"a": np.array([1, 2], dtype=np.float32), "b": [True, False]})
    assert first.dtype == second.dtype == np.float64
    assert second.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"loss": [1.0, 2.0], "margin": [1.0, np.nan]},
            "margin: 1 of 2 values are not finite (first at row 1)",
        ),
        ({"loss": [np.inf, 2.0]}, "loss: 1 of 2 values are not finite"),
        ({"loss": [1.0, 2.0], "margin": [1.0, 2.0, 3.0]}, "margin: 3 tokens; 2 are wanted, as many as loss has"),
        ({"loss": [1.0]}, "loss: 1 tokens; at least two are wanted"),
        ({"loss": []}, "loss: 0 tokens; at least two are wanted"),
        ({"loss": [[1.0, 2.0]]}, "loss: shape (1, 2); one value a token, (tokens,), is wanted"),
    ],
)
def test_bad_columns(columns: dict[str, list[float]], message: str) -> None:
    with pytest.raises(InputError) as error:
        check_columns(columns)
    assert str(error.value).startswith(message)
