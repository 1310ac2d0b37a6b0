"""Lines that calibrate."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LinearRegression, LogisticRegression

from easyhard.probes.calibration import Line, least_squares_line, platt_line


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


def test_least_squares() -> None:
    random = np.random.default_rng(2)
    x = random.normal(5, 2, 503)
    y = 0.3 * x - 2 + random.normal(size=503)
    line, truth = least_squares_line(x, y), LinearRegression().fit(x[:, None], y)
    assert (line.slope, line.intercept) == (pytest.approx(truth.coef_[0]), pytest.approx(truth.intercept_))


def test_an_order_is_never_turned_around() -> None:
    x, kept = np.linspace(0, 1, 50), Line(1.0, 0.0)
    assert least_squares_line(x, -x) == kept
    assert platt_line(x, (x < 0.5).astype(float)) == kept
    assert least_squares_line(np.ones(50), x) == kept
    np.testing.assert_array_equal(kept.at(x), x)
