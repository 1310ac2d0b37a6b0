"""Kernel density and modes on distributions whose modes are known."""

import numpy as np
import pytest
from scipy.stats import norm

from easyhard.evaluation.density import loss_density


def mixture(tokens: int = 20_000) -> np.ndarray:
    random = np.random.default_rng(0)
    parts = np.array([(2.0, 0.8), (8.0, 1.0), (17.0, 1.5)])[random.choice(3, p=[0.5, 0.4, 0.1], size=tokens)]
    return np.abs(random.normal(parts[:, 0], parts[:, 1]))


def test_modes_and_borders_of_a_mixture() -> None:
    density = loss_density(mixture())
    np.testing.assert_allclose(density.modes, [2, 8, 17], atol=0.3)
    assert 4 < density.borders[0] < 6
    assert 11 < density.borders[1] < 14
    assert np.trapezoid(density.values, density.grid) == pytest.approx(1, abs=0.01)


def test_density_is_scipys_normal_away_from_zero() -> None:
    loss = np.random.default_rng(1).normal(10, 1, size=20_000)
    density = loss_density(loss)
    smoothed = norm(10, np.hypot(1, density.bandwidth)).pdf(density.grid)
    np.testing.assert_allclose(density.values, smoothed, atol=0.02)
    assert density.bandwidth == pytest.approx(loss.std(ddof=1) * 20_000**-0.2)


@pytest.mark.parametrize("seed", range(5))
def test_an_exponential_has_one_mode_at_zero(seed: int) -> None:
    density = loss_density(np.random.default_rng(seed).exponential(3.0, size=3_000))
    assert len(density.modes) == 1
    assert density.modes[0] < 0.5
    assert len(density.borders) == 0
