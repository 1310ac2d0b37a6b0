"""Spearman's rank correlation in many samples at once, from the mid-ranks of groups."""

import numpy as np
from numpy.typing import NDArray

from easyhard.evaluation.curve import Curve, ratio

TOKENS_AT_ONCE = 1024

Ranks = NDArray[np.float32]
"""(groups, samples): mid-rank of each group from the hardest, as a share of the sample's tokens, less one half."""

Index = NDArray[np.int32]


def centred_ranks(curve: Curve) -> Ranks:
    """Return the mid-ranks of a curve's groups as shares of all tokens, less their mean 1/2: (groups, samples)."""
    return (curve.harder / curve.total - 0.5).astype(np.float32)


def rank_variance(curve: Curve) -> NDArray[np.float64]:
    """Return the variance of the mid-ranks, as shares of all tokens, over the tokens of each sample: (samples,)."""
    ranks = curve.harder / curve.total - 0.5
    return np.einsum("gs,gs,gs->s", curve.tokens, ranks, ranks) / curve.total


def rank_covariance(
    left: Ranks, right: Ranks, weights: NDArray[np.float32], left_group: Index, right_group: Index, cluster: Index
) -> NDArray[np.float64]:
    """Return the covariance of two rankings over the tokens of each sample, (samples,).

    left, right: `centred_ranks` of the two; weights: (clusters, samples); left_group, right_group, cluster: (tokens,),
    the row that each token has in them. Three gathered rows a token, multiplied while they are in cache: no array is
    larger than a thousand tokens by all samples.
    """
    total, count = np.zeros(left.shape[1]), np.zeros(left.shape[1])
    for start in range(0, len(cluster), TOKENS_AT_ONCE):
        rows = slice(start, start + TOKENS_AT_ONCE)
        held = weights[cluster[rows]]
        count += held.sum(axis=0)
        total += np.einsum("ts,ts,ts->s", held, left[left_group[rows]], right[right_group[rows]])
    return total / count


def correlation(
    covariance: NDArray[np.float64], left_variance: NDArray[np.float64], right_variance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return covariance over the root of both variances, all (samples,); NaN where either does not vary."""
    return ratio(covariance, np.sqrt(left_variance * right_variance))
