"""From a trained model and tokens to activations, batch by batch."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.activations.store import Columns
from easyhard.logits.cross_entropy import per_token_loss
from easyhard.model.lego import Lego
from easyhard.progress import Progress


def shard_bounds(rows: int, shards: int) -> list[tuple[int, int]]:
    """Cut `rows` into `shards` contiguous parts whose sizes differ by at most one: (first, end) of each."""
    cuts = [rows * shard // shards for shard in range(shards + 1)]
    return list(pairwise(cuts))


@torch.no_grad()
def activations(
    model: Lego,
    inputs: Tensor,
    targets: Tensor,
    documents: NDArray[np.int32],
    *,
    split: str,
    first_sequence: int,
    batch_size: int,
    progress: Progress,
) -> Iterator[Columns]:
    """Columns of the activations of sequences `first_sequence` onwards, one batch of sequences at a time.

    inputs, targets and documents are (sequences, length); rows come sequence by sequence, position by position.
    """
    sequences, length = inputs.shape
    for start in range(0, sequences, batch_size):
        part = slice(start, start + batch_size)
        hidden = model(inputs[part]).flatten(0, 1)  # (tokens, dim)
        loss = per_token_loss(hidden, model.head, targets[part].flatten())
        rows = len(inputs[part])
        number = np.arange(first_sequence + start, first_sequence + start + rows, dtype=np.int32)
        yield {
            "sequence": number.repeat(length),
            "position": np.tile(np.arange(length, dtype=np.int16), rows),
            "document": documents[part].ravel(),
            "split": np.full(rows * length, split),
            "token": inputs[part].flatten().cpu().numpy().astype(np.int32),
            "target": targets[part].flatten().cpu().numpy().astype(np.int32),
            "loss": loss.float().cpu().numpy(),
            "hidden": hidden.float().cpu().numpy(),
        }
        progress.update(start + rows)
