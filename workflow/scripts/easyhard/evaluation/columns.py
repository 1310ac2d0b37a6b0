"""The columns that evaluation takes: one finite number a token, all of one length."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyhard.errors import InputError

Column = NDArray[np.float64]


def check_columns(columns: Mapping[str, ArrayLike]) -> list[Column]:
    """Return the columns, each (tokens,), as float64, in their order.

    Raises InputError naming the column that is not one-dimensional, differs in length from the first, has fewer than
    two tokens, or holds a value that is not finite.
    """
    checked = [_check(name, values) for name, values in columns.items()]
    first = next(iter(columns), "")
    for name, column in zip(columns, checked, strict=True):
        if len(column) != len(checked[0]):
            raise InputError(f"{name}: {len(column)} tokens; {len(checked[0])} are wanted, as many as {first} has")
    return checked


def _check(name: str, values: ArrayLike) -> Column:
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1:
        raise InputError(f"{name}: shape {column.shape}; one value a token, (tokens,), is wanted")
    if len(column) < 2:
        raise InputError(f"{name}: {len(column)} tokens; at least two are wanted")
    bad = np.flatnonzero(~np.isfinite(column))
    if len(bad):
        raise InputError(
            f"{name}: {len(bad)} of {len(column)} values are not finite (first at row {bad[0]}); finite ones are wanted"
        )
    return column
