"""Figures as tidy rows: one row a figure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

KEY: Final = ("section", "item", "metric")
ROW_SCHEMA: Final = dict.fromkeys(("protocol", *KEY), pl.String) | dict.fromkeys(
    ("value", "ci_low", "ci_high"), pl.Float64
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
    """Return one row a figure of `figures` (metric → value); a value that is not finite becomes None: undefined."""
    return [
        Row(section, item, metric, float(value) if math.isfinite(value) else None) for metric, value in figures.items()
    ]


def rows_table(rows: Mapping[str, Sequence[Row]]) -> pl.DataFrame:
    """Return the rows of each protocol as one table with the columns of `ROW_SCHEMA`."""
    records = [(protocol, *vars(row).values()) for protocol, own in rows.items() for row in own]
    return pl.DataFrame(records, schema=ROW_SCHEMA, orient="row")
