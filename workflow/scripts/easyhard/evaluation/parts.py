"""Fit, select and test: documents are dealt out whole, so nothing of a test document is known before the test."""

from collections.abc import Collection, Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyhard.errors import InputError
from easyhard.signals.fair import FIT, SELECT, TEST

PART_NAMES: Final = ("fit", "select", "test")


def assign_parts(
    documents: ArrayLike,
    tokens_per_document: ArrayLike,
    forced_fit: Collection[int],
    shares: Mapping[str, float],
    seed: int,
) -> NDArray[np.int8]:
    """Return the part of each document, (documents,): 0 fit, 1 select, 2 test.

    documents, tokens_per_document: (documents,), each document once. `shares` holds the shares of tokens wanted for
    `fit` and `select`; test gets the rest. Documents in `forced_fit`, those whose tokens chose the model's epoch, go to
    fit. The others come in random order, each to the part where most tokens are still wanted, but the last ones to
    parts that would have none. Raises InputError naming the argument that is wrong, or the part that is left without a
    document.
    """
    names, tokens = np.asarray(documents), np.asarray(tokens_per_document)
    _check_documents(names, tokens, forced_fit)
    wanted = tokens.sum() * _shares(shares)
    forced = np.isin(names, list(forced_fit))
    parts = np.full(len(names), FIT, dtype=np.int8)
    wanted[FIT] -= tokens[forced].sum()
    order = np.random.default_rng(seed).permutation(np.flatnonzero(~forced))
    empty = [part for part in (TEST, SELECT, FIT) if part != FIT or not forced.any()]
    for left, document in zip(range(len(order), 0, -1), order, strict=True):
        parts[document] = np.argmax(wanted) if left > len(empty) else empty[0]
        empty = [part for part in empty if part != parts[document]]
        wanted[parts[document]] -= tokens[document]
    for part, name in enumerate(PART_NAMES):
        if not np.any(parts == part):
            raise InputError(
                f"documents: {len(names)}, {int(forced.sum())} of them forced into fit, leave {name} without any; more "
                f"documents or a larger share for {name} are wanted"
            )
    return parts


def row_parts(document: ArrayLike, forced_fit: ArrayLike, *, fit: float, select: float, seed: int) -> NDArray[np.int8]:
    """Return the part of each row, (rows,), from its document, (rows,): `assign_parts` with the rows as tokens."""
    documents, tokens = np.unique(np.asarray(document), return_counts=True)
    forced = np.asarray(forced_fit).tolist()
    parts = assign_parts(documents, tokens, forced, {"fit": fit, "select": select}, seed)
    return parts_of_rows(documents, parts, document)


def parts_of_rows(documents: ArrayLike, parts: NDArray[np.int8], row_documents: ArrayLike) -> NDArray[np.int8]:
    """Return the part of each row, (rows,), from documents and their parts, (documents,), and each row's document.

    Raises InputError naming a row's document that has no part.
    """
    names, wanted = np.asarray(documents), np.asarray(row_documents)
    order = np.argsort(names, kind="stable")
    place = order[np.minimum(np.searchsorted(names, wanted, sorter=order), len(names) - 1)]
    unknown = np.flatnonzero(names[place] != wanted)
    if len(unknown):
        raise InputError(f"row_documents: document {wanted[unknown[0]]} is none of the {len(names)} with a part")
    return parts[place]


def _shares(shares: Mapping[str, float]) -> NDArray[np.float64]:
    fit, select = shares.get("fit", 0.0), shares.get("select", 0.0)
    if set(shares) != {"fit", "select"} or min(fit, select) <= 0 or fit + select >= 1:
        raise InputError(f"shares: {dict(shares)}; fit and select, both above 0 and below 1 together, are wanted")
    return np.array([fit, select, 1 - fit - select])


def _check_documents(names: NDArray[np.int64], tokens: NDArray[np.int64], forced_fit: Collection[int]) -> None:
    if names.shape != tokens.shape or names.ndim != 1:
        raise InputError(f"tokens_per_document: shape {tokens.shape}; one number a document, {names.shape}, is wanted")
    if len(np.unique(names)) < len(names):
        raise InputError(f"documents: {len(names) - len(np.unique(names))} are there again; each once is wanted")
    unknown = sorted(set(forced_fit) - set(names.tolist()))
    if unknown:
        raise InputError(f"forced_fit: {unknown[0]} is none of the {len(names)} documents")
