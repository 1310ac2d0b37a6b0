"""Ceilings and calibration: what a calibrated toy model reaches, what another does not, and every definition."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from easyhard.errors import InputError
from easyhard.evaluation.ceilings import BINS, Softmax, calibration_rows, ceiling_rows

from .simulated import figures

WORDS = 40
THRESHOLDS = {"loss_over_2": 2.0, "loss_over_3": 3.0}


def model(tokens: int, random: np.random.Generator) -> np.ndarray:
    """Logits (tokens, words) of some that are sure and some that are not."""
    return random.normal(size=(tokens, WORDS)) * random.uniform(0.3, 3.5, size=(tokens, 1))


def drawn_losses(p: np.ndarray, truth: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Losses under p of a word of each row, drawn by its true probabilities."""
    words = (random.random((len(p), 1)) > np.cumsum(truth, axis=1)).sum(axis=1)
    return -np.log(p[np.arange(len(p)), np.minimum(words, WORDS - 1)])


def tail_mass(p: np.ndarray, threshold: float) -> np.ndarray:
    return np.where(-np.log(p) > threshold, p, 0).sum(axis=1)


def entropy(p: np.ndarray) -> np.ndarray:
    return -(p * np.log(p)).sum(axis=1)


@pytest.mark.parametrize("seed", range(3))
def test_a_calibrated_model_reaches_its_ceiling_and_another_does_not(seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = model(5_000, random)
    p, truth = softmax(logits, axis=1), softmax(logits + 3.0 * random.normal(size=logits.shape), axis=1)
    masses = {name: tail_mass(p, threshold) for name, threshold in THRESHOLDS.items()}
    rows = ceiling_rows(masses, THRESHOLDS, entropy(p), [drawn_losses(p, p, random) for _ in range(6)])
    assert {row.section for row in rows} == {"fair_ceilings"}
    found = {f"{row.item} {row.metric}": row.value for row in rows}
    real, shifted = drawn_losses(p, p, random), drawn_losses(p, truth, random)
    for name, threshold in THRESHOLDS.items():
        mass, ceiling = tail_mass(p, threshold), found[f"{name} auroc"]
        assert roc_auc_score(real > threshold, mass) == pytest.approx(ceiling, abs=0.025)  # three standard errors
        assert roc_auc_score(shifted > threshold, mass) < ceiling - 0.025
    assert spearmanr(entropy(p), real).statistic == pytest.approx(found["loss spearman"], abs=0.05)
    assert spearmanr(entropy(p), shifted).statistic < found["loss spearman"] - 0.05


def test_figures_of_the_loss_against_their_definitions() -> None:
    random = np.random.default_rng(12)
    p = softmax(model(123, random), axis=1)
    score, draws = np.round(entropy(p), 1), [drawn_losses(p, p, random) for _ in range(3)]  # rounded: ties
    found = figures(ceiling_rows({}, {}, score, draws), "loss")
    easier = (score[:, None] < score) + 0.5 * (score[:, None] == score)
    easy = score <= np.median(score)
    differences, oracles = [], []
    for loss in draws:
        differences.append(loss[~easy].mean() - loss[easy].mean())
        half = loss <= np.median(loss)
        oracles.append(loss[~half].mean() - loss[half].mean())
    assert found["spearman"] == pytest.approx(np.mean([spearmanr(score, loss).statistic for loss in draws]))
    assert found["augrc"] == pytest.approx(np.mean([(loss[:, None] * easier).mean() for loss in draws]), rel=1e-9)
    assert found["loss_diff"] == pytest.approx(np.mean(differences))
    assert found["oracle_share"] == pytest.approx(np.mean(np.divide(differences, oracles)))


def test_against_a_direct_definition_with_ties_on_a_ragged_length() -> None:
    random = np.random.default_rng(0)
    confidence = np.round(random.uniform(0.1, 1, size=507), 2)
    right = random.random(507) < confidence**2
    bins: dict[int, list[int]] = {}
    for token, own in enumerate(confidence):
        middle = (confidence < own).sum() + (confidence == own).sum() / 2
        bins.setdefault(int(middle * BINS / 507), []).append(token)
    error = sum(len(b) / 507 * abs(right[b].mean() - confidence[b].mean()) for b in bins.values())
    rows = calibration_rows({"model": Softmax(1.0, confidence, np.ones(507))}, right)
    assert figures(rows, "model")["ece"] == pytest.approx(error, abs=1e-12)
    for number, key in enumerate(sorted(bins)):
        members = bins[key]
        expected = {"confidence": confidence[members].mean(), "accuracy": right[members].mean(), "tokens": len(members)}
        assert figures(rows, f"model/bin_{number:02d}") == pytest.approx(expected)


def test_each_model_has_its_own_figures() -> None:
    model = Softmax(1.0, np.full(4, 0.9), np.array([1.0, 2.0, 3.0, 4.0]))
    scaled = Softmax(1.5, np.full(4, 0.75), np.array([1.0, 1.0, 1.0, 2.0]))
    rows = calibration_rows({"model": model, "temperature": scaled}, np.array([True, False, True, True]))
    names = ("accuracy", "temperature", "ece", "nll", "mean_confidence")
    for item, values in (("model", (0.75, 1.0, 0.15, 2.5, 0.9)), ("temperature", (0.75, 1.5, 0.0, 1.25, 0.75))):
        assert figures(rows, item) == pytest.approx(dict(zip(names, values, strict=True)))
    assert {row.section for row in rows} == {"fair_calibration"}


def test_what_is_no_probability_is_refused() -> None:
    bad = Softmax(1.0, np.array([0.5, 1.5]), np.ones(2))
    with pytest.raises(InputError, match=r"model max_probability: 0.5 … 1.5; probabilities are wanted"):
        calibration_rows({"model": bad}, np.array([True, False]))
