"""How well each signal tells easy tokens from hard ones, as the founding analysis measures it."""

from collections.abc import Mapping

import numpy as np

from easyhard.evaluation.columns import Column, mean_or_nan, split_at_median, split_losses
from easyhard.evaluation.correlation import pearson, spearman
from easyhard.evaluation.rows import Row, make_rows
from easyhard.signals.registry import find

SECTION = "separation"
TARGET_THRESHOLDS = (0.01, 0.02, 0.05)
CONFIDENCES = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
COMPARED_AT = 0.5
FEWEST_TOKENS = 100


def separation_rows(signals: Mapping[str, Column], loss: Column) -> list[Row]:
    """Return the rows of section `separation` for the oracle and for each signal, all columns (tokens,), loss in nats:
    correlation with the loss, mean, population std, and the median split in the signal's own direction.

    Raises InputError naming a signal that is not in the registry.
    """
    rows = []
    for name, values in {"oracle": loss, **signals}.items():
        high_means_easy = bool(find(name).high_means_easy)
        figures = {
            "pearson": pearson(values, loss),
            "spearman": spearman(values, loss),
            "mean": values.mean(),
            "std": values.std(),
            "high_means_easy": float(high_means_easy),
            **split_at_median(values, loss, high_means_easy),
        }
        rows += make_rows(SECTION, name, figures)
    return rows


def exit_threshold_rows(prediction: Column, loss: Column, threshold: float) -> list[Row]:
    """Return the exit classifier's split at its own threshold: a token is easy when its predicted loss is at most that.

    prediction, loss: (tokens,), nats.
    """
    easy = prediction <= threshold
    figures = {
        "threshold": threshold,
        "loss_diff_at_threshold": split_losses(loss, easy)["loss_diff"],
        "easy_share_at_threshold": float(easy.mean()),
    }
    return make_rows(SECTION, "exit_classifier", figures)


def threshold_rows(probability: Column, loss: Column) -> list[Row]:
    """Return section `thresholds`: tokens with p_y at or above each threshold, and above the median, against the rest.

    Both columns (tokens,), loss in nats. A tautology, since loss = −log p_y, kept for comparison.
    """
    cuts = {f"{threshold:g}": threshold for threshold in TARGET_THRESHOLDS} | {"median": float(np.median(probability))}
    rows = []
    for item, cut in cuts.items():
        easy = probability >= cut
        shares = {"easy_share": float(easy.mean()), "hard_share": float((~easy).mean())}
        rows += make_rows("thresholds", item, shares | split_losses(loss, easy))
    return rows


def high_confidence_rows(signals: Mapping[str, Column], loss: Column) -> list[Row]:
    """Return section `high_confidence`: correlations with the loss among tokens of at least some max probability.

    signals must have `max_probability`; all columns (tokens,), loss in nats. Correlations of fewer than 100 tokens are
    None; at 0.5 also the mean loss above and below.
    """
    rows = []
    for threshold in CONFIDENCES:
        high = signals["max_probability"] >= threshold
        figures = {"tokens": float(high.sum()), "share": float(high.mean())}
        for name, values in signals.items():
            enough = figures["tokens"] >= FEWEST_TOKENS
            figures[f"pearson_{name}"] = pearson(values[high], loss[high]) if enough else float("nan")
        if threshold == COMPARED_AT:
            figures |= {"high_mean_loss": mean_or_nan(loss[high]), "low_mean_loss": mean_or_nan(loss[~high])}
        rows += make_rows("high_confidence", f"{threshold:g}", figures)
    return rows
