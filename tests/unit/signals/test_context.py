"""Signals of earlier tokens: cases by hand and by a loop, nothing from later rows."""

import numpy as np
import pytest

from easyhard.signals.context import context_signals

MEAN_LOSS = 6.5
WORDS = 40
COUNTS = np.random.default_rng(1).integers(0, 9, size=WORDS)
Columns = dict[str, np.ndarray]


def columns(lengths: tuple[int, ...] = (70, 1, 33, 620, 8), seed: int = 0) -> Columns:
    random = np.random.default_rng(seed)
    rows = sum(lengths)
    return {
        "document": np.repeat(np.arange(len(lengths))[::-1] + 3, lengths).astype(np.int32),
        "token": random.integers(WORDS, size=rows).astype(np.int32),
        "position": np.concatenate([np.arange(length) % 32 for length in lengths]).astype(np.int16),
        "loss": random.exponential(5.0, size=rows).astype(np.float32),
    }


def signals(given: Columns) -> Columns:
    return context_signals(given, mean_loss=MEAN_LOSS, counts=COUNTS)


def test_by_hand() -> None:
    given = {
        "document": np.array([0, 0, 0, 0, 1, 1]),
        "token": np.array([2, 0, 2, 1, 2, 2]),
        "position": np.array([0, 1, 0, 1, 0, 1]),
        "loss": np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0]),
    }
    found = context_signals(given, mean_loss=7.0, counts=[5, 0, 2])
    assert found["repeated"].tolist() == [0, 0, 1, 0, 0, 1]
    assert found["position"].tolist() == [0, 1, 0, 1, 0, 1]
    assert found["previous_loss"].tolist() == [7, 1, 2, 4, 7, 16]
    assert found["previous_loss_2"].tolist() == [7, 7, 1, 2, 7, 7]
    assert found["previous_loss_4"].tolist() == [7] * 6
    assert found["previous_loss_mean"].tolist() == pytest.approx([7, 1, 1.5, 7 / 3, 7, 16])
    decay = 0.5 ** (1 / 8)
    third = (4 + decay * 2 + decay**2) / (1 + decay + decay**2)
    assert found["previous_loss_moving"].tolist() == pytest.approx([7, 1, (2 + decay) / (1 + decay), third, 7, 16])
    rare, never, common = -np.log(3 / 10), -np.log(1 / 10), -np.log(6 / 10)
    assert found["unigram_surprisal"].tolist() == pytest.approx([rare, common, rare, never, rare, rare])


def test_lags_and_averages_against_a_loop() -> None:
    given = columns()
    found = signals(given)
    decay = 0.5 ** (1 / 8)
    for document in np.unique(given["document"]):
        rows = np.flatnonzero(given["document"] == document)
        loss = given["loss"][rows].astype(np.float64)
        moving, weight = 0.0, 0.0
        for i, row in enumerate(rows):
            known = loss[:i][::-1]  # the latest first
            for lag in range(1, 9):
                name = "previous_loss" if lag == 1 else f"previous_loss_{lag}"
                assert found[name][row] == pytest.approx(known[lag - 1] if i >= lag else MEAN_LOSS), name
            assert found["previous_loss_mean"][row] == pytest.approx(known[:8].mean() if i else MEAN_LOSS)
            assert found["previous_loss_moving"][row] == pytest.approx(moving / weight if i else MEAN_LOSS)
            moving, weight = decay * moving + loss[i], decay * weight + 1
            seen = given["token"][row] in given["token"][rows[:i]]
            assert found["repeated"][row] == seen


@pytest.mark.parametrize("row", [0, 1, 35, 70, 71, 90, 400, 731])
def test_no_row_sees_its_own_loss_or_anything_later(row: int) -> None:
    """The loss of row i and the tokens after row i are another; all rows up to i stay, and some later one does not."""
    given = columns()
    changed = {name: column.copy() for name, column in given.items()}
    changed["loss"][row:] += 1.0
    changed["token"][row + 1 :] = (changed["token"][row + 1 :] + 1) % WORDS
    before, after = signals(given), signals(changed)
    assert all(np.array_equal(before[name][: row + 1], after[name][: row + 1]) for name in before)
    assert row == 731 or any(not np.array_equal(before[name], after[name]) for name in before)


def test_signals_without_their_columns_are_left_out() -> None:
    given = columns()
    bare = context_signals({name: given[name] for name in ("document", "loss")}, mean_loss=MEAN_LOSS)
    whole = signals(given)
    assert set(whole) - set(bare) == {"unigram_surprisal", "position", "repeated"}
    assert all(np.array_equal(bare[name], whole[name]) for name in bare)
    assert all(column.dtype == np.float32 for column in whole.values())
