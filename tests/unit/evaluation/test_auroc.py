"""AUROC against scikit-learn: ties, ragged sizes, weights; and where it is undefined."""

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from easyhard.evaluation.auroc import auroc, curve_auroc
from easyhard.evaluation.curve import make_curve
from easyhard.evaluation.groups import equal_scores, group_sums


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("tokens", "decimals"), [(2, 3), (17, 0), (255, 1), (507, 8), (4001, 2)])
def test_equals_scikit_learn(tokens: int, decimals: int, dtype: type) -> None:
    random = np.random.default_rng(tokens)
    hard = random.random(tokens) < 0.7
    hard[:2] = [True, False]
    hardness = (hard + random.normal(size=tokens)).round(decimals).astype(dtype)
    assert auroc(hardness, hard) == pytest.approx(roc_auc_score(hard, hardness), abs=1e-12)


def test_by_hand() -> None:
    hard = np.array([True, True, False, False])
    assert auroc(np.array([3.0, 1.0, 1.0, 0.0]), hard) == 0.875
    assert auroc(np.zeros(4), hard) == 0.5
    assert auroc(-hard.astype(float), hard) == 0.0


@pytest.mark.parametrize("hard", [np.ones(5, dtype=bool), np.zeros(5, dtype=bool)])
def test_without_a_pair_it_is_undefined(hard: np.ndarray) -> None:
    assert math.isnan(auroc(np.arange(5.0), hard))


def test_samples_equal_scikit_learn_on_repeated_rows() -> None:
    random = np.random.default_rng(3)
    hard, times = random.random(301) < 0.4, random.integers(0, 4, (6, 301))
    hardness = (hard + random.normal(size=301)).round(1)
    groups = equal_scores(hardness)
    tokens = np.stack([group_sums(groups, weights) for weights in times], axis=1)
    counts = np.stack([group_sums(groups, weights * hard) for weights in times], axis=1)
    expected = [roc_auc_score(np.repeat(hard, weights), np.repeat(hardness, weights)) for weights in times]
    assert curve_auroc(make_curve(tokens, groups.mixed), counts) == pytest.approx(expected, abs=1e-12)
