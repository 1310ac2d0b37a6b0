"""Parting the fit rows by document: nested subsets for the learning curve, folds for predictions out of fold."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.signals.tokens import FIT, SELECT, TokenTable

Rows = NDArray[np.int64]


def nested_subsets(documents: NDArray[np.integer], rows: Rows, fractions: Sequence[float], seed: int) -> list[Rows]:
    """Return, for each fraction, whole documents that hold at least that share of `rows`, and no more than it takes.

    documents: (tokens,), the document of every token; rows: int64 indices of tokens. Documents are taken in one random
    order, so a smaller fraction's rows are among a larger one's; where all are, it is the array `rows` itself. Rows
    keep their order.
    """
    _, of_row, sizes = np.unique(documents[rows], return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    place = np.empty(len(sizes), dtype=np.int64)
    place[order] = np.arange(len(sizes))  # of each document in the order
    last = np.searchsorted(np.cumsum(sizes[order]), np.asarray(fractions) * len(rows))
    return [rows if number == len(sizes) - 1 else rows[place[of_row] <= number] for number in last]


def whole_documents(tokens: TokenTable, at_most: int, seed: int) -> tuple[Rows, Rows]:
    """Return the rows of fit and of select to learn from, each as `some_documents` gives them."""
    return some_documents(tokens, FIT, at_most, seed), some_documents(tokens, SELECT, at_most, seed)


def some_documents(tokens: TokenTable, part: int, at_most: int, seed: int) -> Rows:
    """Return the rows of a part's documents drawn by `seed`, about `at_most` rows; all, where they are fewer."""
    rows = tokens.rows(part)
    return nested_subsets(tokens.document, rows, [min(1.0, at_most / len(rows))], seed)[0]


def document_folds(documents: NDArray[np.integer], rows: Rows, folds: int) -> list[Rows]:
    """Part `rows` into `folds` parts of whole documents and nearly equal size: the largest document goes first, each to
    the fold that holds least so far.

    documents: (tokens,); rows: int64 indices of tokens; each part keeps the rows' order. Raises InputError on fewer
    than two folds, or fewer documents than folds.
    """
    _, of_row, sizes = np.unique(documents[rows], return_inverse=True, return_counts=True)
    if not 2 <= folds <= len(sizes):
        raise InputError(f"folds: {folds}; from 2 to the {len(sizes)} documents of the rows are wanted")
    fold, held = np.empty(len(sizes), dtype=np.int64), np.zeros(folds, dtype=np.int64)
    for document in np.argsort(-sizes, kind="stable"):
        fold[document] = held.argmin()
        held[fold[document]] += sizes[document]
    return [rows[fold[of_row] == number] for number in range(folds)]
