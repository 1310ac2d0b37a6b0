"""The output head that comes with imported activations, and whether it is the one that made their losses."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.errors import InputError
from easyhard.imports.activations import OwnActivations, hidden_batches
from easyhard.imports.stored import Stored
from easyhard.imports.values import finite_float32
from easyhard.logits.statistics import logit_statistics

STRETCH = 256  # rows of each of three stretches on which losses are computed anew
TOLERANCE = 1e-2  # nats
TOLERANCE_OF_HALVES = 1e-1  # with 8 or 11 bits a number
AGREEING = 0.95  # share of the rows: a few may have been treated in a special way, such as a sequence's last


def import_head(own: OwnActivations) -> Tensor:
    """The head (words, dim) float32; a bias becomes its last column, to meet the 1 that `hidden_batches` appends.

    Where losses are given they are held against it on a sample of rows: with targets, each loss must be the
    cross-entropy; without, none can be below that of the most probable word. Raises InputError when there is no head,
    when a number in it is not finite, or when the losses are not of this head.
    """
    if own.head is None:
        raise InputError(f"{own.hidden.path}: no head is given; a matrix (words, dim) is wanted")
    columns = [_read(own.head)]
    if own.head_bias is not None:
        columns.append(_read(own.head_bias)[:, None])
    head = torch.from_numpy(np.concatenate(columns, axis=1))
    if "loss" in own.tokens.columns:
        _check_losses(own, own.head, head)
    return head


def loss_of(hidden: Tensor, head: Tensor, targets: Tensor, softcap: float | None) -> Tensor:
    """Cross-entropy in nats, (rows,), of hidden (rows, dim) with a head (words, dim) as `import_head` gives it."""
    return logit_statistics(hidden, head, targets.long(), statistics=("loss",), softcap=softcap)["loss"]


def _read(array: Stored) -> NDArray[np.float32]:
    return finite_float32(array.label, array.whole())


def _check_losses(own: OwnActivations, stored: Stored, head: Tensor) -> None:
    halves = any(array.dtype in ("float16", "bfloat16") for array in (own.hidden, stored))
    tolerance = TOLERANCE_OF_HALVES if halves else TOLERANCE
    columns = own.tokens.columns
    known = columns["target"][0] >= 0
    rows, wrong = 0, 0
    for first, hidden in _stretches(own):
        part = slice(first, first + len(hidden))
        loss = torch.from_numpy(columns["loss"][part])
        if known:
            off = (loss_of(hidden, head, torch.from_numpy(columns["target"][part]), own.softcap) - loss).abs()
        else:
            best = logit_statistics(hidden, head, statistics=("max_probability",), softcap=own.softcap)
            off = -best["max_probability"].log() - loss  # above 0 only where the loss is impossible
        rows, wrong = rows + len(hidden), wrong + int((off > tolerance).sum())
    if wrong > (1 - AGREEING) * rows:
        how = f"more than {tolerance:g} nats off the cross-entropy" if known else "lower than the head allows any word"
        raise InputError(
            f"{stored.label} does not fit the losses: on {wrong} of {rows} sampled rows the loss is {how}; logits = "
            "hidden · headᵀ + bias, softly capped by input.head_softcap if the model does so, hidden after the last "
            "norm, the next word as target, losses in nats are wanted"
        )


def _stretches(own: OwnActivations) -> Iterator[tuple[int, Tensor]]:
    """Hidden states from the start, the middle and the end, or all if few, each with the number of its first row."""
    rows = own.hidden.shape[0]
    size = STRETCH if rows > 3 * STRETCH else rows
    for first in sorted({0, (rows - size) // 2, rows - size}):
        yield first, torch.from_numpy(np.concatenate(list(hidden_batches(own, first, first + size))))
