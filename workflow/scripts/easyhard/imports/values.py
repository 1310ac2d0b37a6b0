"""Checks of columns from elsewhere: each error names file, column and first bad row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.imports.stored import Array

LOWEST_LOSS = -1e-4  # nats; what rounding may leave of a loss of 0


def finite_float32(label: str, values: Array, first: int = 0) -> NDArray[np.float32]:
    """`values`, (rows,) or (rows, dim), as float32; `first` is the number of their first row.

    Raises InputError, naming `label` and the row, where one is not finite, or too large for float32.
    """
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    bad = ~np.isfinite(numbers)
    if bad.any():
        rows = bad.reshape(len(bad), -1).any(axis=1)
        row = first + int(np.flatnonzero(rows)[0])
        raise InputError(f"{label} is not finite in row {row}; finite numbers, at most 3.4e38, are wanted")
    return numbers


def losses(label: str, values: Array) -> NDArray[np.float32]:
    """Losses (rows,) in nats as float32, those between LOWEST_LOSS and 0 as 0.

    Raises InputError, naming `label` and the row, where one is not finite or below LOWEST_LOSS.
    """
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        raise InputError(f"{label} is {values.dtype} {values.shape}; one number a token, in nats, is wanted")
    numbers = finite_float32(label, values)
    negative = np.flatnonzero(numbers < LOWEST_LOSS)
    if len(negative):
        row = negative[0]
        raise InputError(f"{label} is {numbers[row]:g} in row {row}; a loss in nats, −log p, at least 0, is wanted")
    return np.maximum(numbers, np.float32(0))


def whole_numbers(label: str, values: Array, wanted: str, end: int = 2**31) -> NDArray[np.int32]:
    """`values` (rows,) as int32 from 0 to end − 1; whole floats and booleans are taken.

    Raises InputError, naming `label` and the row, at any other value; `wanted` says what the numbers stand for.
    """
    if values.ndim != 1 or values.dtype.kind not in "fiub":
        raise InputError(f"{label} is {values.dtype} {values.shape}; {wanted} is wanted")
    bad = np.flatnonzero(~((values >= 0) & (values < end) & (values == np.trunc(values))))
    if len(bad):
        raise InputError(f"{label} is {values[bad[0]]} in row {bad[0]}; {wanted}, from 0 to {end - 1}, is wanted")
    return values.astype(np.int32)


def labels(label: str, values: Array) -> Array:
    """`values` (rows,) that tell documents or sequences apart: whole numbers of any size, or text.

    Raises InputError naming `label` where they are anything else.
    """
    whole = values.dtype.kind in "iuOU" or (values.dtype.kind == "f" and bool((values == np.trunc(values)).all()))
    if values.ndim != 1 or not whole:
        raise InputError(f"{label} is {values.dtype} {values.shape}; one whole number or text a token is wanted")
    return values


def first_of_runs(values: Array) -> NDArray[Any]:
    """True where a value differs from the one before it, and in the first row: (rows,)."""
    return np.concatenate([[True], values[1:] != values[:-1]])
