"""AUGRC against its definition over pairs, and against drawn orders of ties; the ratio that is made from it."""

import math

import numpy as np
import pytest

from easyhard.evaluation.augrc import augrc, curve_augrc, prediction_rejection_ratio, random_augrc
from easyhard.evaluation.curve import Curve, make_curve
from easyhard.evaluation.groups import equal_scores, group_sums


def curve_and_risk(hardness: np.ndarray, risk: np.ndarray) -> tuple[Curve, np.ndarray]:
    groups = equal_scores(hardness)
    return make_curve(group_sums(groups, np.ones(len(risk)))[:, None], groups.mixed), group_sums(groups, risk)[:, None]


def area_of_order(risk_in_order: np.ndarray) -> float:
    """The area by trapezoids, token by token, easiest first: accepted risk over all tokens, from none accepted on."""
    curve = np.concatenate([[0.0], np.cumsum(risk_in_order)]) / len(risk_in_order)
    return float(np.trapezoid(curve, dx=1 / len(risk_in_order)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("tokens", "decimals"), [(1, 3), (2, 0), (17, 0), (255, 1), (507, 8)])
def test_equals_the_mean_over_pairs(tokens: int, decimals: int, dtype: type) -> None:
    random = np.random.default_rng(tokens)
    hardness = random.normal(size=tokens).round(decimals).astype(dtype)
    for risk in (random.gamma(2.0, 3.0, tokens), (random.random(tokens) < 0.6).astype(float)):
        easier = (hardness[:, None] < hardness) + (hardness[:, None] == hardness) / 2
        assert augrc(hardness, risk) == pytest.approx((risk[:, None] * easier).mean(), abs=1e-12)


def test_without_ties_it_is_the_area_under_the_curve() -> None:
    random = np.random.default_rng(0)
    risk, hardness = random.exponential(size=(2, 333))
    assert augrc(hardness, risk) == pytest.approx(area_of_order(risk[np.argsort(hardness)]), abs=1e-12)


def test_ties_are_the_mean_over_all_their_orders() -> None:
    random = np.random.default_rng(1)
    risk, hardness = random.exponential(size=40), random.integers(0, 4, 40).astype(float)
    drawn = [area_of_order(risk[np.lexsort([random.random(40), hardness])]) for _ in range(4000)]
    assert augrc(hardness, risk) == pytest.approx(np.mean(drawn), abs=5 * np.std(drawn) / math.sqrt(4000))


def test_ratio_from_random_to_oracle() -> None:
    risk = np.array([0.0, 1.0, 2.0, 5.0])
    curve, sums = curve_and_risk(risk, risk)
    oracle, random = curve_augrc(curve, sums), random_augrc(curve, sums)
    assert random[0] == pytest.approx(risk.mean() / 2)
    assert prediction_rejection_ratio(oracle, random, oracle)[0] == 1
    for hardness, expected in ((-risk, -1.0), (np.zeros(4), 0.0), (np.array([0.0, 2.0, 1.0, 3.0]), 7 / 8)):
        area = curve_augrc(*curve_and_risk(hardness, risk))
        assert prediction_rejection_ratio(area, random, oracle)[0] == pytest.approx(expected, abs=1e-15)


def test_where_all_risks_are_equal_the_ratio_is_undefined() -> None:
    curve, sums = curve_and_risk(np.full(7, 0.1), np.full(7, 0.1))
    area = curve_augrc(curve, sums)
    assert math.isnan(prediction_rejection_ratio(area, random_augrc(curve, sums), area)[0])
