"""The output head of imported activations: losses by it, and whether it is the one that made those given."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from easyhard.activations.store import Columns
from easyhard.errors import InputError
from easyhard.imports.activations import OwnActivations, hidden_batches
from easyhard.imports.tokens import finite_float32
from easyhard.logits.statistics import logit_statistics
from easyhard.progress import Progress
from easyhard.tokens.windows import shard_documents

SPLIT = "imported"
CARRIED = ("sequence", "position", "document", "token", "target")
STRETCH = 256  # rows of each of three stretches on which losses are computed anew
TOLERANCE = 1e-2  # nats
TOLERANCE_OF_HALVES = 1e-1  # with 8 or 11 bits a number
AGREEING = 0.95  # share of the rows: a few may have been treated in a special way, such as a sequence's last


def import_head(own: OwnActivations) -> Tensor:
    """The head (words, dim) float32; a bias becomes its last column, to meet the 1 that `hidden_batches` appends.

    Where losses are given they are held against it on a sample of rows: with targets, each loss must be the
    cross-entropy; without, none can be below that of the most probable word. Raises InputError when a number in it is
    not finite, or when the losses are not of this head.
    """
    stored = [own.head] if own.head_bias is None else [own.head, own.head_bias]
    columns = [finite_float32(array.label, array.whole()).reshape(own.head.shape[0], -1) for array in stored]
    head = torch.from_numpy(np.concatenate(columns, axis=1))
    if "loss" in own.tokens:
        _check_losses(own, head)
    return head


def shard_batches(
    own: OwnActivations, head: Tensor, *, shard: int, shards: int, progress: Progress
) -> Iterator[Columns]:
    """Columns of shard number `shard` of `shards` for `write_shard`, in the order of the rows.

    Losses are those given, or else computed from the targets with `head` (words, dim) float32, on its device. No shard
    parts a document; the last shards of an input with fewer documents than shards have no batch. Raises InputError
    naming a row of hidden states that is not finite.
    """
    rows = shard_documents(own.tokens["document"], shards)[shard]
    row = rows.start
    for hidden in hidden_batches(own, rows.start, rows.stop):
        part = {name: values[row : row + len(hidden)] for name, values in own.tokens.items()}
        if "loss" not in part:
            states, targets = (torch.from_numpy(values).to(head.device) for values in (hidden, part["target"]))
            part["loss"] = _loss(states, head, targets, own.softcap).clamp(min=0).cpu().numpy()
        split = np.full(len(hidden), SPLIT)
        yield {**{name: part[name] for name in CARRIED}, "split": split, "loss": part["loss"], "hidden": hidden}
        row += len(hidden)
        progress.update(row - rows.start)


def _loss(hidden: Tensor, head: Tensor, targets: Tensor, softcap: float | None) -> Tensor:
    """Cross-entropy in nats, (rows,), of hidden (rows, dim) with a head (words, dim) as `import_head` gives it."""
    return logit_statistics(hidden, head, targets.long(), statistics=("loss",), softcap=softcap)["loss"]


def _check_losses(own: OwnActivations, head: Tensor) -> None:
    halves = any(array.dtype in ("float16", "bfloat16") for array in (own.hidden, own.head))
    tolerance = TOLERANCE_OF_HALVES if halves else TOLERANCE
    known = own.tokens["target"][0] >= 0
    rows, wrong = 0, 0
    for first, hidden in _stretches(own):
        loss, targets = (torch.from_numpy(own.tokens[name][first : first + len(hidden)]) for name in ("loss", "target"))
        if known:
            off = (_loss(hidden, head, targets, own.softcap) - loss).abs()
        else:
            best = logit_statistics(hidden, head, statistics=("max_probability",), softcap=own.softcap)
            off = -best["max_probability"].log() - loss  # above 0 only where the loss is impossible
        rows, wrong = rows + len(hidden), wrong + int((off > tolerance).sum())
    if wrong > (1 - AGREEING) * rows:
        how = f"more than {tolerance:g} nats off the cross-entropy" if known else "lower than the head allows any word"
        raise InputError(
            f"{own.head.label} does not fit the losses: on {wrong} of {rows} sampled rows the loss is {how}; logits = "
            "hidden · headᵀ + bias, softly capped by input.head_softcap if the model does so, hidden after the last "
            "norm, the next word as target, losses in nats are wanted"
        )


def _stretches(own: OwnActivations) -> Iterator[tuple[int, Tensor]]:
    """Hidden states from the start, the middle and the end, or all if few, each with the number of its first row."""
    rows = own.hidden.shape[0]
    size = STRETCH if rows > 3 * STRETCH else rows
    for first in sorted({0, (rows - size) // 2, rows - size}):
        yield first, torch.from_numpy(np.concatenate(list(hidden_batches(own, first, first + size))))
