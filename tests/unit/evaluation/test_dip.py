"""The dip against its package, and thinning against tokens that repeat each other."""

import math

import diptest
import numpy as np
import pytest

from easyhard.evaluation.dip import dip, thinned_p_value


def test_dip_is_the_packages() -> None:
    values = np.random.default_rng(0).normal(size=300)
    assert dip(values) == diptest.diptest(values)[0]


def test_one_token_a_sequence_means_no_thinning() -> None:
    values = np.random.default_rng(1).normal(size=200)
    sequence = np.random.default_rng(2).permutation(200)
    assert thinned_p_value(values, sequence, seed=0) == pytest.approx(diptest.diptest(values)[1])


def test_two_modes_are_found_and_one_is_not_denied() -> None:
    random = np.random.default_rng(3)
    sequence = np.repeat(np.arange(400), 8)
    one = random.normal(size=3_200)
    two = one + 6 * random.integers(2, size=3_200)
    assert thinned_p_value(two, sequence, seed=0) < 0.01
    assert thinned_p_value(one, sequence, seed=0) > 0.2


def test_tokens_that_repeat_each_other_are_no_evidence() -> None:
    """Ten sequences of one mode, each said 300 times over: all tokens together look like many modes."""
    random = np.random.default_rng(4)
    sequence = np.repeat(np.arange(10), 300)
    values = random.normal(size=10)[sequence] + 0.01 * random.normal(size=3_000)
    assert diptest.diptest(values)[1] < 0.001
    assert thinned_p_value(values, sequence, seed=0) > 0.1


def test_the_seed_decides() -> None:
    random = np.random.default_rng(5)
    values, sequence = random.normal(size=500), random.integers(50, size=500)
    assert thinned_p_value(values, sequence, seed=1) == thinned_p_value(values, sequence, seed=1)
    assert thinned_p_value(values, sequence, seed=1) != thinned_p_value(values, sequence, seed=2)


def test_too_few_sequences_say_nothing() -> None:
    assert math.isnan(thinned_p_value(np.arange(9.0), np.repeat([0, 1, 2], 3), seed=0))
