"""The tokens of parted documents on disk, and the signals beside them: same rows, same order, in several tables.

And how surprising each word is by its train frequency alone.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyhard.errors import InputError
from easyhard.signals.store import Paths, column_names, read_columns

FIT, SELECT, TEST = 0, 1, 2
COLUMNS = ("document", "sequence", "position", "loss", "part", "target_count")
SEED = re.compile(r"@\d+$")

Column = NDArray[Any]


@dataclass(frozen=True)
class TokenTable:
    """One entry a token, (tokens,) each; `part` is 0 fit, 1 select, 2 test; `target_count` is −1 where not known."""

    document: Column
    sequence: Column
    position: Column
    loss: Column
    part: Column
    target_count: Column

    def __len__(self) -> int:
        return len(self.loss)

    def rows(self, *parts: int) -> NDArray[np.int64]:
        """Row numbers of the tokens of these parts, ascending."""
        return np.flatnonzero(np.isin(self.part, parts))


def read_tokens(path: str | Path) -> TokenTable:
    """Read rows/documents.parquet. Raises InputError naming a file that is damaged or lacks a column."""
    return TokenTable(**read_columns(path, COLUMNS))


def read_parts(path: str | Path) -> Column:
    """Of rows/documents.parquet the part of each token alone, (tokens,): 0 fit, 1 select, 2 test. Raises InputError as
    `read_tokens` does."""
    return read_columns(path, ["part"])["part"]


@dataclass(frozen=True)
class StoredSignal:
    """A signal on disk: its name, its table, and its columns there, one for each seed that it was trained with."""

    name: str
    paths: Paths
    columns: tuple[str, ...]

    def read(self, rows: int) -> list[Column]:
        """Its columns, each (rows,). Raises InputError naming a damaged file, or one of another length."""
        return list(read_columns(self.paths, self.columns, rows=rows).values())


def stored_signals(tables: Iterable[Paths]) -> list[StoredSignal]:
    """Every signal of the tables, in their order; columns `name@0`, `name@1`, … are the seeds of one signal.

    Raises InputError naming a damaged file, or a signal that two tables hold.
    """
    found: dict[str, StoredSignal] = {}
    for paths in tables:
        by_name: dict[str, list[str]] = {}
        for column in column_names(paths):
            by_name.setdefault(SEED.sub("", column), []).append(column)
        for name, columns in by_name.items():
            if name in found:
                raise InputError(f"{paths}: signal {name!r} is in {found[name].paths} too; each once is wanted")
            found[name] = StoredSignal(name, paths, tuple(columns))
    return list(found.values())


def argmax_wrong(path: str | Path, signals: Iterable[StoredSignal], tokens: int) -> NDArray[np.bool_] | None:
    """Where the most probable word was not the target, (tokens,); None where that is not known.

    rows/documents.parquet, at `path`, says so for a run from elsewhere, otherwise the signals do.
    """
    if "argmax_wrong" in column_names(path):
        return read_columns(path, ["argmax_wrong"], rows=tokens)["argmax_wrong"] != 0
    known = {signal.name: signal for signal in signals}
    if not {"target_probability", "max_probability"} <= known.keys():
        return None
    target, largest = (known[name].read(tokens)[0] for name in ("target_probability", "max_probability"))
    wrong: NDArray[np.bool_] = target < largest  # of the same logits, so equal to the last bit where it is the target
    return wrong


def train_surprisal(counts: ArrayLike) -> NDArray[np.float64]:
    """−log((count + 1) / (total + V)) of every word (V,), nats, from its count in the train tokens (V,).

    Add-one smoothing (Laplace), so that words that training never saw get a number too, the highest.
    """
    known: NDArray[Any] = np.asarray(counts)
    surprisal: NDArray[np.float64] = np.log(known.sum(dtype=np.int64) + len(known)) - np.log(known + 1.0)
    return surprisal
