"""Areas under the receiver operating characteristic, and what each token does to them: intervals without draws."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

CONFIDENCE = 0.95
FEWEST_DOCUMENTS = 20
"""With fewer documents than this, their spread says too little about documents to come: sequences are taken."""

Column = NDArray[np.float64]


@dataclass(frozen=True)
class Area:
    """An AUROC, and how much it would change a token, (tokens,): the sum of these over a cluster is its share of the
    error. Sums and multiples of areas on the same tokens are taken of both."""

    value: float
    influence: Column

    def interval(self, cluster: NDArray[np.integer]) -> tuple[float, float]:
        """The 95 % interval over independent clusters, numbered from 0, (tokens,); NaN where there is one alone.

        Obuchowski, Biometrics 53, 1997: the variance of the sums over clusters, here with t of one less than them.
        """
        sums = np.bincount(cluster, weights=self.influence)
        if len(sums) < 2:
            return float("nan"), float("nan")
        error = np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum())
        half = float(t.ppf((1 + CONFIDENCE) / 2, len(sums) - 1)) * error
        return self.value - half, self.value + half


def area(scores: ArrayLike, hard: ArrayLike) -> Area:
    """The share of pairs (hard, easy) in which the hard token scores higher, ties one half; NaN without pairs.

    scores: (tokens,), high for tokens thought hard. hard: (tokens,), 0 or 1, or the probability of being hard: then the
    area is that expected, up to one part in tokens, where labels are drawn by these probabilities.
    """
    score, weight = np.asarray(scores), np.asarray(hard, dtype=np.float64)
    _, group = np.unique(score, return_inverse=True)
    hard_sum, easy_sum = (np.bincount(group, weights=own) for own in (weight, 1 - weight))
    easy_below = (np.cumsum(easy_sum) - easy_sum / 2)[group] / easy_sum.sum()  # share of the easy that score less
    hard_above = 1 - (np.cumsum(hard_sum) - hard_sum / 2)[group] / hard_sum.sum()
    value = float((weight * easy_below).sum() / hard_sum.sum())
    influence = weight * (easy_below - value) / hard_sum.sum() + (1 - weight) * (hard_above - value) / easy_sum.sum()
    return Area(value, influence)


def clusters_of(document: NDArray[np.integer], sequence: NDArray[np.integer]) -> NDArray[np.integer]:
    """Each token's document, or, with fewer than FEWEST_DOCUMENTS, its sequence, numbered from 0; all (tokens,)."""
    names, cluster = np.unique(document, return_inverse=True)
    if len(names) >= FEWEST_DOCUMENTS:
        return cluster
    return np.unique(np.stack([document, sequence]), axis=1, return_inverse=True)[1].ravel()
