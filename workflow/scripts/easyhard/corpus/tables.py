"""Tables on disk: Parquet written whole or not at all, read only if it is the table that is wanted."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from easyhard.atomic import atomic_path
from easyhard.errors import InputError


def write_table(path: str | Path, table: pa.Table) -> None:
    """Write `table` to `path`, zstd-compressed. Raises InputError when `path` cannot be written."""
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_table(path: str | Path, schema: pa.Schema) -> pa.Table:
    """Read a table with just the columns of `schema`, at least one row and no nulls; its metadata comes along.

    Raises InputError naming `path` when it is missing, truncated, not Parquet, or another table.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: not a readable Parquet file ({reason}); delete it and rerun") from error
    if table.schema.remove_metadata() != schema.remove_metadata():
        found = ", ".join(table.schema.names)
        raise InputError(f"{path}: another table (columns {found}); {', '.join(schema.names)} are wanted")
    if not table.num_rows or any(column.null_count for column in table.columns):
        raise InputError(f"{path}: no rows, or nulls in them; at least one row and no nulls are wanted")
    return table
