"""Correlations, of columns or of rankings in many samples at once; undefined (NaN) where a column is constant."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from easyhard.evaluation.columns import Column
from easyhard.evaluation.drawn import Block
from easyhard.evaluation.ranking import Curve

TOKENS_AT_ONCE = 1024

Index = NDArray[np.int32]
Rows = NDArray[np.int64]
Harder = NDArray[np.float32]
Products = NDArray[np.float32]


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


def rank_variance(curve: Curve) -> NDArray[np.float64]:
    """Return the variance of the mid-ranks, as shares of the sample's tokens, over the tokens of each sample."""
    ranks = centred_ranks(curve)
    return np.einsum("gs,gs,gs->s", curve.tokens, ranks, ranks) / curve.total


def centred_ranks(curve: Curve) -> NDArray[np.float64]:
    """Return the mid-rank of each group from the hardest, as a share of the sample's tokens, less their mean one half,
    (groups, samples)."""
    return curve.harder / curve.total - 0.5


def covariance_of_tokens(
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    weights: Block,
    left_group: Index,
    right_group: Index,
    cluster: Index,
) -> NDArray[np.float64]:
    """Return the covariance of two rankings' `centred_ranks` over the tokens of each sample, (samples,).

    weights: (clusters, samples); left_group, right_group, cluster: (tokens,), the row that each token has in them.
    Three gathered rows a token, multiplied while they are in cache: no array is larger than a thousand tokens by all
    samples.
    """
    one, other, held = (values.astype(np.float32) for values in (left, right, weights))
    total = np.zeros(weights.shape[1])
    for start in range(0, len(cluster), TOKENS_AT_ONCE):
        rows = slice(start, start + TOKENS_AT_ONCE)
        total += np.einsum("ts,ts,ts->s", held[cluster[rows]], one[left_group[rows]], other[right_group[rows]])
    return total / (np.bincount(cluster, minlength=len(weights)) @ weights)


def covariance_of_clusters(products: Products, weights: Block, tokens: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the same of few clusters from `rank_products`; tokens: (clusters,), how many each has."""
    total = np.zeros(weights.shape[1])
    for own, number in zip(products, weights, strict=True):
        total += number * ((own @ weights) * weights).sum(axis=0)
    return total / (tokens @ weights) ** 3 - 0.25


def rank_products(
    left: Harder, right: Harder, left_group: Index, right_group: Index, tokens_of: Sequence[Rows]
) -> Products:
    """Return the sum over each cluster's tokens of the products of their mid-ranks in two rankings, (clusters,
    clusters, clusters): a mid-rank in a sample is the sum over clusters of how many of their tokens are harder, times
    how often the sample has them, so that sum is a quadratic form in the weights.

    left, right: (groups, clusters), how many tokens of a cluster are harder than those of a group, half of the group's
    own among them; `tokens_of` each cluster, their numbers. No more than the tokens of a cluster is gathered at a time.
    """
    return np.stack([left[left_group[rows]].T @ right[right_group[rows]] for rows in tokens_of])
