"""How well probes predict the loss."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from easyhard.evaluation.columns import Column, check_columns
from easyhard.evaluation.correlation import pearson, spearman
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.split import median_split, split_losses


def regression_rows(predictions: Mapping[str, ArrayLike], loss: ArrayLike) -> list[Row]:
    """Return section `regression`: one item a probe, from its predicted losses; all columns (tokens,), nats.

    mse is in nats²; the split is at the median prediction.
    Raises InputError naming a column that `check_columns` refuses.
    """
    checked_loss, *columns = check_columns({"loss": loss, **predictions})
    rows = []
    for probe, predicted in zip(predictions, columns, strict=True):
        rows += make_rows("regression", probe, _figures(predicted, checked_loss))
    return rows


def _figures(predicted: Column, loss: Column) -> dict[str, float]:
    mse = float(np.mean((predicted - loss) ** 2))
    correlations = {"pearson": pearson(predicted, loss), "spearman": spearman(predicted, loss)}
    r2 = 1 - mse / float(loss.var()) if np.ptp(loss) else float("nan")
    return {"mse": mse, "r2": r2} | correlations | split_losses(loss, median_split(predicted, high_means_easy=False))
