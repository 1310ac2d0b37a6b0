"""Parquet files of plain columns, one row a token: the form of every signal and prediction file.

A table lies in one file or in several, its shards in the order of their rows; readers take either.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.parquet import Writer, open_parquet, parquet_writer, read_parquet

Paths = str | Path | Sequence[str | Path]
"""A file, or the shards of a table in their order."""


def write_columns(path: str | Path, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write columns of equal length, each (rows,), as zstd Parquet; types are kept as given.

    Raises InputError when the file cannot be written.
    """
    write_batches(path, [columns])


@contextmanager
def open_columns(path: str | Path) -> Iterator[Callable[[Mapping[str, NDArray[Any]]], None]]:
    """A function that appends a batch of columns, each (rows,), as a row group, so that memory holds one batch.

    The first batch says which columns there are; without one, as for a shard without tokens, the file has none. It
    appears when the block ends well. Raises InputError when it cannot be written.
    """
    with ExitStack() as stack:
        writer: Writer | None = None

        def write(columns: Mapping[str, NDArray[Any]]) -> None:
            nonlocal writer
            table = pa.table({name: pa.array(np.ascontiguousarray(values)) for name, values in columns.items()})
            writer = writer or stack.enter_context(parquet_writer(path, table.schema))
            writer.write_table(table)

        yield write
        if writer is None:
            write({})


def write_batches(path: str | Path, batches: Iterable[Mapping[str, NDArray[Any]]]) -> None:
    """Write batches of the same columns as they come: what `open_columns` is given, one after another."""
    with open_columns(path) as write:
        for batch in batches:
            write(batch)


def shard_files(paths: Paths) -> list[str | Path]:
    """The files of a table, one or several."""
    return [paths] if isinstance(paths, str | Path) else list(paths)


def column_names(paths: Paths) -> list[str]:
    """The columns of a table, from its files' footers. Shards without rows may have none.

    Raises InputError naming a shard that is damaged or has other columns than the first.
    """
    held: dict[str | Path, list[str]] = {}
    for path in shard_files(paths):
        with open_parquet(path) as file:
            if file.metadata.num_rows:
                held[path] = list(file.schema_arrow.names)
    if not held:
        return []
    first, names = next(iter(held.items()))
    for path, own in held.items():
        if own != names:
            raise InputError(
                f"{path}: columns {', '.join(own)}, but {first}: {', '.join(names)}; delete the one that is from "
                "elsewhere and rerun"
            )
    return names


def read_batches(paths: Paths, names: Sequence[str], rows: int) -> Iterator[dict[str, NDArray[Any]]]:
    """Stream columns, `rows` rows at a time and the rest at the end, whatever the shards and their row groups.

    Tables of one length so give batches of the same tokens. Raises InputError as `read_columns` does.
    """
    waiting: list[dict[str, NDArray[Any]]] = []
    held = 0

    def join() -> dict[str, NDArray[Any]]:
        return {name: np.concatenate([part[name] for part in waiting]) for name in names}

    for path in shard_files(paths):
        if not _count(path):
            continue
        with open_parquet(path, names) as file:
            for batch in file.iter_batches(batch_size=rows, columns=list(names)):
                waiting.append({name: batch.column(name).to_numpy(zero_copy_only=False) for name in names})
                held += len(batch)
                while held >= rows:
                    whole = join()
                    yield {name: values[:rows] for name, values in whole.items()}
                    waiting, held = [{name: values[rows:] for name, values in whole.items()}], held - rows
    if held:
        yield join()


def read_columns(
    paths: Paths, names: Sequence[str] | None = None, *, rows: int | None = None
) -> dict[str, NDArray[Any]]:
    """Read columns, each (rows,), in the order of `names`; all of them in the table's order when `names` is None.

    `rows` is how many the table must have, where that is known. Raises InputError naming the file when it is missing,
    truncated, not Parquet, of another length, or lacks a column.
    """
    files = shard_files(paths)
    if len(files) > 1:
        names = column_names(files) if names is None else names
        files = [path for path in files if _count(path)] or files[:1]
    tables = [read_parquet(path, names) for path in files]
    found = sum(table.num_rows for table in tables)
    if rows is not None and found != rows:
        raise InputError(f"{files[0]}: {found} rows; {rows} are wanted, one a token; delete it and rerun")
    parts = [{name: table.column(name).to_numpy() for name in table.column_names} for table in tables]
    return parts[0] if len(parts) == 1 else {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _count(path: str | Path) -> int:
    with open_parquet(path) as file:
        return int(file.metadata.num_rows)
