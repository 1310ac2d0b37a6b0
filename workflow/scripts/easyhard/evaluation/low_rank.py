"""What is left of the logits' statistics when the output head is cut to low rank."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from easyhard.errors import InputError
from easyhard.evaluation.columns import Column, check_columns
from easyhard.evaluation.correlation import pearson
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.separation import separation
from easyhard.signals.registry import find

SEPARATED_BY = "max_minus_mean"
SHOWN = ("easy_loss", "hard_loss", "loss_diff", "oracle_share")

Summary = Mapping[str, Mapping[str, Mapping[str, float]]]


def low_rank_rows(
    approximations: Mapping[str, ArrayLike], exact: Mapping[str, ArrayLike], loss: ArrayLike, summary: Summary
) -> list[Row]:
    """Return section `low_rank`: one item `kind/rank`, for each that `summary` lists.

    approximations: `kind/rank/metric` → (tokens,); exact: metric → (tokens,); loss: (tokens,) nats; summary: kind →
    rank → {coverage, logits_pearson, seconds}. Each metric is held against the exact one; tokens are split by the
    low-rank max − mean. Raises InputError naming a missing column or one that `check_columns` refuses.
    """
    checked_loss, *columns = check_columns({"loss": loss, **exact})
    checked_exact = dict(zip(exact, columns, strict=True))
    rows = []
    for kind, ranks in summary.items():
        for rank, costs in ranks.items():
            item = f"{kind}/{rank}"
            approximate = _columns_of(item, approximations, len(checked_loss))
            rows += make_rows("low_rank", item, {**costs, **_figures(approximate, checked_exact, checked_loss)})
    return rows


def _columns_of(item: str, approximations: Mapping[str, ArrayLike], tokens: int) -> dict[str, Column]:
    """The metrics of one `kind/rank`, checked."""
    names = [name for name in approximations if name.startswith(f"{item}/")]
    if f"{item}/{SEPARATED_BY}" not in names:
        raise InputError(f"low rank: no column {item}/{SEPARATED_BY}; it holds {', '.join(approximations)}")
    columns = check_columns({"loss": np.zeros(tokens)} | {name: approximations[name] for name in names})
    return {name.removeprefix(f"{item}/"): column for name, column in zip(names, columns[1:], strict=True)}


def _figures(approximate: Mapping[str, Column], exact: Mapping[str, Column], loss: Column) -> dict[str, float]:
    figures = {f"{name}_pearson": pearson(values, exact[name]) for name, values in approximate.items()}
    error = approximate["max_probability"] - exact["max_probability"]
    split = separation(find(SEPARATED_BY), approximate[SEPARATED_BY], loss)
    return figures | {"max_probability_mse": float(np.mean(error**2))} | {name: split[name] for name in SHOWN}
