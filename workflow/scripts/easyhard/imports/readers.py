"""Files of named arrays from elsewhere, one reader a format. Nothing is ever unpickled: a file may be a stranger's."""

import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.lib import format as npy
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from easyhard.errors import InputError

CHUNK = 8_192  # rows at a time
NUMBERS = 2**23  # at a time, of rows that are long
BUFFER = 2**20  # bytes of a column read at a time
DAMAGED = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, pa.ArrowException, SafetensorError)
SAFETENSORS_TYPES = {"F": "float", "BF": "bfloat", "I": "int", "U": "uint", "BOOL": "bool"}  # before the bits
ARROW_TYPES = {pa.float16(): "float16", pa.float32(): "float32", pa.float64(): "float64"}

Array = NDArray[Any]


@dataclass(frozen=True)
class Stored:
    """The array `name` of `path`: its shape, its type as the file names it, and how to read some of its rows.

    `read(first, end)` streams rows first … end − 1 in their order, at most CHUNK at a time and NUMBERS numbers, arrays
    of one shape alike. bfloat16, which numpy does not have, comes as float32; text as Python strings. Reading raises
    InputError naming the file when it is damaged.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[int, int], Iterator[Array]]

    @property
    def label(self) -> str:
        """How errors call it."""
        return f"{self.path}: {self.name}"

    def whole(self) -> Array:
        """All rows, at least one, in one array."""
        return np.concatenate(list(self.read(0, self.shape[0])))


def open_arrays(path: str | Path) -> dict[str, Stored]:
    """The arrays of a .parquet, .npz, .npy or .safetensors file by name; the one of a .npy file by the file's stem.

    Only headers are read now. Raises InputError naming a file that is missing, damaged, of another format, a .npy file
    of Python objects, or a Parquet file that has no rows or a name twice.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: no known kind of file; one that ends in {', '.join(READERS)} is wanted")
    return {array.name: array for array in reader(path)}


