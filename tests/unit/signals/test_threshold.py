"""What stands in for a threshold by which a part has one kind of token alone."""

import logging

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.signals.threshold import hard_shares, parting_threshold
from easyhard.signals.tokens import TokenTable

ROWS = np.arange(900)
PART = (ROWS // 300).astype(np.int8)
LOSS = np.random.default_rng(0).exponential(2, 900).astype(np.float32)


def table(loss: np.ndarray) -> TokenTable:
    return TokenTable(ROWS // 50, ROWS // 10, ROWS % 10, loss.astype(np.float32), PART, ROWS % 7)


def test_a_threshold_that_parts_all_stays() -> None:
    assert parting_threshold(table(LOSS), 3.0) == 3.0


@pytest.mark.parametrize("part", [0, 1, 2])
def test_the_median_of_the_fit_losses_stands_in(part: int, caplog: pytest.LogCaptureFixture) -> None:
    loss = np.where(part == PART, LOSS.clip(max=2.9), LOSS)
    with caplog.at_level(logging.WARNING):
        found = parting_threshold(table(loss), 3.0)
    assert found == pytest.approx(float(np.median(loss[PART == 0])), rel=0.005)
    assert all(0 < share < 1 for share in hard_shares(table(loss), loss > found).values())
    assert f"a loss over {found:g} stands in for that over 3" in caplog.text


def test_that_of_select_stands_in_where_fit_is_too_coarse() -> None:
    loss = np.where(PART == 0, np.where(ROWS % 3, 9.0, 1.0), LOSS.clip(max=5))
    assert parting_threshold(table(loss), 7.0) == pytest.approx(float(np.median(loss[PART == 1])), rel=0.005)


def test_losses_that_do_not_vary_are_named() -> None:
    with pytest.raises(InputError, match=r"fair\.main_threshold: 3, on one side .* fit losses, 1; losses that vary"):
        parting_threshold(table(np.ones(900)), 3.0)
