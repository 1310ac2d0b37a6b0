"""Parquet files of plain columns, one row a token: the form of every signal and prediction file."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.parquet import parquet_writer, read_parquet


def write_columns(path: str | Path, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write columns of equal length, each (rows,), as zstd Parquet; types are kept as given.

    Raises InputError when the file cannot be written.
    """
    write_batches(path, [columns])


def write_batches(path: str | Path, batches: Iterable[Mapping[str, NDArray[Any]]]) -> None:
    """Write batches of the same columns, each (rows,), as they come: a row group each, so memory holds one batch.

    Raises InputError when there is no batch or the file cannot be written.
    """
    tables = map(_table, batches)
    first = next(tables, None)
    if first is None:
        raise InputError(f"{path}: no rows to write; at least one batch is wanted")
    with parquet_writer(path, first.schema) as writer:
        for table in chain([first], tables):
            writer.write_table(table)


def _table(columns: Mapping[str, NDArray[Any]]) -> pa.Table:
    return pa.table({name: pa.array(np.ascontiguousarray(values)) for name, values in columns.items()})


def read_columns(
    path: str | Path, names: Sequence[str] | None = None, *, rows: int | None = None
) -> dict[str, NDArray[Any]]:
    """Read columns, each (rows,), in the order of `names`; all of them in the file's order when `names` is None.

    `rows` is how many the file must have, where that is known. Raises InputError naming the file when it is missing,
    truncated, not Parquet, of another length, lacks a column, or has a column that is not numeric or holds nulls.
    """
    table = read_parquet(path, names)
    if rows is not None and table.num_rows != rows:
        raise InputError(f"{path}: {table.num_rows} rows; {rows} are wanted, one a token; delete it and rerun")
    return {name: _numeric(path, name, table.column(name)) for name in table.column_names}


def _numeric(path: str | Path, name: str, column: pa.ChunkedArray) -> NDArray[Any]:
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise InputError(f"{path}: column {name} is of type {column.type}; numbers are wanted")
    if column.null_count:
        raise InputError(f"{path}: column {name} has {column.null_count} nulls; none are wanted")
    values: NDArray[Any] = column.to_numpy()
    return values
