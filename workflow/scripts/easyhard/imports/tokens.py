"""The columns of fair/tokens.parquet, from the arrays of an imported file and from what is filled in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.imports.layout import Layout, lay_out
from easyhard.imports.stored import Array, Stored
from easyhard.imports.values import losses, whole_numbers

COUNTS = {  # whole numbers that may be given, and what each stands for
    "token": "a word's number",
    "target": "a word's number",
    "target_count": "how often training saw the target",
}
KNOWN = ("loss", "document", "sequence", "position", *COUNTS, "part", "argmax_wrong")
ANY_NUMBER = 2**31
UNKNOWN = -1


@dataclass(frozen=True)
class OwnTokens:
    """`columns` are those of fair/tokens.parquet, each (rows,), but for two.

    There is no `part`: the caller has it from `layout.part` or draws it from `document`. There is no `loss` where the
    file gives none. token, target and target_count are UNKNOWN throughout where they are not given. `argmax_wrong`
    (rows,) bool says where the model's first choice was wrong, or is None.
    """

    layout: Layout
    columns: dict[str, Array]
    argmax_wrong: NDArray[np.bool_] | None


def read_tokens(path: Path, found: Mapping[str, Stored], *, length: int, words: int = ANY_NUMBER) -> OwnTokens:
    """Read and check the arrays KNOWN that are among `found`; the first of `found` says how many rows there are.

    `path` is the file that errors about the layout name, `length` that of sequences (see `lay_out`), `words` the size
    of the vocabulary. Raises InputError naming array and row of what is wrong, both arrays if rows differ.
    """
    first = next(iter(found.values()))
    rows = first.shape[0]
    known = {name: found[name] for name in KNOWN if name in found}
    for array in known.values():
        if len(array.shape) != 1:
            raise InputError(f"{array.label} has shape {array.shape}; one value a token is wanted")
        if array.shape[0] != rows:
            raise InputError(f"{array.label} has {array.shape[0]} rows, {first.label} {rows}; one a token is wanted")
    read = {name: array.whole() for name, array in known.items()}
    layout = lay_out(path, rows, length, read)
    columns: dict[str, Array] = {
        "document": layout.document,
        "sequence": layout.sequence,
        "position": layout.position,
    }
    for name, meaning in COUNTS.items():
        end = ANY_NUMBER if name == "target_count" else words
        columns[name] = (
            whole_numbers(known[name].label, read[name], meaning, end)
            if name in known
            else np.full(rows, UNKNOWN, np.int32)
        )
    if "loss" in known:
        columns["loss"] = losses(known["loss"].label, read["loss"])
    wrong = None
    if "argmax_wrong" in known:
        wrong = whole_numbers(known["argmax_wrong"].label, read["argmax_wrong"], "0 or 1", 2) == 1
    return OwnTokens(layout, columns, wrong)
