"""Beside each figure the one that the founding document prints, and the band that a faithful repeat stays in."""

from pathlib import Path
from typing import Final

import polars as pl

from easyhard.evaluation.rows import KEY, ROW_SCHEMA

TABLE_SCHEMA: Final = ROW_SCHEMA | dict.fromkeys(("published", "band_low", "band_high"), pl.Float64)

OF_FAIR: Final = ("founding_exits", "saturation")
"""Sections of published figures that the protocol fair measures; all others are the protocol published's."""


def beside_published(table: pl.DataFrame, published: Path, bands: Path) -> pl.DataFrame:
    """Put beside each figure of the protocol `published`, and of OF_FAIR, the published one and its band,
    from two CSV files.

    table: the columns of `ROW_SCHEMA`; returns those of `TABLE_SCHEMA`, rows in the same order. The files have columns
    of KEY, and `value`, in the other file `low` and `high`. Polars raises where a figure is there twice.
    """
    values = _read_csv(published, published="value")
    reach = _read_csv(bands, band_low="low", band_high="high")
    protocol = pl.when(pl.col("section").is_in(OF_FAIR)).then(pl.lit("fair")).otherwise(pl.lit("published"))
    beside = values.join(reach, on=KEY, how="full", coalesce=True, validate="1:1").with_columns(protocol=protocol)
    joined = table.join(beside, on=["protocol", *KEY], how="left", maintain_order="left", validate="1:1")
    return joined.select(list(TABLE_SCHEMA))


def _read_csv(path: Path, **columns: str) -> pl.DataFrame:
    """KEY and some columns of numbers, by their new names."""
    schema = dict.fromkeys(KEY, pl.String) | dict.fromkeys(columns.values(), pl.Float64)
    return pl.read_csv(path, schema_overrides=schema).select(*KEY, **columns)
