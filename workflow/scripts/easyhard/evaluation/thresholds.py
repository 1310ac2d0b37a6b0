"""The founding thresholds on the probability of the target: a tautology, since loss = −log p_y, kept for comparison."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from easyhard.evaluation.columns import check_columns
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.split import split_losses

FOUNDING_THRESHOLDS = (0.01, 0.02, 0.05)


def threshold_rows(
    target_probability: ArrayLike, loss: ArrayLike, thresholds: Sequence[float] = FOUNDING_THRESHOLDS
) -> list[Row]:
    """Return section `thresholds`: tokens with p_y at or above each threshold, and above the median, against the rest.

    Both columns (tokens,), loss in nats. Raises InputError naming a column that `check_columns` refuses.
    """
    probability, checked_loss = check_columns({"target_probability": target_probability, "loss": loss})
    cuts = {f"{threshold:g}": threshold for threshold in thresholds} | {"median": float(np.median(probability))}
    rows = []
    for item, cut in cuts.items():
        easy = probability >= cut
        shares = {"easy_share": float(easy.mean()), "hard_share": float((~easy).mean())}
        rows += make_rows("thresholds", item, shares | split_losses(checked_loss, easy))
    return rows
