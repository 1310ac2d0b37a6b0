"""Files of named arrays from elsewhere, one reader a format. Nothing is ever unpickled: a file may be a stranger's."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from easyhard.errors import InputError
from easyhard.imports.parquet import parquet_arrays
from easyhard.imports.stored import Array, Stored, chunks, unreadable

DAMAGED = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)
SAFETENSORS_TYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64", "BOOL": "bool"}
SAFETENSORS_TYPES |= {
    f"{kind}{bits}": f"{word}{bits}" for kind, word in (("I", "int"), ("U", "uint")) for bits in (8, 16, 32, 64)
}


def open_arrays(path: str | Path) -> dict[str, Stored]:
    """The arrays of a .parquet, .npz, .npy or .safetensors file by name; the one of a .npy file by the file's stem.

    Only headers are read now. Raises InputError naming a file that is missing, damaged, of another format, or a .npy
    file of Python objects.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: no known kind of file; one that ends in {', '.join(READERS)} is wanted")
    return reader(path)


def npz_arrays(path: Path) -> dict[str, Stored]:
    """Arrays of a .npz archive, compressed or not, unpacked as they are read."""
    with _guarded(path, "an .npz archive of numpy arrays"), zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if name.endswith(".npy")]
        found = {}
        for member in members:
            with archive.open(member) as stream:
                found[member.removesuffix(".npy")] = _npz_stored(path, member, *_header(stream))
    return found


def npy_arrays(path: Path) -> dict[str, Stored]:
    """The array of a .npy file, mapped into memory."""
    with _guarded(path, "a .npy file of numbers"):
        array = npy.open_memmap(path, mode="r")

    def read(first: int, end: int) -> Iterator[Array]:
        return (array[rows] for rows in chunks(first, end))

    return {path.stem: Stored(path, path.stem, array.shape, array.dtype.name, read)}


def safetensors_arrays(path: Path) -> dict[str, Stored]:
    """Tensors of a safetensors file, mapped into memory."""
    from safetensors import SafetensorError, safe_open

    def read(name: str, first: int, end: int) -> Iterator[Array]:
        with safe_open(path, "pt") as file:
            part = file.get_slice(name)
            for rows in chunks(first, end):
                tensor = part[rows]
                yield (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()

    found = {}
    try:
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - the file is no mapping
                part = file.get_slice(name)
                kind = SAFETENSORS_TYPES.get(part.get_dtype(), part.get_dtype())
                found[name] = Stored(path, name, tuple(part.get_shape()), kind, partial(read, name))
    except (OSError, SafetensorError) as error:
        raise unreadable(path, "a safetensors file", error) from error
    return found


READERS: dict[str, Callable[[Path], dict[str, Stored]]] = {
    ".parquet": parquet_arrays,
    ".npz": npz_arrays,
    ".npy": npy_arrays,
    ".safetensors": safetensors_arrays,
}


def _npz_stored(path: Path, member: str, shape: tuple[int, ...], by_columns: bool, dtype: np.dtype[Any]) -> Stored:
    name = member.removesuffix(".npy")

    def read(first: int, end: int) -> Iterator[Array]:
        if dtype.hasobject:
            raise InputError(f"{path}: {name} holds Python objects, which are not unpickled; numbers are wanted")
        with _guarded(path, "a whole .npz archive"), zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            if by_columns and len(shape) > 1:  # its rows lie scattered, so there is no streaming it
                array = npy.read_array(stream, allow_pickle=False)
                yield from (array[rows] for rows in chunks(first, end))
                return
            _header(stream)
            row_bytes = dtype.itemsize * int(np.prod(shape[1:]))
            stream.seek(first * row_bytes, 1)
            for rows in chunks(first, end):
                count = rows.stop - rows.start
                yield np.frombuffer(_exactly(stream, count * row_bytes), dtype).reshape(count, *shape[1:])

    return Stored(path, name, shape, dtype.name, read)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type of the array that follows."""
    version = npy.read_magic(stream)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"array format {version}")
    return read(stream)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError("array ends early")
    return data


@contextmanager
def _guarded(path: Path, form: str) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise unreadable(path, form, error) from error
