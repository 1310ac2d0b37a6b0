"""The training curve: one point an epoch, on disk as Parquet. No torch, so that plots can read it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from easyhard.atomic import atomic_path
from easyhard.errors import InputError


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
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pylist([asdict(point) for point in curve]), temporary)


def read_curve(path: str | Path) -> list[Epoch]:
    """Read what `write_curve` wrote. Raises InputError naming a truncated or foreign file."""
    try:
        records = pq.read_table(path, columns=[field.name for field in fields(Epoch)]).to_pylist()
        return [Epoch(**record) for record in records]
    except (OSError, TypeError, pa.ArrowException) as error:
        raise InputError(
            f"{path}: not a readable training curve ({str(error).splitlines()[0]}); delete it and rerun"
        ) from error
