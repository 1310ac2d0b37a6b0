"""Parquet as every step writes and reads it: whole or not at all, and never read if it was changed since.

Pages carry checksums, which each reader verifies. What these leave open, names of columns, number of rows and what
else the schema says, is said once more in the file's metadata.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from easyhard.atomic import atomic_path
from easyhard.errors import InputError

READ_AHEAD = 1 << 20  # bytes of a column; pre-buffering would keep all that has been read
OUTLINE, ARROW_SCHEMA = b"easyhard", b"ARROW:schema"


class Writer:
    """Writes tables of one schema, one after another, and counts their rows."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self.rows = 0

    def write_table(self, table: pa.Table, row_group_size: int | None = None) -> None:
        """Append a table, as one row group if `row_group_size` is not given."""
        self._writer.write_table(table, row_group_size=row_group_size)
        self.rows += table.num_rows


@contextmanager
def parquet_writer(path: str | Path, schema: pa.Schema) -> Iterator[Writer]:
    """A writer of zstd Parquet; the file appears when the block ends well.

    Raises InputError naming `path` when it cannot be written.
    """
    with (
        atomic_path(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd", write_page_checksum=True) as file,
    ):
        writer = Writer(file)
        yield writer
        file.add_key_value_metadata({OUTLINE: _outline(schema.names, writer.rows, schema.metadata or {})})


def write_parquet(path: str | Path, table: pa.Table) -> None:
    """Write a whole table. Raises InputError naming `path` when it cannot be written."""
    with parquet_writer(path, table.schema) as writer:
        writer.write_table(table)


@contextmanager
def open_parquet(path: str | Path, columns: Collection[str] = ()) -> Iterator[pq.ParquetFile]:
    """An open file of this workflow that has `columns`; what goes wrong while the block reads it counts too.

    Raises InputError naming `path` when it is missing, truncated, changed since it was written, not Parquet, written by
    others, or lacks a column.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=READ_AHEAD, page_checksum_verification=True) as file:
            names = file.schema_arrow.names
            missing = [name for name in columns if name not in names]
            if missing:
                raise InputError(f"{path}: no column {', '.join(missing)}; it holds {', '.join(names)}")
            _check_outline(path, file.metadata, names)
            yield file
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not a readable Parquet file ({reason}); delete it and rerun") from error


def read_parquet(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a whole table, or some columns in that order. Raises InputError as `open_parquet` does."""
    with open_parquet(path, columns or ()) as file:
        table = file.read(columns=None if columns is None else list(columns))
        require_rows(path, file, table.num_rows)
        return table


def require_rows(path: str | Path, file: pq.ParquetFile, read: int) -> None:
    """Raise InputError naming `path` unless as many rows were read as the file has."""
    if read != file.metadata.num_rows:
        raise InputError(f"{path}: {read} rows can be read of {file.metadata.num_rows}; delete it and rerun")


def _check_outline(path: str | Path, metadata: pq.FileMetaData, names: Sequence[str]) -> None:
    rows = [metadata.num_rows, sum(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))]
    held = metadata.metadata or {}
    if OUTLINE not in held:
        raise InputError(f"{path}: written by another program, with columns {', '.join(names)}; delete it and rerun")
    if rows[0] != rows[1] or held[OUTLINE] != _outline(names, rows[0], held):
        raise InputError(f"{path}: its footer is not as it was written; delete it and rerun")


def _outline(names: Sequence[str], rows: int, metadata: Mapping[bytes, bytes]) -> bytes:
    others = {str(key): str(metadata[key]) for key in sorted(metadata) if key not in (OUTLINE, ARROW_SCHEMA)}
    digest = hashlib.sha256(json.dumps(others).encode()).hexdigest()
    return json.dumps({"rows": rows, "columns": list(names), "metadata_sha256": digest}).encode()
