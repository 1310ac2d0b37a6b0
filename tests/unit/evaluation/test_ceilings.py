"""Ceilings: what a calibrated toy model reaches, what a miscalibrated one does not, and every figure's definition."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from easyhard.errors import InputError
from easyhard.evaluation.ceilings import ceiling_rows

WORDS = 40
THRESHOLDS = {"loss_over_2": 2.0, "loss_over_3": 3.0}


def softmax(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def model(tokens: int, random: np.random.Generator) -> np.ndarray:
    """Logits (tokens, words) of some that are sure and some that are not."""
    return random.normal(size=(tokens, WORDS)) * random.uniform(0.3, 3.5, size=(tokens, 1))


def draw(p: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A word of each row, by its probabilities."""
    cumulative = np.cumsum(p, axis=1)
    return np.minimum((random.random((len(p), 1)) > cumulative).sum(axis=1), WORDS - 1)


def losses(p: np.ndarray, words: np.ndarray) -> np.ndarray:
    return -np.log(p[np.arange(len(p)), words])


def tail_mass(p: np.ndarray, threshold: float) -> np.ndarray:
    return np.where(-np.log(p) > threshold, p, 0).sum(axis=1)


def entropy(p: np.ndarray) -> np.ndarray:
    return -(p * np.log(p)).sum(axis=1)


def ceilings(p: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    masses = {name: tail_mass(p, threshold) for name, threshold in THRESHOLDS.items()}
    rows = ceiling_rows(masses, THRESHOLDS, entropy(p), drawn)
    assert {row.section for row in rows} == {"fair_ceilings"}
    return {f"{row.item} {row.metric}": row.value for row in rows if row.value is not None}


def drawn_losses(p: np.ndarray, draws: int, random: np.random.Generator) -> np.ndarray:
    return np.stack([losses(p, draw(p, random)) for _ in range(draws)], axis=1)


def expected_auroc(probability: np.ndarray) -> float:
    """Of labels that are positive with this probability, by which they are ranked: won pairs over pairs, expected."""
    q = np.sort(probability)
    below = np.cumsum(1 - q) - (1 - q)
    won, pairs = (q * below).sum(), q.sum() * (1 - q).sum() - (q * (1 - q)).sum()
    return won / pairs


@pytest.mark.parametrize("seed", range(6))
def test_a_calibrated_model_reaches_its_ceiling_and_another_does_not(seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = model(5_000, random)
    p, truth = softmax(logits), softmax(logits + 3.0 * random.normal(size=logits.shape))
    found = ceilings(p, drawn_losses(p, 6, random))
    real, shifted = losses(p, draw(p, random)), losses(p, draw(truth, random))
    for name, threshold in THRESHOLDS.items():
        mass, ceiling = tail_mass(p, threshold), found[f"{name} auroc"]
        assert roc_auc_score(real > threshold, mass) == pytest.approx(ceiling, abs=0.025)  # three standard errors
        assert roc_auc_score(shifted > threshold, mass) < ceiling - 0.025
    assert spearmanr(entropy(p), real).statistic == pytest.approx(found["loss spearman"], abs=0.05)
    assert spearmanr(entropy(p), shifted).statistic < found["loss spearman"] - 0.05


def test_auroc_against_its_expectation() -> None:
    """The mean over draws of a few hundred tokens, against sums over pairs weighted with their probabilities."""
    random = np.random.default_rng(10)
    p = softmax(model(507, random))
    drawn = drawn_losses(p, 60, random)
    found = ceilings(p, drawn)
    for name, threshold in THRESHOLDS.items():
        mass = tail_mass(p, threshold)
        single = np.std([roc_auc_score(drawn[:, k] > threshold, mass) for k in range(60)])
        assert found[f"{name} auroc"] == pytest.approx(expected_auroc(mass), abs=4 * single / math.sqrt(60))


def test_no_other_score_does_better_on_drawn_targets() -> None:
    random = np.random.default_rng(11)
    p = softmax(model(3_000, random))
    drawn = drawn_losses(p, 20, random)
    found = ceilings(p, drawn)
    for other in (-p.max(axis=1), entropy(p), tail_mass(p, 2.5), -(p**2).sum(axis=1)):
        areas = [roc_auc_score(drawn[:, k] > 3, other) for k in range(20)]
        assert np.mean(areas) < found["loss_over_3 auroc"]
        rows = ceiling_rows({}, {}, other + random.normal(size=3_000), drawn)
        assert next(row.value for row in rows if row.metric == "augrc") > found["loss augrc"]


def test_figures_of_the_loss_against_their_definitions() -> None:
    random = np.random.default_rng(12)
    p = softmax(model(123, random))
    score, drawn = np.round(entropy(p), 1), drawn_losses(p, 3, random)  # rounded: ties
    rows = ceiling_rows({}, {}, score, drawn)
    found = {row.metric: row.value for row in rows if row.item == "loss"}
    easier = (score[:, None] < score) + 0.5 * (score[:, None] == score)
    easy = score <= np.median(score)
    differences, oracles = [], []
    for loss in drawn.T:
        differences.append(loss[~easy].mean() - loss[easy].mean())
        half = loss <= np.median(loss)
        oracles.append(loss[~half].mean() - loss[half].mean())
    assert found["spearman"] == pytest.approx(np.mean([spearmanr(score, loss).statistic for loss in drawn.T]))
    assert found["augrc"] == pytest.approx(np.mean([(loss[:, None] * easier).mean() for loss in drawn.T]), rel=1e-9)
    assert found["loss_diff"] == pytest.approx(np.mean(differences))
    assert found["oracle_share"] == pytest.approx(np.mean(np.divide(differences, oracles)))


def test_bad_arguments_are_named() -> None:
    drawn = np.ones((3, 2))
    with pytest.raises(InputError, match=r"thresholds: none for loss_over_3; there are loss_over_2"):
        ceiling_rows({"loss_over_3": [0.1, 0.2, 0.3]}, {"loss_over_2": 2.0}, [1, 2, 3], drawn)
    with pytest.raises(InputError, match=r"drawn_losses: shape \(3,\); \(tokens, draws\) with at least one draw"):
        ceiling_rows({}, {}, [1, 2, 3], np.ones(3))
    with pytest.raises(InputError, match="drawn_losses 0: 3 tokens; 4 are wanted"):
        ceiling_rows({}, {}, [1, 2, 3, 4], drawn)
