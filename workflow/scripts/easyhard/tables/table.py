"""A table in one file or in several: its columns, and their rows in a stream, as numpy."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.tables.columns import (
    OTHER,
    TEXT,
    Array,
    is_list,
    kind_of,
    numbers_of,
    to_numpy,
    type_name,
    value_type,
    values_of,
)
from easyhard.tables.containers import CONTAINERS, Part, open_part
from easyhard.tables.files import Given, given_files, label_of, visible_files
from easyhard.tables.plain import inner_suffix

CHUNK = 8_192  # rows at a time
BESIDE: Final = ".json"  # what lies beside the parts of a table, where these are of another kind

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Column:
    """A column: the shape of all its rows, (rows,) or (rows, dim) of lists; its type's name; NUMBER, TEXT or OTHER."""

    shape: tuple[int, ...]
    dtype: str
    kind: str


@dataclass(frozen=True)
class Table:
    """A table: how errors call it, its columns, and its files in the order of their rows.

    `said` has for each part the columns that its folders name, as `part=fit/`. `wanted` (all rows,) says which rows
    there are; None: all of them.
    """

    label: str
    columns: Mapping[str, Column]
    parts: Sequence[Part]
    said: Sequence[Mapping[str, str]]
    wanted: Mask | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(part.rows for part in self.parts) if self.wanted is None else int(self.wanted.sum())

    def where(self, wanted: Mask) -> "Table":
        """The same table with the rows `wanted`, (rows,), alone: values of others may be missing. For a whole table."""
        rows = int(wanted.sum())
        columns = {name: replace(own, shape=(rows, *own.shape[1:])) for name, own in self.columns.items()}
        return replace(self, label=f"{self.label}, of the rows kept", columns=columns, wanted=wanted)

    def batches(
        self, names: Sequence[str], first: int = 0, end: int | None = None, size: int = CHUNK
    ) -> Iterator[dict[str, Array]]:
        """Stream rows first … end − 1 of the columns `names`, at most `size` rows at a time, as `to_numpy` has them.

        Raises InputError naming the file when it is damaged, and column and row as `to_numpy` does.
        """
        end = self.rows if end is None else end
        if self.wanted is None:
            for row, batch in self._arrow(names, first, end, size):
                yield {name: to_numpy(f"{self.label}: {name}", row, values) for name, values in batch.items()}
            return
        numbers = np.flatnonzero(self.wanted)
        for row, batch in self._arrow(names, int(numbers[first]), int(numbers[end - 1]) + 1, size):
            kept = self.wanted[row : row + len(next(iter(batch.values())))]
            if kept.any():
                mask, before = pa.array(kept), int(np.searchsorted(numbers, row))
                yield {
                    name: to_numpy(f"{self.label}: {name}", before, pc.filter(values, mask))
                    for name, values in batch.items()
                }

    def number_shares(self, names: Sequence[str]) -> dict[str, float]:
        """The share of numbers among the values of columns of text, 0 … 1, missing ones aside."""
        counts = {name: np.zeros(2) for name in names}
        for _, batch in self._arrow(names, 0, sum(part.rows for part in self.parts), CHUNK) if names else ():
            for name, values in batch.items():
                text = pl.Series(values_of(values).cast(pa.large_string())).drop_nulls()
                counts[name] += np.array([len(numbers_of(text).drop_nulls()), len(text)])
        return {name: float(numbers / max(values, 1)) for name, (numbers, values) in counts.items()}

    def _arrow(
        self, names: Sequence[str], first: int, end: int, size: int
    ) -> Iterator[tuple[int, dict[str, pa.Array]]]:
        """The number of a batch's first row in all files, and its columns."""
        row = 0
        for part, said in zip(self.parts, self.said, strict=True):
            start, stop, at = max(first - row, 0), min(end - row, part.rows), max(first, row)
            if start < stop:
                own = [name for name in names if name not in said]
                for batch in part.read(own or part.schema.names[:1], start, stop, size):
                    constant = {name: pa.array([said[name]] * len(batch)) for name in names if name in said}
                    yield at, {name: constant[name] if name in said else batch.column(name) for name in names}
                    at += len(batch)
            row += part.rows


