"""Tidy rows; and the published figure and its band stand beside the figure that is measured, and beside no other."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from easyhard.evaluation.published import TABLE_SCHEMA, beside_published
from easyhard.evaluation.rows import Row, make_rows, rows_table

RESOURCES = Path(__file__).parents[3] / "workflow" / "resources"
PUBLISHED, BANDS = RESOURCES / "published.csv", RESOURCES / "bands.csv"
MARGIN = Row("separation", "margin", "loss_diff", 0.5)
ENTROPY = Row("separation", "entropy", "loss_diff", None)


def test_undefined_figures_become_none_and_the_table_has_one_row_a_figure() -> None:
    for value in (float("nan"), float("inf"), np.float64("nan")):
        rows = make_rows("s", "i", {"m": value, "n": np.float32(0.5)})
        assert rows == [Row("s", "i", "m", None), Row("s", "i", "n", 0.5)]
    table = rows_table({"fair": [Row("s", "i", "m", -0.1, -0.2, 0.0)], "published": rows[:1]})
    names = ["protocol", "section", "item", "metric", "value", "ci_low", "ci_high"]
    assert dict(table.schema) == dict(zip(names, [pl.String] * 4 + [pl.Float64] * 3, strict=True))
    assert table.rows() == [("fair", "s", "i", "m", -0.1, -0.2, 0.0), ("published", "s", "i", "m", None, None, None)]
    assert rows_table({}).schema == table.schema


def test_only_figures_of_the_published_protocol_are_compared() -> None:
    table = beside_published(rows_table({"fair": [MARGIN], "published": [ENTROPY, MARGIN]}), PUBLISHED, BANDS)
    assert dict(table.schema) == TABLE_SCHEMA
    beside = table.select("item", "value", "published", "band_low", "band_high").rows()
    assert beside == [
        ("margin", 0.5, None, None, None),
        ("entropy", None, None, None, None),
        ("margin", 0.5, 0.46, 0.21, 0.71),
    ]
    with pytest.raises(pl.exceptions.ComputeError, match="1:1 validation"):
        beside_published(rows_table({"published": [MARGIN, MARGIN]}), PUBLISHED, BANDS)


def test_a_section_that_the_fair_protocol_has_is_compared_there() -> None:
    final, settled = Row("founding_exits", "loss", "final", 1000.0), Row("saturation", "8_64/7", "f1_cosine", 0.7)
    table = beside_published(rows_table({"fair": [final, settled], "published": [final]}), PUBLISHED, BANDS)
    assert table["published"].to_list() == [1071.76, 0.692, None]
