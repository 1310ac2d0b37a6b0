"""Bad columns are named; the median's ties go to easy, whichever way a signal points."""

import math

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.evaluation.columns import finite, median_split, oracle_loss_diff, split_losses


def test_a_column_comes_back_as_float64() -> None:
    assert finite("a", np.array([1, 2], dtype=np.float32)).dtype == np.float64
    assert finite("b", [True, False]).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, np.nan], "margin: 1 of 2 values are not finite (first at row 1)"),
        ([np.inf, 2.0], "margin: 1 of 2 values are not finite (first at row 0)"),
        ([1.0], "margin: 1 tokens; at least two are wanted"),
        ([], "margin: 0 tokens; at least two are wanted"),
    ],
)
def test_bad_columns(values: list[float], message: str) -> None:
    with pytest.raises(InputError) as error:
        finite("margin", values)
    assert str(error.value).startswith(message)


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
    figures = split_losses(np.array([1.0, 3.0]), np.array([True, True]))
    assert figures["easy_loss"] == 2.0
    assert all(map(math.isnan, (figures["hard_loss"], figures["loss_diff"])))


def test_no_split_in_halves_beats_the_oracle() -> None:
    random = np.random.default_rng(0)
    loss = random.exponential(size=100)
    half = np.arange(100) < 50
    best = oracle_loss_diff(loss)
    assert all(split_losses(loss, random.permutation(half))["loss_diff"] < best for _ in range(200))
