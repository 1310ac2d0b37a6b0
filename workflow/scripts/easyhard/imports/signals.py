"""Losses and signals from a Parquet file that another program wrote, one row a token."""

import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.imports.readers import Array, Stored, parquet_arrays, read_parquet_batches
from easyhard.imports.tokens import KNOWN, finite_float32, read_tokens
from easyhard.signals.tokens import SEED

logger = logging.getLogger("easyhard")

BATCH = 65_536  # rows of one row group of what is written
NUMBER = re.compile(r"bool|u?int\d+|float\d+")
UNFIT_FOR_A_TABLE = re.compile(r"[|`\n\r]|^\s*$")
ROW_LABELS = "__index_level_"  # as pandas writes them


def import_signals(given: Mapping[str, Any], *, length: int) -> tuple[dict[str, Array], list[str]]:
    """Read and check everything but the signals' values of the Parquet file `given["path"]`.

    Returns columns as `read_tokens` gives them, and the names of the signals' columns in the file's order: `probe@0`
    and `probe@1` are two seeds of one signal `probe`. Of KNOWN, `loss` (nats) is wanted and the others are read where
    they are there; `given["names"]` maps any of them to what the file calls it, or to None. Every other column of
    numbers is a signal, but for those in `leave_out`; `signals` are those of which the settings say more. `length` is
    that of the sequences that rows are cut into (see `lay_out`). Raises InputError naming file, column and row of what
    is missing or wrong, or a name that the file has not.
    """
    path = Path(given["path"])
    arrays = {array.name: array for array in parquet_arrays(path)}
    named = {key: name for key, name in given["names"].items() if name}
    for key, name in named.items():
        _require_names(f"names.{key}", [name], arrays, path)
    _require_names("leave_out", given["leave_out"], arrays, path)
    found = {key: arrays[named.get(key, key)] for key in KNOWN if named.get(key, key) in arrays}
    if "loss" not in found:
        raise InputError(
            f"{path}: has no column loss, only {', '.join(arrays)}; the loss of each token in nats is wanted, "
            "or its column's name as input.names.loss"
        )
    passed_over = {*KNOWN, *named.values(), *given["leave_out"]}
    columns = _signal_columns(path, {name: array for name, array in arrays.items() if name not in passed_over})
    _require_names("signals", given["signals"], dict.fromkeys(SEED.sub("", column) for column in columns), path)
    return read_tokens(path, found, length=length), columns


def signal_batches(path: str | Path, columns: Sequence[str]) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Stream the signals' columns of the file `path` as float32, at most BATCH rows at a time.

    Raises InputError naming file, column and row where a value is missing or not finite in float32.
    """
    row = 0
    for batch in read_parquet_batches(Path(path), columns, size=BATCH):
        yield {name: finite_float32(f"{path}: {name}", values, row) for name, values in batch.items()}
        row += len(batch[columns[0]])


def _signal_columns(path: Path, others: Mapping[str, Stored]) -> list[str]:
    columns = [
        name
        for name, array in others.items()
        if len(array.shape) == 1 and NUMBER.fullmatch(array.dtype) and not name.startswith(ROW_LABELS)
    ]
    passed_over = [name for name in others if name not in columns]
    if passed_over:
        logger.info("%s: left out, since no column of numbers: %s", path, ", ".join(passed_over))
    unfit = [name for name in columns if UNFIT_FOR_A_TABLE.search(name)]
    if unfit:
        raise InputError(f"{path}: column {unfit[0]!r}; a signal's name without line ends, | and ` is wanted")
    if not columns:
        raise InputError(f"{path}: has no signal; a column of numbers besides {', '.join(KNOWN)} is wanted")
    return columns


def _require_names(key: str, wanted: Collection[str], found: Collection[str], path: Path) -> None:
    for name in wanted:
        if name not in found:
            raise InputError(f"input.{key}: {name!r} is not in {path}; one of {', '.join(found)} is wanted")