def _chunk_rows(row_shape: Sequence[int]) -> int:
    return min(CHUNK, max(1, NUMBERS // max(1, int(np.prod(row_shape)))))


def _chunks(first: int, end: int, row_shape: Sequence[int]) -> Iterator[slice]:
    size = _chunk_rows(row_shape)
    for start in range(first, end, size):
        yield slice(start, min(start + size, end))


@contextmanager
def _guarded(path: Path, form: str) -> Iterator[None]:
    """Name a file that turns out missing, truncated or of another form; `form` is what is wanted."""
    try:
        yield
    except DAMAGED as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(f"{path}: cannot be read ({reason}); {form} is wanted") from error


def _npz_arrays(path: Path) -> Iterator[Stored]:
    """Arrays of a .npz archive, compressed or not, unpacked as they are read."""
    with _guarded(path, "an .npz archive of numpy arrays"), zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            if member.endswith(".npy"):
                with archive.open(member) as stream:
                    shape, _, dtype = _header(stream)
                read = partial(_read_npz, path, member)
                yield Stored(path, member.removesuffix(".npy"), shape, dtype.name, read)


def _read_npz(path: Path, member: str, first: int, end: int) -> Iterator[Array]:
    with _guarded(path, "a whole .npz archive"), zipfile.ZipFile(path) as archive, archive.open(member) as stream:
        shape, by_columns, dtype = _header(stream)
        if dtype.hasobject:
            name = member.removesuffix(".npy")
            raise InputError(f"{path}: {name} holds Python objects, which are not unpickled; numbers are wanted")
        if by_columns and len(shape) > 1:  # its rows lie scattered, so there is no streaming it
            stream.seek(0)
            array = npy.read_array(stream, allow_pickle=False)
            yield from (array[rows] for rows in _chunks(first, end, shape[1:]))
            return
        row_bytes = dtype.itemsize * int(np.prod(shape[1:]))
        stream.seek(first * row_bytes, 1)
        for rows in _chunks(first, end, shape[1:]):
            count = rows.stop - rows.start
            yield np.frombuffer(stream.read(count * row_bytes), dtype).reshape(count, *shape[1:])


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type of the array that follows."""
    read = npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
    return read(stream)


def _npy_arrays(path: Path) -> Iterator[Stored]:
    """The array of a .npy file, mapped into memory."""
    with _guarded(path, "a .npy file of numbers"):
        array = npy.open_memmap(path, mode="r")

    def read(first: int, end: int) -> Iterator[Array]:
        return (array[rows] for rows in _chunks(first, end, array.shape[1:]))

    yield Stored(path, path.stem, array.shape, array.dtype.name, read)


def _safetensors_arrays(path: Path) -> Iterator[Stored]:
    """Tensors of a safetensors file, mapped into memory."""

    def read(name: str, first: int, end: int) -> Iterator[Array]:
        with safe_open(path, "pt") as file:
            part = file.get_slice(name)
            for rows in _chunks(first, end, part.get_shape()[1:]):
                tensor = part[rows]
                yield (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()

    with _guarded(path, "a safetensors file"), safe_open(path, "pt") as file:
        for name in file.keys():  # noqa: SIM118 - the file is no mapping
            part = file.get_slice(name)
            kind = part.get_dtype().rstrip("0123456789")
            dtype = SAFETENSORS_TYPES.get(kind, kind) + part.get_dtype().removeprefix(kind)
            yield Stored(path, name, tuple(part.get_shape()), dtype, partial(read, name))


def parquet_arrays(path: Path) -> Iterator[Stored]:
    """Every column of a Parquet file: (rows,), or (rows, dim) of a list column, whose first row says dim."""
    with _open_parquet(path) as file:
        names, rows = file.schema_arrow.names, file.metadata.num_rows
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise InputError(f"{path}: two columns are called {twice[0]!r}; different names are wanted")
        if not rows:
            raise InputError(f"{path}: has no rows; one row a token is wanted")
        for name in names:
            kind = file.schema_arrow.field(name).type
            kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
            shape: tuple[int, ...] = (rows,)
            if _is_list(kind):
                column = next(file.iter_batches(1, columns=[name])).column(name)
                shape, kind = (rows, pc.list_value_length(column)[0].as_py() or 0), kind.value_type
            read = partial(_read_column, path, name, shape[1:])
            yield Stored(path, name, shape, ARROW_TYPES.get(kind, str(kind)), read)


def _read_column(path: Path, name: str, row_shape: tuple[int, ...], first: int, end: int) -> Iterator[Array]:
    for batch in read_parquet_batches(path, [name], first, end, _chunk_rows(row_shape)):
        if batch[name].shape[1:] != row_shape:
            raise InputError(f"{path}: {name} has lists of {batch[name].shape[1]} numbers; {row_shape[0]} are wanted")
        yield batch[name]


def read_parquet_batches(
    path: Path, names: Sequence[str], first: int = 0, end: int | None = None, size: int = CHUNK
) -> Iterator[dict[str, Array]]:
    """Stream rows first … end − 1 of the columns `names` of a Parquet file, at most `size` rows at a time.

    Raises InputError naming the file when it is damaged, and column and row where a value is missing (null) or a list
    is of another length than the one before it.
    """
    with _open_parquet(path) as file:
        end = file.metadata.num_rows if end is None else end
        ends = np.cumsum([file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)])
        low, high = np.searchsorted(ends, [first, end - 1], side="right")
        row = int(ends[low - 1]) if low else 0
        groups = list(range(low, min(high + 1, len(ends))))  # those that hold the rows
        for batch in file.iter_batches(size, row_groups=groups, columns=list(names)):
            start = max(first, row)
            part = batch.slice(start - row, max(end - start, 0))
            if len(part):
                yield {name: _from_arrow(f"{path}: {name}", start, part.column(name)) for name in names}
            row += len(batch)


def _from_arrow(label: str, row: int, column: pa.Array) -> Array:
    """The column as numpy, (rows,) or (rows, dim); `row` is the number of its first row."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if column.null_count:
        first = row + _first(column.is_null())
        raise InputError(f"{label} has {column.null_count} nulls (first at row {first}); a value a row is wanted")
    if _is_list(column.type):
        lengths = pc.list_value_length(column)
        if (other := _first(pc.not_equal(lengths, lengths[0]))) >= 0:
            raise InputError(
                f"{label} has {lengths[other]} numbers in row {row + other} and {lengths[0]} before; "
                "lists of one length are wanted"
            )
        dim, numbers = lengths[0].as_py(), column.flatten()
        if numbers.null_count:
            place = row + _first(numbers.is_null()) // dim
            raise InputError(f"{label} has a null in the list of row {place}; numbers only are wanted")
        return numbers.to_numpy(zero_copy_only=False).reshape(len(column), dim)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.dictionary_encode()
    if pa.types.is_dictionary(column.type):  # one Python object a different text, not one a row
        return np.array(column.dictionary.to_pylist(), dtype=object)[column.indices.to_numpy()]
    return column.to_numpy(zero_copy_only=False)


def _first(where: pa.BooleanArray) -> int:
    """The place of the first True; −1 without one."""
    return int(pc.index(where, pa.scalar(True)).as_py())


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


@contextmanager
def _open_parquet(path: Path) -> Iterator[pq.ParquetFile]:
    # Read ahead, Arrow would keep every row group that it has been through
    with _guarded(path, "a whole Parquet file"), pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER) as file:
        yield file


READERS: dict[str, Callable[[Path], Iterator[Stored]]] = {
    ".parquet": parquet_arrays,
    ".npz": _npz_arrays,
    ".npy": _npy_arrays,
    ".safetensors": _safetensors_arrays,
}
