"""From imported arrays to activations, batch by batch, in shards that part no document."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.activations.store import Columns
from easyhard.errors import InputError
from easyhard.imports.activations import OwnActivations, hidden_batches
from easyhard.imports.head import loss_of
from easyhard.progress import Progress
from easyhard.tokens.windows import shard_windows

SPLIT = "imported"
CARRIED = ("sequence", "position", "document", "token", "target")


def shard_batches(
    own: OwnActivations, head: Tensor | None, *, shard: int, shards: int, progress: Progress
) -> Iterator[Columns]:
    """Columns of shard number `shard` of `shards` for `write_shard`, in the order of the rows.

    Losses are those given, or else computed from the targets with `head` (words, dim) float32, on its device. The last
    shards of an input with fewer documents than shards have no batch. Raises InputError naming a row of hidden states
    that is not finite.
    """
    rows = shard_windows(own.tokens.layout.document, shards)[shard]
    columns, row = own.tokens.columns, rows.start
    for hidden in hidden_batches(own, rows.start, rows.stop):
        part = slice(row, row + len(hidden))
        batch: Columns = {name: columns[name][part] for name in CARRIED}
        batch["split"] = np.full(len(hidden), SPLIT)
        batch["loss"] = (
            columns["loss"][part] if "loss" in columns else _losses(own, hidden, head, columns["target"][part])
        )
        yield batch | {"hidden": hidden}
        row = part.stop
        progress.update(row - rows.start)


def _losses(
    own: OwnActivations, hidden: NDArray[np.float32], head: Tensor | None, targets: NDArray[np.int32]
) -> NDArray[np.float32]:
    if head is None:
        raise InputError(f"{own.hidden.path}: has no loss; a head to compute it is wanted")
    on_device, known = (torch.from_numpy(rows).to(head.device) for rows in (hidden, targets))
    return loss_of(on_device, head, known, own.softcap).clamp(min=0).cpu().numpy()
