"""The columns that evaluation takes, one finite number a token; and what in them counts as easy and as hard."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easyhard.errors import InputError

ARGMAX_WRONG = "argmax_wrong"
OVER_MEDIAN = "loss_over_median"

Column = NDArray[np.float64]
Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]
"""Row numbers of tokens, ascending."""


def finite(name: str, values: ArrayLike) -> Column:
    """Return a column, (tokens,), as float64. Measures take columns that have been through here.

    Raises InputError naming a column with fewer than two tokens or with a value that is not finite.
    """
    column = np.asarray(values, dtype=np.float64)
    if len(column) < 2:
        raise InputError(f"{name}: {len(column)} tokens; at least two are wanted")
    bad = np.flatnonzero(~np.isfinite(column))
    if len(bad):
        raise InputError(
            f"{name}: {len(bad)} of {len(column)} values are not finite (first at row {bad[0]}); finite ones are wanted"
        )
    return column


def median_split(values: Column, high_means_easy: bool) -> Mask:
    """Return which tokens the median of `values` (tokens,) calls easy; ties with the median go to easy."""
    middle = np.median(values)
    return values >= middle if high_means_easy else values <= middle


def split_losses(loss: Column, easy: Mask) -> dict[str, float]:
    """Return the mean loss (nats) of the easy and the hard tokens and their difference, the Loss Diff.

    A part without tokens has no mean: NaN, and so has the difference.
    """
    easy_loss, hard_loss = mean_or_nan(loss[easy]), mean_or_nan(loss[~easy])
    return {"easy_loss": easy_loss, "hard_loss": hard_loss, "loss_diff": hard_loss - easy_loss}


def split_at_median(values: Column, loss: Column, high_means_easy: bool) -> dict[str, float]:
    """Return `split_losses` of the median split by `values` (tokens,), and oracle_share: its Loss Diff over that of the
    split by the loss itself, which no signal's exceeds."""
    losses = split_losses(loss, median_split(values, high_means_easy))
    oracle = split_losses(loss, median_split(loss, high_means_easy=False))
    return losses | {"oracle_share": losses["loss_diff"] / oracle["loss_diff"]}


def mean_or_nan(values: Column) -> float:
    """Return the mean, NaN for an empty column."""
    return float(values.mean()) if len(values) else float("nan")


def label_name(threshold: float) -> str:
    """Return the name of the label "loss over `threshold` nats".

    >>> label_name(3.0)
    'loss_over_3'
    """
    return f"loss_over_{threshold:g}"
