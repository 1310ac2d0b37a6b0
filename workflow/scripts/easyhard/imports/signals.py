"""Losses and signals from a table that another program wrote, one row a token."""

import logging
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from easyhard.errors import InputError
from easyhard.imports.readers import Array, numbers_in, table_arrays
from easyhard.imports.tokens import KNOWN, check_rows, finite_float32, read_tokens
from easyhard.imports.wanted import Wanted, wanted_rows
from easyhard.signals.tokens import SEED
from easyhard.tables.columns import NUMBER, TEXT
from easyhard.tables.table import Table, open_table

logger = logging.getLogger("easyhard")

BATCH = 65_536  # rows of one row group of what is written
UNFIT_FOR_A_TABLE = re.compile(r"[|`\n\r]|^\s*$")
ROW_LABELS = re.compile(r"__index_level_.*|Unnamed: \d+|")  # as pandas writes them, into CSV without a name
MOSTLY: Final = 0.9
"""The share of numbers among a column of text from which on it counts as one of numbers, and other values as wrong."""


@dataclass(frozen=True)
class OwnSignals:
    """What the files hold: the signals' `columns` of `table` still on disk, `tokens` as `read_tokens` gives them."""

    table: Table
    columns: list[str]
    tokens: dict[str, Array]
    wanted: Wanted


def import_signals(given: Mapping[str, Any], *, length: int) -> OwnSignals:
    """Read and check everything but the signals' values of the table `given["path"]`, in one file or several.

    The signals' columns come in the files' order: `probe@0` and `probe@1` are two seeds of one signal `probe`. Of
    KNOWN, `loss` (nats) is wanted and the others are read where they are there; `given["names"]` maps any of them to
    what the file calls it, or to None. Every other column of numbers is a signal, text that says numbers among them,
    but for those in `leave_out`; `signals` are those of which the settings say more. Rows whose target is
    `ignored_target`, and those that the column mask has 0 for, are left out. `length` is that of the sequences
    that rows are cut into (see `lay_out`). Raises InputError naming file, column and row of what is missing or wrong,
    or a name that the file has not.
    """
    table = open_table(given["path"])
    arrays = table_arrays(table)
    named = {key: name for key, name in given["names"].items() if name}
    for key, name in named.items():
        _require_names(f"names.{key}", [name], table)
    _require_names("leave_out", given["leave_out"], table)
    found = {key: arrays[named.get(key, key)] for key in (*KNOWN, "mask") if named.get(key, key) in arrays}
    if "loss" not in found:
        raise InputError(
            f"{table.label}: has no column loss, only {', '.join(arrays)}; the loss of each token in nats is wanted, "
            "or its column's name as input.names.loss"
        )
    passed_over = {*KNOWN, "mask", *named.values(), *given["leave_out"]}
    columns = _signal_columns(table, [name for name in arrays if name not in passed_over])
    _require_names("signals", given["signals"], table, dict.fromkeys(SEED.sub("", column) for column in columns))
    check_rows(found)
    wanted = wanted_rows(found, table.rows, None, given.get("ignored_target"))
    if not wanted.all:
        table = table.where(wanted.rows)
        found = {key: table_arrays(table)[array.name] for key, array in found.items()}
    return OwnSignals(table, columns, read_tokens(table.label, found, length=length), wanted)


def signal_batches(own: OwnSignals) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Stream the signals' columns as float32, at most BATCH rows at a time.

    Raises InputError naming file, column and row where a value is missing, no number, or not finite in float32.
    """
    row = 0
    for batch in own.table.batches(own.columns, size=BATCH):
        yield {name: _numbers(f"{own.table.label}: {name}", values, row) for name, values in batch.items()}
        row += len(batch[own.columns[0]])


def _numbers(label: str, values: Array, row: int) -> NDArray[np.float32]:
    numbers = numbers_in(label, values, row, "a number, or its name in input.leave_out,")
    return finite_float32(label, numbers, row)


def _signal_columns(table: Table, others: Collection[str]) -> list[str]:
    labels = [name for name in others if ROW_LABELS.fullmatch(name)]
    shares = table.number_shares([name for name in others if table.columns[name].kind == TEXT])
    said = [name for name, share in shares.items() if share >= MOSTLY]
    numbers = [name for name in others if name in said or table.columns[name].kind == NUMBER]
    columns = [name for name in numbers if name not in labels]
    if passed_over := [name or "a column without a name" for name in others if name not in columns]:
        logger.info("%s: left out, since no column of numbers: %s", table.label, ", ".join(passed_over))
    unfit = [name for name in columns if UNFIT_FOR_A_TABLE.search(name)]
    if unfit:
        raise InputError(f"{table.label}: column {unfit[0]!r}; a signal's name without line ends, | and ` is wanted")
    if not columns:
        raise InputError(f"{table.label}: has no signal; a column of numbers besides {', '.join(KNOWN)} is wanted")
    return columns


def _require_names(key: str, wanted: Collection[str], table: Table, found: Collection[str] | None = None) -> None:
    found = table.columns if found is None else found
    for name in wanted:
        if name not in found:
            raise InputError(f"input.{key}: {name!r} is not in {table.label}; one of {', '.join(found)} is wanted")
