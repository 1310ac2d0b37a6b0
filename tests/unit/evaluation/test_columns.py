"""Bad columns are named."""

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.evaluation.columns import finite


def test_a_column_comes_back_as_float64() -> None:
    assert finite("a", np.array([1, 2], dtype=np.float32)).dtype == np.float64
    assert finite("b", [True, False]).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, np.nan], "margin: 1 of 2 values are not finite (first at row 1)"),
        ([np.inf, 2.0], "margin: 1 of 2 values are not finite (first at row 0)"),
        ([1.0], "margin: 1 tokens; at least two are wanted"),
        ([], "margin: 0 tokens; at least two are wanted"),
    ],
)
def test_bad_columns(values: list[float], message: str) -> None:
    with pytest.raises(InputError) as error:
        finite("margin", values)
    assert str(error.value).startswith(message)
