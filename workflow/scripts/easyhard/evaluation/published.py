"""Beside each figure the one that the founding document prints, and the band that a faithful repeat stays in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from easyhard.errors import InputError
from easyhard.evaluation.rows import KEY, ROW_SCHEMA

TABLE_SCHEMA: Final = ROW_SCHEMA | dict.fromkeys(("published", "band_low", "band_high"), pl.Float64)
PUBLISHED_SCHEMA: Final = dict.fromkeys(KEY, pl.String) | {"value": pl.Float64, "place": pl.String}
BANDS_SCHEMA: Final = dict.fromkeys(KEY, pl.String) | {"low": pl.Float64, "high": pl.Float64, "place": pl.String}


def beside_published(table: pl.DataFrame, published: Path, bands: Path) -> pl.DataFrame:
    """Put beside each figure of the protocol `published` the published one and its band, from two CSV files.

    table: the columns of `ROW_SCHEMA`; returns those of `TABLE_SCHEMA`, rows in the same order.
    Raises InputError for a figure that is there twice, or a CSV file that is unreadable or has other columns.
    """
    _check_unique(table, ("protocol", *KEY), "metrics")
    values = _read_csv(published, PUBLISHED_SCHEMA).select(*KEY, published="value")
    reach = _read_csv(bands, BANDS_SCHEMA).select(*KEY, band_low="low", band_high="high")
    beside = values.join(reach, on=KEY, how="full", coalesce=True).with_columns(protocol=pl.lit("published"))
    joined = table.join(beside, on=["protocol", *KEY], how="left", maintain_order="left")
    return joined.select(list(TABLE_SCHEMA))


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
