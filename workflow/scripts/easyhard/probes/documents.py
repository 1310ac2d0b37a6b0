"""Parting the fit rows by document: nested subsets for the learning curve, folds for predictions out of fold."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError

Rows = NDArray[np.int64]


def nested_subsets(documents: NDArray[np.integer], rows: Rows, fractions: Sequence[float], seed: int) -> list[Rows]:
    """Return, for each fraction, whole documents that hold at least that share of `rows`, and no more than it takes.

    documents: (tokens,), the document of every token; rows: int64 indices of tokens. Documents are taken in one random
    order, so a smaller fraction's rows are among a larger one's; a fraction of 1 is all rows. Rows keep their order.
    Raises InputError on a fraction outside (0, 1] or no rows.
    """
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise InputError(f"fractions: {fraction}; a share above 0 and at most 1 is wanted")
    of_row, sizes = _numbered(documents, rows)
    order = np.random.default_rng(seed).permutation(len(sizes))
    place = np.empty(len(sizes), dtype=np.int64)
    place[order] = np.arange(len(sizes))  # of each document in the order
    held = np.cumsum(sizes[order])
    return [rows[place[of_row] <= np.searchsorted(held, fraction * len(rows))] for fraction in fractions]


def whole_documents(documents: NDArray[np.integer], rows: Rows, at_most: int, seed: int) -> Rows:
    """Return those of `rows` that lie in documents drawn by `seed`, about `at_most` of them: all, where they are fewer.

    documents: (tokens,); rows: int64 indices of tokens. Raises InputError on no rows.
    """
    return nested_subsets(documents, rows, [min(1.0, at_most / max(len(rows), 1))], seed)[0]


def document_folds(documents: NDArray[np.integer], rows: Rows, folds: int) -> list[Rows]:
    """Part `rows` into `folds` parts of whole documents and nearly equal size: the largest document goes first, each to
    the fold that holds least so far.

    documents: (tokens,); rows: int64 indices of tokens; each part keeps the rows' order. Raises InputError on fewer
    than two folds, or fewer documents than folds.
    """
    of_row, sizes = _numbered(documents, rows)
    if not 2 <= folds <= len(sizes):
        raise InputError(f"folds: {folds}; from 2 to the {len(sizes)} documents of the rows are wanted")
    fold, held = np.empty(len(sizes), dtype=np.int64), np.zeros(folds, dtype=np.int64)
    for document in np.argsort(-sizes, kind="stable"):
        fold[document] = held.argmin()
        held[fold[document]] += sizes[document]
    return [rows[fold[of_row] == number] for number in range(folds)]


def _numbered(documents: NDArray[np.integer], rows: Rows) -> tuple[Rows, Rows]:
    """The documents of the rows, numbered from 0, (rows,), and how many of the rows each has."""
    if not len(rows):
        raise InputError("rows: none; rows of at least one document are wanted")
    _, of_row, sizes = np.unique(documents[rows], return_inverse=True, return_counts=True)
    return of_row, sizes
