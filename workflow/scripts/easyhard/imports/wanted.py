"""Which rows there are: sequences laid flat, and rows without a target, padding among them, left out."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.imports.readers import Array, Stored, as_numbers, flat, in_memory

logger = logging.getLogger("easyhard")

OF_SEQUENCES: Final = ("document", "part")  # which may be given once a sequence

Found = dict[str, Stored]
Grid = tuple[int, int]
"""Sequences, and the length of each, padding included."""


@dataclass(frozen=True)
class Wanted:
    """The rows that there are, (all rows,), how many are left out for which reason, and whether documents are told."""

    rows: NDArray[np.bool_]
    left_out: Mapping[str, int]
    documents_known: bool

    @property
    def all(self) -> bool:
        """Whether none is left out."""
        return bool(self.rows.all())

    def summary(self) -> dict[str, Any]:
        """How many rows were read, how many of them were left out, and whether documents are told."""
        left_out = int((~self.rows).sum())
        return {"rows": len(self.rows), "left_out": left_out, "documents_known": self.documents_known}


def grid_of(found: Mapping[str, Stored]) -> Grid | None:
    """Sequences and length, where `hidden` is (sequences, length, …, dim); None where it is (tokens, …, dim).

    The target tells, or without one the loss, which is (sequences, length), or flat, or else (tokens,). Raises
    InputError where neither fits.
    """
    hidden, values = found["hidden"], found.get("target", found.get("loss"))
    if values is None or len(hidden.shape) < 3:
        return None
    sequences, length = hidden.shape[:2]
    if values.shape in ((sequences, length), (sequences * length,)) and length > 1:
        return sequences, length
    if len(values.shape) == 1:
        return None
    hint = ""
    if values.shape == (sequences, length - 1):
        hint = ", so hidden[:, :-1] may be it"
    raise InputError(
        f"{values.label} has shape {values.shape}, {hidden.label} {hidden.shape}{hint}; (sequences, length) and "
        "(sequences, length, dim), or (tokens,) and (tokens, exits, dim), are wanted"
    )


def laid_flat(found: Mapping[str, Stored], grid: Grid) -> Found:
    """Arrays (sequences, length, …) as (sequences · length, …), the values of OF_SEQUENCES once a token.

    Where a token's sequence and position are not given, they are its place in the arrays.
    """
    sequences, length = grid
    own: Found = {}
    for name, array in found.items():
        own[name] = array
        if array.shape[:2] == grid and name not in ("head", "head_bias"):
            own[name] = flat(array)
        elif name in OF_SEQUENCES and array.shape == (sequences,):
            own[name] = in_memory(array.path, array.name, np.repeat(array.whole(), length))
    path = found["hidden"].path
    own.setdefault("sequence", in_memory(path, "sequence", np.repeat(np.arange(sequences), length)))
    own.setdefault("position", in_memory(path, "position", np.tile(np.arange(length), sequences)))
    return own


def wanted_rows(found: Mapping[str, Stored], rows: int, grid: Grid | None, ignored: int | None) -> Wanted:
    """The rows whose target is not `ignored`, and that `mask` (rows,) and `lengths` (sequences,) have.

    Raises InputError naming what is no mask or no length, and where no row is left.
    """
    tests: dict[str, NDArray[np.bool_]] = {}
    if "target" in found and ignored is not None and found["target"].shape == (rows,):
        tests[f"target {ignored}"] = as_numbers(found["target"]).whole() != ignored
    if "mask" in found:
        tests["mask"] = _mask(found["mask"], rows)
    if "lengths" in found:
        tests["lengths"] = _within(found["lengths"], grid)
    wanted = np.ones(rows, np.bool_)
    left_out: dict[str, int] = {}
    for reason, kept in tests.items():
        left_out[reason] = int((wanted & ~kept).sum())
        wanted &= kept
    path = next(iter(found.values())).path
    said = ", ".join(f"{count} by {reason}" for reason, count in left_out.items() if count)
    if not wanted.any():
        raise InputError(f"{path}: all {rows} rows are left out ({said}); at least one with a target is wanted")
    if said:
        logger.info("%s: of %d rows left out: %s", path, rows, said)
    return Wanted(wanted, left_out, "document" in found)


def _mask(array: Stored, rows: int) -> NDArray[np.bool_]:
    if array.shape != (rows,):
        raise InputError(f"{array.label} has shape {array.shape}; {rows} values, one a token, are wanted")
    values = as_numbers(array).whole()
    for row in np.flatnonzero(~np.isin(values, (0, 1)))[:1]:
        raise InputError(f"{array.label} is {values[row]} in row {row}; 1 for a token, 0 for padding, is wanted")
    return values == 1


def _within(array: Stored, grid: Grid | None) -> NDArray[np.bool_]:
    if grid is None or array.shape != grid[:1]:
        wanted = "hidden (sequences, length, dim)" if grid is None else f"{grid[0]} lengths, one a sequence,"
        raise InputError(f"{array.label} has shape {array.shape}; {wanted} is wanted beside it")
    lengths: Array = as_numbers(array).whole()
    for row in np.flatnonzero(~np.isin(lengths, np.arange(grid[1] + 1)))[:1]:
        raise InputError(
            f"{array.label} is {lengths[row]} in row {row}; tokens of a sequence, from 0 to {grid[1]}, are wanted"
        )
    return (np.arange(grid[1]) < lengths[:, None]).ravel()
