"""Tidy rows: their file, and what is undefined."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from easyhard.errors import InputError
from easyhard.evaluation.rows import Row, make_rows, read_rows, write_rows
from easyhard.parquet import write_parquet

ROWS = [Row("separation", "margin", "pearson", -0.1, -0.2, 0.0), Row("separation", "margin", "mean", None)]


def test_round_trip(tmp_path: Path) -> None:
    write_rows(tmp_path / "part.parquet", ROWS, "published")
    assert read_rows(tmp_path / "part.parquet") == {"published": ROWS}


def test_the_files_schema_is_the_contracts(tmp_path: Path) -> None:
    write_rows(tmp_path / "part.parquet", ROWS, "fair")
    names = ("protocol", "section", "item", "metric")
    expected = dict.fromkeys(names, pl.String) | dict.fromkeys(("value", "ci_low", "ci_high"), pl.Float64)
    table = pl.read_parquet(tmp_path / "part.parquet")
    assert dict(table.schema) == expected
    assert table["protocol"].to_list() == ["fair", "fair"]
    assert table["ci_low"].to_list() == [-0.2, None]


def test_no_rows_still_make_a_readable_file(tmp_path: Path) -> None:
    write_rows(tmp_path / "part.parquet", [], "published")
    assert read_rows(tmp_path / "part.parquet") == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan")])
def test_undefined_figures_become_none(value: float) -> None:
    assert make_rows("s", "i", {"m": value, "n": np.float32(0.5)}) == [
        Row("s", "i", "m", None),
        Row("s", "i", "n", 0.5),
    ]


def test_a_figure_that_is_there_twice_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="separation/margin/mean is there 2 times"):
        write_rows(tmp_path / "part.parquet", [*ROWS, ROWS[1]], "published")
    assert not list(tmp_path.iterdir())


def test_missing_truncated_and_foreign_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    with pytest.raises(InputError, match=r"part\.parquet: not a readable Parquet file"):
        read_rows(path)
    write_rows(path, ROWS, "published")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"part\.parquet: not a readable Parquet file"):
        read_rows(path)
    write_parquet(path, pl.DataFrame({"protocol": ["published"], "value": [1.0]}).to_arrow())
    with pytest.raises(InputError, match=r"part\.parquet: no column section, item"):
        read_rows(path)
    texts = {name: ["x"] for name in ("protocol", "section", "item", "metric", "value", "ci_low", "ci_high")}
    write_parquet(path, pl.DataFrame(texts).to_arrow())
    with pytest.raises(InputError, match=r"part\.parquet: not a file of figures .* columns protocol, section"):
        read_rows(path)
