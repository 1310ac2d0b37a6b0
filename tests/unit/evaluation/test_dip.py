"""Modes: densities whose modes are known; the dip test, to which tokens that repeat each other are no evidence."""

import math

import diptest
import numpy as np
import pytest
from scipy.stats import norm

from easyhard.evaluation.density import loss_density
from easyhard.evaluation.dip import dip, dip_interval, thinned_p_value

from .simulated import correlated_losses, quantile


def test_one_token_a_sequence_means_no_thinning() -> None:
    values = np.random.default_rng(1).normal(size=200)
    sequence = np.random.default_rng(2).permutation(200)
    assert dip(values) == diptest.diptest(values)[0]
    assert thinned_p_value(values, sequence, seed=0) == pytest.approx(diptest.diptest(values)[1])


def test_tokens_that_repeat_each_other_are_no_evidence() -> None:
    """Ten sequences of one mode, each said 300 times over: all tokens together look like many modes."""
    random = np.random.default_rng(4)
    sequence = np.repeat(np.arange(10), 300)
    values = random.normal(size=10)[sequence] + 0.01 * random.normal(size=3_000)
    assert diptest.diptest(values)[1] < 0.001
    assert thinned_p_value(values, sequence, seed=0) > 0.1


@pytest.mark.parametrize(
    ("shape", "sequences", "corpora", "least", "most"),
    [("gamma", 80, 120, 0, 0.05), ("uniform", 80, 120, 0, 0.05), ("mixture", 150, 40, 0.95, 1)],
)
def test_one_mode_is_seldom_called_several_and_a_planted_mixture_is(
    shape: str, sequences: int, corpora: int, least: float, most: float
) -> None:
    called = np.zeros(2)
    for seed in range(corpora):
        loss, sequence = correlated_losses(shape, sequences, seed)
        called += dip_interval(loss, sequence, seed=seed)[0] > 0, thinned_p_value(loss, sequence, seed=seed) < 0.05
    assert ((least <= called / corpora) & (called / corpora <= most)).all()


def test_the_interval_holds_the_populations_dip_and_is_as_wide_as_dips_differ() -> None:
    true = dip(quantile("mixture", (np.arange(100_000) + 0.5) / 100_000))
    held, widths, dips = 0, [], []
    for seed in range(50):
        loss, sequence = correlated_losses("mixture", 400, seed)
        low, high = dip_interval(loss, sequence, seed=seed)
        held += low <= true <= high
        widths.append(high - low)
        dips.append(dip(loss))
    assert held >= 44
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.std(dips), rel=0.3)


def test_fewer_than_four_sequences_say_nothing() -> None:
    values, three = np.arange(9.0), np.repeat([4, 6, 8], 3)
    assert all(map(math.isnan, (thinned_p_value(values, three, seed=0), *dip_interval(values, three, seed=0))))
    assert all(map(math.isfinite, dip_interval(np.arange(12.0), np.repeat([4, 6, 8, 9], 3), seed=0)))


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
