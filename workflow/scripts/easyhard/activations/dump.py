"""From a model and windows of text to activations, batch by batch."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.activations.store import Columns
from easyhard.logits.cross_entropy import per_token_loss
from easyhard.model.lego import Lego
from easyhard.progress import Progress
from easyhard.tokens.windows import NO_TOKEN, Windows

Run = Callable[[Windows, NDArray[np.bool_]], tuple[Tensor, Tensor]]
"""Windows, and which of their rows are wanted, to the wanted rows' hidden states (rows, dim) and losses (rows,)."""


def dump(windows: Windows, run: Run, *, batch_size: int, progress: Progress) -> Iterator[Columns]:
    """Columns of the activations for `write_shard`, of the rows that foretell a token, in the order of the windows.

    At most `batch_size` windows of one split are run at a time.
    """
    borders = (np.flatnonzero(windows.split[1:] != windows.split[:-1]) + 1).tolist()
    for first, end in pairwise([0, *borders, len(windows)]):
        for start in range(first, end, batch_size):
            batch = windows[start : min(start + batch_size, end)]
            wanted = batch.targets != NO_TOKEN
            if wanted.any():
                hidden, loss = run(batch, wanted)
                window, position = np.nonzero(wanted)
                yield {
                    "sequence": batch.sequence[wanted],
                    "position": position.astype(np.int16),
                    "document": batch.document[wanted],
                    "split": batch.split[window],
                    "token": batch.inputs[wanted],
                    "target": batch.targets[wanted],
                    "loss": loss.float().cpu().numpy(),
                    "hidden": hidden.float().cpu().numpy(),
                }
            progress.update(start + len(batch))


def run_lego(model: Lego) -> Run:
    """How `dump` runs a model that was trained here: the hidden states of its last exit, on its device."""

    @torch.no_grad()
    def run(windows: Windows, wanted: NDArray[np.bool_]) -> tuple[Tensor, Tensor]:
        device = model.head.device
        inputs = torch.tensor(windows.inputs, dtype=torch.int64, device=device)
        targets = torch.tensor(windows.targets, dtype=torch.int64, device=device)
        hidden = model(inputs).flatten(0, 1)  # (tokens, dim)
        loss = per_token_loss(hidden, model.head, targets.clamp(min=0).flatten())
        rows = torch.from_numpy(wanted.ravel()).to(device)
        return hidden[rows], loss[rows]

    return run
