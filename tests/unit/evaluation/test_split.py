"""The median split: ties go to easy, whichever way the signal points."""

import math

import numpy as np
import pytest

from easyhard.evaluation.split import median_split, oracle_loss_diff, split_losses


@pytest.mark.parametrize(
    ("values", "high_means_easy", "easy"),
    [
        ([1, 2, 3, 4], True, [False, False, True, True]),
        ([1, 2, 3, 4], False, [True, True, False, False]),
        ([1, 2, 2, 3], True, [False, True, True, True]),
        ([1, 2, 2, 3], False, [True, True, True, False]),
        ([1, 2, 3], True, [False, True, True]),
        ([5, 5, 5], True, [True, True, True]),
        ([5, 5, 5], False, [True, True, True]),
    ],
)
def test_median_split(values: list[float], high_means_easy: bool, easy: list[bool]) -> None:
    assert median_split(np.array(values, dtype=float), high_means_easy).tolist() == easy


def test_split_losses_by_hand() -> None:
    figures = split_losses(np.array([1.0, 3.0, 10.0, 20.0]), np.array([True, True, False, False]))
    assert figures == {"easy_loss": 2.0, "hard_loss": 15.0, "loss_diff": 13.0}


def test_an_empty_part_leaves_its_mean_and_the_difference_undefined() -> None:
    figures = split_losses(np.array([1.0, 3.0]), np.array([True, True]))
    assert figures["easy_loss"] == 2.0
    assert math.isnan(figures["hard_loss"])
    assert math.isnan(figures["loss_diff"])


def test_no_split_in_halves_beats_the_oracle() -> None:
    random = np.random.default_rng(0)
    loss = random.exponential(size=100)
    half = np.arange(100) < 50
    best = oracle_loss_diff(loss)
    assert all(split_losses(loss, random.permutation(half))["loss_diff"] < best for _ in range(200))
