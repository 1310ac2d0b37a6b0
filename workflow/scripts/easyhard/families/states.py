"""The one loop over the hidden states of a shard: it yields, family by family, whatever signals are asked for."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import count_rows, read_batches
from easyhard.atomic import read_json, write_json
from easyhard.progress import Progress
from easyhard.signals.store import open_columns
from easyhard.signals.tokens import TEST, Column, read_parts

Tables = dict[str, dict[str, Column]]
"""Columns by the table that they belong to: `signals` and the like, a row a token, `words` a row a test token."""


@dataclass(frozen=True)
class Context:
    """What a family may read before the loop.

    `files` are the paths of the job's inputs by name, `settings` those of the family; `first` is the number of rows in
    the shards before, `part` the part of each row of this shard (rows,), None where rows are not parted. `head` (words,
    dim) lies on `device`, with `softcap` of its logits.
    """

    files: Mapping[str, Any]
    settings: Mapping[str, Any]
    head: Tensor
    softcap: float | None
    device: torch.device
    first: int
    part: NDArray[np.int8] | None
    rows: int


@dataclass(frozen=True)
class Batch:
    """Some rows of the shard: hidden states (rows, dim) and targets (rows,) on the device, and which rows they are."""

    hidden: Tensor
    target: Tensor
    rows: slice
    part: NDArray[np.int8] | None

    @property
    def test(self) -> NDArray[np.bool_]:
        """Which rows (rows,) are of the test part; none where rows are not parted."""
        if self.part is None:
            return np.zeros(len(self.hidden), dtype=bool)
        return self.part == TEST


@dataclass(frozen=True)
class Family:
    """A family of signals, opened for one shard: what it says of a batch, and, after all batches, of the shard."""

    say: Callable[[Batch], Tables]
    summary: Callable[[], dict[str, Any]] = dict


def open_families(wanted: Mapping[str, Mapping[str, Any]], context: Callable[..., Context]) -> list[Family]:
    """The families of these names, modules of this package, each with its settings."""
    return [import_module(f"easyhard.families.{name}").open_family(context(own)) for name, own in wanted.items()]


def parts_of_shard(files: Mapping[str, Any], shard: int) -> tuple[int, NDArray[np.int8] | None]:
    """How many rows lie before a shard, and the part of each of its rows; 0 and None where rows are not parted."""
    if not files.get("tokens"):
        return 0, None
    first = read_json(files["shards"])["first_rows"][shard]
    return first, read_parts(files["tokens"])[first : first + count_rows([files["activations"]])]


def run_pass(
    shard: str | Path,
    families: list[Family],
    outputs: Mapping[str, str],
    *,
    part: NDArray[np.int8] | None,
    device: torch.device,
    progress: Progress,
) -> None:
    """Read the states of a shard once and write what all families say of them.

    `outputs`: table name → Parquet file, and `summary` → JSON where families have one. A table that no batch has rows
    for is written without columns. Raises InputError naming the file that is damaged.
    """
    with ExitStack() as stack:
        tables = {name: stack.enter_context(open_columns(path)) for name, path in outputs.items() if name != "summary"}
        for batch in _batches(shard, part, device):
            found: Tables = {name: {} for name in tables}
            for family in families:
                for name, columns in family.say(batch).items():
                    found[name] |= columns
            for name, columns in found.items():
                if columns:
                    tables[name](columns)
            progress.update(batch.rows.stop)
    if "summary" in outputs:
        merged: dict[str, Any] = {}
        for family in families:
            merged |= family.summary()
        write_json(outputs["summary"], merged)


def _batches(shard: str | Path, part: NDArray[np.int8] | None, device: torch.device) -> Iterator[Batch]:
    row = 0
    for columns in prefetch(read_batches([shard], ["hidden", "target"])):
        rows = slice(row, row := row + len(columns["target"]))
        yield Batch(
            hidden=torch.tensor(columns["hidden"], device=device),
            target=torch.tensor(columns["target"], dtype=torch.int64, device=device),
            rows=rows,
            part=None if part is None else part[rows],
        )
