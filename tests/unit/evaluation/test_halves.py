"""The median cut's halves against `median_split`, and the risk at each coverage against its definition."""

import math

import numpy as np
import pytest

from easyhard.evaluation.curve import make_curve
from easyhard.evaluation.groups import coarsen, equal_scores, group_sums
from easyhard.evaluation.halves import curve_halves, curve_risks
from easyhard.evaluation.split import median_split, split_losses


def sampled(hardness: np.ndarray, loss: np.ndarray, times: np.ndarray, bins: int = 10_000) -> tuple:
    """Curve and losses of samples that hold each token so many times, (samples, tokens)."""
    groups = coarsen(equal_scores(hardness), bins)
    tokens = np.stack([group_sums(groups, weights) for weights in times], axis=1)
    return make_curve(tokens, groups.mixed), np.stack([group_sums(groups, weights * loss) for weights in times], axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("tokens", "decimals"), [(3, 3), (17, 0), (18, 0), (255, 1), (508, 8)])
def test_halves_equal_the_median_split_of_repeated_rows(tokens: int, decimals: int, dtype: type) -> None:
    random = np.random.default_rng(tokens)
    loss = random.gamma(2.0, 3.0, tokens)
    hardness = (loss + 5 * random.normal(size=tokens)).round(decimals).astype(dtype)
    times = random.integers(0, 4, (8, tokens))
    times[0], times[:, 1] = 1, 1
    shares, differences = curve_halves(*sampled(hardness, loss, times))
    for weights, share, difference in zip(times, shares, differences, strict=True):
        easy = median_split(np.repeat(hardness, weights).astype(float), high_means_easy=False)
        expected = split_losses(np.repeat(loss, weights), easy)["loss_diff"]
        assert share == pytest.approx(easy.mean(), abs=1e-12)
        assert difference == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_the_cut_goes_through_a_mixed_group_and_never_through_a_tie() -> None:
    loss = np.array([10.0, 8.0, 6.0, 5.0, 1.0, 0.0])
    distinct = sampled(np.arange(6.0)[::-1], loss, np.ones((1, 6)), bins=2)
    assert [figure[0] for figure in curve_halves(*distinct)] == pytest.approx([0.5, 8 - 2])
    four = sampled(np.arange(6.0)[::-1], loss, np.array([[2, 1, 1, 0, 0, 0]]), bins=2)
    assert [figure[0] for figure in curve_halves(*four)] == pytest.approx([0.5, 0.0])  # 34 / 4 on both sides
    tied = sampled(np.array([3.0, 2.0, 1.0, 1.0, 1.0, 0.0]), loss, np.ones((1, 6)), bins=3)
    assert [figure[0] for figure in curve_halves(*tied)] == pytest.approx([4 / 6, 9 - 3])


def test_a_constant_signal_has_no_hard_half() -> None:
    (share,), (difference,) = curve_halves(*sampled(np.zeros(4), np.arange(4.0), np.ones((1, 4))))
    assert share == 1
    assert math.isnan(difference)


def test_risks_without_ties_are_means_of_the_easiest() -> None:
    random = np.random.default_rng(0)
    loss, hardness = random.exponential(size=(2, 200))
    easiest = loss[np.argsort(hardness)]
    found = curve_risks(*sampled(hardness, loss, np.ones((1, 200))), [0.05, 0.5, 0.95, 1.0])[:, 0]
    assert found == pytest.approx([easiest[:count].mean() for count in (10, 100, 190, 200)], abs=1e-12)


def test_of_a_tie_that_is_cut_each_token_is_taken_in_part() -> None:
    loss, hardness = np.array([1.0, 2.0, 6.0, 9.0]), np.array([0.0, 1.0, 1.0, 2.0])
    curve, losses = sampled(hardness, loss, np.array([[1, 1, 1, 1], [0, 1, 1, 0]]))
    found = curve_risks(curve, losses, [0.25, 0.5, 0.75, 0.9, 1.0])
    assert found[:, 0] == pytest.approx([1, 5 / 2, 3, (9 + 0.6 * 9) / 3.6, 4.5])
    assert found[:, 1] == pytest.approx([4, 4, 4, 4, 4])
