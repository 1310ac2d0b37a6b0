"""Correlations, undefined (NaN) rather than noisy where a column is constant."""

import numpy as np
from scipy.stats import rankdata

from easyhard.evaluation.columns import Column


def pearson(left: Column, right: Column) -> float:
    """Return Pearson's r of two columns (tokens,); NaN when either is constant or there are fewer than two tokens.

    Sums, not dot products: those are cut up by BLAS, and the last digits would depend on the number of threads.
    """
    if len(left) < 2 or np.ptp(left) == 0 or np.ptp(right) == 0:
        return float("nan")
    x, y = left - left.mean(), right - right.mean()
    return float((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum()))


def spearman(left: Column, right: Column) -> float:
    """Return Spearman's rank correlation, ties at their mean rank; NaN where `pearson` is."""
    if len(left) < 2:
        return float("nan")
    return pearson(rankdata(left), rankdata(right))
