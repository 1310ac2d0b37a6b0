"""Is the model as often right as it is sure? Expected calibration error and reliability bins."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from easyhard.errors import InputError
from easyhard.evaluation.columns import Column, check_columns
from easyhard.evaluation.rows import Row, make_rows

SECTION = "fair_calibration"
BINS = 15
ROUNDING = 1e-5
"""How far above 1 float32 rounding may bring a probability."""


@dataclass(frozen=True)
class Softmax:
    """What a model is at one temperature: max_probability (tokens,) and loss (tokens,) in nats, both of logits / T."""

    temperature: float
    max_probability: ArrayLike
    loss: ArrayLike


def calibration_rows(models: Mapping[str, Softmax], argmax_right: ArrayLike) -> list[Row]:
    """Return section `fair_calibration`: per model `item` its figures, then items `item/bin_00`, … of its reliability.

    argmax_right: (tokens,) bool, the most probable word is the target; a temperature does not change it. nll is the
    mean loss in nats. ece is Σ share · |accuracy − confidence| over 15 bins of about equally many tokens, by max
    probability; equal ones share a bin, and a bin that stays empty is left out. Naeini et al., 2015,
    doi:10.1609/aaai.v29i1.9602; equal-mass bins: Nixon et al., arXiv:1904.01685. Chance makes it positive even for a
    calibrated model: by about √(2 · 15 · accuracy · (1 − accuracy) / (π · tokens)), were tokens independent.

    Raises InputError naming a column that `check_columns` refuses, or a max_probability outside 0 … 1.
    """
    rows = []
    for item, model in models.items():
        named = {f"{item} max_probability": model.max_probability, f"{item} loss": model.loss}
        right, confidence, loss = check_columns({"argmax_right": argmax_right, **named})
        if confidence.min() < 0 or confidence.max() > 1 + ROUNDING:
            raise InputError(
                f"{item} max_probability: {confidence.min():g} … {confidence.max():g}; probabilities are wanted"
            )
        bins = _reliability(confidence, right)
        error = sum(b["tokens"] * abs(b["accuracy"] - b["confidence"]) for b in bins) / len(right)
        figures = {"temperature": model.temperature, "ece": error, "nll": loss.mean()}
        rows += make_rows(SECTION, item, figures | {"accuracy": right.mean(), "mean_confidence": confidence.mean()})
        for number, figures in enumerate(bins):
            rows += make_rows(SECTION, f"{item}/bin_{number:02d}", figures)
    return rows


def _reliability(confidence: Column, right: Column) -> list[dict[str, float]]:
    """Mean confidence, accuracy and tokens of each bin, the least sure first; mid-ranks keep equal ones together."""
    bins = np.floor((rankdata(confidence) - 0.5) * BINS / len(confidence)).astype(np.int64)
    tokens = np.bincount(bins)
    filled = tokens > 0
    means = [np.bincount(bins, weights=values)[filled] / tokens[filled] for values in (confidence, right)]
    columns = zip(*means, tokens[filled], strict=True)
    return [dict(zip(("confidence", "accuracy", "tokens"), map(float, column), strict=True)) for column in columns]