def is_table(path: Path) -> bool:
    """Whether a file's name is that of a table."""
    return inner_suffix(path) in CONTAINERS


def open_table(given: Given) -> Table:
    """Open a table that lies in a file, a folder of parts, what a pattern matches, or a list of these.

    Raises InputError naming what is missing or damaged, what has no rows, and files whose columns differ.
    """
    label = label_of(given)
    parts = [open_part(file, inner_suffix(file)) for file in _tables(given)]
    parts = [part for part in parts if part.rows]
    if not parts:
        raise InputError(f"{label}: has no rows; at least one is wanted")
    for part in parts[1:]:
        _require_same(parts[0], part)
    said = _said_by_folders(parts)
    rows = sum(part.rows for part in parts)
    columns = {name: _column(_telling(parts, name), name, rows) for name in parts[0].schema.names}
    return Table(label, columns | {name: Column((rows,), TEXT, TEXT) for name in said[0]}, parts, said)


def _tables(given: Given) -> list[Path]:
    """The files of `given_files` that are tables; of a folder, what lies beside them is passed over."""
    if not isinstance(given, str | Path):
        return [file for one in given for file in _tables(one)]
    folder = Path(given).expanduser()
    files = given_files(given)
    if folder.is_dir():
        files = [file for file in visible_files(folder) if is_table(file)] or files
        parts = [file for file in files if inner_suffix(file) != BESIDE]
        files = parts or files
    for file in files:
        if not is_table(file):
            raise InputError(f"{file}: no known kind of table; one that ends in {', '.join(CONTAINERS)} is wanted")
    kinds = {CONTAINERS[inner_suffix(file)]: inner_suffix(file) for file in files}
    if len(kinds) > 1:
        found = sorted(kinds.values())
        raise InputError(f"{given}: files of {', '.join(found)}; one kind, or a pattern as *{found[0]}, is wanted")
    return files


def _telling(parts: Sequence[Part], name: str) -> Part:
    """The first part that has a value in a column, and so says its type."""
    return next((part for part in parts if not pa.types.is_null(part.schema.field(name).type)), parts[0])


def _column(part: Part, name: str, rows: int) -> Column:
    kind = value_type(part.schema.field(name).type)
    if not is_list(kind):
        return Column((rows,), type_name(kind), kind_of(kind))
    (batch,) = part.read([name], 0, 1, 1)
    length = pc.list_value_length(values_of(batch.column(name)))[0].as_py()
    return Column((rows, length or 0), type_name(kind.value_type), OTHER)


def _require_same(first: Part, part: Part) -> None:
    """Raise InputError where two files of a table differ in their columns, or in which of them hold numbers."""
    ours, theirs = first.schema, part.schema
    if set(ours.names) != set(theirs.names):
        raise InputError(
            f"{part.path}: columns {', '.join(theirs.names)}, but {first.path}: {', '.join(ours.names)}; "
            "files of one table are wanted"
        )
    for name in ours.names:
        kinds = [schema.field(name).type for schema in (ours, theirs)]
        if not any(map(pa.types.is_null, kinds)) and kind_of(kinds[0]) != kind_of(kinds[1]):
            raise InputError(
                f"{part.path}: {name} is of type {type_name(kinds[1])}, but in {first.path} {type_name(kinds[0])}; "
                "files of one table are wanted"
            )


def _said_by_folders(parts: Sequence[Part]) -> list[dict[str, str]]:
    """For each part the columns that folders called name=value say of it, where they tell parts apart.

    So Spark, DuckDB and others write tables that are parted by a column, without that column.
    """
    pieces = [[piece.partition("=") for piece in part.path.parts[:-1]] for part in parts]
    said = [{name: unquote(value) for name, equals, value in own if equals} for own in pieces]
    apart = [
        name
        for name in said[0]
        if name not in parts[0].schema.names and len({own.get(name) for own in said} - {None}) > 1
    ]
    return [{name: own.get(name, "") for name in apart} for own in said]
