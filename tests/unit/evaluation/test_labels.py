"""Labels that have one kind of token only are left out and said, the others are there."""

import logging

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.evaluation.labels import Labels, make_labels
from easyhard.signals.tokens import TokenTable

RANDOM = np.random.default_rng(0)
PART = np.repeat([0, 1, 2], 300).astype(np.int8)
ROWS = np.arange(900)
LOSS = RANDOM.uniform(0.5, 8.0, 900).astype(np.float32)


def tokens(loss: np.ndarray) -> TokenTable:
    return TokenTable(ROWS // 30, ROWS // 10, ROWS % 10, loss.astype(np.float32), PART, ROWS % 7)


def labels(
    loss: np.ndarray, thresholds: tuple[float, ...] = (1, 3, 5), main: float = 3, wrong: np.ndarray | None = None
) -> Labels:
    return make_labels(tokens(loss), wrong, {"thresholds": thresholds, "main_threshold": main})


def in_part(part: int, factor: float) -> np.ndarray:
    return np.where(part == PART, LOSS * factor, LOSS)


WRONG = RANDOM.random(900) < 0.5
CASES = [  # losses, first choices, thresholds; labels left out; the main one
    ("all there", LOSS, WRONG, (1, 3, 5), set(), "loss_over_3"),
    ("above all losses", LOSS, WRONG, (3, 9), {"loss_over_9"}, "loss_over_3"),
    ("below all losses", LOSS, WRONG, (0.2, 3), {"loss_over_0.2"}, "loss_over_3"),
    ("hard in test alone", in_part(2, 2.0), WRONG, (3, 9), set(), "loss_over_3"),
    ("hard in fit alone", in_part(0, 2.0), WRONG, (3, 9), {"loss_over_9"}, "loss_over_3"),
    ("always wrong", LOSS, np.ones(900, bool), (3,), {"argmax_wrong"}, "loss_over_3"),
    ("always right in test", LOSS, WRONG & (PART != 2), (3,), {"argmax_wrong"}, "loss_over_3"),
    ("all easy", 0.5 + LOSS / 80, WRONG, (3,), {"loss_over_3"}, "loss_over_0.559"),
    ("all easy, one of several", 0.5 + LOSS / 80, WRONG, (0.55, 3), {"loss_over_3"}, "loss_over_0.559"),
    ("all easy in select", in_part(1, 0.3), WRONG, (1, 3), {"loss_over_3"}, None),
    ("all hard", LOSS + 5, WRONG, (3, 9), {"loss_over_3"}, None),
    ("mostly nothing", np.where(ROWS % 3, 0.0, 1.0), WRONG, (3,), {"loss_over_3"}, "loss_over_0"),
]


@pytest.mark.parametrize(("loss", "wrong", "thresholds", "left_out", "main"), [case[1:] for case in CASES])
def test_labels_of_one_kind_are_left_out(
    loss: np.ndarray, wrong: np.ndarray, thresholds: tuple[float, ...], left_out: set[str], main: str | None
) -> None:
    found = labels(loss, thresholds, wrong=wrong)
    assert {row.item for row in found.left_out} == left_out
    assert main in (None, found.main)
    wanted = {f"loss_over_{threshold:g}" for threshold in thresholds} | {"loss_over_median", "argmax_wrong"}
    assert set(found.masks) == wanted - left_out | {found.main}
    for part in (0, 1, 2):
        assert 0 < found.masks[found.main][part == PART].mean() < 1
    assert all(0 < mask[PART == 2].mean() < 1 for mask in found.masks.values())
    for name, threshold in found.thresholds.items():
        np.testing.assert_array_equal(found.masks[name], loss.astype(np.float32) > threshold)


def test_what_is_left_out_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "easyhard"):
        found = labels(0.5 + LOSS / 80)
    assert "label loss_over_3 is left out, for want of both kinds: hard are 0.0% of fit, 0.0% of select" in caplog.text
    assert "a loss over 0.559 stands in for that over 3" in caplog.text
    figures = {(row.item, row.metric): row.value for row in found.left_out}
    assert figures["loss_over_3", "stands_in"] == found.thresholds[found.main]
    assert figures["loss_over_3", "threshold"] == 3
    assert figures["loss_over_3", "hard_test"] == 0
    assert ("loss_over_5", "stands_in") not in figures
    assert {row.section for row in found.left_out} == {"one_kind"}


def test_losses_that_no_threshold_parts_are_named() -> None:
    with pytest.raises(InputError, match=r"fair\.main_threshold: 3, .* of the fit losses, 1; losses that vary"):
        labels(np.ones(900))
    for thresholds, main in (((1, 3), 7), ((3, 3.0000001), 3)):
        with pytest.raises(InputError, match="each to six digits once, and main_threshold too"):
            labels(LOSS, thresholds, main)
