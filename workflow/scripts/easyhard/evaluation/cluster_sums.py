"""Sums by group and cluster: from them the sums of any resample of clusters are one matrix product away."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from easyhard.evaluation.groups import Groups


def cluster_sums(groups: Groups, values: NDArray[Any], cluster: NDArray[np.int32], count: int) -> csr_array:
    """Return values (tokens,) added up by group and cluster, sparse (groups, clusters), in their dtype.

    cluster: (tokens,), in 0 … count − 1. An entry for each token whose value is not 0; those of one place are left to
    the product to add. A sparse product adds in the same order however many threads there are; a dense one may not.
    """
    kept = np.flatnonzero(values[groups.order])
    order = groups.order[kept]
    rows = np.searchsorted(kept, np.append(groups.starts, len(groups.order)))
    return csr_array((values[order], cluster[order], rows), shape=(len(groups.starts), count))
