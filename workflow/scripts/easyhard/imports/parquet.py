"""Parquet files from elsewhere: columns of numbers, of text, and of lists of numbers, read in a stream."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from easyhard.errors import InputError
from easyhard.imports.stored import CHUNK, Array, Stored, unreadable

BUFFER = 2**20  # bytes of a column read at a time


def column_types(path: str | Path) -> dict[str, pa.DataType]:
    """The type of every column. Raises InputError naming a file that is no Parquet, has no rows or a name twice."""
    with _open(Path(path)) as file:
        schema = file.schema_arrow
        twice = [name for name in schema.names if schema.names.count(name) > 1]
        if twice:
            raise InputError(f"{path}: two columns are called {twice[0]!r}; different names are wanted")
        if not file.metadata.num_rows:
            raise InputError(f"{path}: has no rows; one row a token is wanted")
        return {field.name: field.type for field in schema}


def count_rows(path: str | Path) -> int:
    """Rows of the file, from its footer."""
    with _open(Path(path)) as file:
        return int(file.metadata.num_rows)


def parquet_arrays(path: Path) -> dict[str, Stored]:
    """Every column as an array: (rows,), or (rows, dim) of a list column, whose first row says dim."""
    rows, types = count_rows(path), column_types(path)
    return {name: _stored(path, name, kind, rows) for name, kind in types.items()}


def read_batches(
    path: str | Path, names: Sequence[str], first: int = 0, end: int | None = None, size: int = CHUNK
) -> Iterator[dict[str, Array]]:
    """Stream rows first … end − 1 of the columns `names`, at most `size` rows at a time.

    Raises InputError naming the file when it is damaged, and column and row where a value is missing (null) or a list
    is of another length than the one before it.
    """
    with _open(Path(path)) as file:
        end = file.metadata.num_rows if end is None else end
        groups, row = _groups(file.metadata, first, end)
        batches = file.iter_batches(size, row_groups=groups, columns=list(names))
        for batch in _guarded(Path(path), batches):
            part = batch.slice(max(first - row, 0), max(end - max(first, row), 0))
            if len(part):
                start = max(first, row)
                yield {name: _array(f"{path}: {name}", start, part.column(name)) for name in names}
            row += len(batch)


def _groups(metadata: pq.FileMetaData, first: int, end: int) -> tuple[list[int], int]:
    """The row groups that hold rows first … end − 1, and the number of the first row in the first of them."""
    ends = np.cumsum([metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)])
    low, high = np.searchsorted(ends, [first, end - 1], side="right")
    return list(range(low, min(high + 1, len(ends)))), int(ends[low - 1]) if low else 0


def _stored(path: Path, name: str, kind: pa.DataType, rows: int) -> Stored:
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    listed = _is_list(kind)
    element = kind.value_type if listed else kind
    shape: tuple[int, ...] = (rows, _dim(path, name, kind)) if listed else (rows,)

    def read(first: int, end: int) -> Iterator[Array]:
        for batch in read_batches(path, [name], first, end):
            values = batch[name]
            if values.shape[1:] != shape[1:]:
                raise InputError(f"{path}: {name} has lists of {values.shape[1]} numbers; {shape[1]} are wanted")
            yield values

    names = {pa.float16(): "float16", pa.float32(): "float32", pa.float64(): "float64"}
    return Stored(path, name, shape, names.get(element, str(element)), read)


def _dim(path: Path, name: str, kind: pa.DataType) -> int:
    if pa.types.is_fixed_size_list(kind):
        return int(kind.list_size)
    with _open(path) as file:
        first = next(_guarded(path, file.iter_batches(1, columns=[name]))).column(name)
    return int(pc.list_value_length(first)[0].as_py() or 0)


def _array(label: str, row: int, column: pa.Array) -> Array:
    """The column as numpy, (rows,) or (rows, dim); `row` is the number of its first row."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    _refuse_nulls(label, row, column)
    if _is_list(column.type):
        lengths = pc.list_value_length(column).to_numpy()
        other = np.flatnonzero(lengths != lengths[0])
        if len(other):
            raise InputError(
                f"{label} has {lengths[other[0]]} numbers in row {row + other[0]} and {lengths[0]} before; "
                "lists of one length are wanted"
            )
        inner = column.flatten()
        if inner.null_count:
            place = int(np.flatnonzero(_missing(inner))[0]) // int(lengths[0])
            raise InputError(f"{label} has a null in the list of row {row + place}; numbers only are wanted")
        return inner.to_numpy(zero_copy_only=False).reshape(len(column), int(lengths[0]))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.dictionary_encode()
    if pa.types.is_dictionary(column.type):  # one Python object a different text, not one a row
        values = np.array(column.dictionary.to_pylist(), dtype=object)
        return values[column.indices.to_numpy()]
    return column.to_numpy(zero_copy_only=False)


def _refuse_nulls(label: str, row: int, column: pa.Array) -> None:
    if column.null_count:
        first = row + int(np.flatnonzero(_missing(column))[0])
        raise InputError(f"{label} has {column.null_count} nulls (first at row {first}); a value a row is wanted")


def _missing(column: pa.Array) -> Array:
    return column.is_null().to_numpy(zero_copy_only=False)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


@contextmanager
def _open(path: Path) -> Iterator[pq.ParquetFile]:
    try:  # read ahead, Arrow would keep every row group that it has been through
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(path, "a Parquet file", error) from error
    with file:
        yield file


def _guarded(path: Path, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except (OSError, pa.ArrowException) as error:
        raise unreadable(path, "a whole Parquet file", error) from error
