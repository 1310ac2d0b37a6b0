"""Compute every signal of the hidden state alone, for one shard of the protocol fair."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import count_rows, read_batches
from easyhard.device import use_device
from easyhard.job import job
from easyhard.logits.moments import moments
from easyhard.model.store import read_head, read_tensors
from easyhard.progress import Progress
from easyhard.signals.hidden_batch import References, hidden_signals
from easyhard.signals.store import write_batches

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    head = moments(read_head(snakemake.input.head).to(device))
    stored = read_tensors(snakemake.input.references)
    references = References(**{name: tensor.to(device) for name, tensor in stored.items()})
    shard = [snakemake.input.activations]
    progress, done = Progress("signals of hidden states", count_rows(shard), "tokens"), 0

    def signals() -> Iterator[dict[str, NDArray[np.float32]]]:
        nonlocal done
        for batch in prefetch(read_batches(shard, ["hidden"])):
            found = hidden_signals(torch.tensor(batch["hidden"], device=device), head, references)
            yield {name: values.cpu().numpy() for name, values in found.items()}
            progress.update(done := done + len(batch["hidden"]))

    write_batches(snakemake.output[0], signals())


with job(snakemake):
    main()
