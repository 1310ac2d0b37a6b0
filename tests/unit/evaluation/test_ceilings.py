"""Ceilings and calibration: every definition, with ties."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from easyhard.evaluation.ceilings import BINS, calibration_rows, ceiling_rows
from easyhard.evaluation.ranking import augrc

from .simulated import figures, head_metrics, tail_mass


def test_ceilings_are_means_over_the_draws_of_figures_against_their_definitions() -> None:
    random = np.random.default_rng(12)
    logits = 2 * random.normal(size=(123, 40))
    p = softmax(logits, axis=1)
    draws = [-np.log([random.choice(row, p=row) for row in p]) for _ in range(3)]
    score, mass = np.round(head_metrics(logits)["entropy"], 1), np.round(tail_mass(p, 2), 1)  # rounded: ties
    rows = ceiling_rows({"loss_over_2": mass}, {"loss_over_2": 2.0}, score, draws, np.arange(123) // 3)
    assert {row.section for row in rows} == {"fair_ceilings"}
    areas = [roc_auc_score(loss > 2, mass) for loss in draws]
    assert figures(rows, "loss_over_2") == pytest.approx({"auroc": np.mean(areas)})
    (row,) = (row for row in rows if row.item == "loss_over_2")
    assert row.ci_low < row.value < row.ci_high
    alone = ceiling_rows({"loss_over_2": mass}, {"loss_over_2": 2.0}, score, draws, np.zeros(123, dtype=int))
    assert alone[0].ci_low is None  # one cluster has no spread
    found = figures(rows, "loss")
    easy = score <= np.median(score)
    differences, oracles = [], []
    for loss in draws:
        differences.append(loss[~easy].mean() - loss[easy].mean())
        half = loss <= np.median(loss)
        oracles.append(loss[~half].mean() - loss[half].mean())
    assert found["spearman"] == pytest.approx(np.mean([spearmanr(score, loss).statistic for loss in draws]))
    assert found["augrc"] == pytest.approx(np.mean([augrc(score, loss) for loss in draws]))
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
    rows = calibration_rows({"model": (1.0, confidence, np.ones(507))}, right)
    assert figures(rows, "model")["ece"] == pytest.approx(error, abs=1e-12)
    for number, key in enumerate(sorted(bins)):
        members = bins[key]
        expected = {"confidence": confidence[members].mean(), "accuracy": right[members].mean(), "tokens": len(members)}
        assert figures(rows, f"model/bin_{number:02d}") == pytest.approx(expected)


def test_each_model_has_its_own_figures() -> None:
    model = (1.0, np.full(4, 0.9), np.array([1.0, 2.0, 3.0, 4.0]))
    scaled = (1.5, np.full(4, 0.75), np.array([1.0, 1.0, 1.0, 2.0]))
    rows = calibration_rows({"model": model, "temperature": scaled}, np.array([True, False, True, True]))
    names = ("accuracy", "temperature", "ece", "nll", "mean_confidence")
    for item, values in (("model", (0.75, 1.0, 0.15, 2.5, 0.9)), ("temperature", (0.75, 1.5, 0.0, 1.25, 0.75))):
        assert figures(rows, item) == pytest.approx(dict(zip(names, values, strict=True)))
    assert {row.section for row in rows} == {"fair_calibration"}
