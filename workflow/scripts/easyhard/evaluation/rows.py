"""Figures as tidy rows, and their Parquet file: one row a figure."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from easyhard.errors import InputError
from easyhard.parquet import read_parquet, write_parquet

SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("protocol", "section", "item", "metric")]
    + [(name, pa.float64()) for name in ("value", "ci_low", "ci_high")]
)


@dataclass(frozen=True)
class Row:
    """One figure, `section`/`item`/`metric`, with its 95 % interval; None where it is undefined or has none."""

    section: str
    item: str
    metric: str
    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None


def make_rows(section: str, item: str, figures: Mapping[str, float]) -> list[Row]:
    """Return one row a figure of `figures` (metric → value); a value that is not finite becomes None: undefined.

    >>> make_rows("separation", "margin", {"loss_diff": 0.5, "pearson": float("nan")})[1].value is None
    True
    """
    return [
        Row(section, item, metric, float(value) if math.isfinite(value) else None) for metric, value in figures.items()
    ]


def write_rows(path: str | Path, rows: Iterable[Row], protocol: str) -> None:
    """Write the rows of one protocol, in their order. Raises ValueError when a figure is there twice."""
    records = [{"protocol": protocol} | vars(row) for row in rows]
    count = Counter(f"{record['section']}/{record['item']}/{record['metric']}" for record in records)
    for name, times in count.items():
        if times > 1:
            raise ValueError(f"{path}: {name} is there {times} times; each figure once is wanted")
    write_parquet(path, pa.Table.from_pylist(records, schema=SCHEMA))


def read_rows(path: str | Path) -> dict[str, list[Row]]:
    """Read the rows of a file of figures, by protocol; columns besides those of `SCHEMA` are passed over.

    Raises InputError naming a file that is missing, truncated, not Parquet or not of this form.
    """
    try:
        table = read_parquet(path, SCHEMA.names).cast(SCHEMA)
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path}: not a file of figures ({reason}); columns {', '.join(SCHEMA.names)} are wanted"
        ) from error
    rows: dict[str, list[Row]] = {}
    for record in table.to_pylist():
        rows.setdefault(record.pop("protocol"), []).append(Row(**record))
    return rows
