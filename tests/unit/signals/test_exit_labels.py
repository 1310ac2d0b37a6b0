"""Labels at exits and prediction depth: a made-up model by hand, and a plain loop over random outcomes.

Depths that earlier tokens needed: by hand, nothing from own or later depths, nothing across documents.
"""

import numpy as np
import pytest

from easyhard.signals.exit_labels import EXIT_LABELS, depth_signals, excess_loss, exit_labels, prediction_depth
from easyhard.signals.registry import find

# Five tokens, exits after layers 1, 2, 4 and 5. Word 7 is the last exit's, but for the fourth token.
ARGMAX = {
    1: np.array([7, 3, 7, 3, 7], np.int32),
    2: np.array([7, 7, 3, 3, 7], np.int32),
    4: np.array([7, 7, 7, 3, 3], np.int32),
    5: np.array([7, 7, 7, 9, 7], np.int32),
}
TARGET = np.array([7, 5, 3, 9, 7], np.int32)
LOSS = {
    1: np.array([1.0, 6.0, 4.0, 5.0, 0.5], np.float32),
    2: np.array([0.75, 4.5, 2.0, 5.0, 1.0], np.float32),
    4: np.array([0.5, 4.0, 4.0, 1.5, 2.0], np.float32),
    5: np.array([0.25, 4.0, 5.0, 1.0, 1.0], np.float32),
}
BY_HAND = {
    1: {
        "agrees": [1, 0, 1, 0, 1],
        "stays": [1, 0, 0, 0, 0],
        "near": [0, 0, 1, 0, 1],  # above the last by 0.75, 2, −1, 4, −0.5
        "right": [1, 0, 0, 0, 1],
        "fails": [0, 0, 0, 1, 0],
    },
    2: {
        "agrees": [1, 1, 0, 0, 1],
        "stays": [1, 1, 0, 0, 0],
        "near": [1, 1, 1, 0, 1],  # 0.5, 0.5, −3, 4, 0
        "right": [1, 0, 1, 0, 1],
        "fails": [0, 0, 0, 1, 0],
    },
    4: {
        "agrees": [1, 1, 1, 0, 0],
        "stays": [1, 1, 1, 0, 0],
        "near": [1, 1, 1, 1, 0],  # 0.25, 0, −1, 0.5, 1
        "right": [1, 0, 0, 0, 0],
        "fails": [0, 0, 0, 1, 1],
    },
}


def test_by_hand() -> None:
    found = exit_labels(LOSS, ARGMAX, TARGET, near=0.5)
    assert list(found) == [1, 2, 4]
    for exit, labels in found.items():
        assert tuple(labels) == EXIT_LABELS
        for name, mask in labels.items():
            assert mask.dtype == bool
            assert mask.astype(int).tolist() == BY_HAND[exit][name], (exit, name)
    assert prediction_depth(ARGMAX).tolist() == [1, 2, 4, 5, 5]
    assert excess_loss(LOSS)[1].tolist() == [0.75, 2, -1, 4, -0.5]


def test_against_a_loop_whatever_the_order_of_the_exits() -> None:
    random, exits = np.random.default_rng(0), [11, 3, 7, 4]
    argmax = {exit: random.integers(3, size=507) for exit in exits}
    loss = {exit: random.exponential(3.0, size=507).astype(np.float32) for exit in exits}
    target = random.integers(3, size=507)
    found, depth = exit_labels(loss, argmax, target, near=0.1), prediction_depth(argmax)
    assert list(found) == [3, 4, 7]
    for row in range(507):
        words = [argmax[exit][row] for exit in (3, 4, 7, 11)]
        settled = next(place for place in range(4) if set(words[place:]) == {words[3]})
        assert depth[row] == (3, 4, 7, 11)[settled]
        for place, exit in enumerate((3, 4, 7)):
            truth = {
                "agrees": words[place] == words[3],
                "stays": all(word == words[3] for word in words[place:]),
                "near": float(loss[exit][row]) - float(loss[11][row]) <= 0.1,
                "right": words[place] == target[row],
                "fails": words[place] != target[row] and words[3] == target[row],
            }
            assert {name: bool(mask[row]) for name, mask in found[exit].items()} == truth


def test_a_model_with_its_last_exit_alone_has_no_labels() -> None:
    assert exit_labels({5: LOSS[5]}, {5: ARGMAX[5]}, TARGET, near=0.1) == {}
    assert prediction_depth({5: ARGMAX[5]}).tolist() == [5] * 5


MEAN_DEPTH = 2.5
LENGTHS = (70, 1, 33, 507, 8)
DOCUMENT = np.repeat(np.arange(len(LENGTHS))[::-1] + 3, LENGTHS).astype(np.int32)
DEPTH = np.random.default_rng(0).integers(1, 9, size=len(DOCUMENT)).astype(np.int32)


def signals(document: np.ndarray = DOCUMENT, depth: np.ndarray = DEPTH) -> dict[str, np.ndarray]:
    return depth_signals(depth, document, neutral=MEAN_DEPTH)


def test_depths_by_hand() -> None:
    found = depth_signals([1, 3, 8, 2, 6, 5], [4, 4, 4, 4, 2, 2], neutral=2.5)
    assert found["previous_depth"].tolist() == [2.5, 1, 3, 8, 2.5, 6]
    assert found["previous_depth_mean"].tolist() == [2.5, 1, 2, 4, 2.5, 6]
    assert all(column.dtype == np.float32 for column in found.values())
    assert all(find(name).needs == "context" and find(name).at_exits_only for name in found)


def test_depths_against_a_loop() -> None:
    found = signals()
    for document in np.unique(DOCUMENT):
        depth = DEPTH[document == DOCUMENT].astype(float)
        before = [depth[:row] for row in range(len(depth))]
        last = [known[-1] if len(known) else MEAN_DEPTH for known in before]
        mean = [known.mean() if len(known) else MEAN_DEPTH for known in before]
        np.testing.assert_array_equal(found["previous_depth"][document == DOCUMENT], np.float32(last))
        np.testing.assert_allclose(found["previous_depth_mean"][document == DOCUMENT], mean, rtol=1e-6)


@pytest.mark.parametrize("row", [0, 1, 35, 70, 71, 90, 400, len(DOCUMENT) - 1])
def test_no_row_sees_its_own_depth_or_a_later_one(row: int) -> None:
    changed = DEPTH.copy()
    changed[row:] += 1
    before, after = signals(), signals(depth=changed)
    assert all(np.array_equal(before[name][: row + 1], after[name][: row + 1]) for name in before)
    assert row == len(DOCUMENT) - 1 or any(not np.array_equal(before[name], after[name]) for name in before)


def test_documents_know_nothing_of_each_other() -> None:
    whole = signals()
    for document in np.unique(DOCUMENT):
        rows = document == DOCUMENT
        alone = signals(DOCUMENT[rows], DEPTH[rows])
        assert all(np.array_equal(whole[name][rows], alone[name]) for name in whole)
