"""What counts as easy and as hard, by a median or by a label, and how far apart the parts' losses lie."""

import numpy as np
from numpy.typing import NDArray

from easyhard.evaluation.columns import Column

ARGMAX_WRONG = "argmax_wrong"
OVER_MEDIAN = "loss_over_median"

Mask = NDArray[np.bool_]


def median_split(values: Column, high_means_easy: bool) -> Mask:
    """Return which tokens the median of `values` (tokens,) calls easy; ties with the median go to easy.

    >>> median_split(np.array([1.0, 2.0, 2.0, 3.0]), high_means_easy=True).tolist()
    [False, True, True, True]
    """
    middle = np.median(values)
    return values >= middle if high_means_easy else values <= middle


def split_losses(loss: Column, easy: Mask) -> dict[str, float]:
    """Return the mean loss (nats) of the easy and the hard tokens and their difference, the Loss Diff.

    A part without tokens has no mean: NaN, and so has the difference.
    """
    easy_loss, hard_loss = mean_or_nan(loss[easy]), mean_or_nan(loss[~easy])
    return {"easy_loss": easy_loss, "hard_loss": hard_loss, "loss_diff": hard_loss - easy_loss}


def oracle_loss_diff(loss: Column) -> float:
    """Return the Loss Diff (nats) of the median split by the loss itself: no signal's is larger."""
    return split_losses(loss, median_split(loss, high_means_easy=False))["loss_diff"]


def mean_or_nan(values: Column) -> float:
    """Return the mean, NaN for an empty column."""
    return float(values.mean()) if len(values) else float("nan")


def label_name(threshold: float) -> str:
    """Return the name of the label "loss over `threshold` nats".

    >>> label_name(3.0)
    'loss_over_3'
    """
    return f"loss_over_{threshold:g}"
