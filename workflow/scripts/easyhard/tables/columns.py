"""Columns of Arrow as numpy: which types are numbers, which are text, and what becomes of each.

One entry of CONVERSIONS a kind of type. A type that is in none is no column of ours: reading it raises.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from easyhard.errors import InputError

Array = NDArray[Any]

FLOATS: Final = {pa.float16(): "float16", pa.float32(): "float32", pa.float64(): "float64"}
NUMBER, TEXT, OTHER = "number", "text", "other"
TRUTH: Final = {"true": "1", "false": "0"}  # as numbers, whatever the letters' case
UNITS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}  # in seconds


@dataclass(frozen=True)
class Conversion:
    """What becomes of the types that it `takes`: numbers or text (`kind`), by `convert` of a column without nulls."""

    takes: Callable[[pa.DataType], bool]
    kind: str
    convert: Callable[[pa.Array], Array]


def _plain(column: pa.Array) -> Array:
    return column.to_numpy(zero_copy_only=False)


def _double(column: pa.Array) -> Array:
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False)


def _seconds(column: pa.Array) -> Array:
    return column.cast(pa.int64()).to_numpy(zero_copy_only=False) * UNITS[column.type.unit]


def _text(column: pa.Array) -> Array:
    """Python strings, one object a different text and not one a row."""
    encoded = column.cast(pa.large_string()).dictionary_encode()
    return np.array(encoded.dictionary.to_pylist(), dtype=object)[encoded.indices.to_numpy()]


def _any_of(*tests: Callable[[pa.DataType], bool]) -> Callable[[pa.DataType], bool]:
    return lambda kind: any(test(kind) for test in tests)


is_text = _any_of(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
is_bytes = _any_of(pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
is_list = _any_of(
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)

CONVERSIONS: Final = (
    Conversion(_any_of(pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating), NUMBER, _plain),
    Conversion(pa.types.is_decimal, NUMBER, _double),
    Conversion(pa.types.is_duration, NUMBER, _seconds),
    Conversion(_any_of(is_text, is_bytes), TEXT, _text),  # bytes: text of writers that do not mark it as such
)


def conversion_of(kind: pa.DataType) -> Conversion | None:
    """What becomes of values of an Arrow type; None for types that are neither numbers nor text."""
    return next((own for own in CONVERSIONS if own.takes(kind)), None)


def value_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values themselves, whatever they are packed in: extensions, dictionaries, runs."""
    if isinstance(kind, pa.BaseExtensionType):
        return value_type(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return value_type(kind.value_type)
    return kind


def kind_of(kind: pa.DataType) -> str:
    """NUMBER, TEXT or OTHER."""
    conversion = conversion_of(value_type(kind))
    return OTHER if conversion is None else conversion.kind


def type_name(kind: pa.DataType) -> str:
    """How errors call the values' type: numpy's name for floats, `text` for text, otherwise Arrow's."""
    kind = value_type(kind)
    return TEXT if is_text(kind) or is_bytes(kind) else FLOATS.get(kind, str(kind))


def to_numpy(label: str, row: int, column: pa.Array) -> Array:
    """A column as numpy, (rows,), or (rows, dim) of lists; text as Python strings. `row` is its first row's number.

    Durations are in seconds. Raises InputError naming `label` and row where a value is missing (null) or a list has
    another length than the one before it, and a type that is neither numbers nor text.
    """
    column = values_of(column)
    if column.null_count:
        first = row + _first(column.is_null())
        raise InputError(f"{label} has {column.null_count} nulls (first at row {first}); a value a row is wanted")
    if not is_list(column.type):
        return _converted(label, column)
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
    return _converted(label, values_of(numbers)).reshape(len(column), dim)


def text_numbers(values: Array) -> tuple[NDArray[np.float64], int | None]:
    """Text (rows,) of numbers, or of true and false, as numbers, and the place of the first that is neither; None if
    all are."""
    found = numbers_of(pl.Series(values, dtype=pl.String))
    bad = found.is_null().arg_true()
    return found.fill_null(float("nan")).to_numpy(), int(bad[0]) if len(bad) else None


def numbers_of(text: pl.Series) -> pl.Series:
    """The numbers that strings say, true and false being 1 and 0; null where one says none."""
    return text.str.strip_chars().str.to_lowercase().replace(TRUTH).cast(pl.Float64, strict=False)


def values_of(column: pa.Array) -> pa.Array:
    """The values themselves, whatever they are packed in."""
    if isinstance(column, pa.ExtensionArray):
        return values_of(column.storage)
    if pa.types.is_dictionary(column.type):
        return values_of(column.dictionary_decode())
    if pa.types.is_run_end_encoded(column.type):
        return values_of(pc.run_end_decode(column))
    return column


def _converted(label: str, column: pa.Array) -> Array:
    conversion = conversion_of(column.type)
    if conversion is None:
        raise InputError(f"{label} is of type {column.type}; numbers or text is wanted")
    try:
        return conversion.convert(column)
    except pa.ArrowException as error:
        raise InputError(f"{label} is of type {column.type} and no text ({error}); UTF-8 text is wanted") from error


def _first(where: pa.BooleanArray) -> int:
    """The place of the first True; −1 without one."""
    return int(pc.index(where, pa.scalar(True)).as_py())
