"""Looking figures up, and what the report takes for a table of figures."""

from pathlib import Path

import polars as pl
import pytest

from easyhard.errors import InputError
from easyhard.parquet import write_parquet
from easyhard.report.metrics import read_table

from . import made_up
from .conftest import Make, as_table


def test_a_number_that_is_null_or_missing_is_never_the_highest(make_figures: Make) -> None:
    figures = make_figures({"separation/margin/loss_diff": None})
    assert figures.number("separation", "margin", "loss_diff") == figures.number("no", "such", "row") == float("-inf")


def test_a_table_reads_back_as_written_and_another_is_refused(tmp_path: Path) -> None:
    table = as_table(made_up.table())
    write_parquet(tmp_path / "metrics.parquet", table.to_arrow())
    assert read_table(tmp_path / "metrics.parquet").equals(table)
    write_parquet(tmp_path / "foreign.parquet", pl.DataFrame({"a": [1]}).to_arrow())
    with pytest.raises(InputError, match=r"foreign.parquet: has the columns a Int64; wanted are protocol"):
        read_table(tmp_path / "foreign.parquet")
    with pytest.raises(InputError, match=r"absent.parquet: not a readable Parquet file"):
        read_table(tmp_path / "absent.parquet")
