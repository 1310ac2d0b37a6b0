"""Files of named arrays from elsewhere, one reader a format. Nothing is ever unpickled: a file may be a stranger's."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from safetensors import safe_open

from easyhard.errors import InputError
from easyhard.tables.columns import TEXT, text_numbers
from easyhard.tables.containers import CONTAINERS
from easyhard.tables.files import Given, given_files, label_of
from easyhard.tables.guard import guarded
from easyhard.tables.plain import inner_suffix, unpacked
from easyhard.tables.table import CHUNK, Mask, Table, is_table, open_table

NUMBERS = 2**23  # at a time, of rows that are long
SAFETENSORS_TYPES = {"F": "float", "BF": "bfloat", "I": "int", "U": "uint", "BOOL": "bool"}  # before the bits

Array = NDArray[Any]


@dataclass(frozen=True)
class Stored:
    """The array `name` of `path`: its shape, its type as the file names it, and how to read some of its rows.

    `read(first, end)` streams rows first … end − 1 in their order, at most CHUNK at a time and NUMBERS numbers, arrays
    of one shape alike. bfloat16, which numpy does not have, comes as float32; text as Python strings. Reading raises
    InputError naming the file when it is damaged. `table` is where a table's column is from.
    """

    path: Path | str
    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[int, int], Iterator[Array]]
    table: Table | None = None

    @property
    def label(self) -> str:
        """How errors call it."""
        return f"{self.path}: {self.name}"

    def whole(self) -> Array:
        """All rows, at least one, in one array."""
        return np.concatenate(list(self.read(0, self.shape[0])))


def open_arrays(given: Given) -> dict[str, Stored]:
    """The arrays that a file holds, or several one after another, by name; the one of a .npy file by the file's stem.

    Files are tables (see `easyhard.tables`), .npz, .npy or .safetensors, compressed or not. Only headers are read now.
    Raises InputError naming a file that is missing, damaged, of another format, or of Python objects, a table that has
    no rows or a name twice, and files whose arrays differ.
    """
    files = given_files(given)
    if any(map(is_table, files)):
        return table_arrays(open_table(given))
    opened = [_arrays_of(file) for file in files]
    if len(files) > 1 and holds_one_array(given):
        opened = [{files[0].stem: array} for own in opened for array in own.values()]
    first = opened[0]
    for file, own in zip(files, opened, strict=True):
        if set(own) != set(first):
            raise InputError(
                f"{file}: arrays {', '.join(own)}, but {files[0]}: {', '.join(first)}; pieces of the same are wanted"
            )
    return (
        first if len(opened) == 1 else {name: _joined(label_of(given), [own[name] for own in opened]) for name in first}
    )


def holds_one_array(given: Given) -> bool:
    """Whether what is given are .npy files, each of one array, or of a piece of it, whose name says nothing."""
    return all(inner_suffix(file) == ".npy" for file in given_files(given))


def table_arrays(table: Table) -> dict[str, Stored]:
    """The columns of a table: (rows,), or (rows, dim) of lists, whose first row says dim."""

    def read(name: str, row_shape: tuple[int, ...], first: int, end: int) -> Iterator[Array]:
        for batch in table.batches([name], first, end, _chunk_rows(row_shape)):
            if batch[name].shape[1:] != row_shape:
                own = batch[name].shape[1]
                raise InputError(f"{table.label}: {name} has lists of {own} numbers; {row_shape[0]} are wanted")
            yield batch[name]

    return {
        name: Stored(table.label, name, own.shape, own.dtype, partial(read, name, own.shape[1:]), table)
        for name, own in table.columns.items()
    }


def in_memory(path: Path | str, name: str, values: Array) -> Stored:
    """An array that is no file's, such as where rows lie."""

    def read(first: int, end: int) -> Iterator[Array]:
        return (values[rows] for rows in _chunks(first, end, values.shape[1:]))

    return Stored(path, name, values.shape, values.dtype.name, read)


def as_numbers(array: Stored) -> Stored:
    """A column of text as the numbers that it says; what is not text as it is.

    Reading it raises InputError naming the row where text is no number.
    """
    if array.dtype != TEXT:
        return array

    def read(first: int, end: int) -> Iterator[Array]:
        for text in array.read(first, end):
            yield numbers_in(array.label, text, first)
            first += len(text)

    return replace(array, read=read, dtype="float64")


