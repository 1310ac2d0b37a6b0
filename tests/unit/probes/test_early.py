"""What would fail after hours of work is named before it begins."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.probes.early import check_rows
from easyhard.signals.tokens import TokenTable

ROWS = np.arange(1200)
LOSS = np.random.default_rng(0).exponential(4, 1200).astype(np.float32)
DOCUMENT = (ROWS // 100).astype(np.int32)  # five to fit on, two to select by
PART = np.digitize(DOCUMENT, [5, 7]).astype(np.int8)
TOKENS = TokenTable(DOCUMENT, ROWS // 25, ROWS % 25, LOSS, PART, ROWS % 9)
SETTINGS: dict[str, Any] = {
    "seed": 5,
    "main_threshold": 3,
    "ranks": [2, 15],
    "refined": 50,
    "exit_rank": 15,
    "fair_probes": {"tokens": 10_000, "folds": 5},
    "stacks": {"tokens": 250, "folds": 3},
}
WORDS, DIM = 50, 16


def with_setting(key: str, value: object) -> dict[str, Any]:
    changed = copy.deepcopy(SETTINGS)
    outer, _, inner = key.partition(".")
    if inner:
        changed[outer][inner] = value
    else:
        changed[outer] = value
    return changed


def losses(part: int, value: float) -> TokenTable:
    return replace(TOKENS, loss=np.where(part == PART, value, LOSS))


def test_few_documents_may_have_one_kind_alone() -> None:
    tokens = replace(TOKENS, loss=np.where(np.isin(DOCUMENT, [0, 1, 2, 3, 5]) & (LOSS > 3), 1, LOSS))
    settings = SETTINGS | {"seed": 8, "fair_probes": {"folds": 2}, "stacks": {"tokens": 250, "folds": 2}}  # draws these
    with pytest.raises(
        InputError, match=r"stacks\.tokens: 250, which take 300 fit tokens that are easy without exception"
    ):
        check_rows(tokens, WORDS, DIM, settings)
    check_rows(tokens, WORDS, DIM, settings | {"stacks": {"tokens": 500, "folds": 2}})


def test_a_threshold_that_parts_nothing_is_stood_in_for() -> None:
    check_rows(TOKENS, WORDS, DIM, SETTINGS | {"main_threshold": 90})


def test_what_fits_passes() -> None:
    check_rows(TOKENS, WORDS, DIM, SETTINGS)
    check_rows(TOKENS, WORDS, DIM, SETTINGS | {"exit_rank": None})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("ranks", [2, 16], r"fair_low_rank\.ranks: 16 is not below the head's dim, 16; ranks from 1 to 15"),
        ("exit_rank", 16, r"exits\.rank: 16 is not below the head's dim, 16"),
        ("refined", 51, r"fair_low_rank\.refined: 51; from 2 to the head's 50 words"),
        ("refined", 1, r"fair_low_rank\.refined: 1; from 2"),
        ("fair_probes.folds", 6, r"fair_probes\.folds: 6; at most the 5 documents of its fit tokens"),
        ("stacks.folds", 4, r"stacks\.folds: 4; at most the 3 documents of its fit tokens"),
    ],
)
def test_settings_that_do_not_fit_are_named(key: str, value: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_rows(TOKENS, WORDS, DIM, with_setting(key, value))


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (
            lambda: losses(0, 9.0),
            r"fair\.main_threshold: 3, on one side .* median of the fit losses, 9; losses that vary",
        ),
        (lambda: losses(2, 0.0), r"fair\.main_threshold: 3, on one side of which lie all losses of a part"),
        (lambda: replace(TOKENS, loss=np.where(DOCUMENT == 6, LOSS, 0)), "fair.main_threshold: 3, on one side"),
        (lambda: replace(TOKENS, sequence=PART, document=PART), r"sequence: one to judge on; two at least"),
        (lambda: replace(TOKENS, part=np.where(ROWS < 9, 0, PART.clip(min=1))), r"fair\.fit: 9 tokens are left"),
    ],
)
def test_tokens_that_do_not_do_are_named(tokens: Callable[[], TokenTable], message: str) -> None:
    settings = with_setting("fair_probes.folds", 1) | {"stacks": {"tokens": 10_000, "folds": 1}}
    with pytest.raises(InputError, match=message):
        check_rows(tokens(), WORDS, DIM, settings)
