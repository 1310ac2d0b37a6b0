"""Padded batches and ignored targets: what comes out is what the same tokens give one after another."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from easyhard.errors import InputError
from easyhard.imports.activations import OwnActivations, exit_batches, hidden_batches, open_activations
from easyhard.imports.head import import_head
from easyhard.imports.signals import import_signals, signal_batches

SEQUENCES, LENGTH, DIM, WORDS = 12, 10, 3, 7
GRID, ROWS = (SEQUENCES, LENGTH), SEQUENCES * LENGTH
RNG = np.random.default_rng(0)
HIDDEN = RNG.standard_normal((*GRID, DIM)).astype(np.float32)
HEAD = RNG.standard_normal((WORDS, DIM)).astype(np.float32)
TARGET = RNG.integers(0, WORDS, GRID)
LENGTHS = RNG.integers(1, LENGTH + 1, SEQUENCES)
MASK = np.arange(LENGTH) < LENGTHS[:, None]
PADDED = np.where(MASK, TARGET, -100)
SPOILT = np.where(MASK[..., None], HIDDEN, np.nan).astype(np.float32)  # nobody may look at padding
ALL = np.ones(GRID, np.bool_)
Arrays = dict[str, np.ndarray]


def given(folder: Path, form: str, arrays: Arrays) -> dict[str, Any]:
    arrays = {"head": HEAD} | arrays
    if form == ".npz":
        np.savez(folder / "all.npz", **arrays)
        return {"hidden": str(folder / "all.npz")}
    if form == ".safetensors":
        tensors = {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in arrays.items()}
        save_file(tensors, folder / "all.safetensors")
        return {"hidden": str(folder / "all.safetensors")}
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    return {name: str(folder / f"{name}.npy") for name in arrays}


def opened(files: dict[str, Any], exits: Any = None, **more: Any) -> OwnActivations:
    return open_activations(files | {"ignored_target": -100} | more, length=4, exits=exits)


CASES: dict[str, tuple[Arrays, np.ndarray]] = {
    "batches": ({"hidden": HIDDEN, "target": TARGET}, ALL),
    "batches with flat targets": ({"hidden": HIDDEN, "target": TARGET.ravel()}, ALL),
    "ignored targets": ({"hidden": SPOILT, "target": PADDED}, MASK),
    "a mask of truths": ({"hidden": SPOILT, "target": TARGET, "mask": MASK}, MASK),
    "a mask of numbers": ({"hidden": SPOILT, "target": TARGET, "mask": MASK.astype(np.int64)}, MASK),
    "a mask of floats": ({"hidden": SPOILT, "target": TARGET, "mask": MASK.astype(np.float32)}, MASK),
    "lengths": ({"hidden": SPOILT, "target": TARGET, "lengths": LENGTHS}, MASK),
    "all three": ({"hidden": SPOILT, "target": PADDED, "mask": MASK, "lengths": LENGTHS}, MASK),
    "padding on the left": (
        {"hidden": SPOILT[:, ::-1], "target": PADDED[:, ::-1]},
        MASK[:, ::-1],
    ),
    "losses, which are nothing where there is padding": (
        {"hidden": SPOILT, "loss": np.where(MASK, 50.0, np.nan), "mask": MASK},
        MASK,
    ),
    "documents of sequences": ({"hidden": SPOILT, "target": PADDED, "document": np.repeat([5, 3, 9], 4)}, MASK),
    "documents of tokens": (
        {"hidden": SPOILT, "target": PADDED, "document": np.where(MASK, np.repeat([5, 3, 9], 4)[:, None], -1)},
        MASK,
    ),
}


@pytest.mark.parametrize("form", [".npz", ".npy", ".safetensors"])
@pytest.mark.parametrize("case", CASES)
def test_sequences_are_laid_flat_and_padding_is_left_out(case: str, form: str, tmp_path: Path) -> None:
    arrays, kept = CASES[case]
    own = opened(given(tmp_path, form, arrays))
    rows, flipped = int(kept.sum()), case == "padding on the left"
    hidden, target = (values[:, ::-1] if flipped else values for values in (HIDDEN, TARGET))
    np.testing.assert_array_equal(np.concatenate(list(hidden_batches(own, 0, rows))), hidden[kept])
    np.testing.assert_array_equal(np.concatenate(list(hidden_batches(own, 7, 20))), hidden[kept][7:20])
    sequence, position = np.nonzero(kept)
    np.testing.assert_array_equal(own.tokens["sequence"], sequence)
    np.testing.assert_array_equal(own.tokens["position"], position)
    document = sequence // 4 if "document" in arrays else sequence
    np.testing.assert_array_equal(own.tokens["document"], document)
    if "target" in arrays:
        np.testing.assert_array_equal(own.tokens["target"], target[kept])
    left_out = {"rows": ROWS, "left_out": ROWS - rows}
    assert own.wanted.summary() == left_out | {"documents_known": "document" in arrays}
    import_head(own)


def test_rows_without_a_target_are_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    target = TARGET.ravel().copy()
    target[5::LENGTH] = -100
    arrays = {"hidden": HIDDEN.reshape(-1, DIM), "target": target, "document": np.repeat(np.arange(4), 30)}
    with caplog.at_level("INFO", "easyhard"):
        own = opened(given(tmp_path, ".npz", arrays))
    assert "of 120 rows left out: 12 by target -100" in caplog.text
    np.testing.assert_array_equal(own.tokens["target"], target[target != -100])
    np.testing.assert_array_equal(own.tokens["document"], arrays["document"][target != -100])
    with pytest.raises(
        InputError, match=r"target is -100 in row 5; .*; input\.ignored_target is that of rows to leave"
    ):
        opened(given(tmp_path, ".npz", arrays), ignored_target=None)
    arrays["target"] = np.where(target == -100, -1, target)
    assert opened(given(tmp_path, ".npz", arrays), ignored_target=-1).wanted.summary()["left_out"] == SEQUENCES


def test_exits_are_not_taken_for_sequences(tmp_path: Path) -> None:
    """Of hidden (12, 10, 3) with target (12,), 10 are exits; of one with target (12, 10) they are tokens."""
    exits = list(range(1, LENGTH + 1))
    own = opened(given(tmp_path, ".npz", {"hidden": HIDDEN, "target": TARGET[:, 0]}), exits=exits)
    assert [len(states) for states in exit_batches(own, 0, SEQUENCES)] == [LENGTH]
    with pytest.raises(InputError, match=r"model\.exits: \[1, 2, 3.*that of one exit"):
        opened(given(tmp_path, ".npz", {"hidden": HIDDEN, "target": TARGET}), exits=exits)
    with pytest.raises(InputError, match=r"states of 10 exits; the layers that they follow are wanted as model\.exits"):
        opened(given(tmp_path, ".npz", {"hidden": HIDDEN, "target": TARGET[:, 0]}))
    both = np.stack([HIDDEN, 2 * HIDDEN], axis=2)  # (sequences, length, exits, dim)
    apart = {"hidden": 2 * HIDDEN, "first": HIDDEN}
    for arrays, more in (({"hidden": both}, {}), (apart, {"earlier": ["first"]})):
        own = opened(given(tmp_path, ".npz", arrays | {"target": PADDED}), exits=[1, 2], **more)
        (states,) = exit_batches(own, 0, int(MASK.sum()))
        np.testing.assert_array_equal(states[0], HIDDEN[MASK])
        np.testing.assert_array_equal(states[1], 2 * HIDDEN[MASK])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"target": TARGET[:, 1:]},
            r"target has shape \(12, 9\), .*hidden \(12, 10, 3\), so hidden\[:, :-1\] may be it",
        ),
        (
            {"target": TARGET.T},
            r"target has shape \(10, 12\), .*\(sequences, length\) and \(sequences, length, dim\), or",
        ),
        ({"mask": MASK[:, 1:]}, r"mask has shape \(12, 9\); 120 values, one a token, are wanted"),
        ({"mask": np.where(MASK, 0.0, -np.inf)}, r"mask is -inf in row \d+; 1 for a token, 0 for padding"),
        ({"mask": MASK & False}, r"all 120 rows are left out \(120 by mask\)"),
        ({"lengths": LENGTHS + LENGTH}, r"lengths is \d+ in row 0; tokens of a sequence, from 0 to 10, are wanted"),
        ({"lengths": LENGTHS[1:]}, r"lengths has shape \(11,\); 12 lengths, one a sequence,"),
        ({"document": np.arange(5)}, r"document has 5 rows, .*hidden 120; one a token"),
        ({"target": np.where(TARGET == 3, -1, TARGET)}, r"target is -1 in row \d+; a word's number.*ignored_target"),
        (
            {"hidden": SPOILT, "loss": np.where(MASK, 1.0, np.nan)},
            r"loss is not finite in row \d+",
        ),
    ],
)
def test_what_does_not_fit_is_named(changes: Arrays, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"all\.npz: {message}"):
        opened(given(tmp_path, ".npz", {"hidden": HIDDEN, "target": TARGET} | changes))


def test_lengths_are_of_sequences_alone(tmp_path: Path) -> None:
    flat = {"hidden": HIDDEN.reshape(-1, DIM), "target": TARGET.ravel(), "lengths": LENGTHS}
    with pytest.raises(
        InputError, match=r"lengths has shape \(12,\); hidden \(sequences, length, dim\) is wanted beside"
    ):
        opened(given(tmp_path, ".npz", flat))


@pytest.mark.parametrize("told", ["target", "mask"])
def test_rows_of_a_table_are_left_out_whatever_they_say(told: str, tmp_path: Path) -> None:
    wanted = np.arange(90) % 3 > 0
    columns = {
        "document": np.repeat(np.arange(3), 30),
        "loss": pa.array(np.where(wanted, 1.5, np.nan), mask=~wanted),
        "score": pa.array(np.arange(90.0), mask=~wanted),
        told: np.where(wanted, 1, -100 if told == "target" else 0),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    settings = {"path": str(tmp_path / "a.parquet"), "names": {}, "leave_out": [], "signals": {}}
    own = import_signals(settings | {"ignored_target": -100}, length=32)
    (batch,) = signal_batches(own)
    assert own.columns == ["score"]
    np.testing.assert_array_equal(batch["score"], np.flatnonzero(wanted))
    np.testing.assert_array_equal(own.tokens["document"], columns["document"][wanted])
    assert own.wanted.summary() == {"rows": 90, "left_out": 30, "documents_known": True}
    broken = np.where(np.arange(90) == 31, np.nan, np.arange(90.0))
    pq.write_table(pa.table(columns | {"score": broken}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet, of the rows kept: score is not finite in row 20"):
        list(signal_batches(import_signals(settings | {"ignored_target": -100}, length=32)))
