"""The training curve: one point an epoch, on disk as Parquet. No torch, so that plots can read it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pyarrow as pa

from easyhard.errors import InputError
from easyhard.parquet import read_parquet, write_parquet


@dataclass(frozen=True)
class Epoch:
    """One point of the training curve; losses are means per token in nats, seconds are of this epoch."""

    epoch: int
    train_loss: float
    validation_loss: float
    seconds: float


def best_epoch(curve: Sequence[Epoch]) -> Epoch:
    """The epoch with the lowest validation loss, the first of equals."""
    return min(curve, key=lambda point: point.validation_loss)


def write_curve(path: str | Path, curve: Sequence[Epoch]) -> None:
    """Write one row an epoch, whole or not at all."""
    write_parquet(path, pa.Table.from_pylist([asdict(point) for point in curve]))


def read_curve(path: str | Path) -> list[Epoch]:
    """Read what `write_curve` wrote. Raises InputError naming a truncated or foreign file."""
    table = read_parquet(path, [field.name for field in fields(Epoch)])
    if not table.num_rows:
        raise InputError(f"{path}: a training curve without an epoch; at least one is wanted")
    return [Epoch(**record) for record in table.to_pylist()]
