"""Parquet files of plain columns, one row a token: the form of every signal and prediction file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.parquet import open_parquet, parquet_writer, read_parquet


def write_columns(path: str | Path, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write columns of equal length, each (rows,), as zstd Parquet; types are kept as given.

    Raises InputError when the file cannot be written.
    """
    write_batches(path, [columns])


def write_batches(path: str | Path, batches: Iterable[Mapping[str, NDArray[Any]]]) -> None:
    """Write batches of the same columns, each (rows,), as they come: a row group each, so memory holds one batch.

    Without a batch, as for a shard without tokens, the file has no column. Raises InputError when it cannot be written.
    """
    tables = map(_table, batches)
    first = next(tables, pa.table({}))
    with parquet_writer(path, first.schema) as writer:
        for table in chain([first], tables):
            writer.write_table(table)


def read_batches(path: str | Path, names: Sequence[str], rows: int) -> Iterator[dict[str, NDArray[Any]]]:
    """Stream columns, `rows` rows at a time and the rest at the end, whatever the row groups of the file.

    Files of one length so give batches of the same tokens. Raises InputError as `read_columns` does.
    """
    with open_parquet(path, names) as file:
        waiting: list[pa.Table] = []
        held = 0
        for batch in file.iter_batches(batch_size=rows, columns=list(names)):
            waiting.append(pa.Table.from_batches([batch]))
            held += len(batch)
            while held >= rows:
                table = pa.concat_tables(waiting)
                yield {name: _numeric(path, name, table.column(name)[:rows]) for name in names}
                waiting, held = [table.slice(rows)], held - rows
        if held:
            table = pa.concat_tables(waiting)
            yield {name: _numeric(path, name, table.column(name)) for name in names}


def merge(path: str | Path, shards: Sequence[str | Path]) -> None:
    """Write the rows of all shards, in their order, as one file, of which memory holds a row group at a time.

    Shards without rows are passed over. Raises InputError naming a shard that is damaged or has other columns than the
    first, or when none has a row.
    """
    schemas: dict[str | Path, pa.Schema] = {}
    for shard in shards:
        with open_parquet(shard) as file:
            if file.metadata.num_rows:
                schemas[shard] = file.schema_arrow.remove_metadata()
    if not schemas:
        raise InputError(f"{path}: no rows in any of {len(shards)} shards; at least one is wanted")
    first, schema = next(iter(schemas.items()))
    for shard, own in schemas.items():
        if own != schema:
            raise InputError(
                f"{shard}: columns {', '.join(own.names)}, but {first}: {', '.join(schema.names)}; delete the one that "
                "is from elsewhere and rerun"
            )
    with parquet_writer(path, schema) as writer:
        for shard in shards:
            with open_parquet(shard) as file:
                for group in range(file.num_row_groups if file.metadata.num_rows else 0):
                    writer.write_table(file.read_row_group(group).replace_schema_metadata())


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
