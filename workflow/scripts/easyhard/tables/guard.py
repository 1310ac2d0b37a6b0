"""Files that turn out missing, truncated or of another form are named in one line."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa
from safetensors import SafetensorError

from easyhard.errors import InputError

DAMAGED = (
    *(OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error),
    *(pa.ArrowException, SafetensorError, pl.exceptions.PolarsError),
)


@contextmanager
def guarded(path: Path, form: str) -> Iterator[None]:
    """Raise an InputError that names `path` for what its reader raises; `form` is what is wanted."""
    try:
        yield
    except DAMAGED as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(f"{path}: cannot be read ({reason}); {form} is wanted") from error
