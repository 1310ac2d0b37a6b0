"""Calibration against its definition, and on models whose error is known."""

import math

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.evaluation.calibration import BINS, Softmax, calibration_rows
from easyhard.evaluation.rows import Row


def figures(rows: list[Row], item: str) -> dict[str, float | None]:
    return {row.metric: row.value for row in rows if row.item == item}


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


def test_bins_have_equal_mass() -> None:
    confidence, right = drawn(1_007, 0.0, seed=1)
    rows = calibration_rows({"model": Softmax(1.0, confidence, np.ones(1_007))}, right)
    tokens = [row.value for row in rows if row.metric == "tokens"]
    assert len(tokens) == BINS
    assert sum(tokens) == 1_007
    assert {67.0, 68.0} == set(tokens)


def test_each_model_has_its_own_figures() -> None:
    right = np.array([True, False, True, True])
    sure, unsure = np.full(4, 0.9), np.full(4, 0.75)
    rows = calibration_rows(
        {"model": Softmax(1.0, sure, [1, 2, 3, 4]), "temperature": Softmax(1.5, unsure, [1, 1, 1, 2])}, right
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


def test_bad_columns_are_named() -> None:
    right = np.array([True, False])
    with pytest.raises(InputError, match=r"model max_probability: 0.5 … 1.5; probabilities are wanted"):
        calibration_rows({"model": Softmax(1.0, [0.5, 1.5], [1, 1])}, right)
    with pytest.raises(InputError, match="temperature loss: 3 tokens; 2 are wanted"):
        calibration_rows({"temperature": Softmax(2.0, [0.5, 0.5], [1, 1, 1])}, right)
