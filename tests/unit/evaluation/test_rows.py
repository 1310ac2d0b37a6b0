"""Tidy rows: what is undefined, and their table."""

import numpy as np
import polars as pl
import pytest

from easyhard.evaluation.rows import Row, make_rows, rows_table


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan")])
def test_undefined_figures_become_none(value: float) -> None:
    rows = make_rows("s", "i", {"m": value, "n": np.float32(0.5)})
    assert rows == [Row("s", "i", "m", None), Row("s", "i", "n", 0.5)]


def test_the_table_has_one_row_a_figure() -> None:
    rows = {"fair": [Row("s", "i", "m", -0.1, -0.2, 0.0)], "published": [Row("s", "i", "m", None)]}
    table = rows_table(rows)
    names = dict.fromkeys(("protocol", "section", "item", "metric"), pl.String)
    assert dict(table.schema) == names | dict.fromkeys(("value", "ci_low", "ci_high"), pl.Float64)
    assert table.rows() == [("fair", "s", "i", "m", -0.1, -0.2, 0.0), ("published", "s", "i", "m", None, None, None)]
    assert rows_table({}).schema == table.schema