def numbers_in(label: str, values: Array, first: int = 0, wanted: str = "a number") -> Array:
    """`values`, (rows,), text as the numbers that it says; `first` is the number of their first row.

    Raises InputError, naming `label`, the row and what is `wanted`, where text says none.
    """
    if values.dtype.kind != "O":
        return values
    numbers, bad = text_numbers(values)
    if bad is not None:
        raise InputError(f"{label} is {values[bad]!r} in row {first + bad}; {wanted} is wanted")
    return numbers


def flat(array: Stored) -> Stored:
    """An array (sequences, length, …) as (sequences · length, …)."""
    length = array.shape[1]

    def read(first: int, end: int) -> Iterator[Array]:
        row = first // length * length
        for part in array.read(first // length, -(-end // length)):
            rows = part.reshape(-1, *part.shape[2:])
            own = rows[max(first - row, 0) : max(end - row, 0)]
            yield from (own[piece] for piece in _chunks(0, len(own), own.shape[1:]))
            row += len(rows)

    return replace(array, shape=(array.shape[0] * length, *array.shape[2:]), read=read, table=None)


def kept(array: Stored, wanted: Mask) -> Stored:
    """The rows of an array that are `wanted`, (rows,), alone; of a table's column others may be missing."""
    if array.table is not None:
        return table_arrays(array.table.where(wanted))[array.name]
    numbers = np.flatnonzero(wanted)

    def read(first: int, end: int) -> Iterator[Array]:
        row = int(numbers[first])
        for part in array.read(row, int(numbers[end - 1]) + 1):
            own = wanted[row : row + len(part)]
            if own.any():
                yield part[own]
            row += len(part)

    return replace(array, path=f"{array.path}, of the rows kept", shape=(len(numbers), *array.shape[1:]), read=read)


def _chunk_rows(row_shape: Sequence[int]) -> int:
    return min(CHUNK, max(1, NUMBERS // max(1, int(np.prod(row_shape)))))


def _chunks(first: int, end: int, row_shape: Sequence[int]) -> Iterator[slice]:
    size = _chunk_rows(row_shape)
    for start in range(first, end, size):
        yield slice(start, min(start + size, end))


def _arrays_of(path: Path) -> dict[str, Stored]:
    reader = READERS.get(inner_suffix(path))
    if reader is None:
        known = ", ".join((*CONTAINERS, *READERS))
        raise InputError(f"{path}: no known kind of file; one that ends in {known} is wanted")
    return {array.name: replace(array, path=path) for array in reader(unpacked(path))}


def _joined(label: str, pieces: Sequence[Stored]) -> Stored:
    """Arrays one after another as one."""
    first = pieces[0]
    for piece in pieces:
        if piece.shape[1:] != first.shape[1:] or piece.dtype != first.dtype:
            raise InputError(
                f"{piece.label} is {piece.dtype} {piece.shape}, {first.label} {first.dtype} {first.shape}; "
                "pieces of one array are wanted"
            )
    borders = np.cumsum([0, *(piece.shape[0] for piece in pieces)])

    def read(start: int, end: int) -> Iterator[Array]:
        for piece, (low, high) in zip(pieces, pairwise(borders.tolist()), strict=True):
            if start < high and end > low:
                yield from piece.read(max(start - low, 0), min(end, high) - low)

    return Stored(label, first.name, (int(borders[-1]), *first.shape[1:]), first.dtype, read)


def _npz_arrays(path: Path) -> Iterator[Stored]:
    """Arrays of a .npz archive, compressed or not, unpacked as they are read."""
    with guarded(path, "an .npz archive of numpy arrays"), zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            if member.endswith(".npy"):
                with archive.open(member) as stream:
                    shape, _, dtype = _header(stream)
                read = partial(_read_npz, path, member)
                yield Stored(path, member.removesuffix(".npy"), shape, dtype.name, read)


def _read_npz(path: Path, member: str, first: int, end: int) -> Iterator[Array]:
    with guarded(path, "a whole .npz archive"), zipfile.ZipFile(path) as archive, archive.open(member) as stream:
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
    with guarded(path, "a .npy file of numbers"):
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

    with guarded(path, "a safetensors file"), safe_open(path, "pt") as file:
        for name in file.keys():  # noqa: SIM118 - the file is no mapping
            part = file.get_slice(name)
            kind = part.get_dtype().rstrip("0123456789")
            dtype = SAFETENSORS_TYPES.get(kind, kind) + part.get_dtype().removeprefix(kind)
            yield Stored(path, name, tuple(part.get_shape()), dtype, partial(read, name))


READERS: dict[str, Callable[[Path], Iterator[Stored]]] = {
    ".npz": _npz_arrays,
    ".npy": _npy_arrays,
    ".safetensors": _safetensors_arrays,
}
