"""Activations in Parquet: one row a token, written and read in a stream."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.parquet import open_parquet, parquet_writer, require_rows

ROW_GROUP = 8_192
COLUMNS: dict[str, pa.DataType] = {
    "sequence": pa.int32(),
    "position": pa.int16(),
    "document": pa.int32(),
    "split": pa.dictionary(pa.int8(), pa.string()),
    "token": pa.int32(),
    "target": pa.int32(),
    "loss": pa.float32(),
}

Columns = dict[str, NDArray[np.generic]]


def schema(dim: int, metadata: Mapping[str, str] | None = None) -> pa.Schema:
    """COLUMNS and `hidden`, a fixed-size list of `dim` float32."""
    fields = [*COLUMNS.items(), ("hidden", pa.list_(pa.float32(), dim))]
    return pa.schema(fields, metadata=dict(metadata or {}))


def write_shard(path: str | Path, batches: Iterable[Columns], dim: int, metadata: Mapping[str, str]) -> None:
    """Write one shard from `batches` of columns (rows each; `hidden` is (rows, dim) float32), streaming.

    Raises InputError when a loss or a hidden state is not finite.
    """
    target_schema = schema(dim, metadata)
    with parquet_writer(path, target_schema) as writer:
        for batch in batches:
            _check_finite(path, batch)
            writer.write_table(_table(batch, target_schema), row_group_size=ROW_GROUP)


def read_batches(paths: Sequence[str | Path], columns: Sequence[str]) -> Iterator[Columns]:
    """Stream `columns` of the shards in order, a row group's worth at a time; `hidden` as (rows, dim) float32.

    Raises InputError naming the file that is truncated, changed or of another origin, or holds a number that is not
    finite.
    """
    for path in paths:
        with open_parquet(path, columns) as file:
            _check_types(path, file.schema_arrow, columns)
            rows = 0
            for batch in file.iter_batches(batch_size=ROW_GROUP, columns=list(columns)):
                arrays = {name: _array(batch.column(name)) for name in columns}
                _check_finite(path, arrays)
                yield arrays
                rows += len(batch)
            require_rows(path, file, rows)


def read_where(paths: Sequence[str | Path], columns: Sequence[str], wanted: NDArray[np.bool_]) -> Iterator[Columns]:
    """Stream `columns` of those rows of the shards that are `wanted`, (rows of all,), a row group's worth at a time;
    row groups without any are passed over. Raises InputError as `read_batches` does."""
    row = 0
    for batch in read_batches(paths, columns):
        own = wanted[row : (row := row + len(batch[columns[0]]))]
        if own.any():
            yield {name: values[own] for name, values in batch.items()}


def read_columns(paths: Sequence[str | Path], columns: Sequence[str]) -> Columns:
    """Whole `columns` of the shards as arrays, which memory holds once; for columns that fit in memory."""
    rows, row = count_rows(paths), 0
    whole: Columns = {}
    for batch in read_batches(paths, columns):
        if not whole:
            whole = {name: np.empty((rows, *values.shape[1:]), values.dtype) for name, values in batch.items()}
        part = slice(row, row := row + len(batch[columns[0]]))
        for name, values in batch.items():
            whole[name][part] = values
    if not whole:
        raise InputError(f"{paths[0]}: no rows; at least one token is wanted")
    return whole


def count_rows(paths: Sequence[str | Path]) -> int:
    """Rows in all shards together, from their footers."""
    total = 0
    for path in paths:
        with open_parquet(path) as file:
            total += file.metadata.num_rows
    return total


def first_rows(paths: Sequence[str | Path]) -> list[int]:
    """The number of each shard's first row among the rows of all."""
    return [0, *accumulate(count_rows([path]) for path in paths)][:-1]


def _table(batch: Columns, target_schema: pa.Schema) -> pa.Table:
    dim = batch["hidden"].shape[1]
    arrays = {name: pa.array(batch[name]) for name in COLUMNS}
    arrays["hidden"] = pa.FixedSizeListArray.from_arrays(pa.array(batch["hidden"].ravel()), dim)
    return pa.table({name: arrays[name] for name in target_schema.names}).cast(target_schema)


def _array(column: pa.Array) -> NDArray[np.generic]:
    if pa.types.is_fixed_size_list(column.type):
        return column.flatten().to_numpy().reshape(len(column), column.type.list_size)
    return column.to_numpy(zero_copy_only=False)


def _check_types(path: str | Path, found: pa.Schema, columns: Sequence[str]) -> None:
    for name in columns:
        kind = found.field(name).type
        as_wanted = pa.types.is_fixed_size_list(kind) if name == "hidden" else kind == COLUMNS[name]
        if not as_wanted:
            raise InputError(f"{path}: {name} is of type {kind}; activations as dumped here are wanted")


def _check_finite(path: str | Path, batch: Columns) -> None:
    for name in ("loss", "hidden"):
        if name in batch and not np.isfinite(batch[name]).all():
            row = int(np.flatnonzero(~np.isfinite(batch[name].reshape(len(batch[name]), -1)).all(axis=1))[0])
            raise InputError(
                f"{path}: {name} is not finite (first at row {row} of a batch); wanted: finite numbers only"
            )
