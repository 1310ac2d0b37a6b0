"""Groups of equal scores and their bins; each metric against scikit-learn or its definition, with ties and samples."""

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from easyhard.evaluation import ranking
from easyhard.evaluation.ranking import coarsen, equal_scores, make_curve, once, ratio, sums_of

from .simulated import sampled


def test_by_hand() -> None:
    groups = equal_scores(np.array([2.0, 5.0, 2.0, -1.0, 5.0]))
    assert groups.order.tolist() == [1, 4, 0, 2, 3]
    assert groups.starts.tolist() == [0, 2, 4]
    assert groups.of_tokens().tolist() == [0, 0, 1, 1, 2]
    assert groups.sums(np.array([1.0, 10.0, 100.0, 1000.0, 10000.0])).tolist() == [10010, 101, 1000]
    assert groups.sums(np.array([True, False, True, True, True])).tolist() == [1, 2, 1]
    curve, sums = once(groups, np.arange(5.0))
    assert (curve.tokens.tolist(), sums.each.tolist()) == ([[2], [2], [1]], [[5], [2], [3]])
    two = make_curve(sums_of(np.array([[2.0, 0.0], [1.0, 4.0], [3.0, 0.0]])), np.zeros(3, dtype=bool))
    assert two.reached.tolist() == [[2, 0], [3, 4], [6, 4]]
    assert two.harder.tolist() == [[1, 0], [2.5, 2], [4.5, 4]]
    assert two.total.tolist() == [6, 4]
    shares = ratio(np.array([1.0, 0.0, 3.0]), np.array([2.0, 0.0, 0.0]))
    assert np.array_equal(shares, [0.5, np.nan, np.nan], equal_nan=True)


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


