"""The table of all figures, looked up by name."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl

from easyhard.errors import InputError
from easyhard.evaluation.published import TABLE_SCHEMA
from easyhard.parquet import read_parquet


@dataclass(frozen=True)
class Figure:
    """One measured figure in its stored unit (nats, fractions 0..1, counts, seconds); None where there is none."""

    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    published: float | None = None
    band_low: float | None = None
    band_high: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval; None where the figure has none."""
        return None if self.ci_low is None or self.ci_high is None else (self.ci_low, self.ci_high)

    @property
    def outside(self) -> bool:
        """Whether the value leaves the band of a faithful run; False where there is no value or no band."""
        low = -math.inf if self.band_low is None else self.band_low
        high = math.inf if self.band_high is None else self.band_high
        return self.value is not None and not low <= self.value <= high


class Figures:
    """All figures of one protocol, looked up as (section, item, metric); a table may lack what was published."""

    def __init__(self, table: pl.DataFrame, protocol: str) -> None:
        known = [column for column in TABLE_SCHEMA if column in table.columns]
        rows = table.filter(pl.col("protocol") == protocol).select(known)
        self._figures: dict[tuple[str, str, str], Figure] = {
            (section, item, metric): Figure(*values) for _, section, item, metric, *values in rows.iter_rows()
        }

    def figure(self, section: str, item: str, metric: str) -> Figure:
        """The figure of that name. Raises InputError naming it when the table does not have it."""
        try:
            return self._figures[section, item, metric]
        except KeyError:
            raise InputError(f"metrics: no figure {section}/{item}/{metric}; the report needs it") from None

    def value(self, section: str, item: str, metric: str) -> float | None:
        """The value in its stored unit, None where it is null. Raises InputError when there is no such row."""
        return self.figure(section, item, metric).value

    def get(self, section: str, item: str, metric: str) -> Figure:
        """The figure of that name, an empty one where the table has none."""
        return self._figures.get((section, item, metric), Figure())

    def number(self, section: str, item: str, metric: str) -> float:
        """The value; minus infinity where it is null or not there, so that it never is the highest."""
        value = self.get(section, item, metric).value
        return float("-inf") if value is None else value

    def has(self, section: str, item: str, metric: str) -> bool:
        """Whether there is such a row with a value in it."""
        return self.get(section, item, metric).value is not None

    def column(self, section: str, items: Sequence[str], metric: str) -> list[Figure]:
        """The metric of several items, empty for an item that lacks it. Raises InputError when no item has it."""
        if not any((section, item, metric) in self._figures for item in items):
            raise InputError(f"metrics: no figure {section}/…/{metric}; the report needs it")
        return [self.get(section, item, metric) for item in items]

    def metrics(self, section: str, item: str) -> list[str]:
        """The item's metrics in the order of the table; none when the item is absent."""
        return [metric for name, own, metric in self._figures if (name, own) == (section, item)]

    def has_section(self, section: str) -> bool:
        """Whether there is any figure in that section."""
        return any(name == section for name, _, _ in self._figures)

    def items(self, section: str) -> list[str]:
        """The section's items in the order of the table. Raises InputError when the section is absent."""
        if not self.has_section(section):
            raise InputError(f"metrics: no section {section}; the report needs it")
        return list(dict.fromkeys(item for name, item, _ in self._figures if name == section))

    def banded(self) -> list[tuple[str, str, str]]:
        """The names of the figures with a value and a band of a faithful run, in the order of the table."""
        found = self._figures.items()
        return [name for name, own in found if own.value is not None and {own.band_low, own.band_high} != {None}]


def read_table(path: Path) -> pl.DataFrame:
    """Read a metrics.parquet, with the columns of TABLE_SCHEMA. Raises InputError when it is another kind of file."""
    table = cast(pl.DataFrame, pl.from_arrow(read_parquet(path)))
    if dict(table.schema) != TABLE_SCHEMA:
        found = ", ".join(f"{name} {kind}" for name, kind in table.schema.items())
        raise InputError(f"{path}: has the columns {found}; wanted are {', '.join(TABLE_SCHEMA)}, as evaluate writes")
    return table
