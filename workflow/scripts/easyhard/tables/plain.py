"""Compressed files unpacked, and text of another encoding named, before any reader sees them."""

import atexit
import codecs
import tempfile
from functools import cache
from pathlib import Path
from shutil import copyfileobj
from typing import Final

import pyarrow as pa

from easyhard.errors import InputError
from easyhard.tables.guard import guarded

COMPRESSIONS: Final = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}  # as Arrow calls them
MARKS: Final = {  # of other encodings, the longer ones first, since UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "UTF-32 (little-endian)",
    codecs.BOM_UTF32_BE: "UTF-32 (big-endian)",
    codecs.BOM_UTF16_LE: "UTF-16 (little-endian)",
    codecs.BOM_UTF16_BE: "UTF-16 (big-endian)",
}
BLOCK = 2**20  # bytes


def inner_suffix(path: Path) -> str:
    """The suffix that says what a file is, in small letters: of scores.csv.gz it is .csv."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def unpacked(path: Path) -> Path:
    """The file itself, or what is in it if its name says that it is compressed, in a folder that this process removes.

    Raises InputError naming a file that is damaged or not compressed so.
    """
    compression = COMPRESSIONS.get(path.suffix.lower())
    if compression is None:
        return path
    plain = scratch_file(path)
    with (
        guarded(path, f"a whole file compressed by {compression}"),
        pa.input_stream(str(path), compression=compression) as source,
        plain.open("wb") as target,
    ):
        copyfileobj(source, target, BLOCK)
    return unpacked(plain.rename(plain.with_name(plain.name.removesuffix(path.suffix))))


def other_encoding(start: bytes) -> str | None:
    """The encoding, not UTF-8, that a text's first bytes name by a byte-order mark; None without one."""
    return next((name for mark, name in MARKS.items() if start.startswith(mark)), None)


def utf8_file(path: Path, named: Path) -> Path:
    """A text file without a byte-order mark: `path`, or a copy if it has UTF-8's.

    Raises InputError naming `named`, and the encoding where the mark is another's.
    """
    with guarded(named, "a text file"), path.open("rb") as file:
        start = file.read(len(codecs.BOM_UTF32_LE))
        if other := other_encoding(start):
            raise InputError(f"{named}: {other} by its byte-order mark; UTF-8 text is wanted")
        if not start.startswith(codecs.BOM_UTF8):
            return path
        file.seek(len(codecs.BOM_UTF8))
        copy = scratch_file(path)
        with copy.open("wb") as target:
            copyfileobj(file, target, BLOCK)
    return copy


def scratch_file(path: Path) -> Path:
    """A new path, with the name of `path`, in a folder that is removed when this process ends."""
    return Path(tempfile.mkdtemp(dir=_scratch())) / path.name


@cache
def _scratch() -> str:
    folder = tempfile.TemporaryDirectory(prefix="easyhard-")
    atexit.register(folder.cleanup)
    return folder.name
