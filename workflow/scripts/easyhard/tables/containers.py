"""Containers of tables: one entry of CONTAINERS each. All are read in batches, so memory holds little of a file."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ipc

from easyhard.errors import InputError
from easyhard.tables.guard import guarded
from easyhard.tables.plain import scratch_file, unpacked, utf8_file

BUFFER = 2**20  # bytes of a column read at a time
ROW_GROUP = 65_536  # rows, of text that is turned into Parquet
HEADER = 2**20  # bytes in which the first line of a table of text ends
PARQUET, ARROW = "a whole Parquet file", "a whole Arrow or Feather file"
SEPARATORS: Final = (",", ";", "\t", "|")
DECIMAL_COMMA: Final = r"^\s*([+-]?\d+),(\d+(?:[eE][+-]?\d+)?)\s*$"

Read = Callable[[Sequence[str], int, int, int], Iterator[pa.RecordBatch]]
"""Names of columns, rows first … end − 1 of the file, and how many rows at most at a time."""


@dataclass(frozen=True)
class Part:
    """One file of a table: its columns and rows, and how to read some of them in their order."""

    path: Path
    schema: pa.Schema
    rows: int
    read: Read


def open_part(path: Path, container: str) -> Part:
    """Open a file as CONTAINERS[container] does. Only headers are read of Parquet and Arrow; CSV and JSON Lines are
    turned into Parquet once, in a folder that this process removes.

    Raises InputError naming a file that is missing, damaged, of another form or encoding, or has a name twice.
    """
    part = CONTAINERS[container](unpacked(path), path)
    _require_different(part.schema.names, path)
    return part


def _require_different(names: Sequence[str], named: Path) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{named}: two columns are called {name!r}; different names are wanted")


def _parquet(path: Path, named: Path) -> Part:
    with guarded(named, PARQUET), _open_parquet(path) as file:
        return Part(named, file.schema_arrow, file.metadata.num_rows, partial(_read_parquet, path, named))


def _open_parquet(path: Path) -> pq.ParquetFile:
    # Read ahead, Arrow would keep every row group that it has been through
    return pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER)


def _read_parquet(
    path: Path, named: Path, names: Sequence[str], first: int, end: int, size: int
) -> Iterator[pa.RecordBatch]:
    with guarded(named, PARQUET), _open_parquet(path) as file:
        ends = np.cumsum([file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)])
        low, high = np.searchsorted(ends, [first, end - 1], side="right")
        row = int(ends[low - 1]) if low else 0
        groups = list(range(low, min(high + 1, len(ends))))  # those that hold the rows
        yield from _cut(file.iter_batches(size, row_groups=groups, columns=list(names)), row, first, end, size)


def _cut(batches: Iterator[pa.RecordBatch], row: int, first: int, end: int, size: int) -> Iterator[pa.RecordBatch]:
    """Of batches whose first row is number `row`, rows first … end − 1, at most `size` at a time."""
    for batch in batches:
        start = max(first, row)
        part = batch.slice(start - row, max(min(end, row + len(batch)) - start, 0))
        yield from (part.slice(at, size) for at in range(0, len(part), size))
        row += len(batch)
        if row >= end:
            return


def _arrow(path: Path, named: Path) -> Part:
    """An IPC file, which Feather is, or a stream, which the library datasets writes."""
    with guarded(named, ARROW):
        _, schema = _open_arrow(path)
        _require_different(schema.names, named)
        rows = sum(map(len, _arrow_batches(path, schema.names[:1])))
    return Part(named, schema, rows, partial(_read_arrow, path, named))


def _open_arrow(path: Path, options: ipc.IpcReadOptions | None = None) -> tuple[Any, pa.Schema]:
    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"
    reader = (ipc.open_file if is_file else ipc.open_stream)(pa.memory_map(str(path)), options=options)
    return reader, reader.schema


def _arrow_batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    _, schema = _open_arrow(path)
    reader, _ = _open_arrow(path, ipc.IpcReadOptions(included_fields=[schema.get_field_index(name) for name in names]))
    if isinstance(reader, ipc.RecordBatchFileReader):
        return map(reader.get_batch, range(reader.num_record_batches))
    return iter(reader)


def _read_arrow(
    path: Path, named: Path, names: Sequence[str], first: int, end: int, size: int
) -> Iterator[pa.RecordBatch]:
    with guarded(named, ARROW):
        yield from _cut(_arrow_batches(path, names), 0, first, end, size)


def _csv(path: Path, named: Path) -> Part:
    """Every value as text, which is a number where its column is one of numbers."""
    path = utf8_file(path, named)
    with guarded(named, "a table as text in UTF-8, its first line the columns' names,"):
        if not path.stat().st_size:
            return _nothing(named)
        names, separator = _header(path)
        _require_different(names, named)  # polars would rename them
        table = pl.scan_csv(path, separator=separator, infer_schema=False)
        if separator == ";":  # where a comma is not free to part values, it is that of decimals
            table = table.with_columns(pl.all().str.replace(DECIMAL_COMMA, "$1.$2"))
        return _through_parquet(table.rename(str.strip), path, named)


def _header(path: Path) -> tuple[list[str], str]:
    """The names in a table's first line, and what parts them."""
    with path.open(encoding="utf-8", newline="") as file:
        line = file.readline(HEADER).rstrip("\r\n")
    separator = max(SEPARATORS, key=line.count)
    return next(csv.reader([line], delimiter=separator)), separator


def _json_lines(path: Path, named: Path) -> Part:
    path = utf8_file(path, named)
    with guarded(named, "JSON Lines, one object a line,"):
        if not path.stat().st_size:
            return _nothing(named)
        try:
            lines = pl.scan_ndjson(path, infer_schema_length=None)
            wide = [name for name, kind in lines.collect_schema().items() if kind in (pl.Int128, pl.UInt128)]
            return _through_parquet(lines.with_columns(pl.col(wide).cast(pl.Float64)), path, named)
        except pl.exceptions.PolarsError:
            _name_line(path)  # says more than polars where it finds the line
            raise


def _name_line(path: Path) -> None:
    """Raise a ValueError that names the first line that is no JSON object."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                value = json.loads(line, parse_constant=refuse) if line.strip() else {}
            except ValueError as error:
                raise ValueError(f"line {number}: {getattr(error, 'msg', error)}") from error
            if not isinstance(value, dict):
                raise ValueError(f"line {number}: a {type(value).__name__} and no object")


def _through_parquet(frame: pl.LazyFrame, path: Path, named: Path) -> Part:
    target = scratch_file(path)
    frame.sink_parquet(target, row_group_size=ROW_GROUP, compression="lz4")
    return _parquet(target, named)


def _nothing(named: Path) -> Part:
    """A file without a byte, as Spark writes them for parts without rows."""
    return Part(named, pa.schema([]), 0, lambda *_: iter(()))


CONTAINERS: Final[dict[str, Callable[[Path, Path], Part]]] = {
    **dict.fromkeys((".parquet", ".pq"), _parquet),
    **dict.fromkeys((".csv", ".tsv"), _csv),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), _arrow),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), _json_lines),
}
"""By the suffix of a file: how to open it, from where it lies unpacked and from how errors call it."""
