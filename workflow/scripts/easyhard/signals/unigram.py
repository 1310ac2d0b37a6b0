"""How surprising each word is by its train frequency alone."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyhard.errors import InputError


def train_surprisal(counts: ArrayLike) -> NDArray[np.float64]:
    """−log((count + 1) / (total + V)) of every word (V,), nats, from its count in the train tokens (V,).

    Add-one smoothing (Laplace), so that words that training never saw get a number too, the highest. Raises InputError
    when counts are not whole numbers from 0 up.
    """
    known: NDArray[Any] = np.asarray(counts)
    if known.ndim != 1 or not len(known) or not np.issubdtype(known.dtype, np.integer) or known.min() < 0:
        raise InputError(
            f"counts: {known.dtype} {known.shape}; whole numbers from 0 up, one a word of the vocabulary, are wanted"
        )
    surprisal: NDArray[np.float64] = np.log(known.sum(dtype=np.int64) + len(known)) - np.log(known + 1.0)
    return surprisal
