"""What counts as hard: loss over a threshold, and the argmax that misses."""

from collections.abc import Mapping, Sequence

import numpy as np

from easyhard.errors import InputError
from easyhard.evaluation.columns import Column
from easyhard.evaluation.split import Mask

ARGMAX_WRONG = "argmax_wrong"
OVER_MEDIAN = "loss_over_median"


def label_name(threshold: float) -> str:
    """Return the name of the label "loss over `threshold` nats".

    >>> label_name(3.0)
    'loss_over_3'
    """
    return f"loss_over_{threshold:g}"


def label_thresholds(thresholds: Sequence[float], test_loss: Column) -> dict[str, float]:
    """Return the labels made from the loss and their thresholds (nats): those given, and the test losses' median.

    Raises InputError when two thresholds make one name.
    """
    named = {label_name(threshold): float(threshold) for threshold in thresholds}
    if len(named) < len(thresholds):
        raise InputError(f"thresholds: {list(thresholds)}; each to six digits once is wanted")
    return named | {OVER_MEDIAN: float(np.median(test_loss))}


def label_tokens(loss: Column, thresholds: Mapping[str, float], argmax_wrong: Mask | None = None) -> dict[str, Mask]:
    """Return which tokens are hard by each label, (tokens,), from losses (tokens,) in nats and `label_thresholds`.

    `argmax_wrong` (tokens,) says where the most probable word is not the target; None where that is not known.
    """
    labels = {name: loss > threshold for name, threshold in thresholds.items()}
    return labels if argmax_wrong is None else labels | {ARGMAX_WRONG: argmax_wrong}
