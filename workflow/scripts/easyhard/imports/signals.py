"""Losses and signals from a Parquet file that another program wrote, one row a token."""

import logging
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.imports.parquet import parquet_arrays, read_batches
from easyhard.imports.stored import Stored
from easyhard.imports.tokens import KNOWN, OwnTokens, read_tokens
from easyhard.imports.values import finite_float32

logger = logging.getLogger("easyhard")

BATCH = 65_536  # rows of one row group of what is written
NUMBER = re.compile(r"bool|u?int\d+|float\d+")
UNFIT_FOR_A_TABLE = re.compile(r"[|`\n\r]|^\s*$")
SEED = re.compile(r"@\d+$")


@dataclass(frozen=True)
class OwnSignals:
    """What a file of signals holds.

    `columns` are the signal columns in the file's order, `signals` their names without the seeds: columns `probe@0` and
    `probe@1` are two seeds of one signal `probe`.
    """

    path: Path
    tokens: OwnTokens
    columns: tuple[str, ...]
    signals: tuple[str, ...]


def import_signals(
    path: str | Path,
    *,
    length: int,
    names: Mapping[str, str | None],
    leave_out: Collection[str],
    declared: Collection[str],
) -> OwnSignals:
    """Read and check everything but the signals' values.

    Of KNOWN, `loss` (nats) is wanted and the others are read where they are there; `names` maps any of them to what the
    file calls it, or to None. Every other column of numbers is a signal, but for those in `leave_out`. `length` is that
    of the sequences that rows are cut into (see `lay_out`). `declared` are the signals of which the settings say more.
    Raises InputError naming file, column and row of what is missing or wrong, or a name that the file has not.
    """
    path = Path(path)
    arrays = parquet_arrays(path)
    named = {key: name for key, name in names.items() if name}
    for key, name in named.items():
        _require_names(f"names.{key}", [name], arrays, path)
    _require_names("leave_out", leave_out, arrays, path)
    found = {key: arrays[named.get(key, key)] for key in KNOWN if named.get(key, key) in arrays}
    if "loss" not in found:
        raise InputError(
            f"{path}: has no column loss, only {', '.join(arrays)}; the loss of each token in nats is wanted, "
            "or its column's name as input.names.loss"
        )
    others = {name: array for name, array in arrays.items() if name not in {*KNOWN, *named.values(), *leave_out}}
    columns = _signal_columns(path, others)
    signals = tuple(dict.fromkeys(SEED.sub("", column) for column in columns))
    _require_names("signals", declared, signals, path)
    return OwnSignals(path, read_tokens(path, found, length=length), columns, signals)


def signal_batches(own: OwnSignals) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Stream the signal columns as float32, in the file's order, at most BATCH rows at a time.

    Raises InputError naming file, column and row where a value is missing or not finite in float32.
    """
    row = 0
    for batch in read_batches(own.path, own.columns, size=BATCH):
        yield {name: finite_float32(f"{own.path}: {name}", values, row) for name, values in batch.items()}
        row += len(batch[own.columns[0]])


def _signal_columns(path: Path, others: Mapping[str, Stored]) -> tuple[str, ...]:
    columns = tuple(name for name, array in others.items() if _is_signal(array))
    passed_over = [name for name in others if name not in columns]
    if passed_over:
        logger.info("%s: left out, since no column of numbers: %s", path, ", ".join(passed_over))
    unfit = [name for name in columns if UNFIT_FOR_A_TABLE.search(name)]
    if unfit:
        raise InputError(f"{path}: column {unfit[0]!r}; a signal's name without line ends, | and ` is wanted")
    if not columns:
        raise InputError(f"{path}: has no signal; a column of numbers besides {', '.join(KNOWN)} is wanted")
    return columns


def _is_signal(array: Stored) -> bool:
    """A column of numbers, and not the row labels that pandas writes."""
    one_a_row = len(array.shape) == 1 and NUMBER.fullmatch(array.dtype) is not None
    return one_a_row and not array.name.startswith("__index_level_")


def _require_names(key: str, wanted: Collection[str], found: Collection[str], path: Path) -> None:
    for name in wanted:
        if name not in found:
            raise InputError(f"input.{key}: {name!r} is not in {path}; one of {', '.join(found)} is wanted")
