"""Groups of runs that differ in their seed: each figure's mean over the seeds, with its intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from easyhard.errors import InputError
from easyhard.evaluation.seeds import over_seeds
from easyhard.report.fair_items import main_label
from easyhard.report.metrics import KEY, PART_SCHEMA, TABLE_SCHEMA, Figures

PROTOCOL = "fair"
SPREAD = {"seeds": pl.Int64, "lowest": pl.Float64, "highest": pl.Float64, "documents_reach": pl.Float64}
COMPARISON_SCHEMA = {"group": pl.String} | PART_SCHEMA | SPREAD
"""ci_low and ci_high are the interval over seeds; documents_reach is half of a run's own interval, mean over runs."""


@dataclass(frozen=True)
class Group:
    """Runs of different seeds: the figures of each by its name, of all the means, and the reach of their intervals."""

    name: str
    runs: Mapping[str, Figures]
    mean: Figures
    documents_reach: Mapping[tuple[str, str, str], float | None]


def compare(groups: Mapping[str, Mapping[str, pl.DataFrame]]) -> pl.DataFrame:
    """The figures of protocol `fair` that all runs of a group have, group by group: columns of COMPARISON_SCHEMA.

    `groups` gives by the group's name its runs' tables by their names. Raises InputError where a group has no figures.
    """
    return pl.concat([_over_seeds(name, list(tables.values())) for name, tables in groups.items()])


def grouped(table: pl.DataFrame, groups: Mapping[str, Mapping[str, pl.DataFrame]]) -> list[Group]:
    """The groups as the report reads them; `table` is what `compare` made of `groups`.

    Raises InputError naming the runs when they do not all count the same losses as hard.
    """
    found = []
    for name, tables in groups.items():
        own = table.filter(pl.col("group") == name)
        reach = {
            (row["section"], row["item"], row["metric"]): row["documents_reach"] for row in own.iter_rows(named=True)
        }
        runs = {run: Figures(figures, PROTOCOL) for run, figures in tables.items()}
        means = own.with_columns(
            pl.lit(None, pl.Float64).alias(column) for column in set(TABLE_SCHEMA) - set(own.columns)
        )
        found.append(Group(name, runs, Figures(means.select(list(TABLE_SCHEMA)), PROTOCOL), reach))
    _check_one_label(found)
    return found


def _over_seeds(name: str, tables: list[pl.DataFrame]) -> pl.DataFrame:
    rows = pl.concat(table.filter(pl.col("protocol") == PROTOCOL) for table in tables).select(list(PART_SCHEMA))
    own = (
        rows.drop_nulls("value")
        .group_by("protocol", *KEY, maintain_order=True)
        .agg("value", ((pl.col("ci_high") - pl.col("ci_low")) / 2).mean().alias("documents_reach"))
        .filter(pl.col("value").list.len() == len(tables))
    )
    if not own.height:
        raise InputError(
            f"comparison: the runs of {name} have no figures of protocol fair in common; runs of one kind are wanted"
        )
    values = np.array(own["value"].to_list())
    over = over_seeds(values)
    return own.select(
        pl.lit(name).alias("group"),
        "protocol",
        *KEY,
        pl.Series("value", over.mean),
        pl.Series("ci_low", over.low).fill_nan(None),
        pl.Series("ci_high", over.high).fill_nan(None),
        pl.lit(len(tables), pl.Int64).alias("seeds"),
        pl.Series("lowest", values.min(axis=1)),
        pl.Series("highest", values.max(axis=1)),
        "documents_reach",
    )


def _check_one_label(groups: list[Group]) -> None:
    labels = {run: main_label(figures) for group in groups for run, figures in group.runs.items()}
    if len(set(labels.values())) > 1:
        told = ", ".join(f"{run} {label}" for run, label in labels.items())
        raise InputError(f"comparison: what counts as hard differs ({told}); one fair.main_threshold is wanted")
