"""Tables on disk, read only if they are the table that is wanted."""

from pathlib import Path

import pyarrow as pa

from easyhard.errors import InputError
from easyhard.parquet import read_parquet


def read_table(path: str | Path, schema: pa.Schema) -> pa.Table:
    """Read a table with just the columns of `schema`, at least one row and no nulls; its metadata comes along.

    Raises InputError naming `path` when it is missing, truncated, not Parquet, or another table.
    """
    table = read_parquet(path)
    if table.schema.remove_metadata() != schema.remove_metadata():
        found = ", ".join(table.schema.names)
        raise InputError(f"{path}: another table (columns {found}); {', '.join(schema.names)} are wanted")
    if not table.num_rows or any(column.null_count for column in table.columns):
        raise InputError(f"{path}: no rows, or nulls in them; at least one row and no nulls are wanted")
    return table
