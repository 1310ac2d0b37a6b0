"""Ceilings and calibration: what a calibrated toy model reaches, what another does not, and every definition."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from easyhard.errors import InputError
from easyhard.evaluation.ceilings import BINS, Softmax, calibration_rows, ceiling_rows

from .simulated import figures

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
    rows = ceiling_rows(masses, THRESHOLDS, entropy(p), list(drawn.T))
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
        rows = ceiling_rows({}, {}, other + random.normal(size=3_000), list(drawn.T))
        assert next(row.value for row in rows if row.metric == "augrc") > found["loss augrc"]


def test_figures_of_the_loss_against_their_definitions() -> None:
    random = np.random.default_rng(12)
    p = softmax(model(123, random))
    score, drawn = np.round(entropy(p), 1), drawn_losses(p, 3, random)  # rounded: ties
    rows = ceiling_rows({}, {}, score, list(drawn.T))
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


def judged(confidence: np.ndarray, right: np.ndarray) -> dict[str, float | None]:
    return figures(calibration_rows({"model": Softmax(1.0, confidence, np.ones(len(right)))}, right), "model")


def drawn(tokens: int, error: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A model that is right less often than it is sure, by `error`."""
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.3, 0.95, size=tokens)
    return confidence, random.random(tokens) < confidence - error


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
    right = np.array([True, False, True, True])
    sure, unsure = np.full(4, 0.9), np.full(4, 0.75)
    rows = calibration_rows(
        {
            "model": Softmax(1.0, sure, np.array([1.0, 2.0, 3.0, 4.0])),
            "temperature": Softmax(1.5, unsure, np.array([1.0, 1.0, 1.0, 2.0])),
        },
        right,
    )
    common = {"accuracy": 0.75}
    assert figures(rows, "model") == pytest.approx(
        common | {"temperature": 1.0, "ece": 0.15, "nll": 2.5, "mean_confidence": 0.9}
    )
    assert figures(rows, "temperature") == pytest.approx(
        common | {"temperature": 1.5, "ece": 0.0, "nll": 1.25, "mean_confidence": 0.75}
    )
    assert {row.section for row in rows} == {"fair_calibration"}


@pytest.mark.parametrize("seed", range(5))
def test_a_calibrated_model_and_one_that_is_too_sure(seed: int) -> None:
    assert judged(*drawn(60_000, 0.0, seed))["ece"] < 0.01
    assert judged(*drawn(60_000, 0.2, seed))["ece"] == pytest.approx(0.2, abs=0.01)


def test_what_chance_makes_of_a_calibrated_model() -> None:
    random = np.random.default_rng(2)
    found = []
    for _ in range(200):
        confidence = random.uniform(0.29, 0.31, size=1_500)
        found.append(judged(confidence, random.random(1_500) < confidence)["ece"])
    assert np.mean(found) == pytest.approx(math.sqrt(2 * BINS * 0.3 * 0.7 / (math.pi * 1_500)), rel=0.05)


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(InputError, match=r"model max_probability: 0.5 … 1.5; probabilities are wanted"):
        judged(np.array([0.5, 1.5]), np.array([True, False]))
