"""Average precision against scikit-learn: ties, ragged sizes, samples; and where it is undefined."""

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from easyhard.evaluation.auprc import curve_auprc
from easyhard.evaluation.curve import make_curve
from easyhard.evaluation.groups import equal_scores, group_sums


def auprc(hardness: np.ndarray, hard: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Of samples that hold each token so many times, (samples, tokens)."""
    groups = equal_scores(hardness)
    tokens = np.stack([group_sums(groups, weights) for weights in times], axis=1)
    counts = np.stack([group_sums(groups, weights * hard) for weights in times], axis=1)
    return curve_auprc(make_curve(tokens, groups.mixed), counts)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("tokens", "decimals"), [(1, 3), (17, 0), (255, 1), (507, 8), (4001, 2)])
def test_equals_scikit_learn_on_repeated_rows(tokens: int, decimals: int, dtype: type) -> None:
    random = np.random.default_rng(tokens)
    hard = random.random(tokens) < 0.3
    hard[0] = True
    hardness = (hard + random.normal(size=tokens)).round(decimals).astype(dtype)
    times = random.integers(0, 4, (5, tokens))
    times[0], times[:, 0] = 1, 1
    expected = [average_precision_score(np.repeat(hard, weights), np.repeat(hardness, weights)) for weights in times]
    assert auprc(hardness, hard, times) == pytest.approx(expected, abs=1e-12)


def test_a_constant_signal_reaches_the_prevalence() -> None:
    hard = np.array([True, False, False, True, False])
    assert auprc(np.zeros(5), hard, np.ones((1, 5)))[0] == pytest.approx(0.4, abs=1e-15)


def test_without_hard_tokens_it_is_undefined() -> None:
    assert math.isnan(auprc(np.arange(5.0), np.zeros(5, dtype=bool), np.ones((1, 5)))[0])
