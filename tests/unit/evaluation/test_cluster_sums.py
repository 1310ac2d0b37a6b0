"""Sums by group and cluster, against a loop."""

import numpy as np
import pytest

from easyhard.evaluation.cluster_sums import cluster_sums
from easyhard.evaluation.groups import coarsen, equal_scores, group_of_tokens


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_a_loop(dtype: type) -> None:
    random = np.random.default_rng(0)
    cluster = random.integers(0, 11, 307).astype(np.int32)
    bins = coarsen(equal_scores(random.normal(size=307)), 20)
    values = random.integers(0, 3, 307).astype(dtype)
    expected = np.zeros((len(bins.starts), 12))
    for group, token in zip(group_of_tokens(bins), bins.order, strict=True):
        expected[group, cluster[token]] += values[token]
    sums = cluster_sums(bins, values, cluster, 12)
    assert sums.dtype == dtype
    assert (sums @ np.eye(12, dtype=dtype)).tolist() == expected.tolist()
