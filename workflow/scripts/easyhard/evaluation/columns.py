"""The columns that evaluation takes: one finite number a token."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyhard.errors import InputError

Column = NDArray[np.float64]
Rows = NDArray[np.int64]
"""Row numbers of tokens, ascending."""


def finite(name: str, values: ArrayLike) -> Column:
    """Return a column, (tokens,), as float64. Measures take columns that have been through here.

    Raises InputError naming a column with fewer than two tokens or with a value that is not finite.
    """
    column = np.asarray(values, dtype=np.float64)
    if len(column) < 2:
        raise InputError(f"{name}: {len(column)} tokens; at least two are wanted")
    bad = np.flatnonzero(~np.isfinite(column))
    if len(bad):
        raise InputError(
            f"{name}: {len(bad)} of {len(column)} values are not finite (first at row {bad[0]}); finite ones are wanted"
        )
    return column
