"""Groups of equal scores: hardest first, ties together, joined to bins without being cut; and their counts."""

import numpy as np
import pytest

from easyhard.evaluation.ranking import coarsen, equal_scores, make_curve, once, ratio


def test_by_hand() -> None:
    groups = equal_scores(np.array([2.0, 5.0, 2.0, -1.0, 5.0]))
    assert groups.order.tolist() == [1, 4, 0, 2, 3]
    assert groups.starts.tolist() == [0, 2, 4]
    assert groups.of_tokens().tolist() == [0, 0, 1, 1, 2]
    assert groups.sums(np.array([1.0, 10.0, 100.0, 1000.0, 10000.0])).tolist() == [10010, 101, 1000]
    assert groups.sums(np.array([True, False, True, True, True])).tolist() == [1, 2, 1]
    curve, sums = once(groups, np.arange(5.0))
    assert (curve.tokens.tolist(), sums.tolist()) == ([[2], [2], [1]], [[5], [2], [3]])


@pytest.mark.parametrize(
    ("tokens", "distinct", "limit"), [(1000, 1000, 7), (999, 40, 16), (517, 300, 299), (64, 64, 64)]
)
def test_bins_keep_ties_together_and_are_about_equal(tokens: int, distinct: int, limit: int) -> None:
    hardness = np.random.default_rng(tokens).integers(0, distinct, tokens).astype(float)
    bins = coarsen(equal_scores(hardness), limit)
    of_token = np.empty(tokens, dtype=int)
    of_token[bins.order] = bins.of_tokens()
    assert len(bins.starts) <= 2 * limit
    assert all(len(set(of_token[hardness == score])) == 1 for score in set(hardness))
    assert np.all(np.diff(of_token[np.argsort(-hardness)]) >= 0)
    for group, mixed in enumerate(bins.mixed):
        inside = hardness[of_token == group]
        assert mixed == (len(set(inside)) > 1)
        assert not mixed or len(inside) < 2 * tokens / limit


def test_few_scores_are_left_as_they_are_and_a_large_tie_stays_alone() -> None:
    groups = equal_scores(np.array([0.0, -0.0, 1.0]))
    assert coarsen(groups, 2) is groups
    assert (groups.mixed.tolist(), groups.starts.tolist()) == ([False, False], [0, 1])
    bins = coarsen(equal_scores(np.array([9.0, 8.0, 5.0, 5.0, 5.0, 5.0, 3.0, 2.0])), 3)
    assert (bins.starts.tolist(), bins.mixed.tolist()) == ([0, 2, 6], [True, False, True])


def test_counts_in_two_samples() -> None:
    curve = make_curve(np.array([[2.0, 0.0], [1.0, 4.0], [3.0, 0.0]]), np.zeros(3, dtype=bool))
    assert curve.reached.tolist() == [[2, 0], [3, 4], [6, 4]]
    assert curve.harder.tolist() == [[1, 0], [2.5, 2], [4.5, 4]]
    assert curve.total.tolist() == [6, 4]


def test_a_share_of_nothing_is_undefined() -> None:
    found = ratio(np.array([1.0, 0.0, 3.0]), np.array([2.0, 0.0, 0.0]))
    assert np.array_equal(found, [0.5, np.nan, np.nan], equal_nan=True)
