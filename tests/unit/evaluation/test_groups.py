"""Groups of equal scores: hardest first, ties together, and joined to bins without being cut."""

import numpy as np
import pytest

from easyhard.evaluation.groups import coarsen, equal_scores, group_of_tokens, group_sums


def test_by_hand() -> None:
    groups = equal_scores(np.array([2.0, 5.0, 2.0, -1.0, 5.0]))
    assert groups.order.tolist() == [1, 4, 0, 2, 3]
    assert groups.starts.tolist() == [0, 2, 4]
    assert group_of_tokens(groups).tolist() == [0, 0, 1, 1, 2]
    assert group_sums(groups, np.array([1.0, 10.0, 100.0, 1000.0, 10000.0])).tolist() == [10010, 101, 1000]
    assert group_sums(groups, np.array([True, False, True, True, True])).tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    ("tokens", "distinct", "limit"), [(1000, 1000, 7), (999, 40, 16), (517, 300, 299), (64, 64, 64)]
)
def test_bins_keep_ties_together_and_are_about_equal(tokens: int, distinct: int, limit: int) -> None:
    hardness = np.random.default_rng(tokens).integers(0, distinct, tokens).astype(float)
    groups = equal_scores(hardness)
    bins = coarsen(groups, limit)
    of_token = np.empty(tokens, dtype=int)
    of_token[bins.order] = group_of_tokens(bins)
    assert len(bins.starts) <= 2 * limit
    assert all(len(set(of_token[hardness == score])) == 1 for score in set(hardness))
    assert np.all(np.diff(of_token[np.argsort(-hardness)]) >= 0)
    for group, mixed in enumerate(bins.mixed):
        inside = hardness[of_token == group]
        assert mixed == (len(set(inside)) > 1)
        assert not mixed or len(inside) < 2 * tokens / limit


def test_few_scores_are_left_as_they_are() -> None:
    groups = equal_scores(np.array([0.0, -0.0, 1.0]))
    assert coarsen(groups, 2) is groups
    assert groups.mixed.tolist() == [False, False]
    assert groups.starts.tolist() == [0, 1]


def test_a_large_tie_stays_alone() -> None:
    bins = coarsen(equal_scores(np.array([9.0, 8.0, 5.0, 5.0, 5.0, 5.0, 3.0, 2.0])), 3)
    assert bins.starts.tolist() == [0, 2, 6]
    assert bins.mixed.tolist() == [True, False, True]
