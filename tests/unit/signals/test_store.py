"""Columns in Parquet: what goes in comes out, and foreign files are named."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.signals.store import column_names, read_batches, read_columns, write_batches, write_columns


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "signals.parquet"
    write_columns(path, {"row": np.arange(5), "margin": np.linspace(0, 1, 5, dtype=np.float32)})
    return path


def test_round_trip_keeps_order_types_and_values(path: Path) -> None:
    columns = read_columns(path)
    assert list(columns) == ["row", "margin"]
    assert columns["row"].dtype == np.int64
    assert columns["margin"].dtype == np.float32
    np.testing.assert_array_equal(columns["margin"], np.linspace(0, 1, 5, dtype=np.float32))


def test_named_columns_come_in_the_order_asked_for(path: Path) -> None:
    for names in (["margin", "row"], ["row", "margin"]):
        assert list(read_columns(path, names)) == names


def test_a_column_that_is_a_slice_of_a_matrix_is_written_right(tmp_path: Path) -> None:
    matrix = np.arange(12.0).reshape(4, 3)
    write_columns(tmp_path / "x.parquet", {"second": matrix[:, 1]})
    np.testing.assert_array_equal(read_columns(tmp_path / "x.parquet")["second"], [1, 4, 7, 10])


def test_missing_column_is_named(path: Path) -> None:
    with pytest.raises(InputError, match=r"signals\.parquet: no column entropy; it holds row, margin"):
        read_columns(path, ["entropy", "row"])


def test_shards_are_one_table(tmp_path: Path) -> None:
    shards = [tmp_path / f"{number}.parquet" for number in range(4)]
    columns = {"a": np.arange(20_000, dtype=np.int32), "b": np.random.default_rng(0).random(20_000, dtype=np.float32)}
    parts = [slice(0, 0), slice(0, 9_000), slice(9_000, 9_001), slice(9_001, 20_000)]
    write_batches(shards[0], [])
    for shard, part in zip(shards[1:], parts[1:], strict=True):
        write_columns(shard, {name: values[part] for name, values in columns.items()})
    assert column_names(shards) == ["a", "b"]
    for name, values in read_columns(shards, rows=20_000).items():
        np.testing.assert_array_equal(values, columns[name], strict=True)
    batches = list(read_batches(shards, ["b"], 7_000))
    assert [len(batch["b"]) for batch in batches] == [7_000, 7_000, 6_000]
    np.testing.assert_array_equal(np.concatenate([batch["b"] for batch in batches]), columns["b"])
    assert read_columns(shards[:1]) == {}
    with pytest.raises(InputError, match=r"1\.parquet: 20000 rows; 7 are wanted"):
        read_columns(shards, rows=7)
    write_columns(shards[2], {"a": columns["a"]})
    for read in (lambda: column_names(shards), lambda: read_columns(shards)):
        with pytest.raises(InputError, match=r"2\.parquet: columns a, but \S+1\.parquet: a, b; delete the one"):
            read()
    shards[3].write_bytes(shards[3].read_bytes()[:-9])
    with pytest.raises(InputError, match=r"3\.parquet: not a readable Parquet file"):
        read_columns([shards[1], shards[3]])


@pytest.mark.parametrize("rows", [1, 7, 10, 16, 40])
def test_batches_have_the_rows_asked_for_whatever_the_row_groups(tmp_path: Path, rows: int) -> None:
    column = np.arange(37.0)
    write_batches(tmp_path / "a.parquet", [{"x": part, "y": -part} for part in np.split(column, [3, 4, 20, 20])])
    batches = list(read_batches(tmp_path / "a.parquet", ["y"], rows))
    assert [len(batch["y"]) for batch in batches] == [rows] * (37 // rows) + [37 % rows] * (37 % rows > 0)
    np.testing.assert_array_equal(np.concatenate([batch["y"] for batch in batches]), -column)


def test_a_file_that_is_given_up_does_not_appear(tmp_path: Path) -> None:
    def broken() -> Iterator[dict[str, NDArray[np.float64]]]:
        yield {"a": np.zeros(3)}
        raise KeyError

    with pytest.raises(KeyError):
        write_batches(tmp_path / "x.parquet", broken())
    assert not list(tmp_path.iterdir())
