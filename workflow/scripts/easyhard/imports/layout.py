"""Which document, sequence and position each row of an imported file has, given or filled in."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.imports.stored import Array
from easyhard.imports.values import first_of_runs, labels, whole_numbers

logger = logging.getLogger("easyhard")

PARTS = ("fit", "select", "test")
LONGEST = 2**15  # tokens of a sequence: positions are int16


@dataclass(frozen=True)
class Layout:
    """Numbers from 0, in the order of the rows: `document` and `sequence` int32, `position` int16, all (rows,).

    `part` is (rows,) int8, an index into PARTS, or None where the input leaves the parts to be drawn.
    `sequences_are_documents` says that documents are not known and sequences stand in for them.
    """

    document: NDArray[np.int32]
    sequence: NDArray[np.int32]
    position: NDArray[np.int16]
    part: NDArray[np.int8] | None
    sequences_are_documents: bool


def lay_out(path: object, rows: int, length: int, given: Mapping[str, Array]) -> Layout:
    """Lay out `rows` rows by those of the columns document, sequence, position and part, each (rows,), that are given.

    A document is a stretch of rows with one value of `document`; a sequence is one with one value of `sequence` within
    a document. Without `sequence` a new one starts where `position` does not rise; without `position` too, after
    `length` rows of a document. Without `document` each sequence counts as one. A `position` that is not given counts
    from 0 in each sequence. Raises InputError naming `path`, column and row where a document or sequence comes back
    after another, where a part's documents are not whole or missing, and where there are fewer than three documents.
    """
    for name in ("document", "sequence"):
        if name in given:
            labels(f"{path}: {name}", given[name])
    by_document = first_of_runs(given["document"]) if "document" in given else np.arange(rows) == 0
    if "document" in given:
        _refuse_return(path, "document", given["document"], by_document, np.zeros(rows, np.int32))
    by_sequence = by_document | _sequence_starts(rows, length, given, by_document)
    if "sequence" in given:
        _refuse_return(path, "sequence", given["sequence"], by_sequence, _number(by_document))
    sequence = _number(by_sequence)
    document = _number(by_document) if "document" in given else sequence
    position = _positions(path, given, by_sequence)
    _require_documents(path, int(document[-1]) + 1, "document" in given)
    part = _parts(path, given["part"], document) if "part" in given else None
    logger.info("%s: %d tokens, %d sequences%s", path, rows, sequence[-1] + 1, _documents_in_words(document, given))
    return Layout(document, sequence, position, part, "document" not in given)


def _documents_in_words(document: NDArray[np.int32], given: Mapping[str, Array]) -> str:
    if "document" in given:
        return f", {document[-1] + 1} documents"
    return "; no column document, so each sequence stands in for one"


def _sequence_starts(rows: int, length: int, given: Mapping[str, Array], by_document: NDArray[np.bool_]) -> Array:
    if "sequence" in given:
        return first_of_runs(given["sequence"])
    if "position" in given:
        return np.concatenate([[True], given["position"][1:] <= given["position"][:-1]])
    return _since(by_document) % length == 0


def _positions(path: object, given: Mapping[str, Array], by_sequence: NDArray[np.bool_]) -> NDArray[np.int16]:
    if "position" not in given:
        return _counted_positions(path, by_sequence)
    label = f"{path}: position"
    position = whole_numbers(label, given["position"], "a token's place in its sequence", LONGEST)
    stuck = np.flatnonzero(~by_sequence[1:] & (position[1:] <= position[:-1]))
    if len(stuck):
        row = stuck[0] + 1
        raise InputError(f"{label} does not rise at row {row}, within a sequence; places in rising order are wanted")
    return position.astype(np.int16)


def _counted_positions(path: object, by_sequence: NDArray[np.bool_]) -> NDArray[np.int16]:
    position = _since(by_sequence)
    row = int(position.argmax())
    if position[row] >= LONGEST:
        raise InputError(
            f"{path}: the sequence that ends in row {row} has {position[row] + 1} rows; at most {LONGEST} are wanted"
        )
    return position.astype(np.int16)


def _parts(path: object, values: Array, document: NDArray[np.int32]) -> NDArray[np.int8]:
    part = np.full(len(values), -1, np.int8)
    for number, name in enumerate(PARTS):
        part[values == (name if values.dtype.kind in "OU" else number)] = number
    unknown = np.flatnonzero(part < 0)
    if len(unknown):
        row = unknown[0]
        raise InputError(f"{path}: part is {values[row]} in row {row}; {', '.join(PARTS)}, or 0, 1, 2, are wanted")
    torn = np.flatnonzero((part[1:] != part[:-1]) & (document[1:] == document[:-1]))
    if len(torn):
        raise InputError(f"{path}: part changes at row {torn[0] + 1}, within a document; whole documents are wanted")
    for number, name in enumerate(PARTS):
        if not (part == number).any():
            raise InputError(f"{path}: part has no row of {name}; each of {', '.join(PARTS)} is wanted")
    return part


def _refuse_return(
    path: object, name: str, values: Array, starts: NDArray[np.bool_], within: NDArray[np.int32]
) -> None:
    """Raise InputError where a value starts a second run, among rows of one number in `within`."""
    rows = np.flatnonzero(starts)
    _, codes = np.unique(values[rows], return_inverse=True)
    pairs = within[rows].astype(np.int64) * len(rows) + codes
    _, first = np.unique(pairs, return_index=True)
    again = np.setdiff1d(np.arange(len(rows)), first)
    if len(again):
        row = rows[again[0]]
        raise InputError(
            f"{path}: {name} {values[row]} comes back at row {row}, after another; rows of one {name} together, "
            "in the order of the text, are wanted"
        )


def _require_documents(path: object, documents: int, are_given: bool) -> None:
    if documents >= len(PARTS):
        return
    unit = "documents" if are_given else "sequences"
    advice = "; without the column document, sequences stand in" if are_given else ""
    raise InputError(
        f"{path}: {documents} {unit}; at least {len(PARTS)}, one each to {', '.join(PARTS)}, are wanted{advice}"
    )


def _number(starts: NDArray[np.bool_]) -> NDArray[np.int32]:
    return np.cumsum(starts, dtype=np.int32) - np.int32(1)


def _since(starts: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows since the last start."""
    rows = np.arange(len(starts))
    return rows - np.maximum.accumulate(np.where(starts, rows, 0))
