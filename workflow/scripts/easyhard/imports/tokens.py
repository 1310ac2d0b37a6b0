"""The columns of rows/documents.parquet, from the arrays of an imported file and from what is filled in.

Each error names file, column and first bad row.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.imports.readers import Array, Stored, as_numbers

logger = logging.getLogger("easyhard")

COUNTS = {  # whole numbers that may be given, and what each stands for
    "token": "a word's number",
    "target": "a word's number",
    "target_count": "how often training saw the target",
}
LABELS = ("document", "sequence", "part")  # which may be text
SIZES = {"bytes": "the bytes of the target's text", "characters": "the characters of the target's text"}
KNOWN = ("loss", "document", "sequence", "position", *COUNTS, "part", "argmax_wrong", *SIZES)
PARTS = ("fit", "select", "test")
ANY_NUMBER = 2**31
UNKNOWN = -1
LONGEST = 2**15  # tokens of a sequence: positions are int16
LOWEST_LOSS = -1e-4  # nats; what rounding may leave of a loss of 0


def read_tokens(
    path: Path | str, found: Mapping[str, Stored], *, length: int, words: int = ANY_NUMBER
) -> dict[str, Array]:
    """Read and check the arrays KNOWN that are among `found`; the first of `found` says how many rows there are.

    Returns the columns of rows/documents.parquet, each (rows,): token, target and target_count are UNKNOWN throughout
    where they are not given; loss (float32, one between LOWEST_LOSS and 0 as 0), part, SIZES and argmax_wrong (int8,
    where the model's first choice was wrong) are there only if they are given. `path` is the file that errors about the
    layout name, `length` that of sequences (see `lay_out`), `words` the size of the vocabulary. Raises InputError
    naming array and row of what is wrong, both arrays if rows differ.
    """
    check_rows(found)
    rows = next(iter(found.values())).shape[0]
    known = {name: found[name] for name in KNOWN if name in found}
    read = {name: (array if name in LABELS else as_numbers(array)).whole() for name, array in known.items()}
    columns = lay_out(path, rows, length, read)
    for name, meaning in COUNTS.items():
        columns[name] = np.full(rows, UNKNOWN, np.int32)
        if name in known:
            end = ANY_NUMBER if name == "target_count" else words
            hint = "; input.ignored_target is that of rows to leave out" if name == "target" else ""
            columns[name] = _whole_numbers(known[name].label, read[name], meaning, end, hint)
    if "loss" in known:
        columns["loss"] = _losses(known["loss"].label, read["loss"])
    for name, meaning in SIZES.items():
        if name in known:
            columns[name] = _whole_numbers(known[name].label, read[name], meaning, ANY_NUMBER)
    if "argmax_wrong" in known:
        wrong = _whole_numbers(known["argmax_wrong"].label, read["argmax_wrong"], "0 or 1", 2)
        columns["argmax_wrong"] = wrong.astype(np.int8)
    return columns


def check_rows(found: Mapping[str, Stored]) -> None:
    """Raise InputError where one of the arrays KNOWN has not one value for each row of the first of `found`."""
    first = next(iter(found.values()))
    for array in (found[name] for name in KNOWN if name in found):
        if len(array.shape) != 1:
            raise InputError(f"{array.label} has shape {array.shape}; one value a token is wanted")
        if array.shape[0] != first.shape[0]:
            raise InputError(
                f"{array.label} has {array.shape[0]} rows, {first.label} {first.shape[0]}; one a token is wanted"
            )
        if array.dtype.startswith("duration"):
            raise InputError(f"{array.label} is of type {array.dtype}; numbers or text is wanted")


def lay_out(path: object, rows: int, length: int, given: Mapping[str, Array]) -> dict[str, Array]:
    """Lay out `rows` rows by those of the columns document, sequence, position and part, each (rows,), that are given.

    A document is a stretch of rows with one value of `document`; a sequence is one with one value of `sequence` within
    a document. Without `sequence` a new one starts where `position` does not rise; without `position` too, after
    `length` rows of a document. Without `document` each sequence counts as one. A `position` that is not given counts
    from 0 in each sequence. Returns columns of numbers from 0: `document` and `sequence` int32, `position` int16, and
    `part` int8, an index into PARTS, where it is given. Raises InputError where a document or sequence comes back after
    another, where a part's documents are not whole or missing, and where there are fewer than three sequences.
    """
    known = "document" in given
    by_document = np.arange(rows) == 0
    if known:
        by_document = _starts_of_runs(path, "document", given["document"], by_document)
    if "sequence" in given:
        by_sequence = _starts_of_runs(path, "sequence", given["sequence"], by_document)
    elif "position" in given:
        by_sequence = by_document | np.append(True, given["position"][1:] <= given["position"][:-1])
    else:
        by_sequence = _since(by_document) % length == 0
    sequence = _number(by_sequence)
    document = _number(by_document) if known else sequence
    columns: dict[str, Array] = {"document": document, "sequence": sequence}
    columns["position"] = _positions(path, given.get("position"), by_sequence)
    documents, sequences = int(document[-1]) + 1, int(sequence[-1]) + 1
    if sequences < len(PARTS):
        raise InputError(
            f"{path}: {sequences} sequences; at least {len(PARTS)}, one each to {', '.join(PARTS)}, are wanted"
        )
    if "part" in given:
        columns["part"] = _parts(path, given["part"], document)
    said = f", {documents} documents" if known else "; no column document, so each sequence stands in for one"
    logger.info("%s: %d tokens, %d sequences%s", path, rows, sequences, said)
    return columns


def finite_float32(label: str, values: Array, first: int = 0) -> NDArray[np.float32]:
    """`values`, (rows,) or (rows, dim), as float32; `first` is the number of their first row.

    Raises InputError, naming `label` and the row, where one is not finite, or too large for float32.
    """
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    bad = ~np.isfinite(numbers)
    if bad.any():
        row = first + int(np.nonzero(bad)[0][0])
        raise InputError(f"{label} is not finite in row {row}; finite numbers, at most 3.4e38, are wanted")
    return numbers


def _losses(label: str, values: Array) -> NDArray[np.float32]:
    if values.dtype.kind not in "fiu":
        raise InputError(f"{label} is {values.dtype} {values.shape}; one number a token, in nats, is wanted")
    numbers = finite_float32(label, values)
    for row in np.flatnonzero(numbers < LOWEST_LOSS)[:1]:
        raise InputError(f"{label} is {numbers[row]:g} in row {row}; a loss in nats, −log p, at least 0, is wanted")
    return np.maximum(numbers, np.float32(0))


def _whole_numbers(label: str, values: Array, wanted: str, end: int, hint: str = "") -> NDArray[np.int32]:
    """`values` (rows,) as int32 from 0 to end − 1; whole floats and booleans are taken. `wanted` says what they are,
    `hint` what may be done about others."""
    if values.dtype.kind not in "fiub":
        raise InputError(f"{label} is {values.dtype} {values.shape}; {wanted} is wanted")
    bad = ~((values >= 0) & (values < end) & (values == np.trunc(values)))
    for row in np.flatnonzero(bad)[:1]:
        raise InputError(f"{label} is {values[row]} in row {row}; {wanted}, from 0 to {end - 1}, is wanted{hint}")
    return values.astype(np.int32)


def _starts_of_runs(path: object, name: str, values: Array, within: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a run of one value starts, or one of the stretches that start at `within`, both (rows,).

    Values are whole numbers of any size, or text. Raises InputError where one starts a second run in one stretch.
    """
    whole = values.dtype.kind in "iuOU" or (values.dtype.kind == "f" and bool((values == np.trunc(values)).all()))
    if not whole:
        raise InputError(f"{path}: {name} is {values.dtype} {values.shape}; one whole number or text a token is wanted")
    starts = within | np.append(True, values[1:] != values[:-1])
    rows = np.flatnonzero(starts)
    _, codes = np.unique(values[rows], return_inverse=True)
    _, first = np.unique(_number(within)[rows].astype(np.int64) * len(rows) + codes, return_index=True)
    for row in rows[np.setdiff1d(np.arange(len(rows)), first)][:1]:
        raise InputError(
            f"{path}: {name} {values[row]} comes back at row {row}, after another; rows of one {name} together, "
            "in the order of the text, are wanted"
        )
    return starts


def _positions(path: object, given: Array | None, by_sequence: NDArray[np.bool_]) -> NDArray[np.int16]:
    if given is None:
        counted = _since(by_sequence)
        row = int(counted.argmax())
        if counted[row] >= LONGEST:
            raise InputError(
                f"{path}: the sequence that ends in row {row} has {counted[row] + 1} rows; at most {LONGEST} are wanted"
            )
        return counted.astype(np.int16)
    label = f"{path}: position"
    position = _whole_numbers(label, given, "a token's place in its sequence", LONGEST)
    for row in np.flatnonzero(~by_sequence[1:] & (position[1:] <= position[:-1]))[:1] + 1:
        raise InputError(f"{label} does not rise at row {row}, within a sequence; places in rising order are wanted")
    return position.astype(np.int16)


def _parts(path: object, values: Array, document: NDArray[np.int32]) -> NDArray[np.int8]:
    part = np.full(len(values), -1, np.int8)
    for number, name in enumerate(PARTS):
        part[np.isin(values, [name, str(number)] if values.dtype.kind in "OU" else [number])] = number
    for row in np.flatnonzero(part < 0)[:1]:
        raise InputError(f"{path}: part is {values[row]} in row {row}; {', '.join(PARTS)}, or 0, 1, 2, are wanted")
    for row in np.flatnonzero((part[1:] != part[:-1]) & (document[1:] == document[:-1]))[:1] + 1:
        raise InputError(f"{path}: part changes at row {row}, within a document; whole documents are wanted")
    for number, name in enumerate(PARTS):
        if not (part == number).any():
            raise InputError(f"{path}: part has no row of {name}; each of {', '.join(PARTS)} is wanted")
    return part


def _number(starts: NDArray[np.bool_]) -> NDArray[np.int32]:
    return np.cumsum(starts, dtype=np.int32) - np.int32(1)


def _since(starts: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows since the last start."""
    rows = np.arange(len(starts))
    return rows - np.maximum.accumulate(np.where(starts, rows, 0))