def drawn(tokens: int, decimals: int, dtype: type) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Losses, hardness scores with ties, and how often each of eight samples holds a token: the first one once."""
    random = np.random.default_rng(tokens)
    loss = random.gamma(2.0, 3.0, tokens)
    hardness = (loss + 5 * random.normal(size=tokens)).round(decimals).astype(dtype)
    times = random.integers(0, 4, (8, tokens))
    times[0], times[:, :2] = 1, 1
    return loss, hardness, times


def area_of_order(risk_in_order: np.ndarray) -> float:
    """The area by trapezoids, token by token, easiest first: accepted risk over all tokens, from none accepted on."""
    curve = np.concatenate([[0.0], np.cumsum(risk_in_order)]) / len(risk_in_order)
    return float(np.trapezoid(curve, dx=1 / len(risk_in_order)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("tokens", "decimals"), [(3, 3), (17, 0), (18, 0), (255, 1), (507, 8)])
def test_auroc_and_auprc_equal_scikit_learn_on_repeated_rows(tokens: int, decimals: int, dtype: type) -> None:
    loss, hardness, times = drawn(tokens, decimals, dtype)
    hard = loss > np.median(loss)
    hard[:2] = True, False
    rows = [np.repeat(np.arange(tokens), weights) for weights in times]
    for found, reference in ((ranking.curve_auroc, roc_auc_score), (ranking.curve_auprc, average_precision_score)):
        expected = [reference(hard[own], hardness[own]) for own in rows]
        assert found(*sampled(hardness, hard, times)) == pytest.approx(expected, abs=1e-12)
    assert ranking.auroc(hardness, hard) == pytest.approx(roc_auc_score(hard, hardness), abs=1e-12)


def test_augrc_is_the_area_under_the_curve_with_ties_in_random_order() -> None:
    random = np.random.default_rng(1)
    risk, hardness = random.exponential(size=(2, 333))
    assert ranking.augrc(hardness, risk) == pytest.approx(area_of_order(risk[np.argsort(hardness)]), abs=1e-12)
    risk, tied = random.exponential(size=40), random.integers(0, 4, 40).astype(float)
    orders = [area_of_order(risk[np.lexsort([random.random(40), tied])]) for _ in range(4000)]
    assert ranking.augrc(tied, risk) == pytest.approx(np.mean(orders), abs=5 * np.std(orders) / math.sqrt(4000))


def test_ratio_from_random_to_oracle() -> None:
    risk, all_once = np.array([0.0, 1.0, 2.0, 5.0]), np.ones((1, 4))
    oracle = ranking.curve_augrc(*sampled(risk, risk, all_once))
    for hardness, expected in ((risk, 1), (-risk, -1), (np.zeros(4), 0), (np.array([0.0, 2.0, 1.0, 3.0]), 7 / 8)):
        found = ranking.curve_prr(*sampled(hardness, risk, all_once), oracle)
        assert found[0] == pytest.approx(expected, abs=1e-15)
    equal = sampled(np.full(7, 0.1), np.full(7, 0.1), np.ones((1, 7)))
    assert math.isnan(ranking.curve_prr(*equal, ranking.curve_augrc(*equal))[0])


@pytest.mark.parametrize("groups", [1, 31, 32, 33, 64, 507])
def test_sums_down_to_a_group_and_back(groups: int) -> None:
    each = np.random.default_rng(groups).normal(size=(groups, 7))
    found = ranking.sums_of(each)
    assert found.reached == pytest.approx(np.cumsum(each, axis=0), abs=1e-12)
    assert ranking.differences(found.reached).each == pytest.approx(each, abs=1e-12)


def test_where_there_is_no_pair() -> None:
    for one_kind in (np.ones(4, dtype=bool), np.zeros(4, dtype=bool)):
        assert math.isnan(ranking.auroc(np.arange(4.0), one_kind))
    assert math.isnan(ranking.curve_auprc(*sampled(np.arange(4.0), np.zeros(4), np.ones((1, 4))))[0])


def test_the_cut_goes_through_a_mixed_group_and_never_through_a_tie() -> None:
    loss, falling, once = np.array([10.0, 8.0, 6.0, 5.0, 1.0, 0.0]), np.arange(6.0)[::-1], np.ones((1, 6))
    for hardness, times, bins, expected in (
        (falling, once, 2, (0.5, 8 - 2)),
        (falling, np.array([[2, 1, 1, 0, 0, 0]]), 2, (0.5, 0)),  # 34 / 4 on both sides
        (np.array([3.0, 2.0, 1.0, 1.0, 1.0, 0.0]), once, 3, (4 / 6, 9 - 3)),
        (np.zeros(6), once, 10, (1, math.nan)),  # a constant signal has no hard half
    ):
        (share,), (difference,) = ranking.curve_halves(*sampled(hardness, loss, times, bins))
        assert (share, difference) == pytest.approx(expected, nan_ok=True)


def test_risks_are_means_of_the_easiest_and_of_a_tie_that_is_cut_each_token_is_taken_in_part() -> None:
    loss, hardness = np.random.default_rng(0).exponential(size=(2, 200))
    easiest = loss[np.argsort(hardness)]
    found = ranking.curve_risks(*sampled(hardness, loss, np.ones((1, 200))), [0.05, 0.5, 0.95, 1.0])[:, 0]
    assert found == pytest.approx([easiest[:count].mean() for count in (10, 100, 190, 200)], abs=1e-12)
    loss, hardness = np.array([1.0, 2.0, 6.0, 9.0]), np.array([0.0, 1.0, 1.0, 2.0])
    twice = sampled(hardness, loss, np.array([[1, 1, 1, 1], [0, 1, 1, 0]]))
    found = ranking.curve_risks(*twice, [0.25, 0.5, 0.75, 0.9, 1.0])
    assert found[:, 0] == pytest.approx([1, 5 / 2, 3, (9 + 0.6 * 9) / 3.6, 4.5])
    assert found[:, 1] == pytest.approx([4, 4, 4, 4, 4])
