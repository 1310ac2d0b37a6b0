"""Calibration of what probes say by a straight line, fitted on the select rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

Column = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """What a raw output becomes: slope · output + intercept."""

    slope: float
    intercept: float

    def at(self, outputs: Column) -> Column:
        """Return the calibrated values of outputs (rows,)."""
        return self.slope * outputs + self.intercept


def least_squares_line(outputs: Column, truth: Column) -> Line:
    """Return the line from outputs to truth, both (rows,), of least squared error; constant outputs are kept."""
    spread = outputs - outputs.mean()
    variance = spread @ spread
    slope = float(spread @ (truth - truth.mean()) / variance) if variance > 0 else 0.0
    return _rising(slope, float(truth.mean() - slope * outputs.mean()))


def platt_line(logits: Column, probability: Column) -> Line:
    """Return the line of greatest likelihood of labels under sigmoid(slope · logit + intercept) (Platt, 1999).

    logits (rows,) and probability (rows,), labels 0 and 1 or anything between. Without Platt's prior counts: there are
    two weights and thousands of rows. Labels that a threshold separates have no greatest likelihood; the search then
    ends at a steep, finite line.
    """
    scale = float(logits.std()) or 1.0
    z = (logits - logits.mean()) / scale  # so that the search is as easy for any unit of the logits

    def objective(line: Column) -> tuple[float, Column]:
        score = line[0] * z + line[1]
        residual = (expit(score) - probability) / len(z)
        return float((np.logaddexp(0, score) - probability * score).mean()), np.array([residual @ z, residual.sum()])

    found = minimize(objective, np.array([1.0, 0.0]), jac=True, method="BFGS", options={"gtol": 1e-8}).x
    slope = float(found[0] / scale)
    return _rising(slope, float(found[1] - slope * logits.mean()))


def _rising(slope: float, intercept: float) -> Line:
    """The line, but where it would turn the order of the tokens around: there the raw output is kept."""
    return Line(slope, intercept) if slope > 0 else Line(1.0, 0.0)
