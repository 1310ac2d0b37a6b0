"""The table of all figures: gathered from the stages' parts, and looked up by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl

from easyhard.errors import InputError
from easyhard.parquet import read_parquet

KEY = ("section", "item", "metric")
PART_SCHEMA = {
    "protocol": pl.String,
    "section": pl.String,
    "item": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
}
TABLE_SCHEMA = PART_SCHEMA | {"published": pl.Float64, "band_low": pl.Float64, "band_high": pl.Float64}
PUBLISHED_SCHEMA = dict.fromkeys(KEY, pl.String) | {"value": pl.Float64, "place": pl.String}
BANDS_SCHEMA = dict.fromkeys(KEY, pl.String) | {"low": pl.Float64, "high": pl.Float64, "place": pl.String}


@dataclass(frozen=True)
class Figure:
    """One measured figure in its stored unit (nats, fractions 0..1, counts, seconds); None where there is none."""

    value: float | None
    ci_low: float | None
    ci_high: float | None
    published: float | None
    band_low: float | None
    band_high: float | None

    @property
    def banded(self) -> bool:
        """Whether a faithful run's band is known for this figure."""
        return self.band_low is not None or self.band_high is not None

    @property
    def outside(self) -> bool:
        """Whether the value leaves its band; False where there is no value or no band."""
        if self.value is None:
            return False
        below = self.band_low is not None and self.value < self.band_low
        above = self.band_high is not None and self.value > self.band_high
        return below or above


EMPTY = Figure(None, None, None, None, None, None)


class Figures:
    """All figures of one protocol, looked up as (section, item, metric).

    >>> figures = Figures(read_table(Path("metrics.parquet")))
    >>> figures.value("separation", "margin", "loss_diff")   # nats
    """

    def __init__(self, table: pl.DataFrame, protocol: str = "published") -> None:
        rows = table.filter(pl.col("protocol") == protocol)
        columns = [name for name in TABLE_SCHEMA if name not in KEY and name != "protocol"]
        self._figures: dict[tuple[str, str, str], Figure] = {
            (row["section"], row["item"], row["metric"]): Figure(**{name: row[name] for name in columns})
            for row in rows.iter_rows(named=True)
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

    def column(self, section: str, items: Sequence[str], metric: str) -> list[Figure]:
        """The metric of several items, empty for an item that lacks it. Raises InputError when no item has it."""
        if not any((section, item, metric) in self._figures for item in items):
            raise InputError(f"metrics: no figure {section}/{'|'.join(items)}/{metric}; the report needs it")
        return [self._figures.get((section, item, metric), EMPTY) for item in items]

    def has(self, section: str, item: str, metric: str) -> bool:
        """Whether there is such a row with a value in it."""
        found = self._figures.get((section, item, metric))
        return found is not None and found.value is not None

    def metrics(self, section: str, item: str) -> list[str]:
        """The item's metrics in the order of the table; none when the item is absent."""
        return [metric for name, own, metric in self._figures if (name, own) == (section, item)]

    def items(self, section: str) -> list[str]:
        """The section's items in the order of the table. Raises InputError when the section is absent."""
        found = list(dict.fromkeys(item for name, item, _ in self._figures if name == section))
        if not found:
            raise InputError(f"metrics: no section {section}; the report needs it")
        return found

    def banded(self) -> list[tuple[str, str, str]]:
        """The names of the figures with a value and a band, in the order of the table."""
        return [name for name, figure in self._figures.items() if figure.banded and figure.value is not None]


def gather(parts: Sequence[Path], published: Path, bands: Path) -> pl.DataFrame:
    """Stack the stages' figures and put beside each the published one and its band.

    Returns the columns of `TABLE_SCHEMA`, one row a figure, in the order of `parts`; NaN values become null.
    Only rows of the protocol `published` get a published figure and a band.
    Raises InputError for a file that is unreadable, has other columns, repeats a figure or holds an infinite value.
    """
    if not parts:
        raise InputError("metrics: no parts to gather; at least one file of figures is wanted")
    table = pl.concat([_read_part(Path(part)) for part in parts])
    _check_unique(table, ("protocol", *KEY), "metrics")
    beside = _read_published(published).join(_read_bands(bands), on=KEY, how="full", coalesce=True)
    joined = table.join(
        beside.with_columns(protocol=pl.lit("published")),
        on=["protocol", *KEY],
        how="left",
        maintain_order="left",
    )
    return joined.select(list(TABLE_SCHEMA))


def read_table(path: Path) -> pl.DataFrame:
    """Read a metrics.parquet written from `gather`. Raises InputError when it is another kind of file."""
    return _read_parquet(path, TABLE_SCHEMA)


def _read_part(path: Path) -> pl.DataFrame:
    part = _read_parquet(path, PART_SCHEMA).with_columns(pl.col("value", "ci_low", "ci_high").fill_nan(None))
    infinite = part.filter(pl.col("value").is_infinite())
    if infinite.height:
        name = "/".join(infinite.row(0, named=True)[key] for key in KEY)
        raise InputError(f"{path}: {name} is infinite; a finite value is wanted")
    return part


def _read_parquet(path: Path, schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    wanted = ", ".join(schema)
    table = cast(pl.DataFrame, pl.from_arrow(read_parquet(path)))
    if dict(table.schema) != schema:
        found = ", ".join(f"{name} {kind}" for name, kind in table.schema.items())
        raise InputError(f"{path}: has the columns {found}; wanted are {wanted}, names as string and values as float64")
    return table


def _read_published(path: Path) -> pl.DataFrame:
    table = _read_csv(path, PUBLISHED_SCHEMA)
    return table.select(*KEY, published="value")


def _read_bands(path: Path) -> pl.DataFrame:
    table = _read_csv(path, BANDS_SCHEMA)
    return table.select(*KEY, band_low="low", band_high="high")


def _read_csv(path: Path, schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    wanted = ",".join(schema)
    try:
        table = pl.read_csv(path, schema_overrides=schema)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not a readable CSV file ({reason}); the columns {wanted} are wanted") from error
    if table.columns != list(schema):
        raise InputError(f"{path}: has the columns {','.join(table.columns)}; wanted are {wanted}")
    _check_unique(table, KEY, str(path))
    return table


def _check_unique(table: pl.DataFrame, key: Sequence[str], where: str) -> None:
    repeated = table.filter(table.select(key).is_duplicated())
    if repeated.height:
        name = "/".join(repeated.select(key).row(0))
        raise InputError(f"{where}: {name} is there more than once; each figure once is wanted")
