"""Lines that calibrate, and the error that they repair."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LinearRegression, LogisticRegression

from easyhard.errors import InputError
from easyhard.probes.calibration import Line, expected_calibration_error, least_squares_line, platt_line


def overconfident(tokens: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits three times too large and one too high, and the labels."""
    random = np.random.default_rng(seed)
    true = random.normal(-1, 1, tokens)
    return 3 * true + 1, (random.random(tokens) < expit(true)).astype(float)


def test_platt_repairs_a_planted_miscalibration() -> None:
    logits, labels = overconfident(60_000)
    line = platt_line(logits[:20_000], labels[:20_000])
    assert line.slope == pytest.approx(1 / 3, abs=0.02)
    assert line.intercept == pytest.approx(-1 / 3, abs=0.06)
    judged, truth = logits[20_000:], labels[20_000:]
    assert expected_calibration_error(expit(judged), truth) > 0.1
    # 15 bins of 2,667 labels: chance alone gives about sqrt(2 / pi · .18 / 2,667) = .0066
    assert expected_calibration_error(expit(line.at(judged)), truth) < 0.015


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_platt_is_logistic_regression_in_any_unit(scale: float) -> None:
    logits, labels = overconfident(5_001, seed=1)
    line = platt_line(scale * logits, labels)
    truth = LogisticRegression(C=np.inf, tol=1e-10).fit(logits[:, None], labels)
    assert line.slope * scale == pytest.approx(truth.coef_[0, 0], rel=1e-4)
    assert line.intercept == pytest.approx(truth.intercept_[0], rel=1e-4, abs=1e-5)


def test_platt_with_soft_labels() -> None:
    logits = np.linspace(-4, 5, 1_001)
    line = platt_line(logits, expit(0.7 * logits - 0.4))
    assert (line.slope, line.intercept) == (pytest.approx(0.7, abs=1e-5), pytest.approx(-0.4, abs=1e-5))


def test_separable_labels_give_a_finite_line() -> None:
    logits = np.linspace(-1, 1, 100)
    line = platt_line(logits, (logits > 0.3).astype(float))
    assert np.isfinite([line.slope, line.intercept]).all()
    assert not line.reversed
    assert ((expit(line.at(logits)) > 0.5) == (logits > 0.3)).all()


def test_least_squares() -> None:
    random = np.random.default_rng(2)
    x = random.normal(5, 2, 503)
    y = 0.3 * x - 2 + random.normal(size=503)
    line, truth = least_squares_line(x, y), LinearRegression().fit(x[:, None], y)
    assert (line.slope, line.intercept) == (pytest.approx(truth.coef_[0]), pytest.approx(truth.intercept_))
    assert not line.reversed


def test_an_order_is_never_turned_around() -> None:
    x = np.linspace(0, 1, 50)
    kept = Line(1.0, 0.0, reversed=True)
    assert least_squares_line(x, -x) == kept
    assert platt_line(x, (x < 0.5).astype(float)) == kept
    assert least_squares_line(np.ones(50), x) == kept
    np.testing.assert_array_equal(kept.at(x), x)


def test_error_by_hand() -> None:
    probability = [0.9, 0.1, 0.3, 0.7, 0.2]  # in order .1 .2 .3 | .7 .9
    label = [1, 0, 1, 0, 0]  # ................. .0 .0 1. | .0 1.
    assert expected_calibration_error(probability, label, bins=2) == pytest.approx((0.4 + 0.6) / 5)
    assert expected_calibration_error(logit([0.5, 0.6]) * 0 + 0.5, [0, 1], bins=1) == 0


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        ([0.0, np.nan], [0, 1], "logits: 1 of 2 values are not finite"),
        ([0.0, 1.0], [0, np.inf], "probability: 1 of 2 values are not finite"),
        ([0.0, 1.0], [0, 2], r"probability: values from 0 to 2; values in \[0, 1\] are wanted"),
        ([0.0, 1.0], [0, 1, 1], r"probability: shape \(3,\)"),
        ([0.0], [1], r"logits: shape \(1,\)"),
    ],
)
def test_bad_columns(logits: list[float], labels: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        platt_line(logits, labels)
