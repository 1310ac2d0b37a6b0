"""High-confidence subsets: counts, correlations inside, and where there are too few tokens."""

import numpy as np
import pytest
from scipy.stats import pearsonr

from easyhard.evaluation.high_confidence import high_confidence_rows


def test_against_a_direct_count() -> None:
    random = np.random.default_rng(0)
    confidence = np.concatenate([[0.5], np.full(99, 0.95), random.uniform(0, 0.9, size=2_000)])
    loss = -np.log(confidence) + random.exponential(size=2_100)
    margin = confidence + random.normal(size=2_100)
    rows = high_confidence_rows({"margin": margin, "max_probability": confidence}, loss)
    found = {(row.item, row.metric): row.value for row in rows}
    for threshold in (0.3, 0.5, 0.6, 0.7, 0.8):
        high = confidence >= threshold
        assert found[str(threshold), "tokens"] == high.sum()
        assert found[str(threshold), "share"] == high.mean()
        assert found[str(threshold), "pearson_margin"] == pytest.approx(pearsonr(margin[high], loss[high]).statistic)
    assert found["0.5", "high_mean_loss"] == loss[confidence >= 0.5].mean()
    assert found["0.5", "low_mean_loss"] == loss[confidence < 0.5].mean()
    assert ("0.6", "high_mean_loss") not in found


@pytest.mark.parametrize(("tokens", "given"), [(99, False), (100, True)])
def test_correlations_need_a_hundred_tokens(tokens: int, given: bool) -> None:
    confidence = np.concatenate([np.linspace(0.91, 0.99, tokens), np.linspace(0, 0.2, 50)])
    rows = high_confidence_rows({"max_probability": confidence}, 1 - confidence**2)
    found = {(row.item, row.metric): row.value for row in rows}
    assert found["0.9", "tokens"] == tokens
    assert (found["0.9", "pearson_max_probability"] is not None) == given


def test_nobody_is_sure() -> None:
    rows = high_confidence_rows({"max_probability": [0.1, 0.2]}, [2.0, 4.0])
    found = {(row.item, row.metric): row.value for row in rows}
    assert found["0.5", "tokens"] == 0
    assert found["0.5", "high_mean_loss"] is None
    assert found["0.5", "low_mean_loss"] == 3.0
