"""Correlations, of columns or of rankings in many samples at once; undefined (NaN) where a column is constant."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from easyhard.evaluation.columns import Column
from easyhard.evaluation.ranking import Curve, ratio

TOKENS_AT_ONCE = 1024

Index = NDArray[np.int32]


def pearson(left: Column, right: Column) -> float:
    """Return Pearson's r of two columns (tokens,), at least one token; NaN when either is constant.

    Sums, not dot products: those are cut up by BLAS, and the last digits would depend on the number of threads.
    """
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return float("nan")
    x, y = left - left.mean(), right - right.mean()
    return float((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum()))


def spearman(left: Column, right: Column) -> float:
    """Return Spearman's rank correlation, ties at their mean rank; NaN where `pearson` is."""
    return pearson(rankdata(left), rankdata(right))


@dataclass(frozen=True)
class Ranks:
    """Mid-rank of each group from the hardest, as a share of the sample's tokens, less their mean one half: `centred`
    (groups, samples); and their variance over the tokens of each sample, (samples,)."""

    centred: NDArray[np.float32]
    variance: NDArray[np.float64]


def make_ranks(curve: Curve) -> Ranks:
    """Return the mid-ranks of a curve's groups."""
    ranks = curve.harder / curve.total - 0.5
    return Ranks(ranks.astype(np.float32), np.einsum("gs,gs,gs->s", curve.tokens, ranks, ranks) / curve.total)


def rank_correlation(
    left: Ranks, right: Ranks, weights: NDArray[np.float32], left_group: Index, right_group: Index, cluster: Index
) -> NDArray[np.float64]:
    """Return the correlation of two rankings over the tokens of each sample, (samples,); NaN where one is constant.

    weights: (clusters, samples); left_group, right_group, cluster: (tokens,), the row that each token has in them.
    Three gathered rows a token, multiplied while they are in cache: no array is larger than a thousand tokens by all
    samples.
    """
    total, count = np.zeros(weights.shape[1]), np.zeros(weights.shape[1])
    for start in range(0, len(cluster), TOKENS_AT_ONCE):
        rows = slice(start, start + TOKENS_AT_ONCE)
        held = weights[cluster[rows]]
        count += held.sum(axis=0)
        total += np.einsum("ts,ts,ts->s", held, left.centred[left_group[rows]], right.centred[right_group[rows]])
    return ratio(total / count, np.sqrt(left.variance * right.variance))
