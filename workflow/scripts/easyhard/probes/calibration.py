"""Calibration of probes on the select rows by a straight line, and how far probabilities are from what they promise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit

from easyhard.errors import InputError

Column = NDArray[np.float64]
BINS = 15


@dataclass(frozen=True)
class Line:
    """What a raw output becomes: slope · output + intercept.

    `reversed` says that the best slope was not positive: the line would have turned the order of the tokens around, so
    the raw output was kept (slope 1, intercept 0).
    """

    slope: float
    intercept: float
    reversed: bool

    def at(self, outputs: ArrayLike) -> Column:
        """Return the calibrated values of outputs (rows,)."""
        return self.slope * np.asarray(outputs, dtype=np.float64) + self.intercept


def least_squares_line(outputs: ArrayLike, truth: ArrayLike) -> Line:
    """Return the line from outputs to truth, both (rows,), of least squared error; constant outputs stay as they are.

    Raises InputError on shapes that disagree, fewer than two rows, or values that are not finite.
    """
    x, y = _pair("outputs", outputs, "truth", truth)
    spread = x - x.mean()
    variance = spread @ spread
    slope = float(spread @ (y - y.mean()) / variance) if variance > 0 else 0.0
    return _rising(slope, float(y.mean() - slope * x.mean()))


def platt_line(logits: ArrayLike, probability: ArrayLike) -> Line:
    """Return the line of greatest likelihood of labels under sigmoid(slope · logit + intercept) (Platt, 1999).

    logits (rows,) and probability (rows,), labels 0 and 1 or anything between. Without Platt's prior counts: there are
    two weights and thousands of rows. Labels that a threshold separates have no greatest likelihood; the search then
    ends at a steep, finite line. Raises InputError as `least_squares_line` does, and on labels outside [0, 1].
    """
    x, y = _pair("logits", logits, "probability", probability)
    if y.min() < 0 or y.max() > 1:
        raise InputError(f"probability: values from {y.min():g} to {y.max():g}; values in [0, 1] are wanted")
    scale = float(x.std()) or 1.0
    z = (x - x.mean()) / scale  # so that the search is as easy for any unit of the logits

    def objective(line: Column) -> tuple[float, Column]:
        score = line[0] * z + line[1]
        residual = (expit(score) - y) / len(y)
        return float((np.logaddexp(0, score) - y * score).mean()), np.array([residual @ z, residual.sum()])

    found = minimize(objective, np.array([1.0, 0.0]), jac=True, method="BFGS", options={"gtol": 1e-8}).x
    slope = float(found[0] / scale)
    return _rising(slope, float(found[1] - slope * x.mean()))


def expected_calibration_error(probability: ArrayLike, label: ArrayLike, bins: int = BINS) -> float:
    """Return the mean over bins of |mean probability − mean label|, bins of equal mass in the order of the probability.

    probability and label, both (rows,), in [0, 1]. Bins weigh what they hold; equal probabilities keep their rows'
    order. Nixon et al., Measuring Calibration in Deep Learning, arXiv:1904.01685 (adaptive bins); Naeini et al., AAAI
    2015. Raises InputError on shapes that disagree, fewer than two rows, or values that are not finite.

    >>> expected_calibration_error([0.25, 0.25, 0.75, 0.75], [0, 0, 1, 1], bins=2)
    0.25
    """
    p, y = _pair("probability", probability, "label", label)
    gap = (p - y)[np.argsort(p, kind="stable")]
    return sum(abs(float(part.sum())) for part in np.array_split(gap, min(bins, len(gap)))) / len(gap)


def _rising(slope: float, intercept: float) -> Line:
    return Line(slope, intercept, reversed=False) if slope > 0 else Line(1.0, 0.0, reversed=True)


def _pair(first: str, x: ArrayLike, second: str, y: ArrayLike) -> tuple[Column, Column]:
    columns = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    for name, column in zip((first, second), columns, strict=True):
        if column.ndim != 1 or len(column) < 2 or len(column) != len(columns[0]):
            raise InputError(
                f"{name}: shape {column.shape}; {first} and {second} of one length, (rows,), at least two, are wanted"
            )
        bad = int((~np.isfinite(column)).sum())
        if bad:
            raise InputError(f"{name}: {bad} of {len(column)} values are not finite; finite ones are wanted")
    return columns
