"""Does the correlation with the loss get better among tokens that the model is sure of?"""

from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from easyhard.evaluation.columns import Column, check_columns
from easyhard.evaluation.correlation import pearson
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.split import Mask, mean_or_nan

SECTION = "high_confidence"
FOUNDING_THRESHOLDS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
COMPARED_AT = 0.5
FEWEST_TOKENS = 100


def high_confidence_rows(
    signals: Mapping[str, ArrayLike], loss: ArrayLike, thresholds: Sequence[float] = FOUNDING_THRESHOLDS
) -> list[Row]:
    """Return section `high_confidence`: the tokens with max probability at or above each threshold.

    signals must have `max_probability`; all columns (tokens,), loss in nats. Correlations of fewer than 100 tokens are
    None; at 0.5 also the mean loss above and below. Raises InputError naming a column that `check_columns` refuses.
    """
    checked_loss, *columns = check_columns({"loss": loss, **signals})
    checked = dict(zip(signals, columns, strict=True))
    confidence = checked["max_probability"]
    rows = []
    for threshold in thresholds:
        high = confidence >= threshold
        figures = {"tokens": float(high.sum()), "share": float(high.mean())} | _correlations(
            checked, checked_loss, high
        )
        if threshold == COMPARED_AT:
            figures["high_mean_loss"] = mean_or_nan(checked_loss[high])
            figures["low_mean_loss"] = mean_or_nan(checked_loss[~high])
        rows += make_rows(SECTION, f"{threshold:g}", figures)
    return rows


def _correlations(signals: Mapping[str, Column], loss: Column, high: Mask) -> dict[str, float]:
    enough = high.sum() >= FEWEST_TOKENS
    return {
        f"pearson_{name}": pearson(values[high], loss[high]) if enough else float("nan")
        for name, values in signals.items()
    }
