"""Areas and their intervals against scikit-learn, resamples and draws."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from easyhard.signals.areas import Area, area, clusters_of

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("digits", [0, 1, 9])
def test_an_area_is_the_share_of_pairs_in_order(digits: int) -> None:
    scores = np.round(RANDOM.normal(size=507), digits)  # with ties
    hard = RANDOM.random(507) < 0.3
    found = area(scores, hard)
    assert found.value == pytest.approx(roc_auc_score(hard, scores), abs=1e-12)
    assert found.influence.sum() == pytest.approx(0, abs=1e-12)


def test_an_expected_area_is_the_mean_over_draws() -> None:
    probability = RANDOM.beta(0.5, 1, size=2000)
    scores = probability + 0.2 * RANDOM.normal(size=2000)
    draws = [roc_auc_score(RANDOM.random(2000) < probability, scores) for _ in range(400)]
    assert area(scores, probability).value == pytest.approx(np.mean(draws), abs=4 * np.std(draws) / 20)


def test_the_influence_is_what_leaving_a_token_out_changes() -> None:
    scores, hard = RANDOM.normal(size=60), RANDOM.random(60) < 0.4
    found = area(scores, hard)
    for token in range(60):
        kept = np.arange(60) != token
        without = roc_auc_score(hard[kept], scores[kept])
        same_kind = int((hard == hard[token]).sum())
        assert (found.value - without) * (same_kind - 1) / same_kind == pytest.approx(found.influence[token], abs=1e-9)


def test_intervals_hold_the_area_of_all_documents() -> None:
    """Of 400 samples of 40 documents, whose tokens are alike; taken one by one they would hold it far less often."""
    held, alone = 0, 0
    for _ in range(400):
        effect = RANDOM.normal(size=(40, 1))
        truth = effect + RANDOM.normal(size=(40, 25))
        scores, hard = (truth + effect).ravel(), (truth + RANDOM.normal(size=truth.shape)).ravel() > 0
        found = area(scores, hard)
        low, high = found.interval(np.repeat(np.arange(40), 25))
        held += low <= AREA <= high
        low, high = found.interval(np.arange(1000))
        alone += low <= AREA <= high
    assert 0.92 <= held / 400 <= 0.98
    assert alone < held


def _area_of_all() -> float:
    effect = RANDOM.normal(size=(20_000, 1))
    truth = effect + RANDOM.normal(size=(20_000, 25))
    hard = truth + RANDOM.normal(size=truth.shape) > 0
    return area((truth + effect).ravel(), hard.ravel()).value


AREA = _area_of_all()


def test_one_cluster_has_no_interval() -> None:
    assert np.isnan(Area(0.7, np.ones(5)).interval(np.zeros(5, dtype=int))).all()


def test_few_documents_give_way_to_sequences() -> None:
    document, sequence = np.repeat(np.arange(30), 4), np.arange(120) // 2 % 2
    np.testing.assert_array_equal(clusters_of(document, sequence), document)
    few = clusters_of(document // 2, sequence)
    assert few.max() + 1 == 30
    assert len(np.unique(np.stack([document // 2, sequence, few]), axis=1).T) == 30
