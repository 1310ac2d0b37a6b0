"""Standardised inputs whatever the type, shift or spread of the columns; and lines that calibrate."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.linear_model import LinearRegression, LogisticRegression

from easyhard.probes.calibration import Line, least_squares_line, platt_line
from easyhard.probes.standardise import Inputs, moments
from probe_data import states


@pytest.mark.parametrize("tokens", [1, 255, 20_001])
def test_moments_are_those_of_float64(tokens: int) -> None:
    values = states(tokens, 7) * torch.arange(1, 8) + 3
    rows = torch.randperm(tokens, generator=torch.Generator().manual_seed(1))[: tokens // 2 + 1]
    found = moments([values[:, :5], values[:, 5:]], rows)
    expected = values[rows].double().numpy()
    np.testing.assert_allclose(found.mean, expected.mean(0), rtol=1e-6)
    deviation = expected.std(0)
    np.testing.assert_allclose(found.deviation, np.where(deviation > 0, deviation, 1), rtol=1e-6)

    large = values[:, :1].double() + 1e4  # a common value costs no digits
    deviation = large[rows].numpy().std(0)
    expected = np.where(deviation > 0, deviation, 1)
    np.testing.assert_allclose(moments([large], rows).deviation, expected, rtol=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e5])
def test_a_column_that_is_constant_but_for_rounding_becomes_zero(value: float) -> None:
    values = torch.cat([states(300, 1), torch.full((300, 1), value)], 1)
    values[::2, 1] = torch.nextafter(values[::2, 1], torch.zeros(()))
    x = Inputs([values], moments([values], torch.arange(300))).at(torch.arange(300))
    assert x[:, 1].abs().max() < 0.01
    assert x[:, 0].std(correction=0) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_float_type_is_read_as_float32_with_a_last_one(dtype: torch.dtype) -> None:
    hidden, context = states(50, 3).to(dtype), states(50, 2, seed=1)
    groups = [hidden, context]
    x = Inputs(groups, moments(groups, torch.arange(30))).at(torch.tensor([4, 49]))
    assert (x.dtype, x.shape) == (torch.float32, (2, 6))
    whole = np.hstack([hidden.double().numpy(), context.numpy()])
    expected = (whole[[4, 49]] - whole[:30].mean(0)) / whole[:30].std(0)
    np.testing.assert_allclose(x, np.hstack([expected, np.ones((2, 1))]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_platt_is_logistic_regression_in_any_unit(scale: float) -> None:
    """Of logits three times too large and one too high."""
    random = np.random.default_rng(1)
    true = random.normal(-1, 1, 5_001)
    logits, labels = 3 * true + 1, (random.random(5_001) < expit(true)).astype(float)
    line = platt_line(scale * logits, labels)
    truth = LogisticRegression(C=np.inf, tol=1e-10).fit(logits[:, None], labels)
    assert line.slope * scale == pytest.approx(truth.coef_[0, 0], rel=1e-4)
    assert line.intercept == pytest.approx(truth.intercept_[0], rel=1e-4, abs=1e-5)
    assert line.slope * scale == pytest.approx(1 / 3, abs=0.03)


def test_platt_with_soft_labels_and_with_separable_ones() -> None:
    logits = np.linspace(-4, 5, 1_001)
    line = platt_line(logits, expit(0.7 * logits - 0.4))
    assert (line.slope, line.intercept) == (pytest.approx(0.7, abs=1e-5), pytest.approx(-0.4, abs=1e-5))
    line = platt_line(logits, (logits > 0.3).astype(float))
    assert np.isfinite([line.slope, line.intercept]).all()
    assert ((expit(line.at(logits)) > 0.5) == (logits > 0.3)).all()


def test_least_squares_and_that_an_order_is_never_turned_around() -> None:
    random = np.random.default_rng(2)
    x = random.normal(5, 2, 503)
    y = 0.3 * x - 2 + random.normal(size=503)
    line, truth = least_squares_line(x, y), LinearRegression().fit(x[:, None], y)
    assert (line.slope, line.intercept) == (pytest.approx(truth.coef_[0]), pytest.approx(truth.intercept_))
    kept = Line(1.0, 0.0)
    assert least_squares_line(x, -x) == least_squares_line(np.ones(503), x) == kept
    assert platt_line(x, (x < 5).astype(float)) == kept
    np.testing.assert_array_equal(kept.at(x), x)
